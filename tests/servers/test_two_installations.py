"""Two installations with a store each over the same patients: what both told at the same moment stands once."""

from __future__ import annotations

import time

import pytest

from .clinic import STRAIN, Clinic
from .conftest import MakeSite
from .ehr import Ehr, Json, reference, state, versions
from .faults import doing, status
from .product import Site
from .proxy import Proxy
from .test_reconcile import told

LOWER = 31.0
BOTH = ["Observation", "Task", "Flag"]


def race(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy, **options: object) -> tuple[str, Site, Site]:
    """One strain, and an alert of each: the second installation works while the first one sends its own."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN, last=1)
    first, second = site(proxy.base, **options), site(proxy.base, **options)
    kinds = ("Task", "Flag")

    def meanwhile() -> None:
        time.sleep(1.1)  # resources are dated to the second: the first one's Task is the older one
        second.sync()

    proxy.fault(doing(meanwhile), when=lambda call: call.method == "POST" and call.path in kinds, times=1)
    first.sync()
    return patient, first, second


def live(tasks: list[Json]) -> list[Json]:
    return [t for t in tasks if state(t) != "withdrawn"]


@pytest.mark.parametrize("flags", [False, True])
def test_two_installations_leave_one_alert(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy, flags: bool) -> None:
    options = {"alerts.sinks": ["task", "flag"], "write.types": BOTH} if flags else {}
    patient, first, second = race(ehr, clinic, site, proxy, **options)
    assert len(ehr.search("Flag" if flags else "Task", patient=patient)) == 2
    twice = told(second.run("reconcile", "--json"))
    # Flags have no such date: by chance the first installation has withdrawn its own already.
    assert twice.keys() <= {"duplicates"} if flags else set(twice) == {"duplicates"}, twice
    for _ in range(2):
        second.sync()
        first.sync()
    (task,) = live(ehr.tasks(patient))
    assert task["status"] == "requested"
    assert [f["status"] for f in ehr.search("Flag", patient=patient)].count("active") == flags
    assert [o["status"] for o in ehr.observations(patient)] == ["final"] * len(STRAIN)
    before = versions(ehr.tasks(patient))
    for here in (first, second):
        assert here.sync().report["written"] == {}
        assert told(here.run("reconcile", "--json")) == {}
        assert here.run("status", "--json").report["open_alerts"] == 1
    assert versions(ehr.tasks(patient)) == before


@pytest.mark.parametrize(("said", "which"), [("rejected", 0), ("rejected", 1), ("accepted", 1)])
def test_what_a_person_answered_is_the_one_that_stays(
    ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy, said: str, which: int
) -> None:
    """Whichever of the two that is: both installations agree on it, and both have heard the answer."""
    patient, first, second = race(ehr, clinic, site, proxy)
    answered = ehr.change(f"Task/{ehr.tasks(patient)[which]['id']}", status=said)
    for _ in range(2):
        second.sync()
        first.sync()
    (task,) = live(ehr.tasks(patient))
    assert (task["id"], task["status"]) == (answered["id"], said)
    expected = {"rejected": "rejected", "accepted": "acknowledged"}[said]
    for here in (first, second):
        assert here.run("status", "--json").report["answers"]["counts"] == {expected: 1}


def test_what_the_other_installation_told_is_not_told_again(
    ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy
) -> None:
    """Either may follow the one alert that stands; whoever comes second finds that it says so already."""
    patient, first, second = race(ehr, clinic, site, proxy)
    for _ in range(2):
        second.sync()
        first.sync()
    clinic.course(patient, clinic.id("doc"), (LOWER,))
    first.sync()
    (worse,) = live(ehr.tasks(patient))
    assert (worse["priority"], len(worse["note"])) == ("urgent", 2)
    second.sync()
    first.sync()
    assert versions(live(ehr.tasks(patient))) == versions([worse])


def test_twins_without_an_owner_are_told(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    """A third installation finds both: it withdraws neither, and takes the one that stays for its own."""
    patient, first, second = race(ehr, clinic, site, proxy)
    third = site(proxy.base)
    found = told(third.run("reconcile", "--json"))
    assert [len(found[kind]) for kind in ("duplicates", "orphans")] == [1, 1 + len(STRAIN)]
    before = versions(ehr.tasks(patient))
    assert "Task" not in third.sync().report["written"]
    assert versions(ehr.tasks(patient)) == before
    for here in (second, first, third):
        here.sync()
    assert len(live(ehr.tasks(patient))) == 1
    assert [told(here.run("reconcile", "--json")) for here in (first, second, third)] == [{}] * 3


def test_a_corrected_clinician_is_called_although_the_old_alert_stays(
    ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy
) -> None:
    """All sessions were another practitioner's, and the EHR lets nobody take the old Task back: two alerts of one
    onset, both ours, are no copies of each other."""
    patient, wrong, right = clinic.patient(), clinic.practitioner("wrong"), clinic.practitioner("right")
    forms = clinic.course(patient, wrong, STRAIN)
    here = site(proxy.base)
    here.sync()
    (old,) = ehr.tasks(patient)
    for form in forms:
        session = ehr.read(f"QuestionnaireResponse/{form}")["encounter"]["reference"]
        (who,) = ehr.read(session)["participant"]
        ehr.change(session, participant=[who | {"individual": {"reference": f"Practitioner/{right}"}}])
    refusing = proxy.fault(status(422), method="PUT", type="Task")
    here.sync(code=3)
    here.sync(code=None)
    (new,) = (task for task in ehr.tasks(patient) if reference(task, "owner") == f"Practitioner/{right}")
    assert (state(new), new["status"]) == ("open", "requested")
    assert [item["reference"] for item in here.run("review", "--json").report] == [f"Task/{old['id']}"]
    proxy.heal(refusing)
    assert here.run("retry").code == 0
    states = {reference(task, "owner"): state(task) for task in ehr.tasks(patient)}
    assert states == {f"Practitioner/{wrong}": "withdrawn", f"Practitioner/{right}": "open"}
    assert here.sync().report["written"] == {}
