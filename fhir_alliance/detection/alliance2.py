"""`alliance-policy/2`: the default's question with a little more trust in the client's own scores.

Found with the open benchmark (`benchmarks/strain`) by changing one thing of `alliance-policy/1` at a time.
It differs in three: shortly after a strain has closed, a severe fall is still told; the third score is compared with
the mean of the two before it; and the prior spread weighs a little less while z is a little higher, which leaves
the limit of very steady clients where it was. Parameters are assumptions, as those of the first policy are.
"""

from __future__ import annotations

from math import fsum, sqrt

from ..model import Change, Point
from .alliance import PersonalFall
from .following import Following
from .info import PolicyInfo
from .policy import Policy, RulePolicy
from .reference import Reference
from .rule import values
from .terms import Terms


class OwnFall(PersonalFall, frozen=True):
    """`PersonalFall` with other constants, and the third score beside the mean of the first two.

    from_two   how large a fall below the mean of two scores must be, as a share of RC99: a mean is steadier
    """

    zc: float = 2.035
    nu0: float = 5.5
    from_two: float = 0.95

    def first(self, base: tuple[Point, ...], change: Change) -> Reference:
        """See `PersonalFall.first`. A score differs from the mean of k others with SD s0 sqrt(1 + 1/k)."""
        k = len(base)
        kind = "early-step" if k == 1 else "early-fall"
        return self.early(kind, fsum(values(base)) / k, change.s0 * sqrt(1 + 1 / k), base, change)

    def large(self, kind: str, change: Change) -> float:
        """See `PersonalFall.large`."""
        return self.from_two * change.rc99 if kind == "early-fall" else change.rc99

    def terms(self, reference: Reference, change: Change) -> Terms:
        """See `Rule.terms`."""
        if reference.kind == "early-fall":
            return Terms(self.large(reference.kind, change), f"{self.from_two:g} RC99")
        return PersonalFall.terms(self, reference, change)


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
    "and by more than measurement error; shortly after another strain only a severe fall counts.",
    source="Our own rule [A]: alliance-policy/1 with its constants tuned, and its cooldown opened for severe falls, on "
    "the simulated clients of the open benchmark (seeds below 1000).",
    swept="z from which a fall fires",
    thresholds=(1.0, 1.28, 1.675, 2.035, 2.37, 2.58, 3.0, 3.5, 4.0),
    presets=PRESETS,
    make=_make,
)
