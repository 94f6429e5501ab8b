"""`sudden-loss/1`: a large, lasting fall between two sessions, seen with three on each side. For reports only.

The criteria of sudden gains (Tang & DeRubeis 1999, J Consult Clin Psychol 67:894) turned round:

    1  the fall is at least a reliable change
    2  it is at least 25 % of the score before
    3  the means of the three sessions before and after differ by more than t sqrt(pooled variance),
       t two-sided at 5 %: 2.776, 3.182 or 4.303 with none, one or two of the six scores missing
       (Lutz et al. 2013); at least two on each side

`suddengains` (Wiedemann et al. 2020, PLOS ONE 15:e0230276) applies its second criterion to losses so
that it always holds, and weights the variances of two scores as if they were three. Both are not
followed here.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import fsum, sqrt

from ..model import Change, Event
from .info import PolicyInfo
from .lookback import Found, LookBack, Row, plain_steps
from .policy import Policy
from .step import PRESETS
from .tolerance import EPSILON, at_least

SHARE = 0.25
SIDE = 3
FEWEST = 2
T = {4: 2.776, 3: 3.182, 2: 4.303}
"""By degrees of freedom."""


def is_sudden_loss(before: Sequence[float | None], after: Sequence[float | None], fall: float) -> bool | None:
    """Do up to three scores before and after (None = missing) meet the criteria? None: it cannot be told.

    Higher is better. `fall` is the smallest reliable change, in points.
    """
    pre, post = ([v for v in side if v is not None] for side in (before, after))
    if not before or not after or before[-1] is None or after[0] is None or min(len(pre), len(post)) < FEWEST:
        return None
    drop = before[-1] - after[0]
    mean_pre, mean_post, freedom = fsum(pre) / len(pre), fsum(post) / len(post), len(pre) + len(post) - 2
    squares = fsum([(v - mean_pre) ** 2 for v in pre] + [(v - mean_post) ** 2 for v in post])
    lasts = mean_pre - mean_post > T[freedom] * sqrt(squares / freedom) + EPSILON
    return at_least(drop, fall) and at_least(drop, SHARE * before[-1]) and lasts


def look(rows: Sequence[Row], change: Change, *, times: float) -> Found:
    """A notice at the first score after each sudden loss."""
    told = []
    for i in range(1, len(rows)):
        before, after = rows[max(0, i - SIDE) : i], rows[i : i + SIDE]
        if is_sudden_loss([r.value for r in before], [r.value for r in after], times * change.rc95):
            row, value, usual = rows[i], rows[i].value, [r.value for r in before if r.value is not None]
            if value is not None:
                mean, point = fsum(usual) / len(usual), row.point
                drop = mean - value
                told.append(Event(row.index, point.at, 1, "sudden-loss", value, mean, None, None, drop, point.source))
    return Found(tuple(told), plain_steps(rows))


def _make(preset: str, threshold: float) -> Policy:
    return LookBack(INFO.id, partial(look, times=threshold), threshold, preset, 2 * FEWEST)


INFO = PolicyInfo(
    id="sudden-loss/1",
    instruments=None,
    min_sessions=2 * FEWEST,
    sentence="Seen with three scores on each side, this client's score fell suddenly here, and stayed low.",
    source="Sudden gains turned round (Tang & DeRubeis 1999; Lutz et al. 2013; suddengains, Wiedemann et al. 2020), "
    "clinical specification 2.2 G.",
    swept="size of the fall, in RC95",
    thresholds=(0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5),
    presets=PRESETS,
    make=_make,
    push=False,
    looks_ahead=True,
)
