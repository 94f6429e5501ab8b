"""The state machine: one course of scores without a long gap, score by score.

Nothing here looks ahead, so an event never changes when later scores arrive.
"""

from __future__ import annotations

from math import fsum
from typing import TYPE_CHECKING

from ..model import Change, Episode, EpisodeState, Event, Point, Step
from . import notices
from .shrunken import Reference, personal, previous
from .strain import LowEarly, Strain
from .tolerance import at_least, below

if TYPE_CHECKING:
    from .alliance import AlliancePolicy


class Course:
    """Scores of one series between two gaps of more than 90 days.

    history  scores outside any episode, oldest first; the newest W are the baseline
    points   every valid score
    """

    def __init__(self, policy: AlliancePolicy, change: Change, cutoff: float | None) -> None:
        self._policy = policy
        self._change = change
        self._cutoff = cutoff
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
        reference = strain.reference if strain else self._reference()
        limit = self._limit(reference, following=strain is not None)
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
                limit=limit,
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
        have, need = len(self.history), self._policy.minimum_base
        if self._strain or have >= need:
            return None
        return f"{have} of the {need} scores that a personal baseline needs"

    # -- no episode open ---------------------------------------------------------------------

    def _reference(self) -> Reference | None:
        base = self.history[-self._policy.window :]
        if len(base) >= self._policy.minimum_base:
            values = [p.value for p in base if p.value is not None]
            return personal(tuple(base), values, self._change.s0, self._policy.nu0)
        if base and (value := base[-1].value) is not None:
            return previous(base[-1], value, self._change.s0)
        return None

    def _limit(self, reference: Reference | None, *, following: bool) -> float | None:
        if reference is None:
            return None
        if following or reference.kind == "drop":
            return reference.mean - max(self._policy.zc * reference.spread, self._change.rc90)
        return reference.mean - self._change.rc99

    def _look(self, reference: Reference | None, index: int, point: Point, value: float) -> list[Event]:
        if self._since_close is not None:
            self._since_close += 1
        if reference and (level := self._fires(reference, value)):
            if self._since_close is not None and self._since_close <= self._policy.cooldown:
                return [reference.event("cooldown", 1, index, point, value)]
            onset = reference.event(reference.kind, level, index, point, value)
            self._strain = Strain(onset, reference, level)
            return [onset]
        self.history.append(point)
        if self._is_low_early():
            onset = _plain("low-early", 2, index, point, value)
            self._low_early = LowEarly(onset, tuple(self.points))
            return [onset]
        return self._notices(index, point, value)

    def _fires(self, reference: Reference, value: float) -> int:
        """Level of the rule that fires at `value`, 0 for none."""
        drop, change = reference.drop(value), self._change
        if reference.kind == "early-step":
            return 2 if at_least(drop, change.rc99) else 0
        z = reference.z(value)
        if not (at_least(z, self._policy.zc) and at_least(drop, change.rc90)):
            return 0
        severe = at_least(z, self._policy.zp) and at_least(drop, 2 * change.rc90)
        return 3 if severe else 2

    def _is_low_early(self) -> bool:
        low, first = self._change.low, self._policy.early
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
        policy, reference = self._policy, strain.reference
        strain.followed += 1
        onset = strain.onset.value
        if at_least(value, onset + policy.recovery * (reference.mean - onset)):
            close = reference.event("repaired", 0, index, point, value)
            self._close(strain, EpisodeState.REPAIRED, close)
            self.history.append(point)
            return [close]
        told = []
        persists = at_least(reference.drop(value), self._change.rc90) and at_least(reference.z(value), policy.zc)
        if persists and strain.level < 3:
            strain.level = 3
            strain.worsened = reference.event("persisting", 3, index, point, value)
            told.append(strain.worsened)
        if strain.followed >= policy.horizon:
            close = reference.event("unrepaired", 0, index, point, value)
            self._close(strain, EpisodeState.UNREPAIRED, close)
            self.history = self.points[-policy.rebaseline :]
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
        if self._strain or watch.followed >= self._policy.horizon:
            self._end_low_early(_plain("expired", 0, index, point, value))

    def _end_low_early(self, close: Event) -> None:
        if self._low_early:
            self.episodes.append(self._low_early.episode(EpisodeState.EXPIRED, close))
            self._low_early = None


def _plain(kind: str, level: int, index: int, point: Point, value: float) -> Event:
    """An event of a kind that has no baseline."""
    return Event(index, point.at, level, kind, value, source=point.source)
