"""How often the policy is wrong: what every alert has to say about itself.

Measured on simulated clients (clinical specification 2.5 and 2.6: 4,000 clients, 16 sessions, 12 %
missing, autocorrelation .3); absolute rates are good to about a half, rankings are firm. To be
replaced by a service's own figures. Rates are shares of 1 unless named otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figures:
    """Operating characteristics for one instrument at one sensitivity.

    false_checkins, false_priority   per 100 scored sessions without any strain
    dip             size of a fall, in points of the scale, that the next two are about
    found_dip       share noticed at once when it lasts one session
    found_lasting   share noticed within two further sessions when it lasts
    """

    false_checkins: float
    false_priority: float
    dip: float
    found_dip: float
    found_lasting: float


@dataclass(frozen=True, slots=True)
class Ceiling:
    """Clients whose baseline is at `at_least` or above: share found, there and elsewhere."""

    at_least: float
    found: float
    found_elsewhere: float


FIGURES = {
    ("wai-sr-c", "balanced"): Figures(3.5, 1.0, 1.0, 0.67, 0.83),
    ("wai-sr-c", "sensitive"): Figures(4.9, 1.5, 1.0, 0.69, 0.84),
    ("wai-sr-c", "specific"): Figures(2.5, 0.7, 1.0, 0.61, 0.76),
    ("srs-v3", "balanced"): Figures(3.3, 1.0, 8.0, 0.72, 0.85),
}
"""By instrument and preset. The SRS was measured at the balanced preset only."""

CEILINGS = {"wai-sr-c": Ceiling(4.8, 0.35, 0.49), "srs-v3": Ceiling(39.0, 0.38, 0.53)}

RIGHT_IF_STRAINS_IN_100 = {2: 0.27, 5: 0.49, 10: 0.67}
"""Share of check-ins that are right, by how many of 100 sessions begin a visible strain (balanced)."""
