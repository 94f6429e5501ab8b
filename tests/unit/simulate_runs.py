"""Running `simulate`, and reading what it wrote."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from score_runs import Cli

BUSY = ["--change-share", "0.3", "--slide-share", "0.2", "--jitter", "2", "--late", "0.2", "--amended", "0.2"]
SMALL = ["--instrument", "wai-sr-c", "--clients", "40", "--sessions", "4-12", "--seed", "11", *BUSY]


def simulated(cli: Cli, *arguments: object) -> str:
    assert cli(*arguments, command="simulate") == 0, cli.err
    return cli.out


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def resources(folder: Path, type: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / f"{type}.ndjson").read_text(encoding="utf-8").splitlines()]
