"""Totals that somebody else states beside a response: compared with ours, told, and never written over or instead."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

import pytest

from . import faults
from .clinic import Clinic
from .conftest import MakeSite
from .ehr import NS, Ehr, Json, reference, value, versions
from .proxy import Action, Answer, Call, Proxy, Seen


def observation(clinic: Clinic, name: str, patient: str, form: str, stated: float, **elements: Any) -> Json:
    """Another program's Observation with our code: the total of a response, as it sees it."""
    code = {"system": f"{NS}/CodeSystem/alliance-score", "code": "srs-v3-total"}
    resource = {
        "resourceType": "Observation",
        "id": clinic.id(name),
        "status": "final",
        "code": {"coding": [code]},
        "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": clinic.weeks_ago(1).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "valueQuantity": {"value": stated},
        "derivedFrom": [{"reference": f"QuestionnaireResponse/{form}"}],
    }
    return resource | elements


def ours(ehr: Ehr, patient: str) -> list[float]:
    """The values of our own total Observations, told by their identifier."""
    found = ehr.observations(patient, "srs-v3-total")
    return [value(o) for o in found if any(i["system"] == f"{NS}/score" for i in o.get("identifier", []))]


def told(report: Json) -> list[tuple[str, float, float]]:
    """What a report lists: response, stated, ours."""
    found = report["disagreements"]
    assert found["count"] == len(found["responses"])
    return [(d["response"], d["stated"], d["value"]) for d in found["responses"]]


