"""Episodes: recovery, persisting, the horizon, rebaseline, cooldown, and the low-early check-in."""

from __future__ import annotations

from datetime import timedelta

import pytest
from strain_series import START, WAI, detect, events, points

from fhir_alliance.detection import policy
from fhir_alliance.model import Change, EpisodeState

FLAT = Change(rc90=0.5, rc95=0.6, rc99=0.8, s0=0.1, low=None, minimum=1, maximum=5)
OPENED = "4 4 4 3.4"  # drop .6: recovery needs 3.85, still low at 3.5 and below


def test_recovery_at_three_quarters_of_the_drop() -> None:
    assert events(f"{OPENED} 3.85", FLAT)[1:] == [("repaired", 5, 0)]
    assert events(f"{OPENED} 3.8499999995", FLAT)[1:] == [("repaired", 5, 0)]
    assert events(f"{OPENED} 3.84", FLAT)[1:] == []


def test_persisting_at_the_reliable_change_and_z() -> None:
    assert events(f"{OPENED} 3.5", FLAT)[1:] == [("persisting", 5, 3)]
    assert events(f"{OPENED} 3.51", FLAT)[1:] == []
    # z decides where variation is large: .62 is more than RC90, but less than two spreads.
    assert events("4 4 4 3.2 3.38") == [("drop", 4, 2)]


def test_persisting_comes_once() -> None:
    kinds = [kind for kind, _, _ in events(f"{OPENED} 3.4 3.4 3.4", FLAT)]
    assert kinds == ["drop", "persisting", "unrepaired"]


def test_the_score_that_closes_can_also_be_the_one_that_persists() -> None:
    assert events(f"{OPENED} 3.6 3.6 3.4", FLAT)[1:] == [("persisting", 7, 3), ("unrepaired", 7, 0)]


def test_recovery_is_tested_before_the_horizon() -> None:
    assert events(f"{OPENED} 3.6 3.6 3.9", FLAT)[1:] == [("repaired", 7, 0)]


def test_missing_forms_do_not_count_towards_the_horizon() -> None:
    assert events(f"{OPENED} - 3.6 - - 3.6 - 3.6", FLAT)[1:] == [("unrepaired", 11, 0)]


def test_closes_carry_the_numbers_of_their_episode() -> None:
    drop, repaired = detect(f"{OPENED} 3.9", FLAT).events
    assert (repaired.baseline, repaired.spread) == (drop.baseline, drop.spread)
    assert repaired.drop == pytest.approx(0.1)
    assert repaired.z == pytest.approx(0.1 / (drop.spread or 1))


def test_a_recovered_score_joins_the_history_and_the_low_ones_do_not() -> None:
    step = detect("4 4 4 3.4 3.6 3.9 4", FLAT).steps[-1]
    assert [p.value for p in step.base] == [4, 4, 4, 3.9]


def test_an_unrepaired_close_begins_anew_from_the_last_three_scores() -> None:
    step = detect(f"{OPENED} 3.6 3.61 - 3.62 3.63", FLAT).steps[-1]
    assert [p.value for p in step.base] == [3.6, 3.61, 3.62]


def test_in_an_episode_the_reference_stays_frozen() -> None:
    onset, *after = detect(f"{OPENED} 3.6 3.6", FLAT).steps[3:]
    assert {(s.baseline, s.spread) for s in after} == {(onset.baseline, onset.spread)}
    assert [s.in_episode for s in detect(f"4 {OPENED} 3.9 4", FLAT).steps] == [False] * 4 + [True, True, False]


def test_cooldown_lasts_two_valid_scores() -> None:
    closed = f"{OPENED} 4"
    low = "3.2"
    assert events(f"{closed} {low}", FLAT)[2:] == [("cooldown", 6, 1)]
    assert events(f"{closed} 4 {low}", FLAT)[2:] == [("cooldown", 7, 1)]
    assert events(f"{closed} - - 4 - {low}", FLAT)[2:] == [("cooldown", 10, 1)]
    assert events(f"{closed} 4 4 {low}", FLAT)[2:] == [("drop", 8, 2)]
    assert events(f"{closed} {low} {low} {low}", FLAT)[2:] == [
        ("cooldown", 6, 1),
        ("cooldown", 7, 1),
        ("drop", 8, 2),
    ]


def test_cooldown_holds_after_an_unrepaired_close_too() -> None:
    assert events(f"{OPENED} 3.6 3.6 3.6 3.0", FLAT)[2:] == [("cooldown", 8, 1)]


def test_cooldown_carries_what_it_would_have_opened_with_and_opens_nothing() -> None:
    found = detect(f"{OPENED} 4 3.2 4", FLAT)
    cooldown = found.events[2]
    assert (cooldown.baseline, cooldown.drop) == (pytest.approx(4), pytest.approx(0.8))
    assert len(found.episodes) == 1
    assert [p.value for p in found.steps[-1].base] == [4, 4, 4, 4]  # 3.2 stayed out


def test_an_early_step_can_cool_down() -> None:
    assert events("4.5 3.5 4.4 3.4") == [("early-step", 2, 2), ("repaired", 3, 0), ("cooldown", 4, 1)]


