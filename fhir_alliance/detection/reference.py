"""What a new score is compared with: the answer of every rule.

Each rule comes down to a limit for the next score, given the scores before it. A reference holds
that limit and the numbers behind it, so that an event can carry them and a person check them.
"""

from __future__ import annotations

from msgspec import Struct

from ..model import Event, Point
from .tolerance import EPSILON

STRAINS = frozenset({"drop", "early-step", "early-fall", "step", "from-best", "beyond-limits", "drift", "low"})
"""Kinds of fall that open an episode: below the client's own usual score (`drop`); below the score
before (`early-step` while there is no baseline, `step` by a rule about it); below the mean of the
first scores (`early-fall`); below the best score (`from-best`); below the natural limits of a
control chart (`beyond-limits`); an accumulated shift (`drift`); below a fixed cut-off (`low`)."""


class Reference(Struct, frozen=True, gc=False):
    """What one new score is compared with, in points of the scale.

    kind     the kind of episode that a fall opens, one of STRAINS
    mean     B, the score that a drop is counted from: a mean, the score before, the best, a cut-off
    spread   sp, the standard deviation to expect of one new score; None or 0: no z can be given
    limit    a score at or below it fires
    lasting  in an open episode: a score at or below it counts as persisting
    severe   a score at or below it is a priority at once; None: the rule knows no such thing
    sigma    shrunken within-person SD; None for rules without a personal baseline
    base     the points behind it, oldest first
    strict   only a score below `limit` and `lasting` counts, one at them does not
    """

    kind: str
    mean: float
    spread: float | None
    limit: float
    lasting: float
    base: tuple[Point, ...]
    sigma: float | None = None
    severe: float | None = None
    strict: bool = False

    def drop(self, value: float) -> float:
        """How far `value` is below what it is compared with."""
        return self.mean - value

    def z(self, value: float) -> float | None:
        """The drop in units of the spread, None where there is none."""
        return (self.mean - value) / self.spread if self.spread else None

    def reaches(self, value: float, limit: float) -> bool:
        """Is `value` at or below `limit`, within 1e-9 (strict: below it, by more than 1e-9)?"""
        return value < limit - EPSILON if self.strict else value <= limit + EPSILON

    def event(self, kind: str, level: int, index: int, point: Point, value: float) -> Event:
        """An event about `value` that carries this reference's numbers."""
        return Event(
            index, point.at, level, kind, value, self.mean, self.spread, self.z(value), self.drop(value), point.source
        )
