"""Reliable change: how large a difference must be to be more than measurement error."""

from __future__ import annotations

from math import isfinite, sqrt

from msgspec import Struct

Z90, Z95, Z99 = 1.645, 1.96, 2.576


class ReliableChange(Struct, frozen=True):
    """In points of the scale: error of one score, of a difference, and the smallest reliable differences."""

    error: float
    difference: float
    rc90: float
    rc95: float
    rc99: float


def reliable_change(sd: float, reliability: float) -> ReliableChange:
    """Jacobson & Truax 1991, J Consult Clin Psychol 59:12-19.

    SEM = sd sqrt(1 - reliability), Sdiff = sqrt(2) SEM, RC = z Sdiff with z 1.645, 1.96, 2.576.
    `sd` is that of a sample of persons, in points; `reliability` lies from 0 to 1. Which one (alpha,
    test-retest) changes the answer a lot. ValueError for anything else.
    """
    if not (isfinite(sd) and sd >= 0):
        raise ValueError("a standard deviation is a number from 0 up")
    if not 0 <= reliability <= 1:
        raise ValueError("a reliability is a number from 0 to 1")
    error = sd * sqrt(1 - reliability)
    difference = sqrt(2) * error
    return ReliableChange(error, difference, Z90 * difference, Z95 * difference, Z99 * difference)
