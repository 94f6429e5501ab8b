"""Encounters as sessions, read leniently."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from fhir_alliance.fhir.inbound import read_session
from fhir_alliance.model import Session

BASE = "https://ehr.example/fhir"
TYPES = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"


def encounter(**changes: Any) -> dict[str, Any]:
    resource: dict[str, Any] = {
        "resourceType": "Encounter",
        "id": "e1",
        "meta": {"versionId": "2"},
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": {"reference": "Patient/p1"},
        "period": {"start": "2026-03-04T14:00:00Z", "end": "2026-03-04T14:50:00+00:00"},
        "participant": [person("Practitioner/d1", "PPRF")],
    }
    return resource | changes


def person(reference: str, *codes: str, **more: Any) -> dict[str, Any]:
    types = [{"coding": [{"system": TYPES, "code": c}]} for c in codes]
    return {"individual": {"reference": reference}, **({"type": types} if types else {}), **more}


def session(**changes: Any) -> Session:
    found = read_session(encounter(**changes), [BASE])
    assert found is not None
    return found


def test_a_whole_encounter() -> None:
    found = session()
    assert (found.id, found.patient, found.status, found.klass) == ("e1", "Patient/p1", "finished", "AMB")
    assert found.start == datetime(2026, 3, 4, 14, tzinfo=UTC)
    assert found.end == datetime(2026, 3, 4, 14, 50, tzinfo=UTC)
    assert (found.pprf, found.atnd, found.untyped) == (("Practitioner/d1",), (), ())
    assert session(meta={"versionId": "3"}).content == found.content != session(status="cancelled").content


@pytest.mark.parametrize(
    "resource",
    [
        None,
        [],
        {"resourceType": "Patient"},
        encounter(id=None),
        encounter(id=7),
        encounter(id="a/b"),
        encounter(subject=None),
        encounter(subject={"reference": "Group/g"}),
        encounter(subject={"reference": "https://other.example/fhir/Patient/p1"}),
        encounter(subject={"identifier": {"value": "7"}}),
        encounter(text="\ud800"),
    ],
)
def test_without_an_id_or_a_patient_of_ours_it_is_no_session(resource: object) -> None:
    assert read_session(resource, [BASE]) is None


def test_references_are_brought_to_one_form() -> None:
    made = [person(f"{BASE}/Practitioner/d1/_history/3", "PPRF"), person("Practitioner/d1", "PPRF")]
    found = session(subject={"reference": f"{BASE}/Patient/p1"}, participant=made)
    assert (found.patient, found.pprf) == ("Patient/p1", ("Practitioner/d1",))


def test_candidates_by_participant_type() -> None:
    made = [
        person("Practitioner/d1", "ATND"),
        person("PractitionerRole/r1", "ATND", "PPRF"),
        person("Practitioner/d2"),
        person("Practitioner/d3", "REF"),
        person("RelatedPerson/x", "PPRF"),
        person("https://other.example/fhir/Practitioner/d4", "PPRF"),
        person("Practitioner/d5", type=[{"text": "therapist"}]),
        {"actor": {"reference": "Practitioner/d6"}},
        {"individual": {"display": "somebody"}},
        {"individual": "Practitioner/d7"},
        None,
    ]
    found = session(participant=made)
    assert found.pprf == ("PractitionerRole/r1",)
    assert found.atnd == ("Practitioner/d1",)
    assert found.untyped == ("Practitioner/d2", "Practitioner/d5", "Practitioner/d6")


@pytest.mark.parametrize("useless", [None, 7, "x", [], {}, {"start": 7, "end": []}, {"start": "soon"}])
def test_what_cannot_be_read_of_a_period_is_left_out(useless: object) -> None:
    assert (session(period=useless).start, session(period=useless).end) == (None, None)


def test_dates_and_naive_times_of_a_period() -> None:
    found = session(period={"start": "2026-03-04", "end": "2026-03-04T14:50:00"})
    assert found.start == datetime(2026, 3, 4, 12, tzinfo=UTC)
    assert found.end == datetime(2026, 3, 4, 14, 50, tzinfo=UTC)


@pytest.mark.parametrize(
    ("klass", "expected"),
    [
        ({"code": "VR"}, "VR"),
        ([{"coding": [{"code": "VR"}]}], "VR"),
        ([{"text": "x"}, {"coding": [{"code": 7}, {"code": "HH"}]}], "HH"),
        (None, None),
        ("AMB", None),
        ({"code": 7}, None),
    ],
)
def test_a_class_of_r4_or_r5(klass: object, expected: str | None) -> None:
    assert session(**{"class": klass}).klass == expected


def test_a_status_that_is_no_text_is_unknown() -> None:
    assert session(status=7).status == session(status=None).status == "unknown"


@pytest.mark.parametrize("participants", [None, 7, {}, "x"])
def test_participants_of_the_wrong_type_are_nobody(participants: object) -> None:
    assert session(participant=participants).pprf == ()
