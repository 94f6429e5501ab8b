"""`cusum/1`: shortfalls below the usual score add up.

    C[t] = max(0, C[t-1] + (B - x[t]) / sigma - k)    fires when C[t] > h, and then begins at 0 again

The limit for C[t] is turned into one for the next score x[t].
"""

from __future__ import annotations

from collections.abc import Sequence

from ..model import Change, Point
from .drifts import BASE, NU0, baseline
from .info import PolicyInfo
from .policy import Policy, RulePolicy
from .reference import Reference
from .rule import Rule
from .terms import Terms
from .tolerance import EPSILON


class Cusum(Rule, frozen=True):
    """height: h, the sum that fires; slack: k, the shortfall that is for free. Both in SDs."""

    height: float = 4.0
    slack: float = 0.5

    @property
    def minimum(self) -> int:
        """The baseline."""
        return BASE

    def reference(self, history: Sequence[Point], change: Change) -> Reference | None:
        """The score that would take the sum to its height."""
        if len(history) < BASE:
            return None
        mean, sigma, since = baseline(history, change.s0)
        total = 0.0
        for score in since:
            total = max(0.0, total + (mean - score) / sigma - self.slack)
            if total > self.height + EPSILON:
                total = 0.0
        limit = mean - sigma * (self.height + self.slack - total)
        return Reference("drift", mean, sigma, limit, limit, tuple(history), strict=True)

    def terms(self, reference: Reference, change: Change) -> Terms:
        """See `Rule.terms`."""
        return Terms(reference.mean - reference.limit, prior=NU0, first=BASE)


def _make(preset: str, threshold: float) -> Policy:
    return RulePolicy(INFO.id, Cusum(threshold), threshold, preset)


INFO = PolicyInfo(
    id="cusum/1",
    instruments=None,
    min_sessions=BASE + 1,
    sentence="This client's scores have together fallen further below the mean of their first four than chance allows.",
    source="Page 1954, Biometrika 41:100, lower side, k .5, h 4 (clinical specification 2.2 F); the baseline of four "
    "scores and its shrunken SD are our own assumption [A].",
    swept="h, the sum that fires",
    thresholds=(1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0),
    presets={"sensitive": 3.0, "balanced": 4.0, "specific": 5.0},
    make=_make,
)
