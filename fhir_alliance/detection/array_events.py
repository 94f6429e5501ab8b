"""Events as columns, gathered while courses run and put in order at the end."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .array_history import Columns
from .array_rule import CODE, Levels, References
from .array_sums import Floats

_LATE = {"slow-fall": 2, "cut-off": 3, "repaired": 4, "unrepaired": 4}
RANK = np.array([_LATE.get(kind, 1) for kind in CODE], np.int8)
"""Order of the kinds at one score. An `expired` stands before all of them, or after where `as_of` brings it."""
FIRST, LAST = 0, 5


@dataclass(slots=True)
class Found:
    """What was found, in no order. place: of the score among all valid ones; rank: order at one score."""

    _place: list[Columns] = field(default_factory=list)
    _kind: list[Levels] = field(default_factory=list)
    _level: list[Levels] = field(default_factory=list)
    _rank: list[Levels] = field(default_factory=list)
    _baseline: list[Floats] = field(default_factory=list)
    _spread: list[Floats] = field(default_factory=list)
    _open: list[tuple[Columns, References]] = field(default_factory=list)

    def add(self, kind: str, level: int, place: Columns, references: References | None = None) -> None:
        """Events of one kind and level; with the numbers of their references where they have any."""
        if n := len(place):
            self._append(place, np.full(n, CODE[kind], np.int8), np.full(n, level, np.int8), references)

    def onsets(self, place: Columns, level: Levels, references: References) -> None:
        """Openings of episodes, of the kind that their references say."""
        if len(place):
            self._append(place, references.kind, level, references)

    def expired(self, place: Columns, rank: int, references: References) -> None:
        """Episodes that a long gap closed."""
        code, level = np.full(len(place), CODE["expired"], np.int8), np.zeros(len(place), np.int8)
        self._append(place, code, level, references)
        self._rank[-1] = np.full(len(place), rank, np.int8)

    def still_open(self, last: Columns, references: References) -> None:
        """Episodes that were open after the last score of their courses."""
        if len(last):
            self._open.append((last, references))

    def _append(self, place: Columns, kind: Levels, level: Levels, references: References | None) -> None:
        self._place.append(place)
        self._kind.append(kind)
        self._level.append(level)
        self._rank.append(RANK[kind])
        missing = np.full(len(place), np.nan) if references is None else None
        self._baseline.append(references.mean if references else missing)  # type: ignore[arg-type]
        self._spread.append(references.spread if references else missing)  # type: ignore[arg-type]

    def open(self) -> list[tuple[Columns, References]]:
        """(place of the last score, references) of what was still open."""
        return self._open

    def in_order(self) -> tuple[Columns, Levels, Levels, Floats, Floats]:
        """(place, kind, level, baseline, spread) by place, then by rank."""
        if not self._place:
            return np.zeros(0, np.int64), np.zeros(0, np.int8), np.zeros(0, np.int8), np.zeros(0), np.zeros(0)
        place = np.concatenate(self._place)
        order = np.argsort(place * 8 + np.concatenate(self._rank), kind="stable")
        kind, level = (np.concatenate(part)[order] for part in (self._kind, self._level))
        baseline, spread = (np.concatenate(part)[order] for part in (self._baseline, self._spread))
        return place[order], kind, level, baseline, spread
