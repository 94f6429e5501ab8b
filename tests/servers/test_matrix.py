"""The matrix says the truth: each scenario has its row, each row its scenario, each gap its reason."""

from __future__ import annotations

import ast
from pathlib import Path

from .matrix import MATRIX, SERVERS, table

TOOLS = {"test_proxy.py", "test_running.py", "test_matrix.py", "test_canary.py"}


def _scenarios() -> set[str]:
    found = set()
    for file in Path(__file__).parent.glob("test_*.py"):
        if file.name not in TOOLS:
            names = [node.name for node in ast.parse(file.read_text()).body if isinstance(node, ast.FunctionDef)]
            found |= {name.removeprefix("test_") for name in names if name.startswith("test_")}
    return found


def test_every_scenario_is_in_the_matrix() -> None:
    assert _scenarios() - {"every_step_is_hit_often_enough"} == set(MATRIX)


def test_every_server_shows_something_and_every_gap_has_a_reason() -> None:
    for row in MATRIX.values():
        assert row.servers
        assert set(row.not_on) <= set(SERVERS)
        assert all(len(why.split()) > 2 for why in row.not_on.values())
    assert {name for row in MATRIX.values() for name in row.servers} == set(SERVERS)
    assert all(row.about in table() for row in MATRIX.values())
