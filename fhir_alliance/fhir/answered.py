"""What a person did to an alert of ours, read from the resource: wire → model (`decisions.md` 2.6)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from ..answers import MEANING, Answer, Said
from .stop import Stop
from .times import TIME_UNKNOWN, moment

WITHDRAWN = "withdrawn"


def answer_in(resource: Mapping[str, Any], zone: tzinfo, now: datetime) -> Answer | None:
    """The answer that a Task or a Flag holds; None where it says nothing about what a person thinks: it is of another
    type, or we withdrew it.

    zone  for a snooze that names no time zone. A date stands for the beginning of that day
    """
    type, status = resource.get("resourceType"), resource.get("status")
    meaning = MEANING.get(str(type))
    if meaning is None or (withdrawn(resource) and status in {"cancelled", "entered-in-error"}):
        return None
    said = meaning.get(str(status), Said.NOTHING)
    until = _start(resource, zone)
    return Answer(said, until if until and until > now else None)


def withdrawn(task: Mapping[str, Any]) -> bool:
    """Does its business status say that we withdrew it? (A Task that a person had ended keeps that status.)"""
    state = task.get("businessStatus")
    codings = state.get("coding") if isinstance(state, Mapping) else None
    found = codings if isinstance(codings, list) else []
    return any(c.get("code") == WITHDRAWN for c in found if isinstance(c, Mapping))


def _start(task: Mapping[str, Any], zone: tzinfo) -> datetime | None:
    """`restriction.period.start`: not before then."""
    restriction = task.get("restriction")
    period = restriction.get("period") if isinstance(restriction, Mapping) else None
    start = period.get("start") if isinstance(period, Mapping) else None
    if not isinstance(start, str):
        return None
    try:
        read = moment(start, zone)
    except Stop:
        return None
    if TIME_UNKNOWN not in read.flags:
        return read.at
    return (read.at.astimezone(zone) - timedelta(hours=12)).astimezone(UTC)
