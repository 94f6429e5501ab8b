"""The array form of `alliance-policy/2`: `OwnFall` of `alliance2.py`, many courses at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..model import Change
from .alliance2 import OwnFall
from .array_alliance import PersonalFalls
from .array_history import Columns, Histories
from .array_rule import CODE, References
from .array_sums import exact_sum

_EARLY = np.array([0, CODE["early-step"], CODE["early-fall"]], np.int8)
"""What an early fall is called, by the number of scores before it."""


@dataclass(frozen=True, slots=True)
class OwnFalls(PersonalFalls):
    """Reads its constants from the readable rule."""

    rule: OwnFall

    def first(self, references: References, histories: Histories, few: Columns, change: Change) -> None:
        """See `OwnFall.first`."""
        used = histories.used[few]
        k = np.maximum(used, 1)
        mean = exact_sum(histories.ring[:, few]) / k
        self.early(references, few, _EARLY[np.minimum(used, 2)], mean, change.s0 * np.sqrt(1 + 1 / k), change)
