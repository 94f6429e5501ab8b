"""The state machine: one course of scores without a long gap, score by score.

Nothing here looks ahead, so an event never changes when later scores arrive.
"""

from __future__ import annotations

from math import fsum

from ..model import Change, Episode, EpisodeState, Event, Point, Step
from . import notices
from .following import Following
from .reference import Reference
from .rule import Rule
from .strain import LowEarly, Strain
from .tolerance import at_least, below


class Course:
    """Scores of one series between two gaps of more than 90 days.

    history  scores outside any episode, oldest first; the newest W are the baseline
    points   every valid score
    """

    def __init__(self, rule: Rule, following: Following, change: Change, cutoff: float | None) -> None:
        self._rule = rule
        self._following = following
        self._change = change
        self._cutoff = None if rule.uses_cutoff else cutoff
        self.history: list[Point] = []
        self.points: list[Point] = []
        self._values: list[float] = []
        self._strain: Strain | None = None
        self._low_early: LowEarly | None = None
        self._since_close: int | None = None
        self._slow_fall_told = False
        self.last_index = 0
        self.events: list[Event] = []
        self.episodes: list[Episode] = []
        self.steps: list[Step] = []

    def take(self, index: int, point: Point, value: float) -> None:
        """The next valid score: its events, episodes and step are appended."""
        self._values.append(value)
        self.points.append(point)
        self.last_index = index
        if len(self._values) > 1 and not below(value, self._values[-2]):
            self._slow_fall_told = False
        strain = self._strain
        reference = strain.reference if strain else self._rule.reference(self.history, self._change)
        events = self._follow(strain, index, point, value) if strain else self._look(reference, index, point, value)
        if self._cutoff is not None and notices.crosses_cutoff(self._values, self._cutoff):
            before_closes = next((i for i, e in enumerate(events) if e.level == 0), len(events))
            events.insert(before_closes, _plain("cut-off", 1, index, point, value))
        self.events += events
        self._watch_low_early(index, point, value)
        self.steps.append(
            Step(
                index,
                point.at,
                value,
                point.source,
                baseline=reference.mean if reference else None,
                spread=reference.spread if reference else None,
                limit=(reference.lasting if strain else reference.limit) if reference else None,
                in_episode=strain is not None or self._strain is not None,
                base=reference.base if reference else (),
            )
        )

    def end(self, index: int, point: Point, value: float) -> None:
        """A long gap came before `point`: what is still open expires there."""
        if self._strain:
            event = self._strain.reference.event("expired", 0, index, point, value)
            self.events.append(event)
            self._close(self._strain, EpisodeState.EXPIRED, event)
        self._end_low_early(_plain("expired", 0, index, point, value))

    def finished_episodes(self) -> list[Episode]:
        """Episodes by onset, those still open included."""
        still_open = [s.episode(EpisodeState.OPEN) for s in (self._low_early, self._strain) if s]
        return sorted(self.episodes + still_open, key=lambda e: e.onset.index)

    def lacks(self) -> str | None:
        """What is missing for a personal baseline at the next score, or None."""
        have, need = len(self.history), self._rule.minimum
        if self._strain or have >= need:
            return None
        return f"{have} of the {need} scores that a personal baseline needs"

    # -- no episode open ---------------------------------------------------------------------

    def _look(self, reference: Reference | None, index: int, point: Point, value: float) -> list[Event]:
        if self._since_close is not None:
            self._since_close += 1
        if reference and (level := self._rule.level(reference, value, self._change)):
            if self._since_close is not None and self._since_close <= self._following.cooldown:
                if level < 3 or not self._following.severe_in_cooldown:
                    return [reference.event("cooldown", 1, index, point, value)]
                level = 2
            onset = reference.event(reference.kind, level, index, point, value)
            self._strain = Strain(onset, reference, level)
            return [onset]
        self.history.append(point)
        if self._is_low_early():
            onset = _plain("low-early", 2, index, point, value)
            self._low_early = LowEarly(onset, tuple(self.points))
            return [onset]
        return self._notices(index, point, value)

    def _is_low_early(self) -> bool:
        low, first = self._change.low, self._following.early
        return low is not None and len(self._values) == first and below(fsum(self._values) / first, low)

    def _notices(self, index: int, point: Point, value: float) -> list[Event]:
        told = []
        if notices.leaves_ceiling(self._values, self._change.maximum):
            told.append(_plain("ceiling", 1, index, point, value))
        if not self._slow_fall_told and notices.falls_slowly(self._values, self._change.rc95):
            self._slow_fall_told = True
            told.append(_plain("slow-fall", 1, index, point, value))
        return told

    # -- an episode is open ------------------------------------------------------------------

    def _follow(self, strain: Strain, index: int, point: Point, value: float) -> list[Event]:
        following, reference = self._following, strain.reference
        strain.followed += 1
        onset = strain.onset.value
        if at_least(value, onset + following.recovery * (reference.mean - onset)):
            close = reference.event("repaired", 0, index, point, value)
            self._close(strain, EpisodeState.REPAIRED, close)
            self.history.append(point)
            return [close]
        told = []
        if strain.level < 3 and self._rule.persists(reference, value, self._change):
            strain.level = 3
            strain.worsened = reference.event("persisting", 3, index, point, value)
            told.append(strain.worsened)
        if strain.followed >= following.horizon:
            close = reference.event("unrepaired", 0, index, point, value)
            self._close(strain, EpisodeState.UNREPAIRED, close)
            self.history = self.points[-following.rebaseline :]
            told.append(close)
        return told

    def _close(self, strain: Strain, state: EpisodeState, event: Event) -> None:
        self.episodes.append(strain.episode(state, event))
        self._strain = None
        self._since_close = 0

    # -- the low-early check-in --------------------------------------------------------------

    def _watch_low_early(self, index: int, point: Point, value: float) -> None:
        watch = self._low_early
        if watch is None or watch.onset.index == index:
            return
        watch.followed += 1
        if self._strain or watch.followed >= self._following.horizon:
            self._end_low_early(_plain("expired", 0, index, point, value))

    def _end_low_early(self, close: Event) -> None:
        if self._low_early:
            self.episodes.append(self._low_early.episode(EpisodeState.EXPIRED, close))
            self._low_early = None


def _plain(kind: str, level: int, index: int, point: Point, value: float) -> Event:
    """An event of a kind that has no baseline."""
    return Event(index, point.at, level, kind, value, source=point.source)
