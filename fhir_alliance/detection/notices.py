"""Notices: shown on the chart and before a session, never pushed (level 1).

Each looks at the valid scores of a series up to now, newest last (clinical specification 2.6).
"""

from __future__ import annotations

from collections.abc import Sequence

from .tolerance import EPSILON, at_least, below

MAXIMAL_BEFORE = 3
FALLING = 4


def leaves_ceiling(values: Sequence[float], maximum: float) -> bool:
    """The newest score is below the maximum; at least the three right before it were all at it."""
    return (
        len(values) > MAXIMAL_BEFORE
        and below(values[-1], maximum)
        and at_least(min(values[-1 - MAXIMAL_BEFORE : -1]), maximum)
    )


def falls_slowly(values: Sequence[float], rc95: float) -> bool:
    """The newest four scores fall strictly, by RC95 or more from first to last."""
    if len(values) < FALLING:
        return False
    a, b, c, d = values[-FALLING:]
    return a - b > EPSILON and b - c > EPSILON and c - d > EPSILON and at_least(a - d, rc95)


def crosses_cutoff(values: Sequence[float], cutoff: float) -> bool:
    """The newest score is below the site's cut-off and the one before it was not, or is not there."""
    return below(values[-1], cutoff) and (len(values) == 1 or not below(values[-2], cutoff))
