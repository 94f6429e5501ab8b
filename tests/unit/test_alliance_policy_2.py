"""The rules of `alliance-policy/2`, each at its boundary and worked by hand, and where it differs from the first."""

from __future__ import annotations

from datetime import timedelta
from math import isnan, sqrt

import numpy as np
import pytest
from array_parity import Rows, readable, vectorised
from hypothesis import given, settings
from hypothesis import strategies as st
from strain_series import SRS, WAI, points
from test_detection_array import cohorts

from fhir_alliance.detection import policy
from fhir_alliance.detection.alliance import PersonalFall
from fhir_alliance.detection.alliance2 import PRESETS, OwnFall
from fhir_alliance.detection.array_alliance2 import OwnFalls
from fhir_alliance.detection.array_rules import array_rule
from fhir_alliance.detection.following import Following
from fhir_alliance.detection.policy import RulePolicy
from fhir_alliance.detection.reference import Reference
from fhir_alliance.instruments import get
from fhir_alliance.model import Change, Detection
from fhir_alliance.simulate import Parameters, generate
from fhir_alliance.wording import evidence, sentence

TWO = "alliance-policy/2"
FLAT = Change(rc90=0.5, rc95=0.6, rc99=0.8, s0=0.1, low=None, minimum=1, maximum=5)
"""So little variation that only the reliable change decides."""


def detect(series: str, change: Change = WAI, *, id: str = TWO, preset: str = "balanced") -> Detection:
    return policy(id, preset=preset).run(points(series), change)


def events(series: str, change: Change = WAI, *, id: str = TWO, preset: str = "balanced") -> list[tuple[str, int, int]]:
    return [(e.kind, e.index, e.level) for e in detect(series, change, id=id, preset=preset).events]


def balanced(preset: str = "balanced") -> RulePolicy:
    found = policy(TWO, preset=preset)
    assert isinstance(found, RulePolicy)
    return found


def spread(k: int, s0: float = 0.33) -> float:
    """sp of k equal scores."""
    return sqrt(5.5 * s0 * s0 / (5.5 + k - 1)) * sqrt(1 + 1 / k)


@pytest.mark.parametrize(("preset", "z"), PRESETS.items())
def test_a_fall_fires_at_z_and_not_a_hair_above(preset: str, z: float) -> None:
    limit = 4 - z * spread(3)
    assert limit < 3.5
    assert events(f"4 4 4 {limit:.17g}", preset=preset) == [("drop", 4, 2)]
    assert events(f"4 4 4 {limit + 1e-7:.17g}", preset=preset) == []


def test_a_fall_is_at_least_the_reliable_change() -> None:
    assert events("4 4 4 3.5", FLAT) == [("drop", 4, 2)]
    assert events("4 4 4 3.50000001", FLAT) == []


def test_the_numbers_of_an_onset() -> None:
    """B = 20.67/5 = 4.134; squares .03692; sigma = sqrt((5.5 * .1089 + .03692) / 9.5); z = .804 / (sigma sqrt(1.2))."""
    (onset,) = detect("4.00 4.17 4.08 4.25 4.17 3.33").events
    sigma = sqrt((5.5 * 0.1089 + 0.03692) / 9.5)
    assert onset.baseline == pytest.approx(4.134)
    assert onset.spread == pytest.approx(sigma * sqrt(1.2))
    assert onset.z == pytest.approx(2.837, abs=5e-4)


def test_the_second_score_is_compared_with_the_first() -> None:
    assert events("4 3.2") == [("early-step", 2, 2)]
    assert events("4 3.21") == []


