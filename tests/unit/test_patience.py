"""How long we wait before asking again, when nobody says how long."""

from __future__ import annotations

import random
import re
from datetime import timedelta

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


def test_what_is_too_long_is_said_truly() -> None:
    patience, rule = Patience(Http(max_wait=timedelta(seconds=3), attempts=4), Pauses()), rule_for(429)
    assert rule is not None
    assert (patience.too_long(2), patience.too_long(4), patience.limit) == (False, True, "max_wait")
    assert patience.wait(rule, 2)
    assert patience.too_long(2)
    assert re.fullmatch(r"the [01]\.\d s that are left of max_wait", patience.limit)
