"""docs/howto/explain.md is followed to the letter: the file written, commands run, their output compared.

Figures of the benchmark change with `make strain`; they are left out of the comparison, and tested with their source.
`python tests/docs/test_howto_explain.py` puts the output of today into the page.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest
from test_howto_instrument import BLOCK, commands, run

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "explain.md"
FIGURE = re.compile(r"\d+%|\d+\.\d(?=\s(?:of\s100|a\spriority))")


def steady(text: str) -> str:
    top, heading, rest = text.partition("What this cannot tell you")
    return top + heading + FIGURE.sub("N", rest)


def blocks(kind: str) -> list[str]:
    return [text for name, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")) if name == kind]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "scores.csv").write_text(blocks("csv")[0], encoding="utf-8")
    return tmp_path


def test_the_output_is_what_is_printed(folder: Path) -> None:
    shown = [pair for text in blocks("console") for pair in commands(text)]
    assert len(shown) == 2
    for command, expected in shown:
        code, out = run(command, folder)
        assert code == 0
        assert steady(out) == steady(expected), "run: python tests/docs/test_howto_explain.py"


def test_the_commands_run(folder: Path) -> None:
    asked = [line for text in blocks("sh") for line in text.splitlines() if "scores.csv" in line]
    assert len(asked) == 4
    for command in asked:
        code, out = run(command, folder)
        assert code == 0, out
    assert (folder / "chart.svg").stat().st_size > 1000
    assert (folder / "chart.png").stat().st_size > 1000


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        Path(made, "scores.csv").write_text(blocks("csv")[0], encoding="utf-8")
        page = PAGE.read_text(encoding="utf-8")
        for block in blocks("console"):
            for each, _ in commands(block):
                page = page.replace(block, f"$ {each}\n{run(each, Path(made))[1]}")
        PAGE.write_text(page, encoding="utf-8")
