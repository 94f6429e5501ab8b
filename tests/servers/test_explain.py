"""`explain` on what really was read and written: every kind of alert, why there is none, and what became of one."""

from __future__ import annotations

from typing import Any

import pytest

from .clinic import STRAIN, Clinic, srs_items
from .conftest import MakeSite
from .ehr import Ehr
from .product import Site

WAI_FALL: list[list[int | None]] = [[4] * 12, [5, *[4] * 11], [4] * 12, [4] * 12, [3, None, None, *[3] * 9]]


def told(here: Site, what: str, *options: str) -> dict[str, Any]:
    return here.run("explain", what, *options, "--json").report


def test_every_kind_of_alert_is_explained(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN)
    kinds = ["Task", "Flag", "Communication", "DocumentReference"]
    sinks = ["task", "flag", "communication", "document"]
    here = site(**{"alerts.sinks": sinks, "write.types": ["Observation", *kinds]})
    here.sync()
    ids = [f"{kind}/{one['id']}" for kind in kinds for one in ehr.search(kind) if patient in str(one)]
    assert len(ids) == 4
    by_patient = told(here, f"Patient/{patient}")
    assert sorted(a["reference"] for a in by_patient["alerts"]) == sorted(ids)
    assert {(a["standing"], a["state"]) for a in by_patient["alerts"]} == {("written", "open")}
    assert (by_patient["why"]["code"], by_patient["not_alerted"]) == ("drop", None)
    assert by_patient["about"]["practitioner"] == f"Practitioner/{doctor}"
    assert [told(here, id) for id in ids] == [by_patient] * 4
    assert "Told as Communication/" in here.run("explain", ids[0]).out


def test_items_left_out_are_told_of_the_form(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    for weeks, answers in zip(range(4, -1, -1), WAI_FALL, strict=True):
        session = {"reference": f"Encounter/{clinic.encounter(f'e{weeks}', patient, doctor, weeks)}"}
        ehr.put(clinic.wai(f"q{weeks}", patient, answers, weeks, encounter=session))
    here = site()
    here.sync()
    found = told(here, f"Patient/{patient}")
    assert [(s["answered"], s["items"], s["prorated"]) for s in found["sessions"]] == [(12, 12, False)] * 4 + [
        (10, 12, True)
    ]
    assert "prorated" in found["sessions"][4]["flags"]
    text = here.run("explain", f"Patient/{patient}").out
    assert "items left out   2 of 12, taken as the mean of the others (prorated)" in text


@pytest.mark.parametrize(
    ("last", "options", "why"),
    [
        (4, {}, "onset too old"),
        (0, {"write.enabled": False}, "not yet; a pass that may write raises it"),
    ],
)
def test_why_a_strain_raised_no_alert(
    ehr: Ehr, clinic: Clinic, site: MakeSite, last: int, options: dict[str, Any], why: str
) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN, last=last)
    here = site(**options)
    here.sync()
    assert ehr.tasks(patient) == []
    found = told(here, f"Patient/{patient}")
    assert (found["alerts"], found["not_alerted"]) == ([], why)
    assert f"No alert was raised for it: {why}." in here.run("explain", f"Patient/{patient}").out


def test_a_withdrawn_alert_is_explained_by_the_series_as_it_stands(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    forms = clinic.course(patient, doctor, STRAIN)
    here = site()
    here.sync()
    (task,) = ehr.tasks(patient)
    ehr.change(f"QuestionnaireResponse/{forms[-1]}", status="amended", item=srs_items(37.9))
    here.sync()
    ran = here.run("explain", f"Task/{task['id']}")
    assert ran.code == 0, ran.err
    said = " ".join(ran.out.split())
    assert "No alert: 37.9 on" in said
    assert f"You asked about Task/{task['id']}: the data no longer show the strain" in said
    assert "it was withdrawn. This is the series as it stands." in said
    assert told(here, f"Task/{task['id']}")["alerts"] == [
        {"reference": f"Task/{task['id']}", "standing": "retracted", "state": "withdrawn"}
    ]


def test_one_series_or_one_session_of_a_patient(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    patient, one, other = clinic.patient(), clinic.practitioner("one"), clinic.practitioner("other")
    clinic.course(patient, one, STRAIN)
    clinic.course(patient, other, (38.0,), last=0.5)
    here = site()
    here.sync()
    assert len(here.run("explain", f"Patient/{patient}", "--json").out.splitlines()) == 2
    found = told(here, f"Patient/{patient}", "--instrument", "srs-v3", "--practitioner", f"Practitioner/{other}")
    assert found["why"]["code"] == "nothing-to-compare"
    first = told(here, f"Patient/{patient}", "--practitioner", f"Practitioner/{one}", "--session", "4")
    assert (first["why"]["code"], first["score"]["value"]) == ("above-limit", pytest.approx(38.4))
    assert here.run("explain", f"Patient/{patient}", "--session", "9").code == 2
    assert here.run("explain", f"Patient/{patient}", "--policy", "xmr/1").code == 2
    assert "Nothing is known" in here.run("explain", f"Patient/{patient}", "--instrument", "wai-sr-c").out
