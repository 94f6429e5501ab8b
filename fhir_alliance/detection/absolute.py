"""`absolute/1`: a score below a fixed cut-off, the site's own or else the instrument's `low`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from msgspec.structs import replace

from ..model import Change, Point
from .info import PolicyInfo
from .policy import Policy, RulePolicy
from .reference import Reference
from .rule import Rule


class Absolute(Rule, frozen=True):
    """x[t] < cut-off.

    cutoff  the site's; None: the `low` of the definition
    shift   added to it, in s0: for calibration curves
    """

    uses_cutoff: ClassVar[bool] = True
    cutoff: float | None = None
    shift: float = 0.0

    @property
    def minimum(self) -> int:
        """No score is needed before."""
        return 0

    def reference(self, history: Sequence[Point], change: Change) -> Reference | None:
        """The cut-off; None when there is neither a cut-off nor a `low`."""
        cutoff = change.low if self.cutoff is None else self.cutoff
        if cutoff is None:
            return None
        limit = cutoff + self.shift * change.s0
        return Reference("low", limit, None, limit, limit, (), strict=True)

    def with_cutoff(self, cutoff: float | None) -> Absolute:
        """The rule with the site's own cut-off."""
        return self if cutoff is None else replace(self, cutoff=cutoff)


def _make(preset: str, threshold: float) -> Policy:
    return RulePolicy(INFO.id, Absolute(shift=threshold), threshold, preset)


INFO = PolicyInfo(
    id="absolute/1",
    instruments=None,
    min_sessions=1,
    sentence="This score is below a fixed cut-off.",
    source="Clinical specification 2.2 A. The cut-off is the site's own; without one, the `low` of the instrument, "
    "an assumption [A]. No published cut-off is shipped.",
    swept="shift of the cut-off, in s0",
    thresholds=(6.0, 4.0, 3.0, 2.0, 1.0, 0.0, -1.0, -2.0, -3.0),
    presets={"balanced": 0.0},
    make=_make,
)
