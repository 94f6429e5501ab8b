"""What the store keeps of answers, of alerts that wait, and of missed sessions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, inspect

from fhir_alliance.answers import Answer, Said
from fhir_alliance.corroboration import Missed
from fhir_alliance.digest import Waiting
from fhir_alliance.plan import Known
from fhir_alliance.store.answers import Answers
from fhir_alliance.store.database import migrate, open_engine
from fhir_alliance.store.ledger import Ledger
from fhir_alliance.store.missed import keep_missed, missed_by
from fhir_alliance.store.store import Store

BASE, OTHER = "http://127.0.0.1/fhir", "http://127.0.0.1/other"
NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
TASK = Known("Task", "k1", "Patient/p", "q1", "written", "Practitioner/d", resource_id="7", state="open", level=2)
FLAG = Known("Flag", "k1", "Patient/p", "q1", "written", "Practitioner/d", resource_id="8", state="open", level=2)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_engine(tmp_path / "state" / "alliance.db")
    yield engine
    engine.dispose()


@pytest.fixture
def answers(engine: Engine) -> Answers:
    for known in (TASK, FLAG):
        Ledger(engine, BASE, "run").adopt(known, NOW)
    return Answers(engine, BASE)


def test_a_store_from_before_gets_the_tables_and_keeps_what_it_has(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'old.db'}")
    with engine.connect() as connection:
        migrate(connection, "0002")
        assert "answer" not in inspect(connection).get_table_names()
    Store(engine, BASE).set_checkpoints({"roster": "7"})
    with engine.connect() as connection:
        migrate(connection)
        assert {"answer", "waiting", "missed"} <= set(inspect(connection).get_table_names())
    assert Store(engine, BASE).checkpoint("roster") == "7"
    assert Answers(engine, BASE).all() == {}


def test_news_is_told_once_and_what_is_unclear_changes_nothing(answers: Answers) -> None:
    assert not answers.hear(TASK, Answer(), NOW)
    assert answers.hear(TASK, Answer(Said.REJECTED), NOW)
    assert not answers.hear(TASK, Answer(Said.REJECTED), NOW)
    assert not answers.hear(TASK, None, NOW)
    assert not answers.hear(FLAG, Answer(), NOW)
    assert answers.of("Patient/p") == answers.all() == {"k1": Answer(Said.REJECTED)}
    assert answers.hear(TASK, Answer(), NOW)
    assert answers.of("Patient/p") == {"k1": Answer()}
    assert answers.of("Patient/other") == {}
    assert Answers(answers.engine, OTHER).all() == {}


def test_a_snooze_that_is_over_makes_the_patient_due_once(answers: Answers) -> None:
    store, until = Store(answers.engine, BASE), NOW + timedelta(hours=1)
    store.completed("Patient/p", NOW)
    answers.hear(TASK, Answer(Said.ACKNOWLEDGED, until), NOW)
    assert answers.awaken(NOW) == set()
    assert store.due_count() == 0
    assert answers.awaken(until) == {"Patient/p"}
    assert store.due_count() == 1
    assert answers.awaken(until) == set()
    assert answers.all() == {"k1": Answer(Said.ACKNOWLEDGED)}


def test_who_was_looked_at_longest_ago_comes_first(answers: Answers) -> None:
    ledger = Ledger(answers.engine, BASE, "run")
    for n in (2, 3):
        ledger.adopt(Known("Task", f"k{n}", f"Patient/{n}", "q", "written", resource_id=f"7{n}", state="open"), NOW)
    ledger.adopt(Known("Task", "old", "Patient/9", "q", "written", resource_id="79", state="repaired"), NOW)
    ledger.adopt(Known("Task", "gone", "Patient/9", "q", "retracted", resource_id="78", state="open"), NOW)
    answers.hear(TASK, Answer(), NOW)
    answers.hear(Known("Task", "k2", "Patient/2", "q", "written"), Answer(), NOW - timedelta(days=1))
    young, old = NOW - timedelta(days=90), NOW + timedelta(days=1)
    assert [a.key for a in answers.answerable(["Task"], young)] == ["k3", "old", "k2", "k1"]
    assert [a.key for a in answers.answerable(["Task"], old)] == ["k3", "k2", "k1"]
    assert {id: a.key for id, a in answers.asked("Task", ["7", "72", "78", "1000"]).items()} == {"7": "k1", "72": "k2"}
    assert answers.types(["Task", "Flag", "Communication"]) == {"Task", "Flag"}


def test_silenced_and_snoozed_alerts_do_not_keep_a_silent_patient_due(answers: Answers) -> None:
    assert answers.open_alerts() == {"Patient/p"}
    answers.hear(TASK, Answer(Said.REJECTED), NOW)
    assert answers.open_alerts() == set()


def test_what_waits_is_exactly_what_was_held_back_last(answers: Answers) -> None:
    one, two, other = (Waiting(f"w{n}", f"Patient/{n}", "Practitioner/d", f"q{n}", f"f{n}") for n in (1, 2, 3))
    answers.hold({"Patient/1", "Patient/2", "Patient/3"}, [other, two], NOW)
    answers.hold({"Patient/1", "Patient/2"}, [two, one], NOW + timedelta(hours=1))
    assert answers.waiting() == [two, other, one]
    assert answers.waiting("Patient/1") == [one]
    answers.hold({"Patient/2"}, [], NOW + timedelta(hours=2))
    assert answers.waiting() == [other, one]


def test_missed_sessions_are_replaced_patient_by_patient(engine: Engine) -> None:
    one, two = (Missed(NOW, "Appointment/1", f"Patient/{n}", "Practitioner/d", "noshow") for n in (1, 2))
    keep_missed(engine, BASE, "Patient/1", [one])
    keep_missed(engine, BASE, "Patient/1", [one])
    keep_missed(engine, OTHER, "Patient/2", [two])
    assert (missed_by(engine, BASE), missed_by(engine, OTHER, "Patient/2")) == ([one], [two])
    keep_missed(engine, BASE, "Patient/1", [])
    assert missed_by(engine, BASE, "Patient/1") == []


def test_whoever_is_forgotten_has_no_answers_left(answers: Answers) -> None:
    answers.hear(TASK, Answer(Said.REJECTED), NOW)
    answers.hold({"Patient/p"}, [Waiting("k1", "Patient/p", "Practitioner/d", "q1", "f1")], NOW)
    keep_missed(
        answers.engine, BASE, "Patient/p", [Missed(NOW, "Appointment/1", "Patient/p", "Practitioner/d", "noshow")]
    )
    Store(answers.engine, BASE).forget_patients(["Patient/p"])
    assert (answers.all(), answers.waiting(), missed_by(answers.engine, BASE)) == ({}, [], [])
