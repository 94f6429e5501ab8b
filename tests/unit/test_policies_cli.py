"""`policies`, the site's choice of a policy, and `detect` by it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from fhir_alliance.cli import app, commands  # noqa: F401  the second registers the commands
from fhir_alliance.config import load
from fhir_alliance.configcheck import problems
from fhir_alliance.detection import policies, site_policies
from fhir_alliance.errors import ConfigError, Exit
from fhir_alliance.instruments import load_all

SITE = '[endpoint.main]\nbase_url = "http://127.0.0.1:9/fhir"\n[cohort]\nids = ["1"]\n'
SCORES = "series,at,value\na,2026-01-01,4\na,2026-01-08,3.4\n"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def site(folder: Path, text: str) -> Path:
    path = folder / "fhir-alliance.toml"
    path.write_text(SITE + text, encoding="utf-8")
    return path


@pytest.fixture
def scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A fall from 4 to 3.4, in a folder of its own, without any configuration."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nothing"))
    monkeypatch.delenv("FHIR_ALLIANCE_CONFIG", raising=False)
    (tmp_path / "scores.csv").write_text(SCORES, encoding="utf-8")
    return "scores.csv"


def kinds(*arguments: str) -> list[str]:
    done = run("detect", *arguments, "--instrument", "wai-sr-c", "--json")
    assert done.exit_code == 0, done.output
    return [json.loads(line)["kind"] for line in done.stdout.splitlines()]


# -- policies ------------------------------------------------------------------------------------


def test_list_names_every_policy_with_its_contract() -> None:
    found = json.loads(run("policies", "list", "--json").stdout)
    assert [p["id"] for p in found] == list(policies())
    for p in found:
        assert {"id", "instruments", "min_sessions", "sentence", "source"} <= set(p)
        assert isinstance(p["instruments"], list)
        assert p["min_sessions"] >= 1
    by_id = {p["id"]: p for p in found}
    assert by_id["alliance-policy/1"]["instruments"] == sorted(load_all())
    assert by_id["openfit-srs/1"]["instruments"] == ["csrs", "gsrs", "srs-v3"]
    assert [p["id"] for p in found if not p["push"]] == ["change-point/1", "sudden-loss/1"]


def test_list_for_people_fits_the_screen() -> None:
    lines = run("policies", "list").stdout.splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[0].startswith("alliance-policy/1  This score is below this client's average")


@pytest.mark.parametrize("id", policies())
def test_show_says_what_list_says(id: str) -> None:
    found = json.loads(run("policies", "list", "--json").stdout)
    assert json.loads(run("policies", "show", id, "--json").stdout) == next(p for p in found if p["id"] == id)
    text = " ".join(run("policies", "show", id).stdout.split())
    info = policies()[id]
    assert info.sentence in text
    assert info.source in text
    assert ("never: it looks back" in text) is not info.push


def test_an_unknown_policy_is_refused() -> None:
    for arguments in (
        ["policies", "show", "best/9"],
        ["detect", "-", "--instrument", "wai-sr-c", "--policy", "best/9"],
    ):
        error = run(*arguments).exception
        assert isinstance(error, ConfigError)
        assert error.exit_code is Exit.USAGE
        assert "there are: alliance-policy/1, alliance-policy/2, openfit-srs/1" in str(error)


# -- detect --------------------------------------------------------------------------------------


def test_detect_takes_the_policy_that_is_asked_for(scores: str) -> None:
    assert kinds(scores) == []
    assert kinds(scores, "--policy", "step-rc/1") == ["step"]
    assert kinds(scores, "--policy", "step-rc/1", "--preset", "specific") == []


def test_detect_takes_the_sites_policy_by_default(scores: str, tmp_path: Path) -> None:
    path = site(tmp_path, '[detection]\npolicy = "step-rc/1"\n')
    assert kinds(scores) == ["step"]
    assert kinds(scores, "--policy", "alliance-policy/1") == []
    site(tmp_path, '[detection]\npolicy = "step-rc/1"\npreset = "specific"\n')
    assert kinds(scores) == []
    assert kinds(scores, "--preset", "balanced") == ["step"]
    assert kinds(scores, "--policy", "step-rc/1") == ["step"]  # a policy that is asked for brings its own default
    moved = path.rename(tmp_path / "other.toml")
    moved.write_text(SITE + '[detection.policies]\nwai-sr-c = "from-best/1"\n', encoding="utf-8")
    assert kinds(scores, "--config", "other.toml") == ["from-best"]


def test_detect_refuses_a_policy_that_is_not_for_the_instrument(scores: str) -> None:
    done = run("detect", scores, "--instrument", "wai-sr-c", "--policy", "openfit-srs/1")
    assert isinstance(done.exception, ConfigError)
    assert "openfit-srs/1 is for srs-v3, csrs, gsrs only, not for wai-sr-c" in str(done.exception)


@pytest.mark.parametrize("id", ["change-point/1", "sudden-loss/1"])
def test_detect_says_that_a_look_back_looks_ahead(scores: str, id: str) -> None:
    done = run("detect", scores, "--instrument", "wai-sr-c", "--policy", id, "--json")
    assert done.exit_code == 0
    assert f"{id} looks ahead: later scores place its marks. For reports, never for alerts." in done.stderr
    assert done.stdout == ""


# -- the site's choice ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('policy = "change-point/1"', "never for alerts"),
        ('policy = "openfit-srs/1"', "is for srs-v3, csrs, gsrs only"),
        ('policy = "alliance-policy/9"', "there are: alliance-policy/1"),
        ('policies = { "wai-sr-c" = "openfit-srs/1" }', "not for wai-sr-c"),
        ('policy = "absolute/1"\npreset = "specific"', "absolute/1 has: balanced"),
    ],
)
@pytest.mark.parametrize("command", ["sync", "check", "doctor", "status"])
def test_a_policy_that_cannot_alert_is_refused(tmp_path: Path, command: str, text: str, why: str) -> None:
    done = run(command, "--config", str(site(tmp_path, f"[detection]\n{text}\n")))
    assert isinstance(done.exception, ConfigError)
    assert done.exception.exit_code == 2
    assert "detection: " in str(done.exception)
    assert why in str(done.exception)


def test_another_policy_for_one_instrument_is_right(tmp_path: Path) -> None:
    text = '[detection]\npolicy = "xmr/1"\npolicies = { "srs-v3" = "openfit-srs/1" }\ncutoffs = { "srs-v3" = 36.0 }\n'
    settings = load(site(tmp_path, text))
    assert problems(settings) == []
    chosen = site_policies(settings.detection.policy, settings.detection.policies, settings.detection.preset)
    assert (chosen.of("srs-v3").id, chosen.of("wai-sr-c").id) == ("openfit-srs/1", "xmr/1")


def test_a_policy_for_an_unknown_instrument_is_to_mend(tmp_path: Path) -> None:
    settings = load(site(tmp_path, '[detection.policies]\n"wai-99" = "xmr/1"\n'))
    assert any(p.startswith("detection.policies: there is no instrument 'wai-99'") for p in problems(settings))
