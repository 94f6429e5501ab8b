"""`ewma/1`: an exponentially weighted moving average of the scores falls below its limit.

    z[t] = w x[t] + (1 - w) z[t-1], z[0] = B    limit B - L sigma sqrt(w / (2 - w) (1 - (1 - w)^(2t)))

The limit for z[t] is turned into one for the next score x[t].
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

from ..model import Change, Point
from .drifts import BASE, NU0, baseline
from .info import PolicyInfo
from .policy import Policy, RulePolicy
from .reference import Reference
from .rule import Rule
from .terms import Terms


class Ewma(Rule, frozen=True):
    """width: L, the limit in SDs of the average; weight: w, of the newest score."""

    width: float = 2.5
    weight: float = 0.3

    @property
    def minimum(self) -> int:
        """The baseline."""
        return BASE

    def reference(self, history: Sequence[Point], change: Change) -> Reference | None:
        """The score that would take the average to its limit."""
        if len(history) < BASE:
            return None
        mean, sigma, since = baseline(history, change.s0)
        w, average = self.weight, mean
        for score in since:
            average = w * score + (1 - w) * average
        t = len(since) + 1
        lowest = mean - self.width * sigma * sqrt(w / (2 - w) * (1 - (1 - w) ** (2 * t)))
        limit = (lowest - (1 - w) * average) / w
        return Reference("drift", mean, sigma, limit, limit, tuple(history), strict=True)

    def terms(self, reference: Reference, change: Change) -> Terms:
        """See `Rule.terms`."""
        return Terms(reference.mean - reference.limit, prior=NU0, first=BASE)


def _make(preset: str, threshold: float) -> Policy:
    return RulePolicy(INFO.id, Ewma(threshold), threshold, preset)


INFO = PolicyInfo(
    id="ewma/1",
    instruments=None,
    min_sessions=BASE + 1,
    sentence="The weighted average of this client's recent scores is below the limit for their first four.",
    source="Roberts 1959, Technometrics 1:239, with the exact limits and weight .3, L 2.5 (clinical specification "
    "2.2 E); the baseline of four scores and its shrunken SD are our own assumption [A].",
    swept="L, the width of the limit",
    thresholds=(1.0, 1.5, 2.0, 2.25, 2.5, 2.7, 3.0, 3.5, 4.0),
    presets={"sensitive": 2.0, "balanced": 2.5, "specific": 2.7},
    make=_make,
)
