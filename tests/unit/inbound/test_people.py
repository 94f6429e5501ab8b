"""Whose score it is, and who rated."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from response_forms import RULES, SYNC, WAI, code, form, read, ruled

from fhir_alliance.fhir.binding import Binding, Known
from fhir_alliance.fhir.rules import Rules
from fhir_alliance.model import Outcome

BASE = "https://ehr.example/fhir"
OURS = ruled(bases=(BASE,))
SYNCED = ruled(SYNC, bases=(BASE,))


@pytest.mark.parametrize(
    ("reference", "patient"),
    [
        ("Patient/p1", "Patient/p1"),
        ("Patient/p1/_history/4", "Patient/p1"),
        (f"{BASE}/Patient/p1", f"{BASE}/Patient/p1"),
        (f"{BASE}/Patient/p1/_history/4", f"{BASE}/Patient/p1"),
        ("http://other.example/r4/Patient/A.b-c_1", "http://other.example/r4/Patient/A.b-c_1"),
    ],
)
def test_score_prints_type_and_id_with_the_base_if_there_is_one(reference: str, patient: str) -> None:
    assert read(form(subject={"reference": reference})).patient == patient


def test_below_our_own_base_a_reference_is_relative() -> None:
    absolute = form(subject={"reference": f"{BASE}/Patient/p1/_history/2"})
    assert read(absolute, OURS).patient == read(absolute, SYNCED).patient == "Patient/p1"


def test_sync_sets_another_base_aside() -> None:
    foreign = form(subject={"reference": "https://other.example/fhir/Patient/p1"})
    assert code(foreign, OURS) is None
    assert (code(foreign, SYNCED), read(foreign, SYNCED).patient) == (
        "subject-elsewhere",
        foreign["subject"]["reference"],
    )


@pytest.mark.parametrize(
    "subject",
    [
        None,
        {},
        {"display": "somebody"},
        {"reference": "#p"},
        {"reference": "urn:uuid:7c0a"},
        {"reference": "p1"},
        {"reference": "Patient/"},
        {"reference": "Patient/p 1"},
        {"reference": "Patient?identifier=7"},
        {"reference": "/Patient/p1"},
        {"reference": 7},
        {"reference": ["Patient/p1"]},
        {"reference": None, "identifier": {"value": "7"}},
        {"identifier": {"system": "http://x.example", "value": "7"}},
        {"identifier": {"value": "7"}, "type": "Patient"},
        {"reference": "Patient/p1", "type": "Group"},
        {"reference": "http://x.example/Patient/p1?x=1"},
    ],
)
def test_a_subject_that_cannot_be_told_is_set_aside(subject: Any) -> None:
    reading = read(form(subject=subject))
    assert (reading.outcome, reading.code, reading.patient) == (Outcome.SET_ASIDE, "subject-unresolved", None)


@pytest.mark.parametrize(
    "subject",
    [{"reference": "Group/couple-1"}, {"type": "Group", "identifier": {"value": "7"}}, {"reference": "Location/1"}],
)
def test_a_subject_that_is_no_patient_is_skipped(subject: Any) -> None:
    assert (read(form(subject=subject)).outcome, code(form(subject=subject))) == (
        Outcome.SKIPPED,
        "subject-not-patient",
    )


@pytest.mark.parametrize("type", ["Patient", "http://hl7.org/fhir/StructureDefinition/Patient"])
def test_a_declared_type_that_agrees_is_fine(type: str) -> None:
    assert code(form(subject={"reference": "Patient/p1", "type": type})) is None


def test_a_urn_holds_in_its_bundle() -> None:
    urn = "urn:uuid:9f1c"
    bundle: dict[str, Any] = {urn: {"resourceType": "Patient", "id": "p7"}}
    given = form(subject={"reference": urn})
    assert read(given, RULES, bundle.get).patient == "Patient/p7"
    assert read(form(subject={"reference": urn}, source={"reference": urn}), RULES, bundle.get).rater == "client"
    for entry in ({"resourceType": "Patient"}, {"resourceType": "Patient", "id": 7}, {"id": "p7"}, {}):
        assert code(given, RULES, {urn: entry}.get) == "subject-unresolved"
    assert code(given, RULES, {urn: {"resourceType": "Group", "id": "g"}}.get) == "subject-not-patient"
    assert code(given, SYNC, bundle.get) == "subject-unresolved"


@pytest.mark.parametrize(
    "source",
    [
        None,
        {"reference": "Patient/p1"},
        {"reference": "Patient/p1/_history/1"},
        {"reference": "Patient/p1", "type": "Patient"},
    ],
)
def test_the_client_rates_a_client_form(source: Any) -> None:
    reading = read(form(source=source))
    assert (reading.outcome, reading.rater, reading.flags) == (Outcome.SCORED, "client", ())


@pytest.mark.parametrize(
    "source",
    [
        {"reference": "Patient/p2"},
        {"reference": "https://other.example/fhir/Patient/p1"},
        {"reference": "Practitioner/d1"},
        {"reference": "PractitionerRole/r1"},
        {"reference": "Device/d1"},
        {"type": "Practitioner", "identifier": {"value": "7"}},
        {"type": "Patient", "identifier": {"value": "7"}},
        {"identifier": {"value": "7"}},
        {"reference": "#contained"},
        {"reference": "urn:uuid:1"},
        {"display": "somebody"},
        {"reference": "RelatedPerson/r1", "type": "Patient"},
        {},
    ],
)
def test_anybody_else_or_nobody_known_is_a_conflict(source: Any) -> None:
    assert code(form(source=source)) == "rater-conflict"


@pytest.mark.parametrize("source", [{"reference": "RelatedPerson/r1"}, {"type": "RelatedPerson", "display": "x"}])
def test_a_relative_is_a_proxy_with_a_series_of_its_own(source: Any) -> None:
    reading = read(form(source=source))
    assert (reading.outcome, reading.rater, reading.flags) == (Outcome.SCORED, "proxy", ("proxy",))
    assert {s.flags for s in reading.scores} == {("proxy",)}


@pytest.mark.parametrize("author", [{"reference": "Practitioner/d1"}, {"reference": "Patient/p9"}, "x", 7, []])
def test_the_author_never_decides_who_rated(author: Any) -> None:
    assert read(form(author=author)).rater == "client"


def rated_by(rater: Any) -> Rules:
    binding = RULES.bindings[WAI].unversioned
    assert binding is not None
    theirs = Binding(replace(binding.instrument, rater=rater), binding.numbers)
    return ruled(bindings={WAI: Known({"1.0": theirs}, theirs, None)})


@pytest.mark.parametrize(
    ("rater", "source", "conflict"),
    [
        ("therapist", "Practitioner/d1", False),
        ("therapist", "PractitionerRole/r1", False),
        ("therapist", "Patient/p1", True),
        ("therapist", "RelatedPerson/r1", True),
        ("caregiver", "RelatedPerson/r1", False),
        ("caregiver", "Patient/p1", True),
        ("caregiver", "Practitioner/d1", True),
        ("caregiver", "PractitionerRole/r1", True),
        ("observer", "Practitioner/d1", False),
        ("observer", "Patient/p1", True),
    ],
)
def test_the_rater_that_a_form_is_for(rater: str, source: str, conflict: bool) -> None:
    reading = read(form(source={"reference": source}), rated_by(rater))
    assert reading.code == ("rater-conflict" if conflict else None)
    assert conflict or (reading.rater == rater and reading.flags == ())
    assert read(form(), rated_by(rater)).rater == rater


@pytest.mark.parametrize(
    ("encounter", "expected"),
    [
        ({"reference": "Encounter/e1"}, "Encounter/e1"),
        ({"reference": "Encounter/e1/_history/2"}, "Encounter/e1"),
        ({"reference": f"{BASE}/Encounter/e1"}, "Encounter/e1"),
        ({"reference": "https://other.example/fhir/Encounter/e1"}, None),
        ({"reference": "EpisodeOfCare/e1"}, None),
        ({"reference": "#e"}, None),
        ({"reference": "urn:uuid:1"}, None),
        ({"reference": 7}, None),
        ({"identifier": {"value": "7"}}, None),
        ({}, None),
        (None, None),
    ],
)
def test_the_encounter_is_linked_where_it_is_ours(encounter: Any, expected: str | None) -> None:
    reading = read(form(encounter=encounter), OURS)
    assert (reading.outcome, reading.encounter) == (Outcome.SCORED, expected)
