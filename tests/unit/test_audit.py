"""The audit trail: every step of a write, nothing that tells who, and no write without its line."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fhir_alliance.audit import Audit, Trail, lines_about, named, open_trail, who
from fhir_alliance.errors import ConfigError, SafetyError

AT = datetime(2026, 11, 24, 8, tzinfo=UTC)
SECRET, BASE = b"s" * 32, "https://ehr.example/fhir"
WHO = who(install="i-1", endpoint="main", method="bearer", client=None, policy="alliance-policy/1 balanced")
ROW = {
    "op": "create",
    "type": "Observation",
    "key": "k-1",
    "resource_id": "",
    "patient": "Patient/quillfeather-7",
    "reason": "new score",
    "scale": "total",
    "level": 0,
    "state": "",
    "ledger_state": "pending",
    "status": None,
    "codes": "",
}


def written(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_write_is_told_without_saying_who(tmp_path: Path) -> None:
    path = tmp_path / "state" / "audit.jsonl"
    with open_trail(path, 10_000, AT) as trail:
        audit = Audit(trail, SECRET, BASE, "r1", WHO)
        audit.read(AT, "Patient/quillfeather-7", {"Encounter": 3})
        audit.wrote(AT, ROW)
        audit.wrote(AT, ROW | {"ledger_state": "refused", "status": 422, "codes": "invalid value", "resource_id": "9"})
    read, sent, refused = written(path)
    assert read["counts"] == {"Encounter": 3}
    assert read["patient"] == sent["patient"] == named(SECRET, BASE, "Patient/quillfeather-7")
    assert (sent["outcome"], sent["why"]) == ("pending", {"reason": "new score", "scale": "total"})
    assert (refused["outcome"], refused["status"], refused["codes"]) == ("refused", 422, ["invalid", "value"])
    assert refused["target"] == named(SECRET, BASE, "Observation/9") != sent["target"]
    assert all(line["software"] and line["policy"] == "alliance-policy/1 balanced" for line in (read, sent, refused))
    assert "quillfeather" not in path.read_text()
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_name_depends_on_the_secret_and_on_the_ehr() -> None:
    names = {named(s, b, "Patient/1") for s in (SECRET, b"t" * 32) for b in (BASE, "https://other.example/fhir")}
    assert len(names) == 4


def test_it_is_appended_to_and_put_aside_when_large_and_found_again(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    for n in range(3):
        with open_trail(path, 400, AT.replace(minute=n)) as trail:
            Audit(trail, SECRET, BASE, f"r{n}", WHO).read(AT, "Patient/1", {"Encounter": n})
            Audit(trail, SECRET, BASE, f"r{n}", WHO).read(AT, "Patient/2", {})
    assert len(list(tmp_path.iterdir())) > 1
    found = [json.loads(line) for line in lines_about(path, named(SECRET, BASE, "Patient/1"))]
    assert [line["run"] for line in found] == ["r0", "r1", "r2"]


def test_what_cannot_be_recorded_is_not_done(tmp_path: Path) -> None:
    trail = Trail(tmp_path / "audit.jsonl")
    os.close(trail._file)
    with pytest.raises(SafetyError, match="audit trail"):
        Audit(trail, SECRET, BASE, "r", WHO).wrote(AT, ROW)
    (tmp_path / "taken").write_text("")
    with pytest.raises(ConfigError, match="cannot be opened"), open_trail(tmp_path / "taken" / "a.jsonl", 10_000, AT):
        pass
