"""The rate of read + score + detect against the raw walk over the same pages.

Both walks follow the next links of one keep-alive connection. The raw one is the standard library's
http.client that looks at nothing but the link; the other is the program's own code, as `sync` runs it:
client, paged search, decoding, scoring, placing, detection.
"""

from __future__ import annotations

import http.client
import re
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from fhir_alliance.config import Endpoint
from fhir_alliance.derive import stories, strains
from fhir_alliance.detection import SitePolicies, policy
from fhir_alliance.fhir.http import FhirClient
from fhir_alliance.fhir.inbound import Rules, decode_response, rules
from fhir_alliance.fhir.search import search
from fhir_alliance.instruments import load_all
from fhir_alliance.model import Point, Reading
from fhir_alliance.placing import PlacingRules, Surroundings, place
from fhir_alliance.scoring import score

from . import data

NOW = data.LATEST + timedelta(days=2)
INSTRUMENT, SCALES = "wai-sr-c", 4
NEXT = re.compile(rb'"next","url":"([^"]+)"').search


@dataclass(frozen=True, slots=True)
class Walked:
    """What one page size gave. Rates in responses a second, times of the program in CPU us per response.

    raw, program  medians of the rounds
    ratio         median of the rounds' own ratios
    read          client, pages, decoding and scoring
    detect        placing, detection and strains; of which `policy` alone
    """

    page_size: int
    responses: int
    megabytes: float
    rounds: int
    raw: float
    program: float
    ratio: float
    read: float
    detect: float
    policy: float


@dataclass(frozen=True, slots=True)
class Round:
    """Seconds of one round: both walks by the clock, and the program's CPU by part."""

    raw: float
    program: float
    read: float
    detect: float


def walked(base: str, page_size: int, responses: int, rounds: int) -> Walked:
    """Both walks over the same pages, in turn, after one round that does not count."""
    program = Program(base)
    first = f"{base}/QuestionnaireResponse?_count={page_size}"
    size = raw_walk(first)
    taken = [_round(program, first, page_size, responses) for _ in range(rounds + 1)][1:]
    policy_alone = program.policy_seconds(program.read(page_size))
    each = 1e6 / responses
    return Walked(
        page_size,
        responses,
        size / 1e6,
        rounds,
        raw=responses / median(r.raw for r in taken),
        program=responses / median(r.program for r in taken),
        ratio=median(r.raw / r.program for r in taken),
        read=each * median(r.read for r in taken),
        detect=each * median(r.detect for r in taken),
        policy=each * policy_alone,
    )


def _round(program: Program, first: str, page_size: int, responses: int) -> Round:
    start = time.perf_counter()
    raw_walk(first)
    raw = time.perf_counter() - start
    start, began = time.perf_counter(), time.process_time()
    found = program.read(page_size)
    between = time.process_time()
    program.detect(found)
    ended = time.process_time()
    whole = time.perf_counter() - start
    if (scored := sum(len(r.scores) == SCALES for readings in found.values() for r in readings)) != responses:
        raise RuntimeError(f"{scored} of {responses} responses were scored")
    return Round(raw, whole, between - began, ended - between)


def raw_walk(first: str) -> int:
    """GET every page and look for the next link; bytes in all."""
    address = urlsplit(first)
    connection = http.client.HTTPConnection(address.hostname or "", address.port)
    host = f"{address.scheme}://{address.netloc}"
    target, size = first.removeprefix(host), 0
    try:
        while target:
            connection.request("GET", target)
            body = connection.getresponse().read()
            size += len(body)
            link = NEXT(body, 0, 1000)
            target = link[1].decode().removeprefix(host) if link else ""
    finally:
        connection.close()
    return size


class Program:
    """The program's own path from an endpoint to its strains."""

    def __init__(self, base: str):
        self.client = FhirClient(Endpoint(base_url=base), Path())
        self.rules: Rules = rules(None, None, now=NOW, require_id=True)
        self.instruments = load_all()
        self.policy = policy()
        self.placing = PlacingRules()

    def read(self, page_size: int) -> dict[str, list[Reading]]:
        """Every response, scored, by patient."""
        found: dict[str, list[Reading]] = defaultdict(list)

        def take(raw: bytes) -> None:
            reading = decode_response(raw, self.rules)
            found[reading.patient or ""].append(reading)

        search(self.client, "QuestionnaireResponse", (), take=take, page_size=page_size, page_cap=10_000)
        return found

    def detect(self, found: Mapping[str, list[Reading]]) -> int:
        """Every series through the policy, one patient after the other; possible strains in all."""
        count = 0
        for readings in found.values():
            placed = place(readings, self.instruments, Surroundings(), self.placing)
            told = stories(placed.kept, self.instruments, SitePolicies(self.policy), cutoffs={}, as_of=NOW)
            count += len(strains(told))
        return count

    def policy_seconds(self, found: Mapping[str, list[Reading]]) -> float:
        """CPU seconds of the policy alone, on series that are made already."""
        change = self.instruments[INSTRUMENT].change
        series = [
            [Point(r.at, r.scores[-1].value, r.at, r.id or "") for r in readings if r.at] for readings in found.values()
        ]
        start = time.process_time()
        for points in series:
            self.policy.run(points, change, as_of=NOW)
        return time.process_time() - start


def scoring() -> float:
    """CPU us of scoring one complete response."""
    instrument, answers = load_all()[INSTRUMENT], {n: float(1 + n % 5) for n in range(1, data.ITEMS + 1)}
    times = 5000
    start = time.process_time()
    for _ in range(times):
        score(instrument, answers)
    return 1e6 * (time.process_time() - start) / times
