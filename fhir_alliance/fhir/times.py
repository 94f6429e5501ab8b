"""FHIR dates and times, read leniently but never guessed (`fhir.md` 5.5, "People and time")."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from .stop import Stop, set_aside

TIME_UNKNOWN = "time_unknown"
TZ_ASSUMED = "tz_assumed"
EARLIEST_YEAR = 1990
MOST_AHEAD = timedelta(hours=24)
NOON = "T12:00:00"

_DATE_TIME = re.compile(
    r"(?P<year>\d{4})(?:-(?:0[1-9]|1[0-2])(?P<day>-(?:0[1-9]|[12]\d|3[01])"
    r"(?P<time>T(?:[01]\d|2[0-3]):[0-5]\d(?P<second>:(?:[0-5]\d|60))?(?(second)(?:\.\d+)?)"
    r"(?P<zone>Z|[+-](?:(?:0\d|1[0-3]):[0-5]\d|14:00))?)?)?)?",
    re.ASCII,
)

_COMPLETE = re.compile(
    r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?"
    r"(?:Z|[+-](?:(?:0\d|1[0-3]):[0-5]\d|14:00))",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Moment:
    """A dateTime as given. `at` is the instant that it stands for, in UTC; `effective` the same as a valid
    FHIR dateTime: an assumed zone is added, a date stays a date."""

    at: datetime
    effective: str
    flags: tuple[str, ...] = ()


def shape(text: object) -> str | None:
    """The text, if it looks like a FHIR date or dateTime (and so holds nothing else), or None."""
    return text if isinstance(text, str) and _DATE_TIME.fullmatch(text) else None


def complete(text: str) -> datetime | None:
    """The instant, in UTC, of a time with seconds and zone, the form that nearly all come in; None for any other."""
    try:
        at = datetime.fromisoformat(text) if _COMPLETE.fullmatch(text) else None
        return at if at is None or at.tzinfo is UTC else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def moment(text: str, zone: tzinfo) -> Moment:
    """Read a dateTime. Stop: outside the FHIR pattern, not a day of the calendar, or less than a day precise.

    Without a zone it is read in `zone`; a date stands for its noon there. Seconds may be missing
    (`:00`), and a leap second counts as `:59`.
    """
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        raise set_aside("authored-invalid", "authored is not a FHIR dateTime")
    if match["day"] is None:
        raise set_aside("authored-imprecise", "authored names no day")
    try:
        if match["time"] is None:
            at = datetime.fromisoformat(text + NOON).replace(tzinfo=zone).astimezone(UTC)
            return Moment(at, text, (TIME_UNKNOWN,))
        full = _whole(text, match)
        at = datetime.fromisoformat(full)
        if at.tzinfo is not None:
            return Moment(at.astimezone(UTC), full)
        local = at.replace(tzinfo=zone)
        return Moment(local.astimezone(UTC), full + _offset(local), (TZ_ASSUMED,))
    except OverflowError:
        raise set_aside("authored-implausible", "authored is at the end of the calendar") from None
    except ValueError:
        raise set_aside("authored-invalid", "authored is no day of the calendar") from None


def _whole(text: str, match: re.Match[str]) -> str:
    """With seconds, and none of them a sixtieth."""
    second = match["second"]
    if second is None:
        end = match.start("zone") if match["zone"] else len(text)
        return f"{text[:end]}:00{text[end:]}"
    if second == ":60":
        start = match.start("second")
        return f"{text[:start]}:59{text[start + 3 :]}"
    return text


def _offset(local: datetime) -> str:
    minutes = round((local.utcoffset() or timedelta()).total_seconds() / 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def plausible(at: datetime, text: str, now: datetime) -> None:
    """Stop when a form cannot have been filled in then: before 1990, or more than 24 h from now."""
    if int(text[:4]) < EARLIEST_YEAR or at - now > MOST_AHEAD:
        raise set_aside("authored-implausible", "authored is before 1990 or in the future")


def authored(value: object, zone: tzinfo, now: datetime) -> Moment:
    """`QuestionnaireResponse.authored`, checked for plausibility."""
    if value is None:
        raise set_aside("authored-missing", "authored is missing")
    if not isinstance(value, str):
        raise set_aside("wrong-type", "authored is not text")
    read = moment(value, zone)
    plausible(read.at, value, now)
    return read


def instant(value: object) -> datetime | None:
    """A time stamp such as `meta.lastUpdated`, in UTC; None when there is none that can be read."""
    if not isinstance(value, str):
        return None
    try:
        return complete(value) or moment(value, UTC).at
    except Stop:
        return None