def test_episodes_tell_their_story() -> None:
    first, second = detect(f"{OPENED} 4 4 4 3.3 3.4", FLAT).episodes
    assert (first.kind, first.state, first.level) == ("drop", EpisodeState.REPAIRED, 2)
    assert first.close is not None
    assert first.close.index == 5
    assert (second.state, second.level) == (EpisodeState.OPEN, 3)
    assert second.worsened is not None
    assert (second.onset.index, second.worsened.index, second.close) == (8, 9, None)
    assert [p.value for p in second.base] == [4, 4, 4, 4, 4, 4]
    assert second.sigma == pytest.approx((6 * 0.01 / 11) ** 0.5)


# -- more than 90 days ---------------------------------------------------------------------------


def test_ninety_days_do_not_split_and_a_second_more_does() -> None:
    run = policy().run
    series = points("4 4 4 3.2")
    late = series[-1].at + timedelta(days=90)
    on_time = [*series, series[0].__class__(late, 3.2)]
    assert [e.kind for e in run(on_time, WAI).events] == ["drop", "persisting"]
    too_late = [*series, series[0].__class__(late + timedelta(seconds=1), 3.2)]
    assert [e.kind for e in run(too_late, WAI).events] == ["drop", "expired"]


def test_after_a_split_everything_begins_anew_but_the_index() -> None:
    assert events("4.5 4.5 4.5 > 3.5") == []
    assert events("4.5 4.5 4.5 > 4.5 3.5") == [("early-step", 5, 2)]
    assert events("4 4 4 > 2.5 2.5 2.5") == [("low-early", 6, 2)]
    assert events("5 5 5 > 4.9") == []
    assert events(f"{OPENED} 4 > 4 3.2", FLAT)[2:] == [("early-step", 7, 2)]  # no cooldown across


def test_missing_rows_do_not_bridge_a_gap() -> None:
    series = [*points("4 4 4 3.2"), *(p for p in points("- - - - - - - - - - - - - - - - - 3.2")[4:])]
    assert [(e.kind, e.index) for e in policy().run(series, WAI).events] == [("drop", 4), ("expired", 18)]


def test_expired_stands_at_the_row_after_the_split_before_its_own_events() -> None:
    assert events("4 4 4 3.2 > - 3.0", cutoff=3.5)[1:] == [("cut-off", 4, 1), ("expired", 6, 0), ("cut-off", 6, 1)]


def test_expired_carries_the_episodes_numbers_and_the_new_score() -> None:
    found = detect("4 4 4 3.2 > 3.9")
    drop, expired = found.events
    assert (expired.value, expired.baseline, expired.spread) == (3.9, drop.baseline, drop.spread)
    assert expired.drop == pytest.approx(0.1)
    assert found.episodes[0].state is EpisodeState.EXPIRED


def test_a_series_that_just_ends_stays_open_without_a_clock() -> None:
    assert detect("4 4 4 3.2").episodes[0].state is EpisodeState.OPEN


def test_with_a_clock_an_old_episode_expires() -> None:
    last = START + timedelta(weeks=3)
    edge = last + timedelta(days=90)
    assert detect("4 4 4 3.2", as_of=edge).episodes[0].state is EpisodeState.OPEN
    found = detect("4 4 4 3.2", as_of=edge + timedelta(seconds=1))
    assert found.episodes[0].state is EpisodeState.EXPIRED
    assert [(e.kind, e.index, e.at) for e in found.events[1:]] == [("expired", 4, edge)]
    assert detect("4 4 4 3.2", as_of=edge + timedelta(days=400)) == found  # every later pass says the same


def test_a_clock_changes_nothing_for_what_is_closed() -> None:
    late = START + timedelta(days=4000)
    assert detect("4 4 4 3.2 4", as_of=late) == detect("4 4 4 3.2 4")


# -- low-early as something to follow ------------------------------------------------------------


def test_low_early_is_followed_for_three_scores_and_ends_without_an_event() -> None:
    open_still = detect("2.5 2.5 2.5 - 2.5 2.5")
    assert [(e.kind, e.state, e.level) for e in open_still.episodes] == [("low-early", EpisodeState.OPEN, 2)]
    ended = detect("2.5 2.5 2.5 - 2.5 2.5 2.5")
    assert ended.episodes[0].state is EpisodeState.EXPIRED
    assert ended.episodes[0].close is not None
    assert ended.episodes[0].close.index == 7
    assert [e.kind for e in ended.events] == ["low-early"]
    assert [p.value for p in ended.episodes[0].base] == [2.5, 2.5, 2.5]


def test_low_early_ends_when_an_episode_opens() -> None:
    low, drop = detect("2.9 2.9 2.9 2.0").episodes
    assert (low.kind, low.state) == ("low-early", EpisodeState.EXPIRED)
    assert (drop.kind, drop.state) == ("drop", EpisodeState.OPEN)
    assert events("2.9 2.9 2.9 2.0") == [("low-early", 3, 2), ("drop", 4, 2)]


def test_low_early_ends_with_its_course() -> None:
    split = detect("2.5 2.5 2.5 > 2.6")
    assert [(e.kind, e.state) for e in split.episodes] == [("low-early", EpisodeState.EXPIRED)]
    assert [e.kind for e in split.events] == ["low-early"]
    old = detect("2.5 2.5 2.5", as_of=START + timedelta(days=200))
    assert old.episodes[0].state is EpisodeState.EXPIRED
    assert [e.kind for e in old.events] == ["low-early"]
