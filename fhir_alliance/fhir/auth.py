"""Who we are for the EHR: one small protocol, whatever the method.

Credentials live in memory only and are read when first needed. The headers are set explicitly on
each request, so that a stray .netrc cannot replace them.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from ..config import Endpoint, Secret
from ..config_auth import Auth as AuthSettings
from ..errors import ConfigError
from .retry import Stop
from .scopes import Grant, Rights
from .wire import Exchange


class Auth(Protocol):
    """Credentials of one endpoint; used by several threads."""

    def headers(self) -> Mapping[str, str]:
        """Headers that identify us. ConfigError when a secret cannot be had; EHRError when a token cannot."""

    def refresh(self, refused: Mapping[str, str]) -> None:
        """Renew what `headers` gives, because `refused` was answered with 401.

        A second thread that comes with the same refused headers finds them renewed already.
        """

    def grant(self) -> Grant | None:
        """What the present credentials permit; None when they do not say."""


class Anonymous:
    """No credentials in the request: none at all (this machine only), or a client certificate beneath it."""

    def headers(self) -> Mapping[str, str]:
        """Nothing."""
        return {}

    def refresh(self, refused: Mapping[str, str]) -> None:
        """Nothing to renew."""

    def grant(self) -> Grant | None:
        """Not said."""
        return None


class Static(Anonymous):
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


class Named:
    """Other credentials, and the client id in a header of its own (some EHRs want it with every request)."""

    def __init__(self, inner: Auth, header: str, client_id: str):
        self._inner, self._own = inner, {header: client_id}

    def headers(self) -> Mapping[str, str]:
        """Both."""
        return {**self._inner.headers(), **self._own}

    def refresh(self, refused: Mapping[str, str]) -> None:
        """As the other credentials do."""
        self._inner.refresh({name: value for name, value in refused.items() if name not in self._own})

    def grant(self) -> Grant | None:
        """Of the other credentials."""
        return self._inner.grant()


def auth_for(
    settings: AuthSettings,
    endpoint: Endpoint,
    root: Path,
    rights: Rights,
    *,
    stop: Stop,
    trace: Callable[[Exchange], None] | None,
) -> Auth:
    """The credentials that a configuration describes.

    root    anchors relative secret files
    rights  what to ask for, where rights are asked for
    trace   called after each request for a token
    """
    auth = _auth(settings, endpoint, root, rights, stop, trace)
    if settings.client_id_header and settings.client_id:
        return Named(auth, settings.client_id_header, settings.client_id)
    return auth


def _auth(
    settings: AuthSettings,
    endpoint: Endpoint,
    root: Path,
    rights: Rights,
    stop: Stop,
    trace: Callable[[Exchange], None] | None,
) -> Auth:
    if settings.method in {"smart", "secret"}:
        from .asking import Asker
        from .oauth import OAuth
        from .token import TokenEndpoint

        return OAuth(TokenEndpoint(settings, endpoint, root, rights, Asker(endpoint.http, stop, trace)).ask)
    if settings.method == "basic" and settings.password:
        return Static(settings.password, root, username=settings.username or "")
    if settings.method == "bearer" and settings.token:
        return Static(settings.token, root)
    return Anonymous()
