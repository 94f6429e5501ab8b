"""A simulated clinic on a real FHIR server: `simulate`, load, `sync`, and read back with plain HTTP."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fhir_alliance.demo import server
from fhir_alliance.demo.loading import everything, load
from fhir_alliance.demo.site import settings_for
from fhir_alliance.sync import sync

ORDER = ("Questionnaire", "Practitioner", "Patient", "Appointment", "Encounter", "QuestionnaireResponse")
SESSIONS, ONSET = 7, 7
SHAPE = ["--instrument", "wai-sr-c", "--clients", "10", "--sessions", str(SESSIONS), "--caseload", "4"]
STRAIN = ["--strain-at", str(ONSET), "--strain-depth", "2.5", "--missing", "0.1"]
PAPERS = ["--late", "0.15", "--late-days", "3", "--amended", "0.15"]


def simulate(folder: Path, start: datetime) -> None:
    arguments = [*SHAPE, *STRAIN, *PAPERS, "--format", "fhir", "--out", str(folder), "--start", f"{start:%Y-%m-%d}"]
    subprocess.run([sys.executable, "-m", "fhir_alliance", "simulate", *arguments], check=True)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def totals(running: server.Server) -> dict[tuple[str, str], float]:
    """Patient and day of the session → total that stands on the server."""
    day = {e["id"]: e["period"]["start"][:10] for e in everything(running, "Encounter")}
    return {
        (o["subject"]["reference"].rpartition("/")[2], day[o["encounter"]["reference"].rpartition("/")[2]]): float(
            o["valueQuantity"]["value"]
        )
        for o in everything(running, "Observation")
        if any(c["code"] == "wai-sr-c-total" for c in o["code"]["coding"])
    }


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory where that is possible: two databases commit every write."""
    with tempfile.TemporaryDirectory(dir=server.memory()) as made:
        yield Path(made)


def test_sync_writes_the_scores_that_were_simulated_and_alerts_on_the_strains(folder: Path) -> None:
    pytest.importorskip("sekmet")
    clinic = folder / "clinic"
    simulate(clinic, datetime.now(UTC) - timedelta(days=7 * SESSIONS + 1))  # the last session: a week ago
    with (clinic / "truth.csv").open(encoding="utf-8") as series:
        truth = list(csv.DictReader(series))
    expected = {(r["series"].partition("-")[0], r["at"]): round(float(r["value"]), 2) for r in truth if r["value"]}
    with server.embedded(folder / "server") as running:
        settings = settings_for(running.url, folder, {})
        # As things stood before the late and the corrected forms came in …
        for type in ORDER:
            file = (clinic / "before" if type == "QuestionnaireResponse" else clinic) / f"{type}.ndjson"
            if file.exists():
                load(running, lines(file), lambda done, of: None)
        sync(settings)
        before = totals(running)
        assert set(before) < set(expected)
        assert 0 < sum(before[k] != expected[k] for k in before) < len(before) / 2
        # … and after.
        load(running, lines(clinic / "QuestionnaireResponse.ndjson"), lambda done, of: None)
        sync(settings)
        assert totals(running) == pytest.approx(expected, abs=0.0051)
        assert sum(sync(settings).written.values()) == 0
        onsets = {r["series"].partition("-")[0] for r in truth if r["truth"] == "strain" and r["value"]}
        alerted = {t["for"]["reference"].rpartition("/")[2] for t in everything(running, "Task")}
        assert len(onsets) >= 7
        assert len(alerted & onsets) >= 0.7 * len(onsets)  # some are cooldowns of a false alarm, or at the floor
        owners = {t["for"]["reference"]: t["owner"]["reference"] for t in everything(running, "Task")}
        assert set(owners.values()) <= {f"Practitioner/p{n:05}" for n in (1, 2, 3)}
