"""Looking back over a whole series: descriptions for reports, which later scores may change.

Never an alert: all that such a policy says is at level 1, and it opens no episode.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..model import Change, Detection, Event, Point, Step
from .policy import time_order
from .reference import Reference
from .terms import Terms
from .tolerance import valid

GAP = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Row:
    """One point of a course: its index in the series, and its score, None where there is no valid one."""

    index: int
    point: Point
    value: float | None


@dataclass(frozen=True, slots=True)
class Found:
    """What a look back says of one course."""

    events: tuple[Event, ...]
    steps: tuple[Step, ...]


Look = Callable[[Sequence[Row], Change], Found]


@dataclass(frozen=True, slots=True)
class LookBack:
    """A policy that sees the whole course at once, later scores included.

    needs  scores of one course before which there is nothing to say
    """

    id: str
    look: Look
    threshold: float
    preset: str
    needs: int

    @property
    def horizon(self) -> int:
        """Nothing is followed."""
        return 0

    @property
    def zc(self) -> float:
        """There is no z that fires."""
        return 0.0

    def run(
        self,
        points: Sequence[Point],
        change: Change,
        *,
        cutoff: float | None = None,
        as_of: datetime | None = None,
    ) -> Detection:
        """See `Policy.run`; the cut-off and the time play no part."""
        courses = _courses(points, change)
        found = [self.look(rows, change) for rows in courses]
        have = sum(row.value is not None for row in courses[-1]) if courses else 0
        return Detection(
            events=tuple(e for f in found for e in f.events),
            episodes=(),
            steps=tuple(s for f in found for s in f.steps),
            insufficient=f"{have} of the {self.needs} scores that a look back needs" if have < self.needs else None,
        )

    def behind(self, step: Step, change: Change, *, cutoff: float | None = None) -> tuple[Reference, Terms] | None:
        """See `Policy.behind`: nothing is compared with what came before."""
        return None

    def alarms(self, points: Sequence[Point], change: Change, *, cutoff: float | None = None) -> tuple[bool, ...]:
        """True where an event is placed; it takes later scores to place it."""
        told = {e.index for e in self.run(points, change).events}
        return tuple(index in told for index in range(1, len(points) + 1))


def plain_steps(rows: Sequence[Row]) -> tuple[Step, ...]:
    """The scores as they are, compared with nothing."""
    return tuple(
        Step(r.index, r.point.at, r.value, r.point.source, baseline=None, spread=None, limit=None, in_episode=False)
        for r in rows
        if r.value is not None
    )


def _courses(points: Sequence[Point], change: Change) -> list[list[Row]]:
    """The series in time order, cut where more than 90 days lie between two valid scores."""
    courses: list[list[Row]] = []
    last: datetime | None = None
    for index, point in enumerate(sorted(points, key=time_order), 1):
        value = point.value if valid(point.value, change.minimum, change.maximum) else None
        if value is not None:
            if last is not None and point.at - last > GAP:
                courses.append([])
            last = point.at
        if not courses:
            courses.append([])
        courses[-1].append(Row(index, point, value))
    return courses
