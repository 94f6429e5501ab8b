"""Asking the EHR what changed: searches that find patients, not data (`fhir.md` 1.2-1.3).

A search over everybody is made only where the cohort is everybody, or where the site allows it
(`read.across_patients`); then it asks for ids, dates and subjects only, and who is not in the cohort is
forgotten at once. Elsewhere each patient is asked about.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal

from .config import Read, Settings
from .fhir.content import object_of
from .fhir.http import FhirClient
from .fhir.references import local
from .fhir.search import search
from .reading import last_updated, newer
from .rows import Row, row

TYPES = ("QuestionnaireResponse", "Encounter")
NOTHING: Mapping[Any, Any] = MappingProxyType({})
Mode = Literal["watermark", "clinical-window", "full-diff"]

BY = {
    "watermark": {"QuestionnaireResponse": "_lastUpdated", "Encounter": "_lastUpdated"},
    "clinical-window": {"QuestionnaireResponse": "authored", "Encounter": "date"},
}
"""Which search parameter finds what is new, by mode and type."""


@dataclass(slots=True)
class Changes:
    """What the searches saw.

    patients   of the results: to be read
    responses  ids of the responses among them: whoever held one before is to be read too
    newest     type → newest meta.lastUpdated
    unclear    a result did not say whose it is: its type, else ""
    nobodys    the results that did not
    """

    server_now: datetime
    patients: set[str] = field(default_factory=set)
    responses: set[str] = field(default_factory=set)
    newest: dict[str, datetime] = field(default_factory=dict)
    unclear: str = ""
    nobodys: list[Row] = field(default_factory=list)


def across(settings: Settings) -> bool:
    """May one search look over all patients?"""
    whom = settings.cohort
    return settings.read.across_patients or (whom.source == "search" and not (whom.query or whom.exclude))


def from_then(instant: datetime, read: Read) -> str:
    """The value of a search for what is not older.

    By days one more is asked for (D-5): a server may stamp, or compare, by the days of its own time zone.
    """
    at = instant.astimezone(UTC)
    return f"ge{at - timedelta(days=1):%Y-%m-%d}" if read.stamp == "day" else f"ge{at:%Y-%m-%dT%H:%M:%SZ}"


def changed(
    client: FhirClient,
    settings: Settings,
    mode: Literal["watermark", "clinical-window"],
    since: Mapping[str, datetime],
    patients: Iterable[str] | None,
    server_now: datetime,
    read: Mapping[tuple[str, str], str] = NOTHING,
) -> Changes:
    """Whoever has something changed since (by type). `patients`: ask about each of these; None: about everybody.

    read  (type, id) → the version that was read already: no change
    Raises what the client raises, Refused among it when the EHR does not take such a search.
    """
    found = Changes(server_now)
    for type in TYPES:
        asked = [(BY[mode][type], from_then(since[type], settings.read))]
        if patients is None:
            _ask(client, settings, type, [*asked, ("_elements", "id,meta,subject")], found, read)
        else:
            for patient in patients:
                _ask(client, settings, type, [("patient", patient.removeprefix("Patient/")), *asked], found, read)
    return found


def _ask(
    client: FhirClient,
    settings: Settings,
    type: str,
    params: list[tuple[str, str]],
    found: Changes,
    before: Mapping[tuple[str, str], str],
) -> None:
    def take(raw: bytes) -> None:
        newer(found.newest, type, last_updated(raw), found.server_now)
        this = row(type, raw)
        if this and before.get((type, this.id)) == this.version:
            return
        resource = object_of(raw) or {}
        who = _subject(resource, client)
        known = type == "QuestionnaireResponse" and isinstance(resource.get("id"), str)
        if who:
            found.patients.add(who)
        if known:
            found.responses.add(resource["id"])
        if not (who or known):
            found.unclear = type
            if this:
                found.nobodys.append(this)

    read = settings.read
    search(client, type, params, take=take, page_size=read.page_size, page_cap=read.page_cap)


def _subject(resource: Mapping[str, Any], client: FhirClient) -> str | None:
    subject = resource.get("subject")
    return local(subject.get("reference"), "Patient", client.bases) if isinstance(subject, Mapping) else None
