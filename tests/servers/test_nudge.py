"""`serve` listens: nudges of the real server's own Subscriptions and forged ones, health, limits, a clean end."""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from .clinic import STRAIN, Clinic, srs_items
from .conftest import MakeSite
from .ehr import Ehr, value
from .product import Ran, Site
from .proxy import Proxy
from .running import free_port
from .test_operation import _await

SECRET = f"nudge-{secrets.token_hex(16)}"
PLANTED_WORD = "persimmon-lighthouse"
"""Stands in the bodies that are sent; must never come out."""


class Running:
    """`serve` with a schedule of a day, so that any pass after the first is a nudge's doing."""

    def __init__(self, here: Site):
        self.here, port = here, here.options["serve.port"]
        self.url = f"http://127.0.0.1:{port}"
        self.http = requests.Session()
        self.http.trust_env = False
        self.process = here.start("serve", env={"NUDGE": SECRET})
        _await(lambda: _answers(port))

    def nudge(self, body: Any = b"", *, secret: str | None = SECRET, path: str = "", **options: Any) -> int:
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        headers = {"X-Alliance-Nudge": secret} if secret is not None else {}
        method = options.pop("method", "POST")
        return self.http.request(method, f"{self.url}/nudge{path}", data=data, headers=headers, timeout=30).status_code

    def ready(self) -> requests.Response:
        return self.http.get(f"{self.url}/ready", timeout=30)

    def end(self) -> Ran:
        """SIGTERM; what it printed, without secret or body in it."""
        self.http.close()
        self.process.terminate()
        out, err = self.process.communicate(timeout=60)
        ran = self.here.finish(Ran(self.process.returncode, out, err), "serve")
        assert SECRET not in out + err
        assert PLANTED_WORD not in out + err
        assert "Traceback" not in err
        for file in filter(Path.is_file, self.here.folder.glob("state/*")):
            assert PLANTED_WORD.encode() not in file.read_bytes()
        return ran


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


MakeRunning = Callable[[Site], Running]


@pytest.fixture
def serving() -> Iterator[MakeRunning]:
    started: list[Running] = []

    def make(here: Site) -> Running:
        started.append(Running(here))
        return started[-1]

    yield make
    for one in started:
        if one.process.returncode is None:
            one.process.kill()
            one.process.communicate(timeout=30)


def nudged(site: MakeSite, *args: Any, **options: Any) -> Site:
    return site(
        *args,
        **{
            "schedule.every": "1d",
            "serve.port": free_port(),
            "serve.nudge.secret": {"env": "NUDGE"},
            "serve.nudge.at_most_every": "0.2s",
            **options,
        },
    )


def events(ran: Ran, name: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in ran.err.splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == name]


def test_a_nudge_brings_a_pass_and_the_score_stands(
    ehr: Ehr, clinic: Clinic, site: MakeSite, serving: MakeRunning
) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN[:4])
    running = serving(nudged(site))
    assert running.http.get(f"{running.url}/health", timeout=30).json()["status"] == "up"
    _await(lambda: running.ready().status_code == 200)
    assert [value(o) for o in ehr.observations(patient)] == pytest.approx(STRAIN[:4])
    clinic.course(patient, doctor, STRAIN[4:], last=-0.1)
    assert running.nudge({"resourceType": "Patient", "id": patient, "name": [{"text": PLANTED_WORD}]}) == 200
    _await(lambda: len(ehr.tasks(patient)) == 1)
    assert [value(o) for o in ehr.observations(patient)] == pytest.approx(STRAIN)
    assert running.ready().json()["age_seconds"] < 3600
    ran = running.end()
    assert ran.code == 0, ran.err
    (told,) = events(ran, "nudge.received")
    assert (told["patients"], told["due"], told["soon"]) == (1, 1, True)
    assert len(events(ran, "run.finished")) == 2


SUBSCRIPTIONS: dict[str, dict[str, Any]] = {
    "r4, nothing but a ping": {"criteria": "QuestionnaireResponse?patient=Patient/{patient}", "channel": {}},
    "r4, the resource": {
        "criteria": "QuestionnaireResponse?patient=Patient/{patient}",
        "channel": {"payload": "application/fhir+json"},
    },
    "backport, ids": {
        "meta": {
            "profile": ["http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription"]
        },
        "criteria": "http://sekmet.dev/fhir/SubscriptionTopic/encounter-complete",
        "channel": {
            "payload": "application/fhir+json",
            "_payload": {
                "extension": [
                    {
                        "url": "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-payload-content",
                        "valueCode": "id-only",
                    }
                ]
            },
        },
    },
}


