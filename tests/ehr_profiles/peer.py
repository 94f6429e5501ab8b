"""A scripted HTTP server on a free loopback port: the peer that a client under test talks to."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Request:
    """What arrived. `target` is the raw path with its query; `port` the client's, so its connection."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    port: int

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query))

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """What to send: `body` as bytes or JSON.

    cut     send only so many bytes of the promised body, then hang up
    reset   with `cut`: hang up by a reset; without: before any answer
    hang    never answer (until the peer is closed)
    drip    send the body byte by byte, with such a pause in seconds
    length  False: no Content-Length, chunked instead
    """

    status: int = 200
    body: bytes | Mapping[str, Any] = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    reset: bool = False
    hang: bool = False
    drip: float = 0.0
    length: bool = True

    def bytes(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


Script = Callable[[Request], Reply]


class Peer:
    """Answers by a list of replies (the last one again and again), or by a function."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self.closing = threading.Event()
        self._script: Script = lambda _: Reply(500)
        self._lock = threading.Lock()
        peer = self

        class Handler(_Handler):
            owner = peer

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._scheme = "https" if tls else "http"
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def base(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_port}/fhir"

    def answers(self, *replies: Reply) -> None:
        """Play these in order."""
        left = list(replies)

        def play(_: Request) -> Reply:
            return left.pop(0) if len(left) > 1 else left[0]

        self._script = play

    def serves(self, script: Script) -> None:
        """Answer by a function."""
        self._script = script

    def reply(self, request: Request) -> Reply:
        with self._lock:
            self.requests.append(request)
            return self._script(request)

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    owner: Peer

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply = self.owner.reply(Request(self.command, self.path, headers, body, self.client_address[1]))
        with contextlib.suppress(OSError):
            self._send(reply)

    do_GET = do_POST = do_PUT = _any  # noqa: N815  the base class's names

    def _send(self, reply: Reply) -> None:
        if reply.hang:
            self.owner.closing.wait(5)
        if reply.hang or (reply.reset and reply.cut is None):
            return self._hang_up(reset=reply.reset)
        body = reply.bytes()
        self.send_response_only(reply.status)
        headers = {"Date": self.date_time_string(), "Content-Type": "application/fhir+json", **reply.headers}
        headers |= {"Content-Length": str(len(body))} if reply.length else {"Transfer-Encoding": "chunked"}
        for name, value in headers.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        if not reply.length:
            body = b"%x\r\n%s\r\n" % (len(body), body) + (b"0\r\n\r\n" if reply.cut is None else b"")
        if reply.drip:
            for at in range(len(body)):
                self.wfile.write(body[at : at + 1])
                if self.owner.closing.wait(reply.drip):
                    break
        else:
            self.wfile.write(body[: reply.cut])
        if reply.cut is not None:
            self._hang_up(reset=reply.reset)
        return None

    def _hang_up(self, *, reset: bool) -> None:
        self.close_connection = True
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.wfile.flush()
        self.connection.close() if reset else self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""
