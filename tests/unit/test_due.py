"""Quiet patients are read in turn: each in time, never all at once."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from fhir_alliance.config import Settings
from fhir_alliance.due import who_is_due
from fhir_alliance.store.database import open_engine
from fhir_alliance.store.store import Store, stamp

FIRST = datetime(2026, 3, 1, 8, tzinfo=UTC)
HOUR, PATIENTS = timedelta(hours=1), [f"Patient/{n}" for n in range(240)]


def passes(store: Store, every: str, hours: Collection[int]) -> list[set[str]]:
    """Who is due in passes so many hours after everybody was read, where nothing ever changes."""
    settings = Settings(**cast("Any", {"read": {"quiet_from": 0, "quiet_every": every, "full_diff_every": "365d"}}))
    store.set_checkpoints({"full": stamp(FIRST), "fingerprint": "same"})
    for patient in PATIENTS:
        store.completed(patient, FIRST)
    found = []
    for hour in hours:
        now = FIRST + hour * HOUR
        due = who_is_due(cast("Any", None), store, settings, PATIENTS, "full-diff", "same", now, now)
        found.append(due.patients)
        for patient in due.patients:
            store.completed(patient, now)
    return found


def test_the_quiet_are_spread_over_their_interval(tmp_path: Path) -> None:
    store = Store(open_engine(tmp_path / "alliance.db"), "http://127.0.0.1:1/fhir")
    found = passes(store, "1d", range(1, 73))
    assert max(map(len, found)) < 2.5 * len(PATIENTS) / 24
    for day in range(3):
        assert set().union(*found[24 * day : 24 * (day + 1)]) == set(PATIENTS)


def test_who_was_not_read_for_that_long_is_due(tmp_path: Path) -> None:
    store = Store(open_engine(tmp_path / "alliance.db"), "http://127.0.0.1:1/fhir")
    assert passes(store, "1d", [24]) == [set(PATIENTS)]
    assert passes(store, "0s", [0]) == [set(PATIENTS)]
