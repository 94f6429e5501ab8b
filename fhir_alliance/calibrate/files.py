"""A site's own series from files, with the truth where a column tells it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from ..detection import time_order
from ..errors import ConfigError
from ..model import Change, Point
from ..series import Problem, read_series
from .sample import Sample
from .trial import Trial
from .truth import BEGINS, REPAIRED

COLUMN = "truth"
MARKS = {"": 0, "strain": BEGINS, "repair": REPAIRED}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Row = tuple[Point, int]
"""A session and the mark of its truth."""


@dataclass(frozen=True, slots=True)
class Given:
    """Everything that the files hold.

    untold    files without the column of truth: with any, no truth is in the trial, for it would be that of a part
    problems  what was set aside, by file
    """

    trial: Trial
    files: int
    untold: int
    problems: tuple[tuple[str, Problem], ...]

    @property
    def truth(self) -> bool:
        """Is it known of all of them?"""
        return not self.untold


def given(files: Sequence[tuple[str, bytes]], change: Change) -> Given:
    """The series of several files (name, content), each a series of its own even where names agree.

    ConfigError when a file has another shape, or none has a series.
    """
    series: list[list[Row]] = []
    problems: list[tuple[str, Problem]] = []
    untold = 0
    for name, data in files:
        marks = _marks(data)
        untold += marks is None
        found = read_series(data, change)
        told = [*found.problems, *(_unknown(line) for line, mark in (marks or {}).items() if mark not in MARKS)]
        problems += [(name, problem) for problem in told]
        for one in found.series:
            points = sorted(one.points, key=time_order)
            series.append([(p, MARKS.get((marks or {}).get(int(p.source), ""), 0)) for p in points])
    if not series:
        raise ConfigError("no series in what was given")
    if untold:
        series = [[(p, 0) for p, _ in rows] for rows in series]
    return Given(_trial(series), len(files), untold, tuple(problems))


def _unknown(line: int) -> Problem:
    return Problem(None, None, f"line {line}: the truth is neither empty nor strain nor repair; taken as empty")


def _trial(series: Sequence[Sequence[Row]]) -> Trial:
    length = np.array([len(rows) for rows in series], np.int64)
    shape = (len(series), int(length.max()))
    values, at, truth = np.full(shape, np.nan), np.zeros(shape, np.int64), np.zeros(shape, np.int8)
    for place, rows in enumerate(series):
        size = len(rows)
        values[place, :size] = [np.nan if p.value is None else p.value for p, _ in rows]
        at[place, :size] = [(p.at - _EPOCH) // _MICROSECOND for p, _ in rows]
        at[place, size:] = at[place, size - 1]
        truth[place, :size] = [mark for _, mark in rows]
    return Trial(values, at, length, Sample.of(values, truth, length, np.arange(len(series))))


# -- the truth column ----------------------------------------------------------------------------


def _marks(data: bytes) -> dict[int, str] | None:
    """Truth by number of the line that a row begins in; None where there is no such column."""
    if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        found = dict(_ndjson(data))
        return found or None
    try:
        return _csv(data.decode("utf-8-sig", errors="surrogateescape"))
    except csv.Error:
        raise ConfigError("the truth column cannot be read: a quotation mark is in the wrong place") from None


def _csv(text: str) -> dict[int, str] | None:
    reader = csv.reader(io.StringIO(text, newline=""))
    names = next(([cell.strip().lower() for cell in cells] for cells in reader if cells), [])
    if COLUMN not in names:
        return None
    place, found, first = names.index(COLUMN), {}, reader.line_num + 1
    for cells in reader:
        if place < len(cells):
            found[first] = cells[place].strip()
        first = reader.line_num + 1
    return found


def _ndjson(data: bytes) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        try:
            row = json.loads(line) if line.strip() else None
        except (ValueError, RecursionError):
            continue  # `read_series` says so
        if isinstance(row, dict) and COLUMN in row:
            mark = row[COLUMN]
            yield number, "" if mark is None else str(mark)
