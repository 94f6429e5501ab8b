"""Rows that were read, by version: the overlap of a search brings them again, and that is no change (D-5).

A row counts as read only when the reading of its patient gave it: an index may show it to a search over everybody
first. Whoever could not be finished is stored as due, so what was read of that patient may be remembered all the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from .config import Read


class Row(NamedTuple):
    """A resource as a search gave it. `patient`: "Patient/id" whose reading gave it, "" for everybody's."""

    type: str
    id: str
    patient: str
    at: datetime
    version: str


class _Meta(msgspec.Struct):
    lastUpdated: datetime | None = None  # noqa: N815  FHIR's name
    versionId: Any = None  # noqa: N815  FHIR's name


class _Head(msgspec.Struct):
    id: str
    meta: _Meta


def row(type: str, raw: bytes, patient: str = "") -> Row | None:
    """The row that a resource is; None when it does not say which, or when it was changed."""
    try:
        head = msgspec.json.decode(raw, type=_Head)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    at = head.meta.lastUpdated
    return Row(type, head.id, patient, at, f"{at.isoformat()} {head.meta.versionId}") if at and at.tzinfo else None


def reach(read: Read) -> timedelta:
    """How far before a watermark a search by it begins, at most."""
    return read.overlap + timedelta(seconds=1)


class ReadRows:
    """What one pass has read and the next one's searches may bring again. Safe to use from several threads.

    A stamp may be as coarse as the server's clock is told, by seconds: a row that was changed in the second in which
    the pass began, or later, may be changed again under the same stamp and is not remembered. By days, none is.
    """

    def __init__(self, read: Read, server_now: datetime):
        self._reach, self._by_day = reach(read), read.stamp == "day"
        self._until = server_now - timedelta(seconds=1)
        self._newest: dict[str, datetime] = {}
        self._rows: list[Row] = []

    def add(self, rows: Iterable[Row | None]) -> None:
        """These were read."""
        for one in rows:
            if one is None or self._by_day or one.at > self._until:
                continue
            newest = self._newest[one.type] = max(self._newest.get(one.type, one.at), one.at)
            if one.at >= newest - self._reach:
                self._rows.append(one)

    def all(self) -> list[Row]:
        """Everything that is young enough to come again."""
        return [one for one in self._rows if one.at >= self._newest[one.type] - self._reach]
