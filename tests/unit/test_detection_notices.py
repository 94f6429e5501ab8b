"""Notices: first below the ceiling, slow fall, the site's cut-off, and subscales."""

from __future__ import annotations

from dataclasses import replace

import pytest
from strain_series import SRS, detect, events, points

from fhir_alliance.detection import policy, subscale_drops
from fhir_alliance.instruments import get
from fhir_alliance.model import Event, Point

# -- ceiling -------------------------------------------------------------------------------------


def test_ceiling_needs_three_maximal_scores_right_before() -> None:
    assert events("5 5 5 4.92") == [("ceiling", 4, 1)]
    assert events("5 5 4.92") == []
    assert events("5 5 5 5 5 4.92") == [("ceiling", 6, 1)]
    assert events("5 5 4.9 5 4.92") == []
    assert events("5 5 - 5 - 4.92") == [("ceiling", 6, 1)]
    assert events("40 40 40 39.9", SRS) == [("ceiling", 4, 1)]


def test_ceiling_comes_once_per_departure() -> None:
    assert events("5 5 5 4.92 4.9 4.85") == [("ceiling", 4, 1)]


def test_ceiling_forgives_binary_fractions() -> None:
    assert events("5 5 5 4.9999999999") == []
    assert events("4.9999999999 5 5 4.9") == [("ceiling", 4, 1)]


def test_ceiling_is_silent_where_a_rule_fires() -> None:
    assert events("5 5 5 4.1") == [("drop", 4, 2)]


# -- slow fall -----------------------------------------------------------------------------------


def test_slow_fall_needs_four_falling_scores_spanning_rc95() -> None:
    assert events("4.6 4.4 4.2 4.0") == [("slow-fall", 4, 1)]
    assert events("4.6 4.4 4.2 4.01") == []
    assert events("4.6 4.4 4.4 4.0") == []
    assert events("4.6 - 4.4 - 4.2 - 4.0") == [("slow-fall", 7, 1)]


def test_slow_fall_looks_at_the_newest_four() -> None:
    assert events("4.6 4.5 4.3 4.2 3.99") == []
    assert events("4.7 4.6 4.4 4.2 4.0") == [("slow-fall", 5, 1)]


def test_slow_fall_comes_once_per_falling_run() -> None:
    assert events("4.9 4.7 4.5 4.3 4.1") == [("slow-fall", 4, 1)]
    assert events("4.9 4.7 4.5 4.3 4.5 4.3 4.1 3.9") == [("slow-fall", 4, 1), ("slow-fall", 8, 1)]


def test_slow_fall_is_silent_where_a_rule_fires_or_an_episode_is_open() -> None:
    assert events("4.6 4.5 4.4 3.6") == [("drop", 4, 2)]
    assert events("4.6 3.8 3.7 3.6") == [("early-step", 2, 2), ("persisting", 4, 3)]
    cooling = events("4 4 4 3.2 4.0 3.9 3.8 3.1")
    assert cooling == [("drop", 4, 2), ("repaired", 5, 0), ("drop", 8, 2)]


# -- the site's cut-off --------------------------------------------------------------------------


def test_cut_off_fires_when_first_below() -> None:
    assert events("36 35.9 35 36 35.9", SRS, cutoff=36.0) == [("cut-off", 2, 1), ("cut-off", 5, 1)]
    assert events("35 - 35 > 35", SRS, cutoff=36.0) == [("cut-off", 1, 1), ("cut-off", 4, 1)]
    assert events("35.9999999999", SRS, cutoff=36.0) == []
    assert events("35 34", SRS) == []


def test_cut_off_stands_beside_whatever_else_happens() -> None:
    assert events("38 38 38 38 31", SRS, cutoff=36.0) == [("drop", 5, 2), ("cut-off", 5, 1)]
    assert events("4 4 4 3.1 3.6 3.6 3.0", cutoff=3.05) == [
        ("drop", 4, 2),
        ("persisting", 7, 3),
        ("cut-off", 7, 1),
        ("unrepaired", 7, 0),
    ]


