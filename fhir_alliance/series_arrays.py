"""Session scores from a large file: what `series.py` reads and sets aside, as arrays.

Lines that are written in a usual way are read many at once, from their bytes. Every other line goes through the
reading row by row, which alone knows what is wrong with it and says so.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from .detection.tolerance import EPSILON
from .model import Change
from .series import Header, Problem, Row, cells_of_line, clash, header, is_ndjson, read_rows, row_of_line, text_of_name
from .series_cells import EPOCH, Bytes, Places, instants, numbers, repeated, unquoted

_CHUNK = 1 << 21
_LONG = 2_000
"""Longer lines are read one by one."""
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class SeriesArrays:
    """All series sorted by name, their rows in the order of time, and what was set aside.

    names   [series]
    starts  [series + 1]: series s has the rows from starts[s] to starts[s + 1]
    values  [rows]: NaN where a form is missing
    at      [rows]: microseconds since 1970
    """

    names: list[str]
    starts: Places
    values: NDArray[np.float64]
    at: Places
    problems: tuple[Problem, ...]
    _given: _Given

    def given(self, rows: Places) -> list[str]:
        """The text of the times of these rows."""
        return self._given.texts(rows)


def read_arrays(data: bytes, change: Change) -> SeriesArrays:
    """What `read_series` reads, as arrays. ConfigError when the file as a whole has another shape."""
    problems: list[Problem] = []
    lines = None if is_ndjson(data) else _plain(data)
    table = _Table(data if lines is None else lines)
    if lines is None:
        for row in read_rows(data, change, problems):
            table.add_row(row)
    else:
        _Lines(lines, change, problems, table).read()
    return table.series(problems)


def _plain(data: bytes) -> bytes | None:
    """The CSV without quotation marks that says the same, where every line of it is a record; else None."""
    if b'"' in data:
        data = data.removeprefix(b"\xef\xbb\xbf")
        pieces = [unquoted(np.frombuffer(data[a:b], np.uint8)) for a, b in _pieces(data, 0)]
        if any(piece is None for piece in pieces):
            return None
        data = b"".join(piece.tobytes() for piece in pieces if piece is not None)
    return None if b"\r" in data and data.count(b"\r") != data.count(b"\r\n") else data


def _pieces(data: bytes, begin: int) -> Iterator[tuple[int, int]]:
    """(first, last + 1) of pieces of whole lines."""
    while begin < len(data):
        end = data.rfind(b"\n", begin, begin + _CHUNK) + 1 or data.find(b"\n", begin + _CHUNK) + 1 or len(data)
        yield begin, end
        begin = end


# -- rows as they come ---------------------------------------------------------------------------


class _Names(dict[bytes, int]):
    """Number of each name by the bytes of its cell, -1 for a cell that names nothing."""

    def __init__(self) -> None:
        self.of: dict[str, int] = {}

    def __missing__(self, cell: bytes) -> int:
        name = text_of_name(cell.decode(errors="surrogateescape").strip())
        self[cell] = number = self.of.setdefault(name, len(self.of)) if name else -1
        return number


@dataclass(slots=True)
class _Given:
    """Where the texts of times stand in the file, or the texts themselves for rows that were read one by one."""

    data: bytes
    first: Places
    length: Places
    apart: list[str]

    def texts(self, rows: Places) -> list[str]:
        """Of these rows."""
        spans = zip(self.first[rows].tolist(), self.length[rows].tolist(), strict=True)
        return [self.data[a : a + n].decode() if n else self.apart[a] for a, n in spans]


@dataclass(slots=True)
class _Table:
    """Rows in no order, as parts of columns. given: place of the time's text in the file, or in `apart`, length 0."""

    data: bytes
    names: _Names = field(default_factory=_Names)
    parts: list[tuple[Places, Places, NDArray[np.float64], Places, Places, Places]] = field(default_factory=list)
    apart: list[str] = field(default_factory=list)
    _series: array[int] = field(default_factory=lambda: array("q"))
    _at: array[int] = field(default_factory=lambda: array("q"))
    _values: array[float] = field(default_factory=lambda: array("d"))
    _lines: array[int] = field(default_factory=lambda: array("q"))

    def add_row(self, row: Row) -> None:
        """A row that was read by itself."""
        self._series.append(self.names.of.setdefault(row.series, len(self.names.of)))
        self._at.append((row.at - EPOCH) // _MICROSECOND)
        self._values.append(np.nan if row.value is None else row.value)
        self._lines.append(row.line)
        self.apart.append(row.given)

    def series(self, problems: list[Problem]) -> SeriesArrays:
        """The rows by series and time; those of one series at one instant become missing forms."""
        own = tuple(np.frombuffer(a, np.int64) for a in (self._series, self._at, self._lines))
        rest = np.arange(len(self.apart))
        self.parts.append((own[0], own[1], np.frombuffer(self._values), own[2], rest, np.zeros_like(rest)))
        number, at, values, line, first, length = (np.concatenate(column) for column in zip(*self.parts, strict=True))
        self.parts.clear()
        has_rows = np.bincount(number, minlength=len(self.names.of)) > 0
        names = sorted(name for name, n in self.names.of.items() if has_rows[n])
        rank = np.empty(len(has_rows), np.int64)
        rank[np.array([self.names.of[name] for name in names], np.int64)] = np.arange(len(names))
        rank = rank[number]
        if not _ascends(rank, at, line):
            order = np.lexsort((line, at, rank))
            rank, at, values, line, first, length = (c[order] for c in (rank, at, values, line, first, length))
        starts = np.searchsorted(rank, np.arange(len(names) + 1))
        given = _Given(self.data, first, length, self.apart)
        problems += _clashes(names, rank, at, values, line, given)
        return SeriesArrays(names, starts, values, at, tuple(problems), given)


def _ascends(rank: Places, at: Places, line: Places) -> bool:
    same, later = rank[1:] == rank[:-1], at[1:] > at[:-1]
    in_line = (at[1:] == at[:-1]) & (line[1:] > line[:-1])
    return bool(((rank[1:] > rank[:-1]) | (same & (later | in_line))).all())


def _clashes(
    names: list[str], rank: Places, at: Places, values: NDArray[np.float64], line: Places, given: _Given
) -> list[Problem]:
    """Take the values of rows of one series at one instant away. Why, by series and then by first line."""
    again = np.flatnonzero((rank[1:] == rank[:-1]) & (at[1:] == at[:-1])) + 1
    if not len(again):
        return []
    rows = np.union1d(again - 1, again)
    begins = np.flatnonzero(np.concatenate(([True], (np.diff(rank[rows]) != 0) | (np.diff(at[rows]) != 0))))
    groups = np.split(rows, begins[1:])
    values[rows] = np.nan
    groups.sort(key=lambda g: (rank[g[0]], line[g[0]]))
    texts = given.texts(np.array([g[0] for g in groups]))
    return [clash(names[rank[g[0]]], text, line[g].tolist()) for g, text in zip(groups, texts, strict=True)]


# -- lines without quotation marks ---------------------------------------------------------------


class _Lines:
    """A CSV in which every line is a record, read by chunks of whole lines."""

    def __init__(self, data: bytes, change: Change, problems: list[Problem], table: _Table) -> None:
        self._data, self._change, self._problems, self._table = data, change, problems, table
        self._text: Bytes = np.frombuffer(data, np.uint8)
        self._line = 0
        """Lines before the chunk."""

    def read(self) -> None:
        """Every line, into the table or the problems."""
        begin, head = self._header()
        for chunk in _pieces(self._data, begin):
            self._chunk(*chunk, head)

    def _header(self) -> tuple[int, Header]:
        """(place below the header, what it says)."""
        begin, cells = len(self._data) - len(self._data.removeprefix(b"\xef\xbb\xbf")), list[str]()
        while begin < len(self._data) and not cells:
            self._line += 1
            end = self._data.find(b"\n", begin) + 1 or len(self._data)
            cells = cells_of_line(self._data[begin:end].decode(errors="surrogateescape")) or []
            begin = end
        return begin, header(cells)

    def _chunk(self, begin: int, end: int, head: Header) -> None:
        text = np.append(self._text[begin:end], np.zeros(8, np.uint8))
        ends = np.flatnonzero(text == ord("\n"))
        if self._data[end - 1 : end] != b"\n":
            ends = np.append(ends, end - begin)
        first = np.concatenate(([0], ends[:-1] + 1))
        last = ends - ((ends > first) & (text[ends - 1] == ord("\r")))
        read = np.zeros(len(first), np.bool_)
        self._usual(begin, text, first, last, head, read)
        for line in np.flatnonzero(~read).tolist():
            whole = self._data[begin + first[line] : begin + last[line]].decode(errors="surrogateescape")
            if row := row_of_line(self._line + line + 1, whole, head, self._change, self._problems):
                self._table.add_row(row)
        self._line += len(first)

    def _usual(
        self, begin: int, text: Bytes, first: Places, last: Places, head: Header, read: NDArray[np.bool_]
    ) -> None:
        """Lines with the right number of cells, each as it is mostly written. They are marked in `read`."""
        commas = np.flatnonzero(text == ord(","))
        before = np.searchsorted(commas, first)
        counts = np.diff(before, append=len(commas))
        lines = np.flatnonzero((counts == head.columns - 1) & (last - first < _LONG))
        before, first, last = before[lines], first[lines], last[lines]
        bounds = [
            (commas[before + p - 1] + 1 if p else first, commas[before + p] if p < head.columns - 1 else last)
            for p in head.places
        ]
        (named, named_end), (at, at_end), (value, value_end) = bounds
        series = self._series(begin, text, named, named_end)
        times, usual = instants(text, at, at_end - at)
        values, right = numbers(text, value, value_end - value)
        low, high = self._change.minimum, self._change.maximum
        usual &= right & (series >= 0)
        usual &= np.isnan(values) | ((low - EPSILON <= values) & (values - EPSILON <= high))
        read[lines[usual]] = True
        line = self._line + 1 + lines
        columns = (series, times, values, line, begin + at, at_end - at)
        self._table.parts.append(columns if usual.all() else tuple(c[usual] for c in columns))  # type: ignore[arg-type]

    def _series(self, begin: int, text: Bytes, first: Places, last: Places) -> Places:
        """Number of the series that each cell names, -1 where it names none."""
        data, number = self._data, self._table.names
        new = np.flatnonzero(~repeated(text, first, last - first))
        spans = zip((begin + first[new]).tolist(), (begin + last[new]).tolist(), strict=True)
        found = np.fromiter((number[data[a:b]] for a, b in spans), np.int64, len(new))
        return np.repeat(found, np.diff(new, append=len(first)))
