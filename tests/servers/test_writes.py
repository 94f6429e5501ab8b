"""Writing when something goes wrong: nothing lost, nothing twice, nobody else's work overwritten."""

from __future__ import annotations

import json
import threading

import pytest

from . import faults
from .clinic import STRAIN, Clinic, srs_items
from .conftest import MakeSite
from .ehr import Ehr, Json, value, versions
from .filed import Filed
from .product import Ran, Site
from .proxy import Action, Answer, Call, Proxy
from .running import Server


def settle(here: Site) -> list[Ran]:
    """Pass after pass until one ends well; at most four."""
    done: list[Ran] = []
    while not done or done[-1].code:
        assert len(done) < 4, [(ran.code, ran.messages) for ran in done]
        done.append(here.sync(code=None))
    return done


def once_each(ehr: Ehr, patient: str, totals: tuple[float, ...]) -> list[Json]:
    """The patient's Observations: one per total, in this order, none twice."""
    found = ehr.observations(patient, "srs-v3-total")
    assert [value(o) for o in found] == list(totals)
    assert len({o["identifier"][0]["value"] for o in found}) == len(found)
    return found


def test_writes_off_then_on(ehr: Ehr, filed: Filed, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN)
    here = site(proxy.base, **{"write.enabled": False})
    planned = here.sync().report["planned"]
    assert planned == filed.amounts(scores=5, alerts=1)
    here.sync()
    assert proxy.writes == []
    types = here.options["write.types"]
    here.configure(write__enabled=True, write__types=types[:1])
    here.sync()
    assert filed.series(patient) == list(STRAIN)
    assert filed.turns(patient) == (["raised"] if len(types) < 2 else [])
    here.configure(write__types=types)
    here.sync()
    assert filed.series(patient) == list(STRAIN)
    assert filed.turns(patient) == ["raised"]


def test_a_dry_run_makes_and_moves_nothing(filed: Filed, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN)
    here = site(proxy.base)
    planned = here.sync("--dry-run").report["planned"]
    assert planned | filed.amounts(scores=5, alerts=1) == planned
    assert proxy.writes == []
    assert filed.turns(patient) == []
    assert not here.store.parent.exists()


def test_the_write_cap_leaves_the_rest_planned(filed: Filed, clinic: Clinic, site: MakeSite) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN)
    here = site()
    ran = here.sync("--max-writes", "2", code=3)
    assert sum(sum(ops.values()) for ops in ran.report["planned"].values()) == len(STRAIN) - 1
    assert any("2 resources, the most for one pass; 4 more stay planned" in line for line in ran.messages)
    assert len(filed.series(patient)) + len(filed.turns(patient)) == 2
    here.sync()
    assert filed.series(patient) == list(STRAIN)
    assert filed.turns(patient) == ["raised"]