@pytest.mark.parametrize("kind", SUBSCRIPTIONS)
def test_the_servers_own_subscription_nudges(
    kind: str, ehr: Ehr, clinic: Clinic, site: MakeSite, serving: MakeRunning
) -> None:
    """The server itself tells of a session and its form; the schedule would not look again for a day."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN[:3])
    running = serving(nudged(site))
    _await(lambda: running.ready().status_code == 200)
    wanted = SUBSCRIPTIONS[kind]
    hook = {"type": "rest-hook", "endpoint": f"{running.url}/nudge", "header": [f"X-Alliance-Nudge: {SECRET}"]}
    subscription = {
        "resourceType": "Subscription",
        "id": clinic.id("sub"),
        "status": "requested",
        "reason": PLANTED_WORD,
        **wanted,
        "criteria": wanted["criteria"].format(patient=patient),
        "channel": hook | wanted["channel"],
    }
    ehr.put(subscription)
    try:
        _await(lambda: ehr.read(f"Subscription/{subscription['id']}")["status"] == "active")
        clinic.course(patient, doctor, STRAIN[3:4], last=-0.1)
        _await(lambda: len(ehr.observations(patient)) == 4)
    finally:
        ehr.change(f"Subscription/{subscription['id']}", status="off")
    ran = running.end()
    assert ran.code == 0
    assert events(ran, "nudge.refused") == []
    assert len(events(ran, "nudge.received")) >= 1


def test_who_has_no_secret_gets_nothing_done(
    ehr: Ehr, clinic: Clinic, site: MakeSite, serving: MakeRunning, proxy: Proxy
) -> None:
    patient = clinic.patient()
    clinic.course(patient, clinic.practitioner(), STRAIN[:3])
    running = serving(nudged(site, proxy.base))
    _await(lambda: running.ready().status_code == 200)
    proxy.fresh()
    body = {"resourceType": "Patient", "id": patient, "name": [{"text": PLANTED_WORD}]}
    for wrong in (None, "", "nudge", SECRET[:-1], SECRET + "x", "Bearer", "Bearer nudge"):
        assert running.nudge(body, secret=wrong) == 401
    assert running.http.get(f"{running.url}/nudge", timeout=30).status_code == 405
    assert running.http.get(f"{running.url}/elsewhere", timeout=30).status_code == 404
    assert proxy.seen == []
    assert running.nudge(body, secret=f"Bearer {SECRET}") == 200
    _await(lambda: proxy.seen)
    ran = running.end()
    assert len(events(ran, "nudge.received")) == 1
    assert {line["status"] for line in events(ran, "nudge.refused")} == {401}


def test_forged_notifications_cause_no_requests_about_others(
    ehr: Ehr, clinic: Clinic, site: MakeSite, serving: MakeRunning, proxy: Proxy
) -> None:
    """Even with the right secret: who is not in the cohort is not asked about, and not written down."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    stranger, left = clinic.patient("stranger"), clinic.patient("left")
    for who in (patient, stranger, left):
        clinic.course(who, doctor, STRAIN[:3])
    here = nudged(site, proxy.base, patients=[patient, left], **{"cohort.max_shrink": 1.0})
    here.sync()
    here.configure(cohort__ids=[patient])  # `left` is known to the store, and not read any more
    running = serving(here)
    _await(lambda: running.ready().status_code == 200)
    _await(lambda: _passes(here) == 2)
    proxy.fresh()
    forged = [
        {"resourceType": "Patient", "id": stranger},
        {
            "resourceType": "QuestionnaireResponse",
            "id": "any",
            "subject": {"reference": f"{proxy.base}/Patient/{stranger}"},
        },
        {"reference": "https://elsewhere.example/fhir/Patient/" + patient},
    ]
    for body in forged:
        assert running.nudge(body) == 200
    assert running.nudge(path=f"/Patient/{stranger}", method="PUT") == 200
    assert proxy.seen == []
    assert running.nudge({"resourceType": "Patient", "id": left}) == 200
    assert running.nudge({"resourceType": "Patient", "id": patient}) == 200
    _await(lambda: _passes(here) >= 3)
    ran = running.end()
    assert ran.code == 0
    asked = " ".join(f"{seen.path} {seen.query}" for seen in proxy.seen)
    assert patient in asked
    assert stranger not in asked
    assert left not in asked
    assert stranger.encode() not in here.store.read_bytes()


def _passes(here: Site) -> int:
    return sum(bool(run["finished"]) for run in here.run("status", "--json").report["runs"])


