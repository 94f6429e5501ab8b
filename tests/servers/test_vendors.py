"""Every profile of a vendor in front of a real server: what it allows works, and what it refuses is explained."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator

import pytest

from fhir_alliance.vendors import ALERT_SINKS, SCORE_SINKS, recognise, vendors

from . import faults
from .clinic import STRAIN, Clinic, srs_items
from .conftest import MakeSite
from .ehr import Ehr, Json, reference, state, value, versions
from .hook import Receiver
from .profiles import FITTING, fitting, wanted, wants_open
from .proxy import Call, Proxy
from .running import Server
from .test_crash import kill_at
from .test_scenarios import values
from .test_writes import settle
from .vendor import VendorProxy

Front = Callable[[str], VendorProxy]
TAKES_OBSERVATIONS = [v.id for v in vendors().values() if "observation" in v.sinks.scores.takes]


@pytest.fixture
def front(server: Server, clinic: Clinic) -> Iterator[Front]:
    """Makes a vendor's EHR of the real server."""
    made: list[VendorProxy] = []

    def make(vendor: str) -> VendorProxy:
        if wants_open(vendor):
            clinic.leave_open()
        made.append(VendorProxy(server.base, vendors()[vendor]))
        return made[-1]

    yield make
    for proxy in made:
        proxy.down()


@pytest.mark.parametrize("vendor", vendors())
def test_a_profile_is_complete(vendor: str) -> None:
    told = vendors()[vendor]
    assert set(told.sinks.scores.takes) <= set(SCORE_SINKS)
    assert set(told.sinks.alerts.takes) <= set(ALERT_SINKS)
    if told.software or told.publisher:
        name, publisher = next(iter(told.software), None), next(iter(told.publisher), None)
        assert recognise(name, publisher) == told
    assert recognise("something else", None) is None


@pytest.mark.parametrize("vendor", vendors())
def test_forms_are_read_and_scored_whatever_the_vendor(
    ehr: Ehr, clinic: Clinic, site: MakeSite, front: Front, vendor: str
) -> None:
    """Refusals of searches cost nothing; amendments and retractions are seen although there are no stamps."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    forms = clinic.course(patient, doctor, STRAIN)
    here = site(front(vendor).base, **wanted(vendor), **{"write.enabled": False})
    first = here.sync().report
    assert (first["outcomes"]["scored"], first["episodes"]) == (len(STRAIN), {"open": 1})
    ehr.change(f"QuestionnaireResponse/{forms[-1]}", status="amended", item=srs_items(STRAIN[0]))
    second = here.sync().report
    assert (second["outcomes"]["scored"], second["episodes"]) == (len(STRAIN), {})
    ehr.change(f"QuestionnaireResponse/{forms[0]}", status="entered-in-error")
    assert here.sync().report["outcomes"]["scored"] == len(STRAIN) - 1


@pytest.mark.parametrize("vendor", vendors())
def test_scores_are_written_or_the_refusal_is_told_once(
    ehr: Ehr, clinic: Clinic, site: MakeSite, front: Front, vendor: str
) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN)
    here = site(front(vendor).base, **wanted(vendor))
    if vendor in TAKES_OBSERVATIONS:
        here.sync()
        assert values(ehr, patient) == list(STRAIN)
        assert len(ehr.tasks(patient)) == 1
        assert here.sync().report["written"] == {}
        return
    ran = here.sync(code=3)
    assert ran.report["refused"]["Observation"] == {"create": len(STRAIN)}
    assert ehr.observations(patient) == []
    assert ehr.tasks(patient) == []


# -- with sinks that fit, each profile gets scores and alerts where it can

RAISED = {"Task": 1, "Flag": 1, "Communication": 1, "DocumentReference": 1}


def alerts(ehr: Ehr, patient: str) -> dict[str, list[Json]]:
    """Everything of ours about a patient that is an alert, by type."""
    found = {type: ehr.search(type, patient=patient) for type in RAISED}
    return {type: ours for type, ours in found.items() if ours}


def lines(err: str) -> list[str]:
    """The events that the log told of."""
    return [line.split('"event": "alert.')[1].split('"')[0] for line in err.splitlines() if '"alert.' in line]


def test_every_profile_has_its_fitting_sinks() -> None:
    assert set(FITTING) == set(vendors())
    for vendor, options in FITTING.items():
        told = vendors()[vendor].sinks
        assert options.get("write.scores.sink", "observation") in told.scores.takes
        assert set(options["alerts.sinks"]) <= set(told.alerts.takes)


@pytest.mark.parametrize("vendor", vendors())
def test_scores_and_alerts_stand_where_the_vendor_takes_them(
    ehr: Ehr, clinic: Clinic, site: MakeSite, front: Front, hook: Receiver, vendor: str
) -> None:
    """First pass writes, second writes nothing; then a corrected form takes the strain back, each sink in its way."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    forms = clinic.course(patient, doctor, STRAIN)
    here = site(front(vendor).base, **fitting(vendor, hook))
    first = here.sync()
    sinks = FITTING[vendor]["alerts.sinks"]
    stood = alerts(ehr, patient)
    assert {type: len(found) for type, found in stood.items()} == {
        type: 1 for type in RAISED if type in FITTING[vendor]["write.types"]
    }
    assert [m["event"] for m in hook.messages] == (["raised"] if "webhook" in sinks else [])
    assert lines(first.err) == (["raised"] if "log" in sinks else [])
    scores = [o for o in ehr.search("Observation", patient=patient) if o["status"] == "final"]
    filed = FITTING[vendor].get("write.scores.sink", "observation") in {"observation", "flowsheet"}
    assert sorted(o["valueQuantity"]["value"] for o in scores) == (sorted(STRAIN) if filed else [])

    again = here.sync()
    assert again.report["written"] == {}
    assert alerts(ehr, patient) == stood
    assert (len(hook.messages), lines(again.err)) == (len([s for s in sinks if s == "webhook"]), [])

    ehr.change(f"QuestionnaireResponse/{forms[-1]}", status="amended", item=srs_items(STRAIN[0]))
    after = here.sync(code=None)
    taken_back(vendor, ehr, patient, after.report)
    assert [m["event"] for m in hook.messages] == (["raised", "withdrawn"] if "webhook" in sinks else [])
    assert lines(after.err) == (["withdrawn"] if "log" in sinks else [])
    stood = alerts(ehr, patient)
    last = here.sync()
    assert (last.report["written"], last.report["refused"], alerts(ehr, patient)) == ({}, {}, stood)


