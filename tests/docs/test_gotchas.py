"""Every oddity on the page of gotchas names tests, and they exist."""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = {
    int(number): re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", cells)
    for number, cells in re.findall(
        r"^\| (\d+) \|(.+)\|$", (ROOT / "docs/reference/gotchas.md").read_text("utf-8"), re.MULTILINE
    )
}


@lru_cache
def named_in(file: str) -> set[str]:
    """Names of the tests in a file."""
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_all_numbers_are_there() -> None:
    assert list(ROWS) == list(range(1, 36))


@pytest.mark.parametrize("number", ROWS)
def test_each_names_tests_that_exist(number: int) -> None:
    assert ROWS[number]
    for file, name in ROWS[number]:
        assert name in named_in(file), f"{file}::{name}"
