"""`change-point/1`: where the level of a series shifted, seen with all its scores. For reports only.

The course is cut into stretches of constant level that together fit best:

    minimise  sum over stretches of sum((x - mean)^2) / sigma^2   +   penalty log(n) per cut

by optimal partitioning, which finds the true minimum (Jackson et al. 2005, IEEE Signal Process Lett
12:105; PELT of Killick et al. 2012, J Am Stat Assoc 107:1590, is a faster way to the same answer).
A stretch has at least six scores (clinical specification 2.2 I). sigma comes from the moving ranges,
which a single shift hardly touches, and is at least .75 s0, so that a steady client has no shifts.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import accumulate, pairwise
from math import fsum, inf, log

from ..model import Change, Event, Step
from .info import PolicyInfo
from .lookback import Found, LookBack, Row
from .policy import Policy
from .tolerance import EPSILON
from .xmr import D2

SHORTEST = 6
FLOOR = 0.75


def cut(scores: Sequence[float], sigma: float, penalty: float, shortest: int = SHORTEST) -> list[int]:
    """Positions (from 0) of the first score of each stretch after the first; sigma in points."""
    n = len(scores)
    if n < 2 * shortest:
        return []
    # Around the mean: differences of large sums would lose digits.
    middle = fsum(scores) / n
    centred = [x - middle for x in scores]
    total = list(accumulate(centred, initial=0.0))
    square = list(accumulate((x * x for x in centred), initial=0.0))

    def cost(a: int, b: int) -> float:
        return (square[b] - square[a] - (total[b] - total[a]) ** 2 / (b - a)) / (sigma * sigma)

    price = penalty * log(n)
    least, begins = [-price] + [inf] * n, [0] * (n + 1)
    for end in range(shortest, n + 1):
        for start in (0, *range(shortest, end - shortest + 1)):
            if (sum_to := least[start] + cost(start, end) + price) < least[end] - EPSILON:
                least[end], begins[end] = sum_to, start
    cuts, end = [], n
    while (end := begins[end]) > 0:
        cuts.append(end)
    return cuts[::-1]


def look(rows: Sequence[Row], change: Change, *, penalty: float) -> Found:
    """A notice at the first score of each new level, and the level at each score."""
    scored = [(r, r.value) for r in rows if r.value is not None]
    scores = [value for _, value in scored]
    ranges = [abs(b - a) for a, b in pairwise(scores)]
    sigma = max(fsum(ranges) / len(ranges) / D2 if ranges else 0.0, FLOOR * change.s0)
    edges = [0, *cut(scores, sigma, penalty), len(scores)]
    stretches = [scored[a:b] for a, b in pairwise(edges)]
    events, steps, before = [], [], None
    for stretch in stretches:
        mean = fsum([value for _, value in stretch]) / len(stretch) if stretch else 0.0
        if before is not None:
            row, value = stretch[0]
            kind, drop = "shift-down" if mean < before else "shift-up", before - value
            at, source = row.point.at, row.point.source
            events.append(Event(row.index, at, 1, kind, value, before, sigma, drop / sigma, drop, source))
        before = mean
        base = tuple(r.point for r, _ in stretch)
        steps += [Step(r.index, r.point.at, v, r.point.source, mean, sigma, None, False, base) for r, v in stretch]
    return Found(tuple(events), tuple(steps))


def _make(preset: str, threshold: float) -> Policy:
    return LookBack(INFO.id, partial(look, penalty=threshold), threshold, preset, 2 * SHORTEST)


INFO = PolicyInfo(
    id="change-point/1",
    instruments=None,
    min_sessions=2 * SHORTEST,
    sentence="Seen with all scores, this client's level shifted here.",
    source="Optimal partitioning into levels (Jackson et al. 2005; Killick et al. 2012) with at least six scores each "
    "(clinical specification 2.2 I; Eubanks-Carter et al. 2012 on partitioning). The floor of sigma is our own [A].",
    swept="penalty of a shift, in log n",
    thresholds=(0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0),
    presets={"sensitive": 1.0, "balanced": 2.0, "specific": 3.0},
    make=_make,
    push=False,
    looks_ahead=True,
)
