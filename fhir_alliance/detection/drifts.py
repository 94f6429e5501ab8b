"""What EWMA and CUSUM charts share: a baseline of the first scores, with a shrunken spread.

The SD of four scores alone is useless (a third of in-control clients would alarm), so it is drawn
towards s0 as in `shrunken.py`. That the mean of four scores errs too is not allowed for: such charts
want a trusted baseline, which a therapy rarely gives.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..model import Point
from .rule import values
from .shrunken import shrunken

BASE = 4
"""Scores of the baseline."""

NU0 = 8.0
"""Weight of s0, in scores [A]; the figures of the clinical specification 2.3 have it."""


def baseline(history: Sequence[Point], s0: float) -> tuple[float, float, list[float]]:
    """(mean, sigma, the scores after it) of a history of BASE or more scores."""
    scores = values(history)
    mean, sigma, _ = shrunken(scores[:BASE], s0, NU0)
    return mean, sigma, scores[BASE:]
