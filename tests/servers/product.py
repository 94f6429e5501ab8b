"""The product as an operator runs it: a configuration file in a folder of its own, and the real command line."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import warm
from .canaries import PLANTED, leaks

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Ran:
    """What a command did. `messages` are the lines on stderr that are not log records."""

    code: int
    out: str
    err: str

    @property
    def messages(self) -> list[str]:
        return [line for line in self.err.splitlines() if line.strip() and not line.startswith("{")]

    @property
    def report(self) -> dict[str, Any]:
        """The object that --json printed."""
        found: dict[str, Any] = json.loads(self.out)
        return found


class Site:
    """One installation: its configuration, secrets, store, and everything that it printed.

    base      FHIR base URL that it is given (a server's or a proxy's)
    patients  its cohort
    tag       what the ids of its patients begin with: it must not occur in logs
    captured  folder that keeps every output, for the canary sweep
    options   settings that differ from the defaults below, as {"write.types": [...]}
    """

    DEFAULTS: Mapping[str, Any] = {
        "endpoint.main.auth.method": "bearer",
        "endpoint.main.auth.token": {"file": "token"},
        "endpoint.main.http.connect_timeout": "2s",
        "endpoint.main.http.read_timeout": "20s",
        "endpoint.main.http.attempts": 2,
        "endpoint.main.http.backoff": "0.05s",
        "endpoint.main.http.max_wait": "3s",
        "cohort.source": "ids",
        "store.path": "state/alliance.db",
        "write.enabled": True,
        "write.types": ["Observation", "Task"],
        "write.reconcile_after": "0s",
        "licences.attested": ["srs-v3"],
        "log.level": "debug",
        "log.format": "json",
    }

    def __init__(
        self, folder: Path, base: str, patients: Sequence[str], *, tag: str, captured: Path, options: Mapping[str, Any]
    ):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.base, self.tag, self.captured = folder, base, tag, captured
        self.program: Sequence[str] | None = None
        self.options: dict[str, Any] = {**self.DEFAULTS, "cohort.ids": list(patients), **options}
        self.options["endpoint.main.base_url"] = base
        token = folder / "token"
        token.touch(mode=0o600)
        token.write_text(PLANTED["bearer token"])
        self.configure()

    def configure(self, **options: Any) -> None:
        """Change settings (dots as double underscores: write__enabled=False) and write the file anew."""
        self.options |= {name.replace("__", "."): value for name, value in options.items()}
        (self.folder / "site.toml").write_text(_toml(self.options))

    def run(self, command: str, *arguments: str, env: Mapping[str, str] | None = None) -> Ran:
        """Run a command with this site's configuration to its end. Fails when anything planted came out."""
        running = self.start(command, *arguments, env=env)
        out, err = running.communicate(timeout=120)
        return self.finish(Ran(running.returncode, out, err), command)

    def start(
        self, command: str, *arguments: str, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str] | warm.Running:
        """Start a command; hand what it printed to `finish`."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("FHIR_ALLIANCE")}
        given = [command, *arguments, "--config", str(self.folder / "site.toml")]
        surrounding = {**inherited, "TZ": "America/St_Johns", **(env or {})}
        if self.program is None:
            return warm.Running(given, cwd=self.folder, env=surrounding)
        return subprocess.Popen(
            [*self.program, *given],
            cwd=self.folder,
            env=surrounding,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def finish(self, ran: Ran, command: str) -> Ran:
        """Keep the output for the sweep at the end, and check it here and now."""
        kept = self.captured / f"{os.getpid()}-{next(_numbers):04}-{command}"
        kept.with_suffix(".out").write_text(ran.out)
        kept.with_suffix(".err").write_text(ran.err)
        kept.with_suffix(".tag").write_text(self.tag)
        assert not leaks(ran.out), f"{command} printed planted content to stdout: {leaks(ran.out)}"
        assert not leaks(ran.err, [self.tag]), f"{command} logged planted content: {leaks(ran.err, [self.tag])}"
        for file in filter(Path.is_file, self.folder.glob("state/*")):
            ids = [self.tag] if file.name.startswith("audit") else []
            held = leaks(file.read_bytes().decode("latin-1"), ids)
            assert not held, f"{command} left planted content in {file.name}: {held}"
        return ran

    def sync(self, *arguments: str, code: int | None = 0, env: Mapping[str, str] | None = None) -> Ran:
        """One pass with --json, which must end with this exit code (None: any)."""
        ran = self.run("sync", "--json", *arguments, env=env)
        assert code is None or ran.code == code, (ran.code, ran.out, ran.err)
        return ran

    @property
    def store(self) -> Path:
        return self.folder / "state" / "alliance.db"


def sweep(captured: Path) -> list[tuple[str, list[str]]]:
    """All captured output once more: (file, kinds of planted content in it). Ids are allowed on stdout only."""
    tags = {file.read_text() for file in captured.glob("*.tag")}
    found = [(file.name, leaks(file.read_text(), tags)) for file in sorted(captured.glob("*.err"))]
    found += [(file.name, leaks(file.read_text())) for file in sorted(captured.glob("*.out"))]
    return [(name, kinds) for name, kinds in found if kinds]


def _toml(options: Mapping[str, Any]) -> str:
    """Dotted settings as TOML; a JSON string or list is also a TOML one."""
    return "".join(f"{_key(name)} = {_value(value)}\n" for name, value in options.items())


def _key(name: str) -> str:
    return ".".join(part if re.fullmatch(r"[\w-]+", part) else json.dumps(part) for part in _split(name))


def _split(name: str) -> list[str]:
    """At dots, except inside quotes: questionnaires."https://x.example/q"."""
    return [part.strip('"') for part in re.findall(r'"[^"]*"|[^."]+', name)]


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(json.dumps(k) + " = " + _value(v) for k, v in value.items()) + " }"
    return json.dumps(value)
