"""The array form of the default rule: `PersonalFall` of `alliance.py`, many courses at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..model import Change
from .alliance import PersonalFall
from .array_history import Columns, Histories
from .array_rule import CODE, KINDS, ArrayRule, Levels, Mask, References, at_least
from .array_sums import Floats, exact_sum
from .shrunken import SQRT2


@dataclass(frozen=True, slots=True)
class PersonalFalls(ArrayRule):
    """Reads its constants from the readable rule."""

    rule: PersonalFall

    @property
    def window(self) -> int:  # type: ignore[override]
        """The baseline's."""
        return self.rule.window

    def references(self, histories: Histories, change: Change) -> References:
        """See `PersonalFall.reference`."""
        rule = self.rule
        mean, spread = shrunken(histories, change.s0, rule.nu0)
        lasting = mean - np.maximum(rule.zc * spread, change.rc90)
        severe = mean - np.maximum(rule.zp * spread, 2 * change.rc90)
        kind = np.where(histories.used >= rule.minimum_base, np.int8(CODE["drop"]), np.int8(0))
        references = References(kind, mean, spread, lasting.copy(), lasting, severe, np.zeros(len(kind), np.bool_))
        few = np.flatnonzero(kind == 0)
        if len(few):
            self.first(references, histories, few, change)
        return references

    def first(self, references: References, histories: Histories, few: Columns, change: Change) -> None:
        """See `PersonalFall.first`; `few`: the courses that it is about, those without any score among them."""
        kind = np.where(histories.used[few] > 0, np.int8(CODE["early-step"]), np.int8(0))
        self.early(references, few, kind, histories.last[few], np.full(len(few), change.s0 * SQRT2), change)

    def early(
        self, references: References, few: Columns, kind: Levels, mean: Floats, spread: Floats, change: Change
    ) -> None:
        """See `PersonalFall.early`."""
        references.kind[few], references.mean[few], references.spread[few] = kind, mean, spread
        references.limit[few] = mean - self._large(kind, change)
        references.lasting[few] = mean - np.maximum(self.rule.zc * spread, change.rc90)
        references.severe[few] = np.nan

    def _large(self, kind: Levels, change: Change) -> Floats:
        by_code = np.array([self.rule.large(word, change) for word in KINDS])
        found: Floats = by_code[kind]
        return found

    def level(self, references: References, scores: Floats, change: Change) -> Levels:
        """See `PersonalFall.level`."""
        fall = references.mean - scores
        z = fall / references.spread
        by_baseline = references.kind == CODE["drop"]
        fires = by_baseline & at_least(fall, change.rc90) & at_least(z, self.rule.zc)
        severe = fires & at_least(fall, 2 * change.rc90) & at_least(z, self.rule.zp)
        if not by_baseline.all():
            early = ~by_baseline & (references.kind > 0)
            fires |= early & at_least(fall, self._large(references.kind, change))
        level: Levels = fires * np.int8(2) + severe
        return level

    def persists(self, references: References, scores: Floats, change: Change) -> Mask:
        """See `PersonalFall.persists`."""
        fall = references.mean - scores
        return at_least(fall, change.rc90) & at_least(fall / references.spread, self.rule.zc)


def shrunken(histories: Histories, s0: float, nu0: float) -> tuple[Floats, Floats]:
    """(B, sp) of each course, by the formulas of `shrunken.py`; of no use where the history is empty."""
    k = np.maximum(histories.used, 1).astype(np.float64)
    mean = exact_sum(histories.ring) / k
    away = histories.ring - mean
    if histories.used.min(initial=len(away)) < len(away):
        away *= histories.filled()
    squares = exact_sum(away * away)
    spread: Floats = np.sqrt((nu0 * s0 * s0 + squares) / (nu0 + k - 1)) * np.sqrt(1 + 1 / k)
    return mean, spread
