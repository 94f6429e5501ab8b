"""Oddities of EHRs that no other scenario shows (`docs/reference/gotchas.md`)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from . import faults
from .clinic import STRAIN, Clinic, srs_items
from .conftest import MakeSite
from .ehr import NS, Ehr, state, value, versions
from .proxy import Answer, Call, Proxy

FILED = {"Observation", "Task"}


def searched(call: Call) -> bool:
    return call.is_search and call.type in FILED


def test_what_was_written_is_followed_by_its_id(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    """An index that never catches up: what was filed is known by the answer to it, and changed without a search."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    forms = clinic.course(patient, doctor, STRAIN)
    proxy.fault(faults.empty, when=searched)
    here = site(proxy.base)
    here.sync()
    ehr.change(f"QuestionnaireResponse/{forms[0]}", status="amended", item=srs_items(36.9))
    here.sync()
    assert [value(o) for o in ehr.observations(patient)] == [36.9, *STRAIN[1:]]
    assert [state(task) for task in ehr.tasks(patient)] == ["open"]


def test_a_row_that_is_late_is_read_again(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    """Nothing but the overlap brings it: whoever had a session lately is not read for that alone."""
    patient, other, doctor = clinic.patient(), clinic.patient("other"), clinic.practitioner()
    clinic.course(patient, doctor, (36.0,), last=2)
    here = site(proxy.base, **{"read.across_patients": True, "read.quiet_from": 0, "read.quiet_every": "30d"})
    ehr.clock_passes()
    here.sync()
    late = {*clinic.course(patient, doctor, (37.0,)), *(e["id"] for e in ehr.search("Encounter", patient=patient))}
    ehr.clock_passes()  # a search by time is to the second
    clinic.course(other, doctor, (33.0,))
    hiding = proxy.fault(faults.hiding(late), when=faults.is_search)
    here.sync()
    assert [len(ehr.observations(who)) for who in (patient, other)] == [1, 1]
    proxy.heal(hiding)
    here.sync()
    assert [value(o) for o in ehr.observations(patient)] == [36.0, 37.0]


def test_what_was_created_is_not_read_back(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    """Neither a body nor an ETag, and 404 to whoever follows Location at once: nobody does."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN)

    def bare(call: Call) -> Answer:
        answer = call.forward()
        place = {name: text for name, text in answer.headers.items() if name.lower() == "location"}
        return Answer(answer.status, b"", place)

    proxy.fault(bare, method="POST")
    proxy.fault(faults.status(404), method="GET", when=lambda call: call.type in FILED and not call.is_search)
    here = site(proxy.base)
    ran = here.sync()
    assert ran.report["written"] == {"Observation": {"create": 5}, "Task": {"create": 1}}
    assert [seen for seen in proxy.seen if seen.status == 404] == []
    assert here.sync().report["written"] == {}


def test_remarks_beside_a_success_fail_nothing(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    """An OperationOutcome of information or warning in the answer to a write (Epic: 59109)."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    forms = clinic.course(patient, doctor, (36.0, 37.0))
    issues = [{"severity": severity, "code": "informational"} for severity in ("information", "warning")]
    remark = json.dumps({"resourceType": "OperationOutcome", "issue": issues}).encode()

    def remarked(call: Call) -> Answer:
        answer = call.forward()
        return Answer(answer.status, remark, answer.headers)

    proxy.fault(remarked, when=lambda call: call.method in {"POST", "PUT"})
    here = site(proxy.base)
    first = here.sync().report
    assert (first["written"], first["refused"], first["messages"]) == ({"Observation": {"create": 2}}, {}, [])
    ehr.change(f"QuestionnaireResponse/{forms[0]}", status="amended", item=srs_items(36.9))
    second = here.sync().report
    assert (second["written"], second["refused"], second["messages"]) == ({"Observation": {"update": 1}}, {}, [])


def test_forms_are_never_written(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    """Amended, retracted, recovered: whatever happens, only what is ours is sent."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    forms = clinic.course(patient, doctor, STRAIN, last=1)
    everything = ["Observation", "Task", "Flag", "Communication", "DocumentReference", "Device", "Provenance"]
    here = site(
        proxy.base, **{"write.types": everything, "alerts.sinks": ["task", "flag", "communication", "document"]}
    )
    here.sync()
    clinic.course(patient, doctor, (37.5,))
    ehr.change(f"QuestionnaireResponse/{forms[0]}", status="entered-in-error")
    before = versions(ehr.search("QuestionnaireResponse", patient=patient))
    here.sync()
    assert versions(ehr.search("QuestionnaireResponse", patient=patient)) == before
    assert {seen.path.split("/")[0] for seen in proxy.writes} == set(everything)


def test_a_patient_that_was_merged_while_we_wrote(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    """The EHR knows the subject no more (422): the patient is looked up, and the next pass reads the survivor."""
    old, new, doctor = clinic.patient("old"), clinic.patient("new"), clinic.practitioner()
    forms = clinic.course(old, doctor, (36.0, 37.0))
    survivor = {"reference": f"Patient/{new}"}

    def merge() -> None:
        for form in forms:
            session: Any = ehr.read(f"QuestionnaireResponse/{form}")["encounter"]["reference"]
            ehr.change(session, subject=survivor)
            ehr.change(f"QuestionnaireResponse/{form}", subject=survivor)
        ehr.change(f"Patient/{old}", active=False, link=[{"type": "replaced-by", "other": survivor}])

    def is_about(call: Call) -> bool:
        return call.method == "POST" and f'"Patient/{old}"' in call.body.decode()

    proxy.fault(faults.status(422), when=is_about)
    proxy.fault(faults.doing(merge, then=faults.status(422)), when=is_about, times=1)
    here = site(proxy.base, patients=[old])
    first = here.sync(code=3).report
    assert first["refused"] == {"Observation": {"create": 2}}
    here.sync(code=None)
    assert [value(o) for o in ehr.observations(new)] == [36.0, 37.0]
    assert ehr.observations(old) == []
    assert here.sync().report["written"] == {}


def test_merges_that_cannot_be_asked_about(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    """Refused, it costs no pass; with `_id` ignored, everybody's records tell, and others are not looked at."""
    old, new, stranger = clinic.patient("old"), clinic.patient("new"), clinic.patient("stranger")
    clinic.course(old, clinic.practitioner(), (36.0, 37.0), last=1)
    here = site(proxy.base, patients=[old])
    refused = proxy.fault(faults.status(403), type="Patient")
    ran = here.sync()
    assert ran.report["endpoints"]["main"]["merges"] == "the EHR did not tell (403)"
    assert ran.messages == []
    proxy.heal(refused)
    assert here.sync().report["endpoints"]["main"]["merges"] == "asked about 1 of the cohort"

    def small(call: Call) -> Answer:
        """Without `_id`, as if nobody else's tests had patients on this server."""
        target = call.without(parameters=("_id",)).target
        return replace(call, target=f"{target}&identifier={NS}/test-cohort|{clinic.tag}").forward()

    proxy.fault(small, type="Patient", when=faults.is_search)
    for merged in (stranger, old):
        link = {"type": "replaced-by", "other": {"reference": f"Patient/{new}"}}
        ehr.change(f"Patient/{merged}", active=False, link=[link])
    ran = here.sync()
    assert ran.report["endpoints"]["main"]["merges"] == "the EHR ignores _id"
    assert (ran.report["patients"]["cohort"], ran.report["patients"]["due"]) == (2, 2)
