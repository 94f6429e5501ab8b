"""The quarantine: since when, how often tried, and `quarantine list` on a store."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from score_runs import Cli
from sqlalchemy import create_engine, text

from fhir_alliance.model import Outcome, Reading, Unscored
from fhir_alliance.store.database import migrate, open_engine
from fhir_alliance.store.store import Store

BASE = "http://127.0.0.1:1/fhir"
FIRST = datetime(2026, 3, 1, 8, tzinfo=UTC)
CONFIG = """\
[endpoint.main]
base_url = "http://127.0.0.1:1/fhir"
[endpoint.other]
base_url = "http://127.0.0.1:2/fhir"
[store]
path = "alliance.db"
"""


def aside(id: str | None, word: str, *, content: str = "c1") -> Reading:
    return Reading(Outcome.SET_ASIDE, id, content, code=word, reason=f"set aside: item 3 is wrong ({word})")


def passes(store: Store, patient: str, *readings: Reading, day: int) -> tuple[int, int]:
    """How many are told as new, and how many lines there are then."""
    return store.record(patient, (), readings, (), FIRST + timedelta(days=day)), store.set_aside_count()


@pytest.fixture
def store(nowhere: None) -> Store:
    Path("fhir-alliance.toml").write_text(CONFIG)
    return Store(open_engine(Path("alliance.db").absolute()), BASE)


def test_each_pass_that_tries_it_counts(store: Store) -> None:
    wrong = aside("a", "out-of-range")
    assert [passes(store, "Patient/1", wrong, day=d) for d in range(3)] == [(1, 1), (0, 1), (0, 1)]
    (line,) = store.quarantine()
    assert (line.attempts, line.first_seen, line.last_seen) == (3, FIRST, FIRST + timedelta(days=2))


def test_another_content_or_reason_begins_anew(store: Store) -> None:
    passes(store, "Patient/1", aside("a", "out-of-range"), day=0)
    key = store.quarantine()[0].key
    assert passes(store, "Patient/1", aside("a", "out-of-range", content="c2"), day=1) == (1, 1)
    assert passes(store, "Patient/1", aside("a", "off-grid", content="c2"), day=2) == (1, 1)
    (line,) = store.quarantine()
    assert (line.attempts, line.first_seen, line.key) == (1, FIRST + timedelta(days=2), key)


def test_a_retry_tells_it_again_and_forgets_nothing(store: Store) -> None:
    """Before the patient is read again (the EHR may be down) the line is still there."""
    passes(store, "Patient/1", aside("a", "out-of-range"), day=0)
    passes(store, "Patient/gone", aside("b", "out-of-range"), day=0)
    store.tell_again(["Patient/1"])
    (line,) = store.quarantine()  # whoever left the cohort is not read, and not listed any more
    assert (line.source, line.attempts) == ("QuestionnaireResponse/a", 1)
    assert passes(store, "Patient/1", aside("a", "out-of-range"), day=1) == (1, 1)
    (line,) = store.quarantine()
    assert (line.attempts, line.first_seen) == (2, FIRST)
    assert passes(store, "Patient/1", aside("a", "out-of-range"), day=2) == (0, 1)
    assert passes(store, "Patient/1", day=3) == (0, 0)
    assert store.quarantine() == []


def test_a_response_that_moved_is_listed_once(store: Store) -> None:
    passes(store, "Patient/1", aside("a", "subject-unresolved"), day=0)
    assert passes(store, "Patient/2", aside("a", "subject-unresolved"), day=1) == (0, 1)
    assert [(line.patient, line.attempts) for line in store.quarantine()] == [("Patient/2", 2)]


def test_list_as_json(store: Store, cli: Cli) -> None:
    partly = Reading(Outcome.SCORED, "b", "c1", unscored=(Unscored("bond", "2 of 4 items (incomplete)"),))
    passes(store, "Patient/1", aside("a", "out-of-range"), partly, day=0)
    passes(store, "Patient/1", aside("a", "out-of-range"), partly, day=1)
    passes(store, "Patient/2", aside(None, "missing-id"), day=2)
    assert cli("list", "--json", "--endpoint", "main", command="quarantine") == 0, cli.err
    found = json.loads(cli.out)
    assert {frozenset(line) for line in found} == {
        frozenset({"key", "source", "scale", "patient", "reason", "word", "since", "attempts"})
    }
    assert [(line["source"], line["scale"], line["word"], line["attempts"]) for line in found] == [
        ("QuestionnaireResponse/a", None, "out-of-range", 2),
        ("QuestionnaireResponse/b", "bond", "incomplete", 2),
        ("QuestionnaireResponse without id (c1)", None, "missing-id", 1),
    ]
    assert found[0]["since"] == "2026-03-01T08:00:00+00:00"
    assert len({line["key"] for line in found}) == 3
    assert cli("list", "--json", "--endpoint", "main", "--reason", "incomplete", command="quarantine") == 0
    assert json.loads(cli.out) == [found[1]]
    assert cli("list", "--json", "--endpoint", "other", command="quarantine") == 0
    assert json.loads(cli.out) == []


def test_list_for_a_person(store: Store, cli: Cli) -> None:
    assert cli("list", "--endpoint", "main", command="quarantine") == 0
    assert cli.out == "Nothing is set aside.\n"
    for day in range(2):
        passes(store, "Patient/1", aside("a", "form-mismatch"), aside("b", "out-of-range"), day=day)
    passes(store, "Patient/2", aside("c", "out-of-range"), day=1)
    assert cli("list", "--endpoint", "main", command="quarantine") == 0
    lines = cli.out.splitlines()
    assert lines[0] == "3 set aside"
    assert lines.index("out-of-range (2)") < lines.index("form-mismatch (1)")
    assert "  QuestionnaireResponse/a, of Patient/1" in lines
    assert any(line.endswith("since 2026-03-01 08:00 UTC, tried 2 times") for line in lines)
    assert any(line.endswith("since 2026-03-02 08:00 UTC, tried once") for line in lines)
    assert "  fhir-alliance retry" in lines


def test_list_needs_an_endpoint_where_there_are_several(store: Store, cli: Cli) -> None:
    assert cli("list", command="quarantine") == 2
    assert "--endpoint main | other" in cli.err


def test_list_before_the_first_pass(nowhere: None, cli: Cli) -> None:
    Path("fhir-alliance.toml").write_text(CONFIG)
    assert cli("list", "--endpoint", "main", "--json", command="quarantine") == 0
    assert json.loads(cli.out) == []
    assert not Path("alliance.db").exists()


def test_a_store_of_the_first_schema_is_brought_along(tmp_path: Path) -> None:
    path = tmp_path / "alliance.db"
    path.touch(mode=0o600)
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as c:
        migrate(c, "0001")
        c.execute(text(f"INSERT INTO patient (base, id, completed, due) VALUES ('{BASE}', 'Patient/1', '2026', 0)"))
        columns = "base, source, scale, patient, code, reason, content, first_seen, last_seen"
        row = f"'{BASE}', 'QuestionnaireResponse/a', '', 'Patient/1', 'out-of-range', 'set aside: …', 'c1'"
        c.execute(
            text(f"INSERT INTO quarantine ({columns}) VALUES ({row}, :at, :at)"), {"at": "2026-01-01T00:00:00+00:00"}
        )
        c.commit()
    engine.dispose()
    store = Store(open_engine(path), BASE)
    (line,) = store.quarantine()
    assert (line.attempts, line.word) == (1, "out-of-range")
    assert store.known_patients() == {"Patient/1": False}
    assert passes(store, "Patient/1", aside("a", "out-of-range"), day=0) == (0, 1)


def test_of_many_that_find_an_old_store_one_brings_it_along(tmp_path: Path) -> None:
    path = tmp_path / "alliance.db"
    path.touch(mode=0o600)
    with create_engine(f"sqlite:///{path}").connect() as c:
        migrate(c, "0001")
    with ThreadPoolExecutor(4) as pool:
        engines = list(pool.map(open_engine, [path] * 4))
    assert [Store(engine, BASE).quarantine() for engine in engines] == [[]] * 4
