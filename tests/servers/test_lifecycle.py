"""The life of an alert in every sink at once (D-12): what each makes of each turn; whom it tells, if anybody (D-13)."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from .canaries import PLANTED
from .clinic import STRAIN, Clinic, srs_items
from .conftest import MakeSite
from .ehr import Ehr, Json, reference, state
from .hook import Receiver
from .product import Site

RESOURCES = ("Task", "Flag", "Communication", "DocumentReference")
EVERY_SINK = ["task", "flag", "communication", "document", "webhook", "log"]
LABELS = "http://terminology.hl7.org/CodeSystem/v3-"


@pytest.fixture
def hook() -> Iterator[Receiver]:
    made = Receiver(PLANTED["bearer token"])
    yield made
    made.close()


@dataclass
class World:
    """A client with a strain that was raised by every sink; `totals` after its onset are still to come."""

    ehr: Ehr
    clinic: Clinic
    here: Site
    hook: Receiver
    patient: str
    doctor: str
    forms: list[str]
    logged: list[str]

    def sync(self) -> None:
        self.logged += events(self.here.sync().err)

    def amend(self, total: float) -> None:
        """The form of the onset was wrong."""
        self.ehr.change(f"QuestionnaireResponse/{self.forms[-1]}", status="amended", item=srs_items(total))
        self.sync()

    def sessions(self, *totals: float) -> None:
        """Weekly sessions after the onset, three weeks back."""
        for weeks, total in zip((2, 1, 0), totals, strict=False):
            self.clinic.course(self.patient, self.doctor, (total,), last=weeks)
        self.sync()

    def long_ago(self) -> None:
        """All of it turns out to have been a year earlier than first entered."""
        for encounter in self.ehr.search("Encounter", patient=self.patient):
            before = {side: f"{int(at[:4]) - 1}{at[4:]}" for side, at in encounter["period"].items()}
            self.ehr.change(f"Encounter/{encounter['id']}", period=before)
        for form in self.forms:
            authored = self.ehr.read(f"QuestionnaireResponse/{form}")["authored"]
            self.ehr.change(f"QuestionnaireResponse/{form}", authored=f"{int(authored[:4]) - 1}{authored[4:]}")
        self.sync()

    def withdraw(self) -> None:
        asked = re.findall(r"there are (\d+)", self.here.run("withdraw", "--all", "--confirm", "0").err)
        ran = self.here.run("withdraw", "--all", "--confirm", asked[0])
        assert ran.code == 0, ran.err
        self.logged += events(ran.err)


def events(err: str) -> list[str]:
    """What the log sink told."""
    return [line.split('"event": "alert.')[1].split('"')[0] for line in err.splitlines() if '"alert.' in line]


def again(world: World) -> None:
    world.amend(37.9)
    world.amend(STRAIN[-1])


@dataclass(frozen=True)
class Turn:
    """What happens after the strain was raised, and what then stands.

    task      status, businessStatus, priority, number of notes
    flag      status, end of its text
    messages  what Communications told; what the webhook and the log told is `heard`
    """

    happens: Callable[[World], None]
    task: tuple[str, str, str, int]
    flag: tuple[str, str]
    messages: tuple[str, ...]
    document: str
    heard: tuple[str, ...]


TURNS = {
    "raised": Turn(
        lambda w: None,
        ("requested", "open", "routine", 1), ("active", "client"), ("raised",), "current", ("raised",),
    ),
    "escalated": Turn(
        lambda w: w.sessions(31.0),
        ("requested", "open", "urgent", 2), ("active", "client"), ("raised", "worse"), "current", ("raised", "worse"),
    ),
    "repaired": Turn(
        lambda w: w.sessions(37.5),
        ("requested", "repaired", "routine", 2), ("active", "client (recovered)"), ("raised", "recovered"), "current",
        ("raised", "recovered"),
    ),
    "unrepaired": Turn(
        lambda w: w.sessions(35.0, 35.0, 35.0),
        ("requested", "unrepaired", "routine", 2), ("active", "client (not recovered)"), ("raised",), "current",
        ("raised", "unrepaired"),
    ),
    "expired": Turn(
        World.long_ago,
        ("requested", "expired", "routine", 2), ("active", "client"), ("raised",), "current", ("raised", "expired"),
    ),
    "amended away": Turn(
        lambda w: w.amend(37.9),
        ("cancelled", "withdrawn", "routine", 1), ("entered-in-error", "client"), ("raised", "withdrawn"),
        "entered-in-error", ("raised", "withdrawn"),
    ),
    "back again": Turn(
        again,
        ("requested", "open", "routine", 2), ("active", "client"), ("raised", "withdrawn", "again"), "current",
        ("raised", "withdrawn", "again"),
    ),
    "entered in error": Turn(
        lambda w: (w.ehr.change(f"QuestionnaireResponse/{w.forms[-1]}", status="entered-in-error"), w.sync())[1],
        ("entered-in-error", "withdrawn", "routine", 1), ("entered-in-error", "client"), ("raised", "withdrawn"),
        "entered-in-error", ("raised", "withdrawn"),
    ),
    "withdrawn": Turn(
        World.withdraw,
        ("cancelled", "withdrawn", "routine", 1), ("entered-in-error", "client"), ("raised", "withdrawn"),
        "entered-in-error", ("raised", "withdrawn"),
    ),
}  # fmt: skip


def options(hook: Receiver) -> dict[str, Any]:
    return {
        "alerts.sinks": EVERY_SINK,
        "alerts.follow_ups": ["worse", "recovered"],
        "alerts.webhook.url": hook.url,
        "alerts.webhook.secret": {"file": "token"},
        "write.types": ["Observation", *RESOURCES],
    }


@pytest.mark.parametrize("turn", TURNS)
def test_each_turn_in_each_sink(ehr: Ehr, clinic: Clinic, site: MakeSite, hook: Receiver, turn: str) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    forms = clinic.course(patient, doctor, STRAIN, last=3)
    world = World(ehr, clinic, site(**options(hook)), hook, patient, doctor, forms, [])
    world.here.options["alerts.max_age"] = "40d"
    world.here.configure()
    world.sync()
    (first,) = ehr.search("Task", patient=patient)
    wanted = TURNS[turn]
    wanted.happens(world)
    stood = {type: ehr.search(type, patient=patient) for type in RESOURCES}
    (task,), (flag,), (document,) = stood["Task"], stood["Flag"], stood["DocumentReference"]
    assert task["id"] == first["id"]
    assert (task["status"], state(task), task["priority"], len(task["note"])) == wanted.task
    assert flag["status"] == wanted.flag[0]
    assert flag["code"]["text"].endswith(wanted.flag[1])
    assert document["status"] == wanted.document
    assert told(stood["Communication"]) == wanted.messages
    assert {c["status"] for c in stood["Communication"]} == {"completed"}
    assert tuple(m["event"] for m in hook.messages) == wanted.heard
    assert tuple(world.logged) == wanted.heard
    if turn != "withdrawn":
        assert world.here.sync().report["written"] == {}


def told(messages: list[Json]) -> tuple[str, ...]:
    """What each message of a thread tells, in order."""
    keys = sorted(message["identifier"][0]["value"].split(":")[1:] for message in messages)
    return tuple(key[1] if key else "raised" for key in keys)


def participant(kind: str, who: str) -> Json:
    system = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
    return {"type": [{"coding": [{"system": system, "code": kind}]}], "individual": {"reference": who}}


@pytest.mark.parametrize(
    ("kinds", "pool", "whom"),
    [
        (["PPRF Practitioner/{a}", "ATND Practitioner/{b}"], "", "Practitioner/{a}"),
        (["ATND Practitioner/{b}", "PART RelatedPerson/{r}"], "", "Practitioner/{b}"),
        (["PPRF Practitioner/{a}", "PPRF Practitioner/{b}"], "", ""),
        (["PPRF Practitioner/{a}", "PPRF Practitioner/{b}"], "Organization/{o}", "Organization/{o}"),
        (["PPRF RelatedPerson/{r}"], "", ""),
    ],
    ids=["primary performer", "attender", "two: nobody", "two: the pool", "a relative: nobody"],
)
def test_one_recipient_or_none(
    ehr: Ehr, clinic: Clinic, site: MakeSite, hook: Receiver, kinds: list[str], pool: str, whom: str
) -> None:
    patient, ids = clinic.patient(), {"a": clinic.practitioner("a"), "b": clinic.practitioner("b")}
    ids |= {"o": clinic.id("org"), "r": clinic.id("rel")}
    ehr.put({"resourceType": "Organization", "id": ids["o"], "name": "Pool"})
    ehr.put({"resourceType": "RelatedPerson", "id": ids["r"], "patient": {"reference": f"Patient/{patient}"}})
    present = [participant(*kind.format(**ids).split()) for kind in kinds]
    clinic.course(patient, ids["a"], STRAIN)
    for encounter in ehr.search("Encounter", patient=patient):
        ehr.change(f"Encounter/{encounter['id']}", participant=present)
    ran = site(**options(hook), **{"alerts.pool": pool.format(**ids)}).sync()
    owner = whom.format(**ids)
    stood = {type: ehr.search(type, patient=patient) for type in RESOURCES}
    assert [len(found) for found in stood.values()] == [1 if owner else 0] * 4
    assert [reference(t, "owner") for t in stood["Task"]] == [owner] * bool(owner)
    assert [[r["reference"].split("/", 3)[-2:] for r in c["recipient"]] for c in stood["Communication"]] == [
        [owner.split("/")]
    ] * bool(owner)
    assert [m["practitioner"] for m in hook.messages] == [owner] * bool(owner)
    assert events(ran.err) == ["raised"] * bool(owner)
    if not owner:
        assert ran.report["alerts"]["silent"]["no single treating practitioner"] >= 1


def test_labels_are_copied_and_added(ehr: Ehr, clinic: Clinic, site: MakeSite, hook: Receiver) -> None:
    """Whatever tells of a form carries its label, that of an earlier form of the series too, and the site's; labels
    that come later are added."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    forms = clinic.course(patient, doctor, STRAIN)
    earlier, later = {"system": f"{LABELS}ActCode", "code": "MH"}, {"system": f"{LABELS}Confidentiality", "code": "R"}
    site_s = f"{LABELS}ActCode|BH"
    ehr.change(f"QuestionnaireResponse/{forms[0]}", meta={"security": [earlier]})
    here = site(**options(hook), **{"write.security_labels": [site_s]})
    here.sync()
    everything = {type: ehr.search(type, patient=patient) for type in RESOURCES}
    assert [[codes(r) for r in found] for found in everything.values()] == [["BH MH"]] * 4
    assert [codes(o) for o in ehr.observations(patient)] == ["BH MH", *["BH"] * 4]

    ehr.change(f"QuestionnaireResponse/{forms[-1]}", meta={"security": [later]})
    here.sync()
    assert codes(ehr.observations(patient)[-1]) == "BH R"
    assert [codes(*ehr.search(type, patient=patient)) for type in ("Task", "Flag")] == ["BH MH R"] * 2
    assert len(ehr.search("Communication", patient=patient)) == 1
    assert here.sync().report["written"] == {}


