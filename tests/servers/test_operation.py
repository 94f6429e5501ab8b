"""What IT meets: safety stops, signals, the scheduler, status, explain, retry, and a damaged state folder."""

from __future__ import annotations

import json
import signal
import threading
import time

from . import faults, warm
from .clinic import STRAIN, Clinic, srs_items
from .conftest import MakeSite
from .ehr import Ehr, state
from .product import Ran, Site
from .proxy import Answer, Call, Proxy
from .test_writes import once_each

STEADY = (37.2, 38.0, 37.6)


def crowd(clinic: Clinic, strained: int, steady: int) -> list[str]:
    """Patients with a baseline each, the first ones with a strain at the last session."""
    doctor = clinic.practitioner()
    made = [clinic.patient(f"p{n:02}") for n in range(strained + steady)]
    for n, patient in enumerate(made):
        clinic.course(patient, doctor, STRAIN if n < strained else STEADY)
    return made


def test_too_many_alerts_are_none(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    """2 of 20 dyads are more than 5 %: scores are written, nobody is called, exit 6; then the site decides."""
    patients = crowd(clinic, 2, 18)
    here = site()
    stopped = here.sync(code=6)
    assert stopped.report["alerts"]["pushed"] == 0
    assert any("2 of 20 dyads" in line for line in stopped.messages)
    assert [ehr.tasks(p) for p in patients] == [[]] * 20
    assert [len(ehr.observations(p)) for p in patients] == [5, 5] + [3] * 18
    here.sync(code=6)
    here.configure(write__max_alert_share=0.1)
    assert here.sync().report["alerts"]["pushed"] == 2
    assert [len(ehr.tasks(p)) for p in patients] == [1, 1] + [0] * 18
    assert here.sync().report["written"] == {}


def test_a_roster_that_shrinks_stops_the_pass(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    patients = crowd(clinic, 0, 5)
    here = site(proxy.base)
    here.sync()
    clinic.course(patients[0], clinic.id("doc"), (37.7,), last=-0.1)
    proxy.fresh()
    here.configure(cohort__ids=patients[:3])
    stopped = here.sync(code=6)
    assert any("shrank from 5 to 3" in line for line in stopped.messages)
    assert proxy.writes == []
    here.configure(cohort__ids=patients[:4])
    assert here.sync().report["written"] == {"Observation": {"create": 1}}


def test_sigterm_finishes_the_patient_and_loses_nothing(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    patients = crowd(clinic, 1, 3)
    here = site(proxy.base, **{"read.max_connections": 1})
    running = here.start("sync", "--json")

    def stop(call: Call) -> None:
        running.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        return call.forward()  # type: ignore[return-value]

    proxy.fault(stop, method="POST", type="Observation", first=2, times=1)
    out, err = running.communicate(timeout=60)
    ended = here.finish(Ran(running.returncode, out, err), "sync")
    assert ended.code == 128 + signal.SIGTERM
    assert len(ehr.observations(patients[0])) == 5  # that patient is finished
    assert len(ehr.observations(patients[-1])) == 0
    here.sync()
    once_each(ehr, patients[0], STRAIN)
    assert [len(ehr.tasks(p)) for p in patients] == [1, 0, 0, 0]
    assert [len(ehr.observations(p)) for p in patients[1:]] == [3, 3, 3]


def test_serve_runs_passes_and_ends_on_sigterm(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN[:4])
    here = site(**{"schedule.every": "1s"})
    running = here.start("serve")
    try:
        _await(lambda: len(ehr.observations(patient)) == 4)
        clinic.course(patient, doctor, STRAIN[4:], last=-0.1)
        _await(lambda: len(ehr.tasks(patient)) == 1)
    finally:
        running.terminate()
        out, err = running.communicate(timeout=30)
    ended = here.finish(Ran(running.returncode, out, err), "serve")
    assert ended.code == 0, ended.err
    assert err.count('"run.finished"') >= 2
    once_each(ehr, patient, STRAIN)
    assert here.sync().report["written"] == {}


def _await(done: object, seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not done():  # type: ignore[operator]
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.1)


def test_status_explain_and_retry(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN)
    broken = clinic.srs("broken", patient, 38.0, 10)
    broken["item"][2]["answer"] = [{"valueDecimal": 11.3}]
    ehr.put(broken)
    here = site()
    assert "No pass has run yet" in here.run("status").out
    here.sync(code=3)
    shown = json.loads(here.run("status", "--json").out)
    assert [(s["patient"], s["kind"], s["state"]) for s in shown["strains"]] == [(f"Patient/{patient}", "drop", "open")]
    assert [q["source"] for q in shown["quarantine"]] == [f"QuestionnaireResponse/{broken['id']}"]
    assert shown["open_alerts"] == 1
    text = here.run("status").out
    assert "open strains         1" in text
    (task,) = ehr.tasks(patient)
    for what in (f"Task/{task['id']}", task["identifier"][0]["value"], f"Patient/{patient}"):
        told = here.run("explain", what)
        assert told.code == 0, told.err
        assert "lower than usual" in told.out
        assert "37.8" in told.out  # the mean of the four before
    assert json.loads(here.run("explain", f"Task/{task['id']}", "--json").out)["events"][-1]["kind"] == "drop"
    chart = here.folder / "chart.svg"
    here.run("explain", f"Task/{task['id']}", "--chart", str(chart))
    assert chart.read_text().startswith("<svg")
    assert here.run("explain", "Task/none").code == 2
    assert here.sync().code == 0  # an old quarantine does not keep a timer red
    assert here.run("retry", "--json").code == 3  # asked for, it is told again
    ehr.put(broken | {"item": srs_items(38.0), "status": "amended"})
    assert here.run("retry", "--json").report["quarantine"] == {"new": 0, "total": 0}


def test_only_one_patient_and_only_of_the_cohort(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    first, second, third = crowd(clinic, 0, 3)
    here = site(patients=[first, second])
    assert here.sync("--patient", first).report["written"] == {"Observation": {"create": 3}}
    assert ehr.observations(second) == []
    refused = here.run("sync", "--patient", third)
    assert refused.code == 2
    here.configure(cohort__exclude=[second])
    assert here.run("sync", "--patient", second).code == 2


def test_only_a_complete_pass_is_fresh(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    """A pass that an error ended, one over a single patient, and a dry run leave the clock of silence running."""
    first, _ = crowd(clinic, 0, 2)
    here = site()
    good, bad = here.options["endpoint.main.auth.token"], {"env": "ALLIANCE_NO_SUCH_TOKEN"}
    here.configure(endpoint__main__auth__token=bad)
    assert "holds no secret" in _refused(here, 2)
    ended = json.loads(here.run("status", "--json").out)
    assert ended["freshness"] is None
    assert [(run["exit_code"], run["complete"]) for run in ended["runs"]] == [(2, False)]
    here.configure(endpoint__main__auth__token=good)
    one = here.sync("--patient", first).report
    assert (one["exit_code"], one["complete"], one["freshness"]) == (0, False, None)
    assert here.sync("--dry-run").report["freshness"] is None
    assert json.loads(here.run("status", "--json").out)["freshness"] is None
    assert here.sync().report["freshness"] == 0
    assert json.loads(here.run("status", "--json").out)["freshness"] is not None


def test_one_endpoints_secret_does_not_stop_the_others(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    patient, _ = crowd(clinic, 0, 2)
    other = {"base_url": site().base, "auth.method": "bearer", "auth.token": {"env": "ALLIANCE_NO_SUCH_TOKEN"}}
    here = site(**{f"endpoint.another.{name}": value for name, value in other.items()})
    ran = here.sync(code=3)
    assert len(ehr.observations(patient)) == 3
    assert any("holds no secret" in line for line in ran.messages)
    assert not ran.report["complete"]


def _refused(here: Site, code: int) -> str:
    ran = here.run("sync")
    assert ran.code == code, ran.err
    return ran.messages[-1]


def test_a_damaged_state_folder_is_told_not_worked_around(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN)
    here = site()
    here.sync()
    secret = here.store.with_name("alert.key")
    kept = secret.read_text()
    secret.unlink()
    assert "restore it" in _refused(here, 6)
    secret.write_text("00" * 32)
    assert "restore it" in _refused(here, 6)
    secret.write_text(kept)
    here.configure(namespace="https://clinic.example/ns")
    assert "namespace" in _refused(here, 6)
    here.configure(namespace="https://w3id.org/fhir-alliance")
    here.store.chmod(0o644)
    assert "chmod 600" in _refused(here, 2)
    here.store.chmod(0o600)
    assert here.sync().report["written"] == {}
    for file in here.store.parent.glob("alliance.db*"):
        file.unlink()
    here.store.write_bytes(b"this is no database, but it is long enough to look like one" * 100)
    here.store.chmod(0o600)
    assert "not a usable SQLite database" in _refused(here, 2)
    assert [state(t) for t in ehr.tasks(patient)] == ["open"]


def test_the_connector_as_a_device(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STEADY)
    here = site(proxy.base, **{"write.types": ["Observation", "Task", "Device"]})
    here.sync()
    devices = {o["device"]["reference"] for o in ehr.observations(patient)}
    assert len(devices) == 1
    assert ehr.read(devices.pop())["deviceName"][0]["name"] == "FHIR Alliance"
    proxy.fresh()
    proxy.fault(faults.status(500), method="POST")
    assert here.sync().report["written"] == {}
    assert proxy.writes == []


def test_a_dry_run_shows_the_exact_resources(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN)
    here = site()
    plan = here.sync("--dry-run").report["plan"]
    assert [a["op"] for a in plan] == ["create"] * 6
    alert = plan[-1]["resource"]
    assert (alert["resourceType"], alert["owner"]["reference"]) == ("Task", f"Practitioner/{doctor}")
    text = here.run("sync", "--dry-run").out
    assert text.count(f"would create  Observation Patient/{patient}") == 5
    assert f"to Practitioner/{doctor}" in text
    here.sync()
    sent, planned = once_each(ehr, patient, STRAIN), [a["resource"] for a in plan[:5]]
    for element in ("identifier", "status", "code", "effectiveDateTime"):
        assert [o[element] for o in sorted(planned, key=lambda o: o["effectiveDateTime"])] == [o[element] for o in sent]


def test_a_kill_switch_for_serve(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    """Writing is switched off while a pass writes: nothing more is sent, and all of it later. A wrong file is told."""
    patients = crowd(clinic, 1, 2)
    here = site(proxy.base, **{"schedule.every": "1h", "read.max_connections": 1})
    running, hung_up = here.start("serve"), threading.Event()
    assert isinstance(running, warm.Running)

    def hang_up(call: Call) -> Answer:
        here.configure(write__enabled=False)
        right = (here.folder / "site.toml").read_text()
        running.send_signal(signal.SIGHUP)
        _await(lambda: "settings.reloaded" in running.said())
        (here.folder / "site.toml").write_text(right + "\nnonsense = 1\n")
        running.send_signal(signal.SIGHUP)
        _await(lambda: "the settings stay as they were" in running.said())
        (here.folder / "site.toml").write_text(right)
        hung_up.set()
        return call.forward()

    proxy.fault(hang_up, method="POST", type="Observation", first=2, times=1)
    try:
        assert hung_up.wait(60)
        _await(lambda: _passes(here) == 1)
    finally:
        running.terminate()
        out, err = running.communicate(timeout=30)
    ended = here.finish(Ran(running.returncode, out, err), "serve")
    assert ended.code == 0, err
    assert err.count('"settings.reloaded"') == 1
    assert any("the settings stay as they were" in line for line in ended.messages)
    assert any("was switched off during this pass" in line for line in ended.messages)
    assert [len(ehr.observations(p)) for p in patients] == [2, 0, 0]
    here.configure(write__enabled=True)
    here.sync()
    once_each(ehr, patients[0], STRAIN)
    assert [len(ehr.observations(p)) for p in patients] == [5, 3, 3]
    assert [len(ehr.tasks(p)) for p in patients] == [1, 0, 0]


def _passes(here: Site) -> int:
    ended = json.loads(here.run("status", "--json").out)["runs"] if here.store.exists() else []
    return sum(run["finished"] is not None for run in ended)


def test_an_empty_cohort_is_told(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    here = site(**{"cohort.ids": []})
    ran = here.sync()
    assert (ran.report["complete"], ran.report["patients"]["cohort"]) == (True, 0)
    assert any("the cohort is empty" in line for line in ran.messages)
