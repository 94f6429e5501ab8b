"""Both forms of a policy on the same series, as comparable lists. The readable form is always right."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
from strain_series import START

from fhir_alliance.detection.array import KINDS, ArrayDetection, run_rows
from fhir_alliance.detection.policy import RulePolicy
from fhir_alliance.model import Change, Point

Told = tuple[int, int, int, str, float, float | None, float | None, float | None, float | None]
Rows = Sequence[tuple[timedelta, float | None]]
"""One series: time since the row before, and the score."""


def readable(
    cohort: Sequence[Rows],
    change: Change,
    by: RulePolicy,
    cutoff: float | None = None,
    as_of: timedelta | None = None,
) -> tuple[list[Told], list[bool]]:
    """(events with the number of their series, whether an episode is open at the end of each series)."""
    told: list[Told] = []
    still = []
    for number, rows in enumerate(cohort):
        points, at = [], START
        for place, (wait, value) in enumerate(rows):
            at += wait
            points.append(Point(at, value, source=f"{place:06}"))
        found = by.run(points, change, cutoff=cutoff, as_of=None if as_of is None else START + as_of)
        told += [(number, e.index, e.level, e.kind, e.value, e.baseline, e.spread, e.z, e.drop) for e in found.events]
        still.append(any(e.state == "open" and e.kind != "low-early" for e in found.episodes))
    return told, still


def vectorised(
    cohort: Sequence[Rows],
    change: Change,
    by: RulePolicy,
    cutoff: float | None = None,
    as_of: timedelta | None = None,
    *,
    step_cost: int = 0,
) -> tuple[list[Told], list[bool]]:
    """The same by the array form; with `step_cost` 0 no course goes to the readable one."""
    microsecond = timedelta(microseconds=1)
    at = [sum((w for w, _ in rows[: i + 1]), timedelta()) // microsecond for rows in cohort for i in range(len(rows))]
    found = run_rows(
        np.array([np.nan if v is None else v for rows in cohort for _, v in rows], np.float64),
        np.array(at, np.int64),
        np.cumsum([0, *map(len, cohort)]),
        change,
        by,
        cutoff=cutoff,
        as_of=None if as_of is None else as_of // microsecond,
        step_cost=step_cost,
    )
    return as_told(found), found.open.tolist()


def as_told(found: ArrayDetection) -> list[Told]:
    """Events of the array form as tuples, NaN as None."""
    numbers = (
        [None if x != x else x for x in column.tolist()]
        for column in (found.baseline, found.spread, found.z, found.drop)
    )
    kinds = [KINDS[code] for code in found.kind.tolist()]
    columns = (found.series.tolist(), found.index.tolist(), found.level.tolist(), kinds, found.value.tolist())
    return list(zip(*columns, *numbers, strict=True))
