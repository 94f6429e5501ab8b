"""Session scores from a file: CSV with the columns `series`, `at`, `value`, or NDJSON with these keys.

`at` is an ISO 8601 date or date-time; without a zone it is UTC, without a time the start of the
day. An empty `value` (in NDJSON: null) is a form that was not returned. Rows come in any order,
other columns are ignored.

A row that cannot be trusted is never guessed at and never drops out in silence. It is set aside
with a reason, and its series goes on as if that form had not been returned:

- a value that is no number or outside the scale's range: the row keeps its place as a missing form;
- rows of one series at one instant: which of them counts is unknowable, so all become missing forms;
- a time that cannot be read: the row has no place, so it is not in the series and not counted.

Reasons name the line and the rule, never what a cell says.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf

from .detection import valid
from .errors import ConfigError
from .model import Change, Point

COLUMNS = ("series", "at", "value")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_OBJECT = re.compile(rb"[\xef\xbb\xbf \t\r\n]*\{")
_TIME = re.compile(r"[\dW-]{7,10}([T ][\d:.,]+(Z|[+-][\d:]+)?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Series:
    """One series: its points in the file's order, and the text of `at` by a point's source."""

    name: str
    points: tuple[Point, ...]
    given: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Problem:
    """Why rows were set aside. `series` and `at` (as given) are None where they cannot be told."""

    series: str | None
    at: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class SeriesFile:
    """All series, sorted by name, and what was set aside."""

    series: tuple[Series, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class _Cells:
    """The three cells of a row as they stand; `problem` when the row as a whole is broken."""

    line: int
    series: object = None
    at: object = None
    value: object = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A row that has a place in its series; `given` is the text of its time. `value` None: a missing form."""

    line: int
    series: str
    given: str
    at: datetime
    value: float | None


def read_series(data: bytes, change: Change) -> SeriesFile:
    """The series of a file's bytes. ConfigError when the file as a whole has another shape."""
    problems: list[Problem] = []
    by_series: dict[str, dict[datetime, list[Row]]] = {}
    for row in read_rows(data, change, problems):
        by_series.setdefault(row.series, {}).setdefault(row.at, []).append(row)
    series = []
    for name, instants in sorted(by_series.items()):
        points, given = [], {}
        for same in instants.values():
            if len(same) > 1:
                problems.append(clash(name, same[0].given, [row.line for row in same]))
            for row in same:
                source = str(row.line)
                points.append(Point(row.at, row.value if len(same) == 1 else None, source=source))
                given[source] = row.given
        series.append(Series(name, tuple(points), given))
    return SeriesFile(tuple(series), tuple(problems))


def read_rows(data: bytes, change: Change, problems: list[Problem]) -> Iterator[Row]:
    """The rows of a file's bytes that have a place, as they come; what is wrong with any is appended."""
    cells = _ndjson(data) if is_ndjson(data) else _csv(data)
    return (row for c in cells if (row := _row(c, change, problems)))


def is_ndjson(data: bytes) -> bool:
    """Does the first line begin an object?"""
    return bool(_OBJECT.match(data))


def clash(series: str, given: str, lines: Iterable[int]) -> Problem:
    """Why rows of one series at one instant count as missing forms."""
    listed = ", ".join(map(str, lines))
    return Problem(series, given, f"lines {listed}: the same time in one series; none of them is used")


# -- one row -------------------------------------------------------------------------------------


def _row(cells: _Cells, change: Change, problems: list[Problem]) -> Row | None:
    """The row, or None when it has no place in any series. What is wrong with it is appended."""
    name = text_of_name(cells.series)
    at = read_time(cells.at)
    problem = cells.problem
    if not name:
        problem = problem or "no series, or one that is not UTF-8 text"
    elif at is None:
        problem = problem or "the time is not an ISO 8601 date or date-time"
    if not name or at is None:
        # In a row of the wrong length even the name may be another column's cell.
        known = name or None if cells.problem is None else None
        problems.append(Problem(known, None, f"line {cells.line}: {problem}"))
        return None
    value = None
    if problem is None:
        value, problem = _value(cells.value, change)
    given = str(cells.at)
    if problem:
        problems.append(Problem(name, given, f"line {cells.line}: {problem}"))
    return Row(cells.line, name, given, at, value)


def read_time(given: object) -> datetime | None:
    """The instant that an ISO 8601 text stands for, aware; None when it is none."""
    if not isinstance(given, str) or not _TIME.fullmatch(given.upper()):
        return None
    try:
        at = datetime.fromisoformat(given.upper())
        aware = at if at.tzinfo else at.replace(tzinfo=UTC)
        aware.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return aware


