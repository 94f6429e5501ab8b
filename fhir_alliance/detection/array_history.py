"""The history of many courses at once: what `Course.history` is for one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .array_sums import Floats

Columns = NDArray[np.int64]
"""Places of courses among the m that are under way."""

ROOM = 8
"""Scores that the history of a rule about all of them has room for at least, however short the courses."""


class Histories:
    """The newest scores outside episodes, one column for each of m courses.

    ring   [capacity, m]: in any order, rows from `used` on are 0
    used   [m]: how many there are, up to the capacity
    last   [m]: the newest of them, 0 where there is none
    """

    def __init__(self, capacity: int, courses: int) -> None:
        self.ring: Floats = np.zeros((capacity, courses))
        self.used = np.zeros(courses, np.int64)
        self.last: Floats = np.zeros(courses)
        self._next = np.zeros(courses, np.int64)

    def filled(self) -> NDArray[np.bool_]:
        """[capacity, m]: where the ring holds a score."""
        here: NDArray[np.bool_] = np.arange(len(self.ring))[:, None] < self.used
        return here

    def ordered(self) -> Floats:
        """[capacity, m]: the scores of each course oldest first, then zeros."""
        capacity = len(self.ring)
        oldest = np.where(self.used == capacity, self._next, 0)
        return np.take_along_axis(self.ring, (oldest + np.arange(capacity)[:, None]) % capacity, axis=0)

    def append(self, columns: Columns, scores: Floats) -> None:
        """One new score for each of these courses."""
        place = self._next[columns]
        self.ring[place, columns] = scores
        self.last[columns] = scores
        place += 1
        place[place == len(self.ring)] = 0
        self._next[columns] = place
        self.used[columns] = np.minimum(self.used[columns] + 1, len(self.ring))

    def restart(self, columns: Columns, scores: Floats) -> None:
        """Forget these courses' scores and begin with `scores` [r, columns], oldest first."""
        self.ring[:, columns] = 0
        self.used[columns] = self._next[columns] = 0
        for row in scores[-len(self.ring) :]:
            self.append(columns, row)

    def keep(self, courses: int) -> None:
        """Only the first so many courses go on."""
        self.ring = self.ring[:, :courses]
        self.used, self.last, self._next = self.used[:courses], self.last[:courses], self._next[:courses]
