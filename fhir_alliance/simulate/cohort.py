"""What a simulated clinic is: scores, days and labels as arrays, one row for each series."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.int8]
Flags = npt.NDArray[np.bool_]

STRAIN = 1
"""`truth` of the session at which a strain begins."""
REPAIR = 2
"""`truth` of the first session back."""


@dataclass(frozen=True)
class Cohort:
    """Labelled series, n rows of at most t sessions; a row ends at its `length`, beyond it `values` is NaN.

    values  [n, t] totals as the instrument scores them, unrounded; NaN where the form was not returned
    days    [n, t] day of each session, counted from the clinic's first day; strictly rising, also beyond `length`
    truth   [n, t] `STRAIN` where a strain begins, `REPAIR` at the first session back, else 0; also on sessions
            whose form is missing. Between the two the client is in the strain; without a repair, to the end
    length  [n] sessions of each row, those without a form counted
    client  [n] which client a row belongs to, from 0: as many rows as clients unless therapists change
    dyad    [n] 0 with the first therapist, 1 with the next
    """

    values: Floats
    days: Ints
    truth: Bytes
    length: Ints
    instrument: str
    client: Ints
    dyad: Ints

    @property
    def rows(self) -> int:
        """Number of series."""
        return int(self.length.size)

    @property
    def sessions(self) -> int:
        """Sessions in all, those without a form counted."""
        return int(self.length.sum())

    def name(self, row: int) -> str:
        """The name of a series: its client, and which of its dyads."""
        return f"{client_name(int(self.client[row]))}-{self.dyad[row] + 1}"


def client_name(client: int) -> str:
    """The name of a client, a FHIR id too."""
    return f"c{client + 1:07}"
