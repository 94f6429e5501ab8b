"""The state machine of `course.py` for many courses at once, score by score.

All courses take their first score together, then their second, and so on. They are sorted by length, longest
first, so that those still under way are always the first m: every array of state is cut to them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..model import Change
from .array_events import Found
from .array_history import ROOM, Columns, Histories
from .array_rule import ArrayRule, Levels, Mask, References, at_least, below
from .array_sums import Floats, exact_sum
from .following import Following
from .notices import FALLING, MAXIMAL_BEFORE
from .tolerance import EPSILON

NEVER = 1 << 40
"""Scores since the last close where there was none."""


class Courses:
    """scores  all valid scores, course after course
    first   [m]: place of each course's first score in it
    length  [m]: how many it has, at least one, longest course first
    """

    def __init__(
        self,
        scores: Floats,
        first: NDArray[np.int64],
        length: NDArray[np.int64],
        rule: ArrayRule,
        following: Following,
        change: Change,
        cutoff: float | None,
        found: Found,
    ) -> None:
        self._scores, self._first, self._length = scores, first, length
        self._rule, self._following, self._change, self._cutoff = rule, following, change, cutoff
        self._found = found
        courses = len(first)
        self._histories = Histories(rule.window or max(int(length[0]), ROOM), courses)
        self._strain = np.zeros(courses, np.bool_)
        self._frozen = References.none(courses)
        self._onset: Floats = np.zeros(courses)
        self._level = np.zeros(courses, np.int8)
        self._followed = np.zeros(courses, np.int64)
        self._since_close = np.full(courses, NEVER)
        self._slow_fall_told = np.zeros(courses, np.bool_)
        self._before: list[Floats] = []

    def run(self) -> None:
        """Every score of every course; what there is to say goes to `found`."""
        under_way = len(self._length) - np.searchsorted(self._length[::-1], np.arange(int(self._length[0])), "right")
        for step, courses in enumerate(under_way.tolist()):
            if courses < len(self._first):
                self._end(courses)
            self._take(step)
        self._end(0)

    def _end(self, courses: int) -> None:
        """All but the first so many courses are over; their open episodes are told."""
        over = np.flatnonzero(self._strain[courses:]) + courses
        last = self._first[over] + self._length[over] - 1
        self._found.still_open(last, self._frozen.take(over))
        self._first, self._length = self._first[:courses], self._length[:courses]
        self._histories.keep(courses)
        self._frozen.keep(courses)
        self._strain, self._onset, self._level = self._strain[:courses], self._onset[:courses], self._level[:courses]
        self._followed, self._since_close = self._followed[:courses], self._since_close[:courses]
        self._slow_fall_told = self._slow_fall_told[:courses]
        self._before = [x[:courses] for x in self._before]

    def _take(self, step: int) -> None:
        place = self._first + step
        x = self._scores[place]
        if step:
            self._slow_fall_told &= below(x, self._before[0])
        following = np.flatnonzero(self._strain)
        calm = self._look(step, place, x)
        self._follow(following, step, place, x, calm)
        if self._cutoff is not None:
            crossed = below(x, self._cutoff)
            if step:
                crossed &= ~below(self._before[0], self._cutoff)
            self._found.add("cut-off", 1, place[crossed])
        joining = np.flatnonzero(calm)
        self._histories.append(joining, x[joining])
        self._before = [x, *self._before[: max(FALLING, self._following.early) - 2]]

    # -- no episode open ---------------------------------------------------------------------

    def _look(self, step: int, place: Columns, x: Floats) -> Mask:
        """Onsets, cooldowns and notices. Where no episode is open and no rule fires: True."""
        looking = ~self._strain
        self._since_close += looking
        references = self._rule.references(self._histories, self._change)
        level = self._rule.level(references, x, self._change) * looking
        calm: Mask = looking & (level == 0)
        quiet = calm
        if step + 1 == self._following.early and self._change.low is not None:
            mean = exact_sum(np.stack([x, *self._before[:step]])) / self._following.early
            low = calm & below(mean, self._change.low)
            self._found.add("low-early", 2, place[low])
            quiet = calm & ~low
        self._notice(step, place, x, quiet)
        fired = np.flatnonzero(level)
        cooling = self._since_close[fired] <= self._following.cooldown
        if self._following.severe_in_cooldown:
            severe = cooling & (level[fired] == 3)
            level[fired[severe]] = 2
            cooling &= ~severe
        cooled, opened = fired[cooling], fired[~cooling]
        self._found.add("cooldown", 1, place[cooled], references.take(cooled))
        self._open(opened, place[opened], x[opened], level[opened], references.take(opened))
        return calm

    def _open(self, opened: Columns, place: Columns, x: Floats, level: Levels, references: References) -> None:
        self._found.onsets(place, level, references)
        self._strain[opened] = True
        self._frozen.put(opened, references)
        self._onset[opened] = x
        self._level[opened] = level
        self._followed[opened] = 0

    def _notice(self, step: int, place: Columns, x: Floats, quiet: Mask) -> None:
        if step < max(MAXIMAL_BEFORE, FALLING - 1):
            return
        c, b, a = self._before[:3]
        maximum = self._change.maximum
        left = quiet & below(x, maximum) & at_least(np.minimum(np.minimum(a, b), c), maximum)
        self._found.add("ceiling", 1, place[left])
        fell = quiet & ~self._slow_fall_told & (c - x > EPSILON) & (b - c > EPSILON) & (a - b > EPSILON)
        fell &= at_least(a - x, self._change.rc95)
        self._found.add("slow-fall", 1, place[fell])
        self._slow_fall_told |= fell

    # -- an episode is open ------------------------------------------------------------------

    def _follow(self, open: Columns, step: int, places: Columns, scores: Floats, calm: Mask) -> None:
        """Repair, persisting, horizon. A score that repairs joins the history: marked in `calm`."""
        self._followed[open] += 1
        x, references, onset = scores[open], self._frozen.take(open), self._onset[open]
        repaired = at_least(x, onset + self._following.recovery * (references.mean - onset))
        self._close("repaired", open, places, references, repaired)
        calm[open[repaired]] = True
        persists = ~repaired & (self._level[open] < 3) & self._rule.persists(references, x, self._change)
        self._found.add("persisting", 3, places[open[persists]], references.take(np.flatnonzero(persists)))
        self._level[open[persists]] = 3
        given_up = ~repaired & (self._followed[open] >= self._following.horizon)
        self._close("unrepaired", open, places, references, given_up)
        again = open[given_up]
        newest = min(self._following.rebaseline, step + 1)
        self._histories.restart(again, self._scores[places[again] + np.arange(1 - newest, 1)[:, None]])

    def _close(self, kind: str, open: Columns, places: Columns, references: References, closed: Mask) -> None:
        columns = open[closed]
        self._found.add(kind, 0, places[columns], references.take(np.flatnonzero(closed)))
        self._strain[columns] = False
        self._since_close[columns] = 0
