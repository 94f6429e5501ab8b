"""The array forms of the published alert rules, and which rule has which."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

import numpy as np

from ..model import Change
from .absolute import Absolute
from .alliance import PersonalFall
from .alliance2 import OwnFall
from .array_alliance import PersonalFalls
from .array_alliance2 import OwnFalls
from .array_history import Histories
from .array_rule import CODE, ArrayRule, Mask, References
from .array_sums import Floats, exact_sum
from .best import FromBest
from .cusum import Cusum
from .drifts import BASE, NU0
from .ewma import Ewma
from .openfit import OpenFit
from .rule import Rule
from .shrunken import SQRT2
from .step import Step
from .tolerance import EPSILON
from .xmr import D2, SCREEN, Xmr

Make = Callable[[Histories, Change], References]


class LimitRule(ArrayRule):
    """A rule that is its limits and nothing else."""

    def __init__(self, references: Make, window: int | None) -> None:
        self._references, self.window = references, window

    def references(self, histories: Histories, change: Change) -> References:
        """See `ArrayRule.references`."""
        return self._references(histories, change)


def array_rule(rule: Rule) -> ArrayRule | None:
    """The array form of a rule, None where it has none."""
    if type(rule) is PersonalFall:  # a subclass may judge otherwise: it has a form of its own, or none
        return PersonalFalls(rule)
    if type(rule) is OwnFall:
        return OwnFalls(rule)
    for kind, (window, make) in _FORMS.items():
        if type(rule) is kind:
            return LimitRule(make(rule), window)
    return None


def _limits(
    kind: str, here: Mask, mean: Floats, spread: Floats | float, limit: Floats, strict: bool = False
) -> References:
    made = References.none(len(mean))
    made.kind[here] = CODE[kind]
    for column, value in ((made.mean, mean), (made.spread, spread), (made.limit, limit), (made.lasting, limit)):
        column[here] = np.broadcast_to(value, here.shape)[here]
    made.strict[:] = strict
    return made


def _steps(rule: Step) -> Make:
    def references(histories: Histories, change: Change) -> References:
        before = histories.last
        return _limits("step", histories.used > 0, before, change.s0 * SQRT2, before - rule.times * change.rc95)

    return references


def _bests(rule: FromBest) -> Make:
    def references(histories: Histories, change: Change) -> References:
        best = np.where(histories.filled(), histories.ring, -np.inf).max(axis=0)
        return _limits("from-best", histories.used > 0, best, change.s0 * SQRT2, best - rule.times * change.rc95)

    return references


def _absolutes(rule: Absolute) -> Make:
    def references(histories: Histories, change: Change) -> References:
        cutoff = change.low if rule.cutoff is None else rule.cutoff
        courses = len(histories.used)
        if cutoff is None:
            return References.none(courses)
        limit = np.full(courses, cutoff + rule.shift * change.s0)
        return _limits("low", np.ones(courses, np.bool_), limit, np.nan, limit, strict=True)

    return references


def _open_fits(rule: OpenFit) -> Make:
    def references(histories: Histories, change: Change) -> References:
        before = histories.last
        made = _limits("step", histories.used > 0, before, change.s0 * SQRT2, before - rule.fall)
        if rule.cutoff is not None:
            sooner = np.flatnonzero((histories.used == 0) | (before - rule.fall < rule.cutoff))
            cutoff = np.full(len(sooner), rule.cutoff)
            made.put(sooner, _limits("low", np.ones(len(sooner), np.bool_), cutoff, np.nan, cutoff, strict=True))
        return made

    return references


def _charts(rule: Xmr) -> Make:
    def references(histories: Histories, change: Change) -> References:
        k = histories.used.astype(np.float64)
        mean = exact_sum(histories.ring) / k
        ordered = histories.ordered()
        between = histories.filled()[1:]
        ranges = np.abs(ordered[1:] - ordered[:-1]) * between
        moving = exact_sum(ranges) / (k - 1)
        if rule.screen:
            kept = (ranges < SCREEN * moving) & between
            some = kept.any(axis=0)
            moving = np.where(some, exact_sum(ranges * kept) / kept.sum(axis=0), moving)
        moving = np.maximum(moving, rule.floor * change.s0 * D2)
        limit = mean - rule.width * moving
        return _limits("beyond-limits", histories.used >= max(rule.fewest, 2), mean, moving / D2, limit, strict=True)

    return references


def _baselines(ordered: Floats, s0: float) -> tuple[Floats, Floats]:
    """`drifts.baseline` of each course: mean and shrunken SD of its first scores."""
    first = ordered[:BASE]
    mean = exact_sum(first) / BASE
    away = first - mean
    return mean, np.sqrt((NU0 * s0 * s0 + exact_sum(away * away)) / (NU0 + BASE - 1))


def _averages(rule: Ewma) -> Make:
    w = rule.weight

    def references(histories: Histories, change: Change) -> References:
        ordered = histories.ordered()
        mean, sigma = _baselines(ordered, change.s0)
        average = mean
        for place in range(BASE, int(histories.used.max(initial=0))):
            average = np.where(place < histories.used, w * ordered[place] + (1 - w) * average, average)
        scale = [sqrt(w / (2 - w) * (1 - (1 - w) ** (2 * t))) for t in range(len(ordered) - BASE + 2)]
        since = np.maximum(histories.used - BASE, 0)
        lowest = mean - rule.width * sigma * np.array(scale)[since + 1]
        limit = (lowest - (1 - w) * average) / w
        return _limits("drift", histories.used >= BASE, mean, sigma, limit, strict=True)

    return references


def _sums(rule: Cusum) -> Make:
    def references(histories: Histories, change: Change) -> References:
        ordered = histories.ordered()
        mean, sigma = _baselines(ordered, change.s0)
        total = np.zeros(len(mean))
        for place in range(BASE, int(histories.used.max(initial=0))):
            new = np.maximum(0.0, total + (mean - ordered[place]) / sigma - rule.slack)
            new[new > rule.height + EPSILON] = 0.0
            total = np.where(place < histories.used, new, total)
        limit = mean - sigma * (rule.height + rule.slack - total)
        return _limits("drift", histories.used >= BASE, mean, sigma, limit, strict=True)

    return references


_FORMS: dict[type[Rule], tuple[int | None, Callable[..., Make]]] = {
    Step: (1, _steps),
    FromBest: (None, _bests),
    Absolute: (1, _absolutes),
    OpenFit: (1, _open_fits),
    Xmr: (None, _charts),
    Ewma: (None, _averages),
    Cusum: (None, _sums),
}
"""Rule → the newest scores that it looks at (None: all), and its array form."""
