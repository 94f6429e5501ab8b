"""Nudges without a server: what a notification names, what is marked, when the next pass comes, how many are taken."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from score_runs import Cli
from sqlalchemy import text

from fhir_alliance.config import Schedule, Settings, load
from fhir_alliance.configcheck import notes, problems
from fhir_alliance.errors import ConfigError
from fhir_alliance.nudging import freshness, nudge
from fhir_alliance.schedule import Bell, serve
from fhir_alliance.store.database import open_engine
from fhir_alliance.store.store import Store, record_run, stamp
from fhir_alliance.web.limit import Bucket
from fhir_alliance.web.notification import MOST_REFERENCES, notification

BASE = "https://ehr.example.org/fhir"
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)

# -- what a notification names -------------------------------------------------------------------

STATUS_R4 = {
    "resourceType": "Parameters",
    "parameter": [
        {"name": "subscription", "valueReference": {"reference": f"{BASE}/Subscription/s1"}},
        {"name": "type", "valueCode": "event-notification"},
        {
            "name": "notification-event",
            "part": [
                {"name": "focus", "valueReference": {"reference": f"{BASE}/QuestionnaireResponse/q1"}},
                {"name": "additional-context", "valueReference": {"reference": f"{BASE}/Patient/p1"}},
            ],
        },
    ],
}
STATUS_R4B = {
    "resourceType": "SubscriptionStatus",
    "type": "event-notification",
    "notificationEvent": [{"eventNumber": "2", "focus": {"reference": "Patient/p1"}}],
    "subscription": {"reference": "Subscription/s1"},
}
RESPONSE = {"resourceType": "QuestionnaireResponse", "id": "q1", "subject": {"reference": "Patient/p1"}}


def bundle(*entries: dict[str, Any]) -> bytes:
    return json.dumps({"resourceType": "Bundle", "type": "history", "entry": list(entries)}).encode()


@pytest.mark.parametrize(
    ("body", "path", "named"),
    [
        (b"", "", set()),
        (b"", "QuestionnaireResponse/q1", {"QuestionnaireResponse/q1"}),
        (json.dumps(RESPONSE).encode(), "", {"QuestionnaireResponse/q1", "Patient/p1"}),
        (b'{"resourceType":"Patient","id":"p1"}', "Patient/p1", {"Patient/p1"}),
        (bundle({"resource": STATUS_R4}), "", {f"{BASE}/QuestionnaireResponse/q1", f"{BASE}/Patient/p1"}),
        (bundle({"resource": STATUS_R4B}), "", {"Patient/p1"}),
        (
            bundle(
                {"resource": {"resourceType": "SubscriptionStatus", "type": "event-notification"}},
                {
                    "fullUrl": f"{BASE}/QuestionnaireResponse/q1",
                    "request": {"method": "PUT", "url": "QuestionnaireResponse/q1"},
                },
            ),
            "",
            {f"{BASE}/QuestionnaireResponse/q1", "QuestionnaireResponse/q1"},
        ),
        (b"patient=p1", "", set()),
        (b"<Patient/>", "", set()),
        (b"\xff\xfe{", "", set()),
        (b"17", "", set()),
        (b"[" * 100_000, "", set()),
        (b'{"reference": {"reference": 3}, "id": "x", "resourceType": ["Patient"]}', "", set()),
    ],
)
def test_what_is_named(body: bytes, path: str, named: set[str]) -> None:
    found = notification(body, path)
    assert found.references - {f"{BASE}/Subscription/s1", "Subscription/s1"} == named
    assert not found.idle


@pytest.mark.parametrize("kind", ["handshake", "heartbeat", "query-status", "query-event"])
def test_what_tells_of_no_change(kind: str) -> None:
    parameters = [{"name": "topic"}, {"name": "type", "valueCode": kind}]
    assert notification(bundle({"resource": {"resourceType": "Parameters", "parameter": parameters}})).idle
    assert notification(bundle({"resource": {"resourceType": "SubscriptionStatus", "type": kind}})).idle


def test_there_is_an_end_to_what_is_looked_at() -> None:
    many = json.dumps([{"reference": f"Patient/{n}"} for n in range(5000)]).encode()
    assert len(notification(many).references) == MOST_REFERENCES
    assert notification(json.dumps([{"reference": "Patient/1"}] + [[]] * 100_000).encode()).references == frozenset()
    assert notification(json.dumps({"reference": "Patient/" + "1" * 600}).encode()).references == frozenset()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(["entry", "resource", "resourceType", "id", "reference", "parameter", "name", "x"]), inner
        )
    ),
)


@given(st.binary() | JSON.map(lambda tree: json.dumps(tree).encode()))
def test_no_body_is_too_odd(body: bytes) -> None:
    assert all(isinstance(r, str) for r in notification(body).references)


# -- what is marked ------------------------------------------------------------------------------

SITE = f"""\
[endpoint.main]
base_url = "{BASE}"
aliases = ["https://ehr.internal/fhir"]
auth = {{ method = "bearer", token = {{ env = "T" }} }}
[endpoint.other]
base_url = "https://other.example.org/fhir"
auth = {{ method = "bearer", token = {{ env = "T" }} }}
[store]
path = "alliance.db"
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    file = tmp_path / "site.toml"
    file.write_text(SITE)
    return load(file)


