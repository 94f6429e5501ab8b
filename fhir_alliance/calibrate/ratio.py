"""Shares and rates over clients, with honest 95 % intervals.

The sessions of one client resemble each other, so sessions are not independent draws. Every figure here is
a ratio of two sums over clients, R = sum(y) / sum(x), and its variance is that of the ratio estimator, with
the client as the unit (Cochran, Sampling Techniques, 3rd ed., ch. 6):

    var(R) = n / (n - 1) * sum((y_i - R x_i)^2) / sum(x)^2

The interval is Wilson's score interval with the effective sample size R (1 - R) / var(R) (Korn & Graubard
1998, Survey Methodology 24:193-201, who use it with Clopper-Pearson): it stays within 0 and 1, and it is not
empty where nothing, or everything, was hit; the clients are then the sample.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, log, sqrt

import numpy as np
from numpy.typing import NDArray

Z = 1.959963984540054
"""Normal quantile of a 95 % interval."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Figure:
    """An estimate with its 95 % interval; None where it cannot be told (nothing to divide by, no upper end)."""

    estimate: float | None
    low: float | None
    high: float | None

    def times(self, factor: float) -> Figure:
        """The same in another unit."""
        return Figure(*(None if v is None else factor * v for v in (self.estimate, self.low, self.high)))

    def reciprocal(self) -> Figure:
        """1 / figure: the ends change places."""
        turned = (None if not v else 1 / v for v in (self.estimate, self.high, self.low))
        return Figure(*turned)

    def to_json(self) -> dict[str, float | None]:
        """The three numbers, to six decimals: more would be noise of the simulation."""
        shown = {"estimate": self.estimate, "low": self.low, "high": self.high}
        return {name: None if v is None else round(v, 6) for name, v in shown.items()}


UNKNOWN = Figure(None, None, None)


class Ratio:
    """sum(hits) / sum(of), both arrays float64[clients] with 0 <= hits <= of."""

    def __init__(self, hits: Floats, of: Floats) -> None:
        self._counted = int((of > 0).sum())
        self.hits, self.of = float(hits.sum()), float(of.sum())
        self.estimate = self.hits / self.of if self.of else None
        if self.of:
            self.residual = (hits - hits.sum() / self.of * of) / self.of
        else:
            self.residual = np.zeros(len(of))

    def variance(self) -> float:
        """Of the estimate; 0 where nothing, or everything, was hit."""
        n = self._counted
        return float(n / (n - 1) * (self.residual**2).sum()) if n > 1 else 0.0

    def relative(self) -> Floats:
        """Each client's share in the error of log(estimate)."""
        found: Floats = self.residual / (self.estimate or 1.0)
        return found

    def figure(self) -> Figure:
        """The estimate with its interval."""
        share = self.estimate
        if share is None:
            return UNKNOWN
        variance = self.variance()
        size = share * (1 - share) / variance if variance > 0 and 0 < share < 1 else float(self._counted)
        return Figure(share, *wilson(share, size))


def wilson(share: float, size: float) -> tuple[float, float]:
    """The score interval of a share of `size` independent draws (Wilson 1927)."""
    square = Z * Z / size
    middle = (share + square / 2) / (1 + square)
    half = Z / (1 + square) * sqrt(share * (1 - share) / size + square / (4 * size))
    # The ends that are exact are set: rounding would leave 1e-17 of a 0, and 1 / 1e-17 of its reciprocal.
    return 0.0 if share == 0 else max(0.0, middle - half), 1.0 if share == 1 else min(1.0, middle + half)


def predictive(seen: Ratio, false: Ratio, prevalence: float) -> Figure:
    """Share of check-ins that are right when a strain begins in `prevalence` of sessions.

        ppv = p se / (p se + (1 - p) fa)

    `seen` is the share of strains with a check-in at their first session, `false` the false check-ins per
    scored session, both over the same clients, whose errors therefore go together. The interval is the delta
    method on the logit, which is log(p / (1 - p)) + log se - log fa.
    """
    se, fa = seen.estimate, false.estimate
    if se is None or fa is None or not (se or fa):
        return UNKNOWN
    if not se or not fa:
        s, f = seen.figure(), false.figure()
        worst, best = (s.low or 0.0, f.high or 0.0), (s.high or 0.0, f.low or 0.0)
        return Figure(*(_right(prevalence, *pair) for pair in ((se, fa), worst, best)))
    error = seen.relative() - false.relative()
    half = Z * sqrt(len(error) / max(len(error) - 1, 1) * float((error**2).sum()))
    middle = log(prevalence / (1 - prevalence)) + log(se) - log(fa)
    return Figure(*(1 / (1 + exp(-x)) for x in (middle, middle - half, middle + half)))


def difference(a: Ratio, b: Ratio) -> Figure:
    """a - b over the same clients, whose errors go together: what a paired comparison of two policies needs."""
    if a.estimate is None or b.estimate is None:
        return UNKNOWN
    error = a.residual - b.residual
    half = Z * sqrt(len(error) / max(len(error) - 1, 1) * float((error**2).sum()))
    middle = a.estimate - b.estimate
    return Figure(middle, middle - half, middle + half)


def _right(prevalence: float, se: float, fa: float) -> float | None:
    right, wrong = prevalence * se, (1 - prevalence) * fa
    return right / (right + wrong) if right + wrong else None


def shares(counts: Mapping[str, Floats], of: Floats) -> dict[str, Figure]:
    """Several ratios over one denominator."""
    return {name: Ratio(hits, of).figure() for name, hits in counts.items()}
