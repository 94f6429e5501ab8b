"""Whole processes: how long a sync takes that finds nothing new, and how much memory a first one needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from . import data
from .server import ROOT, serving

CONFIG = """
[endpoint.main]
base_url = "{base}"
[cohort]
source = "search"
[store]
path = "alliance.db"
"""

# A process counts the memory of the one that started it as its own until it runs: so a small one starts it.
WEIGHED = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""


@dataclass(frozen=True, slots=True)
class Start:
    """Seconds of whole processes, medians of rounds in turn: an empty program, one that imports requests, and a
    sync that reads the roster, finds that nothing changed, and ends."""

    patients: int
    rounds: int
    empty: float
    requests: float
    sync: float


@dataclass(frozen=True, slots=True)
class Peak:
    """A first sync of so many responses: most memory (resident), and seconds."""

    responses: int
    megabytes: float
    seconds: float


def started(patients: int, rounds: int, bytecode: Path) -> Start:
    """Time a sync with nothing to do. Bytecode is compiled first, as an installed program's is."""
    with serving(patients) as base, _site(base, bytecode) as (sync, environment):
        commands = {
            "empty": [sys.executable, "-c", "pass"],
            "requests": [sys.executable, "-c", "import requests"],
            "sync": sync,
        }
        for command in commands.values():
            _run(command, environment)
        taken: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                start = time.perf_counter()
                told = _run(command, environment).stdout
                taken[name].append(time.perf_counter() - start)
                if name == "sync" and json.loads(told)["patients"]["due"]:
                    raise RuntimeError("a sync with nothing to do did something")
        return Start(patients, rounds, **{name: median(times) for name, times in taken.items()})


def peak(responses: int, bytecode: Path) -> Peak:
    """The memory of a first sync: everybody read, scored and recorded; writing is off, as it is by default."""
    with serving(responses // data.SESSIONS) as base, _site(base, bytecode) as (sync, environment):
        start = time.perf_counter()
        done = _run([sys.executable, "-c", WEIGHED, *sync], environment)
        seconds = time.perf_counter() - start
    scored = json.loads(done.stdout)["outcomes"]["scored"]
    if scored != responses:
        raise RuntimeError(f"the sync scored {scored} of {responses} responses")
    unit = 1024 if sys.platform == "darwin" else 1
    return Peak(responses, int(done.stderr.split()[-1]) / unit / 1024, seconds)


@contextmanager
def _site(base: str, bytecode: Path) -> Iterator[tuple[list[str], dict[str, str]]]:
    """The command of a sync against a server, with a store of its own, and its environment."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "fhir-alliance.toml")
        config.write_text(CONFIG.format(base=base), encoding="utf-8")
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = str(bytecode)
        yield [sys.executable, "-m", "fhir_alliance", "sync", "--config", str(config), "--json"], environment


def _run(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
