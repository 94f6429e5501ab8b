"""The peer, and clients that talk to it without patience of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fhir_alliance.config import Endpoint
from fhir_alliance.fhir.http import FhirClient

from .peer import Peer


@pytest.fixture
def peer() -> Iterator[Peer]:
    server = Peer()
    yield server
    server.close()


@pytest.fixture
def other() -> Iterator[Peer]:
    """Another host (well, port): nobody to send credentials to."""
    server = Peer()
    yield server
    server.close()


class Pauses:
    """Stands for the stop event: notes each pause instead of sleeping; `asked` makes it a request to stop."""

    def __init__(self, *, asked: bool = False):
        self.asked = asked
        self.seconds: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(timeout or 0.0)
        return self.asked


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


Make = Callable[..., FhirClient]


@pytest.fixture
def make(peer: Peer, pauses: Pauses, tmp_path: Path) -> Iterator[Make]:
    """A client of the peer; `http` and other endpoint settings can be given."""
    made: list[FhirClient] = []

    def client(http: dict[str, Any] | None = None, **rest: Any) -> FhirClient:
        extra = {key: rest.pop(key) for key in ("trace", "stop", "needs") if key in rest}
        quick = {"connect_timeout": "1s", "read_timeout": "1s", **(http or {})}
        endpoint = Endpoint(**{"base_url": peer.base, "http": quick, **rest})
        made.append(FhirClient(endpoint, tmp_path, **{"stop": pauses, **extra}))
        return made[-1]

    yield client
    for one in made:
        one.close()
