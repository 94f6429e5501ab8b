"""`doctor` in front of every EHR that we can stand up: its pages are fresh, and its advice, when taken, works."""

from __future__ import annotations

from pathlib import Path

from fhir_alliance.ehrdoc import page
from fhir_alliance.vendors import vendors

from .doctor_pages import PROFILES, advised, first, shown, upon
from .running import Server

PAGES = Path(__file__).parents[2] / "docs" / "ehr"


def test_the_pages_say_what_doctor_prints(server: Server, tmp_path: Path) -> None:
    for name in upon(server.name):
        fresh = page(name, shown(server, name, tmp_path))
        committed = (PAGES / f"{name}.md").read_text(encoding="utf-8")
        assert committed == fresh, "run: make ehrs"


def test_what_a_profile_does_not_take_is_told_with_what_to_set(server: Server, tmp_path: Path) -> None:
    for name in PROFILES:
        told = first(server, name, tmp_path / name).told
        assert told["server"]["recognised"]["id"] == name
        problems = {problem["check"]: problem for problem in told["problems"]}
        assert set(problems) >= {"scores: observation", "alerts: task"}, name
        best = {purpose: getattr(vendors()[name].sinks, purpose).takes[0] for purpose in ("scores", "alerts")}
        assert f'write.scores.sink = "{best["scores"]}"' in problems["scores: observation"]["do"]
        assert f'alerts.sinks = ["{best["alerts"]}"]' in problems["alerts: task"]["do"]
        assert all(problem[part] for problem in told["problems"] for part in ("what", "why", "do"))


def test_the_settings_to_begin_with_leave_nothing_to_mend(server: Server, tmp_path: Path) -> None:
    for name in PROFILES:
        found = advised(server, name, tmp_path / name)
        assert found.code == 0, found.text
        assert found.told["problems"] == [], name
        fitting = {sink["sink"]: sink for sink in found.told["sinks"]["chosen"]}
        assert all(sink["on"] and sink["known"] for sink in fitting.values()), fitting
        assert found.told["read"]["QuestionnaireResponse"]["supported"] is True
