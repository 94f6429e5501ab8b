"""What the EHR holds against what the store knows: found, told, and brought together only when asked to."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from .clinic import STRAIN, Clinic
from .conftest import MakeSite
from .ehr import Ehr, state, value
from .product import Ran
from .proxy import Proxy
from .test_scenarios import values

KINDS = ("missing", "foreign_edits", "duplicates", "orphans")


def told(ran: Ran) -> dict[str, list[str]]:
    """References by kind."""
    report = json.loads(ran.out)
    assert all(one["what"] and one["do"] for kind in KINDS for one in report[kind])
    return {kind: [one["reference"] for one in report[kind]] for kind in KINDS if report[kind]}


def test_reconcile_tells_and_writes_nothing_until_asked(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN)
    here = site(proxy.base)
    here.sync()
    assert here.run("reconcile").code == 0
    ours = ehr.observations(patient)
    (task,) = ehr.tasks(patient)
    gone, edited = (f"Observation/{o['id']}" for o in ours[:2])
    ehr.delete(gone)
    ehr.change(edited, valueQuantity=ours[1]["valueQuantity"] | {"value": 1})
    copy = ehr.put(ours[2] | {"id": clinic.id("copy")})
    stray = ehr.put(ours[3] | {"id": clinic.id("stray"), "identifier": [ours[3]["identifier"][0] | {"value": "stray"}]})
    expected = {
        "missing": [gone],
        "foreign_edits": [edited],
        "duplicates": [f"Observation/{copy['id']}"],
        "orphans": [f"Observation/{stray['id']}"],
    }
    proxy.fresh()
    before = here.store.read_bytes()
    ran = here.run("reconcile", "--json")
    assert (told(ran), ran.code) == (expected, 5)
    assert (proxy.writes, here.store.read_bytes()) == ([], before)
    assert "There twice" in here.run("reconcile").out
    assert told(here.run("reconcile", "--json", "--apply")) == expected
    assert [ehr.read(f"Observation/{o['id']}")["status"] for o in (copy, ours[2])] == ["entered-in-error", "final"]
    assert told(here.run("reconcile", "--json")) == {}
    # Known now, the stray is no score of these data any more; what was removed stays so, theirs stays theirs.
    here.run("retry")
    assert ehr.read(f"Observation/{stray['id']}")["status"] == "entered-in-error"
    assert [value(o) for o in ehr.observations(patient) if o["status"] == "final"] == [1, *STRAIN[2:]]
    assert ehr.tasks(patient)[0]["id"] == task["id"]


def test_a_lost_store_is_rebuilt_from_the_ehr(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN)
    here = site(proxy.base)
    here.sync()
    assert here.run("rebuild").code == 2
    here.store.unlink()
    for beside in here.store.parent.glob("alliance.db-*"):
        beside.unlink()
    proxy.fresh()
    ran = here.run("rebuild", "--json")
    assert (ran.code, json.loads(ran.out)["adopted"]) == (0, len(STRAIN) + 1)
    here.sync()
    assert proxy.writes == []
    # With the secret lost as well, the alert has another key; it is found by what it is about all the same.
    shutil.rmtree(here.store.parent)
    here.run("rebuild")
    here.sync()
    assert (len(ehr.observations(patient)), len(ehr.tasks(patient))) == (len(STRAIN), 1)


def test_a_site_that_stops_withdraws_everything(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN)
    here = site()
    here.sync()
    number = len(STRAIN) + 1
    assert here.run("withdraw", "--all", "--confirm", str(number - 1)).code == 2
    assert values(ehr, patient) == list(STRAIN)
    assert here.run("withdraw", "--all", "--confirm", str(number)).code == 0
    assert {o["status"] for o in ehr.observations(patient)} == {"entered-in-error"}
    (task,) = ehr.tasks(patient)
    assert (task["status"], state(task)) == ("cancelled", "withdrawn")
    assert here.run("sync").code == 6
    assert {o["status"] for o in ehr.observations(patient)} == {"entered-in-error"}
    here.run("withdraw", "--resume")
    here.sync()
    assert [(o["status"], value(o)) for o in ehr.observations(patient)] == [("amended", v) for v in STRAIN]


def test_a_patient_is_forgotten_here_only(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    patient, other, doctor = clinic.patient(), clinic.patient("other"), clinic.practitioner()
    clinic.course(patient, doctor, (31, 32))
    clinic.course(other, doctor, (33,))
    here = site()
    here.sync()
    assert here.run("forget", patient).code == 6
    assert patient.encode() in here.store.read_bytes()
    here.configure(cohort__ids=[other], cohort__max_shrink=1.0)
    assert here.run("forget", patient).code == 0
    assert here.run("reconcile", "--json").code == 0
    assert (values(ehr, patient), values(ehr, other)) == ([31, 32], [33])


def test_whoever_was_merged_is_forgotten_as_one(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    """The opt-out is under the new id, the cohort has the old one: neither is read on, and nothing of them stays."""
    old, new, other, doctor = *(clinic.patient(name) for name in ("old", "new", "other")), clinic.practitioner()
    forms = clinic.course(old, doctor, STRAIN)
    clinic.course(other, doctor, (33,))
    here = site(patients=[old, other])
    here.sync()
    survivor = {"reference": f"Patient/{new}"}
    for form in forms:
        session: Any = ehr.read(f"QuestionnaireResponse/{form}")["encounter"]["reference"]
        ehr.change(session, subject=survivor)
        ehr.change(f"QuestionnaireResponse/{form}", subject=survivor)
    ehr.change(f"Patient/{old}", active=False, link=[{"type": "replaced-by", "other": survivor}])
    here.sync()
    assert [state(task) for task in ehr.tasks(old) + ehr.tasks(new)] == ["withdrawn", "open"]
    here.configure(cohort__exclude=[new])
    assert here.sync().report["patients"]["cohort"] == 1
    forgotten = here.run("forget", new)
    assert (forgotten.code, old in forgotten.out, new in forgotten.out) == (0, True, True)
    assert _kept(here.store, (old, new, *forms)) == []
    for patient in (old, new):
        about = [json.loads(line) for line in here.run("audit", patient).out.splitlines()]
        assert (about[-1]["event"], about[-1]["patient"]) == ("forget", about[0]["patient"])
    # Nothing here tells any more that the two are one; their records do, before anything is read of them.
    assert here.sync().report["patients"]["cohort"] == 1
    assert _kept(here.store, forms) == []


def _kept(store: Path, ids: Iterable[str]) -> list[str]:
    """Tables that mention one of these."""
    with closing(sqlite3.connect(store)) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return [t for t in tables if any(id in repr(row) for row in db.execute(f"SELECT * FROM {t}") for id in ids)]


def test_withdraw_counts_what_it_can_withdraw(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    """Messages of a log and a Provenance are no resources to withdraw; whoever says no has withdrawn nothing."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN)
    types = ["Observation", "Task", "Provenance"]
    here = site(**{"alerts.sinks": ["task", "log"], "write.types": types})
    here.sync()
    told = f"{len(STRAIN) + 1} resources and 1 messages about 1 patients"
    assert told in here.run("withdraw", "--all", "--confirm", "0").err

    def answer(typed: str) -> subprocess.CompletedProcess[str]:
        command = [
            sys.executable,
            "-m",
            "fhir_alliance",
            "withdraw",
            "--all",
            "--config",
            str(here.folder / "site.toml"),
        ]
        return subprocess.run(command, input=typed, capture_output=True, text=True, timeout=60, check=False)

    declined = answer("n\n")
    assert (declined.returncode, "Nothing was withdrawn." in declined.stderr) == (0, True)
    assert "1 Log, 1 Provenance" in declined.stderr
    nobody = answer("")
    assert (nobody.returncode, "--confirm NUMBER" in nobody.stderr) == (2, True)
    assert here.sync().report["written"] == {}
    number = len(STRAIN) + 2
    done = answer(f"y\n{number}\n")
    assert (done.returncode, f"{number} withdrawn, 0 not" in done.stdout) == (0, True)
    assert {o["status"] for o in ehr.observations(patient)} == {"entered-in-error"}


def test_what_is_left_of_a_reconciliation_is_told(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, (31, 32))
    here = site()
    here.sync()
    copy = ehr.put(ehr.observations(patient)[0] | {"id": clinic.id("copy")})
    here.configure(write__enabled=False)
    ran = here.run("reconcile", "--apply", "--json")
    assert (ran.code, ran.report["left"], ran.report["applied"]) == (5, 1, 0)
    assert any("writing is off for Observation" in line for line in ran.messages)
    assert ehr.read(f"Observation/{copy['id']}")["status"] == "final"
    here.configure(write__enabled=True)
    assert here.run("reconcile", "--apply").code == 0
    assert ehr.read(f"Observation/{copy['id']}")["status"] == "entered-in-error"
