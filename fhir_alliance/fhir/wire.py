"""One exchange on the wire: a request out, a whole answer in, or a `Lost` that says how far it came.

No decisions are taken here. The reading path is the fast one: a prepared request, the adapter with
`stream=True`, one read of the body (no chunk joining, no redirect and cookie machinery).
"""

from __future__ import annotations

import os
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from weakref import WeakSet

import requests
import urllib3
from requests.cookies import extract_cookies_to_jar, get_cookie_header
from requests.structures import CaseInsensitiveDict
from requests.utils import get_environ_proxies, requote_uri

from ..config import Endpoint, is_loopback
from ..config_auth import Auth as AuthSettings
from ..errors import ConfigError
from .retry import NO_ANSWER, NOT_SENT, Rule

BODY_LIMIT = 64 << 20
"""Most bytes of one answer, decoded: protects memory against a page of giants."""
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer. `broken` says what is wrong with a body that could not be read to its end."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    broken: str | None = None
    oversized: bool = False

    @property
    def date(self) -> datetime | None:
        """The server's clock, from the Date header."""
        try:
            date = parsedate_to_datetime(self.headers["Date"])
        except (KeyError, ValueError):
            return None
        return date if date.tzinfo else date.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One attempt of one request, for logs and metrics: no address, no id. `status` None: no answer came.

    interaction  read, search, page (a later page of a search), create, update, capabilities, token, discovery, other
    """

    method: str
    type: str
    interaction: str
    status: int | None
    milliseconds: float
    attempt: int


class Lost(Exception):
    """No answer. `fault` is a verb phrase for messages; `rule` None: nothing was sent, and never will be."""

    def __init__(self, fault: str, rule: Rule | None):
        super().__init__(fault)
        self.fault, self.rule = fault, rule


class Line:
    """Our side of the connection to one endpoint: one Session, with one connection, per thread.

    identity  whose client certificate is shown; default the endpoint's `auth`
    url       what it leads to, when that is not the FHIR base: a token endpoint
    """

    def __init__(self, endpoint: Endpoint, root: Path, identity: AuthSettings | None = None, url: str | None = None):
        http = endpoint.http
        self._timeout = (http.connect_timeout.total_seconds(), http.read_timeout.total_seconds())
        self._watch = Watch(self._timeout[1] + http.max_wait.total_seconds())
        self._verify = _authorities(endpoint, root)
        self._certificate = client_certificate(identity or endpoint.auth, root)
        # The environment is asked once, not on every request; never about this machine.
        url = url or endpoint.base_url
        self._proxies = {} if is_loopback(url) else get_environ_proxies(url)
        self._local = threading.local()
        self._sessions: WeakSet[requests.Session] = WeakSet()
        self._lock = threading.Lock()

    def exchange(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        """Send once, read all. Never follows a redirect. Raises Lost."""
        session = self._session()
        try:
            request = _prepared(session, method, url, headers, body)
            adapter: Any = session.get_adapter(url)
            raw = adapter.send(
                request,
                stream=True,
                timeout=self._timeout,
                verify=self._verify,
                cert=self._certificate,
                proxies=self._proxies,
            ).raw
            if "set-cookie" in raw.headers:  # load balancers keep a walk on one machine by a cookie
                extract_cookies_to_jar(session.cookies, request, raw)  # type: ignore[no-untyped-call]
        except Exception as error:
            raise _lost(error) from None
        with self._watch.guard(raw.shutdown):
            return _read(raw)

    def close(self) -> None:
        """Close every thread's connections."""
        with self._lock:
            for session in self._sessions:
                session.close()
            self._sessions.clear()
            self._local = threading.local()

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            session.trust_env = False
            retries = urllib3.Retry(0, read=False, redirect=0, respect_retry_after_header=False)
            for scheme in ("https://", "http://"):
                session.mount(scheme, requests.adapters.HTTPAdapter(2, 1, max_retries=retries))
            self._local.session = session
            with self._lock:
                self._sessions.add(session)
        return session


class Watch:
    """Ends the reading of an answer that takes too long in all, however steadily its bytes drip.

    A read timeout holds between two bytes only. One thread watches all readers while there are any,
    so that the reading itself stays one call.
    """

    def __init__(self, limit: float):
        self._limit = limit
        self._readers: dict[object, tuple[float, Callable[[], object]]] = {}
        self._lock = threading.Lock()
        self._running = False

    @contextmanager
    def guard(self, close: Callable[[], object]) -> Iterator[None]:
        """Watch one reading: `close` is called from the other thread when time is up."""
        token = object()
        with self._lock:
            self._readers[token] = (time.monotonic() + self._limit, close)
            if not self._running:
                self._running = True
                threading.Thread(target=self._run, name="fhir-watch", daemon=True).start()
        try:
            yield
        finally:
            self._readers.pop(token, None)

    def _run(self) -> None:
        while True:
            time.sleep(max(0.01, min(1.0, self._limit / 4)))
            with self._lock:
                if not self._readers:
                    self._running = False
                    return
                late = [(t, close) for t, (until, close) in self._readers.items() if time.monotonic() > until]
            for token, close in late:
                # Once only; and the reader may be done in this moment.
                if self._readers.pop(token, None):
                    with suppress(OSError, ValueError, RuntimeError):
                        close()


