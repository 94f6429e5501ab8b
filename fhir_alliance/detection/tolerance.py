"""Comparisons that forgive binary fractions: means of twelve items are rarely exact."""

from __future__ import annotations

EPSILON = 1e-9


def at_least(value: float, threshold: float) -> bool:
    """value >= threshold, also when it falls short by no more than 1e-9."""
    return value >= threshold - EPSILON


def below(value: float, threshold: float) -> bool:
    """value < threshold by more than 1e-9."""
    return value < threshold - EPSILON


def valid(value: float | None, minimum: float, maximum: float) -> bool:
    """Is there a score, finite and within the range of its scale? Grids bind answers, not scores."""
    return value is not None and minimum - EPSILON <= value and value - EPSILON <= maximum  # never true of NaN
