"""What a clinician answers in the EHR: heard at the next pass, kept, and never worked against."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from fhir_alliance.config import Settings
from fhir_alliance.sync import sync

from .clinic import STRAIN, Clinic, srs_items
from .conftest import MakeSite
from .ehr import Ehr, Json, reference, state, versions
from .faults import doing, status
from .product import Site
from .proxy import Proxy

LOWER = 31.0
"""Still below usual one session later: the strain persists, and would be escalated."""
BACK = 37.5
"""Recovered."""


def only(found: list[Json]) -> Json:
    assert len(found) == 1, found
    return found[0]


def raised(ehr: Ehr, clinic: Clinic, here: Site, *, last: float = 1) -> tuple[str, str, Json]:
    """A strain and its Task: patient, practitioner, Task."""
    patient, doctor = here.options["cohort.ids"][0], clinic.id("doc")
    clinic.course(patient, doctor, STRAIN, last=last)
    here.sync()
    return patient, doctor, only(ehr.tasks(patient))


def answer(ehr: Ehr, task: Json, **elements: Any) -> Json:
    """What an EHR's user sets on a Task."""
    return ehr.change(f"Task/{task['id']}", **elements)


def snooze(task: Json, until: datetime) -> dict[str, Any]:
    """The Task's restriction, put off until then."""
    end = task["restriction"]["period"]["end"]
    return {"restriction": {"period": {"start": until.strftime("%Y-%m-%dT%H:%M:%SZ"), "end": end}}}


@pytest.mark.parametrize("ended", ["rejected", "cancelled", "entered-in-error"])
def test_a_silenced_episode_is_left_alone(ehr: Ehr, clinic: Clinic, site: MakeSite, ended: str) -> None:
    """Whoever says "not a strain" hears no more of it: no escalation, no note, no second Task, whatever comes next."""
    clinic.patient(), clinic.practitioner()
    here = site()
    patient, doctor, task = raised(ehr, clinic, here, last=2)
    said = answer(ehr, task, status=ended, statusReason={"text": "we had talked about it"})
    clinic.course(patient, doctor, (LOWER,), last=1)
    report = here.sync().report
    assert report["alerts"] == {
        "pushed": 0,
        "waiting": 0,
        "silent": {},
        "answers": {"rejected" if ended == "rejected" else "cancelled": 1},
    }
    clinic.course(patient, doctor, (BACK,))
    assert here.sync().report["alerts"]["answers"] == {}
    assert versions(ehr.tasks(patient)) == versions([said])
    told = here.run("status", "--json").report
    assert told["answers"]["counts"] == {"rejected" if ended == "rejected" else "cancelled": 1}
    assert told["answers"]["by_clinician"] == {f"Practitioner/{doctor}": told["answers"]["counts"]}
    assert told["open_alerts"] == 0
    explained = here.run("explain", f"Task/{task['id']}").out
    assert f"The clinician's answer: {'rejected' if ended == 'rejected' else 'cancelled'}." in explained


