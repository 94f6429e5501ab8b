"""`from-best/1`: a fall from the best score so far by a reliable change."""

from __future__ import annotations

from collections.abc import Sequence

from ..model import Change, Point
from .info import PolicyInfo
from .policy import Policy, RulePolicy
from .reference import Reference
from .rule import Rule, values
from .shrunken import SQRT2
from .step import PRESETS
from .terms import Terms


class FromBest(Rule, frozen=True):
    """max(x[1..t-1]) - x[t] >= times RC95."""

    times: float = 1.0

    @property
    def minimum(self) -> int:
        """Any score before."""
        return 1

    def reference(self, history: Sequence[Point], change: Change) -> Reference | None:
        """The best score so far; of several the newest."""
        if not history:
            return None
        scores = values(history)
        best = max(scores)
        at = len(scores) - 1 - scores[::-1].index(best)
        limit = best - self.times * change.rc95
        return Reference("from-best", best, change.s0 * SQRT2, limit, limit, (history[at],))

    def terms(self, reference: Reference, change: Change) -> Terms:
        """See `Rule.terms`."""
        return Terms(self.times * change.rc95, "RC95" if self.times == 1 else f"{self.times:.3g} RC95")


def _make(preset: str, threshold: float) -> Policy:
    return RulePolicy(INFO.id, FromBest(threshold), threshold, preset)


INFO = PolicyInfo(
    id="from-best/1",
    instruments=None,
    min_sessions=2,
    sentence="This score is below this client's best score so far by more than measurement error.",
    source="Clinical specification 2.2 C, with a reliable change (Jacobson & Truax 1991) for its size.",
    swept="size of the fall, in RC95",
    thresholds=(0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0),
    presets=PRESETS,
    make=_make,
)
