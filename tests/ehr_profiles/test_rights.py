"""Which rights are asked for, what is done with what was granted, and who acts: reader, writer, client secrets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fhir_alliance import errors, keyfolder
from fhir_alliance.config import Settings
from fhir_alliance.fhir.http import FhirClient
from fhir_alliance.fhir.needs import Needs, needs
from fhir_alliance.fhir.scopes import SURVEY

from .conftest import Make
from .issuer import Issuer
from .peer import Peer, Reply

SMART = {"method": "smart", "client_id": "alliance", "key": {"file": "keys/current.pem"}}
READING = "system/Encounter.read system/Patient.read system/PractitionerRole.read system/Questionnaire.read "
READING += "system/QuestionnaireResponse.read"
QUIET = {"read": {"stated_totals": "never"}}
WRITES = {"write": {"enabled": True, "types": ["Observation", "Task"]}}
OBSERVATION = {"resourceType": "Observation", "status": "final"}
TASK = {"resourceType": "Task", "id": "t1", "status": "requested"}


@pytest.fixture
def issuer(peer: Peer, tmp_path: Path) -> Issuer:
    keyfolder.start(tmp_path / "keys", "ES384")
    return Issuer(peer, keyfolder.jwks(tmp_path / "keys")["keys"])


def needed(**settings: Any) -> Needs:
    return needs(Settings(**settings))


def test_scopes_follow_what_is_switched_on(issuer: Issuer, make: Make) -> None:
    make(auth=SMART, needs=needed(**QUIET)).get("Patient")
    assert issuer.forms[-1]["scope"] == READING
    make(auth=SMART, needs=needed()).get("Patient")
    assert set(issuer.forms[-1]["scope"].split()) == {*READING.split(), "system/Observation.read"}
    make(auth=SMART, needs=needed(write=WRITES["write"] | {"enabled": False}, **QUIET)).get("Patient")
    found_again = {"system/Observation.read", "system/Task.read"}
    assert set(issuer.forms[-1]["scope"].split()) == set(READING.split()) | found_again
    many = needed(**WRITES, cohort={"source": "group", "id": "g"}, alerts={"pool": "CareTeam/1", "care_team_role": "x"})
    make(auth=SMART, needs=many).get("Patient")
    more = {"system/CareTeam.read", "system/Group.read"}
    more |= {f"system/{type}.{word}" for type in ("Observation", "Task") for word in ("read", "write")}
    assert set(issuer.forms[-1]["scope"].split()) == set(READING.split()) | more
    make(auth=SMART, needs=needs(Settings(**WRITES), writes=False)).get("Patient")
    assert set(issuer.forms[-1]["scope"].split()) == set(READING.split()) | found_again


def test_the_newer_grammar_where_only_that_is_offered_or_it_is_configured(issuer: Issuer, make: Make) -> None:
    wanted = needed(**WRITES)
    issuer.configuration = {**issuer.configuration, "capabilities": ["permission-v1", "permission-v2"]}
    make(auth=SMART, needs=wanted).get("Patient")
    assert ".read" in issuer.forms[-1]["scope"]
    asked = "system/Encounter.rs system/Observation.crus system/Patient.rs system/PractitionerRole.r "
    asked += "system/Questionnaire.rs system/QuestionnaireResponse.rs system/Task.crus"
    make(auth={**SMART, "scope_grammar": "v2"}, needs=wanted).get("Patient")
    assert issuer.forms[-1]["scope"] == asked
    issuer.configuration = {**issuer.configuration, "capabilities": ["permission-v2"]}
    make(auth=SMART, needs=wanted).get("Patient")
    assert issuer.forms[-1]["scope"] == asked
    issuer.configuration = {**issuer.configuration, "scopes_supported": [f"system/Observation.cruds?{SURVEY}"]}
    client = make(auth=SMART, needs=wanted)
    client.require()
    assert issuer.forms[-1]["scope"] == asked.replace("Observation.crus", f"Observation.crus?{SURVEY}")


def test_scopes_and_parameters_of_the_sites_own(issuer: Issuer, make: Make) -> None:
    wanted = needed(**WRITES)
    issuer.grants = None
    client = make(auth={**SMART, "scope": "", "token_params": {"resource": "https://ehr.example/fhir"}}, needs=wanted)
    client.require()  # nothing was asked for and nothing is said: a refusal on use will tell
    assert "scope" not in issuer.forms[-1]
    assert issuer.forms[-1]["resource"] == "https://ehr.example/fhir"
    client = make(auth={**SMART, "scope": "https://ehr.example/.default"}, needs=wanted)
    client.require()
    assert issuer.forms[-1]["scope"] == "https://ehr.example/.default"


def test_nothing_is_begun_when_a_right_is_missing(issuer: Issuer, peer: Peer, make: Make) -> None:
    issuer.grants = "openid system/*.read system/Observation.write"
    with pytest.raises(errors.Forbidden) as raised:
        make(auth=SMART, needs=needed(**WRITES)).require()
    assert str(raised.value) == ("the EHR does not grant us system/Task.write: ask for it in the client's registration")
    make(auth=SMART, needs=needed()).require()
    assert {request.method for request in peer.requests if request.target != "/token"} == {"GET"}


def test_what_is_not_said_was_granted_as_asked(issuer: Issuer, make: Make) -> None:
    issuer.grants = None
    make(auth=SMART, needs=needed(**WRITES)).require()
    issuer.grants = "granted all"
    with pytest.raises(errors.Forbidden):
        make(auth=SMART, needs=needed(**WRITES)).require()


def test_a_right_that_was_withdrawn_stops_the_write_before_it_is_sent(issuer: Issuer, peer: Peer, make: Make) -> None:
    client = make(auth=SMART, needs=needed(**WRITES))
    client.require()
    client.create(OBSERVATION)
    issuer.valid.clear()
    issuer.grants = "system/*.read system/Task.cu"
    peer.requests.clear()
    with pytest.raises(errors.Forbidden, match=r"^the EHR does not grant us system/Observation.write any more; .* not"):
        client.create(OBSERVATION)
    client.update("Task/t1", TASK, if_match="1")
    with pytest.raises(errors.Forbidden):
        client.create(OBSERVATION)
    # The first was sent with the old token and turned away (401), then one token, and no other create.
    sent = [(r.method, r.target) for r in peer.requests]
    assert sent == [("POST", "/fhir/Observation"), ("POST", "/token"), ("PUT", "/fhir/Task/t1")]


def test_without_new_credentials_a_repeated_write_is_of_unknown_outcome(issuer: Issuer, make: Make) -> None:
    """An update that got 503 may have been processed; then the token endpoint says no."""
    client = make(auth=SMART, needs=needed(**WRITES))
    client.get("Patient")
    played = [Reply(503), Reply(401)]

    class Playing(dict[str, Reply]):
        def __contains__(self, method: object) -> bool:
            return method == "PUT" and bool(played)

        def __getitem__(self, method: str) -> Reply:
            return played.pop(0)

    issuer.answers = Playing()
    issuer.faults = [Reply(400, {"error": "invalid_client"})] * 2
    with pytest.raises(errors.OutcomeUnknown, match="may or may not have been written"):
        client.update("Task/t1", TASK, if_match="1")
    assert played == []


def test_reader_and_writer_are_two_clients(issuer: Issuer, peer: Peer, make: Make, tmp_path: Path) -> None:
    issuer.secret = ("alliance writer", "s:e/c%r+é")
    (tmp_path / "secret").touch(mode=0o600)
    (tmp_path / "secret").write_text("s:e/c%r+é\n")
    writer = {"method": "secret", "client_id": "alliance writer", "client_secret": {"file": "secret"}}
    reader = {**writer, "client_auth": "post"}
    client = make(auth=reader, write_auth=writer, needs=needed(**WRITES))
    client.require()
    client.get("Patient")
    client.create(OBSERVATION)
    read, write = issuer.forms
    assert set(read["scope"].split()) == set(READING.split()) | {"system/Observation.read", "system/Task.read"}
    assert write["scope"] == "system/Observation.read system/Observation.write system/Task.read system/Task.write"
    assert ("client_secret" in read, "client_secret" in write) == (True, False)
    tokens = {
        r.target: r.headers["authorization"]
        for r in peer.requests
        if r.target.startswith("/fhir/") and "authorization" in r.headers
    }
    assert tokens["/fhir/Patient"].endswith("-1")
    assert tokens["/fhir/Observation"].endswith("-2")


def test_no_token_for_writing_while_nothing_is_written(issuer: Issuer, make: Make) -> None:
    make(auth=SMART, write_auth=SMART, needs=needed()).require()
    assert len(issuer.forms) == 1


@pytest.fixture
def shared(issuer: Issuer, make: Make, monkeypatch: pytest.MonkeyPatch) -> FhirClient:
    issuer.secret = ("alliance", "first")
    monkeypatch.setenv("EHR_SECRET", "first")
    return make(auth={"method": "secret", "client_id": "alliance", "client_secret": {"env": "EHR_SECRET"}})


def test_a_client_secret_that_was_replaced_is_read_again(
    issuer: Issuer, shared: FhirClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared.get("Patient")
    issuer.secret = ("alliance", "second")
    issuer.valid.clear()
    with pytest.raises(errors.Unauthorised, match="invalid_client"):
        shared.get("Patient")
    assert len(issuer.forms) == 2
    monkeypatch.setenv("EHR_SECRET", "second")
    shared.get("Patient")
    assert len(issuer.forms) == 4


def test_a_client_secret_goes_to_no_host_that_only_an_answer_named(
    issuer: Issuer, other: Peer, shared: FhirClient, make: Make
) -> None:
    elsewhere = Issuer(other)
    elsewhere.secret, elsewhere.valid = ("alliance", "first"), issuer.valid
    issuer.configuration = {"token_endpoint": elsewhere.url}
    with pytest.raises(errors.Unauthorised, match=r"on another host; .* set auth.token_url"):
        shared.get("Patient")
    assert other.requests == []
    auth = {"method": "secret", "client_id": "alliance", "client_secret": {"env": "EHR_SECRET"}}
    make(auth={**auth, "token_url": elsewhere.url}).get("Patient")
    assert len(elsewhere.forms) == 1


def test_a_missing_scope_of_the_user_behind_the_client_is_told(peer: Peer, make: Make) -> None:
    challenge = {"WWW-Authenticate": 'Bearer error="insufficient_scope", error_description="Ford-Canary"'}
    peer.answers(Reply(403, headers=challenge))
    with pytest.raises(errors.Forbidden, match=r"does not permit a search of Patient \(403, insufficient_scope\)$"):
        make().get("Patient")
