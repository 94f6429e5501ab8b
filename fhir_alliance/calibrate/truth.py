"""What was planted: strains with their sessions, and which sessions are free of any.

Sessions are the columns of a cohort, counted whether or not their form came back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BEGINS, REPAIRED = 1, 2
"""Codes of a cohort's truth: a strain begins at this session; this is the first session after one."""

TAIL = 2
"""A check-in up to so many sessions after the onset is about the strain, even where that is over already."""

FOLLOWED = 3
"""A strain repaired within so many sessions of its onset is one that a policy could see repaired: the
horizon of the episodes, in scores."""

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Strains:
    """Every planted strain, one entry each, by series and onset.

    series, onset  row and column
    last           column of its last session
    repaired       back to usual within three sessions of the onset
    """

    series: Ints
    onset: Ints
    last: Ints
    repaired: Bools

    def __len__(self) -> int:
        return len(self.series)


def strains(truth: NDArray[np.int8], length: Ints) -> Strains:
    """The strains of truth int8[series, sessions]; `length` int64[series] are the sessions of each.

    A strain lasts until the session before the next mark of its series, or to the last one.
    """
    rows, columns = np.nonzero(truth)
    codes = truth[rows, columns]
    following = np.append(rows[1:] == rows[:-1], False) if len(rows) else np.zeros(0, dtype=bool)
    nexts = np.append(columns[1:], 0) if len(rows) else columns
    last = np.where(following, nexts - 1, length[rows] - 1)
    begins = codes == BEGINS
    ends_repaired = following & (np.append(codes[1:], 0) == REPAIRED if len(rows) else following)
    return Strains(
        series=rows[begins],
        onset=columns[begins],
        last=last[begins],
        repaired=(ends_repaired & (nexts - columns <= FOLLOWED))[begins],
    )


def free(planted: Strains, shape: tuple[int, int]) -> Bools:
    """bool[series, sessions]: no strain is under way or just ended.

    The window of a strain reaches from its onset to its last session, and at least two sessions past the onset.
    """
    found = np.ones(shape, dtype=bool)
    for row, onset, last in zip(planted.series, planted.onset, planted.last, strict=True):
        found[row, onset : max(last, onset + TAIL) + 1] = False
    return found
