"""Rules that might have beaten `alliance-policy/1`, and did not: kept so that nobody has to believe it.

Each is `alliance-policy/1` with one thing changed. The threshold of each is set so that it has as many false check-ins
as the default (`trying.py`); what is left to compare is what it sees, and in whom it errs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import erfc, exp, fsum, pi, sqrt
from statistics import median

from fhir_alliance.detection.alliance import PersonalFall
from fhir_alliance.detection.alliance2 import OwnFall
from fhir_alliance.detection.following import Following
from fhir_alliance.detection.policy import RulePolicy
from fhir_alliance.detection.reference import Reference
from fhir_alliance.detection.rule import values
from fhir_alliance.detection.shrunken import shrunken
from fhir_alliance.model import Change

from .candidate import Candidate, Points
from .on_line import ChangePoint

EARLY = Following(early=3)


class NarrowerAtTheTop(Candidate, frozen=True):
    """The prior SD of a client follows their level, as that of a share does: sqrt(p (1 - p)), s0 at p = .8."""

    def personal(self, base: Points, change: Change) -> Reference:
        """See `PersonalFall.personal`."""
        mean = fsum(values(base)) / len(base)
        p = min(max((mean - change.minimum) / (change.maximum - change.minimum), 0.02), 0.98)
        _, sigma, _ = shrunken(values(base), change.s0 * sqrt(p * (1 - p) / 0.16), self.nu0)
        return self.fall(mean, sigma, 1 / len(base), base, change)


class Median(Candidate, frozen=True):
    """The median of the baseline in place of the mean; its variance is about pi/2 times as large."""

    def personal(self, base: Points, change: Change) -> Reference:
        """See `PersonalFall.personal`."""
        scores, k = values(base), len(base)
        middle = median(scores)
        squares = fsum((x - middle) ** 2 for x in scores)
        sigma = sqrt((self.nu0 * change.s0**2 + squares) / (self.nu0 + k - 1))
        return self.fall(middle, sigma, pi / 2 / k, base, change)


class Censored(Candidate, frozen=True):
    """A maximal score stands for something above it (Tobit 1958), by EM; half a score's weight of prior holds the
    mean of a client who always gives the maximum. The reliable change is counted from what can be scored."""

    def personal(self, base: Points, change: Change) -> Reference:
        """See `PersonalFall.personal`."""
        scores, k, top = values(base), len(base), change.maximum
        mean, sigma, _ = shrunken(scores, change.s0, self.nu0)
        for _ in range(12):
            beyond, left = _above((top - mean) / sigma)
            meant = [mean + sigma * beyond if x >= top - 1e-9 else x for x in scores]
            unsure = sigma**2 * left * sum(x >= top - 1e-9 for x in scores)
            mean = (fsum(meant) + 0.5 * min(mean, top)) / (k + 0.5)
            squares = fsum((x - mean) ** 2 for x in meant) + unsure
            sigma = sqrt((self.nu0 * change.s0**2 + squares) / (self.nu0 + k - 1))
        found = self.fall(mean, sigma, 1 / k, base, change)
        floor = min(mean, top)
        limit = min(mean - self.zc * found.spread, floor - change.rc90) if found.spread else floor
        severe = min(mean - self.zp * (found.spread or 0), floor - 2 * change.rc90)
        return Reference("drop", mean, found.spread, limit, limit, base, sigma, severe)


class Recent(Candidate, frozen=True):
    """Each score weighs .85 of the next one."""

    def personal(self, base: Points, change: Change) -> Reference:
        """See `PersonalFall.personal`."""
        scores, k = values(base), len(base)
        weights = [0.85 ** (k - 1 - i) for i in range(k)]
        whole = fsum(weights)
        mean = fsum(w * x for w, x in zip(weights, scores, strict=True)) / whole
        squares = fsum((x - mean) ** 2 for x in scores)
        sigma = sqrt((self.nu0 * change.s0**2 + squares) / (self.nu0 + k - 1))
        return self.fall(mean, sigma, fsum(w * w for w in weights) / whole**2, base, change)


class Floor(Candidate, frozen=True):
    """A control chart's way: the client's own SD over the whole history, never below .75 s0, in place of shrinking."""

    window: int = 1000

    def personal(self, base: Points, change: Change) -> Reference:
        """See `PersonalFall.personal`."""
        scores, k = values(base), len(base)
        mean = fsum(scores) / k
        own = sqrt(fsum((x - mean) ** 2 for x in scores) / (k - 1))
        return self.fall(mean, max(own, 0.75 * change.s0), 1 / k, base, change)


class LastTwo(Candidate, frozen=True):
    """Fires, besides, when the mean of the last two scores is that low against the scores before them."""

    def personal(self, base: Points, change: Change) -> Reference:
        """See `PersonalFall.personal`."""
        found = PersonalFall.personal(self, base, change)
        *before, last = values(base)
        if len(before) < self.minimum_base:
            return found
        mean, sigma, _ = shrunken(before, change.s0, self.nu0)
        if last >= mean:
            return found
        asked = max(1.25 * self.zc * sigma * sqrt(1 / 2 + 1 / len(before)), change.rc90)
        limit = max(found.limit, min(2 * (mean - asked) - last, mean - change.rc90 / 2))
        return Reference("drop", found.mean, found.spread, limit, found.lasting, base, found.sigma, found.severe)


def _above(a: float) -> tuple[float, float]:
    """Mean and variance of a standard normal that is above a."""
    tail = erfc(a / sqrt(2)) / 2
    mean = exp(-a * a / 2) / sqrt(2 * pi) / tail if tail > 1e-12 else a
    return mean, max(0.0, 1 - mean * (mean - a))


# -- the list ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Idea:
    """A candidate: what is changed, the rule at a threshold, and between which thresholds to look."""

    name: str
    rule: Callable[[float], PersonalFall]
    following: Following = EARLY
    between: tuple[float, float] = (1.0, 3.5)

    def policy(self, threshold: float) -> RulePolicy:
        """The candidate with the common course."""
        return RulePolicy(self.name, self.rule(threshold), threshold, "balanced", self.following)


SEVERE = Following(early=3, severe_in_cooldown=True)

IDEAS = (
    Idea("prior narrower towards the maximum", lambda z: NarrowerAtTheTop(zc=z)),
    Idea("own spread weighs more (ν0 = 3)", lambda z: PersonalFall(zc=z, nu0=3)),
    Idea("median of the baseline", lambda z: Median(zc=z)),
    Idea("maximal scores as censored (Tobit)", lambda z: Censored(zc=z)),
    Idea("mean of the last two, besides", lambda z: LastTwo(zc=z)),
    Idea("Bayesian on-line change point", lambda p: ChangePoint(zc=p), between=(0.05, 0.99)),
    Idea("recent scores weigh more (.85)", lambda z: Recent(zc=z)),
    Idea("window of 12", lambda z: PersonalFall(zc=z, window=12)),
    Idea("floor of .75 s0, whole history", lambda z: Floor(zc=z)),
    Idea("third score beside the mean of two", lambda z: OwnFall(zc=z, nu0=6)),
    Idea("severe falls told in the cooldown", lambda z: PersonalFall(zc=z), SEVERE),
    Idea("both of these, ν0 = 5.5: `alliance-policy/2`", lambda z: OwnFall(zc=z), SEVERE),
)
