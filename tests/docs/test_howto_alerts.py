"""What the page about alerts shows works, and its tables know every sink."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, get_args

import pytest

from fhir_alliance.config import Settings
from fhir_alliance.config_writing import Alerts, Writable
from fhir_alliance.sinks.webhook import sign

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/howto/alerts.md").read_text("utf-8")
WRITTEN = (ROOT / "docs/reference/what-is-written.md").read_text("utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)


def test_the_signature_is_checked_as_shown() -> None:
    shown: dict[str, Any] = {}
    (code,) = blocks("python")
    exec(code, shown)
    assert shown["genuine"]("secret", b'{"event":"raised"}', sign("secret", b'{"event":"raised"}'))
    assert not shown["genuine"]("secret", b'{"event":"worse"}', sign("secret", b'{"event":"raised"}'))


@pytest.mark.parametrize("toml", blocks("toml"))
def test_the_settings_are_valid(toml: str) -> None:
    Settings(**tomllib.loads(toml))


def test_every_sink_stands_in_both_tables() -> None:
    sinks = set(get_args(get_args(Alerts.model_fields["sinks"].annotation)[0]))
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) == sinks
    (header,) = re.findall(r"^\| what happens \|(.+)\|$", PAGE, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", header)) == sinks


def test_every_type_that_may_be_written_is_told_of() -> None:
    cells = re.findall(r"^\| (`[A-Z].*?) \|", WRITTEN, re.MULTILINE)
    assert set(get_args(Writable)) <= {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