def taken_back(vendor: str, ehr: Ehr, patient: str, report: Json) -> None:
    """How each profile's resources look when the strain is no longer in the data."""
    stood = alerts(ehr, patient)
    if vendor in {"generous", "hapi"}:
        assert report["exit_code"] == 0
        (task,), (flag,), (document,) = stood["Task"], stood["Flag"], stood["DocumentReference"]
        assert [task["status"], flag["status"], document["status"]] == ["cancelled", *["entered-in-error"] * 2]
        assert [o["status"] for o in ehr.observations(patient)] == [*["final"] * 4, "amended"]
    if vendor == "epic":
        # Neither the row nor the note can be changed: a person is told, once.
        assert report["exit_code"] == 3
        assert report["refused"] == {"DocumentReference": {"retract": 1}, "Observation": {"update": 1}}
        assert sum("cannot be changed" in m or "no version" in m for m in report["messages"]) == 2
        assert stood["DocumentReference"][0]["status"] == "current"
    if vendor in {"generous", "hapi", "oracle"}:
        first, disregard = sorted(stood["Communication"], key=lambda c: "inResponseTo" in c)
        assert reference(disregard, "inResponseTo") == f"Communication/{first['id']}"
        assert "disregard" in disregard["payload"][0]["contentString"]
        assert disregard["recipient"][0]["reference"].endswith("-doc")
        assert [c["status"] for c in (first, disregard)] == ["completed", "completed"]


