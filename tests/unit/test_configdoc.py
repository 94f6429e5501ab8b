"""The generated example, the effective values and their origins, and `init` and `check` that use them."""

from __future__ import annotations

import json
import stat
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fhir_alliance.cli import app, commands  # noqa: F401  the second registers the commands
from fhir_alliance.config import Settings, load
from fhir_alliance.config_tree import ANY, tables
from fhir_alliance.configdoc import effective, example
from fhir_alliance.errors import ConfigError

REMOTE = "https://ehr.example.org/fhir/r4"


def written(folder: Path, text: str) -> Path:
    file = folder / "site.toml"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:8080/fhir", REMOTE])
def test_the_example_is_valid_and_holds_the_defaults(tmp_path: Path, base_url: str) -> None:
    settings = load(written(tmp_path, example(base_url)))
    plain = written(tmp_path, f'[endpoint.main]\nbase_url = "{base_url}"')
    if base_url == REMOTE:
        plain = written(
            tmp_path, plain.read_text() + '\nauth = { method = "bearer", token = { env = "ALLIANCE_TOKEN" } }'
        )
    assert settings.model_dump() == load(plain).model_dump()


def test_every_setting_stands_in_the_example() -> None:
    text = example()
    for table in tables(Settings):
        header = ".".join("main" if part == ANY else part for part in table.path)
        body = text.split(f"[{header}]", 1)[1] if header else text
        for setting in table.settings:
            assert f"\n{setting.path[-1]} = " in body or f"\n#{setting.path[-1]} = " in body, setting.path


def test_each_line_of_the_example_can_be_uncommented(tmp_path: Path) -> None:
    lines = example().splitlines()
    offered = [i for i, line in enumerate(lines) if line.startswith("#") and not line.startswith(("# ", "#["))]
    assert len(offered) > 40
    for i in offered:
        tomllib.loads("\n".join([*lines[:i], lines[i].removeprefix("#"), *lines[i + 1 :]]))
    inside = lines.index("#[endpoint.main.write_auth]")
    end = next(i for i, line in enumerate(lines) if i > inside and line.startswith("["))
    alone = [i for i in offered if not inside < i < end]
    for i in alone:
        load(written(tmp_path, "\n".join([*lines[:i], lines[i].removeprefix("#"), *lines[i + 1 :]])))


def test_each_value_has_its_origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FHIR_ALLIANCE__READ__PAGE_SIZE", "7")
    monkeypatch.setenv("FHIR_ALLIANCE__WRITE", '{"max_per_run": 5}')
    text = '[endpoint.main]\nbase_url = "http://127.0.0.1/fhir"\n[read]\npage_size = 9\npage_cap = 10\n'
    found = {e.path: (e.value, e.origin) for e in effective(load(written(tmp_path, text)))}
    assert found["endpoint.main.base_url"] == ('"http://127.0.0.1/fhir"', "file")
    assert found["read.page_size"] == ("7", "FHIR_ALLIANCE__READ__PAGE_SIZE")
    assert found["read.page_cap"] == ("10", "file")
    assert found["read.overlap"] == ('"15m"', "default")
    assert found["write.max_per_run"] == ("5", "FHIR_ALLIANCE__WRITE")


def run(*arguments: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, [str(a) for a in arguments])
    if isinstance(done.exception, ConfigError):
        return int(done.exception.exit_code), done.stdout, str(done.exception)
    return done.exit_code, done.stdout, done.stderr


SITE = f"""
[endpoint.main]
base_url = "{REMOTE}"
[endpoint.main.auth]
method = "basic"
username = "alliance"
password = {{ command = ["sh", "-c", "echo c4n4ry"] }}
[endpoint.main.write_auth]
method = "bearer"
token = {{ env = "OUR_TOKEN" }}
[cohort]
ids = ["p1"]
"""


def test_check_prints_the_settings_and_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUR_TOKEN", "c4n4ry")
    code, out, err = run("check", "--config", written(tmp_path, SITE))
    assert code == 0, err
    assert 'endpoint.main.write_auth.token = { env = "OUR_TOKEN" }' in out
    assert 'endpoint.main.auth.password = { command = ["sh", "…"] }' in out
    assert "c4n4ry" not in out + err
    assert "write.enabled is false" in err


def test_check_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUR_TOKEN", "c4n4ry")
    file = written(tmp_path, SITE)
    code, out, _ = run("check", "--config", file, "--json")
    report = json.loads(out)
    assert code == 0
    assert report["file"] == str(file)
    assert report["problems"] == []
    assert {"path": "cohort.ids", "value": '["p1"]', "origin": "file"} in report["settings"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[cohort]\nsource = 'search'", "endpoint: name a server, [endpoint.main] with base_url"),
        ("[cohort]\nids = []", "cohort.ids: nobody would be read; name patients, or choose another cohort.source"),
        (SITE, "endpoint.main.write_auth.token: environment variable OUR_TOKEN holds no secret"),
        (SITE.replace('"sh"', '"no-such-program"'), "there is no program 'no-such-program' on this machine"),
        ("[licences]\nattested = ['srs']", "licences.attested: there is no instrument 'srs'; there are ahs"),
        ("[detection.cutoffs]\nwai = 3.0", "detection.cutoffs: there is no instrument 'wai'"),
        ("[schedule]\ncron = 'hourly'", "schedule.cron cannot be read: Wrong number of fields"),
        (f"{SITE}[questionnaires]\n'https://x.example/q' = 'wai'", "wai"),
    ],
)
def test_check_says_what_is_to_mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, problem: str) -> None:
    monkeypatch.delenv("OUR_TOKEN", raising=False)
    code, _, err = run("check", "--config", written(tmp_path, text))
    assert code == 2
    assert any(problem in line for line in err.splitlines() if line.startswith("to mend: ")), err


def test_init_writes_a_file_for_its_owner_and_keeps_an_old_one(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    assert run("init", file)[0] == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert load(file).endpoint["main"].base_url == "http://127.0.0.1:8080/fhir"
    code, _, err = run("init", file, "--base-url", REMOTE)
    assert (code, "--force" in err) == (2, True)
    assert run("init", file, "--base-url", REMOTE, "--force")[0] == 0
    assert load(file).endpoint["main"].base_url == REMOTE
    assert run("init", tmp_path / "other.toml", "--base-url", "http://ehr.example.org")[0] == 2
    assert not (tmp_path / "other.toml").exists()
