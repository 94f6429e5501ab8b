"""An Appointment that was missed because of the client: wire → who, when and how. Nothing is guessed.

A cancellation counts when the Appointment says both that it was the client's and that it came within 24 hours: the
reason by a code of HL7's system, the time by the R5 element as an extension (R4 has none; `meta.lastUpdated` is not
the time of the cancellation).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from .references import local
from .times import complete

REASONS = "http://terminology.hl7.org/CodeSystem/appointment-cancellation-reason"
CANCELLED_AT = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Appointment.cancellationDate"
BY_CLIENT = frozenset({"pat", "pat-crs", "pat-cpp", "pat-fb", "pat-lt", "pat-preg", "pat-ucp"})
"""Left out: deceased, moved, no longer insured, moved up from a waiting list. These say nothing about the alliance."""
LATE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class NotHeld:
    """A session that the client missed. `practitioners`: references as given, roles among them."""

    id: str
    at: datetime
    how: Literal["noshow", "cancelled"]
    practitioners: tuple[str, ...]


def not_held(
    appointment: Mapping[str, Any] | None, patient: str, bases: Sequence[str], now: datetime
) -> NotHeld | None:
    """What a missed Appointment of this patient tells; None for any other."""
    body = appointment or {}
    start, id = body.get("start"), body.get("id")
    at = complete(start) if isinstance(start, str) else None
    actors = [_reference(p.get("actor")) for p in _objects(body.get("participant"))]
    mine = any(local(a, "Patient", bases) == patient for a in actors)
    if at is None or at > now or not mine or not isinstance(id, str):
        return None
    how: Literal["noshow", "cancelled"]
    if body.get("status") == "noshow":
        how = "noshow"
    elif body.get("status") == "cancelled" and _by_client(body) and _late(body, at):
        how = "cancelled"
    else:
        return None
    kinds = ("Practitioner", "PractitionerRole")
    return NotHeld(id, at, how, tuple(r for a in actors for k in kinds if (r := local(a, k, bases))))


def _by_client(body: Mapping[str, Any]) -> bool:
    reason = body.get("cancelationReason")
    codings = _objects(reason.get("coding") if isinstance(reason, Mapping) else None)
    return any(c.get("system") == REASONS and c.get("code") in BY_CLIENT for c in codings)


def _late(body: Mapping[str, Any], start: datetime) -> bool:
    """Was it called off less than 24 hours before?"""
    told = (e.get("valueDateTime") for e in _objects(body.get("extension")) if e.get("url") == CANCELLED_AT)
    when = [at for text in told if isinstance(text, str) and (at := complete(text))]
    return len(when) == 1 and start - LATE < when[0]


def _reference(actor: object) -> object:
    return actor.get("reference") if isinstance(actor, Mapping) else None


def _objects(value: object) -> Iterator[Mapping[str, Any]]:
    return (item for item in value if isinstance(item, Mapping)) if isinstance(value, list) else iter(())
