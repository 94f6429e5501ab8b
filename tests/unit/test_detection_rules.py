"""The rules of `alliance-policy/1`, each at its boundary: onset, early step, low start, presets."""

from __future__ import annotations

from math import sqrt

import pytest
from strain_series import SRS, WAI, detect, events

from fhir_alliance.detection import PRESETS, policy
from fhir_alliance.errors import ConfigError
from fhir_alliance.model import Change

FLAT = Change(rc90=0.5, rc95=0.6, rc99=0.8, s0=0.1, low=None, minimum=1, maximum=5)
"""So little variation that only the reliable change decides."""


def spread(k: int, s0: float, nu0: float = 6) -> float:
    """sp of k equal scores: sigma* has no squares of its own."""
    return sqrt(nu0 * s0 * s0 / (nu0 + k - 1)) * sqrt(1 + 1 / k)


def test_a_fall_fires_at_the_reliable_change_and_not_a_hair_above() -> None:
    assert events("4 4 4 3.5", FLAT) == [("drop", 4, 2)]
    assert events("4 4 4 3.5000000005", FLAT) == [("drop", 4, 2)]  # within 1e-9
    assert events("4 4 4 3.50000001", FLAT) == []


def test_a_fall_fires_at_z_and_not_a_hair_above() -> None:
    limit = 4 - 2.0 * spread(3, 0.33)
    assert limit < 3.5
    assert events(f"4 4 4 {limit:.17g}") == [("drop", 4, 2)]
    assert events(f"4 4 4 {limit + 1e-10:.17g}") == [("drop", 4, 2)]
    assert events(f"4 4 4 {limit + 1e-7:.17g}") == []


def test_no_personal_baseline_before_three_scores() -> None:
    """A fall of .75 is less than the early step of .80, but more than the limit from three scores on."""
    assert events("4 4 3.25", FLAT) == []
    assert events("4 4 4 3.25", FLAT) == [("drop", 4, 2)]


def test_severe_needs_both_z_three_and_twice_the_reliable_change() -> None:
    assert events("4 4 4 3.0", FLAT) == [("drop", 4, 3)]
    assert events("4 4 4 3.0000000005", FLAT) == [("drop", 4, 3)]
    assert events("4 4 4 3.001", FLAT) == [("drop", 4, 2)]
    wide = Change(rc90=0.5, rc95=0.6, rc99=0.8, s0=0.5, low=None, minimum=1, maximum=5)
    assert 2.0 < 1.3 / spread(3, 0.5) < 3.0
    assert events("4 4 4 2.7", wide) == [("drop", 4, 2)]


def test_a_severe_onset_is_one_event_and_never_persists() -> None:
    assert events("4.5 4.5 4.5 3.0 3.0 3.0 3.0") == [("drop", 4, 3), ("unrepaired", 7, 0)]


def test_the_early_step_compares_with_the_score_before() -> None:
    assert events("4.0 3.2") == [("early-step", 2, 2)]
    assert events("4.0 3.2000000005") == [("early-step", 2, 2)]
    assert events("4.0 3.21") == []
    found = detect("4.5 4.0 3.2").events[0]
    assert (found.kind, found.index, found.baseline) == ("early-step", 3, 4.0)
    assert found.spread == pytest.approx(0.33 * sqrt(2))
    assert found.z == pytest.approx(0.8 / (0.33 * sqrt(2)))
    assert found.drop == pytest.approx(0.8)


def test_an_early_step_is_never_severe_but_can_persist() -> None:
    assert events("5 1.5") == [("early-step", 2, 2)]
    assert events("5 1.5 1.6") == [("early-step", 2, 2), ("persisting", 3, 3)]


def test_the_baseline_is_the_newest_eight_scores() -> None:
    step = detect("1 2 3 3.5 3.6 3.7 3.8 3.9 4 4 4").steps[-1]
    assert [p.value for p in step.base] == [3, 3.5, 3.6, 3.7, 3.8, 3.9, 4, 4]


