"""The same patient id at another base URL is another person: nothing that we keep or make is shared."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from fhir_alliance.keys import Keys
from fhir_alliance.plan import Action, Op
from fhir_alliance.store.database import open_engine
from fhir_alliance.store.ledger import Ledger
from fhir_alliance.store.store import Store

HERE, THERE = "https://a.example/fhir", "https://b.example/fhir"
NOW = datetime(2026, 3, 4, tzinfo=UTC)
PATIENT, DOCTOR = "Patient/1", "Practitioner/1"


def test_identifiers_differ() -> None:
    here, there = Keys(HERE, b"secret"), Keys(THERE, b"secret")
    assert here.score(PATIENT, "q1", "wai-sr-c", "total") != there.score(PATIENT, "q1", "wai-sr-c", "total")
    assert here.alert(PATIENT, DOCTOR, "q1") != there.alert(PATIENT, DOCTOR, "q1")
    assert here.score(PATIENT, "q1", "wai-sr-c", "total") == Keys(HERE, b"other").score(
        PATIENT, "q1", "wai-sr-c", "total"
    )


def test_the_store_and_the_ledger_know_them_apart(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "alliance.db")
    Store(engine, HERE).mark_due([PATIENT])
    Store(engine, HERE).set_checkpoints({"full": "now"})
    action = Action(Op.CREATE, "Observation", "key", PATIENT, None)
    row = Ledger(engine, HERE, "run").plan(PATIENT, [action], NOW)["Observation", "key"]
    Ledger(engine, HERE, "run").done(
        row, NOW, resource_id="7", version_id="1", owned="", standing="written", fingerprint=""
    )
    assert (len(Ledger(engine, HERE, "run").known(PATIENT)), Ledger(engine, THERE, "run").known(PATIENT)) == (1, [])
    assert Store(engine, HERE).checkpoint("full") == "now"
    assert Store(engine, THERE).checkpoint("full") is None
    Store(engine, HERE).completed(PATIENT, NOW)
    assert (Store(engine, HERE).known_patients(), Store(engine, THERE).known_patients()) == ({PATIENT: False}, {})