@pytest.fixture
def store(settings: Settings) -> Store:
    """Knows Patient/p1 and Patient/p2, read completely an hour ago; Patient/half was never read to the end."""
    store = Store(open_engine(settings.store_path), BASE)
    for patient in ("Patient/p1", "Patient/p2"):
        store.completed(patient, NOW - timedelta(hours=1))
    store.mark_due(["Patient/half"])
    return store


@pytest.mark.parametrize(
    "reference", ["Patient/p1", f"{BASE}/Patient/p1", "https://ehr.internal/fhir/Patient/p1/_history/2"]
)
def test_a_known_patient_is_due(settings: Settings, store: Store, reference: str) -> None:
    told = nudge(settings, [reference], NOW)
    assert (told.named, told.due, told.soon) == (1, 1, True)
    assert store.known_patients() == {"Patient/p1": True, "Patient/p2": False}


@pytest.mark.parametrize(
    "reference",
    [
        "Patient/p9",
        "https://elsewhere.example/fhir/Patient/p1",
        "Patient/p1' OR '1'='1/x",
        "https://other.example.org/fhir/Patient/p1",
    ],
)
def test_nobody_is_added(settings: Settings, store: Store, reference: str) -> None:
    before = rows(store)
    told = nudge(settings, [reference], NOW)
    assert told.due == 0
    assert rows(store) == before


def test_patients_who_are_not_known_bring_no_pass_and_nobody_named_does(settings: Settings, store: Store) -> None:
    assert not nudge(settings, ["Patient/p9", "QuestionnaireResponse/q9"], NOW).soon
    assert nudge(settings, ["QuestionnaireResponse/q9"], NOW).soon
    assert nudge(settings, [], NOW).soon


def test_before_the_first_pass_no_store_is_made(settings: Settings) -> None:
    assert nudge(settings, ["Patient/p1"], NOW).due == 0
    assert freshness(settings, NOW).last is None
    assert not settings.store_path.exists()


def rows(store: Store) -> list[tuple[Any, ...]]:
    with store.engine.connect() as c:
        return [tuple(row) for row in c.execute(text("SELECT * FROM patient ORDER BY id"))]


def test_a_nudge_during_the_reading_is_not_lost(store: Store) -> None:
    """The pass began, then the nudge came, then the pass completed what it had read before the nudge."""
    began = NOW
    store.mark_due(["Patient/p1"])
    assert store.nudge(["Patient/p1", "Patient/p2"], began + timedelta(seconds=1)) == 2
    store.completed("Patient/p1", began)
    assert store.known_patients() == {"Patient/p1": True, "Patient/p2": True}
    assert store.due_count() == 3  # and the one that was never read
    store.completed("Patient/p1", began + timedelta(seconds=2))
    assert store.known_patients() == {"Patient/p1": False, "Patient/p2": True}


