"""What a whole run shares: a place for its files, and which FHIR servers its tests met, told at the end.

The data of servers and stores go to memory where the system has such a folder: tens of thousands of small transactions
wait for a disk as long as they take otherwise.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest

MEMORY = Path("/dev/shm")
ROOM = 4 << 30
"""Bytes that must be free in it; a run takes some hundred megabytes."""


def pytest_configure(config: Any) -> None:
    config.fhir_servers = {}  # server → its software and version, or why it was skipped
    if "TMPDIR" not in os.environ and os.access(MEMORY, os.W_OK | os.X_OK) and shutil.disk_usage(MEMORY).free >= ROOM:
        os.environ["TMPDIR"] = tempfile.mkdtemp(prefix="alliance-tests-", dir=MEMORY)  # workers inherit it
        tempfile.tempdir = None
        config.add_cleanup(lambda: shutil.rmtree(os.environ.pop("TMPDIR"), ignore_errors=True))


def pytest_sessionfinish(session: Any) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["fhir_servers"] = session.config.fhir_servers


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A worker of pytest-xdist has ended."""
    node.config.fhir_servers.update(getattr(node, "workeroutput", {}).get("fhir_servers", {}))


def pytest_terminal_summary(terminalreporter: Any, config: Any) -> None:
    if config.fhir_servers:
        terminalreporter.section("FHIR servers")
        for name, told in sorted(config.fhir_servers.items()):
            terminalreporter.line(f"{name}: {told}")
