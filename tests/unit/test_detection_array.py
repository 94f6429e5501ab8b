"""The array form says what the readable form says: every event, in the same order, to the last digit."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from math import fsum

import numpy as np
import pytest
from array_parity import Rows, as_told, readable, vectorised
from hypothesis import given, settings
from hypothesis import strategies as st
from strain_series import SRS, WAI

from fhir_alliance.detection import PRESETS, STRAINS, policies, policy
from fhir_alliance.detection.alliance import PersonalFall
from fhir_alliance.detection.array import KINDS, run, run_rows
from fhir_alliance.detection.array_rules import array_rule
from fhir_alliance.detection.array_sums import exact_sum
from fhir_alliance.detection.policy import RulePolicy
from fhir_alliance.detection.step import Step
from fhir_alliance.model import Change

CHANGES = {"wai": WAI, "srs": SRS, "no low": replace(WAI, low=None), "tight": replace(WAI, rc90=0.25, s0=0.1)}
WEEK, LONG = timedelta(weeks=1), timedelta(days=90)
WAITS = st.sampled_from(
    [WEEK] * 8
    + [timedelta(), timedelta(days=21), LONG, LONG + timedelta(microseconds=1), LONG + timedelta(seconds=1)]
    + [LONG - timedelta(seconds=1), timedelta(days=400)]
)


def chosen(preset: str = "balanced") -> RulePolicy:
    found = policy(preset=preset)
    assert isinstance(found, RulePolicy)
    return found


def scores(change: Change) -> st.SearchStrategy[float | None]:
    """Grid values, means of twelve items, ceilings, any float, missing forms, and what is outside the scale."""
    low, high = change.minimum, change.maximum
    twelfths = [low + i / 12 for i in range(int((high - low) * 12) + 1)]
    outside = [low - 0.5, high + 0.5, high + 1e-9, high + 2e-9, low - 1e-9, float("inf"), float("nan")]
    near = [high - step for step in (change.rc90, change.rc95, change.rc99, 2 * change.rc90)]
    return st.one_of(
        st.sampled_from(twelfths),
        st.sampled_from([high, high, *near, change.low or low]),
        st.floats(low, high),
        st.sampled_from([None, *outside]),
    )


@st.composite
def cohorts(draw: st.DrawFn) -> tuple[Change, list[Rows]]:
    change = CHANGES[draw(st.sampled_from(sorted(CHANGES)))]
    row = st.tuples(WAITS, scores(change))
    return change, draw(st.lists(st.lists(row, max_size=24), min_size=1, max_size=6))


@given(cohorts(), st.sampled_from(sorted(PRESETS)), st.one_of(st.none(), st.floats(1, 5)), st.integers(0, 3000))
@settings(deadline=None)
def test_every_event_is_the_same(found: tuple[Change, list[Rows]], preset: str, cutoff: float | None, day: int) -> None:
    change, cohort = found
    as_of = timedelta(days=day) if day else None
    by = chosen(preset)
    assert vectorised(cohort, change, by, cutoff, as_of) == readable(cohort, change, by, cutoff, as_of)


@given(cohorts(), st.data())
@settings(deadline=None)
def test_under_any_constants(found: tuple[Change, list[Rows]], data: st.DataObject) -> None:
    change, cohort = found
    by = chosen()
    rule = PersonalFall(
        zc=data.draw(st.floats(0.1, 4)),
        zp=data.draw(st.floats(0.1, 6)),
        window=data.draw(st.integers(1, 13)),
        minimum_base=data.draw(st.integers(1, 6)),
        nu0=data.draw(st.one_of(st.integers(1, 12), st.floats(0.5, 12))),
    )
    following = replace(
        by.following,
        recovery=data.draw(st.floats(0, 1)),
        horizon=data.draw(st.integers(1, 6)),
        rebaseline=data.draw(st.integers(1, 10)),
        cooldown=data.draw(st.integers(0, 5)),
        early=data.draw(st.integers(0, 7)),
        gap=timedelta(days=data.draw(st.integers(1, 400))),
    )
    by = replace(by, rule=rule, following=following)
    assert vectorised(cohort, change, by) == readable(cohort, change, by)


RULES = [id for id, about in policies().items() if isinstance(about.policy(), RulePolicy)]


def by_rule(id: str, threshold: float | None = None) -> RulePolicy:
    found = policy(id, threshold=threshold)
    assert isinstance(found, RulePolicy)
    return found


@pytest.mark.parametrize("id", RULES)
@given(cohorts(), st.one_of(st.none(), st.floats(1, 5)), st.data())
@settings(deadline=None, max_examples=40)
def test_every_rule(id: str, found: tuple[Change, list[Rows]], cutoff: float | None, data: st.DataObject) -> None:
    change, cohort = found
    by = by_rule(id, data.draw(st.sampled_from([None, *policies()[id].thresholds])))
    assert vectorised(cohort, change, by, cutoff) == readable(cohort, change, by, cutoff)


@pytest.mark.parametrize("id", RULES)
def test_every_rule_on_a_large_random_cohort(id: str) -> None:
    cohort, by = volatile(7, WAI, 200, 40), by_rule(id)
    expected = readable(cohort, WAI, by, 3.5)
    assert len(expected[0]) > 200
    assert vectorised(cohort, WAI, by, 3.5) == expected


def test_a_rule_without_an_array_form_is_run_by_the_readable_one() -> None:
    class Own(Step, frozen=True):
        """Not known to the array form."""

    by = replace(chosen(), rule=Own())
    assert array_rule(by.rule) is None
    cohort = volatile(7, WAI, 40, 20)
    assert vectorised(cohort, WAI, by) == readable(cohort, WAI, by)
    assert array_rule(Step()) is not None


@given(cohorts())
@settings(deadline=None)
def test_ways_through_it_do_not_matter(found: tuple[Change, list[Rows]]) -> None:
    """Courses that are long beside the others go to the readable form."""
    change, cohort = found
    mixed = vectorised(cohort, change, chosen(), step_cost=3)
    assert mixed == vectorised(cohort, change, chosen()) == vectorised(cohort, change, chosen(), step_cost=10**6)


def volatile(seed: int, change: Change, series: int, sessions: int) -> list[Rows]:
    """Series that fall, recover, stay down, sit at the ceiling, pause for long and miss forms, in twelfths."""
    rng = np.random.RandomState(seed)
    span, size = change.maximum - change.minimum, (series, sessions)
    usual = change.minimum + span * rng.uniform(0.3, 1.1, (series, 1))
    down = np.cumsum(rng.rand(*size) < 0.05, axis=1) % 2
    values = usual + span * (rng.normal(0, 0.08, size) - 0.3 * (rng.rand(*size) < 0.08) - 0.25 * down)
    values = np.round(np.clip(values, change.minimum, change.maximum) * 12) / 12
    values[rng.rand(*size) < 0.12] = np.nan
    waits = rng.choice([7.0, 7.0, 7.0, 14.0, 90.0, 90.00001], size)
    length = rng.randint(0, sessions + 1, series)
    return [
        [(timedelta(days=w), None if v != v else v) for w, v in zip(waits[s, :n], values[s, :n], strict=True)]
        for s, n in enumerate(length.tolist())
    ]


@pytest.mark.parametrize(("name", "preset"), [("wai", "balanced"), ("srs", "sensitive"), ("tight", "specific")])
def test_large_random_cohorts(name: str, preset: str) -> None:
    change = CHANGES[name]
    cohort = volatile(11, change, 600, 60)
    expected = readable(cohort, change, chosen(preset), 3.5, timedelta(days=900))
    assert vectorised(cohort, change, chosen(preset), 3.5, timedelta(days=900)) == expected
    # What is compared here is worth comparing: every kind that the policy knows, many times.
    kinds = Counter(told[3] for told in expected[0])
    assert len(kinds) == 11
    assert min(kinds.values()) > 10


def test_a_table_of_scores_is_a_cohort() -> None:
    values = np.array([[4, 4, 4, 3.2, 4, np.nan], [np.nan, 5, 5, 5, 4.9, np.nan], [4, 4, 4, 4, 4, 3.2]])
    days = np.arange(6) * 7
    found = run(values, days, WAI, chosen())
    assert [(t[0], t[1], t[3]) for t in as_told(found)] == [
        (0, 4, "drop"),
        (0, 5, "repaired"),
        (1, 5, "ceiling"),
        (2, 6, "drop"),
    ]
    assert found.open.tolist() == [False, False, True]
    assert found.row.tolist() == [3, 4, 10, 17]
    late = run(values, np.tile(days, (3, 1)).astype(float), WAI, chosen(), as_of=35 + 90.5)
    assert [(t[0], t[1], t[3]) for t in as_told(late)][-2:] == [(2, 6, "drop"), (2, 6, "expired")]
    assert not late.open.any()


def test_days_beyond_the_last_score_do_not_matter() -> None:
    values = np.array([[4, 4, 4, 3.2, np.nan, np.nan]])
    days = np.array([[0, 7, 14, 21, np.nan, np.nan]])
    assert [t[3] for t in as_told(run(values, days, WAI, chosen()))] == ["drop"]


def test_nothing_says_nothing() -> None:
    assert as_told(run(np.zeros((0, 5)), np.zeros(5), WAI, chosen())) == []
    assert as_told(run(np.zeros((3, 0)), np.zeros(0), WAI, chosen())) == []
    assert as_told(run(np.full((3, 4), np.nan), np.zeros(4), WAI, chosen())) == []


def test_times_must_ascend() -> None:
    with pytest.raises(ValueError, match="ascend"):
        run_rows(np.array([4.0, 4.0]), np.array([7, 0]), np.array([0, 2]), WAI, chosen())


def test_one_long_series_beside_many_short_ones() -> None:
    cohort = [*volatile(5, WAI, 50, 12), *(rows for rows in volatile(6, WAI, 3, 3000) if rows)]
    assert vectorised(cohort, WAI, chosen(), step_cost=40) == readable(cohort, WAI, chosen())


@settings(deadline=None, max_examples=300)
@given(st.lists(st.lists(st.floats(0, 40), min_size=9, max_size=9), min_size=1, max_size=12))
def test_sums_are_those_of_fsum(rows: list[list[float]]) -> None:
    assert exact_sum(np.array(rows)).tolist() == [fsum(column) for column in zip(*rows, strict=True)]


def test_every_kind_of_fall_has_a_code() -> None:
    assert set(KINDS) > STRAINS
    assert len(set(KINDS)) == len(KINDS)
