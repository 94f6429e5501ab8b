"""`xmr/1`: Shewhart's chart of individual values, with limits from the mean moving range.

    B = mean(x)    MR = mean |x[i] - x[i-1]|    limits B -/+ 2.66 MR      (2.66 = 3 / 1.128, d2 of two values)

Moving ranges of 3.267 MR (D4 of two values) or more are screened out once and MR is formed anew, so
that one jump does not widen the limits; the mean keeps every value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import fsum

from ..model import Change, Point
from .info import PolicyInfo
from .policy import Policy, RulePolicy
from .reference import Reference
from .rule import Rule, values

WIDTH = 2.66
SCREEN = 3.267
D2 = 1.128


@dataclass(frozen=True, slots=True)
class Limits:
    """Natural process limits, in points: mean, mean moving range (screened or not), both limits."""

    mean: float
    moving_range: float
    lower: float
    upper: float


def xmr_limits(scores: Sequence[float], *, screen: bool = True, width: float = WIDTH) -> Limits:
    """Limits of two or more values in time order, by the formulas above."""
    ranges = [abs(b - a) for a, b in pairwise(scores)]
    mean = fsum(scores) / len(scores)
    mr = fsum(ranges) / len(ranges)
    if screen and (kept := [r for r in ranges if r < SCREEN * mr]):
        mr = fsum(kept) / len(kept)
    return Limits(mean, mr, mean - width * mr, mean + width * mr)


class Xmr(Rule, frozen=True):
    """A score below the lower limit of all scores before it.

    width    the limit in mean moving ranges below the mean
    fewest   scores that make limits
    screen   leave out moving ranges that are far too large
    floor    smallest sigma (MR / 1.128) that is believed, in s0; 0: a steady client has no limit but the mean
    """

    width: float = WIDTH
    fewest: int = 5
    screen: bool = True
    floor: float = 0.0

    @property
    def minimum(self) -> int:
        """Scores that make limits."""
        return self.fewest

    def reference(self, history: Sequence[Point], change: Change) -> Reference | None:
        """Mean and limit of the whole history."""
        if len(history) < max(self.fewest, 2):
            return None
        found = xmr_limits(values(history), screen=self.screen)
        mr = max(found.moving_range, self.floor * change.s0 * D2)
        limit = found.mean - self.width * mr
        return Reference("beyond-limits", found.mean, mr / D2, limit, limit, tuple(history), strict=True)


PRESETS = {"sensitive": WIDTH * 2 / 3, "balanced": WIDTH}
"""Two and three sigma."""

THRESHOLDS = (0.89, 1.33, 1.77, 2.22, 2.66, 3.1, 3.55, 4.43)

_CHART = "Shewhart's individuals chart (Wheeler; NHSRplotthedots, with its screening of moving ranges); "


def _make(preset: str, threshold: float) -> Policy:
    return RulePolicy(INFO.id, Xmr(threshold), threshold, preset)


INFO = PolicyInfo(
    id="xmr/1",
    instruments=None,
    min_sessions=6,
    sentence="This score is below the natural limits of this client's own control chart.",
    source=_CHART + "as in Eubanks-Carter et al. 2012, Psychother Res 22:621, and Lipner et al. 2022, Clin Psychol "
    "Psychother 29:339, but from the scores so far only.",
    swept="width of the limit, in mean moving ranges",
    thresholds=THRESHOLDS,
    presets=PRESETS,
    make=_make,
)
