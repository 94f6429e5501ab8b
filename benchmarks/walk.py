"""The rate of read + score + detect against the raw walk over the same pages.

All walks follow the next links of one keep-alive connection. The raw one is the standard library's
http.client that looks at nothing but the link; the bare one besides decodes the twelve answers and adds
them up, and checks nothing; the third is the program's own code, as `sync` runs it: client, paged search,
decoding, scoring, placing, detection.
"""

from __future__ import annotations

import http.client
import re
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import msgspec

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

    raw, bare, program  medians of the rounds
    ratio, to_bare      medians of the rounds' own ratios, to the raw walk and to the bare one
    read          client, pages, decoding and scoring
    detect        placing, detection and strains; of which `policy` alone
    """

    page_size: int
    responses: int
    megabytes: float
    rounds: int
    raw: float
    bare: float
    program: float
    ratio: float
    to_bare: float
    read: float
    detect: float
    policy: float


@dataclass(frozen=True, slots=True)
class Round:
    """Seconds of one round: the walks by the clock, and the program's CPU by part."""

    raw: float
    bare: float
    program: float
    read: float
    detect: float


def walked(base: str, page_size: int, responses: int, rounds: int) -> Walked:
    """The walks over the same pages, in turn, after one round that does not count."""
    program = Program(base)
    first = f"{base}/QuestionnaireResponse?_count={page_size}"
    size = sum(map(len, raw_walk(first)))
    taken = [_round(program, first, page_size, responses) for _ in range(rounds + 1)][1:]
    policy_alone = program.policy_seconds(program.read(page_size))
    each = 1e6 / responses
    return Walked(
        page_size,
        responses,
        size / 1e6,
        rounds,
        raw=responses / median(r.raw for r in taken),
        bare=responses / median(r.bare for r in taken),
        program=responses / median(r.program for r in taken),
        ratio=median(r.raw / r.program for r in taken),
        to_bare=median(r.bare / r.program for r in taken),
        read=each * median(r.read for r in taken),
        detect=each * median(r.detect for r in taken),
        policy=each * policy_alone,
    )


def _round(program: Program, first: str, page_size: int, responses: int) -> Round:
    start = time.perf_counter()
    for _ in raw_walk(first):
        pass
    raw = time.perf_counter() - start
    start = time.perf_counter()
    added = sum(bare_totals(page) for page in raw_walk(first))
    bare = time.perf_counter() - start
    if added != responses:
        raise RuntimeError(f"{added} of {responses} responses were added up")
    start, began = time.perf_counter(), time.process_time()
    found = program.read(page_size)
    between = time.process_time()
    program.detect(found)
    ended = time.process_time()
    whole = time.perf_counter() - start
    if (scored := sum(len(r.scores) == SCALES for readings in found.values() for r in readings)) != responses:
        raise RuntimeError(f"{scored} of {responses} responses were scored")
    return Round(raw, bare, whole, between - began, ended - between)


def raw_walk(first: str) -> Iterator[bytes]:
    """GET every page and look for the next link."""
    address = urlsplit(first)
    connection = http.client.HTTPConnection(address.hostname or "", address.port)
    host = f"{address.scheme}://{address.netloc}"
    target = first.removeprefix(host)
    try:
        while target:
            connection.request("GET", target)
            body = connection.getresponse().read()
            yield body
            link = NEXT(body, 0, 1000)
            target = link[1].decode().removeprefix(host) if link else ""
    finally:
        connection.close()


class _Weight(msgspec.Struct, rename="camel"):
    value_decimal: float = 0


class _Coding(msgspec.Struct, rename="camel"):
    extension: tuple[_Weight, ...] = ()


class _Answer(msgspec.Struct, rename="camel"):
    value_integer: int = 0
    value_coding: _Coding = msgspec.field(default_factory=_Coding)


class _Item(msgspec.Struct, rename="camel"):
    link_id: str
    answer: tuple[_Answer, ...] = ()


class _Response(msgspec.Struct, rename="camel"):
    item: tuple[_Item, ...] = ()


class _Entry(msgspec.Struct, rename="camel"):
    resource: _Response


class _Page(msgspec.Struct, rename="camel"):
    entry: tuple[_Entry, ...] = ()


_decode = msgspec.json.Decoder(_Page).decode


def bare_totals(page: bytes) -> int:
    """Add up the answers of each response of a page, and look at nothing else; how many had a total."""
    totals = [
        sum(
            a.value_integer or sum(w.value_decimal for w in a.value_coding.extension)
            for i in e.resource.item
            for a in i.answer
        )
        for e in _decode(page).entry
    ]
    return sum(total >= data.ITEMS for total in totals)


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
