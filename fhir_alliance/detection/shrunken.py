"""A personal mean and a shrunken personal variation.

A client has few sessions and often no variation at all, so a personal SD alone cannot be trusted.
It is pulled towards a prior SD s0 that weighs as much as nu0 sessions (conjugate form of the
within-person variance; clinical specification 2.2 H and Appendix A, parameters there are our own):

    B = mean(base)    sigma = sqrt((nu0 s0^2 + sum((b - B)^2)) / (nu0 + k - 1))
    sp = sigma sqrt(1 + 1/k)      the spread to expect of one new score
    z = (B - x) / sp
"""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum, sqrt

SQRT2 = sqrt(2)


def shrunken(values: Sequence[float], s0: float, nu0: float) -> tuple[float, float, float]:
    """(B, sigma, sp) of one or more baseline scores, by the formulas above."""
    k = len(values)
    # fsum: the same digits on every Python, whatever `sum` does about rounding.
    mean = fsum(values) / k
    # A product is rounded once everywhere, `** 2` is the C library's affair.
    squares = fsum([(v - mean) * (v - mean) for v in values])
    sigma = sqrt((nu0 * s0 * s0 + squares) / (nu0 + k - 1))
    return mean, sigma, sigma * sqrt(1 + 1 / k)