def test_nudges_and_a_pass_at_the_same_time(settings: Settings, store: Store) -> None:
    """Every write of both gets in, from several threads and connections, and no nudge is undone."""
    patients = [f"Patient/{n}" for n in range(20)]
    for patient in patients:
        store.completed(patient, NOW)

    def nudges() -> None:
        for patient in patients:
            nudge(settings, [patient], NOW + timedelta(minutes=1))

    def a_pass() -> None:
        mine = Store(open_engine(settings.store_path), BASE)
        for patient in patients * 3:
            mine.mark_due([patient])
            mine.completed(patient, NOW)

    threads = [threading.Thread(target=work) for work in (nudges, a_pass, a_pass)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    known = store.known_patients()
    assert all(known[patient] for patient in patients)


def test_freshness_is_the_last_complete_pass(settings: Settings, store: Store) -> None:
    record_run(store.engine, "a", started=stamp(NOW), finished=stamp(NOW - timedelta(hours=2)), complete=True)
    record_run(store.engine, "b", started=stamp(NOW), finished=stamp(NOW - timedelta(hours=1)), complete=False)
    assert freshness(settings, NOW).age == timedelta(hours=2)


# -- when the next pass comes --------------------------------------------------------------------


class Serving:
    """`serve` with a schedule of hours, and passes that wait to be let go."""

    def __init__(self, gap: timedelta = timedelta(microseconds=1), once: Callable[[], bool] | None = None):
        self.began, self.go, self.stop = threading.Semaphore(0), threading.Semaphore(0), threading.Event()
        self.passes = 0
        self.bell = Bell(gap)
        self._once = once
        schedule = Schedule(every=timedelta(hours=5))
        self.ended = threading.Event()

        def run() -> None:
            serve(schedule, self._pass, self.stop, self.bell)
            self.ended.set()

        threading.Thread(target=run, daemon=True).start()

    def _pass(self) -> bool:
        self.passes += 1
        self.began.release()
        assert self.go.acquire(timeout=30)
        return self._once() if self._once else True

    def await_pass(self) -> None:
        assert self.began.acquire(timeout=30), "no pass came"

    def end(self) -> None:
        self.stop.set()
        for _ in range(10):
            self.go.release()
        assert self.ended.wait(30)


@pytest.fixture
def made() -> Iterator[list[Serving]]:
    serving: list[Serving] = []
    yield serving
    for one in serving:
        one.end()


def test_a_ring_brings_the_next_pass_forward(made: list[Serving]) -> None:
    made.append(Serving())
    made[0].await_pass()
    made[0].go.release()
    made[0].bell.ring()
    made[0].await_pass()


def test_rings_during_a_pass_bring_one_more_and_only_one(made: list[Serving]) -> None:
    made.append(Serving())
    made[0].await_pass()
    for _ in range(5):
        made[0].bell.ring()
    made[0].go.release()
    made[0].await_pass()
    made[0].go.release()
    made[0].end()
    assert made.pop().passes == 2


def test_a_ring_at_the_end_does_not_keep_it_from_ending(made: list[Serving]) -> None:
    """The pass that ends asks for another while the scheduler is being shut down."""
    made.append(Serving())
    made[0].await_pass()
    made[0].stop.set()
    made[0].bell.ring()
    assert not made[0].ended.wait(0.2)  # the running pass is waited for
    made[0].go.release()
    assert made[0].ended.wait(30)
    assert made[0].passes == 1


def test_there_is_a_least_time_between(made: list[Serving]) -> None:
    made.append(Serving(gap=timedelta(hours=1)))
    made[0].await_pass()
    made[0].go.release()
    made[0].bell.ring()
    assert not made[0].began.acquire(timeout=0.5)


def test_a_pass_that_another_instance_prevented_is_rung_for_again(made: list[Serving]) -> None:
    answers = iter([True, False, True])
    made.append(Serving(once=lambda: next(answers)))
    made[0].await_pass()
    made[0].bell.ring()
    made[0].go.release()
    made[0].await_pass()  # ends with False
    made[0].go.release()
    made[0].await_pass()


# -- how many are taken, and what the configuration may say --------------------------------------


def test_a_bucket_fills_and_empties() -> None:
    at = [0.0]
    bucket = Bucket(3, lambda: at[0])
    assert [bucket.turned_away() for _ in range(5)] == [0, 0, 0, 1, 2]
    at[0] += 20
    assert [bucket.turned_away() for _ in range(2)] == [0, 1]
    at[0] += 3600
    assert [bucket.turned_away() for _ in range(4)] == [0, 0, 0, 1]


def site(folder: Path, serve: str) -> Settings:
    file = folder / "site.toml"
    text = SITE.replace('{ env = "T" }', '{ command = ["true"] }') + '[cohort]\nids = ["p1"]\n'
    file.write_text(text + serve)
    return load(file)


def test_listening_is_off_until_it_is_asked_for(tmp_path: Path) -> None:
    assert not site(tmp_path, "").serve.listens
    assert site(tmp_path, "[serve]\nlisten = true").serve.listens
    assert site(tmp_path, '[serve.nudge]\nsecret = { env = "X" }').serve.listens
    assert site(tmp_path, "[serve]\nlisten = true").serve.host == "127.0.0.1"


def test_without_the_extra_it_is_told_and_nothing_is_started(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LONG", "sesame-sesame-sesame")
    site(tmp_path, '[schedule]\nevery = "1h"\n[serve.nudge]\nsecret = { env = "LONG" }')
    for name in [name for name in sys.modules if name.startswith("fhir_alliance.web.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert cli("--config", tmp_path / "site.toml", command="serve") == 2
    assert "fhir-alliance[serve]" in cli.err
    assert not (tmp_path / "alliance.db").exists()


def test_check_warns_of_other_machines_and_of_poor_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHORT", "sesame")
    monkeypatch.setenv("LONG", "sesame-sesame-sesame")
    for host, warned in (("127.0.0.1", 0), ("::1", 0), ("localhost", 0), ("0.0.0.0", 1), ("10.0.0.7", 1), ("::", 1)):
        found = notes(site(tmp_path, f'[serve]\nlisten = true\nhost = "{host}"'))
        assert sum("TLS" in line for line in found) == warned, host
    assert problems(site(tmp_path, '[serve.nudge]\nsecret = { env = "LONG" }')) == []
    for name in ("SHORT", "ABSENT"):
        (wrong,) = problems(site(tmp_path, f'[serve.nudge]\nsecret = {{ env = "{name}" }}'))
        assert wrong.startswith("serve.nudge.secret: ")
    with pytest.raises(ConfigError, match="name of a header"):
        site(tmp_path, '[serve.nudge]\nheader = "X Y"')
