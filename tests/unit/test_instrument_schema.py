"""The JSON Schema for editors: sound, and of one mind with `instruments validate` about the shape of files."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from score_runs import Cli

from fhir_alliance import instruments
from fhir_alliance.instruments.schema import FILE, schema

FOLDER = Path(instruments.__file__).parent
WAI = (FOLDER / "wai-sr-c.toml").read_text(encoding="utf-8")
STAR = (FOLDER / "star-p.toml").read_text(encoding="utf-8")
CHECK = jsonschema.Draft202012Validator(schema())


def complaints(text: str) -> list[str]:
    return [error.message for error in CHECK.iter_errors(tomllib.loads(text))]


def test_it_is_a_schema_and_what_the_command_prints(cli: Cli) -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    assert cli("schema", command="instruments") == 0
    assert json.loads(cli.out) == schema() == json.loads((FOLDER / FILE).read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda p: p.stem)
def test_every_shipped_file_fits(path: Path) -> None:
    assert complaints(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        (WAI, 'rater = "client"', 'rater = "anybody"'),
        (WAI, 'purpose = "alliance"\n', ""),
        (WAI, "verified = true", "verified = 1"),
        (WAI, "verified = true", "verified = true\nwording = 7"),
        (WAI, "count = 12", "count = 12.5"),
        (WAI, "rc90 = 0.50", "rc90 = 1e10"),
        (WAI, "reverse = []", 'reverse = ["1"]'),
        (WAI, 'rule = "mean"', 'rule = "median"'),
        (WAI, "gated = false", "gated = false\nprice = 3"),
        (WAI, "rc90 = 0.50", 'rc90 = "0.5"'),
        (WAI, 's0 = "[C]', 's0 = ""\nx = "[C]'),
        (WAI, "answered = 12 }", "answered = 12, sum = 3 }"),
        (WAI, "[items]\n", '[total]\ntitle = "t"\nrule = "sum"\nminimum = 0\nmaximum = 9\nplaces = 0\n\n[items]\n'),
        (WAI, "answers = { 1 = 4, 2 = 5, 3 = 4, 4 = 3", "answers = { one = 4, 2 = 5, 3 = 4, 4 = 3"),
        (STAR, "maximum = 48", 'maximum = "48"'),
        (STAR, "[total]", "[totals]"),
    ],
)
def test_it_refuses_what_validate_refuses(text: str, old: str, new: str, tmp_path: Path) -> None:
    assert old in text
    changed = text.replace(old, new, 1)
    path = tmp_path / "changed.toml"
    path.write_text(changed, encoding="utf-8")
    assert complaints(changed)
    assert instruments.validate(path)


def test_everything_in_it_says_what_it_is_for() -> None:
    def undescribed(value: Any, where: str) -> list[str]:
        found = []
        for name, inside in value.get("properties", {}).items():
            free = where.endswith(("example.answers", "example.scores"))
            found += [] if free or "description" in inside or name in {"answers", "scores"} else [f"{where}.{name}"]
            found += undescribed(inside.get("items", inside) if isinstance(inside, dict) else {}, f"{where}.{name}")
        return found

    assert undescribed(schema(), "") == []
