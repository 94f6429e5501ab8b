"""Series with what is known of them: where forms came back, where strains are, how high their usual score is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .ratio import Floats
from .truth import Bools, Ints, Strains, free, strains

BASELINE = 7
"""Scores that stand for the level of a series where it is not known: a nearly full baseline."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Series and their sessions; arrays [series, sessions] unless said otherwise.

    scored   a form came back
    free     no strain under way or just ended
    level    float64[series]: the usual score of each; NaN where it is unknown
    client   int64[series], from 0: whose series it is
    """

    scored: Bools
    planted: Strains
    free: Bools
    level: Floats
    client: Ints

    @classmethod
    def of(
        cls,
        values: Floats,
        truth: NDArray[np.int8],
        length: Ints,
        client: Ints,
        level: Floats | None = None,
    ) -> Sample:
        """From float64[series, sessions] with NaN for forms that are missing, and the marks of truth.

        Where the true level is unknown it is the mean of the first seven scores outside strains.
        """
        planted = strains(truth, length)
        scored, calm = ~np.isnan(values), free(planted, values.shape)
        return cls(scored, planted, calm, observed(values, scored & calm) if level is None else level, client)

    def calm(self, series: Bools) -> Floats:
        """float64[clients]: scored sessions outside strains, in the chosen series."""
        return self.by_client(self.client, (self.scored & self.free).sum(axis=1) * series)

    def by_client(self, client: Ints, counts: Ints | None = None) -> Floats:
        """float64[clients]: the counts, or how many there are, summed for each client."""
        found: Floats = np.bincount(client, counts, minlength=int(self.client.max(initial=-1)) + 1).astype(np.float64)
        return found


def observed(values: Floats, usable: Bools) -> Floats:
    """float64[series]: mean of the first seven usable scores, NaN where there is none."""
    early = usable & (usable.cumsum(axis=1) <= BASELINE)
    count = early.sum(axis=1)
    total = np.where(early, values, 0.0).sum(axis=1)
    mean: Floats = np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0)
    return mean
