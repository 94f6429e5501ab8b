"""The array form against the readable policy, and `detect` on a file against only reading and writing its rows."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import TypeVar

import numpy as np

from fhir_alliance.detection import policy
from fhir_alliance.detection.array import KINDS, ArrayDetection, run
from fhir_alliance.detection.policy import RulePolicy
from fhir_alliance.instruments import get
from fhir_alliance.model import Detection, Point
from fhir_alliance.simulate import Cohort, Parameters, generate

from .data import LATEST
from .process import WEIGHED
from .server import ROOT

INSTRUMENT = "wai-sr-c"
SESSIONS = 20
T = TypeVar("T")
Told = tuple[int, int, int, str, float, float | None, float | None, float | None, float | None]

# What reading and writing cost by themselves, in plain Python: a file's rows, and as many lines as there are events.
TEXT = """
import csv, sys
for row in csv.reader(open(sys.argv[1], newline="")): pass
"""
PLAIN = """
import csv, json, sys
from datetime import datetime
left = int(sys.argv[2])
rows = csv.reader(open(sys.argv[1], newline=""))
next(rows)
for series, at, value in rows:
    when, score = datetime.fromisoformat(at), float(value) if value else None
    if left:
        left -= 1
        line = {"series": series, "at": at, "index": left, "level": 2, "kind": "drop", "value": score}
        line |= {"baseline": score, "spread": score, "z": score, "drop": score}
        sys.stdout.write(json.dumps(line) + "\\n")
"""


@dataclass(frozen=True, slots=True)
class Arrays:
    """Seconds for all sessions in memory: array form (median of rounds), readable form (once); the events agree."""

    sessions: int
    scored: int
    events: int
    seconds: float
    readable: float


@dataclass(frozen=True, slots=True)
class File:
    """Seconds of whole processes on a CSV, medians of rounds in turn: `detect`; reading the rows as text; reading them
    as values and writing as many lines as there are events. Most memory of `detect`, resident."""

    rows: int
    megabytes: float
    detect: float
    text: float
    plain: float
    peak: float

    def share(self, arrays: Arrays) -> float:
        """`detect` over what it may take: the array form, and reading and writing alone."""
        return self.detect / (arrays.seconds + self.plain)


def detected(sessions: int, rounds: int, folder: Path) -> tuple[Arrays, File]:
    """Measure both on the same simulated clinic."""
    by = policy()
    if not isinstance(by, RulePolicy):
        raise TypeError("the default policy has no array form")
    cohort = generate(Parameters(), get(INSTRUMENT), sessions // SESSIONS, (SESSIONS, SESSIONS), seed=1)
    arrays = _arrays(cohort, by, rounds)
    return arrays, _file(cohort, arrays, rounds, folder)


def _arrays(cohort: Cohort, by: RulePolicy, rounds: int) -> Arrays:
    change = get(INSTRUMENT).change
    told, seconds = _timed(lambda: run(cohort.values, cohort.days, change, by), rounds)
    series = [_points(cohort, row) for row in range(len(cohort.values))]
    found, readable = _timed(lambda: [by.run(points, change) for points in series], 1)
    expected = list(_of_readable(found))
    if list(_of_arrays(told)) != expected:
        raise RuntimeError("the two forms disagree")
    return Arrays(cohort.values.size, int(np.isfinite(cohort.values).sum()), len(expected), seconds, readable)


def _timed(work: Callable[[], T], rounds: int) -> tuple[T, float]:
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        result = work()
        taken.append(time.perf_counter() - start)
    return result, median(taken)


def _points(cohort: Cohort, row: int) -> list[Point]:
    rows = zip(cohort.values[row].tolist(), cohort.days[row].tolist(), strict=True)
    return [Point(LATEST + timedelta(days=day), value if value == value else None) for value, day in rows]


def _of_readable(found: list[Detection]) -> Iterator[Told]:
    for number, detection in enumerate(found):
        for e in detection.events:
            yield number, e.index, e.level, e.kind, e.value, e.baseline, e.spread, e.z, e.drop


def _of_arrays(told: ArrayDetection) -> Iterator[Told]:
    numbers = (
        [n if n == n else None for n in column.tolist()] for column in (told.baseline, told.spread, told.z, told.drop)
    )
    kinds = [KINDS[code] for code in told.kind.tolist()]
    yield from zip(
        told.series.tolist(),
        told.index.tolist(),
        told.level.tolist(),
        kinds,
        told.value.tolist(),
        *numbers,
        strict=True,
    )


# -- whole processes -----------------------------------------------------------------------------


def _file(cohort: Cohort, arrays: Arrays, rounds: int, folder: Path) -> File:
    file, out = folder / "series.csv", folder / "events.ndjson"
    _write(cohort, file)
    detect = [sys.executable, "-m", "fhir_alliance", "detect", str(file), "--instrument", INSTRUMENT, "--json"]
    commands = {
        "detect": [*detect, "--policy", policy().id],
        "text": [sys.executable, "-c", TEXT, str(file)],
        "plain": [sys.executable, "-c", PLAIN, str(file), str(arrays.events)],
    }
    taken: dict[str, list[float]] = {name: [] for name in commands}
    peak = 0
    for number in range(rounds + 1):
        for name, command in commands.items():
            start = time.perf_counter()
            weight = _weighed(command, out)
            if number:  # the first round warms the file cache
                taken[name].append(time.perf_counter() - start)
            if name == "detect":
                peak = max(peak, weight)
                if out.read_bytes().count(b"\n") != arrays.events:
                    raise RuntimeError("detect tells of another number of events")
    unit = 1 if sys.platform == "darwin" else 1024
    size = file.stat().st_size / 1e6
    return File(cohort.values.size, size, peak=peak * unit / 1e6, **{n: median(times) for n, times in taken.items()})


def _write(cohort: Cohort, file: Path) -> None:
    with file.open("w", encoding="utf-8") as out:
        out.write("series,at,value\n")
        for row in range(len(cohort.values)):
            name = cohort.name(row)
            for p in _points(cohort, row):
                out.write(f"{name},{p.at:%Y-%m-%dT%H:%M:%SZ},{'' if p.value is None else p.value}\n")


def _weighed(command: list[str], out: Path) -> int:
    """Run it; the most memory that it had, as the system counts it."""
    with out.open("wb") as target:
        done = subprocess.run(
            [sys.executable, "-c", WEIGHED, *command], cwd=ROOT, stdout=target, stderr=subprocess.PIPE, check=True
        )
    return int(done.stderr.split()[-1])
