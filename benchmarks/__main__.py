"""Measure, and print tables (or JSON): `python -m benchmarks [--quick] [--json]`."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from . import data, detection, due, process, walk
from .server import serving

GOALS = {100: (0.25, 0.15), 1000: (0.28, 0.15)}
"""Page size → goal and floor of the ratio to the raw walk."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much to measure. `memory` are two numbers of responses, `sessions` those of the detection; `cohort` and
    `due` are patients."""

    responses: int
    rounds: int
    start_patients: int
    start_rounds: int
    memory: tuple[int, int]
    sessions: int
    detection_rounds: int
    cohort: int
    due: int


FULL = Sizes(20_000, 9, 50, 9, (10_000, 100_000), 1_000_000, 5, 10_000, 200)
QUICK = Sizes(4_000, 5, 10, 3, (1_000, 5_000), 50_000, 3, 1_000, 40)


@dataclass(frozen=True, slots=True)
class Measured:
    """One run."""

    python: str
    cpus: int
    walks: tuple[walk.Walked, ...]
    scoring: float
    start: process.Start
    memory: tuple[process.Peak, process.Peak]
    arrays: detection.Arrays
    file: detection.File
    passes: due.Passes
    seconds: float


def measure(sizes: Sizes) -> Measured:
    """Everything, one after the other."""
    began = time.monotonic()
    patients = sizes.responses // data.SESSIONS
    with serving(patients, *GOALS) as base:
        walks = [walk.walked(base, size, sizes.responses, sizes.rounds) for size in GOALS]
    scoring = walk.scoring()
    with tempfile.TemporaryDirectory() as folder:
        start = process.started(sizes.start_patients, sizes.start_rounds, Path(folder))
        small, large = (process.peak(n, Path(folder)) for n in sizes.memory)
        arrays, file = detection.detected(sizes.sessions, sizes.detection_rounds, Path(folder))
    return Measured(
        python=platform.python_version(),
        cpus=os.cpu_count() or 1,
        walks=tuple(walks),
        scoring=scoring,
        start=start,
        memory=(small, large),
        arrays=arrays,
        file=file,
        passes=due.passes(sizes.cohort, sizes.due),
        seconds=time.monotonic() - began,
    )


def tables(m: Measured) -> str:
    """The run for a person."""
    w, s, (small, large) = m.walks[0], m.start, m.memory
    share = w.policy / (w.read + w.detect)
    return "\n".join(
        [
            f"Python {m.python}, {m.cpus} CPUs, {m.seconds:.0f} s",
            "",
            f"Read, score and detect {w.responses:,} responses ({w.megabytes:.0f} MB), in responses per second,",
            "beside a raw walk of the same pages and one that only adds the answers up",
            "  page size   raw walk   bare sums   program   of bare   of raw   goal   floor",
            *(
                f"  {x.page_size:>9}   {x.raw:>8,.0f}   {x.bare:>9,.0f}   {x.program:>7,.0f}   {x.to_bare:>7.2f}"
                f"   {x.ratio:>6.2f}   {GOALS[x.page_size][0]:>4.2f}   {GOALS[x.page_size][1]:>5.2f}"
                for x in m.walks
            ),
            "",
            "Where its CPU goes, at the smaller pages (microseconds per response)",
            f"  read and score      {w.read:>6.1f}    scoring alone     {m.scoring:>5.1f}",
            f"  place and detect    {w.detect:>6.1f}    the policy alone  {w.policy:>5.1f}, {share:.0%} of all",
            "",
            f"Start-up: a sync of {s.patients} patients that finds nothing new, whole process (s)",
            f"  empty program       {s.empty:>6.2f}",
            f"  import requests     {s.requests:>6.2f}",
            f"  sync                {s.sync:>6.2f}    {s.sync / s.requests:.1f} times import requests",
            "",
            "Memory: peak of a first sync, whole process, writing off (MB)",
            *(f"  {p.responses:>7,} responses   {p.megabytes:>6.0f}    {p.seconds:>5.0f} s" for p in m.memory),
            f"  growth              {large.megabytes / small.megabytes:>6.2f}",
            "",
            *due.table(m.passes),
            "",
            *_detection(m.arrays, m.file),
        ]
    )


def _detection(a: detection.Arrays, f: detection.File) -> list[str]:
    return [
        f"Detection: {a.sessions:,} dyad-sessions in memory, one core (s)",
        f"  array form          {a.seconds:>6.2f}    {a.sessions / a.seconds:,.0f} a second",
        f"  readable form       {a.readable:>6.2f}    {a.readable / a.seconds:.0f} times as long; "
        f"the same {a.events:,} events",
        "",
        f"`detect --json` on a CSV of {f.rows:,} rows, {f.megabytes:.0f} MB, whole process (s)",
        f"  detect              {f.detect:>6.2f}    {f.peak:.0f} MB at most",
        f"  array form + rows   {a.seconds + f.plain:>6.2f}    detect takes {f.share(a):.2f} of it; goal: at most 1",
        f"  rows, as values     {f.plain:>6.2f}    plain Python: read them, write the events",
        f"  rows, as text       {f.text:>6.2f}    the csv module alone: read them",
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Speed and memory, as ratios of one run.")
    parser.add_argument("--quick", action="store_true", help="less of everything, in about half a minute")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    if not options.json:
        sys.stderr.write("Measuring; leave the machine alone meanwhile\n")
    measured = measure(QUICK if options.quick else FULL)
    print(json.dumps(asdict(measured)) if options.json else tables(measured))


if __name__ == "__main__":
    main()