def test_notices_carry_no_numbers() -> None:
    for series, options in [("5 5 5 4.9", {}), ("4.6 4.4 4.2 4.0", {}), ("3", {"cutoff": 4.0})]:
        (event,) = detect(series, **options).events  # type: ignore[arg-type]
        assert (event.baseline, event.spread, event.z, event.drop) == (None, None, None, None)


# -- subscales -----------------------------------------------------------------------------------

WAI_SR = get("wai-sr-c")


def drops(total: str, **scales: str) -> list[tuple[str, int, float]]:
    """(scale, index, drop) of subscale notices."""
    found = policy().run(points(total), WAI_SR.change)
    rows = {scale: points(series) for scale, series in scales.items()}
    notices = subscale_drops(rows, found, WAI_SR)
    assert {e.kind for e in notices} <= {"subscale-drop"}
    return [(e.scale, e.index, round(e.drop or 0, 6)) for e in notices]


def test_a_subscale_falls_while_the_total_is_quiet() -> None:
    assert drops("4 4 4 3.9", goal="4 4 4 3.25", bond="4 4 4 4.2") == [("goal", 4, 0.75)]
    assert drops("4 4 4 3.9", goal="4 4 4 3.2500000005") == [("goal", 4, 0.75)]
    assert drops("4 4 4 3.9", goal="4 4 4 3.26") == []


def test_the_subscale_has_its_own_baseline_over_the_totals_sessions() -> None:
    """The session in the episode is in no baseline: with it, goal's mean would be 3.36."""
    found = policy().run(points("4 4 4 3.1 4 4"), WAI_SR.change)
    (event,) = subscale_drops({"goal": points("3.5 3.5 3.5 2.8 3.5 2.7")}, found, WAI_SR)
    assert (event.index, event.baseline) == (6, 3.5)
    assert (event.level, event.spread, event.z, event.value) == (1, None, None, 2.7)


@pytest.mark.parametrize(
    ("total", "why"),
    [("4 4 4 3.2", "drop"), ("4 4 4 3.2 3.6", "open"), ("4 4 4 3.2 4 3.2", "cooldown")],
)
def test_subscales_are_silent_while_the_total_speaks(total: str, why: str) -> None:
    goal = " ".join(["4"] * (len(total.split()) - 1) + ["3"])
    assert drops(total, goal=goal) == []


def test_notices_of_the_total_do_not_silence_a_subscale() -> None:
    assert drops("5 5 5 4.9", task="5 5 5 4") == [("task", 4, 1.0)]


def test_subscales_need_three_baseline_scores_of_their_own() -> None:
    assert drops("4 4 4 3.9", goal="4 - 4 3") == []
    assert drops("4 4 4 4 3.9", goal="4 - 4 4 3") == [("goal", 5, 1.0)]
    assert drops("4 4 3.9", goal="4 4 3") == []
    assert drops("4 4 4 4", goal="4 4 4 -") == []


def test_scales_without_a_size_worth_a_notice_are_left_alone() -> None:
    quiet = replace(WAI_SR, scales=tuple(replace(s, notice_drop=None) for s in WAI_SR.scales))
    found = policy().run(points("4 4 4 3.9"), WAI_SR.change)
    assert subscale_drops({"goal": points("4 4 4 1")}, found, quiet) == ()


def test_several_subscales_come_by_session_then_in_the_instruments_order() -> None:
    assert drops("4 4 4 3.9 4", bond="4 4 4 3 3", goal="4 4 4 3 4", task="4 4 4 3 3")[:3] == [
        ("task", 4, 1.0),
        ("goal", 4, 1.0),
        ("bond", 4, 1.0),
    ]


def test_subscale_rows_are_matched_by_session_not_by_place() -> None:
    rows: list[Point] = points("4 4 4 3")
    found = policy().run(points("4 4 4 3.9"), WAI_SR.change)
    shuffled: tuple[Event, ...] = subscale_drops({"goal": rows[::-1]}, found, WAI_SR)
    assert [e.index for e in shuffled] == [4]
