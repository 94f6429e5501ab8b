"""The synthetic clinic as resources: deterministic, complete, dated, and without anybody's wording."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from fhir_alliance.demo import clinic, planted
from fhir_alliance.demo.forms import Resource

PLAN = planted.plan()
TODAY = date(2026, 3, 4)
LOADS = clinic.build(PLAN, TODAY)
ALL = [r for load in LOADS.values() for r in load]


def of(type: str, load: int | None = None) -> list[Resource]:
    return [r for r in (ALL if load is None else LOADS[load]) if r["resourceType"] == type]


def day(resource: Resource) -> date:
    text = resource.get("authored") or resource["period"]["start"]
    return datetime.fromisoformat(text).astimezone(UTC).date()


def test_the_same_day_gives_the_same_clinic() -> None:
    assert json.dumps(clinic.build(PLAN, TODAY)) == json.dumps(LOADS)


def test_another_day_moves_dates_and_nothing_else() -> None:
    later = [r for load in clinic.build(PLAN, TODAY + timedelta(days=7)).values() for r in load]
    undated = [
        [{k: v for k, v in r.items() if k not in {"authored", "period", "start", "end"}} for r in rows]
        for rows in (ALL, later)
    ]
    assert undated[0] == undated[1]
    assert [day(r) for r in later if r["resourceType"] == "Encounter"] == [
        day(r) + timedelta(days=7) for r in of("Encounter")
    ]


def test_size() -> None:
    assert len(of("Patient")) >= 40
    assert len(of("Practitioner")) >= 4
    assert of("PractitionerRole")
    held = {r["class"]["code"] for r in of("Encounter") if r["status"] == "finished"}
    assert held == {"AMB", "VR"}
    missed = {r["id"] for r in of("Encounter") if r["status"] == "cancelled"}
    assert missed == {r["id"] for r in of("Appointment") if r["status"] == "noshow"} != set()


@pytest.mark.parametrize("weekday", range(7))
def test_weeks_come_one_after_the_other_and_none_is_in_the_future(weekday: int) -> None:
    today = TODAY + timedelta(days=weekday)
    loads = clinic.build(PLAN, today)
    sessions = {n: [day(r) for r in load if r["resourceType"] == "Encounter"] for n, load in loads.items()}
    assert max(sessions[1]) < today - timedelta(days=14)
    assert {today - d <= timedelta(days=14) for d in sessions[2]} == {True}
    assert {today - d > timedelta(days=7) for d in sessions[2]} == {True}
    assert {timedelta(0) < today - d <= timedelta(days=7) for d in sessions[3]} == {True}
    assert max(day(r) for load in loads.values() for r in load if "authored" in r) <= today


def test_everything_referred_to_came_before() -> None:
    there: set[str] = set()
    for resource in ALL:
        for reference in references(resource):
            assert reference in there, (resource["id"], reference)
        there.add(f"{resource['resourceType']}/{resource['id']}")


def references(value: object) -> list[str]:
    if isinstance(value, dict):
        mine = [value["reference"]] if isinstance(value.get("reference"), str) else []
        return mine + [r for v in value.values() for r in references(v)]
    return [r for v in value for r in references(v)] if isinstance(value, list) else []


def test_statuses_and_answers_of_every_kind_occur() -> None:
    responses = of("QuestionnaireResponse")
    assert {r["status"] for r in responses} == {"completed", "amended", "entered-in-error", "in-progress"}
    assert {key for r in responses for i in r["item"] for a in i["answer"] for key in a} == {
        *("valueCoding", "valueInteger", "valueDecimal"),
    }
    assert any("encounter" not in r for r in responses)
    assert any(r.get("source", {}).get("reference", "").startswith("RelatedPerson/") for r in responses)
    canonicals = {r["questionnaire"] for r in responses}
    ours = "https://w3id.org/fhir-alliance/Questionnaire/"
    assert canonicals >= {f"{ours}wai-sr-c|1.0", f"{ours}wai-sr-c|2.0", f"{ours}srs-v3|1.0"}
    assert any(not c.startswith(ours) for c in canonicals)
    sessions = [r["encounter"]["reference"] for r in responses if "encounter" in r and r["status"] == "completed"]
    assert len(sessions) > len(set(sessions))


def test_no_item_has_a_wording() -> None:
    texts = {i["text"] for r in ALL for i in r.get("item", []) if "text" in i}
    assert texts == {f"Item {n}" for n in range(1, 13)}


def test_everybody_is_marked_as_test_data_and_nobody_has_a_real_name() -> None:
    assert {t["code"] for r in ALL for t in r["meta"]["tag"]} == {"HTEST"}
    given = {g for r in ALL for name in r.get("name", []) for g in name["given"]}
    assert given == {"Client", "Example"}
