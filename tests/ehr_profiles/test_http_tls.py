"""Certificates: an unknown one is refused before anything is sent; a site's own authority is trusted when told."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fhir_alliance import errors
from fhir_alliance.config import now_utc

from .conftest import Make
from .peer import Peer, Reply

AUTH = {"method": "bearer", "token": {"env": "TLS_TOKEN"}}


@pytest.fixture
def secure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Peer]:
    """A peer behind a certificate that only `own.pem` vouches for."""
    monkeypatch.setenv("TLS_TOKEN", "t")
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "an EHR")])
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(1).not_valid_before(now_utc() - timedelta(days=1))
    built = built.not_valid_after(now_utc() + timedelta(days=1))
    built = built.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
    certificate = built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "own.pem").write_bytes(certificate)
    (tmp_path / "both.pem").write_bytes(certificate + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "both.pem")
    server = Peer(context)
    server.answers(Reply(body={"resourceType": "Patient", "id": "p1"}))
    yield server
    server.close()


def test_an_unknown_certificate_stops_everything_before_it_is_sent(secure: Peer, make: Make) -> None:
    client = make(base_url=secure.base, auth=AUTH)
    for ask in (lambda: client.read("Patient/p1"), lambda: client.create({"resourceType": "Patient"})):
        with pytest.raises(errors.Unreachable, match=r"certificate that we do not trust \(see ca_bundle\)"):
            ask()
    assert secure.requests == []


def test_a_site_s_own_authority(secure: Peer, make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert make(base_url=secure.base, auth=AUTH, ca_bundle="own.pem").read("Patient/p1").body["id"] == "p1"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "own.pem"))
    assert make(base_url=secure.base, auth=AUTH).read("Patient/p1").body["id"] == "p1"
