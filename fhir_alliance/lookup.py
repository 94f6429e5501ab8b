"""Finding again what we wrote. Every hit is checked on our side: identifier and subject must be ours (rule R7)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from .answers import Said
from .errors import Forbidden, NotFound, Refused
from .fhir.answered import answer_in, withdrawn
from .fhir.content import object_of
from .fhir.http import FhirClient
from .fhir.references import local
from .fhir.search import search
from .fhir.times import instant
from .sinks import Sink, compared_hash

Json = dict[str, Any]
WITHDRAWN = frozenset({"entered-in-error", "cancelled"})
"""Statuses of what is not to be used any more."""
_AUTHORED = ("authoredOn", "issued", "sent", "date")


def merged_into(client: FhirClient, patient: str) -> str | None:
    """Whom a patient ("Patient/id") was merged into: `Patient.link` of type replaced-by, followed once."""
    try:
        who = replaced_by(client.read(patient).body, client.bases)
    except (NotFound, Forbidden, Refused):
        return None
    return None if who == patient else who


def replaced_by(resource: Mapping[str, Any], bases: Sequence[str]) -> str | None:
    """ "Patient/id" on our own server that stands in a Patient's place, if there is one."""
    links = resource.get("link")
    for link in links if isinstance(links, list) else []:
        other = link.get("other") if isinstance(link, dict) else None
        who = local(other.get("reference"), "Patient", bases) if isinstance(other, dict) else None
        if who and link.get("type") == "replaced-by":
            return who
    return None


def subject_of(resource: Mapping[str, Any], bases: Sequence[str]) -> str | None:
    """ "Patient/id" that a resource of ours is about, if it is about one."""
    about = resource.get("subject") or resource.get("for")
    return local(about.get("reference"), "Patient", bases) if isinstance(about, dict) else None


def _identifiers(resource: Mapping[str, Any]) -> Iterator[tuple[Any, Any]]:
    found = resource.get("identifier")
    for one in found if isinstance(found, list) else []:
        if isinstance(one, dict):
            yield one.get("system"), one.get("value")


def is_ours(resource: Mapping[str, Any], system: str, key: str | None, patient: str, bases: Sequence[str]) -> bool:
    """Does it carry our identifier (key None: any of that system), and is it about this patient ("": about whoever)?"""
    named = any(s == system and key in (None, v) for s, v in _identifiers(resource))
    return named and (not patient or subject_of(resource, bases) == patient)


def _walk(client: FhirClient, type: str, params: list[tuple[str, str]], keep: Any) -> list[Json]:
    def take(raw: bytes) -> Json | None:
        resource = object_of(raw)
        return resource if resource and resource.get("id") and keep(resource) else None

    return search(client, type, params, take=take, page_size=50, page_cap=1000).items


def find_by_key(client: FhirClient, type: str, system: str, key: str, patient: str) -> list[Json]:
    """Resources with our identifier about this patient, from a complete search.

    Some EHRs answer no search without a patient, and others ignore the identifier: each hit is checked.
    """
    params = [("identifier", f"{system}|{key}")]
    params += [("patient", patient.removeprefix("Patient/"))] if patient else []
    return _walk(client, type, params, lambda r: is_ours(r, system, key, patient, client.bases))


def find_alike(
    client: FhirClient, sink: Sink, row: Mapping[str, Any], system: str, known: Collection[str]
) -> list[Json]:
    """Resources that say exactly what a row of the ledger was to write, where the EHR keeps no identifier.

    known  ids of resources that are known to be another write's
    """
    if not (about := sink.about(row)):
        return []

    def alike(r: Json) -> bool:
        ours = sink.identified and any(s == system for s, _ in _identifiers(r))
        same = compared_hash(sink, r, client.bases) == row["expected"]
        return same and not ours and r["id"] not in known

    return _walk(client, row["type"], about, alike)


def told_of(alert: Mapping[str, Any], type: str, bases: Sequence[str]) -> set[str]:
    """References of this type that say what an alert of ours is about: the score, or the form, of the onset."""
    context = alert.get("context")
    refs = [alert.get("focus"), *(e.get("valueReference") for e in alert.get("extension") or [] if isinstance(e, dict))]
    refs += alert.get("about") or []
    refs += (context.get("related") or []) if isinstance(context, dict) else []
    found = (local(r.get("reference"), type, bases) for r in refs if isinstance(r, dict))
    return {r for r in found if r}


def find_about(
    client: FhirClient, type: str, system: str, patient: str, onset: Collection[str], known: Collection[str]
) -> Json | None:
    """An alert of ours, not withdrawn, about the same score or the same form; None when there is none.

    onset  the Observation of the strain's first score where one was filed, and its QuestionnaireResponse
    known  ids of alerts that the store knows: one of another dyad, not taken back yet, is not this one
    """

    def about(r: Json) -> bool:
        focused = told_of(r, "Observation", client.bases) | told_of(r, "QuestionnaireResponse", client.bases)
        ended = r.get("status") in WITHDRAWN
        # Ended by a person, a Task is still the one alert about this strain; withdrawn by us, it is none.
        live = not (ended and (r.get("resourceType") != "Task" or withdrawn(r))) and not r.get("inResponseTo")
        ours = any(s == system for s, _ in _identifiers(r)) and subject_of(r, client.bases) == patient
        return not focused.isdisjoint(onset) and live and ours and r.get("id") not in known

    found = _walk(client, type, [("patient", patient.removeprefix("Patient/"))], about)
    return min(found, key=precedence, default=None)


def answered(alert: Mapping[str, Any]) -> bool:
    """Has a person said anything about it?"""
    answer = answer_in(alert, UTC, datetime.min.replace(tzinfo=UTC))
    return answer is not None and (answer.said is not Said.NOTHING or answer.until is not None)


def precedence(resource: Mapping[str, Any]) -> tuple[bool, datetime, str]:
    """Of several that say the same the least one stays: what a person has answered, else the older one, and of two of
    one second that with the smaller id. Told by the resources alone, so that two installations agree."""
    written = next((at for name in _AUTHORED if (at := instant(resource.get(name)))), None)
    return not answered(resource), written or datetime.max.replace(tzinfo=UTC), str(resource["id"])