def test_a_silenced_episode_stays_silent_with_a_new_store(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    """The answer lives in the EHR: an installation that has lost everything finds it there."""
    clinic.patient(), clinic.practitioner()
    patient, doctor, task = raised(ehr, clinic, site())
    said = answer(ehr, task, status="cancelled")
    again = site()
    again.sync()
    clinic.course(patient, doctor, (LOWER,))
    again.sync()
    again.sync()
    assert versions(ehr.tasks(patient)) == versions([said])
    assert again.run("status", "--json").report["answers"]["counts"] == {"cancelled": 1}


def test_what_is_no_strain_in_the_data_is_withdrawn_without_a_fight(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    """A rejected Task keeps its status and reason when the form is corrected; only our own state says so."""
    clinic.patient(), clinic.practitioner()
    here = site()
    patient, _, task = raised(ehr, clinic, here)
    answer(ehr, task, status="rejected", statusReason={"text": "we had talked about it"})
    onset = reference(ehr.read(reference(task, "focus")), "derivedFrom")
    before = ehr.read(onset)["item"]
    ehr.change(onset, status="amended", item=srs_items(37.9))
    here.sync()
    withdrawn = only(ehr.tasks(patient))
    assert (withdrawn["status"], state(withdrawn)) == ("rejected", "withdrawn")
    assert withdrawn["statusReason"]["text"] == "we had talked about it"
    ehr.change(onset, item=before)
    here.sync()
    assert versions(ehr.tasks(patient)) == versions([withdrawn])


def test_an_acknowledged_alert_is_followed(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    """Accepting a Task, and editing it, changes nothing but what is counted; people's edits stay."""
    clinic.patient(), clinic.practitioner()
    other = clinic.practitioner("other")
    here = site()
    patient, doctor, task = raised(ehr, clinic, here, last=2)
    note = [*task["note"], {"text": "will see them on Friday"}]
    answer(ehr, task, status="accepted", owner={"reference": f"Practitioner/{other}"}, note=note)
    assert here.sync().report["alerts"]["answers"] == {"acknowledged": 1}
    clinic.course(patient, doctor, (LOWER,), last=1)
    assert here.sync().report["alerts"]["pushed"] == 1
    worse = only(ehr.tasks(patient))
    assert (worse["status"], worse["priority"], state(worse)) == ("accepted", "urgent", "open")
    assert (reference(worse, "owner"), worse["note"][1]["text"]) == (f"Practitioner/{other}", note[1]["text"])
    answer(ehr, worse, status="completed", priority="routine")
    clinic.course(patient, doctor, (BACK,))
    assert here.sync().report["alerts"]["answers"] == {"completed": 1}
    after = only(ehr.tasks(patient))
    assert (after["status"], after["priority"], state(after)) == ("completed", "routine", "repaired")
    assert here.run("status", "--json").report["answers"]["counts"] == {"completed": 1}


def test_a_snoozed_alert_is_not_touched_until_then(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    clinic.patient(), clinic.practitioner()
    here = site()
    patient, doctor, task = raised(ehr, clinic, here)
    put_off = answer(ehr, task, **snooze(task, clinic.now + timedelta(days=2)))
    clinic.course(patient, doctor, (LOWER,))
    assert here.sync().report["alerts"]["answers"] == {"snoozed": 1}
    here.sync()
    assert versions(ehr.tasks(patient)) == versions([put_off])
    told = here.run("status", "--json").report
    assert told["answers"]["counts"] == {"snoozed": 1}
    assert [s["snoozed_until"] is not None for s in told["strains"]] == [True]

    answer(ehr, put_off, **snooze(task, clinic.now - timedelta(minutes=5)))
    assert here.sync().report["alerts"]["pushed"] == 1
    assert only(ehr.tasks(patient))["priority"] == "urgent"


def test_a_snooze_ends_by_itself(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    """What was held meanwhile is told when the time has come, though nothing in the EHR has changed."""
    clinic.patient(), clinic.practitioner()
    here = site()
    patient, doctor, task = raised(ehr, clinic, here)
    answer(ehr, task, **snooze(task, clinic.now + timedelta(days=1)))
    clinic.course(patient, doctor, (LOWER,))
    here.sync()
    assert only(ehr.tasks(patient))["priority"] == "routine"
    later = clinic.now + timedelta(days=1, minutes=1)
    report = sync(settings_of(here), clock=lambda: later)
    assert (report.exit_code, report.pushed) == (0, 1)
    assert only(ehr.tasks(patient))["priority"] == "urgent"


def test_a_person_may_change_their_mind(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    clinic.patient(), clinic.practitioner()
    here = site()
    patient, doctor, task = raised(ehr, clinic, here, last=2)
    said = answer(ehr, task, status="rejected")
    clinic.course(patient, doctor, (LOWER,), last=1)
    here.sync()
    answer(ehr, said, status="accepted")
    report = here.sync().report
    assert (report["alerts"]["answers"], report["alerts"]["pushed"]) == ({"acknowledged": 1}, 1)
    assert only(ehr.tasks(patient))["priority"] == "urgent"


def test_an_answer_given_while_we_write_is_seen(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    """A clinician rejects between our search and our update: the update looks first, and leaves it alone."""
    clinic.patient(), clinic.practitioner()
    here = site(proxy.base)
    patient, doctor, task = raised(ehr, clinic, here, last=1)
    here.sync()  # from here on answers are found by a search; a Task is read by id right before it is changed
    clinic.course(patient, doctor, (LOWER,))
    done: list[Json] = []

    def reject() -> None:
        done.append(answer(ehr, task, status="rejected"))

    proxy.fault(doing(reject), when=lambda call: call.method == "GET" and call.path == f"Task/{task['id']}", times=1)
    here.sync()
    assert len(done) == 1
    assert versions(ehr.tasks(patient)) == versions(done)
    assert here.sync().report["written"] == {}
    assert here.run("status", "--json").report["answers"]["counts"] == {"rejected": 1}


def test_without_a_search_for_changes_answers_are_read_by_id(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    clinic.patient(), clinic.practitioner()
    here = site(**{"endpoint.main.capability": {"Task.search._lastUpdated": False}})
    patient, doctor, task = raised(ehr, clinic, here)
    ehr.clock_passes()
    here.sync()  # without a watermark, as after a pass in the second of the newest form, everybody is read
    said = answer(ehr, task, status="rejected")
    report = here.sync().report
    assert report["alerts"]["answers"] == {"rejected": 1}
    assert "in turn" in report["endpoints"]["main"]["answers"]["Task"]
    clinic.course(patient, doctor, (LOWER,))
    here.sync()
    assert versions(ehr.tasks(patient)) == versions([said])


def test_answers_cost_one_request_whatever_the_cohort(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    doctors = [clinic.practitioner(f"doc{n}") for n in range(6)]
    for n, doctor in enumerate(doctors):
        clinic.course(clinic.patient(f"p{n}"), doctor, STRAIN)
    here = site(proxy.base)
    here.sync()
    here.sync()
    proxy.fresh()
    here.sync()
    asked = [call for call in proxy.seen if "/Task" in call.path or call.path.startswith("Task")]
    # Other tests' Tasks are on this server, too: its answer may have further pages.
    assert len([call for call in asked if not call.is_page]) == 1, asked


def test_a_flag_that_somebody_ended_stays_ended(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    """Of a Flag, `inactive` is an answer; of an episode that was rejected as a Task, its Flag says no more either."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN, last=1)
    here = site(**{"alerts.sinks": ["task", "flag"], "write.types": ["Observation", "Task", "Flag"]})
    here.sync()
    flag, task = only(ehr.search("Flag", patient=patient)), only(ehr.tasks(patient))
    ended = ehr.change(f"Flag/{flag['id']}", status="inactive")
    assert here.sync().report["alerts"]["answers"] == {"completed": 1}
    said = answer(ehr, task, status="rejected")
    clinic.course(patient, doctor, (BACK,))
    here.sync()
    assert versions([*ehr.search("Flag", patient=patient), *ehr.tasks(patient)]) == versions([ended, said])


def test_a_rejected_task_silences_its_messages(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    """An answer is about the episode, wherever it was told; that it is gone from the data is told all the same."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    (*_, onset) = clinic.course(patient, doctor, STRAIN, last=2)
    types = ["Observation", "Task", "Communication"]
    here = site(**{"alerts.sinks": ["task", "communication"], "write.types": types})
    here.sync()
    first = only(ehr.search("Communication", patient=patient))
    answer(ehr, only(ehr.tasks(patient)), status="rejected")
    (after,) = clinic.course(patient, doctor, (LOWER,), last=1)
    here.sync()
    assert versions(ehr.search("Communication", patient=patient)) == versions([first])
    for form in (onset, after):
        ehr.change(f"QuestionnaireResponse/{form}", status="entered-in-error")
    here.sync()
    assert len(ehr.search("Communication", patient=patient)) == 2


# -- how many in a day ---------------------------------------------------------------------------


def settings_of(here: Site, **changed: Any) -> Settings:
    """The installation's own settings, for passes on another day than today."""
    from fhir_alliance.config import load

    here.configure(**changed, log__level="error")
    return load(here.folder / "site.toml")


def digests(ehr: Ehr, doctor: str) -> list[Json]:
    """Our digests for a practitioner, oldest first."""
    found = ehr.search("Task", owner=f"Practitioner/{doctor}")
    return sorted(
        (t for t in found if t["code"]["coding"][0]["code"] == "strain-digest"), key=lambda t: t["authoredOn"]
    )


def several(clinic: Clinic, number: int, *, drop: float = STRAIN[-1]) -> tuple[list[str], str]:
    """So many clients of one practitioner, each with a strain that began yesterday."""
    doctor = clinic.practitioner()
    patients = [clinic.patient(f"p{n}") for n in range(number)]
    for n, patient in enumerate(patients):
        clinic.course(patient, doctor, (*STRAIN[:-1], drop), last=n / 1000)
    return patients, doctor


def alerts(ehr: Ehr, patients: list[str]) -> list[int]:
    return [len(ehr.tasks(p)) for p in patients]


def test_more_than_a_days_alerts_wait_and_none_is_lost(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    patients, doctor = several(clinic, 6)
    here = site()
    report = here.sync().report
    assert (report["alerts"]["pushed"], report["alerts"]["waiting"]) == (3, 3)
    # The oldest come first.
    assert alerts(ehr, patients) == [0, 0, 0, 1, 1, 1]
    digest = only(digests(ehr, doctor))
    assert (digest["status"], digest["priority"]) == ("requested", "routine")
    assert digest["description"].startswith("3 more possible strains wait")
    assert "for" not in digest
    waiting = {reference(i, "valueReference") for i in digest["input"]}
    onsets = {f"Observation/{ehr.observations(p, 'srs-v3-total')[-1]['id']}" for p in patients[:3]}
    assert waiting == onsets
    assert here.run("status", "--json").report["waiting"] == {f"Practitioner/{doctor}": 3}
    assert "it comes on another day" in " ".join(here.run("explain", f"Patient/{patients[0]}").out.split())

    # The same day again: nothing new, and not a second digest.
    assert here.sync().report["written"] == {}
    assert versions(digests(ehr, doctor)) == versions([digest])

    settings, tomorrow = settings_of(here), clinic.now + timedelta(days=1)
    report = sync(settings, clock=lambda: tomorrow)
    assert (report.exit_code, report.pushed, report.waiting) == (0, 3, 0)
    assert alerts(ehr, patients) == [1] * 6
    over = only(digests(ehr, doctor))
    assert (over["id"], over["status"], state(over)) == (digest["id"], "cancelled", "withdrawn")
    after = sync(settings, clock=lambda: tomorrow + timedelta(minutes=5))
    assert after.writes == 0


def test_what_waits_is_not_lost_by_growing_old(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    """21 days is the age of a strain when it is first seen; a cap does not make it too old."""
    patients, _ = several(clinic, 2)
    here = site(**{"alerts.max_per_day": 1, "alerts.max_age": "36h"})
    here.sync()
    report = sync(settings_of(here), clock=lambda: clinic.now + timedelta(days=2))
    assert (report.pushed, report.waiting) == (1, 0)
    assert alerts(ehr, patients) == [1, 1]


def test_priority_check_ins_always_come(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    """A severe onset is itemised whatever the cap; so is the escalation of an alert that stands."""
    patients, doctor = several(clinic, 2)
    severe = clinic.patient("severe")
    clinic.course(severe, doctor, (*STRAIN[:-1], 10.0))
    here = site(**{"alerts.max_per_day": 1})
    report = here.sync().report
    assert (report["alerts"]["pushed"], report["alerts"]["waiting"]) == (1, 2)
    assert only(ehr.tasks(severe))["priority"] == "urgent"
    here.configure(alerts__max_per_day=0)
    assert here.sync().report["alerts"]["pushed"] == 2
    clinic.course(patients[0], doctor, (LOWER,), last=-0.1)
    here.configure(alerts__max_per_day=1)
    assert here.sync().report["alerts"]["pushed"] == 1
    assert only(ehr.tasks(patients[0]))["priority"] == "urgent"


def test_a_digest_is_answered_like_any_task(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    """One that the clinician has ended is neither opened again nor withdrawn."""
    _, doctor = several(clinic, 3)
    here = site(**{"alerts.max_per_day": 1})
    here.sync()
    said = answer(ehr, only(digests(ehr, doctor)), status="completed")
    sync(settings_of(here), clock=lambda: clinic.now + timedelta(days=1))
    kept, new = digests(ehr, doctor)
    assert (versions([kept]), new["status"]) == (versions([said]), "requested")
    assert new["description"].startswith("1 more possible strain waits")


def test_a_site_that_stops_withdraws_its_digests(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    _, doctor = several(clinic, 2)
    here = site(**{"alerts.max_per_day": 1})
    here.sync()
    assert only(digests(ehr, doctor))["status"] == "requested"
    ran = here.run("withdraw", "--all", "--confirm", str(2 * len(STRAIN) + 2))
    assert ran.code == 0, (ran.out, ran.err)
    assert only(digests(ehr, doctor))["status"] == "cancelled"


# -- who, and from when --------------------------------------------------------------------------


def test_nothing_before_the_go_live_date(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    before, after, doctor = clinic.patient("before"), clinic.patient("after"), clinic.practitioner()
    clinic.course(before, doctor, STRAIN, last=1)
    clinic.course(after, doctor, STRAIN)
    live = (clinic.weeks_ago(0) - timedelta(days=1)).date()
    report = site(**{"alerts.since": live.isoformat()}).sync().report
    assert (ehr.tasks(before), len(ehr.tasks(after))) == ([], 1)
    assert report["alerts"]["silent"] == {"onset too old": 1}


def test_whoever_opted_out_is_neither_read_nor_written_about(
    ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy
) -> None:
    """By id, and by a Group; also when an alert stood before: nothing about them is touched from then on."""
    stays, leaves, grouped = clinic.patient("stays"), clinic.patient("leaves"), clinic.patient("grouped")
    doctor = clinic.practitioner()
    for patient in (stays, leaves):
        clinic.course(patient, doctor, STRAIN, last=1)
    group = {"resourceType": "Group", "id": clinic.id("out"), "type": "person", "actual": True}
    ehr.put(group | {"member": [{"entity": {"reference": f"Patient/{grouped}"}}]})
    clinic.course(grouped, doctor, STRAIN, last=1)
    here = site(proxy.base, **{"cohort.exclude": [f"Group/{clinic.id('out')}"]})
    here.sync()
    assert ehr.observations(grouped) + ehr.tasks(grouped) == []
    before, task = versions([*ehr.tasks(leaves), *ehr.observations(leaves)]), only(ehr.tasks(leaves))["id"]
    here.configure(cohort__exclude=[f"Group/{clinic.id('out')}", leaves])
    for patient in (stays, leaves, grouped):
        clinic.course(patient, doctor, (LOWER,))
    proxy.fresh()
    here.sync()
    assert not [call.path for call in proxy.seen if leaves in call.path or grouped in call.path or task in call.path]
    assert versions([*ehr.tasks(leaves), *ehr.observations(leaves)]) == before
    assert only(ehr.tasks(stays))["priority"] == "urgent"


def test_a_due_date_of_the_sites_own(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    clinic.patient(), clinic.practitioner()
    _, _, task = raised(ehr, clinic, site(**{"alerts.due": "3d"}))
    due = datetime.fromisoformat(task["restriction"]["period"]["end"])
    assert due - datetime.fromisoformat(task["authoredOn"]) == timedelta(days=3)


# -- sessions that the client missed -------------------------------------------------------------


def appointment(ehr: Ehr, clinic: Clinic, patient: str, doctor: str | None, weeks: float, **elements: Any) -> Json:
    """An Appointment so many weeks back; a `noshow` unless something else is said."""
    start = clinic.weeks_ago(weeks)
    actors = [f"Patient/{patient}", *([f"Practitioner/{doctor}"] if doctor else [])]
    resource: Json = {
        "resourceType": "Appointment",
        "id": clinic.id(f"app{len(clinic.patients)}-{round(weeks * 100)}-{patient[-3:]}"),
        "status": "noshow",
        "start": start.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "end": (start + timedelta(minutes=50)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "participant": [{"actor": {"reference": a}, "status": "accepted"} for a in actors],
    }
    return ehr.put(resource | elements)


def called_off(clinic: Clinic, weeks: float, hours: float, code: str = "pat") -> dict[str, Any]:
    """Cancelled so many hours before the session."""
    system = "http://terminology.hl7.org/CodeSystem/appointment-cancellation-reason"
    when = (clinic.weeks_ago(weeks) - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")
    url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Appointment.cancellationDate"
    return {
        "status": "cancelled",
        "cancelationReason": {"coding": [{"system": system, "code": code}]},
        "extension": [{"url": url, "valueDateTime": when}],
    }


def test_a_missed_session_makes_an_open_alert_urgent(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    """Once, with its own words; and only where the site asked for it."""
    clinic.patient(), clinic.practitioner()
    here = site()
    patient, doctor, task = raised(ehr, clinic, here)
    appointment(ehr, clinic, patient, doctor, 0)
    here.sync()
    assert versions(ehr.tasks(patient)) == versions([task])

    here.configure(alerts__missed_sessions=True)
    assert here.sync().report["alerts"]["pushed"] == 1
    worse = only(ehr.tasks(patient))
    assert (worse["id"], worse["priority"], state(worse)) == (task["id"], "urgent", "open")
    assert "missed a session" in worse["note"][-1]["text"]
    assert [s["level"] for s in here.run("status", "--json").report["strains"]] == [3]
    assert "missed a session" in here.run("explain", f"Task/{task['id']}").out

    appointment(ehr, clinic, patient, doctor, -0.1)
    clinic.course(patient, doctor, (LOWER,), last=-0.05)
    here.sync()
    assert versions(ehr.tasks(patient)) == versions([worse])


def test_what_is_no_missed_session_raises_nothing(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    """Another practitioner's, nobody's, before the strain, called off in time, by the clinic, or nobody knows when."""
    other, nobody = (clinic.patient(n) for n in ("oth", "nob"))
    early, in_time, theirs, unclear = (clinic.patient(n) for n in ("ear", "tim", "the", "unc"))
    doctor, colleague = clinic.practitioner(), clinic.practitioner("other")
    patients = (other, nobody, early, in_time, theirs, unclear)
    for n, patient in enumerate(patients):
        clinic.course(patient, doctor, STRAIN, last=1 + n / 1000)
    appointment(ehr, clinic, other, colleague, 0)
    appointment(ehr, clinic, nobody, None, 0)
    appointment(ehr, clinic, early, doctor, 2)
    appointment(ehr, clinic, in_time, doctor, 0, **called_off(clinic, 0, 30))
    appointment(ehr, clinic, theirs, doctor, 0, **called_off(clinic, 0, 2, "prov"))
    appointment(ehr, clinic, unclear, doctor, 0, **called_off(clinic, 0, 2) | {"extension": []})
    here = site(**{"alerts.missed_sessions": True, "alerts.max_per_day": 0})
    here.sync()
    here.sync()
    assert [only(ehr.tasks(p))["priority"] for p in patients] == ["routine"] * len(patients)


def test_a_late_cancellation_counts_and_a_correction_does_not_fight(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    clinic.patient(), clinic.practitioner()
    here = site(**{"alerts.missed_sessions": True})
    patient, doctor, _ = raised(ehr, clinic, here)
    booked = appointment(ehr, clinic, patient, doctor, 0, **called_off(clinic, 0, 3, "pat-cpp"))
    assert here.sync().report["alerts"]["pushed"] == 1
    worse = only(ehr.tasks(patient))
    assert worse["priority"] == "urgent"
    ehr.change(f"Appointment/{booked['id']}", status="fulfilled", cancelationReason=None)
    here.sync()
    here.sync()
    assert versions(ehr.tasks(patient)) == versions([worse])


def test_appointments_that_cannot_be_read_cost_no_pass(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    clinic.patient(), clinic.practitioner()
    here = site(proxy.base, **{"alerts.missed_sessions": True})
    proxy.fault(status(403), type="Appointment")
    _, _, task = raised(ehr, clinic, here)
    assert task["priority"] == "routine"
    assert any("Appointments" in line for line in here.sync().report["messages"])