def test_a_message_for_each_turn_of_a_strain(
    ehr: Ehr, clinic: Clinic, site: MakeSite, front: Front, hook: Receiver
) -> None:
    """Oracle Health: the notice is never changed; worse, recovered, gone and back are told by messages of their own."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN, last=2)
    here = site(front("oracle").base, **fitting("oracle", hook, **{"alerts.sinks": ["communication", "webhook"]}))
    here.sync()
    (notice,) = ehr.search("Communication", patient=patient)
    assert (notice["priority"], notice["status"]) == ("routine", "completed")
    assert notice["category"][0]["coding"][0]["code"] == "notification"
    assert [reference({"r": r}, "r") for r in notice["recipient"]] == [f"Practitioner/{doctor}"]
    clinic.course(patient, doctor, (31.0,), last=1)
    here.sync()
    (recovered,) = clinic.course(patient, doctor, (37.5,))
    here.sync()
    ehr.change(f"QuestionnaireResponse/{recovered}", status="amended", item=srs_items(31.0))
    here.sync()
    assert [m["event"] for m in hook.messages] == ["raised", "worse", "recovered", "reopened"]
    assert [m["key"].partition(":")[2] for m in hook.messages] == ["", "1:worse", "2:recovered", "3:reopened"]
    assert {m["alert"] for m in hook.messages} == {notice["identifier"][0]["value"]}
    told = ehr.search("Communication", patient=patient)
    assert len(told) == 4
    assert {c["priority"] for c in told if "still low" in c["topic"]["text"]} == {"urgent"}
    assert {reference(c, "inResponseTo") for c in told if c["id"] != notice["id"]} == {f"Communication/{notice['id']}"}
    before = versions(told)
    here.sync()
    assert versions(ehr.search("Communication", patient=patient)) == before
    assert len(hook.messages) == 4


def test_a_report_per_strain_in_plain_text(
    ehr: Ehr, clinic: Clinic, site: MakeSite, front: Front, hook: Receiver
) -> None:
    """Epic: a preliminary note of text only, that names nobody; scores that are filed nowhere else stand in it."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN)
    options = {"write.scores.sink": "document", "alerts.document.type": "urn:oid:1.2.3|998", "alerts.sinks": ["log"]}
    here = site(front("epic").base, **fitting("epic", hook, **options))
    here.sync()
    (document,) = ehr.search("DocumentReference", patient=patient)
    assert (document["status"], document["docStatus"]) == ("current", "preliminary")
    assert document["type"]["coding"] == [{"system": "urn:oid:1.2.3", "code": "998"}]
    assert reference(document["context"], "encounter").startswith("Encounter/")
    (content,) = document["content"]
    assert content["attachment"]["contentType"] == "text/plain"
    text = base64.b64decode(content["attachment"]["data"]).decode()
    assert max(map(len, text.splitlines())) <= 72
    for part in ("Alliance score lower than usual", "The numbers", "What this cannot tell you", "How it was computed"):
        assert part in text
    assert all(f"  {total:.1f}" in text for total in STRAIN)
    assert clinic.tag not in text
    assert ehr.search("Observation", patient=patient) == []
    assert here.sync().report["written"] == {}


def test_no_session_no_row(ehr: Ehr, clinic: Clinic, site: MakeSite, front: Front, hook: Receiver) -> None:
    """A flowsheet row needs an encounter: a score without one is left out, and that is said."""
    patient = clinic.patient()
    ehr.put(clinic.srs("alone", patient, 36.0, 0))
    ran = site(front("epic").base, **fitting("epic", hook)).sync()
    assert ran.report["unfiled"] == {"no session to file a flowsheet row to": 1}
    assert any("no session" in message for message in ran.report["messages"])
    assert ehr.search("Observation", patient=patient) == []


ONE = ("planned:1", "pending:1", "sent:1", "done:1", "watermark:1")
CHAINS = (
    # Five rows, then the note, which comes after the first "sent:2".
    ("epic", (*ONE[:4], "pending:2", "sent:2", "pending:1", "sent:1", "watermark:1")),
    ("epic", ("done:6", "watermark:1")),
    # One message: what was sent is found.
    ("oracle", ("planned:1", "pending:1", "sent:1", "watermark:1")),
    ("oracle", ("done:1", "watermark:1")),
    # The hook and the log line.
    ("athena", (*ONE[:4], *ONE[1:])),
)


