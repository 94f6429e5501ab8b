"""Sums of columns that keep every bit, so that the array form agrees with `math.fsum` to the last digit."""

from __future__ import annotations

from math import fsum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def exact_sum(rows: Floats) -> Floats:
    """Sum of each column of `rows` [r, m], r >= 1, rounded once: [m]. No term is negative.

    Pairs are added with the rounding error of each addition kept, and the errors are added at the end. Only where
    the sum then lies in the middle between two floats can bits that the errors lost matter; those are looked at again.
    """
    top, errors = _pairwise(rows)
    lost = errors.sum(axis=0)
    total: Floats = top + lost
    rest, step = np.abs(lost - (total - top)), np.spacing(total)
    # Below a power of two floats lie half as far apart.
    middle = np.flatnonzero((np.abs(2 * rest - step) <= 1e-6 * step) | (np.abs(4 * rest - step) <= 1e-6 * step))
    if len(middle):
        unsure = (_pairwise(errors[:, middle])[1] != 0).any(axis=0) if len(errors) > 1 else np.zeros(len(middle), bool)
        for column in middle[unsure]:
            total[column] = fsum(rows[:, column])
    return total


def _pairwise(rows: Floats) -> tuple[Floats, Floats]:
    """([m], [r - 1, m]): the sum as rounded, and what each addition lost (Knuth's TwoSum)."""
    errors, done = np.empty((len(rows) - 1, rows.shape[1])), 0
    while len(rows) > 1:
        half = len(rows) // 2
        a, b = rows[:half], rows[half : 2 * half]
        both = a + b
        of_b = both - a
        np.add(a - (both - of_b), b - of_b, out=errors[done : done + half])
        done += half
        rows = both if len(rows) == 2 * half else np.concatenate((both, rows[2 * half :]))
    return rows[0], errors
