"""What must hold for every series: order of rows, no look-ahead, steadiness, silence on repeats."""

from __future__ import annotations

import random
from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from strain_series import START, WAI

from fhir_alliance.detection import policy
from fhir_alliance.model import Detection, Point

GRID = [round(1 + i / 12, 10) for i in range(49)]
VALUES = st.one_of(st.none(), st.sampled_from(GRID), st.floats(1, 5))
GAPS = st.sampled_from([0.0, 1.0, 7.0, 7.0, 7.0, 21.0, 90.0, 90.001, 400.0])


@st.composite
def series(draw: st.DrawFn) -> list[Point]:
    rows = draw(st.lists(st.tuples(GAPS, VALUES), max_size=30))
    points, at = [], START
    for number, (days, value) in enumerate(rows):
        at += timedelta(days=days)
        points.append(Point(at, value, source=f"{number:03}"))
    return points


def run(points: list[Point], **options: float) -> Detection:
    return policy().run(points, WAI, **options)


@given(series(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(points: list[Point], chance: random.Random) -> None:
    shuffled = points.copy()
    chance.shuffle(shuffled)
    assert run(shuffled, cutoff=3.5) == run(points, cutoff=3.5)


@given(series(), st.integers(0, 30))
def test_later_scores_change_no_earlier_event(points: list[Point], length: int) -> None:
    whole, before = run(points, cutoff=3.5), run(points[:length], cutoff=3.5)
    assert before.events == tuple(e for e in whole.events if e.index <= length)
    assert before.steps == tuple(s for s in whole.steps if s.index <= length)


@given(st.sampled_from(GRID[24:]), st.integers(1, 40))
def test_a_constant_series_says_nothing(value: float, length: int) -> None:
    points = [Point(START + timedelta(weeks=i), value) for i in range(length)]
    assert run(points).events == ()


@given(series())
def test_episodes_and_events_tell_the_same_story(points: list[Point]) -> None:
    found = run(points)
    opened = [e for e in found.events if e.kind in {"drop", "early-step", "low-early"}]
    assert [e.onset for e in found.episodes] == opened
    strains = [e for e in found.episodes if e.kind != "low-early"]
    closes = [e for e in found.events if e.level == 0]
    assert [e.close for e in strains if e.close] == closes
    assert sum(e.close is None for e in strains) <= 1
    assert all(before.close is not None for before in strains[:-1])
    assert all(e.level == (3 if e.worsened else e.onset.level) for e in found.episodes)


@given(series())
def test_pushes_are_rare_by_construction(points: list[Point]) -> None:
    """Between two onsets lie the close of the first and two more scores at least."""
    found = run(points)
    scored = {s.index: place for place, s in enumerate(found.steps)}
    strains = [e for e in found.episodes if e.kind != "low-early"]
    for before, after in pairwise(strains):
        assert before.close is not None
        if before.close.kind != "expired":
            same_course = found.steps[scored[after.onset.index]].base[0].at <= before.close.at
            distance = scored[after.onset.index] - scored[before.close.index]
            assert distance > 2 or not same_course


@given(series())
def test_steps_are_the_valid_scores_and_onsets_reach_their_limit(points: list[Point]) -> None:
    found = run(points)
    assert [s.index for s in found.steps] == [i for i, p in enumerate(points, 1) if p.value is not None]
    by_index = {s.index: s for s in found.steps}
    for event in found.events:
        if event.kind in {"drop", "early-step", "cooldown", "persisting"}:
            limit = by_index[event.index].limit
            assert limit is not None
            assert event.value <= limit + 1e-8