@pytest.mark.parametrize(("vendor", "steps"), CHAINS)
def test_nothing_twice_after_a_crash(
    ehr: Ehr, clinic: Clinic, site: MakeSite, front: Front, hook: Receiver, vendor: str, steps: tuple[str, ...]
) -> None:
    """kill -9 at each step, where neither conditions nor versions help: rows, notes, messages, hooks."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN)
    here = site(front(vendor).base, **fitting(vendor, hook))
    for step in steps:
        kill_at(here, step)
    settle(here)
    expected = {type: 1 for type in FITTING[vendor]["write.types"] if type in RAISED}
    assert {type: len(found) for type, found in alerts(ehr, patient).items()} == expected
    rows = ehr.search("Observation", patient=patient)
    assert len(rows) == (len(STRAIN) if vendor == "epic" else 0)
    assert [m["event"] for m in hook.messages] == (["raised"] if vendor == "athena" else [])
    assert here.sync().report["written"] == {}


def nameless(call: Call) -> None:
    """An EHR that keeps no identifier of ours; and its answer is lost."""
    body = json.loads(call.body)
    del body["identifier"]
    call.body = json.dumps(body).encode()
    call.headers = {k: v for k, v in call.headers.items() if k.lower() != "content-length"}
    call.forward()


def test_a_row_whose_identifier_was_not_kept(
    ehr: Ehr, clinic: Clinic, site: MakeSite, front: Front, hook: Receiver
) -> None:
    """The answer was lost, and there is no identifier to ask by: found by patient, row, time and value."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, (36.0, 37.0))
    proxy = front("epic")

    proxy.fault(nameless, method="POST", type="Observation", times=1)
    here = site(proxy.base, **fitting("epic", hook))
    here.sync(code=3)
    settle(here)
    assert len(ehr.search("Observation", patient=patient)) == 2


def test_a_row_that_the_vendor_has_already(
    ehr: Ehr, clinic: Clinic, site: MakeSite, front: Front, hook: Receiver
) -> None:
    """Its search does not show it yet, so it is sent again: "59189" says that it is there, and that is success."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, (36.0, 37.0))
    proxy = front("epic")
    proxy.fault(faults.lost, method="POST", type="Observation", times=1)
    blind = proxy.fault(faults.empty, type="Observation", when=faults.is_search)
    here = site(proxy.base, **fitting("epic", hook))
    here.sync(code=3)
    again = here.sync()
    assert again.report["found"] == {"Observation": {"create": 1}}
    proxy.heal(blind)
    assert len(ehr.search("Observation", patient=patient)) == 2
    assert here.sync().report["written"] == {}


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_webhook_that_stumbles(clinic: Clinic, site: MakeSite, front: Front, hook: Receiver, status: int) -> None:
    """What may or may not have arrived is sent again under the same key; what was refused is told."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN)
    hook.answers = [status]
    here = site(front("athena").base, **fitting("athena", hook))
    ran = here.sync(code=3)
    assert ran.report["unknown"] == {"Webhook": {"create": 1}}
    assert here.sync().report["written"] == {"Webhook": {"create": 1}}
    assert list(hook.posts.values()) == [2]
    (message,) = hook.messages
    assert set(message) == {
        *("event", "key", "alert", "level", "kind", "state", "patient", "practitioner", "encounter", "response"),
        *("base", "at"),
    }


def test_the_main_switch_holds_back_a_webhook(clinic: Clinic, site: MakeSite, front: Front, hook: Receiver) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN)
    here = site(front("ecw").base, **fitting("ecw", hook, **{"write.enabled": False}))
    ran = here.sync()
    assert (hook.messages, ran.report["planned"], lines(ran.err)) == ([], {"Webhook": {"create": 1}}, ["raised"])
    here.configure(write__enabled=True)
    here.sync()
    assert [m["event"] for m in hook.messages] == ["raised"]