def _prepared(
    session: requests.Session, method: str, url: str, headers: Mapping[str, str], body: bytes | None
) -> requests.PreparedRequest:
    request = requests.PreparedRequest()
    request.method, request.url, request.body = method, requote_uri(url), body
    request.headers = CaseInsensitiveDict(headers)
    if body is not None:
        request.headers["Content-Length"] = str(len(body))
    if session.cookies and (cookie := get_cookie_header(session.cookies, request)):  # type: ignore[no-untyped-call]
        request.headers["Cookie"] = cookie
    return request


def _authorities(endpoint: Endpoint, root: Path) -> str | bool:
    """Whom to trust: the configured bundle, else the one that the environment names, else the usual ones."""
    if endpoint.ca_bundle is not None:
        path = root / endpoint.ca_bundle.expanduser()
        if not path.exists():
            raise ConfigError(f"ca_bundle: there is no {path}")
        return str(path)
    named = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    return named if named and Path(named).exists() else True


def client_certificate(identity: AuthSettings, root: Path) -> tuple[str, str] | None:
    """Files of the client certificate and its key, None without. ConfigError when they cannot be used."""
    if identity.certificate is None:
        return None
    certificate = root / identity.certificate.expanduser()
    key = root / identity.certificate_key.expanduser() if identity.certificate_key else certificate
    try:
        if key.stat().st_mode & 0o077:
            raise ConfigError(f"{key} holds a private key and can be read by others; run: chmod 600 {key}")
        # An encrypted key would make the library ask at the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, password="")
    except ssl.SSLError:
        raise ConfigError(f"{certificate} is no certificate with its unencrypted private key, both in PEM") from None
    except OSError as error:
        raise ConfigError(f"the client certificate {certificate} cannot be read: {error.strerror}") from None
    return str(certificate), str(key)


def _read(raw: Any) -> Answer:
    status, headers = int(raw.status), raw.headers
    try:
        length = headers.get("Content-Length", "")
        if "Content-Encoding" not in headers and length.isascii() and length.isdigit() and int(length) <= BODY_LIMIT:
            return Answer(status, raw.read(), headers)
        pieces, size = [], 0
        while piece := raw.read(_CHUNK, decode_content=True):
            pieces.append(piece)
            size += len(piece)
            if size > BODY_LIMIT:
                raw.close()
                return Answer(status, b"", headers, f"answered with more than {BODY_LIMIT >> 20} MB to", oversized=True)
        return Answer(status, b"".join(pieces), headers)
    except Exception as error:
        raw.close()
        return Answer(status, b"", headers, _cut(error))


def _cut(error: Exception) -> str:
    if isinstance(error, urllib3.exceptions.DecodeError):
        return "sent a body that cannot be unpacked for"
    if isinstance(error, urllib3.exceptions.ReadTimeoutError):
        return "stalled in the middle of its answer to"
    return "cut off its answer to"


def _lost(error: Exception) -> Lost:
    """How far a request came, from the exceptions of two libraries. Their texts are never shown."""
    cause: object = error.args[0] if error.args else None
    cause = getattr(cause, "reason", None) or cause
    if _caused_by(error, lambda e: isinstance(e, ssl.SSLCertVerificationError)):
        return Lost("has a certificate that we do not trust (see ca_bundle)", None)
    if _caused_by(error, lambda e: isinstance(e, ssl.SSLError) and bool(_TURNED_AWAY.search(e.reason or ""))):
        return Lost(
            "refuses the encrypted connection, perhaps for want of a client certificate (auth.certificate)", None
        )
    if isinstance(error, requests.exceptions.ProxyError):
        return Lost("cannot be reached through the proxy for", NOT_SENT)
    if isinstance(cause, urllib3.exceptions.NameResolutionError):
        return Lost("cannot be found by its host name for", NOT_SENT)
    if isinstance(error, requests.ConnectTimeout) or isinstance(cause, urllib3.exceptions.NewConnectionError):
        return Lost("accepted no connection for", NOT_SENT)
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidHeader | UnicodeError):
        return Lost("has an address, or we a credential, with characters that cannot be sent", None)
    if isinstance(error, requests.Timeout):
        return Lost("did not answer", NO_ANSWER)
    if isinstance(error, requests.exceptions.SSLError):
        return Lost("broke off the encrypted connection, perhaps for want of a client certificate, for", NO_ANSWER)
    return Lost("closed the connection without an answer to", NO_ANSWER)


_TURNED_AWAY = re.compile(
    r"ALERT_((BAD|UNSUPPORTED|NO)_CERTIFICATE|CERTIFICATE_(REQUIRED|UNKNOWN|EXPIRED|REVOKED)|UNKNOWN_CA|ACCESS_DENIED"
    r"|HANDSHAKE_FAILURE)"
)
"""Alerts by which a server refuses a client's certificate, or the lack of one: nothing of the request was read."""


def _caused_by(error: BaseException | None, found: Callable[[BaseException], bool]) -> bool:
    seen = 0
    while error is not None and seen < 8:
        if found(error):
            return True
        inner = next((a for a in error.args if isinstance(a, BaseException)), None)
        reason = getattr(error, "reason", None)
        error = reason if isinstance(reason, BaseException) else inner
        seen += 1
    return False