def test_low_is_strict() -> None:
    assert events("2.9 2.9 2.9") == [("low-early", 3, 2)]
    assert events("3 3 3") == []
    assert events("2.9999999999 3 3") == []
    assert events("2.99 3 3") == [("low-early", 3, 2)]
    assert events("29.9 30 30", SRS) == [("low-early", 3, 2)]


def test_low_early_looks_at_the_third_score_only() -> None:
    assert events("2.9 - 2.9 - 2.9") == [("low-early", 5, 2)]
    assert events("3.5 3.5 3.0 2.7 2.7 2.7") == []
    assert events("2.9 2.9 2.9 2.9 2.9 2.9 2.9") == [("low-early", 3, 2)]


def test_low_early_yields_to_any_other_rule_and_to_an_open_episode() -> None:
    assert events("3.1 3.1 2.2") == [("early-step", 3, 2)]
    assert events("3.4 2.5 2.6") == [("early-step", 2, 2)]


def test_a_low_early_score_joins_the_history() -> None:
    step = detect("2.75 2.92 2.83 3.00").steps[-1]
    assert [p.value for p in step.base] == [2.75, 2.92, 2.83]


def test_low_early_without_a_low_value() -> None:
    assert events("1 1 1", FLAT) == []


@pytest.mark.parametrize(("preset", "z"), [("sensitive", 1.645), ("balanced", 2.0), ("specific", 2.33)])
def test_presets_move_the_z_that_fires(preset: str, z: float) -> None:
    limit = 4.5 - z * spread(4, 0.4)
    steady = Change(rc90=0.4, rc95=0.6, rc99=0.8, s0=0.4, low=None, minimum=1, maximum=5)
    assert events(f"4.5 4.5 4.5 4.5 {limit - 1e-6}", steady, preset=preset) == [("drop", 5, 2)]
    assert events(f"4.5 4.5 4.5 4.5 {limit + 1e-6}", steady, preset=preset) == []
    assert PRESETS[preset] == z
    assert policy(preset=preset).preset == preset


def test_unknown_policies_and_presets_are_refused() -> None:
    with pytest.raises(ConfigError, match="alliance-policy/1"):
        policy("alliance-policy/9")
    with pytest.raises(ConfigError, match="sensitive"):
        policy(preset="paranoid")


def test_scores_off_the_scale_and_not_finite_are_no_scores() -> None:
    assert events("4 4 0.9 5.1 nan inf -inf 4 3.2") == [("drop", 9, 2)]
    steps = detect("4 4 0.9 5.1 nan inf -inf 4 3.2").steps
    assert [s.index for s in steps] == [1, 2, 8, 9]


def test_the_ends_of_the_scale_are_scores_whatever_rounding_does() -> None:
    assert len(detect("5.0000000000000009 1 0.9999999999999999").steps) == 3


def test_a_steps_limit_is_what_fires() -> None:
    for series in ("4 4.2 4.1", "4.0", "4.3 4.1 4.2 4.5 3.9 4.4"):
        *_, step = detect(f"{series} 5").steps
        assert step.limit is not None
        assert len(detect(f"{series} {step.limit}").events) == 1
        assert detect(f"{series} {step.limit + 1e-6}").events == ()


def test_what_is_lacking_is_said() -> None:
    assert detect("").insufficient == "0 of the 3 scores that a personal baseline needs"
    assert detect("4 - 4").insufficient == "2 of the 3 scores that a personal baseline needs"
    assert detect("4 4 4").insufficient is None
    assert detect("4 4 4 > 4").insufficient == "1 of the 3 scores that a personal baseline needs"
    assert detect("4 3").insufficient is None  # an episode is open


def test_values_of_an_event() -> None:
    (drop,) = detect("4.00 4.17 4.08 4.25 4.17 3.33", WAI).events
    assert drop.value == 3.33
    assert drop.baseline == pytest.approx(4.134, abs=1e-12)
    assert drop.drop == pytest.approx(0.804, abs=1e-12)
    assert drop.z == pytest.approx(drop.drop / drop.spread)  # type: ignore[operator]
    assert drop.source == "response-6"
