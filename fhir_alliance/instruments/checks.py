"""What must hold between the parts of a definition."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import TypeVar

from ..model import Change, Instrument, Item, Scale

_TAG = re.compile(r"\[(R|R2|M-hi|M-lo|C|A)\] \S")
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_SOURCED = ("items", "scales", "reverse", "completeness", "rc90", "rc95", "rc99", "s0")
_NEAR = 1e-9
_T = TypeVar("_T")


def check(instrument: Instrument) -> list[str]:
    """The problems of a definition whose shape is right; empty when it is sound."""
    problems = []
    if not _SLUG.fullmatch(instrument.id):
        problems.append("id: small letters, digits and single hyphens")
    problems += [f"questionnaire_versions: {v!r} twice" for v in _twice(instrument.questionnaire_versions)]
    links = {link for item in instrument.items for link in item.link_ids}
    problems += [f"stated_total: {t!r} is an item" for t in instrument.stated_total if t in links]
    problems += _grid(instrument.items[0])
    problems += _scales(instrument)
    problems += _change(instrument)
    return problems + _provenance(instrument)


def _grid(item: Item) -> list[str]:
    if item.minimum >= item.maximum:
        return ["items: minimum must be below maximum"]
    if item.step <= 0:
        return ["items.step: must be above 0"]
    steps = (item.maximum - item.minimum) / item.step
    return [] if abs(steps - round(steps)) < 1e-6 else ["items.step: must divide the range"]


def _scales(instrument: Instrument) -> list[str]:
    scales, numbers = instrument.scales, {item.number for item in instrument.items}
    problems = [f"scale {name!r}: defined twice" for name in _twice(s.id for s in scales)]
    if all(s.id != "total" for s in scales):
        problems.append("scale 'total': missing")
    for scale in scales:
        problems += [f"scale {scale.id!r}: {p}" for p in _scale(scale, instrument.items[0], numbers)]
        for name in scale.requires:
            other = next((s for s in scales if s.id == name), None)
            if other is None or other is scale:
                problems.append(f"scale {scale.id!r}: requires {name!r}, which is no other scale")
            elif other.requires:
                problems.append(f"scale {scale.id!r}: requires {name!r}, which itself requires others")
    covered = {n for s in scales for n in s.items}
    problems += [f"item {n}: in no scale" for n in sorted(numbers - covered)]
    shared = Counter(n for s in scales if s.id != "total" for n in set(s.items))
    problems += [f"item {n}: in more than one subscale" for n, times in sorted(shared.items()) if times > 1]
    return problems


def _scale(scale: Scale, item: Item, numbers: set[int]) -> list[str]:
    if not scale.items:
        return ["has no items"]
    problems = [f"item {n} does not exist" for n in sorted(set(scale.items) - numbers)]
    problems += [f"item {n} twice" for n in _twice(scale.items)]
    size = len(scale.items)
    if not 1 <= scale.min_answered <= size:
        problems.append(f"min_answered must be 1 to {size}")
    times = 1 if scale.rule == "mean" else size
    if abs(scale.minimum - times * item.minimum) > _NEAR or abs(scale.maximum - times * item.maximum) > _NEAR:
        problems.append(
            f"range must be {times * item.minimum:g} to {times * item.maximum:g}, as its items and rule say"
        )
    if not 0 <= scale.places <= 6:
        problems.append("places must be 0 to 6")
    if not _SLUG.fullmatch(scale.id):
        problems.append("id: small letters, digits and single hyphens")
    if scale.notice_drop is not None and (scale.id == "total" or scale.notice_drop <= 0):
        problems.append("notice_drop is for subscales and above 0")
    return problems


def _change(instrument: Instrument) -> list[str]:
    change: Change = instrument.change
    problems = []
    if not 0 < change.rc90 < change.rc95 < change.rc99:
        problems.append("change: rc90, rc95 and rc99 must rise from above 0")
    if change.s0 <= 0:
        problems.append("change.s0: must be above 0")
    if change.low is not None and not change.minimum < change.low <= change.maximum:
        problems.append("change.low: must lie within the range")
    total = next((s for s in instrument.scales if s.id == "total"), None)
    if total and (change.minimum, change.maximum) != (total.minimum, total.maximum):
        problems.append("change: minimum and maximum must be those of the total")
    return problems


def _provenance(instrument: Instrument) -> list[str]:
    given = instrument.provenance
    problems = [f"provenance.{name}: missing" for name in _SOURCED if name not in given]
    if instrument.change.low is not None and "low" not in given:
        problems.append("provenance.low: missing")
    problems += [
        f"provenance.{name}: begin with a tag, one of [R] [R2] [M-hi] [M-lo] [C] [A]"
        for name, text in given.items()
        if not _TAG.match(text)
    ]
    memory = [n for n in ("items", "scales") if given.get(n, "").startswith("[M-")]
    if instrument.verified and memory:
        problems.append(f"verified: must be false while provenance.{memory[0]} is from memory")
    return problems


def _twice(things: Iterable[_T]) -> list[_T]:
    return [thing for thing, times in Counter(things).items() if times > 1]
