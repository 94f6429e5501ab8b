"""Random series for every policy, on the scale that it may run on."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st
from strain_series import SRS, START, WAI

from fhir_alliance.detection import PolicyInfo
from fhir_alliance.model import Change, Point

GAPS = st.sampled_from([0.0, 1.0, 7.0, 7.0, 7.0, 7.0, 21.0, 90.0, 90.001, 400.0])


def scale(policy: PolicyInfo) -> Change:
    """Constants of an instrument that the policy may run on."""
    return SRS if policy.refuses("wai-sr-c") else WAI


def values(change: Change, *, lowest: float | None = None) -> st.SearchStrategy[float]:
    """Scores of the scale, on its usual grid or off it."""
    low, step = change.minimum if lowest is None else lowest, 0.1 if change.maximum > 10 else 1 / 12
    grid = [min(low + i * step, change.maximum) for i in range(round((change.maximum - low) / step) + 1)]
    return st.one_of(st.sampled_from(grid), st.floats(low, change.maximum))


@st.composite
def series(draw: st.DrawFn, change: Change, *, longest: int = 30, missing: bool = True) -> list[Point]:
    """Rows in time order; steady for a while at times, so that falls are seen."""
    usual = draw(values(change))
    value = st.one_of(values(change), st.just(usual), *([st.none()] if missing else []))
    rows = draw(st.lists(st.tuples(GAPS, value), max_size=longest))
    points, at = [], START
    for number, (days, score) in enumerate(rows):
        at += timedelta(days=days)
        points.append(Point(at, score, source=f"{number:03}"))
    return points
