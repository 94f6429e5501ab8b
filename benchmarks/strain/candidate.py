"""What every candidate is made from: `alliance-policy/1` with another reference."""

from __future__ import annotations

from math import sqrt

from fhir_alliance.detection.alliance import PersonalFall
from fhir_alliance.detection.reference import Reference
from fhir_alliance.detection.rule import Rule
from fhir_alliance.model import Change, Point

Points = tuple[Point, ...]


class Candidate(PersonalFall, frozen=True):
    """What the limits in its reference say is all that it says."""

    def level(self, reference: Reference, value: float, change: Change) -> int:
        """See `Rule.level`."""
        return Rule.level(self, reference, value, change)

    def persists(self, reference: Reference, value: float, change: Change) -> bool:
        """See `Rule.persists`."""
        return Rule.persists(self, reference, value, change)

    def fall(self, mean: float, sigma: float, share: float, base: Points, change: Change) -> Reference:
        """The limits of 2.6 about another mean and SD; the mean has the variance share x sigma^2."""
        spread = sigma * sqrt(1 + share)
        limit = mean - max(self.zc * spread, change.rc90)
        severe = mean - max(self.zp * spread, 2 * change.rc90)
        return Reference("drop", mean, spread, limit, limit, base, sigma, severe)
