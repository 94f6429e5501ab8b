"""docs/howto/add-instrument.md is followed to the letter: files written, commands run, their output compared."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "add-instrument.md"
NAMES = {"json": "form.json", "csv": "sessions.csv"}
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def test_the_page_works_as_it_says(tmp_path: Path) -> None:
    done = {"file": 0, "run": 0}
    for kind, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if kind in {"toml", "json", "csv"}:
            named = re.search(r"^# (\S+\.toml)$", text, re.MULTILINE)
            (tmp_path / (named[1] if named else NAMES[kind])).write_text(text, encoding="utf-8")
            done["file"] += 1
        elif kind == "sh":
            code, out = run(text, tmp_path)
            assert code == 0, out
            done["run"] += 1
        elif kind == "console":
            for command, expected in commands(text):
                assert run(command, tmp_path)[1] == expected, command
                done["run"] += 1
        else:
            raise AssertionError(f"a block of an unknown kind: {kind}")
    assert done == {"file": 5, "run": 10}


def commands(text: str) -> list[tuple[str, str]]:
    """Each `$ command` with what is printed below it."""
    parts = re.split(r"^\$ ", text, flags=re.MULTILINE)
    assert parts[0] == ""
    return [(command, printed) for command, _, printed in (part.partition("\n") for part in parts[1:])]


def run(command: str, folder: Path) -> tuple[int, str]:
    """In a shell, in this folder, with our commands on the path and no configuration but the page's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FHIR_ALLIANCE")}
    found = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    surrounding = kept | {"PATH": found, "XDG_CONFIG_HOME": str(folder), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=surrounding,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout
