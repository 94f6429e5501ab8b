"""Reads `clinic.toml`: who comes to the synthetic clinic, what they say, and the events that must come out."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

NO_SCORE = ("missing", "no-show", "elsewhere", "in progress", "3 of 4", "out of range", "other version")
SET_ASIDE = ("3 of 4", "out of range", "other version")

Event = tuple[int, str, int]
"""Index in the series from 1, kind, level."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What one session brought to a series. `note` is one of NO_SCORE, or "" where there is a total.

    amended, retracted  the pass before which the response changed; `was` is what it said until then
    """

    total: float | None = None
    note: str = ""
    answered: int | None = None
    bond: float | None = None
    was: float | None = None
    amended: int | None = None
    retracted: int | None = None
    link: bool = True

    @property
    def final(self) -> float | None:
        """The score that stands in the end."""
        return None if self.retracted else self.total


@dataclass(frozen=True, slots=True)
class Series:
    """One client, one practitioner (or several in the room), one instrument, one rater.

    start  number of the client's session that the first entry belongs to
    """

    instrument: str
    practitioners: tuple[str, ...]
    entries: tuple[Entry, ...]
    events: tuple[Event, ...]
    withdrawn: tuple[Event, ...] = ()
    subscale_drops: tuple[tuple[int, str], ...] = ()
    start: int = 1
    relative: bool = False


@dataclass(frozen=True, slots=True)
class Client:
    """`every` and `ended` are weeks; `unknown` are sessions with a questionnaire that nobody mapped.

    alert  state and priority of the client's only Task in the end, () when there must be none
    """

    id: str
    kind: str
    day: int
    series: tuple[Series, ...]
    every: int = 1
    ended: int = 0
    unknown: tuple[int, ...] = ()
    alert: tuple[str, ...] = ()

    @property
    def sessions(self) -> int:
        """How many sessions were booked."""
        return max(s.start + len(s.entries) - 1 for s in self.series)

    def at(self, session: int) -> list[tuple[Series, Entry]]:
        """What each series says of one session (numbered from 1)."""
        return [(s, s.entries[session - s.start]) for s in self.series if s.start <= session < s.start + len(s.entries)]


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole file."""

    practitioners: tuple[str, ...]
    roles: tuple[str, ...]
    cutoffs: Mapping[str, float]
    clients: tuple[Client, ...]


@cache
def plan() -> Plan:
    """The clinic that comes with the package."""
    table = tomllib.loads(files(__package__).joinpath("clinic.toml").read_text(encoding="utf-8"))
    return Plan(
        tuple(table["practitioners"]), tuple(table["roles"]), table["cutoffs"], tuple(map(_client, table["client"]))
    )


def _client(table: dict[str, Any]) -> Client:
    rest: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in table.items()}
    return Client(**rest | {"series": tuple(map(_series, table["series"]))})


def _series(table: dict[str, Any]) -> Series:
    rest: dict[str, Any] = {k: v for k, v in table.items() if k in {"instrument", "start", "relative"}}
    for name in ("events", "withdrawn", "subscale_drops"):
        rest[name] = tuple(map(tuple, table.get(name, ())))
    return Series(practitioners=tuple(table["with"]), entries=tuple(map(_entry, table["totals"])), **rest)


def _entry(item: float | str | dict[str, Any]) -> Entry:
    if isinstance(item, dict):
        return Entry(**item)
    if isinstance(item, str):
        if item not in NO_SCORE:
            raise ValueError(f"clinic.toml: {item!r} is not known")
        return Entry(note=item)
    return Entry(total=item)