def test_the_third_score_is_compared_with_the_mean_of_two() -> None:
    """(4.5 + 4.0) / 2 = 4.25; .95 * .80 = .76 below it is 3.49."""
    assert events("4.5 4.0 3.49") == [("early-fall", 3, 2)]
    assert events("4.5 4.0 3.4900001") == []
    assert events("4.5 4.0 3.49", id="alliance-policy/1") == []
    found = detect("4.5 4.0 3.49").events[0]
    assert found.baseline == 4.25
    assert found.drop == pytest.approx(0.76)
    assert found.spread == pytest.approx(0.33 * sqrt(1.5))
    # After an unusually good session the ordinary one is no fall.
    assert events("4.0 4.8 4.0") == []
    assert events("4.0 4.8 4.0", id="alliance-policy/1") == [("early-step", 3, 2)]


def test_the_words_of_an_early_fall_are_true_of_it() -> None:
    (episode,) = detect("4.5 4.0 3.4").episodes
    assert sentence(get("wai-sr-c"), episode) == (
        "This score is 0.85 points below the average of the first 2 scores; that is more than measurement error. "
        "There are too few sessions yet to know this client's usual variation."
    )
    assert "First scores: 4.25 (2026-01-05 4.50, 01-12 4.00)." in evidence(get("wai-sr-c"), episode, policy=TWO)
    assert "Rule: alliance-policy/2." in evidence(get("wai-sr-c"), episode, policy=TWO)


def test_an_early_fall_is_never_severe_but_can_persist() -> None:
    assert events("5 5 1.5") == [("early-fall", 3, 2)]
    assert events("5 5 1.5 1.6") == [("early-fall", 3, 2), ("persisting", 4, 3)]


REPAIRED = "4.2 4.1 4.2 4.1 3.3 4.2"


def test_a_severe_fall_is_told_in_the_cooldown_as_a_check_in() -> None:
    before = [("drop", 5, 2), ("repaired", 6, 0)]
    assert events(REPAIRED) == before
    assert events(f"{REPAIRED} 2.6") == [*before, ("drop", 7, 2)]
    assert events(f"{REPAIRED} 4.1 2.6 2.7") == [*before, ("drop", 8, 2), ("persisting", 9, 3)]
    assert events(f"{REPAIRED} 2.6", id="alliance-policy/1") == [*before, ("cooldown", 7, 1)]


def test_a_fall_that_is_not_severe_waits_for_the_end_of_the_cooldown() -> None:
    before = [("drop", 5, 2), ("repaired", 6, 0)]
    assert events(f"{REPAIRED} 3.3 3.3") == [*before, ("cooldown", 7, 1), ("cooldown", 8, 1)]
    assert events(f"{REPAIRED} 4.1 4.2 3.3") == [*before, ("drop", 9, 2)]


def test_a_severe_onset_outside_the_cooldown_is_a_priority_at_once() -> None:
    assert events("4.5 4.5 4.5 3.0 3.0 3.0 3.0") == [("drop", 4, 3), ("unrepaired", 7, 0)]


@pytest.mark.parametrize(
    ("series", "change", "expected"),
    [
        ("4.00 4.17 4.08 4.25 4.17 3.33 4.17 4.25", WAI, [("drop", 6, 2), ("repaired", 7, 0)]),
        ("4.75 4.83 4.83 4.83 4.83 4.42 4.83", WAI, []),
        (
            "4.25 4.17 4.33 4.25 3.42 - 3.33 3.42 3.50",
            WAI,
            [("drop", 5, 2), ("persisting", 7, 3), ("unrepaired", 9, 0)],
        ),
        ("2.75 2.92 2.83 3.00", WAI, [("low-early", 3, 2)]),
        ("5 5 5 5 4.92 3.83 4.92", WAI, [("ceiling", 5, 1), ("drop", 6, 3), ("repaired", 7, 0)]),
        ("37.2 38.0 37.6 38.4 31.9 37.0 38.1", SRS, [("drop", 5, 2), ("repaired", 6, 0)]),
        ("34.1 33.8 34.6 34.0 33.5 34.4", SRS, []),
    ],
)
def test_on_the_worked_sequences_it_agrees_with_the_first(
    series: str, change: Change, expected: list[tuple[str, int, int]]
) -> None:
    assert events(series, change) == expected == events(series, change, id="alliance-policy/1")


