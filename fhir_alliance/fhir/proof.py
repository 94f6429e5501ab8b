"""How we prove to a token endpoint who we are: an assertion that we sign, or a secret that we share."""

from __future__ import annotations

import base64
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import quote_plus

from ..config_auth import Auth as AuthSettings
from ..errors import ConfigError
from ..signing import SigningKey, load

LIFE = 240
"""Seconds from now to the `exp` of an assertion. SMART allows 300; the rest is for clocks that differ."""
SKEW = 30
"""From so many seconds on, the difference between the EHR's clock and ours is reckoned with."""
_JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Proof(Protocol):
    """One way to prove it."""

    def present(self, token_url: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """Headers and form parameters of one token request; never the same twice where that matters. ConfigError."""

    def again(self, theirs: datetime | None) -> bool:
        """After a refusal: look at what may have changed under us. True when the next proof will be another.

        theirs  the EHR's clock at its answer, None when not known
        """


class Assertion:
    """A JWT signed with our private key (`private_key_jwt`; SMART client-confidential-asymmetric)."""

    def __init__(self, settings: AuthSettings, root: Path, clock: Callable[[], float] = time.time):
        self._settings, self._root, self._clock = settings, root, clock
        self._key: SigningKey | None = None
        self._ahead = 0.0

    def present(self, token_url: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """A fresh assertion for this endpoint."""
        import jwt

        if self._key is None:
            self._key = self._read()
        client, now = self._settings.client_id, int(self._clock() + self._ahead)
        claims = {"iss": client, "sub": client, "aud": self._settings.audience or token_url, "exp": now + LIFE}
        claims["jti"] = str(uuid.uuid4())
        if self._settings.issued_at:
            claims |= {"iat": now, "nbf": now}
        header = {"kid": self._key.kid} | ({"jku": self._settings.jku} if self._settings.jku else {})
        signed = jwt.encode(claims, self._key.private, self._key.alg, header)
        return {}, {"client_assertion_type": _JWT_BEARER, "client_assertion": signed}

    def again(self, theirs: datetime | None) -> bool:
        """Was the key replaced, or is our clock wrong?"""
        ahead = theirs.timestamp() - self._clock() if theirs else self._ahead
        ahead = ahead if abs(ahead) > SKEW else 0.0
        key = self._read()
        changed = abs(ahead - self._ahead) > SKEW or self._key is None or key.pem() != self._key.pem()
        self._key, self._ahead = key, ahead
        return changed

    def _read(self) -> SigningKey:
        if self._settings.key is None:  # a configuration without one is refused when it is loaded
            raise ConfigError("auth.key is missing")
        try:
            return load(self._settings.key.reveal(self._root), self._settings.kid)
        except ConfigError as error:
            raise ConfigError(f"auth.key: {error}") from None


class SharedSecret:
    """A client secret, in the Authorization header or in the form (RFC 6749 2.3.1)."""

    def __init__(self, settings: AuthSettings, root: Path):
        self._settings, self._root = settings, root
        self._secret: str | None = None

    def present(self, token_url: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """Client id and secret."""
        if self._secret is None:
            self._secret = self._read()
        client = self._settings.client_id or ""
        if self._settings.client_auth == "post":
            return {}, {"client_id": client, "client_secret": self._secret}
        pair = f"{quote_plus(client)}:{quote_plus(self._secret)}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}, {}

    def again(self, theirs: datetime | None) -> bool:
        """Was the secret replaced?"""
        before, self._secret = self._secret, self._read()
        return before != self._secret

    def _read(self) -> str:
        if self._settings.client_secret is None:
            raise ConfigError("auth.client_secret is missing")
        return self._settings.client_secret.reveal(self._root).strip("\r\n")
