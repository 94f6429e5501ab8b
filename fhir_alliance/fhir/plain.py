"""The short cut for ordinary forms: complete or partly answered, numbers or weighted codes, nothing odd.

Sync reads every response of a clinic, so this path decodes straight into typed structures and gives
up (None) at whatever it does not know: then `inbound.py` reads the same bytes the long way, which
alone decides what anything means. Both give equal readings; a property test holds them to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from ..model import Outcome, Reading
from ..scoring import score
from .answers import ABSENT_SYSTEMS
from .binding import Binding
from .content import canonical_struct, digest
from .form import NOTHING, Form
from .items import DEEPEST
from .labels import permit, read_labels
from .questionnaire import Resolve, plain_identity, resolved
from .references import local
from .rules import Rules
from .shapes import (
    Answer,
    Coding,
    Item,
    Meta,
    Number,
    Reference,
    Response,
    WeighedItem,
    WholeItem,
    decode_any,
    decode_decimal,
    decode_weighed,
    decode_whole,
)
from .stop import Stop
from .times import EARLIEST_YEAR, MOST_AHEAD, complete, instant
from .weights import WEIGHTS

_LOCAL_ID = re.compile(r"[A-Za-z0-9\-._]{1,255}")


Collect = Callable[[Any, dict[int, float], Binding, Form], bool | None]
"""Puts the answers among some items into a dict. True: other questions were answered too. None: look again."""


def read_plain(raw: bytes, rules: Rules, resolve: Resolve | None) -> Reading | None:
    """The reading of an ordinary form, or None: read it the long way. `raw` is of acceptable size."""
    start = raw.find(b'"answer"')
    first = raw[start + 8 : start + 40]
    for mark, decode, collect in _SHAPES:
        if mark in first:
            try:
                reading = _reading(decode(raw), collect, rules, resolve)
            except (msgspec.DecodeError, UnicodeDecodeError):  # nothing but decoding raises these
                continue
            if reading is not None:
                return reading
    return None


def _reading(response: Response[Any], collect: Collect, rules: Rules, resolve: Resolve | None) -> Reading | None:
    identity = plain_identity(response.questionnaire, rules)
    if identity is None:
        return None
    instrument = identity.binding.instrument
    if instrument.licence_gated and instrument.id not in rules.attested:
        return None
    people = _people(response, rules, instrument.rater)
    at = _time(response.authored, rules)
    if people is None or at is None:
        return None
    form = NOTHING if resolve is None else rules.form(resolved(identity, resolve))
    answers: dict[int, float] = {}
    extra = collect(response.item, answers, identity.binding, form)
    if extra is None or not answers:
        return None
    scores, unscored = score(instrument, answers)
    if not scores:
        return None
    if extra or identity.version_assumed:
        flags = [f for f, up in (("extra_items", extra), ("version_assumed", identity.version_assumed)) if up]
        scores = tuple(replace(s, flags=tuple(sorted({*s.flags, *flags}))) for s in scores)
    try:
        labels, updated = _meta(response.meta, rules)
    except Stop:
        return None
    response.meta = UNSET
    return Reading(
        Outcome.SCORED,
        people[0],
        digest(canonical_struct(response)),
        people[1],
        instrument.id,
        instrument.version,
        instrument.key,
        instrument.rater,
        response.authored,
        response.authored,
        at,
        people[2],
        response.status,
        scores,
        unscored,
        tuple(sorted(set().union(*flagged))) if (flagged := [s.flags for s in scores if s.flags]) else (),
        None,
        None,
        labels,
        updated,
    )


def _people(response: Response[Any], rules: Rules, rater: str) -> tuple[str | None, str, str | None] | None:
    """Id, patient and encounter; None when any of them, or the rater, needs a second look."""
    subject, source, encounter = response.subject, response.source, response.encounter
    id = None if response.id is UNSET else response.id
    if rules.require_id if id is None else not _LOCAL_ID.fullmatch(id):
        return None
    patient = _own("Patient", subject, rules)
    if patient is None:
        return None
    if source is not UNSET and (
        rater != "client" or source.reference != subject.reference or (source.type not in (UNSET, "Patient"))
    ):
        return None
    if encounter is UNSET:
        return id, patient, None
    visit = _own("Encounter", encounter, rules)
    return None if visit is None else (id, patient, visit)


def _own(type: str, reference: Reference, rules: Rules) -> str | None:
    if reference.type not in (UNSET, type):
        return None
    text = reference.reference
    if text.startswith(type) and _LOCAL_ID.fullmatch(text, len(type) + 1):
        return text if text[len(type)] == "/" else None
    return local(text, type, rules.bases)


def _time(authored: str, rules: Rules) -> datetime | None:
    at = complete(authored)
    return at if at is not None and int(authored[:4]) >= EARLIEST_YEAR and at - rules.now <= MOST_AHEAD else None


def _meta(meta: Meta | UnsetType, rules: Rules) -> tuple[tuple[str, ...], datetime | None]:
    if meta is UNSET:
        return (), None
    stamp = meta.lastUpdated
    updated = None if stamp is UNSET else instant(stamp)
    if meta.security is UNSET:
        return (), updated
    labels = read_labels({"meta": {"security": meta.security}})
    permit(labels, rules)
    return labels, updated


def _values(items: list[WholeItem], found: dict[int, float], binding: Binding, form: Form) -> bool | None:
    """The same for items that all have one number."""
    if form.options:
        return None
    try:
        return False if _numbers(items, found, binding, 1) == len(found) else None
    except KeyError:  # another linkId, off the grid, or too deep
        return None


def _numbers(items: list[WholeItem], found: dict[int, float], binding: Binding, level: int) -> int:
    numbers, grids, count = binding.numbers, binding.grids, 0
    for item in items:
        if item.answer is not UNSET:
            number = numbers[item.linkId]
            found[number] = grids[number][item.answer[0].value]
            count += 1
        elif not item.linkId:
            raise KeyError
        if item.item is not UNSET:
            count += _numbers(item.item, found, binding, _below(level))
    return count


def _weights(items: list[WeighedItem], found: dict[int, float], binding: Binding, form: Form) -> bool | None:
    """The same for items that all have one code with one weight."""
    if form is not NOTHING or binding.answers is not None:
        return None
    try:
        return False if _weighed(items, found, binding, 1) == len(found) else None
    except KeyError:
        return None


def _weighed(items: list[WeighedItem], found: dict[int, float], binding: Binding, level: int) -> int:
    numbers, grids, count = binding.numbers, binding.grids, 0
    for item in items:
        if item.answer is not UNSET:
            number, coding = numbers[item.linkId], item.answer[0].value
            found[number] = grids[number][coding.extension[0].valueDecimal]
            if coding.system in ABSENT_SYSTEMS:
                raise KeyError
            count += 1
        elif not item.linkId:
            raise KeyError
        if item.item is not UNSET:
            count += _weighed(item.item, found, binding, _below(level))
    return count


def _below(level: int) -> int:
    if level >= DEEPEST:
        raise KeyError
    return level + 1


def _answers(items: list[Item], found: dict[int, float], binding: Binding, form: Form, level: int = 1) -> bool | None:
    """Collect the answers; True when other questions were answered too. None: needs a second look."""
    extra: bool | None = False
    numbers, grids = binding.numbers, binding.grids
    for item in items:
        link, answers = item.linkId, item.answer
        number = numbers.get(link)
        if item.item is not UNSET or number is None:
            more = _other(item, found, binding, form, level)
            if more is None:
                return None
            extra = extra or more
            if number is None:
                continue
        if answers is UNSET or not answers:
            continue
        if len(answers) != 1 or number in found:
            return None
        weight = _weight(link, answers[0], binding, form)
        if weight is None or weight not in (grid := grids[number]):
            return None
        found[number] = grid[weight]
    return extra


def _weight(link: str, answer: Answer, binding: Binding, form: Form) -> Number | None:
    """The number of an answer, when everything that states one states the same."""
    whole, coding = answer.valueInteger, answer.valueCoding
    if answer.valueString is not UNSET or answer.extension is not UNSET:
        return None
    if coding is not UNSET:
        if whole is not UNSET or answer.valueDecimal is not UNSET or binding.answers is not None:
            return None
        return _coded(link, coding, form)
    number: Number
    if answer.valueDecimal is not UNSET:
        if whole is not UNSET:
            return None
        number = answer.valueDecimal
    elif whole is not UNSET:
        number = whole
    else:
        return None
    if link in form.options and any(w != number for w in form.number_weights(link, number)):
        return None
    return number


def _coded(link: str, coding: Coding, form: Form) -> Number | None:
    system = coding.system
    if system in ABSENT_SYSTEMS:
        return None
    number: Number | None = None
    for extension in () if coding.extension is UNSET else coding.extension:
        if extension.url in WEIGHTS:
            weight = extension.valueInteger if extension.valueDecimal is UNSET else extension.valueDecimal
            if (
                number is not None
                or weight is UNSET
                or not (extension.valueDecimal is UNSET or extension.valueInteger is UNSET)
            ):
                return None
            number = weight
    if form is not NOTHING and coding.code is not UNSET and coding.code:
        for weight in form.coding_weights(link, system or None, coding.code):
            if number is not None and number != weight:
                return None
            number = weight
    return number


def _other(item: Item, found: dict[int, float], binding: Binding, form: Form, level: int) -> bool | None:
    """A group, or a question that is not the instrument's: True when it was answered. None: look again."""
    link, extra = item.linkId, False
    if item.item is not UNSET:
        below = None if level >= DEEPEST else _answers(item.item, found, binding, form, level + 1)
        if below is None:
            return None
        extra = below
    if not link:
        return None
    if link in binding.numbers or item.answer is UNSET:
        return extra
    given = False
    for a in item.answer:
        coding = a.valueCoding
        if coding is not UNSET and coding.system in ABSENT_SYSTEMS:
            return None
        given = given or not (
            coding is UNSET and a.valueString is UNSET and a.valueInteger is UNSET and a.valueDecimal is UNSET
        )
    # A stated total, or a number that tells of another form, is for the long way.
    if given and (link in binding.instrument.stated_total or link in form.calculated or link.isdigit()):
        return None
    return extra or given


_SHAPES: tuple[tuple[bytes, Callable[[bytes], Response[Any]], Collect], ...] = (
    (b"valueI", decode_whole, _values),
    (b"valueC", decode_weighed, _weights),
    (b"valueD", decode_decimal, _values),
    (b"", decode_any, _answers),
)
"""What the first answer looks like, how such a response is decoded, and how its answers are collected."""
