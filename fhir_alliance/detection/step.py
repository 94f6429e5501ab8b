"""`step-rc/1`: a fall from the score before by a reliable change."""

from __future__ import annotations

from collections.abc import Sequence

from ..model import Change, Point
from .change import Z90, Z95, Z99
from .info import PolicyInfo
from .policy import Policy, RulePolicy
from .reference import Reference
from .rule import Rule, values
from .shrunken import SQRT2
from .terms import Terms

PRESETS = {"sensitive": Z90 / Z95, "balanced": 1.0, "specific": Z99 / Z95}
"""Reliable change at 90, 95 and 99 %, as a multiple of RC95."""


class Step(Rule, frozen=True):
    """x[t-1] - x[t] >= times RC95."""

    times: float = 1.0

    @property
    def minimum(self) -> int:
        """The score before."""
        return 1

    def reference(self, history: Sequence[Point], change: Change) -> Reference | None:
        """The score before; a difference of two scores has SD s0 sqrt(2)."""
        if not (base := tuple(history[-1:])):
            return None
        (before,) = values(base)
        limit = before - self.times * change.rc95
        return Reference("step", before, change.s0 * SQRT2, limit, limit, base)

    def terms(self, reference: Reference, change: Change) -> Terms:
        """See `Rule.terms`."""
        return Terms(self.times * change.rc95, "RC95" if self.times == 1 else f"{self.times:.3g} RC95")


def _make(preset: str, threshold: float) -> Policy:
    return RulePolicy(INFO.id, Step(threshold), threshold, preset)


INFO = PolicyInfo(
    id="step-rc/1",
    instruments=None,
    min_sessions=2,
    sentence="This score is below the score before by more than measurement error.",
    source="Step criterion of rupture-repair studies (2.2 B; Strauss et al. 2006 and Stiles et al. 2004, as described "
    "by Gumz et al. 2012, BMC Med Res Methodol 12:10) with a reliable change (Jacobson & Truax 1991) for its size.",
    swept="size of the fall, in RC95",
    thresholds=(0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5),
    presets=PRESETS,
    make=_make,
)
