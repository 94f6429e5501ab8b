"""SMART Backend Services against an EHR that checks what it gets: assertions, tokens, refusals, rotation."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest

from fhir_alliance import errors, keyfolder
from fhir_alliance.fhir.http import Exchange, FhirClient

from .conftest import Make, Pauses
from .issuer import NO, Issuer
from .peer import Peer, Reply

CANARIES = ("Canary", "BEGIN")
SMART = {"method": "smart", "client_id": "alliance", "key": {"file": "keys/current.pem"}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    keyfolder.start(tmp_path / "keys", "ES384")
    return tmp_path / "keys"


@pytest.fixture
def issuer(peer: Peer, folder: Path) -> Issuer:
    return Issuer(peer, keyfolder.jwks(folder)["keys"])


@pytest.fixture
def client(issuer: Issuer, make: Make) -> Callable[..., FhirClient]:
    def signed_in(http: dict[str, Any] | None = None, *, needs: Any = None, **auth: Any) -> FhirClient:
        return make(http, auth={**SMART, **auth}, needs=needs)

    return signed_in


Client = Callable[..., FhirClient]


def gets_no_token(client: FhirClient, kind: type[errors.EHRError] = errors.Unauthorised) -> str:
    """The line that an operator gets."""
    with pytest.raises(kind) as raised:
        client.get("Patient")
    assert type(raised.value) is kind
    says = str(raised.value)
    assert "\n" not in says
    assert not [word for word in (*CANARIES, "127.0.0.1", "http") if word in says]
    assert raised.value.exit_code == errors.Exit.EHR
    return says


@pytest.mark.parametrize("alg", ["ES384", "RS384"])
def test_the_assertion_is_what_smart_asks_for(
    issuer: Issuer, client: Client, folder: Path, alg: Any, tmp_path: Path
) -> None:
    kid = keyfolder.start(tmp_path / alg, alg)
    issuer.keys = keyfolder.jwks(tmp_path / alg)["keys"]
    before = int(time.time())
    client(key={"file": f"{alg}/current.pem"}).get("Patient")
    (form,) = issuer.forms
    assert form.keys() == {"grant_type", "client_assertion", "client_assertion_type", "scope"} - {"scope"}
    assert form["grant_type"] == "client_credentials"
    assert jwt.get_unverified_header(issuer.assertions[0]) == {"alg": alg, "kid": kid, "typ": "JWT"}
    claims = jwt.decode(issuer.assertions[0], options={"verify_signature": False})
    assert claims.keys() == {"iss", "sub", "aud", "exp", "jti"}
    assert (claims["iss"], claims["sub"], claims["aud"]) == ("alliance", "alliance", issuer.url)
    assert before + 200 <= claims["exp"] <= time.time() + 300
    assert 16 <= len(claims["jti"]) <= 151


def test_optional_parts_of_the_assertion(issuer: Issuer, client: Client) -> None:
    client(issued_at=True, jku="https://clinic.example/jwks.json").get("Patient")
    assert jwt.get_unverified_header(issuer.assertions[0])["jku"] == "https://clinic.example/jwks.json"
    claims = jwt.decode(issuer.assertions[0], options={"verify_signature": False})
    assert claims["iat"] == claims["nbf"] == claims["exp"] - 240


def test_another_audience_and_another_kid_are_sent_as_configured(issuer: Issuer, client: Client) -> None:
    says = gets_no_token(client(audience="https://elsewhere.example/token"))
    assert says.endswith("(401, invalid_client)")
    gets_no_token(client(kid="other"))
    assert [jwt.get_unverified_header(a)["kid"] == "other" for a in issuer.assertions] == [False, True]


def test_one_token_serves_many_requests_and_threads(issuer: Issuer, client: Client) -> None:
    one, started = client(), threading.Barrier(8)
    failed: list[BaseException] = []

    def work() -> None:
        try:
            started.wait()
            for _ in range(3):
                one.get("Patient")
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(issuer.forms) == 1


def test_a_token_is_renewed_once_on_401_and_jti_is_new(issuer: Issuer, client: Client) -> None:
    one = client({"attempts": 1})
    one.get("Patient")
    issuer.valid.clear()
    one.get("Patient")
    assert len(issuer.forms) == len(issuer.jtis) == 2
    issuer.answers["GET"] = Reply(401)
    with pytest.raises(errors.Unauthorised, match=r"does not accept our credentials: a search of Patient \(401\)"):
        one.get("Patient")
    assert len(issuer.forms) == 3


def test_threads_that_were_refused_together_renew_once(issuer: Issuer, client: Client) -> None:
    one = client()
    stale = one._auth.headers()
    issuer.valid.clear()
    for _ in range(3):
        one._auth.refresh(stale)
        one._auth.headers()
    assert len(issuer.forms) == 2


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(400, {"error": "invalid_client"}), "does not accept our client"),
        (Reply(400, {"error": "unauthorized_client"}), "approved here for backend access, with a background user"),
        (Reply(400, {"error": "invalid_scope", "error_description": "Ford-Canary"}), "grants none of the scopes"),
        (Reply(400, {"error": "invalid_grant"}), "this machine's clock right"),
        (Reply(400, {"error": "invalid_request"}), "token_params"),
        (Reply(400, {"error": "unsupported_grant_type"}), "client credentials"),
        (Reply(400, {"error": "Arthur-Canary"}), "gives us no token (400)"),
        (Reply(400, b"<html>Arthur-Canary"), "gives us no token (400)"),
        (Reply(403), "gives us no token (403)"),
        (Reply(404), "gives us no token (404)"),
        (Reply(302, headers={"Location": "http://127.0.0.1:9/Canary"}), "redirects a request for a token (302)"),
    ],
)
def test_a_definite_refusal(issuer: Issuer, client: Client, reply: Reply, says: str) -> None:
    issuer.faults = [reply] * 9
    assert says in gets_no_token(client())
    assert len(issuer.forms) == 1


@pytest.mark.parametrize(
    ("reply", "kind", "says"),
    [
        (Reply(500), errors.Unreachable, "the EHR answered 500 to a request for a token 4 times; giving up"),
        (Reply(503), errors.Throttled, "the EHR answered 503 to a request for a token 4 times; giving up"),
        (Reply(429), errors.Throttled, "the EHR answered 429 to a request for a token 4 times; giving up"),
        (Reply(reset=True), errors.Unreachable, "closed the connection without an answer"),
        (Reply(200, b"<html>"), errors.Unreachable, "sent something else than a JSON object for"),
        (Reply(200, {"token": "x"}), errors.Unreachable, "sent no access token for"),
        (Reply(200, {"access_token": "a b"}), errors.Unreachable, "sent no access token for"),
        (Reply(200, {"access_token": "a\nb"}), errors.Unreachable, "sent no access token for"),
        (Reply(200, {"access_token": "a", "token_type": "mac"}), errors.Unreachable, "of a kind that we cannot use"),
    ],
)
def test_a_passing_fault_is_asked_again_with_another_assertion(
    issuer: Issuer, client: Client, reply: Reply, kind: type[errors.EHRError], says: str
) -> None:
    issuer.faults = [reply, reply]
    client().get("Patient")
    assert len(issuer.forms) == 3
    assert len({jwt.decode(a, options={"verify_signature": False})["jti"] for a in issuer.assertions}) == 3
    issuer.faults = [reply] * 9
    assert says in gets_no_token(client(), kind)
    assert len(issuer.forms) == 7


def test_a_pause_that_is_asked_for_is_kept_up_to_a_limit(issuer: Issuer, client: Client, pauses: Pauses) -> None:
    issuer.faults = [Reply(429, headers={"Retry-After": "20"})]
    client().get("Patient")
    assert 20 <= pauses.seconds[0] <= 21
    issuer.faults = [Reply(429, headers={"Retry-After": "999999"})]
    assert "longer than max_wait" in gets_no_token(client(), errors.Throttled)


def test_a_bare_400_after_a_token_was_given_is_passing(issuer: Issuer, client: Client) -> None:
    one = client()
    one.get("Patient")
    issuer.valid.clear()
    issuer.faults = [Reply(400), Reply(400)]
    one.get("Patient")
    assert len(issuer.forms) == 4
    issuer.valid.clear()
    issuer.faults = [Reply(400, NO)] * 2
    gets_no_token(one)
    assert len(issuer.forms) == 5


def test_a_key_that_was_rotated_under_us_is_read_again(issuer: Issuer, client: Client, folder: Path) -> None:
    one = client()
    one.get("Patient")
    old = keyfolder.current(folder)
    keyfolder.add(folder)
    new = keyfolder.use(folder, after=timedelta(0))
    keyfolder.retire(folder)
    issuer.keys, issuer.valid = keyfolder.jwks(folder)["keys"], set()
    one.get("Patient")
    kids = [jwt.get_unverified_header(a)["kid"] for a in issuer.assertions]
    assert kids == [old, old, new]


@pytest.mark.parametrize("ahead", [-3600, 3600, 86400 * 400])
def test_a_clock_that_is_wrong(issuer: Issuer, client: Client, ahead: int) -> None:
    """The EHR counts `exp` by its own clock; its Date says what that is."""
    issuer.ahead = ahead
    one = client()
    one.get("Patient")
    assert len(issuer.forms) == 2
    issuer.valid.clear()
    one.get("Patient")
    assert len(issuer.forms) == 3


@pytest.mark.parametrize("lives", [None, "300", 300.5, "soon", 0, -5, True, 1e308, []])
def test_a_life_that_is_not_or_oddly_said(issuer: Issuer, client: Client, lives: object) -> None:
    issuer.lives = lives
    one = client()
    one.get("Patient")
    one.get("Patient")
    assert len(issuer.forms) == 1


@pytest.mark.parametrize(
    ("configuration", "says"),
    [
        (Reply(404), "shows no SMART configuration (404)"),
        (Reply(body={}), "names no token endpoint"),
        (Reply(body={"token_endpoint": 7}), "names no token endpoint"),
        (Reply(body={"token_endpoint": "https://a:b@ehr.example/Canary"}), "names no token endpoint"),
        (Reply(body={"token_endpoint": "http://ehr.example/Canary"}), "without encryption: nothing was sent there"),
    ],
)
def test_discovery_that_leads_nowhere(peer: Peer, client: Client, configuration: Reply, says: str) -> None:
    peer.serves(lambda request: configuration if "well-known" in request.target else Reply(500))
    assert says in gets_no_token(client())
    assert len(peer.requests) == 1


def test_discovery_is_asked_once_and_can_be_left_out(issuer: Issuer, peer: Peer, client: Client) -> None:
    one = client()
    for _ in range(2):
        one.get("Patient")
        issuer.valid.clear()
    assert sum("well-known" in request.target for request in peer.requests) == 1
    peer.requests.clear()
    client(token_url=issuer.url).get("Patient")
    assert [request.target for request in peer.requests] == ["/token", "/fhir/Patient"]


def test_an_assertion_may_go_to_another_host(issuer: Issuer, other: Peer, client: Client) -> None:
    """Large EHRs keep their token endpoint elsewhere; what we sign is of use at its audience only."""
    elsewhere = Issuer(other, issuer.keys)
    issuer.configuration = {"token_endpoint": elsewhere.url}
    issuer.valid = elsewhere.valid
    client().get("Patient")
    assert (len(issuer.forms), len(elsewhere.forms)) == (0, 1)


def test_a_key_that_others_can_read_is_refused(issuer: Issuer, client: Client, folder: Path) -> None:
    (folder / f"{keyfolder.current(folder)}.pem").chmod(0o640)
    with pytest.raises(errors.ConfigError, match=r"can be read by others; run: chmod 600"):
        client().get("Patient")
    assert issuer.forms == []


def test_nothing_secret_is_told(issuer: Issuer, client: Client, make: Make, folder: Path) -> None:
    seen: list[Exchange] = []
    one = make(auth=SMART, trace=seen.append)
    one.get("Patient")
    assert [(e.method, e.interaction, e.status) for e in seen] == [
        ("GET", "discovery", 200),
        ("POST", "token", 200),
        ("GET", "search", 200),
    ]
    key = next(iter(keyfolder.keys(folder).values()))
    told = repr(seen) + repr(key) + repr(one._auth.__dict__)
    assert "Trillian-Canary" not in told.replace(str(one._auth.headers()), "")
    assert "BEGIN" not in told


@pytest.fixture
def elsewhere(other: Peer) -> list[str]:
    """What arrives at another host."""
    got: list[str] = []

    def note(request: Any) -> Reply:
        got.append(str(request.headers))
        return Reply(200, {})

    other.serves(note)
    return got


def test_a_client_id_in_a_header_of_its_own_stays_with_its_host(
    issuer: Issuer, peer: Peer, other: Peer, client: Client, elsewhere: list[str]
) -> None:
    one = client(client_id_header="Epic-Client-ID")
    one.get("Patient")
    assert peer.requests[-1].headers["epic-client-id"] == "alliance"
    issuer.valid.clear()
    one.get("Patient")
    assert len(issuer.forms) == 2
    issuer.answers["GET"] = Reply(302, headers={"Location": f"{other.base}/Patient"})
    with pytest.raises(errors.Refused):
        one.get("Patient")
    assert elsewhere == []
