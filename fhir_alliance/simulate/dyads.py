"""From clients to series: a row for each dyad."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .cohort import Cohort, Ints


@dataclass(frozen=True)
class Rows:
    """The series of some clients; `take` brings any array [client, session, …] into the same rows."""

    cohort: Cohort
    take: Callable[[Any], Any]


def by_dyad(clients: Cohort, change: Ints, count: int) -> Rows:
    """The first `count` clients, each session from `change` on (from 0) in a row of its own, from its first column on.

    NaN and no label beyond a row's length.
    """
    t = clients.values.shape[1]
    change = np.minimum(change, clients.length)[:count]
    rows = np.repeat(np.arange(count), 1 + (change < clients.length[:count]))
    dyad = np.zeros(len(rows), np.int64)
    dyad[1:] = rows[1:] == rows[:-1]
    length = np.where(dyad == 0, change[rows], clients.length[rows] - change[rows])
    columns = np.where(dyad == 0, 0, change[rows])[:, None] + np.arange(t)
    places = np.minimum(columns, t - 1)

    def take(array: Any) -> Any:
        return array[rows[:, None], places] if dyad.any() else array[:count]

    seen = np.arange(t) < length[:, None]
    cohort = replace(
        clients,
        values=np.where(seen, take(clients.values), np.nan),
        days=take(clients.days) + (columns - places),  # beyond the last session days only have to rise
        truth=np.where(seen, take(clients.truth), 0).astype(np.int8),
        length=length,
        client=clients.client[rows],
        dyad=dyad,
    )
    return Rows(cohort, take)
