"""The open benchmark in small: it measures by its protocol, compares two policies, and all that it writes follows."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from benchmarks.strain import tables, writing
from benchmarks.strain.__main__ import main
from benchmarks.strain.figures import figures
from benchmarks.strain.measuring import measured
from benchmarks.strain.protocol import Protocol, protocol
from fhir_alliance.chart import to_svg
from fhir_alliance.detection import policies


@pytest.fixture(scope="module")
def small() -> Protocol:
    whole = protocol(clients=30, seed=5)
    return replace(whole, instruments=("srs-v3",), variants=whole.variants[:1])


@pytest.fixture(scope="module")
def results(small: Protocol) -> Any:
    return json.loads(json.dumps(measured(small, lambda _: None)))


def test_every_policy_that_may_alert_is_measured_at_every_preset(results: Any) -> None:
    expected = {(p.id, preset) for p in policies().values() if p.push for preset in p.presets}
    told = results["instruments"]["srs-v3"]
    assert {(r["policy"], r["preset"]) for r in told["results"]} == expected
    assert {(r["policy"], r["preset"]) for r in told["random"]["results"]} == expected
    assert {c["policy"] for c in told["curves"]} == {id for id, _ in expected}
    assert {r["policy"] for r in told["variants"]} == {id for id, _ in expected}


def test_the_same_protocol_gives_the_same_results(small: Protocol, results: Any) -> None:
    assert json.loads(json.dumps(measured(small, lambda _: None))) == results


def test_tables_picture_and_figures_follow_from_the_results(results: Any) -> None:
    for name in writing.TABLES:
        lines = list(writing.TABLES[name](results))
        widths = {line.count(" | ") for line in lines if line.startswith("| ") and "–, " not in line}
        assert lines, name
        assert len(widths) == 1, name
    svg = to_svg(writing.drawn(results, "dark"))
    assert ">alliance-policy/1<" in svg
    said = figures(results)["alliance-policy/1"]["srs-v3"]
    assert set(said) == {"sensitive", "balanced", "specific"}
    assert list(tables.short(results))[-1].startswith("| `srs-v3`, specific |")


def test_marks_are_filled_and_nothing_else_is_touched(results: Any) -> None:
    page = "before\n<!-- strain: short -->\nold\n<!-- /strain -->\nafter\n"
    filled = writing.filled(page, results)
    assert filled.startswith("before\n<!-- strain: short -->\n| ")
    assert filled.endswith("\n<!-- /strain -->\nafter\n")
    assert "old" not in filled
    assert writing.filled(filled, results) == filled


def test_a_policy_does_not_differ_from_itself_and_a_sensitive_preset_does(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--compare", "alliance-policy/1", "alliance-policy/1@balanced", "--clients", "40"])
    same = capsys.readouterr().out
    figures_of = re.findall(r"([+-]\d+\.\d+) \(", same)
    assert len(figures_of) > 100
    assert set(figures_of) == {"+0.000"}
    main(["--compare", "alliance-policy/1@sensitive", "alliance-policy/1@specific", "--clients", "150"])
    first = capsys.readouterr().out.splitlines()[2]
    assert first.startswith("all ")
    assert re.search(r"\+\d\.\d{3} \(\+\d\.\d{3} \+\d\.\d{3}\)\*", first)


def test_committed_results_keep_to_the_protocol(capsys: pytest.CaptureFixture[str]) -> None:
    told = writing.saved()["protocol"]
    standard = protocol()
    assert (told["seed"], told["clients"], told["sessions"]) == (standard.seed, standard.clients, standard.sessions)
    assert [v["name"] for v in told["variants"]] == [v.name for v in standard.variants]
    with pytest.raises(SystemExit):
        main(["--seed", "3"])
    assert "keep to the protocol" in capsys.readouterr().err
