"""Fixtures of the command line. Being here also makes the helper modules beside it importable from below."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from score_runs import Cli


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an empty folder, away from any configuration."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name in [n for n in os.environ if n.startswith("FHIR_ALLIANCE")]:
        monkeypatch.delenv(name)


@pytest.fixture
def cli(nowhere: None, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Cli:
    """The command line, run in an empty folder."""
    return Cli(monkeypatch, capfdbinary)
