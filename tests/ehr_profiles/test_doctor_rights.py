"""What `doctor` says of credentials and rights, and the one line and exit code of a pass that has none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from fhir_alliance import keyfolder
from fhir_alliance.cli import app, commands
from fhir_alliance.errors import AllianceError

from .issuer import Issuer
from .peer import Peer, Reply
from .test_doctor import Clinic, checks

assert commands  # registers the commands
Run = Callable[..., Result]
AUTH = 'method = "smart"\nclient_id = "alliance"\nkey = { file = "keys/current.pem" }\n'
WRITING = '[write]\nenabled = true\ntypes = ["Observation", "Task"]\n'
READ = ["system/Encounter.read", "system/Patient.read", "system/QuestionnaireResponse.read"]
WRITE = [f"system/{type}.{word}" for type in ("Observation", "Task") for word in ("read", "write")]


@pytest.fixture
def issuer(peer: Peer, tmp_path: Path) -> Issuer:
    keyfolder.start(tmp_path / "keys", "ES384")
    server = Issuer(peer, keyfolder.jwks(tmp_path / "keys")["keys"])
    server.fhir = Clinic()
    return server


@pytest.fixture
def run(peer: Peer, tmp_path: Path) -> Run:
    def command(*arguments: str, auth: str = AUTH, more: str = "") -> Result:
        config = tmp_path / "site.toml"
        config.write_text(
            f'cohort.source = "search"\nstore.path = "state/alliance.db"\n[endpoint.main]\nbase_url = "{peer.base}"\n'
            f'http.backoff = "0s"\n[endpoint.main.auth]\n{auth}\n{more}'
        )
        return CliRunner().invoke(app, [*arguments, "--config", str(config)])

    return command


def told(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout)["endpoints"]["main"]
    return found


def test_needed_and_granted(issuer: Issuer, run: Run) -> None:
    result = run("doctor", "--json", more=WRITING)
    assert result.exit_code == 0, result.output
    needed = sorted(READ + WRITE)
    auth = told(result)["auth"]
    assert (auth["method"], auth["needed"], auth["missing"]) == ("smart", needed, [])
    assert set(auth["granted"]) == {*needed, "system/PractitionerRole.read", "system/Questionnaire.read"}
    assert checks(result)["scopes", "ok"] == f"Needed for what is switched on, and granted: {', '.join(needed)}."
    assert checks(result)["credentials", "ok"] == "Accepted (smart)."
    assert told(run("doctor", "--json"))["auth"]["needed"] == READ


def test_a_right_that_is_missing(issuer: Issuer, run: Run) -> None:
    issuer.grants = (
        "system/Encounter.rs system/QuestionnaireResponse.rs system/Patient.rs system/Task.crus Arthur-Canary"
    )
    result = run("doctor", "--json", more=WRITING)
    assert result.exit_code == 5
    auth = told(result)["auth"]
    assert auth["missing"] == ["system/Observation.read", "system/Observation.write"]
    assert "Arthur-Canary" not in result.output
    says = checks(result)
    assert (
        "Not granted, and needed for what is switched on: system/Observation.read, system/Observation.write. No"
        in (says["scopes", "fail"])
    )
    assert says["scopes", "warn"].startswith(
        "Not granted: system/PractitionerRole.read, system/Questionnaire.read. Passes do without"
    )
    assert checks(run("doctor", "--json"))["scopes", "ok"].startswith("Needed for what is switched on, and granted:")


def test_more_than_is_needed_is_told(issuer: Issuer, run: Run) -> None:
    issuer.grants = "system/*.*"
    result = run("doctor", "--json")
    assert result.exit_code == 0
    assert "Rights on every type" in checks(result)["scopes", "warn"]


def test_rights_that_are_not_said(issuer: Issuer, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    issuer.grants = None
    result = run("doctor", "--json", auth=AUTH + 'scope = ""')
    assert (told(result)["auth"]["granted"], told(result)["auth"]["missing"]) == (None, [])
    assert "Whether they are granted is not said" in checks(result)["scopes", "ok"]
    monkeypatch.setenv("EHR_TOKEN", "there")
    issuer.valid.add("there")
    result = run("doctor", "--json", auth='method = "bearer"\ntoken = { env = "EHR_TOKEN" }')
    assert told(result)["auth"] == {"method": "bearer", "granted": None, "needed": READ, "missing": []}


def test_two_identities(issuer: Issuer, run: Run) -> None:
    more = f'[endpoint.main.write_auth]\n{AUTH}scope_grammar = "v2"\n{WRITING}'
    result = run("doctor", "--json", more=more)
    assert result.exit_code == 0, result.output
    found = told(result)
    assert found["auth"]["needed"] == sorted([*READ, "system/Observation.read", "system/Task.read"])
    assert found["write_auth"]["needed"] == ["system/Observation.crus", "system/Task.crus"]
    assert found["write_auth"]["granted"] == found["write_auth"]["needed"]


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(400, {"error": "unauthorized_client"}), "with a background user (400, unauthorized_client)"),
        (Reply(401, {"error": "invalid_client"}), "does not accept our client"),
        (Reply(503), "answered 503 to a request for a token"),
        (Reply(200, b"<html>Arthur-Canary"), "something else than a JSON object"),
    ],
)
def test_no_token(issuer: Issuer, run: Run, tmp_path: Path, reply: Reply, says: str) -> None:
    issuer.faults = [reply] * 30
    result = run("doctor", "--json")
    assert result.exit_code == 4
    assert says in checks(result)["credentials", "fail"]
    assert told(result)["auth"] == {"method": "smart", "granted": None, "needed": READ, "missing": []}
    assert "Canary" not in result.output
    result = run("sync")
    assert result.exit_code == 4
    lines = [line for line in result.stderr.splitlines() if line.startswith("fhir-alliance:")]
    assert len(lines) == 1
    assert says in lines[0]
    assert "Canary" not in result.output


def test_a_pass_without_a_needed_right_writes_nothing(issuer: Issuer, peer: Peer, run: Run) -> None:
    issuer.grants = "system/*.read"
    result = run("sync", more=WRITING)
    assert result.exit_code == 4
    assert "does not grant us system/Observation.write, system/Task.write: ask for it" in result.stderr
    asked = [request.target.split("?")[0] for request in peer.requests]
    assert asked == ["/fhir/.well-known/smart-configuration", "/token", "/fhir/metadata"]
    result = run("sync", "--dry-run", "--json", more=WRITING)  # it needs none of these
    assert json.loads(result.stdout)["patients"]["completed"] == 2


def test_credentials_that_cannot_be_had(issuer: Issuer, run: Run, tmp_path: Path) -> None:
    (tmp_path / "keys" / f"{keyfolder.current(tmp_path / 'keys')}.pem").chmod(0o644)
    result = run("doctor", "--json")
    assert result.exit_code == 5
    assert "can be read by others" in checks(result)["credentials", "fail"]
    assert "can be read by others" in checks(result)["settings", "fail"]
    result = run("sync")
    assert isinstance(result.exception, AllianceError)
    assert "can be read by others" in str(result.exception)
    assert run("check").exit_code == 2


@pytest.mark.parametrize(
    ("auth", "says"),
    [
        ('method = "smart"\nclient_id = "a"', "smart needs client_id and key"),
        ('method = "secret"\nclient_secret = { env = "X" }', "secret needs client_id and client_secret"),
        ('method = "mtls"', "mtls needs certificate"),
        (AUTH + 'token_url = "http://ehr.example/token"', "plain http is allowed for this machine only"),
        (AUTH + 'token_url = "https://a:b@ehr.example/token"', "not into the URL"),
        (AUTH + 'token_url = "token"', "give an absolute URL"),
        (AUTH + "token_params = { client_secret = 'x' }", "has a setting of its own"),
        (AUTH + "token_params = { api_key = 'x' }", "holds no secrets"),
        (AUTH + 'client_id_header = "a: b"', "is the name of a header"),
        (AUTH + 'key = "BEGIN PRIVATE KEY"', "Cannot overwrite"),
        ('method = "smart"\nclient_id = "a"\nkey = "BEGIN PRIVATE KEY"', "a secret is given by reference"),
    ],
)
def test_settings_that_cannot_be_right(run: Run, auth: str, says: str) -> None:
    result = run("check", auth=auth)
    assert isinstance(result.exception, AllianceError)
    assert says in str(result.exception)
    assert "BEGIN" not in str(result.exception)


@pytest.mark.parametrize(
    ("auth", "says"),
    [
        (AUTH.replace("current", "none"), "auth.key: secret file"),
        (AUTH.replace("keys/current.pem", "site.toml"), "auth.key: "),
        ('method = "none"\nclient_id_header = "Epic-Client-ID"', "client_id_header: client_id"),
        ('method = "none"\ncertificate_key = "keys/current.pem"', "certificate_key: certificate"),
        ('method = "mtls"\ncertificate = "keys/current.pem"', "certificate: "),
    ],
)
def test_settings_that_do_not_fit_this_machine(issuer: Issuer, run: Run, auth: str, says: str) -> None:
    result = run("check", auth=auth)
    assert result.exit_code == 2
    assert f"to mend: endpoint.main.{'' if says.startswith('auth') else 'auth.'}{says}" in result.stderr