def test_a_total_stated_beside_a_response(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    patient, other, doctor = clinic.patient(), clinic.patient("second"), clinic.practitioner()
    forms = clinic.course(patient, doctor, (36, 37, 38))
    theirs = clinic.course(other, doctor, (20,))
    snomed = {"coding": [{"system": "http://snomed.info/sct", "code": "720482000"}]}
    subscale = {"coding": [{"system": f"{NS}/CodeSystem/alliance-score", "code": "srs-v3-task"}]}
    for body in (
        observation(clinic, "differs", patient, forms[1], 30),
        observation(clinic, "agrees", patient, forms[0], 36),
        observation(clinic, "snomed", other, theirs[0], 21, code=snomed),
        observation(clinic, "in-error", patient, forms[2], 11, status="entered-in-error"),
        observation(clinic, "subscale", patient, forms[2], 12, code=subscale),
        observation(clinic, "of-another", other, forms[2], 13),
        observation(clinic, "elsewhere", patient, theirs[0], 14),
    ):
        ehr.put(body)
    here = site()
    report = here.sync().report
    assert ours(ehr, patient) == [36, 37, 38]
    coded = (f"QuestionnaireResponse/{theirs[0]}", 21, 20)
    assert told(report) == [(f"QuestionnaireResponse/{forms[1]}", 30, 37), coded]
    line, _ = report["disagreements"]["responses"]
    assert (line["patient"], line["instrument"]) == (f"Patient/{patient}", "srs-v3")
    assert (line["raw"], line["answered"], line["items"]) == (37, 4, 4)
    assert value(ehr.read(f"Observation/{clinic.id('differs')}")) == 30, "theirs is theirs"

    shown = here.run("status", "--json").report
    assert sorted(shown["disagreements"], key=str) == sorted(report["disagreements"]["responses"], key=str)
    text = here.run("status").out
    assert f"QuestionnaireResponse/{forms[1]}  srs-v3  30 stated, sum 37 of 4 answers" in text

    before = versions(ehr.observations(patient))
    again = here.run("retry", "--json").report
    assert (again["written"], told(again)) == ({}, told(report))
    assert versions(ehr.observations(patient)) == before
    ehr.delete(f"Observation/{clinic.id('differs')}")
    assert told(here.run("retry", "--json").report) == [coded]
    assert [d["stated"] for d in here.run("status", "--json").report["disagreements"]] == [21]


def test_a_form_that_states_its_own_total(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    patient = clinic.patient()
    stated = [{"linkId": "total", "answer": [{"valueDecimal": 35.5}]}]
    form = clinic.srs("form", patient, 36, 1)
    ehr.put(form | {"item": [*form["item"], *stated]})
    here = site()
    ran = here.sync()
    assert told(ran.report) == [(f"QuestionnaireResponse/{form['id']}", 35.5, 36)]
    assert ours(ehr, patient) == [36]
    assert "1 stated otherwise than the answers give; ours are written" in here.run("retry").out
    with sqlite3.connect(here.store) as store:
        kept = [json.loads(report)["disagreements"] for (report,) in store.execute("SELECT report FROM run")]
    assert kept == [{"count": 1}] * 2, "no references in what is kept of a pass"


def test_a_total_stated_after_the_pass(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    """It is found by one search where one may ask about everybody, else when the patient is read next."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    forms = clinic.course(patient, doctor, (36, 37))
    here, elsewhere = site(**{"read.across_patients": True}), site()
    for one in (here, elsewhere):
        assert told(one.sync().report) == []
    ehr.put(observation(clinic, "late", patient, forms[0], 30))
    expected = [(f"QuestionnaireResponse/{forms[0]}", 30, 36)]
    assert told(here.sync().report) == expected
    assert told(elsewhere.run("retry", "--json").report) == expected


def asked(proxy: Proxy) -> list[Seen]:
    """Searches for totals of one patient."""
    found = [s for s in proxy.seen if s.method == "GET" and s.path == "Observation"]
    return [s for s in found if {"patient", "code"} <= dict(s.query).keys()]


def counted(proxy: Proxy) -> list[Seen]:
    return [s for s in proxy.seen if ("_summary", "count") in s.query]


def counting(total: int | None) -> Action:
    """The server counts so many (None: it does not say)."""

    def act(_: Call) -> Answer:
        body = {"resourceType": "Bundle", "type": "searchset", "total": total}
        return Answer(200).having({k: v for k, v in body.items() if v is not None})

    return act


def is_count(call: Call) -> bool:
    return ("_summary", "count") in call.query


def is_lookup(call: Call) -> bool:
    return call.type == "Observation" and {"patient", "code"} <= dict(call.query).keys()


@pytest.mark.parametrize(
    ("setting", "total", "lookups"),
    [("auto", 0, 0), ("auto", None, 0), ("auto", 99, 2), ("always", 0, 2), ("never", 99, 0)],
)
def test_nobody_is_asked_about_where_nobody_else_writes_totals(
    ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy, setting: str, total: int | None, lookups: int
) -> None:
    doctor = clinic.practitioner()
    for name in ("one", "two"):
        forms = clinic.course(clinic.patient(name), doctor, (36, 37))
        ehr.put(observation(clinic, f"{name}-stated", clinic.patients[-1], forms[0], 30))
    proxy.fault(counting(total), when=is_count)
    report = site(proxy.base, **{"read.stated_totals": setting}).sync().report
    assert report["disagreements"]["count"] == len(asked(proxy)) == lookups
    assert len(counted(proxy)) <= 5 * (setting == "auto")
    assert report["outcomes"]["scored"] == 4
    assert report["read"].get("Observation", 0) == lookups


@pytest.mark.parametrize("at", [is_count, is_lookup])
@pytest.mark.parametrize("fault", [faults.status(403), faults.status(400), faults.status(500), faults.html(200)])
def test_what_cannot_be_compared_costs_no_pass(
    ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy, at: Any, fault: Action
) -> None:
    """And what was known before is not forgotten for it."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    forms = clinic.course(patient, doctor, (36, 37))
    ehr.put(observation(clinic, "differs", patient, forms[0], 30))
    here = site(proxy.base, **{"read.stated_totals": "always" if at is is_lookup else "auto"})
    faulty = proxy.fault(fault, when=at)
    ran = here.sync()
    assert (ran.report["complete"], told(ran.report)) == (True, [])
    assert ours(ehr, patient) == [36, 37]
    said = "the EHR did not let us read the totals that others state; the comparison was left out"
    assert (said in ran.report["messages"]) == (at is is_lookup)
    proxy.heal(faulty)
    expected = [(f"QuestionnaireResponse/{forms[0]}", 30, 36)]
    assert told(here.run("retry", "--json").report) == expected
    proxy.fault(fault, when=is_lookup)
    assert told(here.run("retry", "--json").report) == expected
    assert [d["response"] for d in here.run("status", "--json").report["disagreements"]] == [expected[0][0]]


def test_totals_that_a_server_should_not_have_returned(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    """Another patient's, other codes, another response's, and our own, whatever was asked for."""
    patient, other, doctor = clinic.patient(), clinic.patient("second"), clinic.practitioner()
    forms = clinic.course(patient, doctor, (36, 37))
    mine = observation(clinic, "x", patient, forms[0], 30)
    unasked = [
        observation(clinic, "a", other, forms[0], 30),
        mine | {"code": {"coding": [{"system": "http://loinc.org", "code": "srs-v3-total"}]}},
        mine | {"code": {"coding": [{"system": f"{NS}/CodeSystem/alliance-score", "code": "wai-sr-c-total"}]}},
        mine | {"derivedFrom": [{"reference": f"https://other.example/fhir/QuestionnaireResponse/{forms[0]}"}]},
        mine | {"derivedFrom": []},
        mine | {"identifier": [{"system": f"{NS}/score", "value": "ours"}]},
        mine | {"valueQuantity": {"value": "30"}},
        mine | {"subject": {"reference": f"https://other.example/fhir/Patient/{patient}"}},
    ]
    named = [body | {"id": f"{body['id']}-{n}"} for n, body in enumerate(unasked)]
    proxy.fault(faults.injecting(*named), when=is_lookup)
    report = site(proxy.base, **{"read.stated_totals": "always"}).sync().report
    assert len(asked(proxy)) == 1
    assert told(report) == []
    assert reference(ehr.observations(patient)[0], "derivedFrom") == f"QuestionnaireResponse/{forms[0]}"