def test_a_create_that_got_in_without_an_answer(filed: Filed, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    unanswered(filed, clinic, site, proxy, faults.lost)


@pytest.mark.parametrize("fault", [faults.reset, faults.status(500), faults.html(502)], ids=["reset", "500", "502"])
def test_a_create_that_got_lost(filed: Filed, clinic: Clinic, site: MakeSite, proxy: Proxy, fault: Action) -> None:
    unanswered(filed, clinic, site, proxy, fault)


def unanswered(filed: Filed, clinic: Clinic, site: MakeSite, proxy: Proxy, fault: Action) -> None:
    """Of a score and of an alert: found out at the next pass, then exactly one."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN)
    here = site(proxy.base)
    amounts = {type: created["create"] for type, created in filed.amounts(scores=5, alerts=1).items()}
    sent = [
        proxy.fault(fault, method="POST", type=type, first=min(count, 2), times=1) for type, count in amounts.items()
    ]
    first, *later = settle(here)
    assert first.code == 3
    assert first.report["unknown"]
    assert later
    assert all(rule.hits >= rule.first for rule in sent)
    assert filed.series(patient) == list(STRAIN)
    assert filed.turns(patient) == ["raised"]


def test_a_create_without_an_answer_where_conditions_are_ignored(
    ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy
) -> None:
    """The ledger alone prevents the duplicate: this server would make one."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN)

    def lost_and_unconditional(call: Call) -> None:
        faults.unconditional(call)

    proxy.fault(faults.unconditional, method="POST")
    proxy.fault(lost_and_unconditional, method="POST", first=3, times=1)
    settle(site(proxy.base))
    once_each(ehr, patient, STRAIN)
    assert len(ehr.tasks(patient)) == 1


def test_an_unknown_write_waits_for_a_late_index(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    """Absent from one search proves nothing: the write is not sent again before reconcile_after has passed."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, (36.0, 37.0))
    here = site(proxy.base, **{"write.reconcile_after": "60s"})
    proxy.fault(faults.lost, method="POST", type="Observation", first=2, times=1)
    here.sync(code=3)
    lag = proxy.fault(faults.empty, type="Observation", when=faults.is_search)
    proxy.fresh()
    here.sync(code=3)
    here.sync(code=3)
    assert proxy.writes == []
    proxy.heal(lag)
    here.sync()
    assert proxy.writes == []
    once_each(ehr, patient, (36.0, 37.0))


def test_an_update_without_an_answer(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    forms = clinic.course(patient, doctor, (36.0, 37.0, 38.0))
    here = site(proxy.base)
    here.sync()
    for form, total in zip(forms, (31.0, 32.0), strict=False):
        ehr.change(f"QuestionnaireResponse/{form}", status="amended", item=srs_items(total))
    proxy.fault(faults.lost, method="PUT", type="Observation", times=1)
    proxy.fault(faults.reset, method="PUT", type="Observation", first=2, times=1)
    assert settle(here)[0].code == 3
    found = once_each(ehr, patient, (31.0, 32.0, 38.0))
    assert [o["status"] for o in found] == ["amended", "amended", "final"]


def test_a_lost_race_for_a_conditional_create(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    """The server has it (from our twin), and answers 409: found by its identifier and taken as ours."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, (36.0, 37.0))

    def conflict(call: Call) -> Answer:
        call.forward()
        return Answer(409, b'{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"conflict"}]}')

    proxy.fault(conflict, method="POST", type="Observation", times=1)
    here = site(proxy.base)
    here.sync()
    before = versions(once_each(ehr, patient, (36.0, 37.0)))
    here.sync()
    assert versions(once_each(ehr, patient, (36.0, 37.0))) == before


def test_of_several_matches_one_stays(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    """Two Observations carry our identifier: one is taken as ours, the other withdrawn, and the operator is told."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, (36.0,))
    site(proxy.base).sync()
    (first,) = ehr.observations(patient)
    ehr.put({**first, "id": clinic.id("twin")})
    again = site(proxy.base)
    ran = again.sync()
    assert ran.report["written"] == {"Observation": {"retract": 1}}
    assert any("copies" in message for message in ran.messages)
    found = ehr.observations(patient)
    stays = min(o["id"] for o in found)
    assert {o["id"]: o["status"] for o in found if o["status"] != "entered-in-error"} == {stays: "final"}
    assert again.sync().report["written"] == {}


def test_an_unknown_write_of_which_two_stand(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    """A gateway sent it twice and lost both answers: one is taken as ours, the other withdrawn."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, (36.0, 37.0))

    def both(call: Call) -> None:
        faults.unconditional(call)
        faults.unconditional(call)

    proxy.fault(both, method="POST", type="Observation", times=1)
    here = site(proxy.base)
    first = here.sync(code=3).report
    assert (first["unknown"], first["written"]["Observation"]) == (
        {"Observation": {"create": 1}},
        {"create": 1, "retract": 1},
    )
    here.sync()
    assert sorted(o["status"] for o in ehr.observations(patient)) == ["entered-in-error", "final", "final"]
    before = versions(ehr.observations(patient))
    assert here.sync().report["written"] == {}
    assert versions(ehr.observations(patient)) == before


def test_an_acknowledgement_without_a_body(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    """2xx with neither body nor Location (Epic): the id is found by identifier."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    forms = clinic.course(patient, doctor, STRAIN)

    def silent(call: Call) -> Answer:
        return Answer(call.forward().status, b"", {})

    proxy.fault(silent, method="POST")
    here = site(proxy.base)
    here.sync()
    once_each(ehr, patient, STRAIN)
    ehr.change(f"QuestionnaireResponse/{forms[0]}", status="amended", item=srs_items(36.6))
    here.sync()
    once_each(ehr, patient, (36.6, *STRAIN[1:]))


def test_a_foreign_edit_is_left_alone(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    forms = clinic.course(patient, doctor, (36.0, 37.0))
    here = site()
    here.sync()
    edited, noted = ehr.observations(patient)
    theirs = ehr.change(f"Observation/{edited['id']}", valueQuantity={**edited["valueQuantity"], "value": 12})
    ehr.change(f"Observation/{noted['id']}", interpretation=[{"text": "a comment of the site"}])
    for form, total in zip(forms, (31.0, 32.0), strict=True):
        ehr.change(f"QuestionnaireResponse/{form}", status="amended", item=srs_items(total))
    ran = here.sync(code=3)
    assert ran.report["refused"] == {"Observation": {"update": 1}}
    after = {o["id"]: o for o in ehr.observations(patient)}
    assert after[edited["id"]] == theirs
    assert value(after[noted["id"]]) == 32.0
    assert after[noted["id"]]["interpretation"] == [{"text": "a comment of the site"}]
    here.sync(code=None)
    assert ehr.read(f"Observation/{edited['id']}") == theirs
    # A withdrawal is still attempted: the score no longer holds, whoever edited it.
    ehr.change(f"QuestionnaireResponse/{forms[0]}", status="entered-in-error")
    here.sync(code=None)
    assert ehr.read(f"Observation/{edited['id']}")["status"] == "entered-in-error"


def test_removed_by_the_site_is_never_recreated(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    forms = clinic.course(patient, doctor, (36.0, 37.0))
    here = site(proxy.base)
    here.sync()
    ehr.delete(f"Observation/{ehr.observations(patient)[0]['id']}")
    ehr.change(f"QuestionnaireResponse/{forms[0]}", status="amended", item=srs_items(31.0))
    proxy.fresh()
    ran = here.sync(code=3)
    assert len(ran.messages) >= 1
    here.sync(code=None)
    assert proxy.writes == []
    once_each(ehr, patient, (37.0,))


def test_restart_mid_run(server: Server, filed: Filed, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    """The server is killed at our fourth write, while it is on its way, and comes back."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN)
    back = threading.Thread(target=server.start)

    def crash() -> None:
        server.stop(hard=True)
        back.start()

    def then(call: Call) -> Answer:
        return call.forward()  # refused, or reset: the server is gone

    proxy.fault(faults.doing(crash, then), method="POST", first=4, times=1)
    here = site(proxy.base)
    first = here.sync(code=None)
    assert first.code in {3, 4}
    back.join(150)
    assert len(filed.series(patient)) == 3
    settle(here)
    assert filed.series(patient) == list(STRAIN)
    assert filed.turns(patient) == ["raised"]


def test_a_second_instance_does_nothing(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    """While one pass runs (slowly), another on the same store ends with exit 7."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, (36.0,))
    here = site(proxy.base)
    entered = threading.Event()
    rule = proxy.fault(faults.doing(entered.set, faults.slow(10)), type="QuestionnaireResponse", when=faults.is_search)
    running = here.start("sync", "--json")
    assert entered.wait(20)
    second = here.sync(code=7)
    assert len(second.messages) == 1
    proxy.closing.set()
    out, err = running.communicate(timeout=60)
    here.finish(Ran(running.returncode, out, err), "sync")
    assert running.returncode == 0
    assert rule.hits == 1
    once_each(ehr, patient, (36.0,))


def test_the_audit_trail_has_every_write_and_nobody_by_name(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN)
    here = site()
    here.sync("--dry-run")
    here.sync()
    once_each(ehr, patient, STRAIN)
    lines = [json.loads(line) for line in here.run("audit", patient).out.splitlines()]
    assert [line["event"] for line in lines] == ["read"] + ["create"] * 12
    assert [line["outcome"] for line in lines[1:]] == ["pending", "done"] * 6
    assert [line["type"] for line in lines[1::2]] == ["Observation"] * 5 + ["Task"]
    # The trail is kept before the request is sent: without it nothing is.
    trail = here.store.with_name("audit.jsonl")
    trail.unlink()
    trail.mkdir()
    ehr.put(clinic.srs("later", patient, 20, weeks=0.1))
    before = len(ehr.observations(patient, "srs-v3-total"))
    assert here.run("sync").code == 2
    assert len(ehr.observations(patient, "srs-v3-total")) == before