def test_a_nudge_while_the_patient_is_read_is_not_lost(
    ehr: Ehr, clinic: Clinic, site: MakeSite, serving: MakeRunning, proxy: Proxy
) -> None:
    """The form is amended, and the nudge sent, when the pass has the answer of its search already.

    The patient is a quiet one: without a nudge nobody would look again before tomorrow.
    """
    patient = clinic.patient()
    ehr.put(clinic.srs("qr", patient, 36, weeks=10))
    running = serving(nudged(site, proxy.base, **{"read.mode": "full-diff", "read.quiet_from": 0}))
    _await(lambda: running.ready().status_code == 200)
    done: list[int] = []

    def amend_and_nudge(call: Any) -> Any:
        answer = call.forward()
        ehr.change(f"QuestionnaireResponse/{clinic.id('qr')}", status="amended", item=srs_items(30))
        done.append(running.nudge({"resourceType": "Patient", "id": patient}))
        return answer

    ehr.put(clinic.srs("second", patient, 35, weeks=9))
    proxy.fresh()
    proxy.fault(amend_and_nudge, method="GET", type="QuestionnaireResponse", times=1)
    assert running.nudge() == 200  # of nobody: a pass, but no look at this patient
    _await(lambda: proxy.seen)
    assert done == []
    assert running.nudge({"resourceType": "Patient", "id": patient}) == 200
    _await(lambda: sorted(value(o) for o in ehr.observations(patient)) == pytest.approx([30, 35]))
    assert done == [200]
    assert running.end().code == 0


def test_floods_and_large_bodies_are_refused(
    ehr: Ehr, clinic: Clinic, site: MakeSite, serving: MakeRunning, proxy: Proxy
) -> None:
    patient = clinic.patient()
    ehr.put(clinic.srs("qr", patient, 36, weeks=1))
    running = serving(nudged(site, proxy.base, **{"serve.nudge.per_minute": 5}))
    _await(lambda: running.ready().status_code == 200)
    proxy.fresh()
    large = json.dumps({"reference": f"Patient/{patient}", "text": PLANTED_WORD * 100_000}).encode()
    assert running.nudge(large) == 413
    assert running.nudge(iter([large[:600_000], large[600_000:]])) == 413  # in chunks, of no stated length
    assert proxy.seen == []
    told = [running.nudge({"resourceType": "Patient", "id": "nobody"}) for _ in range(30)]
    assert told[:3] == [200] * 3
    assert told[-1] == 429
    strangers = [running.nudge(secret="wrong") for _ in range(30)]
    assert (strangers[0], strangers[-1]) == (401, 429)
    assert running.http.get(f"{running.url}/health", timeout=30).status_code == 200
    ran = running.end()
    assert sum(line["status"] == 429 for line in events(ran, "nudge.refused")) < 10


def test_ready_is_about_the_last_complete_pass(
    ehr: Ehr, clinic: Clinic, site: MakeSite, serving: MakeRunning, proxy: Proxy
) -> None:
    """Listening without a nudge: health at once, ready after a pass, not any more when that is too old."""
    patient = clinic.patient()
    ehr.put(clinic.srs("qr", patient, 36, weeks=1))
    here = site(proxy.base, **{"schedule.every": "1d", "serve.listen": True, "serve.port": free_port()})
    proxy.down()
    running = serving(here)
    assert running.http.get(f"{running.url}/health", timeout=30).status_code == 200
    first = running.ready()
    assert (first.status_code, first.json()["ready"], first.json()["last_success"]) == (503, False, None)
    assert running.nudge() == 404
    assert running.end().code == 0
    proxy.up()
    here.sync()
    here.configure(serve__stale_after="0.001s")
    proxy.down()
    running = serving(here)
    stale = running.ready()
    assert (stale.status_code, stale.json()["ready"]) == (503, False)
    assert stale.json()["last_success"]
    assert running.end().code == 0


def test_a_bug_ends_the_pass_and_not_the_schedule(
    ehr: Ehr, clinic: Clinic, site: MakeSite, serving: MakeRunning, proxy: Proxy
) -> None:
    """A table is missing, which no code expects: told in one line, and the next pass is tried all the same."""
    ehr.put(clinic.srs("qr", clinic.patient(), 36, weeks=1))
    here = nudged(site, proxy.base)
    here.sync()
    with contextlib.closing(sqlite3.connect(here.store)) as store:
        store.execute("DROP TABLE quarantine")
    proxy.fresh()
    running = serving(here)
    _await(lambda: _probes(proxy) == 1)
    assert running.nudge() == 200
    _await(lambda: _probes(proxy) == 2)
    ran = running.end()
    assert ran.code == 0
    told = [line for line in ran.messages if "a bug ended the pass (OperationalError at " in line]
    assert len(told) == 2


def _probes(proxy: Proxy) -> int:
    """How many passes have begun."""
    return sum(seen.path == "metadata" for seen in proxy.seen)


def test_what_cannot_be_listened_to_is_told_at_once(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    clinic.patient()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        here = nudged(site, **{"serve.port": taken.getsockname()[1]})
        ran = here.run("serve", env={"NUDGE": SECRET})
    assert ran.code == 2
    assert "cannot listen on 127.0.0.1" in ran.messages[-1]
    for secret, why in (("short", "fewer than 16"), ("", "holds no secret")):
        ran = here.run("serve", env={"NUDGE": secret})
        assert (ran.code, why in ran.messages[-1]) == (2, True)
    here.configure(serve__host="0.0.0.0", serve__port=free_port())
    ran = here.run("check", env={"NUDGE": SECRET})
    assert "TLS" in ran.err
