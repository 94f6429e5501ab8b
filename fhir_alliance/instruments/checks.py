"""What must hold between the parts of a definition."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TypeVar

from ..model import Change, Instrument, Item, Scale
from .snomed import is_concept

_TAG = re.compile(r"\[(R|R2|M-hi|M-lo|C|A)\] \S")
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_SOURCED = ("items", "scales", "reverse", "completeness")
_MEMORY = ("items", "scales", "total")
_NEAR = 1e-9
MOST_STEPS = 100_000
_T = TypeVar("_T")


def check(instrument: Instrument) -> list[str]:
    """The problems of a definition whose shape is right; empty when it is sound."""
    return [
        *_names(instrument),
        *_links(instrument),
        *_grids(instrument.items),
        *_scales(instrument),
        *_answers(instrument),
        *_change(instrument),
        *_codes(instrument),
        *_provenance(instrument),
    ]


def _names(instrument: Instrument) -> Iterator[str]:
    if not _SLUG.fullmatch(instrument.id):
        yield "id: small letters, digits and single hyphens"
    yield from (f"questionnaire_versions: {v!r} twice" for v in _twice(instrument.questionnaire_versions))
    for canonical in instrument.canonicals:
        url = canonical.partition("|")[0]
        if not re.match(r"[A-Za-z][A-Za-z0-9+.\-]*:", url):
            yield f"canonicals: {canonical!r} holds on one server only; map it in [endpoint.NAME.questionnaires]"
    yield from (f"canonicals: {c!r} twice" for c in _twice(_trimmed(c) for c in instrument.canonicals))
    if instrument.higher == "worse" and instrument.purpose in {"alliance", "group"}:
        yield "higher: of an alliance, a higher score is better; reverse the items instead"


def _trimmed(canonical: str) -> str:
    url, _, version = canonical.partition("|")
    return f"{url.removesuffix('/')}|{version}"


def _links(instrument: Instrument) -> Iterator[str]:
    links = [link for item in instrument.items for link in item.link_ids]
    yield from (f"items.link_ids: {link!r} twice" for link in _twice(links))
    yield from (f"stated_total: {t!r} is an item" for t in instrument.stated_total if t in links)
    if instrument.totals_only and not instrument.stated_total:
        yield "stated_total: missing: where does the form state its total?"


def _grids(items: tuple[Item, ...]) -> Iterator[str]:
    for low, high, step in dict.fromkeys((i.minimum, i.maximum, i.step) for i in items):
        if low >= high:
            yield "items: minimum must be below maximum"
        elif step <= 0:
            yield "items.step: must be above 0"
        elif (steps := (high - low) / step) > MOST_STEPS:
            yield f"items.step: must divide the range into {MOST_STEPS:,} steps at most"
        elif abs(steps - round(steps)) >= 1e-6:
            yield "items.step: must divide the range"


def _scales(instrument: Instrument) -> list[str]:
    scales, items = instrument.scales, {item.number: item for item in instrument.items}
    if instrument.totals_only:
        return [f"total: {p}" for p in _total(scales[0])]
    problems = [f"scale {name!r}: defined twice" for name in _twice(s.id for s in scales)]
    if all(s.id != "total" for s in scales):
        problems.append("scale 'total': missing")
    for scale in scales:
        problems += [f"scale {scale.id!r}: {p}" for p in _scale(scale, items)]
        for name in scale.requires:
            other = next((s for s in scales if s.id == name), None)
            if other is None or other is scale:
                problems.append(f"scale {scale.id!r}: requires {name!r}, which is no other scale")
            elif other.requires:
                problems.append(f"scale {scale.id!r}: requires {name!r}, which itself requires others")
    covered, fillers = {n for s in scales for n in s.items}, set(instrument.fillers)
    problems += [f"item {n}: in no scale" for n in sorted(items.keys() - covered - fillers)]
    problems += [f"items.fillers: item {n} is in a scale" for n in sorted(fillers & covered)]
    problems += [f"items.fillers: item {n} does not exist" for n in sorted(fillers - items.keys())]
    shared = Counter(n for s in scales if s.id != "total" for n in set(s.items))
    problems += [f"item {n}: in more than one subscale" for n, times in sorted(shared.items()) if times > 1]
    return problems


def _total(scale: Scale) -> Iterator[str]:
    if scale.minimum >= scale.maximum:
        yield "minimum must be below maximum"
    if not 0 <= scale.places <= 6:
        yield "places must be 0 to 6"


def _scale(scale: Scale, items: dict[int, Item]) -> Iterator[str]:
    if not scale.items:
        yield "has no items"
        return
    absent = sorted(set(scale.items) - items.keys())
    yield from (f"item {n} does not exist" for n in absent)
    yield from (f"item {n} twice" for n in _twice(scale.items))
    size = len(scale.items)
    if not 1 <= scale.min_answered <= size:
        yield f"min_answered must be 1 to {size}"
    if not absent:
        share = size if scale.rule == "mean" else 1
        low = sum(items[n].minimum for n in scale.items) / share
        high = sum(items[n].maximum for n in scale.items) / share
        if abs(scale.minimum - low) > _NEAR or abs(scale.maximum - high) > _NEAR:
            yield f"range must be {low:g} to {high:g}, as its items and rule say"
    if len({(items[n].minimum, items[n].maximum) for n in scale.items if n in items}) > 1 and scale.min_answered < size:
        yield f"min_answered must be {size}: items of different ranges cannot stand in for each other"
    if not 0 <= scale.places <= 6:
        yield "places must be 0 to 6"
    if not _SLUG.fullmatch(scale.id):
        yield "id: small letters, digits and single hyphens"
    if scale.notice_drop is not None and (scale.id == "total" or scale.notice_drop <= 0):
        yield "notice_drop is for subscales and above 0"


def _answers(instrument: Instrument) -> Iterator[str]:
    if instrument.answers is not None and not instrument.answers:
        yield "answers: is empty"
    for value in (instrument.answers or {}).values():
        if not any(on_grid(item, value) for item in instrument.items):
            yield f"answers: {value:g} is no answer of this instrument"
    both = set(instrument.missing_answers) & set(instrument.answers or {})
    yield from (f"missing_answers: {code!r} is in answers as well" for code in sorted(both))


def on_grid(item: Item, value: float) -> bool:
    """Is it an answer that the item can have?"""
    if not (item.step > 0 and item.minimum <= value <= item.maximum):
        return False
    steps = (value - item.minimum) / item.step
    return abs(steps - round(steps)) < 1e-6


def _change(instrument: Instrument) -> Iterator[str]:
    change: Change = instrument.change
    own = {"rc90", "rc95", "rc99"} - set(instrument.generic)
    if own and len(own) < 3:
        yield "change: give rc90, rc95 and rc99, or none of them"
    elif not 0 < change.rc90 < change.rc95 < change.rc99:
        yield "change: rc90, rc95 and rc99 must rise from above 0"
    if change.s0 <= 0:
        yield "change.s0: must be above 0"
    if change.low is not None and not change.minimum < change.low <= change.maximum:
        yield "change.low: must lie within the range"


def _codes(instrument: Instrument) -> Iterator[str]:
    for name, codes in (("snomed", [instrument.snomed]), ("snomed_retired", instrument.snomed_retired)):
        for code in codes:
            if code is not None and not is_concept(code):
                yield f"{name}: {code} is no SNOMED CT concept id (its check digit or partition is wrong)"
    if instrument.snomed_retired and instrument.snomed is None:
        yield "snomed_retired: give the code of today as snomed"


def _provenance(instrument: Instrument) -> Iterator[str]:
    given = instrument.provenance
    needed = ["total"] if instrument.totals_only else list(_SOURCED)
    needed += ["rc90", "rc95", "rc99", "s0"]
    needed += ["low"] if instrument.change.low is not None else []
    needed += ["snomed"] if instrument.snomed is not None else []
    yield from (f"provenance.{name}: missing" for name in needed if name not in given)
    for name, text in given.items():
        if not _TAG.match(text):
            yield f"provenance.{name}: begin with a tag, one of [R] [R2] [M-hi] [M-lo] [C] [A]"
    memory = [n for n in _MEMORY if given.get(n, "").startswith("[M-")]
    if instrument.verified and memory:
        yield f"verified: must be false while provenance.{memory[0]} is from memory"
    if instrument.verified and instrument.totals_only:
        yield "verified: must be false while the key is not known"


def _twice(things: Iterable[_T]) -> list[_T]:
    return [thing for thing, times in Counter(things).items() if times > 1]
