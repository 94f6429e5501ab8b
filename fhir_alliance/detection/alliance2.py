"""`alliance-policy/2`: the default's question with a little more trust in the client's own scores.

Found with the open benchmark (`benchmarks/strain`) by changing one thing of `alliance-policy/1` at a time.
It differs in three: shortly after a strain has closed, a severe fall is still told; the third score is compared with
the mean of the two before it; and the prior spread weighs a little less while z is a little higher, which leaves
the limit of very steady clients where it was. Parameters are assumptions, as those of the first policy are.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum, sqrt

from ..model import Change, Point
from .following import Following
from .info import PolicyInfo
from .policy import Policy, RulePolicy
from .reference import Reference
from .rule import Rule, values
from .shrunken import shrunken
from .terms import Terms
from .tolerance import at_least


class OwnFall(Rule, frozen=True):
    """z and a reliable-change floor against a shrunken personal baseline; before that, a large step.

    zc, zp         z that fires, and that makes a fall severe
    window         baseline: newest episode-free scores (W)
    minimum_base   fewest scores for a personal baseline
    nu0            weight of the prior SD, in sessions
    from_two       the early fall from the mean of two scores, as a share of RC99
    """

    zc: float = 2.035
    zp: float = 3.0
    window: int = 8
    minimum_base: int = 3
    nu0: float = 5.5
    from_two: float = 0.95

    @property
    def minimum(self) -> int:
        """Scores for the personal baseline; the early step works from one."""
        return self.minimum_base

    def reference(self, history: Sequence[Point], change: Change) -> Reference | None:
        """The personal baseline, the mean of the first scores while there is none, or None at the first score."""
        if not (base := tuple(history[-self.window :])):
            return None
        if len(base) < self.minimum_base:
            return self._first(base, change)
        mean, sigma, spread = shrunken(values(base), change.s0, self.nu0)
        limit = mean - max(self.zc * spread, change.rc90)
        severe = mean - max(self.zp * spread, 2 * change.rc90)
        return Reference("drop", mean, spread, limit, limit, base, sigma, severe)

    def _first(self, base: tuple[Point, ...], change: Change) -> Reference:
        """Too few scores to know a variation: s0 sqrt(1 + 1/k) is the spread about the mean of k scores."""
        k = len(base)
        kind = "early-step" if k == 1 else "early-fall"
        mean, spread = fsum(values(base)) / k, change.s0 * sqrt(1 + 1 / k)
        lasting = mean - max(self.zc * spread, change.rc90)
        return Reference(kind, mean, spread, mean - self.early(kind, change), lasting, base)

    def early(self, kind: str, change: Change) -> float:
        """How large a fall must be before there is a personal baseline: a mean of two is steadier than one score."""
        return change.rc99 if kind == "early-step" else self.from_two * change.rc99

    # Each threshold forgives 1e-9 of its own unit, so z is compared as z.

    def level(self, reference: Reference, value: float, change: Change) -> int:
        """See `Rule.level`. Without a personal baseline nothing is severe."""
        drop = reference.drop(value)
        if reference.kind != "drop":
            return 2 if at_least(drop, self.early(reference.kind, change)) else 0
        if not self.persists(reference, value, change):
            return 0
        severe = at_least(_z(reference, value), self.zp) and at_least(drop, 2 * change.rc90)
        return 3 if severe else 2

    def persists(self, reference: Reference, value: float, change: Change) -> bool:
        """See `Rule.persists`. z and the reliable change decide, after an early fall too."""
        return at_least(reference.drop(value), change.rc90) and at_least(_z(reference, value), self.zc)

    def terms(self, reference: Reference, change: Change) -> Terms:
        """See `Rule.terms`."""
        if reference.kind != "drop":
            share = "RC99" if reference.kind == "early-step" else f"{self.from_two:g} RC99"
            return Terms(self.early(reference.kind, change), share)
        return Terms(change.rc90, "RC90", self.zc, 2 * change.rc90, self.zp, self.nu0)


def _z(reference: Reference, value: float) -> float:
    return reference.z(value) or 0.0


PRESETS = {"sensitive": 1.675, "balanced": 2.035, "specific": 2.37}
"""Sensitivity: the z from which a fall fires."""


def _make(preset: str, threshold: float) -> Policy:
    following = Following(early=3, severe_in_cooldown=True)
    return RulePolicy(INFO.id, OwnFall(zc=threshold), threshold, preset, following)


INFO = PolicyInfo(
    id="alliance-policy/2",
    instruments=None,
    min_sessions=2,
    sentence="This score is below this client's average of the last sessions by more than their usual variation "
    "and by more than measurement error.",
    source="Our own rule [A]: alliance-policy/1 with its constants tuned, and its cooldown opened for severe falls, on "
    "the simulated clients of the open benchmark (seeds below 1000).",
    swept="z from which a fall fires",
    thresholds=(1.0, 1.28, 1.675, 2.035, 2.37, 2.58, 3.0, 3.5, 4.0),
    presets=PRESETS,
    make=_make,
)
