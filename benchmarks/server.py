"""A FHIR server that costs as little as a Python process can: it sends bytes that it built before.

    python -m benchmarks.server PATIENTS [PAGE_SIZE …]

`/fhir/QuestionnaireResponse?_count=SIZE` and what follows it are the pages of one walk over all
responses, ready with their headers, one `sendall` each. What else a sync asks for is made from the
patient's number when it is asked for. Prints its port, and ends when its stdin is closed.
"""

from __future__ import annotations

import itertools
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from email.utils import formatdate
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec

from . import data

ROOT = Path(__file__).parents[1]
SEARCHED = {"QuestionnaireResponse": data.responses, "Encounter": data.encounters}


def serving(patients: int, *sizes: int) -> AbstractContextManager[str]:
    """The FHIR base of a server in a process of its own, "http://127.0.0.1:PORT/fhir"."""
    return serving_by("benchmarks.server", patients, *sizes)


@contextmanager
def serving_by(module: str, *numbers: int) -> Iterator[str]:
    """The same, of a module like this one."""
    command = [sys.executable, "-m", module, *map(str, numbers)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            port = process.stdout.readline().strip()
            if not port:
                raise RuntimeError("the benchmark server did not start")
            yield f"http://127.0.0.1:{port}/fhir"
        finally:
            process.stdin.close()


class Server:
    """All answers by path; a connection has a thread."""

    def __init__(self, patients: int, sizes: Iterable[int]):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.base = f"http://127.0.0.1:{self.port}/fhir"
        self.numbers = {data.patient_id(n): n for n in range(patients)}
        self.fixed = {b"/fhir/metadata": answer(_capability())}
        for size in sizes:
            self._walk(patients, size)

    def _walk(self, patients: int, size: int) -> None:
        rest = (r for n in range(patients) for r in data.responses(n))
        total = patients * data.SESSIONS
        for number, page in enumerate(iter(lambda: list(itertools.islice(rest, size)), [])):
            following = f"{self.base}/pages/{size}/{number + 1}" if (number + 1) * size < total else None
            target = f"/fhir/pages/{size}/{number}" if number else f"/fhir/QuestionnaireResponse?_count={size}"
            self.fixed[target.encode()] = answer(bundle(page, self.base, total, following))

    def run(self) -> None:
        """Answer until the process ends."""
        while True:
            connection, _ = self.listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        """One request after the other; none has a body."""
        waiting = b""
        with connection:
            while got := connection.recv(65536):
                waiting += got
                if waiting.endswith(b"\r\n\r\n"):
                    target = waiting.split(b" ", 2)[1]
                    waiting = b""
                    connection.sendall(self.fixed.get(target) or self._search(target.decode()))

    def _search(self, target: str) -> bytes:
        """A search below /fhir. By `_lastUpdated` nothing is found: nothing ever changes here."""
        parts = urlsplit(target)
        type, params = parts.path.rpartition("/")[2], parse_qs(parts.query)
        found: list[bytes] = []
        if type == "Patient":
            found = [data.patient(n) for n in self.numbers.values()]
        elif type in SEARCHED and "_lastUpdated" not in params:
            number = self.numbers.get(params.get("patient", [""])[0])
            found = [] if number is None else list(SEARCHED[type](number))
        return answer(bundle(found, self.base, len(found), None))


def answer(body: bytes) -> bytes:
    """A whole HTTP answer."""
    date = formatdate(usegmt=True).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\nDate: %s\r\nContent-Length: %d\r\n\r\n"
    return head % (date, len(body)) + body


def bundle(resources: Iterable[bytes], base: str, total: int, following: str | None) -> bytes:
    """One page of a searchset."""
    link = f'"link":[{{"relation":"next","url":"{following}"}}],' if following else ""
    head = f'{{"resourceType":"Bundle","type":"searchset","total":{total},{link}"entry":['
    entries = [b'{"fullUrl":"%s","resource":%s,"search":{"mode":"match"}}' % (_url(base, r), r) for r in resources]
    return head.encode() + b",".join(entries) + b"]}"


def _url(base: str, resource: bytes) -> bytes:
    """The address of a resource whose first fields are its type and id."""
    _, type, _, id = resource.split(b'"', 8)[1:8:2]
    return b"%s/%s/%s" % (base.encode(), type, id)


def _capability() -> bytes:
    params = [{"name": name, "type": "reference"} for name in ("patient", "_lastUpdated")]
    types = [
        {"type": t, "searchParam": params, "interaction": [{"code": c} for c in ("read", "search-type")]}
        for t in ("Patient", *SEARCHED)
    ]
    rest = [{"mode": "server", "resource": types}]
    return msgspec.json.encode(
        {"resourceType": "CapabilityStatement", "status": "active", "fhirVersion": "4.0.1", "rest": rest}
    )


def end_with_stdin() -> None:
    """End this process when whoever started it closes its stdin."""
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    server = Server(int(sys.argv[1]), map(int, sys.argv[2:]))
    threading.Thread(target=end_with_stdin, daemon=True).start()
    print(server.port, flush=True)
    server.run()
