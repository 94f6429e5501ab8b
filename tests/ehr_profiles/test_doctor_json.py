"""`doctor --json`: the keys that others script against, whatever the EHR is like, and their documentation."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from fhir_alliance.cli import app
from fhir_alliance.errors import ConfigError
from fhir_alliance.vendors import ALERT_SINKS, SCORE_SINKS

from .peer import Peer, Reply
from .test_doctor import FORMS, WRITING, Clinic, Run, clinic, declared, run

__all__ = ["clinic", "run"]
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "doctor.md"
KEYS = {"server", "auth", "read", "write", "sinks", "questionnaires", "problems"}


def report(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def every_key(value: Any) -> Iterator[str]:
    """Names of members, but not names of types, endpoints, interactions."""
    for key, inner in value.items() if isinstance(value, dict) else []:
        if re.fullmatch(r"[a-z_]+", key) and key != "main":
            yield key
        yield from every_key(inner)
    for inner in value if isinstance(value, list) else []:
        yield from every_key(inner)


def holds(found: dict[str, Any]) -> None:
    """Everything that the contract promises is there, in its form."""
    assert set(found) >= KEYS
    assert found["server"]["url"]
    assert set(found["auth"]) == {"method", "granted", "needed", "missing"}
    for table, keys in (("read", {"supported", "mode", "searches", "why"}), ("write", {"supported", "how", "why"})):
        for told in found[table].values():
            assert set(told) == keys
            assert told["supported"] in (True, False, None)
            assert told["why"]
    for sink in [*found["sinks"]["chosen"], *found["sinks"]["rejected"]]:
        assert sink["sink"] in {*SCORE_SINKS, *ALERT_SINKS}
        assert sink["why"].endswith(".")
    for form in found["questionnaires"]:
        assert {"canonical", "seen", "instrument"} <= set(form)
    for problem in found["problems"]:
        assert problem["severity"] in {"warn", "fail"}
        assert all(problem[part].endswith((".", "?", "check")) for part in ("what", "why", "do")), problem


def test_all_is_well(clinic: Clinic, run: Run) -> None:
    found = report(run(WRITING, as_json=True))
    holds(found)
    assert found["problems"] == []
    assert found["auth"] == {
        "method": "none",
        "granted": None,
        "needed": found["auth"]["needed"],
        "missing": [],
    }
    forms = {"supported": True, "mode": "watermark", "searches": ["_lastUpdated", "patient"]}
    told = found["read"]["QuestionnaireResponse"]
    assert {key: told[key] for key in forms} == forms
    assert told["why"].startswith("tried, and it worked; /metadata declares")
    assert found["read"]["Patient"] == {"supported": True, "mode": "search", "searches": ["patient"], "why": "declared"}
    task = {"supported": True, "how": "create, If-None-Exist; update", "why": "declared"}
    assert found["write"]["Task"] == task
    assert found["write"]["Flag"]["supported"] is None
    assert found["write"]["Flag"]["why"] == "/metadata does not say; switched off here"
    assert [sink["sink"] for sink in found["sinks"]["chosen"]] == ["observation", "task"]
    sinks = [(sink["for"], sink["sink"]) for part in ("chosen", "rejected") for sink in found["sinks"][part]]
    assert sorted(sinks) == sorted([("scores", s) for s in SCORE_SINKS] + [("alerts", s) for s in ALERT_SINKS])
    assert [(form["canonical"], form["seen"], form["instrument"]) for form in found["questionnaires"]] == [
        (f"{FORMS}/wai-sr-c|1.0", 1, "wai-sr-c"),
        ("https://clinic.example/phq-9", 1, "unmapped"),
    ]


def test_something_needed_is_missing(clinic: Clinic, run: Run) -> None:
    clinic.types["Observation"] = declared("Observation", ("read", "search-type"))
    result = run(WRITING, as_json=True)
    assert result.exit_code == 5
    found = report(result)
    holds(found)
    assert found["write"]["Observation"] == {"supported": False, "how": None, "why": "/metadata says no"}
    chosen = {sink["sink"]: sink for sink in found["sinks"]["chosen"]}
    assert chosen["observation"]["declared"] is False
    first = found["problems"][0]
    assert (first["severity"], first["check"], first["endpoint"]) == ("fail", "scores: observation", "main")
    assert first["do"].startswith('Set write.scores.sink = "none": scores stay here')


@pytest.mark.parametrize("fault", [Reply(reset=True), Reply(401), Reply(500), Reply(body=b"<html>")])
def test_nothing_could_be_asked(clinic: Clinic, run: Run, fault: Reply) -> None:
    clinic.fault = fault
    result = run(WRITING, as_json=True)
    assert result.exit_code == 4
    found = report(result)
    holds(found)
    assert (found["read"], found["write"], found["questionnaires"]) == ({}, {}, [])
    assert found["problems"][0]["severity"] == "fail"


def test_every_kind_of_trouble_says_what_why_and_what_to_do(clinic: Clinic, run: Run) -> None:
    clinic.ignored = {"patient", "_lastUpdated"}
    clinic.canonicals = [f"{FORMS}/wai-sr-c|9", f"{FORMS}/srs-v3"]
    clinic.headers = {"Date": "Mon, 01 Jan 2001 00:00:00 GMT"}
    clinic.status, clinic.practitioners = "planned", 0
    clinic.types["Task"] = declared("Task", ("read", "search-type", "create"))
    clinic.types.pop("Encounter")
    found = report(run(WRITING, as_json=True))
    holds(found)
    checks = {problem["check"] for problem in found["problems"]}
    assert checks >= {"clock", "statement", "filters", "forms", "sessions", "clinician", "later changes"}


def test_two_endpoints_stand_under_their_names_only(peer: Peer, clinic: Clinic, run: Run, tmp_path: Path) -> None:
    other = f'[endpoint.other]\nbase_url = "{peer.base}"\n[endpoint.other.auth]\nmethod = "none"\n'
    found = report(run(other, as_json=True))
    assert set(found) & KEYS == {"problems"}
    for name in ("main", "other"):
        holds(found["endpoints"][name])
    asked = ["doctor", "--config", str(tmp_path / "site.toml"), "--json", "--endpoint"]
    holds(report(CliRunner().invoke(app, [*asked, "other"])))
    assert isinstance(CliRunner().invoke(app, [*asked, "third"]).exception, ConfigError)


def test_every_key_is_documented(clinic: Clinic, run: Run) -> None:
    page = PAGE.read_text(encoding="utf-8")
    told = set(re.findall(r"`([a-z_]+)`", page))
    clinic.types["Task"] = declared("Task", ("read", "search-type"))
    found = report(run(WRITING, as_json=True))
    lacking = set(every_key(found)) - told - {"create", "update", "read", "search"}
    assert not lacking
