"""Trying what a pass does, on one patient of the cohort: are filters obeyed, and which forms are there?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec

from ..config import Settings
from ..fhir.http import FhirClient
from ..fhir.inbound import Rules, read_response, read_session
from ..fhir.questionnaire import named
from ..fhir.references import local
from ..fhir.search import Found, search
from ..fhir.stop import Stop
from ..instruments.cautions import unverified
from .findings import Form, Section

PATIENTS = 10
"""How many patients, spread over the cohort, are asked for until one has responses."""

_CODES = {
    "unknown-version": "This version is not accepted: map it, or add it to the instrument's file.",
    "licence-not-attested": "Skipped until licences.attested names it.",
    "security-label": "A security label forbids processing it: see read.allow_labels.",
}


@dataclass(slots=True)
class Seen:
    """Responses that came back: how many of the patient, how many of others, and which forms."""

    own: int = 0
    foreign: int = 0
    forms: Counter[tuple[str, str | None, str | None]] = field(default_factory=Counter)


def try_reading(client: FhirClient, settings: Settings, roster: Sequence[str], rules: Rules, section: Section) -> None:
    """Search responses and encounters as a pass does. EHRError when that cannot be done."""
    seen, patient = Seen(), roster[0]
    sample = roster[:: -(-len(roster) // PATIENTS)]
    for patient in sample:
        seen = _responses(client, settings, patient, rules)
        if seen.own or seen.foreign:
            break
    _filter("QuestionnaireResponse", "responses", seen.own, seen.foreign, section)
    own, foreign = _encounters(client, settings, patient)
    _filter("Encounter", "encounters", own, foreign, section)
    if not seen.own and not seen.foreign:
        section.warn("responses", f"None, for {len(sample)} patients of the cohort: is it the right one?")
    _forms(seen, section)
    for id in sorted({instrument for _, instrument, _ in seen.forms if instrument}):
        if warning := unverified(rules.instruments[id]):
            section.warn("keys", f"{warning}.")


def try_watermark(client: FhirClient, settings: Settings, patient: str, now: datetime, section: Section) -> None:
    """Does a search for changes after tomorrow come back empty, as it should?"""
    ahead = (now + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    for kind in ("QuestionnaireResponse", "Encounter"):
        params = [("patient", patient.removeprefix("Patient/")), ("_lastUpdated", f"ge{ahead}")]
        read = settings.read
        found: Found[None] = search(
            client, kind, params, take=_nothing, page_size=read.page_size, page_cap=read.page_cap
        )
        if found.distinct:
            section.warn(
                "filters",
                f"The EHR ignores _lastUpdated in a search of {kind}: each pass will read everybody. "
                'Set read.mode = "full-diff" to say so.',
            )
            return
    section.ok("filters", "A search by _lastUpdated is obeyed.")


def _nothing(_: bytes) -> None:
    return None


def _responses(client: FhirClient, settings: Settings, patient: str, rules: Rules) -> Seen:
    seen = Seen()

    def take(raw: bytes) -> None:
        resource = _object(raw)
        about = resource.get("subject")
        reference = about.get("reference") if isinstance(about, dict) else None
        who = local(reference, "Patient", client.bases)
        if who not in {None, patient}:
            seen.foreign += 1
            return
        seen.own += 1
        reading = read_response(resource, rules)
        code = reading.code if reading.code in _CODES else None
        seen.forms[_canonical(resource), reading.instrument, code] += 1

    _walk(client, settings, "QuestionnaireResponse", patient, take)
    return seen


def _encounters(client: FhirClient, settings: Settings, patient: str) -> tuple[int, int]:
    counts = Counter[bool]()

    def take(raw: bytes) -> None:
        session = read_session(_object(raw), client.bases)
        if session is not None:
            counts[session.patient == patient] += 1

    _walk(client, settings, "Encounter", patient, take)
    return counts[True], counts[False]


def _walk(client: FhirClient, settings: Settings, kind: str, patient: str, take: Any) -> None:
    read, params = settings.read, [("patient", patient.removeprefix("Patient/"))]
    search(client, kind, params, take=take, page_size=read.page_size, page_cap=read.page_cap)


def _object(raw: bytes) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(raw)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _canonical(resource: dict[str, Any]) -> str:
    """The canonical for the operator: an address, never other text that happens to stand there."""
    try:
        canonical = named(resource)
    except Stop:
        return "(unreadable)"
    if canonical is None:
        return "(none)"
    if canonical.startswith("#"):
        return "(contained)"
    plain = canonical.isascii() and canonical.isprintable() and " " not in canonical
    address = "://" in canonical or canonical.startswith(("urn:", "Questionnaire/"))
    return canonical if plain and address and len(canonical) <= 200 else "(no canonical URL)"


def _filter(kind: str, things: str, own: int, foreign: int, section: Section) -> None:
    if foreign:
        section.warn(
            "filters",
            f"The EHR ignores `patient` in a search of {kind}: {foreign} {things} of other patients came along. "
            "They are left out; but every pass fetches them.",
        )
    elif own:
        section.ok("filters", f"A search of {kind} by patient gave that patient's {own} {things} only.")


def _forms(seen: Seen, section: Section) -> None:
    for (canonical, instrument, code), count in sorted(seen.forms.items(), key=lambda f: (f[0][1] is None, f[0][0])):
        section.forms.append(Form(canonical, instrument, count, code))
        if code is not None:
            section.warn("forms", f"{canonical}: {_CODES[code]}")
    if seen.forms and not any(instrument for _, instrument, _ in seen.forms):
        section.warn("forms", "None of the questionnaires found is mapped: add yours under [questionnaires].")
