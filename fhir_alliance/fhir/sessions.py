"""Encounters as therapy contacts, read leniently."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from ..model import Session
from ..restricted import UNREADABLE
from .content import canonical, digest
from .labels import read_labels
from .references import local, parse
from .stop import Stop
from .times import moment

_CANDIDATES = ("Practitioner", "PractitionerRole")


def read_session(resource: object, bases: Sequence[str]) -> Session | None:
    """A Session from an Encounter; None when it is none, has no id, or is no patient of ours.

    What cannot be read (a period, a class, a participant) is left out: it never fails the rest.
    """
    if not isinstance(resource, dict) or resource.get("resourceType") != "Encounter":
        return None
    subject, status = resource.get("subject"), resource.get("status")
    patient = local(subject.get("reference"), "Patient", bases) if isinstance(subject, dict) else None
    own = parse(f"Encounter/{id}") if isinstance(id := resource.get("id"), str) else None
    if patient is None or own is None:
        return None
    try:
        content = digest(canonical(resource))
    except (Stop, RecursionError):
        return None
    period = resource.get("period")
    period = period if isinstance(period, dict) else {}
    people = _people(resource.get("participant"), bases)
    return Session(
        id=own.id,
        patient=patient,
        status=status if isinstance(status, str) else "unknown",
        start=_time(period.get("start")),
        end=_time(period.get("end")),
        klass=_class(resource.get("class")),
        pprf=tuple(people["PPRF"]),
        atnd=tuple(people["ATND"]),
        untyped=tuple(people[""]),
        content=content,
        labels=_labels(resource),
    )


def _labels(resource: dict[str, Any]) -> tuple[str, ...]:
    """Its security labels; those that cannot be read are labels all the same."""
    try:
        return read_labels(resource)
    except Stop:
        return (UNREADABLE,)


def _time(value: object) -> datetime | None:
    """A time of day or a date (its noon), in UTC when it names no zone."""
    try:
        return moment(value, UTC).at if isinstance(value, str) else None
    except Stop:
        return None


def _class(value: object) -> str | None:
    """R4 has one Coding; some servers already send R5's list of CodeableConcepts."""
    for coding in (*_dicts([value]), *_dicts(value)):
        for one in (coding, *_dicts(coding.get("coding"))):
            if isinstance(one.get("code"), str):
                return str(one["code"])
    return None


def _people(participants: object, bases: Sequence[str]) -> dict[str, dict[str, None]]:
    """Candidates by participant type, most decisive first, each once and in order."""
    found: dict[str, dict[str, None]] = {"PPRF": {}, "ATND": {}, "": {}}
    for participant in _dicts(participants):
        who = participant.get("individual") or participant.get("actor")
        ref = parse(who.get("reference"), bases) if isinstance(who, dict) else None
        if ref is None or ref.base is not None or ref.type not in _CANDIDATES:
            continue
        codes = set(_codes(participant.get("type")))
        kind = next((k for k in ("PPRF", "ATND") if k in codes), None if codes else "")
        if kind is not None:
            found[kind][str(ref)] = None
    return found


def _codes(types: object) -> Iterator[str]:
    for concept in _dicts(types):
        for coding in _dicts(concept.get("coding")):
            if isinstance(coding.get("code"), str):
                yield coding["code"]


def _dicts(value: object) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
