"""`doctor` says aloud whose scoring key nobody has checked, of the instruments that the configuration names."""

from __future__ import annotations

from pathlib import Path

import pytest
from score_runs import Cli

from fhir_alliance.config import load
from fhir_alliance.doctor.machine import examine_machine
from fhir_alliance.instruments import text

SITE = """
[endpoint.main]
base_url = "http://127.0.0.1:1/fhir"
[cohort]
ids = ["1"]
"""


def keys(config: str) -> list[str]:
    Path("site.toml").write_text(SITE + config, encoding="utf-8")
    section = examine_machine(load(Path("site.toml")))
    return [f.says for f in section.findings if f.check == "keys"]


@pytest.mark.usefixtures("nowhere")
def test_keys_that_were_not_verified_are_named() -> None:
    assert keys("") == []
    assert keys('[questionnaires]\n"http://a" = "wai-sr-c"\n') == []
    (one, two) = keys('[questionnaires]\n"http://a" = "wai-s-c"\n"http://b" = { instrument = "star-p", total = "t" }\n')
    assert "star-p: its key is not known" in one
    assert "wai-s-c: its key is from general knowledge and was NOT verified" in two
    Path("own.toml").write_text(text("sai").replace('id = "sai"', 'id = "ours"'), encoding="utf-8")
    (own,) = keys('[instruments]\nfiles = ["own.toml"]\n')
    assert own.startswith("ours: ")


def test_a_wrong_file_is_a_matter_of_the_settings(cli: Cli) -> None:
    Path("own.toml").write_text("id = 1", encoding="utf-8")
    assert keys('[instruments]\nfiles = ["own.toml"]\n') == []
    assert cli("--config", "site.toml", command="check") == 2
    assert "instruments.files: " in cli.err
    assert "own.toml: id: give text" in cli.err
