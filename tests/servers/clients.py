"""Who may sign in at `sekmet-smart`: clients with keys, scopes and secrets, registered in sekmet's own settings.

A client's folder holds its private keys, as `fhir-alliance keys generate` makes them; the server knows KID.pub only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization

from fhir_alliance import keyfolder

from .canaries import PLANTED

LOADER = "tok-of-the-tests-own-loader"
"""A bearer token for whoever loads and inspects the server; the product signs in by SMART."""
LIFE = 5
"""Seconds that a token lives: less than many passes take."""
SECRET = PLANTED["client secret"]

CLIENTS: Mapping[str, str] = {
    "alliance": "system/*.*",
    "reader": "system/*.read",
    "writer": "system/Observation.* system/Task.*",
    "narrow": "system/*.read system/Observation.write",
    "revoked": "system/*.*",
    "rotated": "system/*.*",
    "shared": "system/*.*",
}
"""Client id → scopes that it is registered for."""
_RS384 = {"writer"}


def server_auth(folder: Path, scopes: Mapping[str, str] = CLIENTS) -> str:
    """sekmet's setting of that name, as JSON (which is YAML). Makes keys for clients that have none yet."""
    clients = []
    for name, allowed in scopes.items():
        if not (folder / name).is_dir():
            keyfolder.start(folder / name, "RS384" if name in _RS384 else "ES384")
            register(folder, name)
        client = {"client_id": name, "public_key_path": str(folder / f"{name}.pub"), "scopes": allowed}
        clients.append(client | ({"client_secret": SECRET} if name == "shared" else {}))
    auth = {"types": ["smart", "bearer"], "tokens": [LOADER], "token_lifetime": LIFE, "smart_clients": clients}
    return json.dumps(auth)


def register(folder: Path, client: str) -> None:
    """Let the EHR know the newest public key of a client, and no other. It reads the file at each token request."""
    newest = list(keyfolder.keys(folder / client).values())[-1]
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    public = newest.private.public_key().public_bytes(serialization.Encoding.PEM, form)
    (folder / f"{client}.pub").write_bytes(public)


def product(folder: Path, client: str = "alliance", table: str = "auth") -> dict[str, Any]:
    """Settings by which the product signs in as one of them."""
    name = f"endpoint.main.{table}"
    key = {"file": str(folder / client / keyfolder.CURRENT)}
    return {f"{name}.method": "smart", f"{name}.client_id": client, f"{name}.key": key}
