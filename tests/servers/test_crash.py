"""kill -9 at every step of the ledger, again and again, then a clean pass: nothing lost, nothing twice.

The product ends itself by SIGKILL where FHIR_ALLIANCE_CRASH_AT says; each run of a chain is one such kill, on top of
what the kills before it left behind.
"""

from __future__ import annotations

import signal

import pytest

from . import faults
from .clinic import STRAIN, Clinic, srs_items
from .conftest import MakeSite
from .ehr import Ehr, state
from .product import Ran, Site
from .proxy import Answer, Call, Proxy
from .test_writes import once_each, settle

COURSE = (37.2, 38.0, 37.6, 38.4, 37.9, 38.2, 37.7, 38.1, 31.9)
CREATING = ("planned:1", "pending:1", "sent:1", "done:1", "pending:2", "sent:2", "done:2", "watermark:1")
CHANGING = ("planned:1", "pending:1", "sent:1", "done:1", "pending:2", "sent:1", "done:1", "watermark:1")
SETTLED = ("checkpoint:1", "watermark:1")


def kill_at(here: Site, step: str) -> None:
    running = here.start("sync", "--json", env={"FHIR_ALLIANCE_CRASH_AT": step})
    out, err = running.communicate(timeout=120)
    assert running.returncode == -signal.SIGKILL, (step, running.returncode, out, err)
    here.finish(Ran(running.returncode, out, err), "sync")


@pytest.mark.parametrize("conditional", [True, False], ids=["if-none-exist", "ignored-condition"])
def test_crash_at_each_step(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy, conditional: bool) -> None:
    """Also on a server that ignores If-None-Exist: there the ledger alone prevents duplicates."""
    if not conditional:
        proxy.fault(faults.unconditional, method="POST")
    patient, doctor = clinic.patient(), clinic.practitioner()
    forms = clinic.course(patient, doctor, COURSE)
    here = site(proxy.base)
    for step in CREATING:
        kill_at(here, step)
    settle(here)
    before = once_each(ehr, patient, COURSE)
    (task,) = ehr.tasks(patient)
    assert (task["status"], state(task)) == ("requested", "open")

    changed = (36.9, *COURSE[1:5], 37.1, 37.2, 37.3, 38.3)
    for form, total in zip(forms, changed, strict=True):
        if total not in COURSE[1:5]:
            ehr.change(f"QuestionnaireResponse/{form}", status="amended", item=srs_items(total))
    ehr.change(f"QuestionnaireResponse/{forms[1]}", status="entered-in-error")
    for step in CHANGING:
        kill_at(here, step)
    settle(here)
    after = once_each(ehr, patient, changed)
    assert [o["id"] for o in after] == [o["id"] for o in before]
    assert [o["status"] for o in after] == ["amended", "entered-in-error", *["final"] * 3, *["amended"] * 4]
    (withdrawn,) = ehr.tasks(patient)
    assert (withdrawn["id"], withdrawn["status"], state(withdrawn)) == (task["id"], "cancelled", "withdrawn")

    clinic.course(patient, doctor, (38.5,), last=-0.1)
    for step in SETTLED:
        kill_at(here, step)
    proxy.fresh()
    settle(here)
    once_each(ehr, patient, (*changed, 38.5))
    assert proxy.writes == []
    assert len(ehr.tasks(patient)) == 1


def test_killed_while_a_request_is_on_its_way(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    """From outside, at a create of a score, at one of a Task and at an update: done by the server, known to nobody."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    forms = clinic.course(patient, doctor, STRAIN)
    here = site(proxy.base)

    def killed(method: str, type: str, nth: int) -> None:
        running = here.start("sync", "--json")

        def act(call: Call) -> Answer:
            answer = call.forward()
            running.kill()
            running.wait(30)
            return answer

        rule = proxy.fault(act, method=method, type=type, first=nth, times=1)
        out, err = running.communicate(timeout=60)
        here.finish(Ran(running.returncode, out, err), "sync")
        assert running.returncode == -signal.SIGKILL
        proxy.heal(rule)

    killed("POST", "Observation", 3)
    killed("POST", "Task", 1)
    settle(here)
    once_each(ehr, patient, STRAIN)
    assert [state(task) for task in ehr.tasks(patient)] == ["open"]
    ehr.change(f"QuestionnaireResponse/{forms[0]}", status="amended", item=srs_items(36.9))
    killed("PUT", "Observation", 1)
    settle(here)
    (amended, *_) = once_each(ehr, patient, (36.9, *STRAIN[1:]))
    assert amended["status"] == "amended"


def test_every_step_is_hit_often_enough() -> None:
    from fhir_alliance.faults import STEPS

    chain = (*CREATING, *CHANGING, *SETTLED)
    assert {step.split(":")[0] for step in chain} == set(STEPS)
    assert 2 * len(chain) + 3 >= 25  # on each server
