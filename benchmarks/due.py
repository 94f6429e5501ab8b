"""How many requests a pass sends: does it follow the patients who are due, or the size of the cohort?

One first pass reads everybody. Then each way of reading is measured from a copy of that store, at three points: so
many patients with a new session in a cohort of so many; half of these due; half of the cohort. The server counts. The
limit is what nobody can do without who reads a patient: a search of its responses and one of its encounters.
"""

from __future__ import annotations

import http.client
import json
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fhir_alliance.config import load
from fhir_alliance.log import configure
from fhir_alliance.sync import sync

from .server import serving_by

CONFIG = """
[endpoint.main]
base_url = "{base}"
[endpoint.main.capability]
"QuestionnaireResponse.search._lastUpdated" = {stamped}
"QuestionnaireResponse.search.authored" = {dated}
"Encounter.search.date" = {dated}
[cohort]
{cohort}
max_shrink = 1.0
[read]
quiet_from = 0              # also a small cohort has a slower cycle, as a large one
quiet_every = "3650d"       # and nobody has a turn of that cycle while we measure
[store]
path = "alliance.db"
"""
GROUP, SEARCH = 'source = "group"\nid = "cohort"', 'source = "search"'
WAYS: Mapping[str, tuple[bool, bool, str]] = {
    "watermark, one search": (True, True, SEARCH),
    "watermark, each": (True, True, GROUP),
    "clinical-window": (False, True, GROUP),
    "full-diff": (False, False, GROUP),
}
"""Way → is `_lastUpdated` declared, are dates, and who is in the cohort."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Requests of one pass. `roster`: of these, to find who is in the cohort."""

    cohort: int
    due: int
    requests: int
    roster: int

    @property
    def to_limit(self) -> float:
        """Requests for each that cannot be done without."""
        return self.requests / (2 * self.due)


@dataclass(frozen=True, slots=True)
class Way:
    """One way of reading: the whole, with half of the due, with half of the cohort."""

    name: str
    whole: Asked
    half_due: Asked
    half_cohort: Asked

    @property
    def by_due(self) -> float:
        """What twice as many due patients cost."""
        return self.whole.requests / self.half_due.requests

    @property
    def by_cohort(self) -> float:
        """What a cohort twice as large costs."""
        return self.whole.requests / self.half_cohort.requests


@dataclass(frozen=True, slots=True)
class Passes:
    """Every way; and the requests of the first pass, which reads everybody."""

    first: int
    ways: tuple[Way, ...]


def passes(cohort: int, due: int) -> Passes:
    """Measure. A pass that does not read exactly who is due ends the benchmark."""
    configure("error")
    with serving_by("benchmarks.busy", cohort - due // 2, due) as base, tempfile.TemporaryDirectory() as folder:
        start = Path(folder, "start")
        start.mkdir()
        _ask(base, f"control?cohort={cohort + due - due // 2}&due=0")
        done = _sync(start, base, WAYS["watermark, each"])
        if done["patients"]["completed"] != cohort + due - due // 2:
            raise RuntimeError("the first pass did not read everybody")
        first = sum(_ask(base, "asked").values())
        points = ((cohort, due), (cohort, due // 2), (cohort // 2, due))
        ways = [Way(name, *(_pass(start, base, how, *point) for point in points)) for name, how in WAYS.items()]
    return Passes(first, tuple(ways))


def _pass(start: Path, base: str, how: tuple[bool, bool, str], cohort: int, due: int) -> Asked:
    _ask(base, f"control?cohort={cohort}&due={due}")
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder, "site")
        shutil.copytree(start, site)
        done = _sync(site, base, how)
    if (done["patients"]["cohort"], done["patients"]["completed"]) != (cohort, due):
        raise RuntimeError(f"a pass over {cohort} patients read {done['patients']['completed']}, and {due} were due")
    if done["outcomes"]["scored"] != 3 * due:
        raise RuntimeError("a pass did not score what it read")
    asked = _ask(base, "asked")
    return Asked(cohort, due, sum(asked.values()), asked.get("Patient", 0) + asked.get("Group", 0))


def _sync(site: Path, base: str, how: tuple[bool, bool, str]) -> dict[str, Any]:
    stamped, dated, cohort = how
    words = {True: "true", False: "false"}
    text = CONFIG.format(base=base, stamped=words[stamped], dated=words[dated], cohort=cohort)
    config = site / "fhir-alliance.toml"
    config.write_text(text, encoding="utf-8")
    return sync(load(config)).to_json()


def _ask(base: str, path: str) -> dict[str, int]:
    host, _, rest = base.removeprefix("http://").partition("/")
    with closing(http.client.HTTPConnection(host)) as connection:
        connection.request("GET", f"/{rest}/{path}")
        found: dict[str, int] = json.loads(connection.getresponse().read())
    return found


def table(p: Passes) -> list[str]:
    """For a person."""
    whole, half, fewer = p.ways[0].whole, p.ways[0].half_due, p.ways[0].half_cohort.cohort
    return [
        f"Requests of a pass over {whole.cohort:,} patients, {whole.due:,} with a session since the last one",
        f"(the first pass: {p.first:,}), beside two searches for each of these",
        f"  {'':<21}   all  roster  of limit  {f'{half.due} due':>7}  ratio  {f'of {fewer:,}':>8}  ratio",
        *(
            f"  {w.name:<21} {w.whole.requests:>5,}  {w.whole.roster:>6,}  {w.whole.to_limit:>8.2f}"
            f"  {w.half_due.requests:>7,}  {w.by_due:>5.2f}  {w.half_cohort.requests:>8,}  {w.by_cohort:>5.2f}"
            for w in p.ways
        ),
    ]