@pytest.mark.parametrize("shape", ["panel", "components"])
def test_a_panel_and_components(ehr: Ehr, clinic: Clinic, site: MakeSite, shape: str) -> None:
    """Scores with subscales in one of the other shapes; an amended form keeps the shape and its resources."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    encounter = clinic.encounter("e", patient, doctor, 0)
    form = clinic.wai("q", patient, [4] * 12, 0, encounter={"reference": f"Encounter/{encounter}"})
    ehr.put(form)
    here = site(**{"write.shape": shape})
    here.sync()
    found = {o["code"]["coding"][0]["code"].removeprefix("wai-sr-c-"): o for o in ehr.observations(patient)}
    if shape == "panel":
        parent = found.pop("panel")
        assert "valueQuantity" not in parent
        assert {reference({"m": m}, "m") for m in parent["hasMember"]} == {
            f"Observation/{o['id']}" for o in found.values()
        }
        assert set(found) == {"total", "goal", "task", "bond"}
    else:
        (whole,) = found.values()
        assert whole["valueQuantity"]["value"] == 4
        assert {c["code"]["coding"][0]["code"] for c in whole["component"]} == {
            f"wai-sr-c-{scale}" for scale in ("goal", "task", "bond")
        }
    assert here.sync().report["written"] == {}
    before = {o["id"] for o in ehr.observations(patient)}
    ehr.change(
        f"QuestionnaireResponse/{form['id']}", status="amended", item=clinic.wai("q", patient, [3] * 12, 0)["item"]
    )
    here.sync()
    after = ehr.observations(patient)
    assert {o["id"] for o in after} == before
    assert all(o["valueQuantity"]["value"] == 3 for o in after if "valueQuantity" in o)
    assert here.sync().report["written"] == {}


def declared(ehr: Ehr, interaction: str) -> set[str]:
    """Types that the server declares this interaction of."""
    types = ehr.ask("GET", "metadata").json()["rest"][0].get("resource", [])
    return {t["type"] for t in types if interaction in {i["code"] for i in t.get("interaction", [])}}


def test_who_made_what_is_accounted_for(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    """One Provenance a patient and pass, with everything that it wrote; AuditEvents beside it. Neither twice."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    forms = clinic.course(patient, doctor, STRAIN)
    here = site(**{"write.types": ["Observation", "Task", "Provenance", "AuditEvent"]})
    here.sync()
    task, *scores = [*ehr.tasks(patient), *ehr.observations(patient)]
    (made,) = ehr.search("Provenance", target=f"Task/{task['id']}")
    targets = {reference({"t": t}, "t") for t in made["target"]}
    assert targets == {f"Task/{task['id']}", *(f"Observation/{o['id']}" for o in scores)}
    assert {reference(e, "what") for e in made["entity"]} == {f"QuestionnaireResponse/{form}" for form in forms}
    audited = [e for e in ehr.search("AuditEvent") if patient in json.dumps(e)]
    if "AuditEvent" in declared(ehr, "create"):  # Medplum's statement lists no type at all
        filed = [reference(e["entity"][1], "what") for e in audited if e["action"] == "C"]
        assert sorted(filed) == sorted(targets | {f"Provenance/{made['id']}"})
        assert [e["subtype"][0]["code"] for e in audited if e["action"] == "E"] == ["search-type"]
    else:
        assert audited == []
    here.sync()
    ehr.change(f"QuestionnaireResponse/{forms[0]}", status="amended", item=srs_items(36.9))
    here.sync()
    told = ehr.search("Provenance", target=f"Observation/{scores[0]['id']}")
    assert sorted(len(p["target"]) for p in told) == [1, len(STRAIN) + 1]


def test_audit_events_fail_nothing(ehr: Ehr, clinic: Clinic, site: MakeSite, front: Front) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN)
    proxy = front("generous")
    proxy.fault(faults.status(500), method="POST", type="AuditEvent")
    ran = site(proxy.base, **{"write.types": ["Observation", "Task", "AuditEvent"]}).sync()
    assert any("AuditEvents cannot be filed" in message for message in ran.report["messages"])
    assert values(ehr, patient) == list(STRAIN)
    assert [state(task) for task in ehr.tasks(patient)] == ["open"]


def test_a_site_that_stops_takes_its_messages_back(
    ehr: Ehr, clinic: Clinic, site: MakeSite, front: Front, hook: Receiver
) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN)
    here = site(front("oracle").base, **fitting("oracle", hook))
    here.sync()
    assert here.run("withdraw", "--all", "--confirm", "1").code == 0
    told = ehr.search("Communication", patient=patient)
    assert sorted("inResponseTo" in c for c in told) == [False, True]


