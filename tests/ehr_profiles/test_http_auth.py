"""Credentials: sent where they belong and nowhere else, renewed once on 401; sessions by thread."""

from __future__ import annotations

import base64
import threading
from pathlib import Path

import pytest

from fhir_alliance import errors

from .conftest import Make
from .peer import Peer, Reply

FINE = Reply(body={"resourceType": "Bundle", "type": "searchset"})
OBS = {"resourceType": "Observation", "status": "final"}


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("first-token\n")
    path.chmod(0o600)
    return path


BEARER = {"method": "bearer", "token": {"file": "token"}}


def test_bearer(peer: Peer, make: Make, secret: Path) -> None:
    peer.answers(FINE)
    make(auth=BEARER).get("Patient")
    assert peer.requests[0].headers["authorization"] == "Bearer first-token"


def test_basic(peer: Peer, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EHR_PASSWORD", "p:ä ss")
    peer.answers(FINE)
    make(auth={"method": "basic", "username": "svc", "password": {"env": "EHR_PASSWORD"}}).get("Patient")
    scheme, value = peer.requests[0].headers["authorization"].split(" ")
    assert (scheme, base64.b64decode(value).decode()) == ("Basic", "svc:p:ä ss")


def test_none_sends_nothing_whatever_netrc_and_proxies_say(
    peer: Peer, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login stray password stray\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    peer.answers(FINE)
    make().get("Patient")
    assert "authorization" not in peer.requests[0].headers


def test_a_secret_that_was_rotated_is_read_again_on_401(peer: Peer, make: Make, secret: Path) -> None:
    peer.serves(lambda r: FINE if r.headers["authorization"] == "Bearer second-token" else Reply(401))
    client = make(auth=BEARER)
    with pytest.raises(errors.Unauthorised):
        client.get("Patient")
    secret.write_text("second-token")
    client.get("Patient")
    client.get("Patient")
    assert [r.headers["authorization"][7:13] for r in peer.requests] == [
        "first-",
        "first-",
        "first-",
        "second",
        "second",
    ]


def test_401_twice_is_final_and_does_not_use_up_patience(peer: Peer, make: Make, secret: Path) -> None:
    peer.answers(Reply(401))
    with pytest.raises(errors.Unauthorised) as raised:
        make(auth=BEARER, http={"attempts": 1}).get("Patient")
    assert str(raised.value) == "the EHR does not accept our credentials: a search of Patient (401)"
    assert len(peer.requests) == 2


def test_a_write_that_met_401_is_sent_once_more(peer: Peer, make: Make, secret: Path) -> None:
    peer.answers(Reply(401), Reply(201, {**OBS, "id": "o1"}))
    assert make(auth=BEARER).create(OBS).id == "o1"


@pytest.mark.parametrize("token", ["", "two words", "tökën", "a\nb"])
def test_a_token_that_cannot_be_one_is_a_configuration_error(
    peer: Peer, make: Make, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EHR_TOKEN", token)
    with pytest.raises(errors.ConfigError) as raised:
        make(auth={"method": "bearer", "token": {"env": "EHR_TOKEN"}}).get("Patient")
    assert not token or token not in str(raised.value)
    assert peer.requests == []


def test_writes_may_have_an_identity_and_cookies_of_their_own(
    peer: Peer, make: Make, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WRITER", "writer-token")
    peer.answers(Reply(body=FINE.body, headers={"Set-Cookie": "node=a; Path=/"}))
    client = make(auth=BEARER, write_auth={"method": "bearer", "token": {"env": "WRITER"}})
    client.get("Patient")
    client.get("Patient")
    client.create(OBS)
    client.update("Observation/o1", OBS)
    told = [(r.method, r.headers["authorization"][7:], r.headers.get("cookie")) for r in peer.requests]
    assert told == [
        ("GET", "first-token", None),
        ("GET", "first-token", "node=a"),
        ("POST", "writer-token", None),
        ("PUT", "writer-token", "node=a"),
    ]


def test_a_missing_certificate_bundle_is_a_configuration_error(make: Make) -> None:
    with pytest.raises(errors.ConfigError, match="ca_bundle"):
        make(ca_bundle="nowhere.pem")


def test_each_thread_has_a_connection_of_its_own(peer: Peer, make: Make) -> None:
    peer.answers(FINE)
    client = make()
    together = threading.Barrier(4)
    failed: list[BaseException] = []

    def work() -> None:
        try:
            together.wait(5)
            for _ in range(5):
                client.get("Patient")
                together.wait(5)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert failed == []
    ports = [r.port for r in peer.requests]
    assert sorted(ports.count(port) for port in set(ports)) == [5, 5, 5, 5]
