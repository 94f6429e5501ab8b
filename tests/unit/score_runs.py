"""Running the command line in process by its own entry point, on files written for the purpose."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from fhir_alliance.cli import main

SCRIPT = Path(sys.executable).with_name("fhir-alliance")
Json = dict[str, Any]


class Cli:
    """The command line, run by its own entry point."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[bytes]) -> None:
        self.monkeypatch, self.capture = monkeypatch, capture
        self.out = self.err = ""

    def __call__(self, *arguments: object, command: str = "score") -> int:
        self.monkeypatch.setattr(sys, "argv", ["fhir-alliance", command, *map(str, arguments)])
        code: object = 0
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        captured = self.capture.readouterr()
        self.out, self.err = captured.out.decode(), captured.err.decode()
        return int(str(code))

    def lines(self, *arguments: object, code: int) -> list[Json]:
        assert self(*arguments, "--json") == code, self.err
        return [json.loads(line) for line in self.out.splitlines()]

    def reasons(self, *arguments: object) -> dict[str, str]:
        """Source → machine word of its reason."""
        found = [line for line in self.lines(*arguments, code=3) if "reason" in line]
        return {line["source"]: line["reason"].rsplit("(")[-1].rstrip(")") for line in found}


def write(name: str, *resources: object, indent: int | None = None) -> str:
    """One document, or lines when there are several."""
    text = "\n".join(r if isinstance(r, str) else json.dumps(r, indent=indent) for r in resources)
    Path(name).write_text(text, encoding="utf-8")
    return name


def bundle(*resources: Json | None, **more: Any) -> Json:
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for r in resources]} | more


def totals(lines: list[Json]) -> dict[str, float]:
    return {line["source"]: line["value"] for line in lines if line.get("scale") == "total"}
