"""The array form of `alliance-policy/2`: `OwnFall` of `alliance2.py`, many courses at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..model import Change
from .alliance2 import OwnFall
from .array_alliance import shrunken
from .array_history import Histories
from .array_rule import CODE, ArrayRule, Levels, Mask, References, at_least
from .array_sums import Floats


@dataclass(frozen=True, slots=True)
class OwnFalls(ArrayRule):
    """Reads its constants from the readable rule."""

    rule: OwnFall

    @property
    def window(self) -> int:  # type: ignore[override]
        """The baseline's."""
        return self.rule.window

    def references(self, histories: Histories, change: Change) -> References:
        """See `OwnFall.reference`."""
        rule, used = self.rule, histories.used
        mean, spread = shrunken(histories, change.s0, rule.nu0)
        early = used < rule.minimum_base
        kind = np.where(early, np.int8(CODE["early-fall"]), np.int8(CODE["drop"]))
        kind[used == 1] = CODE["early-step"] if rule.minimum_base > 1 else CODE["drop"]
        kind[used == 0] = 0
        spread = np.where(early, change.s0 * np.sqrt(1 + 1 / np.maximum(used, 1)), spread)
        lasting = mean - np.maximum(rule.zc * spread, change.rc90)
        severe = np.where(early, np.nan, mean - np.maximum(rule.zp * spread, 2 * change.rc90))
        limit = np.where(early, mean - self._early(kind, change), lasting)
        return References(kind, mean, spread, limit, lasting, severe, np.zeros(len(kind), np.bool_))

    def _early(self, kind: Levels, change: Change) -> Floats:
        one, more = (self.rule.early(word, change) for word in ("early-step", "early-fall"))
        return np.where(kind == CODE["early-step"], one, more)

    def level(self, references: References, scores: Floats, change: Change) -> Levels:
        """See `OwnFall.level`."""
        kind, fall = references.kind, references.mean - scores
        z = fall / references.spread
        by_baseline = kind == CODE["drop"]
        fires = by_baseline & at_least(fall, change.rc90) & at_least(z, self.rule.zc)
        severe = fires & at_least(fall, 2 * change.rc90) & at_least(z, self.rule.zp)
        fires |= ~by_baseline & (kind != 0) & at_least(fall, self._early(kind, change))
        level: Levels = fires * np.int8(2) + severe
        return level

    def persists(self, references: References, scores: Floats, change: Change) -> Mask:
        """See `OwnFall.persists`."""
        fall = references.mean - scores
        return at_least(fall, change.rc90) & at_least(fall / references.spread, self.rule.zc)
