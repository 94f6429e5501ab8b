"""The benchmarks run, on very little data, and print every ratio. How fast anything is does not matter here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from benchmarks import __main__ as bench
from benchmarks import data, server, walk
from fhir_alliance.fhir.inbound import rules
from fhir_alliance.fhir.plain import read_plain

TINY = bench.Sizes(
    responses=200,
    rounds=2,
    start_patients=2,
    start_rounds=1,
    memory=(20, 40),
    sessions=2000,
    detection_rounds=1,
    cohort=120,
    due=8,
)


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with server.serving(3, 7) as address:
        yield address


def test_one_run_prints_every_ratio(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    measured = bench.measure(TINY)
    monkeypatch.setattr(bench, "measure", lambda _: measured)
    bench.main(["--json"])
    told = json.loads(capsys.readouterr().out)
    assert [(w["page_size"], w["responses"]) for w in told["walks"]] == [(100, 200), (1000, 200)]
    assert all(w["ratio"] > 0 and w["to_bare"] > 0 for w in told["walks"])
    assert told["start"]["sync"] > told["start"]["empty"] > 0
    assert [m["responses"] for m in told["memory"]] == [20, 40]
    assert told["arrays"]["sessions"] == told["file"]["rows"] == 2000
    assert told["arrays"]["events"] > 50
    assert told["file"]["peak"] > 10
    for way in told["passes"]["ways"]:
        for asked in (way["whole"], way["half_due"], way["half_cohort"]):
            # Beyond what is asked of each due patient there is a handful, and the pages of the roster.
            each = 4 if way["name"] == "watermark, each" else 2
            assert 0 <= asked["requests"] - each * asked["due"] - asked["roster"] <= 10, way
    assert told["passes"]["first"] > 2 * 124
    bench.main([])
    text = capsys.readouterr().out
    assert re.search(r"^ +100 .* 0\.25 +0\.15$", text, re.MULTILINE)
    assert re.search(r"^ +1000 .* 0\.28 +0\.15$", text, re.MULTILINE)
    assert all(
        words in text
        for words in ("times import requests", "growth", "of all", "of limit", "times as long", "goal: at most 1")
    )
    assert max(map(len, text.splitlines())) <= 80


def test_all_walks_see_every_response(base: str) -> None:
    program = walk.Program(base)
    found = program.read(7)
    assert sorted(found) == sorted(f"Patient/{data.patient_id(n)}" for n in range(3))
    assert {len(readings) for readings in found.values()} == {data.SESSIONS}
    pages = list(walk.raw_walk(f"{base}/QuestionnaireResponse?_count=7"))
    assert sum(map(len, pages)) > sum(len(r) for n in range(3) for r in data.responses(n))
    assert sum(map(walk.bare_totals, pages)) == 3 * data.SESSIONS
    assert program.detect(found) >= 0


@pytest.mark.parametrize("number", [0, 1])
def test_the_responses_are_ordinary_ones(number: int) -> None:
    by = rules(None, None, now=walk.NOW, require_id=True)
    for raw in data.responses(number):
        reading = read_plain(raw, by, None)
        assert reading is not None
        assert [s.answered for s in reading.scores] == [12, 4, 4, 4]
