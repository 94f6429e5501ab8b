"""How long we wait before asking again, when nobody says how long."""

from __future__ import annotations

import random

import pytest

from fhir_alliance.config import Http
from fhir_alliance.fhir.retry import Patience, rule_for


class Pauses:
    """Stands for the request to stop, and keeps what was to be waited for."""

    def __init__(self) -> None:
        self.seconds: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(timeout)
        return False


def test_a_429_without_a_word_is_waited_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some block for the rest of the minute: half a minute, a minute, two, each at most and spread."""
    monkeypatch.setattr(random, "uniform", lambda least, most: most)
    pauses = Pauses()
    patience, rule = Patience(Http(attempts=4), pauses), rule_for(429)
    assert rule is not None
    while patience.wait(rule, None):
        pass
    assert pauses.seconds == [30, 60, 120]
