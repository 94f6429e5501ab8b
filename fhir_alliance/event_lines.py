"""Events and reasons as the lines of JSON that `detect` writes.

Sorted by series, then index, then onset before close; the reasons of a series stand before its events, those of no
known series first. Numbers are unrounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .detection.array import ArrayDetection
    from .model import Detection
    from .series import Problem, Series
    from .series_arrays import SeriesArrays

_AT_ONCE = 10_000


class EventLine(Struct, frozen=True, gc=False):
    """One event; `at` as the file gives it."""

    series: str
    at: str
    index: int
    level: int
    kind: str
    value: float
    baseline: float | None
    spread: float | None
    z: float | None
    drop: float | None


class ReasonLine(Struct, frozen=True, gc=False):
    """Why rows were set aside."""

    series: str | None
    at: str | None
    reason: str


def events_of_series(told: Iterable[tuple[Series, Detection]]) -> Iterator[EventLine]:
    """The events of series that come sorted by name."""
    for series, detection in told:
        for e in detection.events:
            at = series.given[e.source]
            yield EventLine(series.name, at, e.index, e.level, e.kind, e.value, e.baseline, e.spread, e.z, e.drop)


def events_of_arrays(found: SeriesArrays, told: ArrayDetection) -> Iterator[EventLine]:
    """The same from arrays."""
    from .detection.array import KINDS

    for begin in range(0, len(told.row), _AT_ONCE):
        here = slice(begin, begin + _AT_ONCE)
        yield from map(
            EventLine,
            [found.names[n] for n in told.series[here].tolist()],
            found.given(told.row[here]),
            told.index[here].tolist(),
            told.level[here].tolist(),
            [KINDS[code] for code in told.kind[here].tolist()],
            told.value[here].tolist(),
            *(_numbers(column[here]) for column in (told.baseline, told.spread, told.z, told.drop)),
        )


def _numbers(column: NDArray[np.float64]) -> list[float | None]:
    return [value if value == value else None for value in column.tolist()]  # NaN is no number


def encoded(events: Iterable[EventLine], problems: Iterable[Problem]) -> Iterator[bytes]:
    """All lines, some thousands at a time."""
    reasons: dict[str, list[ReasonLine]] = {}
    for p in problems:
        reasons.setdefault(p.series or "", []).append(ReasonLine(p.series, p.at, p.reason))
    names = sorted(reasons, reverse=True)
    encode = msgspec.json.Encoder().encode_lines
    lines: list[EventLine | ReasonLine] = []
    for event in events:
        while names and names[-1] <= event.series:
            lines += reasons[names.pop()]
        lines.append(event)
        if len(lines) >= _AT_ONCE:
            yield encode(lines)
            lines = []
    lines += [line for name in reversed(names) for line in reasons[name]]
    if lines:
        yield encode(lines)
