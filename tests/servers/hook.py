"""A receiver of webhooks: keeps what it was sent, checks each signature, and knows a repeated message by its key."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver:
    """Listens on a free port of 127.0.0.1. `answers` are the statuses of the next requests; then 204.

    messages  what was told, each once, in order; `posts`: how often each key was sent
    """

    def __init__(self, secret: str):
        self.messages: list[dict[str, Any]] = []
        self.posts: Counter[str] = Counter()
        self.answers: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                signed = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
                status = receiver.answers.pop(0) if receiver.answers else 204
                if not hmac.compare_digest(self.headers["X-Alliance-Signature"], f"sha256={signed}"):
                    status = 401
                key = self.headers["Idempotency-Key"]
                receiver.posts[key] += 1
                if status < 300 and receiver.posts[key] - receiver.refused[key] == 1:
                    receiver.messages.append(json.loads(body))
                receiver.refused[key] += status >= 300
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.refused: Counter[str] = Counter()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/alliance?site=1"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
