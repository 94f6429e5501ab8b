"""An alert that a clinician has ended holds its dyad no longer: what another form shows then is news."""

from __future__ import annotations

import pytest

from fhir_alliance.alerting import COVERED

from .clinic import STRAIN, Clinic
from .conftest import MakeSite
from .ehr import Ehr, Json, state, versions
from .faults import doing
from .proxy import Proxy

USUAL, LOW = [5] * 12, [2] * 12


def second_form(ehr: Ehr, clinic: Clinic, patient: str) -> None:
    """A WAI-SR in each of the five sessions, too; the last one is a severe fall."""
    for back in range(len(STRAIN)):
        session = {"reference": f"Encounter/{clinic.id(f'enc-pat-{(60 - back) * 10}')}"}
        ehr.put(clinic.wai(f"wai{back}", patient, USUAL if back else LOW, back, encounter=session))


def told(tasks: list[Json]) -> list[tuple[str, str, str, int]]:
    return [(t["status"], t["priority"], state(t), len(t["note"])) for t in tasks]


@pytest.mark.parametrize("ended", ["rejected", "cancelled", "completed"])
def test_a_second_form_is_news_once_an_alert_was_ended(ehr: Ehr, clinic: Clinic, site: MakeSite, ended: str) -> None:
    """A severe fall on it, though of the same session, is told as a Task of its own; the ended one stays as it is."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN)
    here = site()
    here.sync()
    (first,) = ehr.tasks(patient)
    said = ehr.change(f"Task/{first['id']}", status=ended)
    here.sync()
    second_form(ehr, clinic, patient)
    report = here.sync().report
    assert (report["alerts"]["pushed"], report["alerts"]["silent"]) == (1, {})
    tasks = ehr.tasks(patient)
    assert told(tasks) == [(ended, "routine", "open", 1), ("requested", "urgent", "open", 1)]
    assert versions(tasks[:1]) == versions([said])
    assert here.run("status", "--json").report["open_alerts"] == (2 if ended == "completed" else 1)
    assert here.sync().report["written"] == {}
    assert versions(ehr.tasks(patient)) == versions(tasks)


@pytest.mark.parametrize("ended", ["rejected", "completed"])
def test_what_an_ended_alert_mentioned_is_answered_with_it(
    ehr: Ehr, clinic: Clinic, site: MakeSite, ended: str
) -> None:
    """Both forms of one session fell before it was looked at: the answer to the one Task is about both."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN)
    second_form(ehr, clinic, patient)
    here = site()
    here.sync()
    (task,) = ehr.tasks(patient)
    assert "Also lower on another form" in task["note"][0]["text"]
    said = ehr.change(f"Task/{task['id']}", status=ended)
    alerts = here.sync().report["alerts"]
    assert (alerts["answers"], alerts["pushed"], alerts["silent"]) == ({ended: 1}, 0, {COVERED: 1})
    assert versions(ehr.tasks(patient)) == versions([said])
    explained = here.run("explain", f"Patient/{patient}").out
    assert COVERED in " ".join(explained.split())


def test_an_alert_ended_while_a_note_is_written(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    """Completed between our search and our note: the note would be read by nobody, so a Task comes instead."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN)
    here = site(proxy.base)
    here.sync()
    (task,) = ehr.tasks(patient)
    here.sync()
    second_form(ehr, clinic, patient)
    done: list[Json] = []

    def complete() -> None:
        done.append(ehr.change(f"Task/{task['id']}", status="completed"))

    proxy.fault(doing(complete), when=lambda call: call.method == "GET" and call.path == f"Task/{task['id']}", times=1)
    here.sync()
    here.sync()
    assert versions(ehr.tasks(patient)[:1]) == versions(done)
    assert [t["priority"] for t in ehr.tasks(patient)] == ["routine", "urgent"]
