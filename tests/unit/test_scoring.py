"""Scoring arithmetic: completeness, prorating, reversal, straight-lining."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_alliance import instruments
from fhir_alliance.model import Instrument, Item, Score, Unscored
from fhir_alliance.scoring import score

WAI, SRS = instruments.get("wai-sr-c"), instruments.get("srs-v3")
FORM = dict(enumerate([4, 5, 4, 3, 5, 4, 4, 5, 3, 4, 4, 5], 1))


def scored(instrument: Instrument, answers: dict[int, float]) -> dict[str, Score]:
    return {s.scale: s for s in score(instrument, answers)[0]}


def reasons(instrument: Instrument, answers: dict[int, float]) -> dict[str, str]:
    return {u.scale: u.reason for u in score(instrument, answers)[1]}


def without(*items: int) -> dict[int, float]:
    return {n: x for n, x in FORM.items() if n not in items}


def test_a_complete_form_scores_every_scale_in_the_definition_s_order() -> None:
    scores, unscored = score(WAI, FORM)
    assert unscored == ()
    assert scores == (
        Score("total", 50 / 12, 50.0, 12, 12),
        Score("task", 4.5, 18.0, 4, 4),
        Score("goal", 4.0, 16.0, 4, 4),
        Score("bond", 4.0, 16.0, 4, 4),
    )


def test_the_srs_total_is_a_sum_without_binary_dust() -> None:
    assert scored(SRS, {1: 9.3, 2: 9.3, 3: 9.3, 4: 9.2})["total"] == Score("total", 37.1, 37.1, 4, 4)
    assert scored(SRS, {1: 0.0, 2: 0.0, 3: 0.0, 4: 0.1})["total"].value == 0.1


def test_a_prorated_total_comes_from_the_items_of_the_whole_form() -> None:
    answers = {1: 5, 2: 5, 10: 5, 4: 1, 6: 1, 8: 1, 11: 1, 3: 2, 5: 2, 7: 2, 9: 2}
    got = scored(WAI, answers)
    assert got["total"].value == pytest.approx(27 / 11)
    assert got["total"].raw == pytest.approx(27 / 11 * 12)
    assert got["total"].flags == got["task"].flags == ("prorated",)
    assert got["goal"].flags == ()
    assert (got["task"].answered, got["task"].items, got["task"].raw) == (3, 4, 20)


def test_the_total_needs_ten_items() -> None:
    assert "total" in scored(WAI, without(1, 4))
    assert reasons(WAI, without(1, 4, 3)) == {
        "total": "set aside: total: items 1, 3 and 4 not answered, at least 10 of its 12 items needed (incomplete)"
    }


def test_the_total_needs_all_three_subscales() -> None:
    assert reasons(WAI, without(4, 6)) == {
        "total": "set aside: total: needs goal, which cannot be scored (incomplete)",
        "goal": "set aside: goal: items 4 and 6 not answered, at least 3 of its 4 items needed (incomplete)",
    }
    assert set(scored(WAI, without(4, 6))) == {"task", "bond"}


def test_the_srs_is_never_prorated() -> None:
    assert score(SRS, {1: 9.0, 2: 9.0, 3: 9.0}) == (
        (),
        (Unscored("total", "set aside: total: item 4 not answered, all 4 items needed (incomplete)"),),
    )


def test_no_answers_score_nothing() -> None:
    scores, unscored = score(WAI, {})
    assert scores == ()
    assert [u.scale for u in unscored] == ["total", "task", "goal", "bond"]


def test_straight_lining_is_about_the_items_of_the_total() -> None:
    assert {s.flags for s in score(WAI, dict.fromkeys(range(1, 13), 5))[0]} == {("straight_lining",)}
    same_task = {**FORM, 1: 4, 2: 4, 10: 4, 12: 4}
    assert {s.flags for s in score(WAI, same_task)[0]} == {()}
    eleven = dict.fromkeys(range(1, 12), 5)
    assert all("straight_lining" not in s.flags for s in score(WAI, eleven)[0])


def test_reversed_items_count_from_the_other_end_and_straight_lining_looks_at_raw_answers() -> None:
    items = tuple(replace(i, reverse=i.number == 4) for i in WAI.items)
    reversed_ = replace(WAI, items=items)
    assert scored(reversed_, FORM)["goal"].raw == 16 - 3 + (1 + 5 - 3)
    assert scored(reversed_, {**FORM, 4: 1})["goal"].raw == 13 + 5
    ones = scored(reversed_, dict.fromkeys(range(1, 13), 1.0))["total"]
    assert (ones.raw, ones.flags) == (16.0, ("straight_lining",))


def test_an_unverified_key_says_so_on_every_score() -> None:
    doubtful = replace(WAI, verified=False)
    assert {s.flags for s in score(doubtful, FORM)[0]} == {("unverified_key",)}
    assert scored(doubtful, dict.fromkeys(range(1, 12), 3))["total"].flags == ("prorated", "unverified_key")


def test_a_single_item_instrument_scores() -> None:
    one = replace(
        WAI,
        items=(Item(1, ("1",), 1, 5, 1),),
        scales=(replace(WAI.scale("total"), items=(1,), min_answered=1, requires=()),),
    )
    assert score(one, {1: 4.0}) == ((Score("total", 4.0, 4.0, 1, 1),), ())


@given(st.dictionaries(st.integers(1, 12), st.integers(1, 5).map(float)))
def test_every_score_stays_in_range_and_agrees_with_its_raw_sum(answers: dict[int, float]) -> None:
    scores, unscored = score(WAI, answers)
    assert sorted([s.scale for s in scores] + [u.scale for u in unscored]) == ["bond", "goal", "task", "total"]
    for s in scores:
        assert 1 <= s.value <= 5
        assert s.raw == pytest.approx(s.value * s.items)
        assert ("prorated" in s.flags) == (s.answered < s.items)
        values = [answers[n] for n in WAI.scale(s.scale).items if n in answers]
        assert s.value == pytest.approx(sum(values) / len(values))
