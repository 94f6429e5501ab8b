"""Strain alerts through a life: raised, worsened, recovered, withdrawn; one Task, in the real server."""

from __future__ import annotations

from .clinic import STRAIN, Clinic, srs_items
from .conftest import MakeSite
from .ehr import Ehr, Json, reference, state, versions
from .filed import Filed

DROP = STRAIN[-1]


def only(found: list[Json]) -> Json:
    assert len(found) == 1, found
    return found[0]


def test_a_strain_is_raised_worsens_and_recovers(filed: Filed, clinic: Clinic, site: MakeSite) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    here = site()
    clinic.course(patient, doctor, STRAIN[:-1], last=3)
    here.sync()
    assert filed.turns(patient) == []
    for total, last, told in ((DROP, 2, "raised"), (31.0, 1, "worse"), (37.5, 0, "recovered")):
        clinic.course(patient, doctor, (total,), last=last)
        here.sync(code=0 if filed.of(told) else None)
        assert filed.turns(patient)[-1:] == filed.of("raised", told)[-1:]
    assert filed.turns(patient) == filed.of("raised", "worse", "recovered")
    assert filed.series(patient) == [*STRAIN, 31.0, 37.5]
    before = filed.everything(patient)
    here.sync()
    assert filed.everything(patient) == before


