"""What a whole run shares: which FHIR servers its tests met, told at the end, also when workers ran the tests."""

from __future__ import annotations

from typing import Any

import pytest


def pytest_configure(config: Any) -> None:
    config.fhir_servers = {}  # server → its software and version, or why it was skipped


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
