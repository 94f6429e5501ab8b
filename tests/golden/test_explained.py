"""The worked sequences of the clinical specification 5.3, explained in full as `explain` prints them.

Figures of the benchmark are left out of the comparison: they change with every run of `make strain`, and are compared
with their source elsewhere. `python tests/golden/test_explained.py` writes the texts anew; read them before you commit.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

import pytest
from test_worked_sequences import EXPECTED
from typer.testing import CliRunner

from fhir_alliance.cli import app, commands  # noqa: F401  the second registers the commands

TEXTS = Path(__file__).parent / "explained"
FIGURE = re.compile(r"\d+%|\d+\.\d(?=\s(?:of\s100|a\spriority))")


def explained(name: str, folder: Path) -> str:
    """What `explain` prints of a sequence in a file, its figures as N."""
    instrument, series, _ = EXPECTED[name]
    rows = [
        f"{name},{date(2026, 1, 5) + timedelta(weeks=i)},{'' if word == '-' else word}"
        for i, word in enumerate(series.split())
    ]
    file = folder / "sessions.csv"
    file.write_text("\n".join(["series,at,value", *rows]), encoding="utf-8")
    done = CliRunner().invoke(
        app, ["explain", str(file), "--instrument", instrument.id, "--policy", "alliance-policy/1"]
    )
    assert done.exit_code == 0, done.output
    top, heading, rest = done.stdout.partition("What this cannot tell you")
    return top + heading + FIGURE.sub("N", rest)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_worked_sequence_is_explained_in_full(name: str, tmp_path: Path) -> None:
    text = explained(name, tmp_path)
    assert text == (TEXTS / f"{name}.txt").read_text(encoding="utf-8")
    assert max(map(len, text.splitlines())) <= 80


def test_a_clinician_reads_the_reason_in_the_first_lines(tmp_path: Path) -> None:
    """The headline, the sentence of the specification 2.6, how it stands: six lines at most, before any table."""
    for name in EXPECTED:
        top = explained(name, tmp_path).partition("\n\n")[0].splitlines()
        assert len(top) <= 7
        assert top[0] == name
        assert top[1].startswith(("Alliance score", "No alert: "))


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as made:
        for each in EXPECTED:
            (TEXTS / f"{each}.txt").write_text(explained(each, Path(made)), encoding="utf-8")