def test_a_task_from_beginning_to_end(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    here = site()
    clinic.course(patient, doctor, STRAIN, last=2)
    here.sync()
    raised = only(ehr.tasks(patient))
    onset = ehr.observations(patient, "srs-v3-total")[-1]
    assert (raised["status"], raised["intent"], raised["priority"], state(raised)) == (
        "requested",
        "proposal",
        "routine",
        "open",
    )
    assert reference(raised, "focus") == f"Observation/{onset['id']}"
    assert reference(raised, "owner") == f"Practitioner/{doctor}"
    assert reference(raised, "encounter") == reference(onset, "encounter")
    assert raised["restriction"]["period"]["end"] > raised["authoredOn"]
    assert "rupture" not in str(raised).casefold()

    clinic.course(patient, doctor, (31.0,), last=1)
    here.sync()
    worse = only(ehr.tasks(patient))
    assert (worse["id"], worse["priority"], state(worse)) == (raised["id"], "urgent", "open")
    assert len(worse["note"]) == len(raised["note"]) + 1

    clinic.course(patient, doctor, (37.5,))
    here.sync()
    recovered = only(ehr.tasks(patient))
    assert (recovered["id"], recovered["status"], state(recovered)) == (raised["id"], "requested", "repaired")

    here.sync()
    assert versions(ehr.tasks(patient)) == versions([recovered])


def test_withdrawn_when_data_change(ehr: Ehr, filed: Filed, clinic: Clinic, site: MakeSite) -> None:
    """Where nothing can be taken back, a person is told."""
    corrected, mistaken, doctor = clinic.patient("corrected"), clinic.patient("mistaken"), clinic.practitioner()
    one, two = clinic.course(corrected, doctor, STRAIN), clinic.course(mistaken, doctor, STRAIN)
    here = site()
    here.sync()
    before = [task["id"] for patient in (corrected, mistaken) for task in ehr.tasks(patient)]
    assert [filed.turns(patient) for patient in (corrected, mistaken)] == [["raised"], ["raised"]]
    ehr.change(f"QuestionnaireResponse/{one[-1]}", status="amended", item=srs_items(37.9))
    ehr.change(f"QuestionnaireResponse/{two[-1]}", status="entered-in-error")
    ran = here.sync(code=filed.changes)
    for patient in (corrected, mistaken):
        assert filed.turns(patient) == filed.of("raised", "withdrawn")
    told = [line for line in ran.messages if "other patients' responses" not in line]  # as one of our servers answers
    assert bool(told) == bool(filed.changes)
    after = [task for patient in (corrected, mistaken) for task in ehr.tasks(patient)]
    assert [task["id"] for task in after] == before
    if before:
        assert [task["status"] for task in after] == ["cancelled", "entered-in-error"]
        assert all(task["statusReason"]["text"] for task in after)


def test_the_clinicians_own_status_stays(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    """A Task that somebody accepted keeps that status when its strain recovers."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN, last=1)
    here = site()
    here.sync()
    ehr.change(f"Task/{only(ehr.tasks(patient))['id']}", status="accepted", note=[{"text": "seen"}])
    clinic.course(patient, doctor, (37.0,))
    here.sync()
    task = only(ehr.tasks(patient))
    assert (task["status"], state(task)) == ("accepted", "repaired")
    assert task["note"][0]["text"] == "seen"


def test_no_alert_for_the_past(filed: Filed, clinic: Clinic, site: MakeSite) -> None:
    """Strains that began long ago, or are over when first seen, are recorded and never pushed."""
    old, over, doctor = clinic.patient("old"), clinic.patient("over"), clinic.practitioner()
    clinic.course(old, doctor, STRAIN, last=4)
    clinic.course(over, doctor, (*STRAIN, 37.5))
    report = site().sync().report
    assert filed.turns(old) + filed.turns(over) == []
    assert sum(report["alerts"]["silent"].values()) == 2


def test_nobody_is_told_without_one_treating_clinician(ehr: Ehr, filed: Filed, clinic: Clinic, site: MakeSite) -> None:
    patient = clinic.patient()
    for weeks, total in zip((4, 3, 2, 1, 0), STRAIN, strict=True):
        ehr.put(clinic.srs(f"qr{weeks}", patient, total, weeks))
    assert site().sync().report["outcomes"]["scored"] == len(STRAIN)
    assert filed.series(patient) == list(STRAIN)
    assert filed.turns(patient) == []


def test_flags_as_alerts(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    """Where a site chose Flags: a headline without numbers, visible to everybody."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN)
    here = site(**{"alerts.sinks": ["flag"], "write.types": ["Observation", "Flag"]})
    here.sync()
    here.sync()
    flag = only(ehr.search("Flag", patient=patient))
    assert flag["status"] == "active"
    assert reference(flag, "subject") == f"Patient/{patient}"
    assert not any(sign.isdigit() for sign in flag["code"]["text"])
    assert ehr.tasks(patient) == []


def test_a_task_points_to_its_score_once_that_stands(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    """Tasks switched on before scores: then it points to the form at first, unless its clinician has silenced it."""
    doctor = clinic.practitioner()
    patients = {name: clinic.patient(name) for name in ("open", "rejected")}
    forms = {name: clinic.course(patient, doctor, STRAIN)[-1] for name, patient in patients.items()}
    here = site(**{"write.types": ["Task"]})
    shown = here.sync("--dry-run").report["plan"]
    assert {a["resource"]["focus"]["reference"] for a in shown if a["type"] == "Task"} == {
        f"QuestionnaireResponse/{form}" for form in forms.values()
    }
    here.sync()
    tasks = {name: ehr.tasks(patient)[0] for name, patient in patients.items()}
    assert {n: reference(t, "focus") for n, t in tasks.items()} == {
        n: f"QuestionnaireResponse/{form}" for n, form in forms.items()
    }
    ehr.change(f"Task/{tasks['rejected']['id']}", status="rejected")
    assert here.sync().report["written"] == {}

    here.configure(write__types=["Observation", "Task"])
    assert here.sync().report["written"]["Task"] == {"update": 1}
    scores = {name: ehr.observations(patient)[-1]["id"] for name, patient in patients.items()}
    after = {name: ehr.tasks(patient)[0] for name, patient in patients.items()}
    assert reference(after["open"], "focus") == f"Observation/{scores['open']}"
    assert reference(after["rejected"], "focus") == f"QuestionnaireResponse/{forms['rejected']}"
    assert [note["text"] for note in after["open"]["note"]] == [note["text"] for note in tasks["open"]["note"]]
    assert here.sync().report["written"] == {}


def test_a_dry_run_shows_a_task_that_points_to_its_score(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN)
    plan = site().sync("--dry-run").report["plan"]
    (task,) = (a["resource"] for a in plan if a["type"] == "Task")
    scores = {a["resource"]["identifier"][0]["value"] for a in plan if a["type"] == "Observation"}
    assert task["focus"]["reference"].removeprefix("urn:uuid:") in scores