def _value(cell: object, change: Change) -> tuple[float | None, str | None]:
    """(value, None), (None, None) for a missing form, or (None, what is wrong)."""
    if cell is None or cell == "":
        return None, None
    if isinstance(cell, str):
        if not _NUMBER.fullmatch(cell):
            return None, "the value is not a number"
        cell = float(cell)
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        return None, "the value is not a number"
    try:
        value = float(cell)
    except OverflowError:
        value = inf
    if not valid(value, change.minimum, change.maximum):
        return None, f"the value is outside the range of the scale, {change.minimum:g} to {change.maximum:g}"
    return value, None


def text_of_name(cell: object) -> str:
    """The name that a cell holds; empty where it is none, or bytes that are not UTF-8, or a lone surrogate."""
    if not isinstance(cell, str):
        return ""
    try:
        cell.encode()
    except UnicodeEncodeError:
        return ""
    return cell


# -- NDJSON --------------------------------------------------------------------------------------


def _ndjson(data: bytes) -> Iterator[_Cells]:
    for line, text in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if not text.strip():
            continue
        try:
            row = json.loads(text)
        except (ValueError, RecursionError):
            row = None
        if isinstance(row, dict) and all(column in row for column in COLUMNS):
            value = row["value"]
            # In JSON a number is a number: text, and the empty text too, is none.
            problem = "the value is not a number" if isinstance(value, str) else None
            yield _Cells(line, row["series"], row["at"], value, problem)
        else:
            yield _Cells(line, problem="not a JSON object with the keys series, at, value")


# -- CSV -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Header:
    """How many columns a CSV has, and where the three are."""

    columns: int
    places: tuple[int, ...]


def header(cells: Sequence[str]) -> Header:
    """The header that these cells make. ConfigError when they do not name each column once."""
    names = [name.strip().lower() for name in cells]
    if any(names.count(column) != 1 for column in COLUMNS):
        raise ConfigError("the file needs a header line with the columns series,at,value, separated by commas")
    return Header(len(names), tuple(names.index(column) for column in COLUMNS))


def cells_of_line(text: str) -> list[str] | None:
    """The cells of a line without quotation marks; None where the CSV reader refuses it."""
    return next((cells for _, cells in _Records([text])), [])


def row_of_line(line: int, text: str, head: Header, change: Change, problems: list[Problem]) -> Row | None:
    """The row of such a line. What is wrong with it is appended; None when it has no place, or is blank."""
    found = _cells(line, cells_of_line(text), head)
    return _row(found, change, problems) if found else None


def _csv(data: bytes) -> Iterator[_Cells]:
    # surrogateescape keeps names apart that differ only in bytes that are not UTF-8.
    records = _Records(io.TextIOWrapper(io.BytesIO(data), "utf-8-sig", errors="surrogateescape", newline=""))
    head = header(next((cells for _, cells in records if cells), []))
    for line, record in records:
        cells = record
        if cells and any("\n" in cell or "\r" in cell for cell in _wanted(cells, head)):
            # A stray quotation mark swallowed the rows below: give them back.
            records.resume_below()
            cells = None
        if found := _cells(line, cells, head):
            yield found


def _wanted(cells: Sequence[str], head: Header) -> list[str]:
    return [cells[i].strip() if i < len(cells) else "" for i in head.places]


def _cells(line: int, cells: Sequence[str] | None, head: Header) -> _Cells | None:
    """What a record holds, None where it is blank."""
    if cells is None:
        return _Cells(line, problem="a quotation mark in the wrong place")
    if not any(cell.strip() for cell in cells):
        return None
    problem = None
    if len(cells) != head.columns:
        problem = f"{'fewer' if len(cells) < head.columns else 'more'} cells than the header"
    series, at, value = _wanted(cells, head)
    return _Cells(line, series, at, value, problem)


class _Records:
    """(number of its first line, cells or None) of each CSV record. A quotation that goes wrong
    costs its own line only: reading resumes at the line below, not where the quotation ends."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._again: deque[str] = deque()
        self._taken: list[str] = []
        self._next = 1

    def __iter__(self) -> Iterator[tuple[int, list[str] | None]]:
        while True:
            self._taken, first = [], self._next
            try:
                cells = next(csv.reader(self._feed(), strict=True), None)
            except csv.Error:
                self.resume_below()
                cells = None
            if not self._taken:
                return
            yield first, cells

    def _feed(self) -> Iterator[str]:
        while line := self._again.popleft() if self._again else next(self._lines, ""):
            self._taken.append(line)
            self._next += 1
            yield line

    def resume_below(self) -> None:
        """Give back all but the first line of this record."""
        self._again.extendleft(reversed(self._taken[1:]))
        self._next -= len(self._taken) - 1
        self._taken = self._taken[:1]
