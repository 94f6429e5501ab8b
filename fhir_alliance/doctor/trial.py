"""Trying what a pass does, on one patient of the cohort: are filters obeyed, and which forms are there?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec

from ..changes import from_then
from ..config import Read, Settings
from ..errors import EHRError, Refused
from ..fhir.http import FhirClient
from ..fhir.inbound import Rules, read_response, read_session
from ..fhir.questionnaire import named
from ..fhir.references import local
from ..fhir.search import Found, search
from ..fhir.stop import Stop
from ..instruments.cautions import unverified
from .findings import Form, Section
from .machine import unchecked

PATIENTS = 10
"""How many patients, spread over the cohort, are asked for until one has responses."""

_CODES = {
    "unknown-version": ("This version is not accepted.", "Map it, or add it to the instrument's file."),
    "licence-not-attested": (
        "Its instrument needs your own licence.",
        "If you hold it, name the instrument in licences.attested.",
    ),
    "security-label": ("A security label forbids processing them.", "See read.allow_labels."),
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
    section.worked.add("QuestionnaireResponse")
    own, foreign = _encounters(client, settings, patient)
    section.worked.add("Encounter")
    _filter("Encounter", "encounters", own, foreign, section)
    if not seen.own and not seen.foreign:
        section.warn(
            "responses",
            f"None, for {len(sample)} patients of the cohort.",
            "No form was filled in, or forms are kept elsewhere than as QuestionnaireResponse.",
            "Is it the right cohort? Choose a test patient who has filled one in, and ask where forms are filed.",
        )
    _forms(seen, section)
    for id in sorted({instrument for _, instrument, _ in seen.forms if instrument}):
        if warning := unverified(rules.instruments[id]):
            section.warn("keys", *unchecked(warning))


def try_watermark(client: FhirClient, settings: Settings, patient: str, now: datetime, section: Section) -> None:
    """Does a search for changes after tomorrow come back empty, as it should?"""
    ahead = now + timedelta(days=2)
    for kind in ("QuestionnaireResponse", "Encounter"):
        try:
            found = _ahead(client, settings.read, kind, patient, ahead)
        except Refused as error:
            _refused(client, settings.read, kind, patient, ahead, error, section)
            return
        if found:
            section.warn(
                "filters",
                f"The EHR ignores _lastUpdated in a search of {kind}.",
                "Each pass will read everybody.",
                'Set read.mode = "full-diff" to say so.',
            )
            return
    section.ok("filters", "A search by _lastUpdated is obeyed.")


def _ahead(client: FhirClient, read: Read, kind: str, patient: str, instant: datetime) -> int:
    """How many resources of a patient changed after an instant that has not come yet."""
    params = [("patient", patient.removeprefix("Patient/")), ("_lastUpdated", from_then(instant, read))]
    found: Found[None] = search(client, kind, params, take=_nothing, page_size=read.page_size, page_cap=read.page_cap)
    return found.distinct


def _refused(
    client: FhirClient, read: Read, kind: str, patient: str, ahead: datetime, error: Refused, section: Section
) -> None:
    """It is declared, and refused on use: does it want dates?"""
    what = f"The EHR refuses _lastUpdated in a search of {kind} ({error.status})."
    why, days = "Each pass will read everybody.", read.model_copy(update={"stamp": "day"})
    try:
        by_day = read.stamp == "second" and not _ahead(client, days, kind, patient, ahead)
    except EHRError:
        by_day = False
    if by_day:
        section.warn("filters", what, f"It takes dates, and no times. {why}", 'Set read.stamp = "day".')
    else:
        section.warn("filters", what, why, 'Set read.mode = "clinical-window" or "full-diff" to say so.')


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
            f"The EHR ignores `patient` in a search of {kind}: {foreign} {things} of other patients came along.",
            "They are left out; but every pass fetches them.",
            "Tell whoever runs the server.",
        )
    elif own:
        section.ok("filters", f"A search of {kind} by patient gave that patient's {own} {things} only.")


def _forms(seen: Seen, section: Section) -> None:
    for (canonical, instrument, code), count in sorted(seen.forms.items(), key=lambda f: (f[0][1] is None, f[0][0])):
        section.forms.append(Form(canonical, instrument, count, code))
        if code is not None:
            why, do = _CODES[code]
            section.warn("forms", f"{canonical}: {count} of its responses are not read.", why, do)
    if seen.forms and not any(instrument for _, instrument, _ in seen.forms):
        section.warn(
            "forms",
            "None of the questionnaires found is mapped.",
            "Nothing would be scored.",
            "If one of them is an alliance measure, map it under [questionnaires]; those of others are left alone.",
        )
