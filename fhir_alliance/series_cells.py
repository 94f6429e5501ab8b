"""Cells of a file's bytes as numbers and instants, many at once, where they are written in a usual way.

Whatever is not is left to the row by row reading of `series.py`, which alone says what is right.
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Places = NDArray[np.int64]
Mask = NDArray[np.bool_]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ZERO, _DOT, _QUOTE = ord("0"), ord("."), ord('"')
_SEPARATORS = np.frombuffer(b",\r\n", np.uint8)
_EXACT = 1 << 53
_TENS = np.array([float(f"1e{n}") for n in range(24)])
_TELLING = 18
"""Longest cell whose digits are below 2^63."""
_FIRST_BYTES = np.array([(1 << 8 * n) - 1 for n in range(9)], np.uint64)
_SECOND = 1_000_000


def numbers(text: Bytes, first: Places, length: Places) -> tuple[NDArray[np.float64], Mask]:
    """(values, which are right) of cells like 4, 4.25 and 4.083333333333333; an empty cell is NaN, and right.

    Digits up to 2^53 and a power of ten up to 10^22 are floats, and their quotient is rounded once: what `float` gives.
    """
    values, right = np.full(len(first), np.nan), length == 0
    for size in range(1, 25):
        rows = np.flatnonzero(length == size)
        if len(rows):
            values[rows], right[rows] = _decimals(text, first[rows], size)
    return values, right


def _decimals(text: Bytes, first: Places, size: int) -> tuple[NDArray[np.float64], Mask]:
    whole = np.zeros(len(first), np.int64)
    places = np.full(len(first), -1)  # digits after the dot; -1: no dot yet
    right = np.ones(len(first), np.bool_)
    for column in range(size):
        byte = text[first + column]
        dot, digit = byte == _DOT, byte - np.uint8(_ZERO)
        if dot.any():
            right &= (digit <= 9) | (dot & (places < 0))
            whole = np.where(dot, whole, whole * 10 + digit)
            places = np.where(dot, 0, places + (places >= 0))
        else:
            right &= digit <= 9
            whole *= 10
            whole += digit
            places += places >= 0
    right &= places < size - 1  # more than a dot
    values = whole / _TENS[np.maximum(places, 0)]
    long = np.flatnonzero(right & ((whole > _EXACT) | (size > _TELLING)))
    cells = text.tobytes() if len(long) else b""
    values[long] = [float(cells[a : a + size]) for a in first[long].tolist()]
    return values, right


def instants(text: Bytes, first: Places, length: Places) -> tuple[Places, Mask]:
    """(microseconds since 1970, which are right) of cells like 2026-01-05, 2026-01-05T10:30 and 2026-01-05T10:30:15,
    the latter two with Z, an offset like +01:00, or none. UTC where none is said; a space may stand for the T."""
    at, right = np.zeros(len(first), np.int64), np.zeros(len(first), np.bool_)
    for size in (10, 16, 17, 19, 20, 22, 25):
        rows = np.flatnonzero(length == size)
        if len(rows):
            at[rows], right[rows] = _instants(text, first[rows], size)
    return at, right


def _instants(text: Bytes, first: Places, size: int) -> tuple[Places, Mask]:
    right = np.ones(len(first), np.bool_)

    def number(begin: int, end: int, least: int, most: int) -> Places:
        value = np.zeros(len(first), np.int64)
        for column in range(begin, end):
            digit = text[first + column] - np.uint8(_ZERO)
            np.logical_and(right, digit <= 9, out=right)
            value = value * 10 + digit
        np.logical_and(right, (least <= value) & (value <= most), out=right)
        return value

    def sign(column: int, allowed: str) -> Bytes:
        byte = text[first + column]
        np.logical_and(right, np.isin(byte, np.frombuffer(allowed.encode(), np.uint8)), out=right)
        return byte

    sign(4, "-")
    sign(7, "-")
    # At the first and the last year an offset may lead out of the calendar.
    days, exists = _days(number(0, 4, 2, 9998), number(5, 7, 1, 12), number(8, 10, 1, 31))
    right &= exists
    seconds = days * 86_400
    if size > 10:
        sign(10, "T ")
        sign(13, ":")
        seconds += number(11, 13, 0, 23) * 3600 + number(14, 16, 0, 59) * 60
    if size in (19, 20, 25):
        sign(16, ":")
        seconds += number(17, 19, 0, 59)
    if size in (17, 20):
        sign(size - 1, "Z")
    if size in (22, 25):
        plus = sign(size - 6, "+-") == ord("+")
        sign(size - 3, ":")
        ahead = number(size - 5, size - 3, 0, 23) * 3600 + number(size - 2, size, 0, 59) * 60
        seconds -= np.where(plus, ahead, -ahead)
    return seconds * _SECOND, right


def _days(year: Places, month: Places, day: Places) -> tuple[Places, Mask]:
    """(days since 1970, whether there is such a day) in the Gregorian calendar."""
    months = (year - 1970) * 12 + month - 1
    begin = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    end = (months + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    return begin + day - 1, begin + day <= end


def repeated(text: Bytes, first: Places, length: Places) -> Mask:
    """Which cells are the same as the one before them. `text` goes on for eight bytes after the last cell."""
    same = np.zeros(len(first), np.bool_)
    same[1:] = length[1:] == length[:-1]
    words = np.ndarray((len(text) - 7,), "<u8", text, strides=(1,))
    for column in range(0, int(length.max(initial=0)), 8):
        rest = np.minimum(np.maximum(length - column, 0), 8)
        word = words[np.minimum(first + column, len(words) - 1)] & _FIRST_BYTES[rest]
        same[1:] &= word[1:] == word[:-1]
    return same


def unquoted(text: Bytes) -> Bytes | None:
    """A CSV without its quotation marks, where each pair of them holds one whole cell that needs none; else None."""
    marks = np.flatnonzero(text == _QUOTE)
    if len(marks) % 2:
        return None
    opening, closing = marks[::2], marks[1::2]
    separates = np.isin(text, _SEPARATORS)
    whole = separates[opening - 1] | (opening == 0)
    whole &= np.append(separates, True)[closing + 1]
    between = np.flatnonzero(separates)
    whole &= np.searchsorted(between, opening) == np.searchsorted(between, closing)
    return text[text != _QUOTE] if whole.all() else None