def test_a_swinging_client_is_told_of_once_where_the_first_policy_sees_a_step() -> None:
    """Worked sequence W3: 3.25 is .375 below the mean of 3.00 and 4.25, no fall; later swings are usual by then."""
    assert events("3.00 4.25 3.25 4.50 3.08 4.33 3.00") == []


# -- the array form ------------------------------------------------------------------------------


@given(cohorts(), st.sampled_from(sorted(PRESETS)), st.none() | st.floats(1, 5), st.integers(0, 3000))
@settings(deadline=None)
def test_the_array_form_says_the_same(
    found: tuple[Change, list[Rows]], preset: str, cutoff: float | None, day: int
) -> None:
    change, cohort = found
    by, as_of = balanced(preset), timedelta(days=day) if day else None
    assert isinstance(array_rule(by.rule), OwnFalls)
    assert vectorised(cohort, change, by, cutoff, as_of) == readable(cohort, change, by, cutoff, as_of)


@given(cohorts(), st.data())
@settings(deadline=None)
def test_the_array_form_says_the_same_under_any_constants(
    found: tuple[Change, list[Rows]], data: st.DataObject
) -> None:
    change, cohort = found
    rule = OwnFall(
        zc=data.draw(st.floats(0.1, 4)),
        zp=data.draw(st.floats(0.1, 6)),
        window=data.draw(st.integers(1, 13)),
        minimum_base=data.draw(st.integers(1, 6)),
        nu0=data.draw(st.floats(0.5, 12)),
        from_two=data.draw(st.floats(0.1, 1.5)),
    )
    following = Following(
        cooldown=data.draw(st.integers(0, 5)),
        severe_in_cooldown=data.draw(st.booleans()),
        horizon=data.draw(st.integers(1, 6)),
        early=3,
    )
    by = RulePolicy(TWO, rule, rule.zc, "balanced", following)
    assert vectorised(cohort, change, by) == readable(cohort, change, by)


@pytest.mark.parametrize("instrument", ["wai-sr-c", "srs-v3"])
def test_the_array_form_says_the_same_of_a_clinic(instrument: str) -> None:
    """Ceiling, gaps, strains, and enough of them that each kind of event is there."""
    clinic = Parameters(ceiling_share=0.4, missing=0.3, strain_rate=0.08)
    made = generate(clinic, get(instrument), 400, (4, 30), 11)
    rows: list[Rows] = [
        [
            (timedelta(days=float(wait)), None if isnan(value) else float(value))
            for wait, value in zip(np.diff(days[:length], prepend=0), values[:length], strict=True)
        ]
        for values, days, length in zip(made.values, made.days, made.length, strict=True)
    ]
    told, still = vectorised(rows, get(instrument).change, balanced())
    assert (told, still) == readable(rows, get(instrument).change, balanced())
    kinds = {kind for _, _, _, kind, *_ in told}
    assert kinds >= {"drop", "early-step", "early-fall", "cooldown", "persisting", "repaired", "unrepaired", "ceiling"}


def test_a_rule_made_from_another_is_not_judged_by_the_other_ones_array_form() -> None:
    class Deaf(PersonalFall, frozen=True):
        def level(self, reference: Reference, value: float, change: Change) -> int:
            return 0

    deaf = RulePolicy("deaf/1", Deaf(), 2.0)
    cohort: list[Rows] = [[(timedelta(weeks=1), value) for value in (4.0, 4.0, 4.0, 2.0)]]
    assert vectorised(cohort, WAI, deaf) == readable(cohort, WAI, deaf) == ([], [False])


def test_the_constants() -> None:
    assert OwnFall() == OwnFall(zc=2.035, zp=3.0, window=8, minimum_base=3, nu0=5.5, from_two=0.95)
