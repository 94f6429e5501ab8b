"""The default policy, `alliance-policy/1`: a fall below the client's own usual score.

Parameters, rules and their order are those of the clinical specification, section 2.6. They are
assumptions with published components, not a validated classifier: an event says "alliance score
lower than usual for this client", nothing about a cause.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from ..model import Change, Detection, Point
from .course import Course
from .tolerance import valid


@dataclass(frozen=True, slots=True)
class AlliancePolicy:
    """window        baseline: newest episode-free scores (W)
    minimum_base  fewest scores for a personal baseline
    nu0           weight of the prior SD, in sessions
    zc, zp        z that fires, and that makes a fall severe
    recovery      share of the drop that must be regained
    horizon       scores after which a strain that did not recover is closed
    rebaseline    scores that make the new baseline then
    cooldown      scores after a close in which nothing opens
    early         scores of the low-early mean
    gap           longer than this between two scores: a new course
    """

    id: ClassVar[str] = "alliance-policy/1"
    preset: str = "balanced"
    zc: float = 2.0
    zp: float = 3.0
    window: int = 8
    minimum_base: int = 3
    nu0: float = 6
    recovery: float = 0.75
    horizon: int = 3
    rebaseline: int = 3
    cooldown: int = 2
    early: int = 3
    gap: timedelta = timedelta(days=90)

    def run(
        self,
        points: Sequence[Point],
        change: Change,
        *,
        cutoff: float | None = None,
        as_of: datetime | None = None,
    ) -> Detection:
        """All events, episodes and steps of one series, given in any order.

        Points without a value, or with one that is not finite or outside the scale's range, keep
        their place in the index and are skipped otherwise. `cutoff` is the site's own (notice
        only). With `as_of`, what is still open more than `gap` after the last score is expired.
        """
        courses = [Course(self, change, cutoff)]
        last: Point | None = None
        for index, point in enumerate(sorted(points, key=time_order), 1):
            if (value := point.value) is None or not valid(value, change.minimum, change.maximum):
                continue
            if last and point.at - last.at > self.gap:
                courses[-1].end(index, point, value)
                courses.append(Course(self, change, cutoff))
            courses[-1].take(index, point, value)
            last = point
        if last and last.value is not None and as_of and as_of - last.at > self.gap:
            # Dated by the series alone, so that every later pass says the same.
            expiry = Point(last.at + self.gap, last.value, source=last.source)
            courses[-1].end(courses[-1].last_index, expiry, last.value)
        return Detection(
            events=tuple(e for c in courses for e in c.events),
            episodes=tuple(e for c in courses for e in c.finished_episodes()),
            steps=tuple(s for c in courses for s in c.steps),
            insufficient=courses[-1].lacks(),
        )


def time_order(point: Point) -> tuple[datetime, datetime, str]:
    """Order of a series: session time, then time of answering, then source."""
    return point.at, point.authored or point.at, point.source
