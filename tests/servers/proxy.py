"""A rewriting proxy in front of a real FHIR server: records requests, and plays faults that no server makes on demand.

What is not at fault is the real server's own answer: only its base URL is replaced by the proxy's (and back), so that
paging links, `Location` and absolute references lead through the proxy. Faults are in `faults.py`.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "host", "content-length", "accept-encoding"}


@dataclass(frozen=True)
class Answer:
    """An HTTP answer. `cut` sends only so many bytes of the body that the headers promise, then hangs up."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/fhir+json"})
    cut: int | None = None

    def json(self) -> Any:
        """The body, parsed; None when it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def having(self, body: object) -> Answer:
        """The same answer with another JSON body."""
        return replace(self, body=json.dumps(body).encode())


@dataclass
class Call:
    """One request on its way. `type` is the resource type of its path ("" for the base: HAPI's pages, bundles)."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    proxy: Proxy

    @property
    def path(self) -> str:
        """Path below the base: "Patient/1"."""
        return urlsplit(self.target).path.removeprefix(self.proxy.prefix).strip("/")

    @property
    def type(self) -> str:
        return self.path.split("/")[0] if re.match(r"[A-Z]", self.path) else ""

    @property
    def query(self) -> list[tuple[str, str]]:
        return parse_qsl(urlsplit(self.target).query, keep_blank_values=True)

    @property
    def is_page(self) -> bool:
        """Is it a follow-up page of a search, by any of the servers' ways of paging?"""
        return _is_page(self.method, self.query)

    @property
    def is_search(self) -> bool:
        return self.method == "GET" and (self.is_page or bool(re.fullmatch(r"[A-Z][A-Za-z]+", self.path)))

    def without(self, *, parameters: tuple[str, ...] = (), headers: tuple[str, ...] = ()) -> Call:
        """The same call without some search parameters or headers."""
        parts = urlsplit(self.target)
        kept = [(name, value) for name, value in self.query if name not in parameters]
        target = parts._replace(query=urlencode(kept)).geturl()
        slim = {name: value for name, value in self.headers.items() if name.lower() not in headers}
        return replace(self, target=target, headers=slim)

    def forward(self) -> Answer:
        """Ask the real server, and have its answer with our base in place of its own."""
        return self.proxy.ask(self)


Action = Callable[[Call], "Answer | None"]
"""What a fault does with a call: an answer, or None to reset the connection."""


@dataclass
class Rule:
    """A fault and the requests it applies to: those that fit, from the `first` (counted from 1), `times` of them."""

    action: Action
    method: str | None = None
    type: str | None = None
    when: Callable[[Call], bool] | None = None
    first: int = 1
    times: int | None = None
    hits: int = 0

    def fits(self, call: Call) -> bool:
        """Does it apply to this call? Counts the call when it fits."""
        if self.method not in {None, call.method} or self.type not in {None, call.type}:
            return False
        if self.when is not None and not self.when(call):
            return False
        self.hits += 1
        return self.hits >= self.first and (self.times is None or self.hits < self.first + self.times)


@dataclass(frozen=True)
class Seen:
    """One request as it was recorded. `status` None: the connection was reset."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    status: int | None

    @property
    def is_write(self) -> bool:
        return self.method in {"POST", "PUT", "PATCH", "DELETE"} and not self.path.endswith("_search")

    @property
    def is_page(self) -> bool:
        return _is_page(self.method, self.query)


def _is_page(method: str, query: Iterable[tuple[str, str]]) -> bool:
    return method == "GET" and bool({"_getpages", "_offset", "page", "_page", "cursor"} & {name for name, _ in query})


class Proxy:
    """Listens on a free port of 127.0.0.1 and passes everything on to `upstream`, a FHIR base URL."""

    def __init__(self, upstream: str):
        self.upstream = upstream
        parts = urlsplit(upstream)
        self.prefix = parts.path
        self._host, self._port = parts.hostname, parts.port
        self.rules: list[Rule] = []
        self.seen: list[Seen] = []
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None
        self._listen(0)

    def _listen(self, port: int) -> None:
        self.closing.clear()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._server.daemon_threads = True
        self.base = f"http://127.0.0.1:{self._server.server_address[1]}{self.prefix}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def down(self) -> None:
        """Stop listening: connections are refused. Also ends the waiting of slow answers."""
        self.closing.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def up(self) -> None:
        """Listen again, on the same port."""
        self._listen(urlsplit(self.base).port or 0)

    def fault(self, action: Action, **match: Any) -> Rule:
        """Play `action` on calls that match (fields of Rule). The newest fitting rule wins; it can be `heal`ed."""
        rule = Rule(action, **match)
        self.rules.insert(0, rule)
        return rule

    def heal(self, *rules: Rule) -> None:
        """Forget these faults, or all."""
        self.rules = [rule for rule in self.rules if rules and rule not in rules]

    @property
    def writes(self) -> list[Seen]:
        """The writes that came in."""
        return [seen for seen in self.seen if seen.is_write]

    def fresh(self) -> None:
        """Forget what was recorded."""
        self.seen = []

    def handle(self, call: Call) -> Answer | None:
        """The answer to one call, by the newest rule that fits it, else the real server's."""
        with self._lock:
            rule = next((rule for rule in self.rules if rule.fits(call)), None)
        try:
            answer = rule.action(call) if rule else call.forward()
        except OSError:  # the real server is down or hung up: so do we
            answer = None
        status = answer.status if answer else None
        headers = {name.lower(): value for name, value in call.headers.items()}
        with self._lock:
            self.seen.append(Seen(call.method, call.path, tuple(call.query), headers, status))
        return answer

    def ask(self, call: Call) -> Answer:
        """One request to the real server. OSError when it cannot be reached or hangs up."""
        ours, theirs = self.base.encode(), self.upstream.encode()
        connection = http.client.HTTPConnection(self._host or "", self._port, timeout=60)
        headers = {
            n: v.replace(self.base, self.upstream) for n, v in call.headers.items() if n.lower() not in HOP_BY_HOP
        }
        target = re.sub(re.escape(_quoted(self.base)), _quoted(self.upstream), call.target).replace(
            self.base, self.upstream
        )
        try:
            connection.request(call.method, target, call.body.replace(ours, theirs) or None, headers)
            answer = connection.getresponse()
            body = answer.read().replace(theirs, ours)
        except http.client.HTTPException as error:
            raise ConnectionError(type(error).__name__) from None
        finally:
            connection.close()
        back = {n: v.replace(self.upstream, self.base) for n, v in answer.getheaders() if n.lower() not in HOP_BY_HOP}
        return Answer(answer.status, body, back)


def _quoted(url: str) -> str:
    return urlencode({"": url})[1:]


def _handler(proxy: Proxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # headers and body are two writes; else the second waits for an ACK
        wbufsize = -1

        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = proxy.handle(Call(self.command, self.path, dict(self.headers.items()), body, proxy))
            if answer is None:
                self._reset()
                return
            self.send_response_only(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            with contextlib.suppress(OSError):  # the client may have lost patience
                self.wfile.write(answer.body[: answer.cut])
            if answer.cut is not None:
                self.close_connection = True

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _handle  # noqa: N815

        def _reset(self) -> None:
            """Hang up with RST, as a crashing server or a firewall does."""
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None: ...

        def finish(self) -> None:
            with contextlib.suppress(OSError, ValueError):
                super().finish()

    return Handler
