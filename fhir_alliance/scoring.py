"""Answers to scores: pure arithmetic on an instrument's definition.

Completeness and prorating are the definition's (`clinical.md` 1.5): a scale is scored from its own
answered items when there are enough, the missing ones taken as the person's mean of that scale.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import fsum, isfinite
from operator import itemgetter

from .model import Instrument, Scale, Score, Unscored

PRORATED = "prorated"
STRAIGHT_LINING = "straight_lining"
UNVERIFIED_KEY = "unverified_key"
FINISHED_TOTAL = "finished_total"

Answers = Mapping[int, float]


def score(instrument: Instrument, answers: Answers) -> tuple[tuple[Score, ...], tuple[Unscored, ...]]:
    """Every scale of the instrument, scored or with the reason why not, in the definition's order.

    answers  item number → answer in the form's own coding (reversal happens here); unanswered items
             are absent. Values are on the grid already: nothing is checked or clamped.

    `value` is in the scale's rule (mean or sum of items), `raw` the sum; of a prorated scale both
    come from the mean of its answered items. Flags: `prorated` on the scale, `straight_lining`
    (every item of the total answered, and the same) and `unverified_key` on all.
    """
    plan = _plan(instrument)
    used = plan.turned(answers) if plan.reverse else answers
    flags = plan.flags
    if len(answers) >= plan.total_size and plan.straight_lining(answers):
        flags = tuple(sorted((*flags, STRAIGHT_LINING)))
    if len(answers) == plan.size:
        return tuple([_complete(scale, fsum(take(used)), flags) for scale, take in plan.scales]), ()
    return _partial(plan, used, flags)


def finished(instrument: Instrument, total: float) -> Score | Unscored:
    """A total that the form gives finished, taken as it is: for an instrument whose key is not known.

    Flags `finished_total`, and `unverified_key`; of its items nothing is known, so 0 of 0 are counted.
    """
    scale = instrument.scale("total")
    if not (isfinite(total) and scale.minimum <= total <= scale.maximum):
        span = f"{scale.minimum:g} to {scale.maximum:g}"
        return Unscored(scale.id, f"set aside: total: the form's own total is not within {span} (out-of-range)")
    flags = (FINISHED_TOTAL,) if instrument.verified else (FINISHED_TOTAL, UNVERIFIED_KEY)
    return Score(scale.id, total, total, 0, 0, flags)


class _Plan:
    """What `score` needs of an instrument, made once: getters instead of loops over numbers."""

    __slots__ = ("flags", "instrument", "reverse", "scales", "size", "total_items", "total_size")

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.size = len(instrument.items)
        self.scales = tuple((scale, _getter(scale.items)) for scale in instrument.scales)
        self.reverse = {i.number: i.minimum + i.maximum for i in instrument.items if i.reverse}
        self.flags: tuple[str, ...] = () if instrument.verified else (UNVERIFIED_KEY,)
        self.total_items = instrument.scale("total").items
        self.total_size = len(self.total_items)

    def straight_lining(self, answers: Answers) -> bool:
        first = answers.get(self.total_items[0])
        if first is None or self.total_size < 2 or answers.get(self.total_items[1]) != first:
            return False
        return all(answers.get(n) == first for n in self.total_items)

    def turned(self, answers: Answers) -> Answers:
        """The answers with reversed items counted from the other end."""
        return {n: self.reverse[n] - x if n in self.reverse else x for n, x in answers.items()}


_plans: dict[int, _Plan] = {}


def _plan(instrument: Instrument) -> _Plan:
    plan = _plans.get(id(instrument))
    if plan is None:  # the plan keeps its instrument alive, so an id is never reused
        plan = _plans[id(instrument)] = _Plan(instrument)
    return plan


def _getter(items: tuple[int, ...]) -> Callable[[Answers], tuple[float, ...]]:
    if len(items) == 1:
        (only,) = items
        return lambda answers: (answers[only],)
    return itemgetter(*items)


def _complete(scale: Scale, raw: float, flags: tuple[str, ...]) -> Score:
    count = len(scale.items)
    return Score(scale.id, raw / count if scale.rule == "mean" else raw, raw, count, count, flags)


def _partial(plan: _Plan, answers: Answers, flags: tuple[str, ...]) -> tuple[tuple[Score, ...], tuple[Unscored, ...]]:
    short = {s.id: _shortage(s, answers) for s, _ in plan.scales}
    scores, unscored = [], []
    for scale, _ in plan.scales:
        reason = short[scale.id] or _lacking([r for r in scale.requires if short[r]])
        if reason:
            unscored.append(Unscored(scale.id, f"set aside: {scale.id}: {reason} (incomplete)"))
            continue
        values = [answers[n] for n in scale.items if n in answers]
        size = len(scale.items)
        if len(values) == size:
            scores.append(_complete(scale, fsum(values), flags))
            continue
        mean = fsum(values) / len(values)
        raw = fsum(values) * size / len(values)
        value = mean if scale.rule == "mean" else raw
        scores.append(Score(scale.id, value, raw, len(values), size, tuple(sorted((*flags, PRORATED)))))
    return tuple(scores), tuple(unscored)


def _shortage(scale: Scale, answers: Answers) -> str | None:
    missing = [n for n in scale.items if n not in answers]
    if len(scale.items) - len(missing) >= scale.min_answered:
        return None
    items = f"item {missing[0]}" if len(missing) == 1 else f"items {listed(missing)}"
    size = len(scale.items)
    need = f"all {size} items" if scale.min_answered == size else f"at least {scale.min_answered} of its {size} items"
    return f"{items} not answered, {need} needed"


def _lacking(scales: list[str]) -> str | None:
    return f"needs {listed(scales)}, which cannot be scored" if scales else None


def listed(words: list[int] | list[str]) -> str:
    """ "1", "1 and 2", "1, 2 and 3"."""
    *most, last = [str(w) for w in words]
    return f"{', '.join(most)} and {last}" if most else last
