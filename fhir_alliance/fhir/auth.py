"""Who we are for the EHR: one small protocol, so that SMART Backend Services fits in beside these.

Credentials live in memory only and are read when first needed. The headers are set explicitly on
each request, so that a stray .netrc cannot replace them.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from ..config import Auth as AuthSettings
from ..config import Secret
from ..errors import ConfigError


class Auth(Protocol):
    """Credentials of one endpoint; used by several threads."""

    def headers(self) -> Mapping[str, str]:
        """Headers that identify us. ConfigError when a secret cannot be had; EHRError when a token cannot."""

    def refresh(self, refused: Mapping[str, str]) -> None:
        """Renew what `headers` gives, because `refused` was answered with 401.

        A second thread that comes with the same refused headers finds them renewed already.
        """


class Anonymous:
    """No credentials (`auth.method = "none"`, this machine only)."""

    def headers(self) -> Mapping[str, str]:
        """Nothing."""
        return {}

    def refresh(self, refused: Mapping[str, str]) -> None:
        """Nothing to renew."""


class Static:
    """A secret out of the configuration, sent as it is: HTTP Basic, or a bearer token.

    `refresh` reads the secret again, for it may have been rotated under us.
    """

    def __init__(self, secret: Secret, root: Path, *, username: str | None = None):
        self._secret, self._root, self._username = secret, root, username
        self._lock = threading.Lock()
        self._headers: Mapping[str, str] | None = None

    def headers(self) -> Mapping[str, str]:
        """The Authorization header."""
        with self._lock:
            if self._headers is None:
                self._headers = {"Authorization": self._value()}
            return self._headers

    def refresh(self, refused: Mapping[str, str]) -> None:
        """Forget the secret, unless another thread has done so."""
        with self._lock:
            if self._headers == refused:
                self._headers = None

    def _value(self) -> str:
        secret = self._secret.reveal(self._root).strip("\r\n")
        if self._username is not None:
            return "Basic " + base64.b64encode(f"{self._username}:{secret}".encode()).decode()
        token = secret.strip()
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise ConfigError("the bearer token is empty or has characters that cannot be in a token")
        return "Bearer " + token


def auth_for(settings: AuthSettings, root: Path) -> Auth:
    """The credentials that a configuration describes. `root` anchors relative secret files."""
    if settings.method == "basic" and settings.password:
        return Static(settings.password, root, username=settings.username or "")
    if settings.method == "bearer" and settings.token:
        return Static(settings.token, root)
    return Anonymous()