def test_what_cannot_be_changed_is_listed_for_a_person(ehr: Ehr, clinic: Clinic, site: MakeSite, front: Front) -> None:
    """One form amended, one retracted, where nothing can be changed: named, corrected by hand, looked at, done."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    forms = clinic.course(patient, doctor, STRAIN)
    epic = front("epic")
    here, as_told = site(epic.base, **FITTING["epic"]), Ehr(epic.base)
    here.sync()
    rows = as_told.search("Observation", patient=patient)
    assert here.run("review", "--json").report == []
    ehr.change(f"QuestionnaireResponse/{forms[1]}", status="amended", item=srs_items(30.1))
    ehr.change(f"QuestionnaireResponse/{forms[-1]}", status="entered-in-error")
    assert any("fhir-alliance review" in line for line in here.sync(code=3).messages)
    assert here.sync().report["refused"] == {}  # asked and answered

    by_value = {value(o): f"Observation/{o['id']}" for o in rows}
    (document,) = (f"DocumentReference/{d['id']}" for d in as_told.search("DocumentReference", patient=patient))
    stale, gone = by_value[STRAIN[1]], by_value[STRAIN[-1]]
    items = {i["reference"]: i for i in here.run("review", "--json").report}
    assert {k: (i["type"], i["op"], i["patient"], i["key"]) for k, i in items.items()} == {
        stale: ("Observation", "update", f"Patient/{patient}", stale),
        gone: ("Observation", "retract", f"Patient/{patient}", gone),
        document: ("DocumentReference", "retract", f"Patient/{patient}", document),
    }
    assert "set its value to 30.1" in items[stale]["do"]
    assert "set its status to entered-in-error" in items[gone]["do"]
    assert f"fhir-alliance review done {gone}" in here.run("review").out
    status = json.loads(here.run("status", "--json").out)
    assert (status["review"], status["backlog"]) == ({"refused": 1, "review": 2}, {"refused": 1, "review": 2})
    assert "to look at           3: fhir-alliance review" in here.run("status").out
    assert {one["reference"] for one in here.run("reconcile", "--json").report["stale"]} == set(items)

    # Said and not done: it is listed again.
    assert here.run("review", "done", gone).code == 0
    assert gone not in {i["reference"] for i in here.run("review", "--json").report}
    assert any("says what it said" in line for line in here.sync(code=3).messages)
    assert {i["reference"] for i in here.run("review", "--json").report} == set(items)

    right = {"value": 30.1, "unit": "{score}", "system": "http://unitsofmeasure.org", "code": "{score}"}
    tail = epic.ways.tail  # the vendor's ids are longer
    ehr.change(stale.removesuffix(tail), valueQuantity=right)
    ehr.change(gone.removesuffix(tail), status="entered-in-error")
    ehr.change(document.removesuffix(tail), status="entered-in-error")
    before = [(t, len(ehr.search(t, patient=patient))) for t in ("Observation", "DocumentReference")]
    assert here.run("review", "done", *items).code == 0
    done = here.sync().report
    assert (done["written"], done["refused"]) == ({}, {})
    assert here.run("review", "--json").report == []
    assert here.run("review").out.strip() == "Nothing waits for a person."
    # Once more, and with everything looked at again, nothing more is wanted.
    assert here.run("retry").code == 0
    assert here.run("review", "--json").report == []
    assert [(t, len(ehr.search(t, patient=patient))) for t in ("Observation", "DocumentReference")] == before


def test_a_refused_change_is_sent_once_more_when_a_person_says_so(
    ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy
) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    forms = clinic.course(patient, doctor, STRAIN[:3])
    here = site(proxy.base)
    here.sync()
    ehr.change(f"QuestionnaireResponse/{forms[0]}", status="amended", item=srs_items(30.1))
    proxy.fault(faults.status(422), method="PUT", times=1)
    here.sync(code=3)
    (item,) = here.run("review", "--json").report
    assert (item["op"], item["what"], item["status"]) == ("update", "refused", 422)
    proxy.fresh()
    assert here.sync().report["written"] == {}
    assert here.run("review", "release", "Observation/nothing-of-ours").code == 2
    assert here.run("review", "release", item["key"]).code == 0
    assert here.sync().report["written"] == {"Observation": {"update": 1}}
    assert values(ehr, patient)[0] == 30.1
    assert here.run("review", "--json").report == []


def test_what_somebody_else_changed_is_for_a_person_to_decide(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    forms = clinic.course(patient, doctor, STRAIN[:3])
    here = site()
    here.sync()
    first, second, _ = ehr.observations(patient)
    for o, form, new in ((first, forms[0], 30.1), (second, forms[1], 30.2)):
        ehr.change(f"Observation/{o['id']}", valueQuantity=o["valueQuantity"] | {"value": 1})
        ehr.change(f"QuestionnaireResponse/{form}", status="amended", item=srs_items(new))
    here.sync(code=3)
    items = here.run("review", "--json").report
    assert {i["what"] for i in items} == {"foreign"}
    assert {i["reference"] for i in items} == {f"Observation/{o['id']}" for o in (first, second)}
    assert here.run("review", "done", f"Observation/{first['id']}").code == 0
    assert here.run("review", "release", f"Observation/{second['id']}").code == 0
    here.sync()
    assert values(ehr, patient) == [1, 30.2, STRAIN[2]]
    assert here.run("review", "--json").report == []
