"""Client certificates: shown where they belong, of no use when others can read the key, missed in plain words."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fhir_alliance import errors, keyfolder
from fhir_alliance.config import now_utc

from .conftest import Make
from .issuer import Issuer
from .peer import Peer, Reply


def certificate(folder: Path, name: str, *, issuer: str | None = None) -> None:
    """NAME.pem and NAME.key, signed by ISSUER.key or by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    common = {n: x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, n)]) for n in (name, issuer or name)}
    built = x509.CertificateBuilder().subject_name(common[name]).issuer_name(common[issuer or name])
    built = built.public_key(key.public_key()).serial_number(x509.random_serial_number())
    built = built.not_valid_before(now_utc() - timedelta(days=1)).not_valid_after(now_utc() + timedelta(days=1))
    built = built.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
    built = built.add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    signer: Any = key
    if issuer:
        signer = serialization.load_pem_private_key((folder / f"{issuer}.key").read_bytes(), None)
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / f"{name}.pem").write_bytes(built.sign(signer, hashes.SHA256()).public_bytes(pem))
    (folder / f"{name}.key").touch(mode=0o600)
    (folder / f"{name}.key").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))


@pytest.fixture(params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["TLS 1.2", "TLS 1.3"])
def guarded(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Peer]:
    """A peer that talks to holders of a certificate from `authority` only."""
    certificate(tmp_path, "authority")
    certificate(tmp_path, "server", issuer="authority")
    certificate(tmp_path, "client", issuer="authority")
    certificate(tmp_path, "stranger")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = request.param
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    context.load_verify_locations(tmp_path / "authority.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    server = Peer(context)
    server.answers(Reply(body={"resourceType": "Patient", "id": "p1"}))
    yield server
    server.close()


MTLS = {"method": "mtls", "certificate": "client.pem", "certificate_key": "client.key"}


def test_the_certificate_alone_and_beside_another_method(
    guarded: Peer, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = make(base_url=guarded.base, ca_bundle="authority.pem", auth=MTLS)
    assert one.read("Patient/p1").body["id"] == "p1"
    assert "authorization" not in guarded.requests[-1].headers
    (tmp_path / "both.pem").touch(mode=0o600)
    (tmp_path / "both.pem").write_bytes((tmp_path / "client.pem").read_bytes() + (tmp_path / "client.key").read_bytes())
    monkeypatch.setenv("EHR_TOKEN", "t")
    auth = {"method": "bearer", "token": {"env": "EHR_TOKEN"}, "certificate": "both.pem"}
    one = make(base_url=guarded.base, ca_bundle="authority.pem", auth=auth)
    assert one.read("Patient/p1").body["id"] == "p1"
    assert guarded.requests[-1].headers["authorization"] == "Bearer t"


def test_the_token_endpoint_sees_it_too(guarded: Peer, make: Make, tmp_path: Path) -> None:
    keyfolder.start(tmp_path / "keys", "ES384")
    issuer = Issuer(guarded, keyfolder.jwks(tmp_path / "keys")["keys"])
    smart = {"method": "smart", "client_id": "alliance", "key": {"file": "keys/current.pem"}}
    make(base_url=guarded.base, ca_bundle="authority.pem", auth={**MTLS, **smart}).get("Patient")
    assert len(issuer.forms) == 1


@pytest.mark.parametrize("auth", [{}, {**MTLS, "certificate": "stranger.pem", "certificate_key": "stranger.key"}])
def test_without_one_that_is_accepted_nothing_is_read(guarded: Peer, make: Make, auth: dict[str, str]) -> None:
    """In TLS 1.3 a client may learn of it only when it has sent something: by an alert, or by an end."""
    client = make(base_url=guarded.base, ca_bundle="authority.pem", auth=auth)
    with pytest.raises(errors.Unreachable, match=r"perhaps for want of a client certificate"):
        client.read("Patient/p1")
    with pytest.raises(errors.EHRError, match=r"perhaps for want of a client certificate"):
        client.create({"resourceType": "Patient"})
    assert guarded.requests == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda folder: (folder / "client.key").chmod(0o644), "can be read by others; run: chmod 600"),
        (lambda folder: (folder / "client.key").write_text("none"), "is no certificate with its unencrypted private"),
        (lambda folder: (folder / "stranger.key").replace(folder / "client.key"), "is no certificate with its"),
        (lambda folder: (folder / "client.pem").unlink(), "cannot be read: No such file"),
        (lambda folder: (folder / "client.key").unlink(), "cannot be read: No such file"),
    ],
)
def test_a_certificate_that_is_of_no_use(tmp_path: Path, make: Make, change: Any, says: str) -> None:
    certificate(tmp_path, "client")
    certificate(tmp_path, "stranger")
    change(tmp_path)
    with pytest.raises(errors.ConfigError, match=says):
        make(auth=MTLS)
