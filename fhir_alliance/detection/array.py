"""The array form of the policies: the same events as `Policy.run`, for many series at once.

For calibration, back-fill and large files. Times are compared in whole microseconds, means and squares are summed
without loss, so the numbers are those of the readable form, digit for digit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..model import Change, Point
from .array_course import Courses
from .array_events import FIRST, LAST, Found
from .array_history import Columns
from .array_rule import CODE, KINDS, ONSETS, Levels, References
from .array_rules import array_rule
from .array_sums import Floats
from .course import Course
from .tolerance import EPSILON

if TYPE_CHECKING:
    from .policy import RulePolicy

__all__ = ["CODE", "KINDS", "ArrayDetection", "run", "run_rows"]

_DAY = 86_400_000_000
_BLOCK = 8192
"""Courses that run together: as many as keep their state in the cache."""
_CELLS = 1 << 22
"""Most scores in the histories of a block."""
STEP_COST = 25
"""A step of a block takes as long as the readable form needs for so many scores."""


@dataclass(frozen=True, slots=True)
class ArrayDetection:
    """Events as columns, sorted as `Policy.run` sorts them, series after series.

    series    number of the series, from 0
    index     place of the score in its series from 1, missing rows counted
    row       place of the score among all rows
    kind      code: `KINDS[code]` is the word
    level     as in `Event`, and so value, baseline, spread, z, drop; NaN for None
    open      [series]: whether an episode is open after the last score
    """

    series: Columns
    index: Columns
    row: Columns
    level: Levels
    kind: Levels
    value: Floats
    baseline: Floats
    spread: Floats
    z: Floats
    drop: Floats
    open: NDArray[np.bool_]


def run(
    values: ArrayLike,
    days: ArrayLike,
    change: Change,
    policy: RulePolicy,
    *,
    cutoff: float | None = None,
    as_of: float | None = None,
    step_cost: int = STEP_COST,
) -> ArrayDetection:
    """What `policy` says of each row of `values` [series, sessions], NaN where a form was not returned.

    days   [series, sessions] or [sessions]: when, in days since any moment, ascending in each series
    as_of  in the same days: what is open more than the policy's gap after the last score then is expired
    The rest is as in `run_rows`.
    """
    table = np.asarray(values, np.float64)
    series, sessions = table.shape
    at = np.broadcast_to(np.asarray(days), table.shape)
    return run_rows(
        table.ravel(),
        _microseconds(np.where(np.isnan(table), 0, at)).ravel(),
        np.arange(series + 1) * sessions,
        change,
        policy,
        cutoff=cutoff,
        as_of=None if as_of is None else int(_microseconds(np.asarray(as_of))),
        step_cost=step_cost,
    )


def run_rows(
    values: Floats,
    at: Columns,
    starts: Columns,
    change: Change,
    policy: RulePolicy,
    *,
    cutoff: float | None = None,
    as_of: int | None = None,
    step_cost: int = STEP_COST,
) -> ArrayDetection:
    """What `policy` says of series of different lengths.

    values     [rows]: scores; NaN, or one outside the scale: skipped, but counted in the index
    at         [rows]: microseconds since any moment, ascending within a series where there is a score
    starts     [series + 1]: series s has the rows from starts[s] to starts[s + 1]
    cutoff     the site's own, as in `Policy.run`; `as_of` too, in microseconds
    step_cost  courses so long that few others run beside them go to the readable form; 0: none does

    ValueError when times descend.
    """
    rows = np.flatnonzero((change.minimum - EPSILON <= values) & (values - EPSILON <= change.maximum))
    scores, times = values[rows], at[rows]
    series = np.repeat(np.arange(len(starts) - 1), np.diff(starts))[rows]
    gap = policy.following.gap // timedelta(microseconds=1)
    same, waited = series[1:] == series[:-1], np.diff(times)
    if (waited[same] < 0).any():
        raise ValueError("the times of a series must ascend")
    first = np.flatnonzero(np.concatenate(([True], ~same | (waited > gap)))[: len(rows)])
    found = Found()
    _run_courses(scores, first, np.diff(first, append=len(rows)), change, policy, cutoff, step_cost, found)
    still = _expire(found, series, None if as_of is None else as_of - times > gap)
    place, kind, level, baseline, spread = found.in_order()
    value = scores[place]
    drop = baseline - value
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(spread == 0, np.nan, drop / spread)
    unfinished = np.zeros(len(starts) - 1, np.bool_)
    unfinished[still] = True
    of, row = series[place], rows[place]
    index = row - np.asarray(starts)[of] + 1
    return ArrayDetection(of, index, row, level, kind, value, baseline, spread, z, drop, unfinished)


def _microseconds(days: NDArray[np.float64]) -> Columns:
    rounded: Columns = np.rint(days * _DAY).astype(np.int64)
    return rounded


def _expire(found: Found, series: Columns, overdue: NDArray[np.bool_] | None) -> Columns:
    """Expire what was open before a long gap. The series in which something stays open."""
    still = [np.zeros(0, np.int64)]
    for last, references in found.open():
        later = np.minimum(last + 1, len(series) - 1)
        goes_on = (later > last) & (series[later] == series[last])
        past = ~goes_on & overdue[last] if overdue is not None else np.zeros(len(last), np.bool_)
        for where, rank, place in ((goes_on, FIRST, later), (past, LAST, last)):
            columns = np.flatnonzero(where)
            found.expired(place[columns], rank, references.take(columns))
        still.append(series[last[~goes_on & ~past]])
    return np.concatenate(still)


# -- which form runs which course ----------------------------------------------------------------


def _run_courses(
    scores: Floats,
    first: Columns,
    length: Columns,
    change: Change,
    policy: RulePolicy,
    cutoff: float | None,
    step_cost: int,
    found: Found,
) -> None:
    longest_first = np.argsort(-length, kind="stable")
    first, length = first[longest_first], length[longest_first]
    readable = policy.rule.with_cutoff(cutoff)
    rule = array_rule(readable)
    alone = len(first) if rule is None else _too_long(length, step_cost)
    for begin, scored in zip(first[:alone].tolist(), length[:alone].tolist(), strict=True):
        course = Course(readable, policy.following, change, cutoff)
        _run_readable(course, begin, scores[begin : begin + scored].tolist(), found)
    while rule is not None and alone < len(first):
        size = _BLOCK if rule.window else max(1, min(_BLOCK, _CELLS // int(length[alone])))
        block = slice(alone, alone + size)
        here = None if readable.uses_cutoff else cutoff
        with np.errstate(divide="ignore", invalid="ignore"):
            Courses(scores, first[block], length[block], rule, policy.following, change, here, found).run()
        alone += size


def _too_long(length: Columns, step_cost: int) -> int:
    """How many of the longest courses to run one by one, so that the whole takes the least time."""
    one_by_one = np.concatenate(([0], np.cumsum(length)))
    return int(np.argmin(one_by_one + step_cost * np.append(length, 0)))


def _run_readable(course: Course, begin: int, values: list[float], found: Found) -> None:
    at = datetime(1, 1, 1, tzinfo=UTC)
    for place, value in enumerate(values, begin):
        course.take(place, Point(at, value), value)
        course.steps.clear()  # they are for charts
    nothing = References.none(1)
    for event in course.events:
        references = nothing if event.baseline is None else _reference(event.kind, event.baseline, event.spread)
        found.add(event.kind, event.level, np.array([event.index]), references)
    for episode in course.finished_episodes():
        onset = episode.onset
        if episode.state == "open" and onset.baseline is not None:
            last = np.array([begin + len(values) - 1])
            found.still_open(last, _reference(onset.kind, onset.baseline, onset.spread))


def _reference(kind: str, mean: float, spread: float | None) -> References:
    reference = References.none(1)
    reference.kind[:] = CODE[kind] if kind in ONSETS else 0
    reference.mean[:] = mean
    reference.spread[:] = np.nan if spread is None else spread
    return reference
