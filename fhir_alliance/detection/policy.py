"""What a policy is: a rule with the common course around it, or a look back over a whole series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from ..model import Change, Detection, Point, Step
from .course import Course
from .following import Following
from .reference import Reference
from .rule import Rule
from .terms import Terms
from .tolerance import valid


class Policy(Protocol):
    """Turns one series of scores into events and episodes. Pure, and deaf to the order of its input."""

    @property
    def id(self) -> str:
        """Name and version: "alliance-policy/1"."""

    @property
    def preset(self) -> str:
        """Name of the sensitivity."""

    @property
    def threshold(self) -> float:
        """Value of the parameter that sets the sensitivity (`PolicyInfo.swept` names it)."""

    @property
    def horizon(self) -> int:
        """Scored sessions for which a strain is followed."""

    @property
    def zc(self) -> float:
        """The z from which a fall fires; 0 for a rule without one."""

    def run(
        self,
        points: Sequence[Point],
        change: Change,
        *,
        cutoff: float | None = None,
        as_of: datetime | None = None,
    ) -> Detection:
        """Everything that the policy says of one series, given in any order.

        Points without a value, or with one that is not finite or outside the scale's range, keep
        their place in the index and are skipped otherwise. `cutoff` is the site's own. With
        `as_of`, what is still open more than 90 days after the last score is expired.
        """

    def behind(self, step: Step, change: Change, *, cutoff: float | None = None) -> tuple[Reference, Terms] | None:
        """What a step of `run` was compared with, in full, and what was asked of it; None where it was with nothing."""

    def alarms(self, points: Sequence[Point], change: Change, *, cutoff: float | None = None) -> tuple[bool, ...]:
        """The bare rule, asked at every score with all earlier scores as its history.

        No episodes: an alarm changes nothing for later scores. One answer per point in time order,
        False where there is no valid score.
        """


@dataclass(frozen=True, slots=True)
class RulePolicy:
    """A rule with the common course."""

    id: str
    rule: Rule
    threshold: float
    preset: str = "balanced"
    following: Following = field(default_factory=Following)

    @property
    def horizon(self) -> int:
        """See `Policy.horizon`."""
        return self.following.horizon

    @property
    def zc(self) -> float:
        """See `Policy.zc`."""
        return float(getattr(self.rule, "zc", 0.0))

    def run(
        self,
        points: Sequence[Point],
        change: Change,
        *,
        cutoff: float | None = None,
        as_of: datetime | None = None,
    ) -> Detection:
        """See `Policy.run`."""
        rule, following, gap = self.rule.with_cutoff(cutoff), self.following, self.following.gap
        courses = [Course(rule, following, change, cutoff)]
        last: Point | None = None
        for index, point in enumerate(sorted(points, key=time_order), 1):
            if (value := point.value) is None or not valid(value, change.minimum, change.maximum):
                continue
            if last and point.at - last.at > gap:
                courses[-1].end(index, point, value)
                courses.append(Course(rule, following, change, cutoff))
            courses[-1].take(index, point, value)
            last = point
        if last and last.value is not None and as_of and as_of - last.at > gap:
            # Dated by the series alone, so that every later pass says the same.
            expiry = Point(last.at + gap, last.value, source=last.source)
            courses[-1].end(courses[-1].last_index, expiry, last.value)
        return Detection(
            events=tuple(e for c in courses for e in c.events),
            episodes=tuple(e for c in courses for e in c.finished_episodes()),
            steps=tuple(s for c in courses for s in c.steps),
            insufficient=courses[-1].lacks(),
        )

    def behind(self, step: Step, change: Change, *, cutoff: float | None = None) -> tuple[Reference, Terms] | None:
        """See `Policy.behind`."""
        rule = self.rule.with_cutoff(cutoff)
        reference = None if step.limit is None else rule.reference(step.base, change)
        if reference is None or (reference.mean, reference.spread) != (step.baseline, step.spread):
            return None
        return reference, rule.terms(reference, change)

    def alarms(self, points: Sequence[Point], change: Change, *, cutoff: float | None = None) -> tuple[bool, ...]:
        """See `Policy.alarms`."""
        rule, history, told = self.rule.with_cutoff(cutoff), list[Point](), []
        for point in sorted(points, key=time_order):
            if (value := point.value) is None or not valid(value, change.minimum, change.maximum):
                told.append(False)
                continue
            if history and point.at - history[-1].at > self.following.gap:
                history = []
            reference = rule.reference(history, change)
            told.append(reference is not None and rule.level(reference, value, change) > 0)
            history.append(point)
        return tuple(told)


def time_order(point: Point) -> tuple[datetime, datetime, str]:
    """Order of a series: session time, then time of answering, then source."""
    return point.at, point.authored or point.at, point.source
