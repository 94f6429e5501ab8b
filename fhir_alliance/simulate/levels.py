"""The numbers of the two generators of `clinical.md` Appendix B; of any other instrument by the range of its items."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from math import sqrt

from .form import Form
from .parameters import Parameters


@dataclass(frozen=True)
class Level:
    """Where clients stand and how answers scatter, in points of one item.

    mean, between_sd  of the clients' levels
    within_sd         typical SD of one client's sessions
    item_sd           of a client's items around the client's level, the same at every session
    noise_sd          of a single answer
    """

    mean: float
    between_sd: float
    within_sd: float
    item_sd: float
    noise_sd: float


@dataclass(frozen=True)
class Family:
    """The numbers of one instrument, for all with its kind of items; low, high: the range of its items."""

    level: Level
    low: float
    high: float


# Appendix B. Ratings: the WAI-SR's. Lines to mark: the SRS's.
FAMILIES: dict[str, Family] = {
    "likert": Family(Level(mean=4.05, between_sd=0.75, within_sd=0.32, item_sd=0.35, noise_sd=0.42), 1, 5),
    "vas": Family(Level(mean=9.35, between_sd=1.0, within_sd=0.65, item_sd=0.35, noise_sd=0.40), 0, 10),
}
_ITEMS = 12
"""A total whose items are unknown scatters like the mean of as many rating items."""


def level(parameters: Parameters, form: Form) -> Level:
    """The instrument's numbers, each replaced by what the parameters say.

    An instrument that Appendix B does not name takes the numbers of its kind of item (ratings or lines), scaled by the
    range of its items [A].
    """
    family = FAMILIES[form.kind]
    known, by = family.level, form.range / (family.high - family.low)
    own = Level(
        mean=_tidy(form.lowest + (known.mean - family.low) * by),
        between_sd=_tidy(known.between_sd * by),
        within_sd=_tidy(known.within_sd * by),
        item_sd=_tidy(known.item_sd * by / (sqrt(_ITEMS) if form.total_only else 1)),
        noise_sd=_tidy(known.noise_sd * by / (sqrt(_ITEMS) if form.total_only else 1)),
    )
    given = (
        parameters.mean,
        parameters.between_sd,
        parameters.within_sd,
        parameters.item_sd,
        parameters.noise_sd,
    )
    return Level(*(o if g is None else float(g) for o, g in zip(astuple(own), given, strict=True)))


def _tidy(x: float) -> float:
    return round(x, 10)
