"""docs/reference/simulate.md: its table is the parameters' definition."""

from __future__ import annotations

from pathlib import Path

from fhir_alliance.simulate.page import BEGIN, END, page
from fhir_alliance.simulate.parameters import ABOUT, flag

PAGE = Path(__file__).parents[2] / "docs/reference/simulate.md"


def test_the_table_is_fresh() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text.count(BEGIN) == text.count(END) == 1
    assert text == page(text), "run: make docs"


def test_every_parameter_has_its_line() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [name for name in ABOUT if f"| `{flag(name)}` | " not in text] == []
    assert "| `--mean` | Mean of the clients' levels | item points | 4.05 / 9.35 | " in text
    assert [name for name, about in ABOUT.items() if not (about.what and about.basis)] == []
