"""`openfit-srs/1`: the two alerts about the Session Rating Scale on OpenFIT's dashboard.

A total below the cut-off, or 1 or more points below the last session. The cut-off is a number that
the licensor of the scale claims as its own: the site enters it, without one only the second rule
works. A prompt about single items ("any below 9") needs items and is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from msgspec.structs import replace

from ..model import Change, Point
from .info import PolicyInfo
from .policy import Policy, RulePolicy
from .reference import Reference
from .rule import Rule, values
from .shrunken import SQRT2


class OpenFit(Rule, frozen=True):
    """x[t] < cut-off, or x[t-1] - x[t] >= fall."""

    uses_cutoff: ClassVar[bool] = True
    fall: float = 1.0
    cutoff: float | None = None

    @property
    def minimum(self) -> int:
        """The score before, unless there is a cut-off."""
        return 1 if self.cutoff is None else 0

    def reference(self, history: Sequence[Point], change: Change) -> Reference | None:
        """Whichever of the two fires first as a score falls."""
        base = tuple(history[-1:])
        before = values(base)[0] if base else None
        if self.cutoff is not None and (before is None or before - self.fall < self.cutoff):
            return Reference("low", self.cutoff, None, self.cutoff, self.cutoff, (), strict=True)
        if before is None:
            return None
        limit = before - self.fall
        return Reference("step", before, change.s0 * SQRT2, limit, limit, base)

    def with_cutoff(self, cutoff: float | None) -> OpenFit:
        """The rule with the site's own cut-off."""
        return self if cutoff is None else replace(self, cutoff=cutoff)


def _make(preset: str, threshold: float) -> Policy:
    return RulePolicy(INFO.id, OpenFit(threshold), threshold, preset)


INFO = PolicyInfo(
    id="openfit-srs/1",
    instruments=("srs-v3", "csrs", "gsrs"),
    min_sessions=1,
    sentence="This total is below the cut-off, or one point or more below the session before.",
    source="OpenFIT help, 'Overview of the home page dashboard alerts' (support.openfit.care, read November 2026): "
    "SRSPost < CutoffSRS; SRSChangeFromLast <= -1. The cut-off is entered by the site; item prompts are left out.",
    swept="points below the session before",
    thresholds=(0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.5, 8.0),
    presets={"balanced": 1.0},
    make=_make,
)
