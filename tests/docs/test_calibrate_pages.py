"""The pages about `calibrate`: their commands run, their keys are complete, their tables are the benchmark's."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.strain import writing
from fhir_alliance.cli import app, commands  # noqa: F401  the second registers the commands

ROOT = Path(__file__).parents[2]
PAGES = ("docs/howto/calibrate.md", "docs/reference/calibrate.md")
COMMAND = re.compile(r"^\s*fhir-alliance (calibrate .+)$", re.MULTILINE)


def shown() -> list[str]:
    return [command for page in PAGES for command in COMMAND.findall((ROOT / page).read_text(encoding="utf-8"))]


@pytest.mark.parametrize("command", shown())
def test_commands_that_are_shown_run(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = ["simulate", "--instrument", "wai-sr-c", "--clients", "20", "--out", "ours.csv"]
    assert CliRunner().invoke(app, made).exit_code == 0
    arguments = shlex.split(command)
    small = [] if "ours.csv" in arguments else ["--clients", "20"]
    done = CliRunner().invoke(app, [*arguments, *small])
    assert done.exit_code == 0, done.output
    assert "wai-sr-c" in done.stdout


def test_every_key_is_documented() -> None:
    page = (ROOT / "docs/reference/calibrate.md").read_text(encoding="utf-8")
    keys = set()
    for design, part in (("planted", "by_strain"), ("mixed", "by_onset")):
        arguments = ["calibrate", "--instrument", "wai-sr-c", "--clients", "20", "--json", "--design", design]
        result = json.loads(CliRunner().invoke(app, arguments).stdout)["results"][0]
        keys |= {*result, *result[part][0]}
    assert {key for key in keys if f"`{key}`" not in page} == set()


@pytest.mark.parametrize("document", writing.DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_tables_are_those_of_the_results(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    assert "<!-- strain: " in text
    assert writing.filled(text, writing.saved()) == text, "run: make strain ARGS=--redraw"


def test_figures_are_those_of_the_results() -> None:
    assert writing.figures_text(writing.saved()) == writing.FIGURES.read_text(encoding="utf-8"), "run: make strain"


def test_pictures_show_every_policy_of_the_results() -> None:
    measured = writing.saved()["instruments"].values()
    for theme in writing.THEMES:
        svg = (ROOT / f"docs/images/strain-{theme}.svg").read_text(encoding="utf-8")
        assert {c["policy"] for told in measured for c in told["curves"] if f">{c['policy']}<" not in svg} == set()
        assert "log scale" in svg
