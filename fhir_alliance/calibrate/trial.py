"""Series made ready to be judged: scores and times for the policies, the truth for the counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from ..model import Point
from ..simulate import Cohort
from .ratio import Floats
from .sample import Sample
from .truth import Ints

_START = datetime(2025, 1, 6, tzinfo=UTC)
"""Policies know differences of times only."""
_DAY = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Trial:
    """Arrays [series, sessions]; sessions of a series in time order, those beyond its last one padded.

    values  NaN where no form came back
    at      microseconds since any moment
    length  [series] sessions of each
    sample  the same series, ready to be counted
    """

    values: Floats
    at: Ints
    length: Ints
    sample: Sample

    def points(self) -> list[list[Point]]:
        """The series as the readable policies want them."""
        return [
            [
                Point(_START + timedelta(microseconds=at), None if value != value else value, source=str(place))
                for place, (at, value) in enumerate(zip(times[:length], values[:length], strict=True))
            ]
            for times, values, length in zip(self.at.tolist(), self.values.tolist(), self.length.tolist(), strict=True)
        ]


def trial(cohort: Cohort, level: Floats | None = None) -> Trial:
    """A simulated cohort, ready to be judged; `level` float64[series] where it is known, else as observed."""
    sample = Sample.of(cohort.values, cohort.truth, cohort.length, cohort.client, level)
    return Trial(cohort.values, np.asarray(cohort.days * _DAY), cohort.length, sample)
