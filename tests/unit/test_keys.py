"""Signing keys: read in every form, made, shown in public, rotated; by the command line where there is one."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from typer.testing import CliRunner

from fhir_alliance import keyfolder, signing
from fhir_alliance.cli import app, commands
from fhir_alliance.errors import ConfigError

assert commands  # registers the commands


def pem(private: Any, password: bytes | None = None) -> str:
    sealed = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    text: bytes = private.private_bytes(serialization.Encoding.PEM, form, sealed)
    return text.decode()


def private_jwk(key: signing.SigningKey, **members: str) -> dict[str, Any]:
    algorithm: Any = jwt.algorithms.ECAlgorithm if key.alg == "ES384" else jwt.algorithms.RSAAlgorithm
    return {**algorithm.to_jwk(key.private, as_dict=True), **members}


@pytest.fixture(scope="module")
def elliptic() -> signing.SigningKey:
    return signing.generate("ES384")


@pytest.fixture(scope="module")
def rsa_key() -> signing.SigningKey:
    return signing.load(pem(rsa.generate_private_key(65537, 2048)))


def test_every_form_of_a_key(elliptic: signing.SigningKey, rsa_key: signing.SigningKey) -> None:
    for key, alg in ((elliptic, "ES384"), (rsa_key, "RS384")):
        jwk = private_jwk(key)
        named = {**jwk, "kid": "named", "alg": alg, "use": "sig"}
        other = private_jwk(signing.generate("ES384"), kid="other")
        for text, kid, expected in (
            (key.pem().decode(), None, key.kid),
            (key.pem().decode(), "mine", "mine"),
            (json.dumps(jwk), None, key.kid),
            (json.dumps(named), None, "named"),
            (json.dumps(named), "mine", "mine"),
            (json.dumps({"keys": [key.public_jwk(), named]}), None, "named"),
            (json.dumps({"keys": [other, named]}), "named", "named"),
        ):
            loaded = signing.load(text, kid)
            assert (loaded.alg, loaded.kid, loaded.pem()) == (alg, expected, key.pem())


def test_the_thumbprint_of_the_standards_example() -> None:
    """RFC 7638 3.1."""
    n = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3okn"
        "jhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6"
        "qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8a"
        "wapJzKnqDKgw"
    )
    jwk = {"kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"}
    assert signing.thumbprint(jwk) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no private key in PEM or JWK"),
        ("-----BEGIN PRIVATE KEY-----\nSecretCanary\n-----END PRIVATE KEY-----\n", "no private key in PEM or JWK"),
        ("{not json SecretCanary", "no valid JSON"),
        ('{"keys": []}', "holds no private key"),
        ('{"keys": 3}', "holds no private key"),
        ('{"kty": "oct", "d": "SecretCanary"}', "neither RSA nor EC"),
        ('{"kty": "EC", "crv": "P-384", "d": "SecretCanary"}', "no valid private JWK"),
        ('{"kty": "RSA", "d": "SecretCanary", "n": "AQ", "e": "AQ"}', "no valid private JWK"),
    ],
)
def test_what_is_no_key_is_told_without_showing_it(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as raised:
        signing.load(text)
    assert "SecretCanary" not in str(raised.value)


def test_keys_that_smart_does_not_allow(elliptic: signing.SigningKey) -> None:
    for private, says in (
        (rsa.generate_private_key(65537, 1024), "has 1024 bits"),
        (ec.generate_private_key(ec.SECP256R1()), "neither RSA nor EC P-384"),
        (ed25519.Ed25519PrivateKey.generate(), "neither RSA nor EC P-384"),
    ):
        with pytest.raises(ConfigError, match=says):
            signing.load(pem(private))
    with pytest.raises(ConfigError, match="encrypted"):
        signing.load(pem(elliptic.private, b"password"))
    with pytest.raises(ConfigError, match="algorithm"):
        signing.load(json.dumps(private_jwk(elliptic, alg="ES256")))
    both = json.dumps({"keys": [private_jwk(elliptic, kid="a"), private_jwk(elliptic, kid="b")]})
    with pytest.raises(ConfigError, match="say which by kid"):
        signing.load(both)
    with pytest.raises(ConfigError, match="none of that kid"):
        signing.load(both, "c")


def run(*arguments: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["keys", *map(str, arguments)])
    if isinstance(done.exception, ConfigError):
        return int(done.exception.exit_code), done.stdout, str(done.exception)
    return done.exit_code, done.stdout, done.stderr


@pytest.mark.parametrize("alg", ["ES384", "RS384"])
def test_generate_and_publish(tmp_path: Path, alg: str) -> None:
    folder = tmp_path / "new" / "keys"
    before = os.umask(0)
    try:
        code, out, err = run("generate", "--alg", alg, "--out", folder)
    finally:
        os.umask(before)
    kid = out.strip()
    assert (code, err.count("keys jwks")) == (0, 1)
    assert (folder / f"{kid}.pem").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert sorted(p.name for p in folder.iterdir()) == sorted([f"{kid}.pem", "current.pem"])
    code, out, _ = run("jwks", "--keys", folder)
    (public,) = json.loads(out)["keys"]
    assert (code, public["kid"], public["alg"], public["use"]) == (0, kid, alg, "sig")
    material = {"crv", "x", "y"} if alg == "ES384" else {"n", "e"}
    assert public.keys() == material | {"kty", "alg", "kid", "use"}
    key = signing.load((folder / "current.pem").read_text())
    assert key.kid == kid
    signed = jwt.encode({"a": 1}, key.private, alg)
    assert jwt.decode(signed, jwt.PyJWK(public).key, [alg]) == {"a": 1}


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    run("generate", "--out", tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    code, out, err = run("generate", "--out", tmp_path)
    assert (code, out) == (2, "")
    assert "nothing is overwritten" in err
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_rotation_without_a_gap(tmp_path: Path) -> None:
    """At every step the key that is signed with is in the set, and was for a day."""

    def published() -> list[str]:
        return [key["kid"] for key in json.loads(run("jwks", "--keys", tmp_path)[1])["keys"]]

    old = run("generate", "--out", tmp_path)[1].strip()
    assert "no next key" in run("rotate", "--keys", tmp_path, "--use")[2]
    assert "nothing to retire" in run("rotate", "--keys", tmp_path, "--retire")[2]
    new = run("rotate", "--keys", tmp_path)[1].strip()
    assert (published(), keyfolder.current(tmp_path)) == ([old, new], old)
    assert "waits already" in run("rotate", "--keys", tmp_path)[2]
    assert "nothing to retire" in run("rotate", "--keys", tmp_path, "--retire")[2]
    code, _, err = run("rotate", "--keys", tmp_path, "--use")
    assert code == 2
    assert "may not have fetched it before" in err
    assert keyfolder.current(tmp_path) == old
    assert run("rotate", "--keys", tmp_path, "--use", "--after", "0s")[1].strip() == new
    assert (published(), keyfolder.current(tmp_path)) == ([old, new], new)
    assert run("rotate", "--keys", tmp_path, "--retire")[1].strip() == old
    assert (published(), keyfolder.current(tmp_path)) == ([new], new)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([f"{new}.pem", "current.pem"])


def test_the_next_key_is_used_from_the_end_of_the_caches_on(tmp_path: Path) -> None:
    keyfolder.start(tmp_path, "ES384")
    new = keyfolder.add(tmp_path)
    made = datetime.fromtimestamp((tmp_path / f"{new}.pem").stat().st_mtime, UTC)
    with pytest.raises(ConfigError):
        keyfolder.use(tmp_path, clock=made + timedelta(hours=24, seconds=-1))
    assert keyfolder.use(tmp_path, clock=made + timedelta(hours=24)) == new


def test_another_algorithm_by_rotation(tmp_path: Path) -> None:
    run("generate", "--out", tmp_path)
    run("rotate", "--keys", tmp_path, "--alg", "RS384")
    assert [key.alg for key in keyfolder.keys(tmp_path).values()] == ["ES384", "RS384"]


def test_what_cannot_be_done_is_told(tmp_path: Path) -> None:
    assert "there is no key in" in run("jwks", "--keys", tmp_path)[2]
    assert "make one with" in run("rotate", "--keys", tmp_path)[2]
    assert "one at a time" in run("rotate", "--keys", tmp_path, "--use", "--retire")[2]
    kid = run("generate", "--out", tmp_path)[1].strip()
    assert "give a duration" in run("rotate", "--keys", tmp_path, "--use", "--after", "soon")[2]
    (tmp_path / f"{kid}.pem").chmod(0o644)
    assert "can be read by others; run: chmod 600" in run("jwks", "--keys", tmp_path)[2]
    (tmp_path / f"{kid}.pem").chmod(0o600)
    (tmp_path / "ca.pem").write_text("no key")
    (tmp_path / "ca.pem").chmod(0o600)
    assert "ca.pem: the key is no private key" in run("jwks", "--keys", tmp_path)[2]
    (tmp_path / "file").touch()
    assert "cannot be written" in run("generate", "--out", tmp_path / "file" / "keys")[2]
