"""A Bayesian on-line change point with a closed form, as a candidate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import exp, fsum, lgamma, pi, sqrt

from fhir_alliance.detection.reference import Reference
from fhir_alliance.detection.rule import values
from fhir_alliance.model import Change

from .candidate import Candidate, Points


class ChangePoint(Candidate, frozen=True):
    """Bayesian on-line change point (Adams & MacKay 2007), normal-gamma segments, one change in 25 scores.

    Fires when it is more likely than `zc` that a new segment begins at the score, a reliable change below.
    """

    zc: float = 0.5
    window: int = 12
    hazard: float = 0.04

    def personal(self, base: Points, change: Change) -> Reference:
        """See `PersonalFall.personal`."""
        scores = values(base)
        centre = fsum(scores) / len(scores)
        runs = self._runs(scores, centre, change.s0)
        mean = fsum(r.weight * r.mean for r in runs)
        sigma = sqrt(fsum(r.weight * r.square for r in runs))
        spread = sigma * sqrt(1 + 1 / len(scores))
        fresh = Run.empty(centre, change.s0, self.nu0)
        # The odds rise as the score falls: halve the range in which they pass the threshold.
        high, low = mean - change.rc90, mean - max(change.rc90, 8 * sigma)
        if self._new(high, runs, fresh) >= self.zc:
            low = high
        for _ in range(10):
            middle = (high + low) / 2
            if self._new(middle, runs, fresh) >= self.zc:
                low = middle
            else:
                high = middle
        return Reference("drop", mean, spread, low, low, base, sigma, mean - max(3 * spread, 2 * change.rc90))

    def _runs(self, scores: Sequence[float], centre: float, s0: float) -> list[Run]:
        fresh = Run.empty(centre, s0, self.nu0)
        runs = [fresh]
        for x in scores:
            odds = [r.weight * r.density(x) for r in runs]
            grown = [r.with_score(x, (1 - self.hazard) * o) for r, o in zip(runs, odds, strict=True)]
            begun = fresh.with_score(x, self.hazard * fresh.density(x))
            whole = fsum(r.weight for r in (*grown, begun))
            runs = [replace(r, weight=r.weight / whole) for r in (begun, *grown) if r.weight > 1e-4 * whole]
        return runs

    def _new(self, x: float, runs: Sequence[Run], fresh: Run) -> float:
        new = self.hazard * fresh.density(x)
        same = (1 - self.hazard) * fsum(r.weight * r.density(x) for r in runs)
        return new / (new + same)


@dataclass(frozen=True, slots=True)
class Run:
    """A segment so far: its probability, scores in it (the prior counts as 1/9), mean, degrees, squares."""

    weight: float
    kappa: float
    mean: float
    nu: float
    squares: float

    @classmethod
    def empty(cls, centre: float, s0: float, nu0: float) -> Run:
        """Before its first score; the mean of a new segment has the SD 3 sigma."""
        return cls(1.0, 1 / 9, centre, nu0, nu0 * s0 * s0)

    @property
    def square(self) -> float:
        """sigma^2."""
        return self.squares / self.nu

    def density(self, x: float) -> float:
        """Student's t of the next score."""
        nu, scale = self.nu, self.square * (1 + 1 / self.kappa)
        height = _height(nu) / sqrt(scale)
        return height * float((1 + (x - self.mean) ** 2 / (nu * scale)) ** (-(nu + 1) / 2))

    def with_score(self, x: float, weight: float) -> Run:
        """The segment goes on with this score."""
        kappa, away = self.kappa + 1, x - self.mean
        squares = self.squares + self.kappa / kappa * away * away
        return Run(weight, kappa, self.mean + away / kappa, self.nu + 1, squares)

    def reweighted(self, weight: float) -> Run:
        """The same with another probability."""
        return Run(weight, self.kappa, self.mean, self.nu, self.squares)


@cache
def _height(nu: float) -> float:
    return exp(lgamma((nu + 1) / 2) - lgamma(nu / 2)) / sqrt(nu * pi)
