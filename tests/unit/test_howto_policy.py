"""docs/howto/add-policy.md, followed step by step: the policy of the page works and keeps the contract."""

from __future__ import annotations

import inspect
import re
import sys
import types
from pathlib import Path

import pytest
import test_policy_contract as contract
from typer.testing import CliRunner

from benchmarks.strain.__main__ import main
from fhir_alliance import detection
from fhir_alliance.cli import app, commands  # noqa: F401  the second registers the commands
from fhir_alliance.detection import PolicyInfo, policies, registry

PAGE = (Path(__file__).parents[2] / "docs/howto/add-policy.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
RULE, LINE, SHORTEST = [text for language, text in BLOCKS if language == "python"]
((_, SCORES),) = [block for block in BLOCKS if block[0] == "csv"]
COMMAND, COMPARING = [text for language, text in BLOCKS if language == "sh"]
((_, OUTPUT),) = [block for block in BLOCKS if block[0] == "text"]
ID = "trimmed/1"


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> PolicyInfo:
    """The policy as if its file and its line were there."""
    (home,) = re.findall(r'= "(\w+)"', LINE)
    name = f"{detection.__name__}.{home}"
    module = types.ModuleType(name)
    module.__package__ = detection.__name__
    monkeypatch.setitem(sys.modules, name, module)
    exec(compile(RULE, "add-policy.md", "exec"), module.__dict__)
    homes = dict(registry.HOMES)
    exec(LINE, {"HOMES": homes})
    shortest = dict(contract.SHORTEST)
    exec(SHORTEST, {"SHORTEST": shortest})
    monkeypatch.setattr(registry, "HOMES", homes)
    monkeypatch.setattr(contract, "SHORTEST", shortest)
    return policies()[ID]


def detect(folder: Path, *options: str) -> list[str]:
    (folder / "scores.csv").write_text(SCORES, encoding="utf-8")
    _, *words = COMMAND.split()
    words = [str(folder / word) if word == "scores.csv" else word for word in words]
    done = CliRunner().invoke(app, [*words, *options], env={"COLUMNS": "80"})
    assert done.exit_code == 0, done.output
    return [line.rstrip() for line in done.stdout.splitlines()]


def test_the_page_names_the_files_that_there_are() -> None:
    root = Path(__file__).parents[2]
    for path in re.findall(r"`((?:fhir_alliance|tests)/[\w/]+\.py)`", PAGE):
        assert path.endswith("detection/trimmed.py") or (root / path).is_file()


def test_the_example_does_what_the_page_shows(added: PolicyInfo, tmp_path: Path) -> None:
    assert OUTPUT.rstrip() in detect(tmp_path)
    by_default = detect(tmp_path, "--policy", "alliance-policy/1")
    assert by_default[0].endswith("alliance-policy/1, preset balanced")
    assert not [line for line in by_default if "2026-02-16" in line]
    listed = CliRunner().invoke(app, ["policies", "list"]).stdout
    assert ID in listed


def test_the_example_is_compared_as_the_page_shows(added: PolicyInfo, capsys: pytest.CaptureFixture[str]) -> None:
    python, option, module, *arguments = COMPARING.split()
    assert (python, option, module) == ("python", "-m", "benchmarks.strain")
    main([*arguments, "--clients", "30"])
    told = capsys.readouterr().out
    assert "wai-sr-c: trimmed/1 minus alliance-policy/1" in told
    assert {"ceiling", "below-ceiling"} <= {line.split("  ")[0].split(", ")[-1] for line in told.splitlines()}


@pytest.mark.parametrize("name", [n for n in dir(contract) if n.startswith("test_") and "look_back" not in n])
def test_the_example_keeps_the_contract(added: PolicyInfo, name: str) -> None:
    check = getattr(contract, name)
    assert "info" in inspect.signature(check).parameters
    check(info=added)
