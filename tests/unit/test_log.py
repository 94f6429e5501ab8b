"""Logging: the stream is the one of now, and only names of the catalogue are logged."""

from __future__ import annotations

import io
import json
import sys

import pytest

from fhir_alliance.log import configure, log


def test_a_line_goes_to_the_stderr_of_now_not_to_a_closed_one(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", first)
    configure(format="json")
    first.close()
    monkeypatch.setattr(sys, "stderr", second)
    log("run.started", endpoint="main")
    assert json.loads(second.getvalue())["event"] == "run.started"


def test_a_name_outside_the_catalogue_is_a_bug() -> None:
    with pytest.raises(KeyError):
        log("patient.hello")
