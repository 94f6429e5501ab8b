"""Trying what a pass does, on one patient of the cohort: which forms are there, and whose are the sessions?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ..config import Settings
from ..fhir.http import FhirClient
from ..fhir.inbound import Rules, read_response, read_session
from ..fhir.questionnaire import named
from ..fhir.references import local
from ..fhir.search import search
from ..fhir.stop import Stop
from ..instruments.cautions import unverified
from ..model import Outcome, Session
from .findings import Form, Section
from .machine import unchecked
from .sessions import try_sessions

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
    """Responses that came back: how many of the patient, how many of others, which forms, and of the mapped ones how
    many name their encounter."""

    own: int = 0
    foreign: int = 0
    forms: Counter[tuple[str, str | None, str | None]] = field(default_factory=Counter)
    mapped: int = 0
    linked: int = 0


def try_reading(client: FhirClient, settings: Settings, roster: Sequence[str], rules: Rules, section: Section) -> None:
    """Search responses and encounters as a pass does. EHRError when that cannot be done."""
    seen, patient = Seen(), roster[0]
    sample = roster[:: -(-len(roster) // PATIENTS)]
    for patient in sample:
        seen = _responses(client, settings, patient, rules)
        if seen.own or seen.foreign:
            break
    section.worked.add("QuestionnaireResponse")
    sessions, foreign = _encounters(client, settings, patient)
    section.worked.add("Encounter")
    ignored = _ignored("QuestionnaireResponse", seen.foreign, section) + _ignored("Encounter", foreign, section)
    if not ignored and (seen.own or sessions):
        told = f"{seen.own} responses and {len(sessions)} encounters"
        section.ok("one patient", f"Searches by patient gave that patient's {told}, and nobody else's.")
    if not seen.own and not seen.foreign:
        section.warn(
            "responses",
            f"None, for {len(sample)} patients of the cohort.",
            "No form was filled in, or forms are kept elsewhere than as QuestionnaireResponse.",
            "Is it the right cohort? Choose a test patient who has filled one in, and ask where forms are filed.",
        )
    _forms(seen, section)
    try_sessions(settings, sessions, seen.mapped, seen.linked, section)
    for id in sorted({instrument for _, instrument, _ in seen.forms if instrument}):
        if warning := unverified(rules.instruments[id]):
            section.warn("keys", *unchecked(warning))


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
        unread = reading.code in _CODES or reading.outcome is Outcome.SET_ASIDE
        seen.forms[_canonical(resource), reading.instrument, reading.code if unread else None] += 1
        seen.mapped += reading.instrument is not None
        seen.linked += reading.instrument is not None and reading.encounter is not None

    _walk(client, settings, "QuestionnaireResponse", patient, take)
    return seen


def _encounters(client: FhirClient, settings: Settings, patient: str) -> tuple[list[Session], int]:
    """The patient's sessions, and how many encounters of others came along."""
    own, foreign = list[Session](), 0

    def take(raw: bytes) -> None:
        nonlocal foreign
        session = read_session(_object(raw), client.bases)
        if session is None:
            return
        if session.patient == patient:
            own.append(session)
        else:
            foreign += 1

    _walk(client, settings, "Encounter", patient, take)
    return own, foreign


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


def _ignored(kind: str, foreign: int, section: Section) -> bool:
    if foreign:
        section.warn(
            "filters",
            f"The EHR ignores `patient` in a search of {kind}: {foreign} of other patients came along.",
            "They are left out; but every pass fetches them.",
            "Tell whoever runs the server.",
        )
    return bool(foreign)


def _forms(seen: Seen, section: Section) -> None:
    for (canonical, instrument, code), count in sorted(_told(seen).items(), key=lambda f: (f[0][1] is None, f[0][0])):
        section.forms.append(Form(canonical, instrument, count, code))
        if code is not None:
            why, do = _CODES.get(code, (f"They would be set aside: {code}.", "See docs/howto/set-aside.md."))
            section.warn("forms", f"{canonical}: {count} of its responses are not read.", why, do)
    if seen.forms and not any(instrument for _, instrument, _ in seen.forms):
        section.warn(
            "forms",
            "None of the questionnaires found is mapped.",
            "Nothing would be scored.",
            "If one of them is an alliance measure, map it under [questionnaires]; those of others are left alone.",
        )


def _told(seen: Seen) -> Counter[tuple[str, str | None, str | None]]:
    """Without what is a matter of single responses: one that cannot be scored, beside others that can."""
    told: Counter[tuple[str, str | None, str | None]] = Counter()
    for (canonical, instrument, code), count in seen.forms.items():
        single = code not in _CODES and (canonical, instrument, None) in seen.forms
        told[canonical, instrument, None if single else code] += count
    return told
