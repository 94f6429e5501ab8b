"""The figures that alerts quote: those of the committed benchmark, and none that were not measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fhir_alliance.figures import figures

ROOT = Path(__file__).parents[2]


def test_they_are_what_the_results_say() -> None:
    results = json.loads((ROOT / "benchmarks/strain/results.json").read_text(encoding="utf-8"))
    told = json.loads((ROOT / "fhir_alliance/figures.json").read_text(encoding="utf-8"))
    seen = 0
    for id, measured in results["instruments"].items():
        for result in measured["results"]:
            if result["stratum"] == "all":
                said = told[result["policy"]][id][result["preset"]]
                l2, lasting = result["false_alarms_per_100"]["L2"], result["seen_by_2"]
                assert said["false_checkins"] == [l2[k] for k in ("estimate", "low", "high")]
                assert said["found_lasting"] == [lasting[k] for k in ("estimate", "low", "high")]
                seen += 1
    assert seen == sum(len(presets) for by_instrument in told.values() for presets in by_instrument.values())
    assert seen > 20


@pytest.mark.parametrize(("instrument", "preset"), [("wai-sr-c", "balanced"), ("srs-v3", "specific")])
def test_every_figure_has_its_interval(instrument: str, preset: str) -> None:
    found = figures(instrument, preset)
    assert found
    for figure in (found.false_checkins, found.false_priority, found.found_at_once, *found.right.values()):
        assert figure.low is not None
        assert figure.high is not None
        assert figure.low < figure.estimate < figure.high


def test_nothing_is_borrowed() -> None:
    assert figures("ors") is None
    assert figures("wai-sr-c", "another") is None
    assert figures("wai-sr-c", "balanced", "another/1") is None
