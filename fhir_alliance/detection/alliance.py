"""The default rule, `alliance-policy/1`: a fall below the client's own usual score.

Parameters, rules and their order are those of the clinical specification, section 2.6. They are
assumptions with published components, not a validated classifier: an event says "alliance score
lower than usual for this client", nothing about a cause.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..model import Change, Point
from .following import Following
from .info import PolicyInfo
from .policy import Policy, RulePolicy
from .reference import Reference
from .rule import Rule, values
from .shrunken import SQRT2, shrunken
from .terms import Terms
from .tolerance import at_least


class PersonalFall(Rule, frozen=True):
    """z and a reliable-change floor against a shrunken personal baseline; before that, a large step.

    zc, zp        z that fires, and that makes a fall severe
    window        baseline: newest episode-free scores (W)
    minimum_base  fewest scores for a personal baseline
    nu0           weight of the prior SD, in sessions
    """

    zc: float = 2.0
    zp: float = 3.0
    window: int = 8
    minimum_base: int = 3
    nu0: float = 6

    @property
    def minimum(self) -> int:
        """Scores for the personal baseline; the early step works from one."""
        return self.minimum_base

    def reference(self, history: Sequence[Point], change: Change) -> Reference | None:
        """The personal baseline, the score before while there is none, or None at the first score."""
        base = tuple(history[-self.window :])
        if len(base) >= self.minimum_base:
            return self.personal(base, change)
        return self.first(base, change) if base else None

    def personal(self, base: tuple[Point, ...], change: Change) -> Reference:
        """The limits of enough scores for a baseline, oldest first."""
        mean, sigma, spread = shrunken(values(base), change.s0, self.nu0)
        limit = mean - max(self.zc * spread, change.rc90)
        severe = mean - max(self.zp * spread, 2 * change.rc90)
        return Reference("drop", mean, spread, limit, limit, base, sigma, severe)

    def first(self, base: tuple[Point, ...], change: Change) -> Reference:
        """Too few scores for a baseline: the score before. A difference of two scores has SD s0 sqrt(2)."""
        return self.early("early-step", values(base)[-1], change.s0 * SQRT2, base[-1:], change)

    def early(self, kind: str, mean: float, spread: float, base: tuple[Point, ...], change: Change) -> Reference:
        """A reference before there is a personal variation: RC99 decides, and nothing is severe."""
        lasting = mean - max(self.zc * spread, change.rc90)
        return Reference(kind, mean, spread, mean - self.large(kind, change), lasting, base)

    def large(self, kind: str, change: Change) -> float:
        """How large an early fall of this kind must be."""
        return change.rc99

    # Each threshold forgives 1e-9 of its own unit (decisions 1.1), so z is compared as z.

    def level(self, reference: Reference, value: float, change: Change) -> int:
        """See `Rule.level`. An early fall is never severe."""
        drop = reference.drop(value)
        if reference.kind != "drop":
            return 2 if at_least(drop, self.large(reference.kind, change)) else 0
        if not self.persists(reference, value, change):
            return 0
        severe = at_least(_z(reference, value), self.zp) and at_least(drop, 2 * change.rc90)
        return 3 if severe else 2

    def persists(self, reference: Reference, value: float, change: Change) -> bool:
        """See `Rule.persists`. z and the reliable change decide, after an early step too."""
        return at_least(reference.drop(value), change.rc90) and at_least(_z(reference, value), self.zc)

    def terms(self, reference: Reference, change: Change) -> Terms:
        """See `Rule.terms`."""
        if reference.kind != "drop":
            return Terms(self.large(reference.kind, change), "RC99")
        return Terms(change.rc90, "RC90", self.zc, 2 * change.rc90, self.zp, self.nu0)


def _z(reference: Reference, value: float) -> float:
    return reference.z(value) or 0.0


PRESETS = {"sensitive": 1.645, "balanced": 2.0, "specific": 2.33}
"""Sensitivity: the z from which a fall fires."""


def _make(preset: str, threshold: float) -> Policy:
    return RulePolicy(INFO.id, PersonalFall(zc=threshold), threshold, preset, Following(early=3))


INFO = PolicyInfo(
    id="alliance-policy/1",
    instruments=None,
    min_sessions=2,
    sentence="This score is below this client's average of the last sessions by more than their usual variation "
    "and by more than measurement error.",
    source="Our own rule [A] of published parts: a personal limit with a floor of reliable change, the stricter of "
    "within-person and between-person variability (Gumz et al. 2012, BMC Med Res Methodol 12:10); RC after "
    "Jacobson & Truax 1991.",
    swept="z from which a fall fires",
    thresholds=(1.0, 1.28, 1.645, 2.0, 2.33, 2.58, 3.0, 3.5, 4.0),
    presets=PRESETS,
    make=_make,
)
