"""What a new score is compared with: a personal mean and a shrunken personal variation.

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
from typing import Literal

from msgspec import Struct

from ..model import Event, Point

SQRT2 = sqrt(2)


class Reference(Struct, frozen=True, gc=False):
    """What one new score is compared with, in points of the scale.

    kind    the kind of episode that a fall below it opens
    mean    B, the usual score
    spread  sp, the standard deviation to expect of one new score
    sigma   shrunken within-person SD; None while there is no personal baseline
    base    the points behind it, oldest first
    """

    kind: Literal["drop", "early-step"]
    mean: float
    spread: float
    sigma: float | None
    base: tuple[Point, ...]

    def drop(self, value: float) -> float:
        """How far `value` is below the usual score."""
        return self.mean - value

    def z(self, value: float) -> float:
        """The drop in units of the spread."""
        return (self.mean - value) / self.spread

    def event(self, kind: str, level: int, index: int, point: Point, value: float) -> Event:
        """An event about `value` that carries this reference's numbers."""
        return Event(
            index, point.at, level, kind, value, self.mean, self.spread, self.z(value), self.drop(value), point.source
        )


def shrunken(values: Sequence[float], s0: float, nu0: float) -> tuple[float, float, float]:
    """(B, sigma, sp) of one or more baseline scores, by the formulas above."""
    k = len(values)
    # fsum: the same digits on every Python, whatever `sum` does about rounding.
    mean = fsum(values) / k
    squares = fsum([(v - mean) ** 2 for v in values])
    sigma = sqrt((nu0 * s0 * s0 + squares) / (nu0 + k - 1))
    return mean, sigma, sigma * sqrt(1 + 1 / k)


def personal(base: tuple[Point, ...], values: Sequence[float], s0: float, nu0: float) -> Reference:
    """A personal baseline from the newest episode-free scores."""
    mean, sigma, spread = shrunken(values, s0, nu0)
    return Reference("drop", mean, spread, sigma, base)


def previous(last: Point, value: float, s0: float) -> Reference:
    """Too few scores for a baseline: the score before. A difference of two scores has SD s0 sqrt(2)."""
    return Reference("early-step", value, s0 * SQRT2, None, (last,))