def codes(resource: Json) -> str:
    return " ".join(sorted(label["code"] for label in resource["meta"].get("security", [])))


@pytest.mark.parametrize("code", ["PSYTHPN", "42CFRPart2"])
def test_a_forbidding_label_keeps_a_form_out(ehr: Ehr, clinic: Clinic, site: MakeSite, code: str) -> None:
    """Psychotherapy notes and Part 2 records: nothing comes of them unless the site allows it."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    forms = clinic.course(patient, doctor, (36.0, 37.0))
    ehr.change(f"QuestionnaireResponse/{forms[-1]}", meta={"security": [{"system": f"{LABELS}ActCode", "code": code}]})
    here = site()
    assert here.sync().report["reasons"] == {"security-label": 1}
    assert [o["valueQuantity"]["value"] for o in ehr.observations(patient)] == [36.0]
    here.configure(read__allow_labels=[code])
    here.sync()
    assert [codes(o) for o in ehr.observations(patient)] == ["", code]


def test_labels_of_the_session_count_like_the_forms_own(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    """One that forbids keeps its form out, also afterwards; any other is copied; one without a code forbids."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, (36.0, 37.0, 38.0))
    sessions = [clinic.id(f"enc-pat-{n}") for n in (580, 590, 600)]

    def mark(session: str, **label: str) -> None:
        ehr.change(f"Encounter/{session}", meta={"security": [{"system": f"{LABELS}ActCode"} | label]})

    mark(sessions[0], code="PSYTHPN")
    mark(sessions[1], code="MH")
    here = site()
    assert here.sync().report["reasons"] == {"security-label": 1}
    assert [(o["valueQuantity"]["value"], codes(o)) for o in ehr.observations(patient)] == [(37.0, "MH"), (38.0, "")]
    mark(sessions[2], display="42 CFR Part 2")
    assert here.sync().report["reasons"] == {"security-label": 2}
    assert [o["status"] for o in ehr.observations(patient)] == ["final", "entered-in-error"]
    here.configure(read__allow_labels=["PSYTHPN", "42 CFR Part 2"])
    here.sync()
    first, _, last = ehr.observations(patient)
    assert (codes(first), last["status"]) == ("PSYTHPN", "amended")
    assert [label.get("display") for label in last["meta"]["security"]] == ["42 CFR Part 2"]
    assert here.sync().report["written"] == {}


def test_a_shadow_tells_nobody(ehr: Ehr, clinic: Clinic, site: MakeSite, hook: Receiver) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN)
    ran = site(**options(hook), **{"write.shadow": True}).sync()
    assert (hook.messages, events(ran.err)) == ([], [])
    assert [ehr.search(type, patient=patient) for type in RESOURCES] == [[], [], [], []]


def test_a_document_shows_its_chart_where_that_is_wanted(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN)
    wanted = {"alerts.sinks": ["document"], "alerts.document.pdf": True, "write.types": ["DocumentReference"]}
    site(**wanted).sync()
    (document,) = ehr.search("DocumentReference", patient=patient)
    kinds = [content["attachment"]["contentType"].split(";")[0] for content in document["content"]]
    assert kinds == ["text/plain", "application/pdf"]
    chart = base64.b64decode(document["content"][1]["attachment"]["data"])
    assert chart.startswith(b"%PDF")
