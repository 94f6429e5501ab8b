"""The short cut for ordinary forms: complete or partly answered, numbers or weighted codes, nothing odd.

Sync reads every response of a clinic, so this path decodes straight into typed structures and gives
up (None) at whatever it does not know: then `inbound.py` reads the same bytes the long way, which
alone decides what anything means. Both give equal readings; a property test holds them to it.
"""

# ruff: noqa: N815  the fields carry FHIR's names

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Literal

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
from .stop import Stop
from .times import EARLIEST_YEAR, MOST_AHEAD, complete, instant
from .weights import WEIGHTS

Number = int | float


class _Extension(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    url: str
    valueDecimal: Number | UnsetType = UNSET
    valueInteger: Number | UnsetType = UNSET


class _Coding(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    code: str | UnsetType = UNSET
    display: str | UnsetType = UNSET
    extension: list[_Extension] | UnsetType = UNSET
    system: str | UnsetType = UNSET
    userSelected: bool | UnsetType = UNSET
    version: str | UnsetType = UNSET


class _Answer(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    extension: list[_Extension] | UnsetType = UNSET
    valueCoding: _Coding | UnsetType = UNSET
    valueDecimal: Number | UnsetType = UNSET
    valueInteger: Number | UnsetType = UNSET
    valueString: str | UnsetType = UNSET


class _Item(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    linkId: str
    answer: list[_Answer] | UnsetType = UNSET
    definition: str | UnsetType = UNSET
    item: list[_Item] | UnsetType = UNSET
    text: str | UnsetType = UNSET


class _Reference(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    reference: str
    display: str | UnsetType = UNSET
    type: str | UnsetType = UNSET


class _Meta(msgspec.Struct, gc=False):
    lastUpdated: str | UnsetType = UNSET
    security: Any = UNSET


class _Response(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    resourceType: Literal["QuestionnaireResponse"]
    questionnaire: str
    status: Literal["completed", "amended"]
    subject: _Reference
    authored: str
    item: list[_Item]
    author: Any = UNSET
    basedOn: Any = UNSET
    encounter: _Reference | UnsetType = UNSET
    extension: Any = UNSET
    id: str | UnsetType = UNSET
    identifier: Any = UNSET
    language: Any = UNSET
    meta: _Meta | UnsetType = UNSET
    partOf: Any = UNSET
    source: _Reference | UnsetType = UNSET
    text: Any = UNSET


_decode = msgspec.json.Decoder(_Response).decode
_LOCAL_ID = re.compile(r"[A-Za-z0-9\-._]{1,255}")


def read_plain(raw: bytes, rules: Rules, resolve: Resolve | None) -> Reading | None:
    """The reading of an ordinary form, or None: read it the long way. `raw` is of acceptable size."""
    try:
        response = _decode(raw)
    except (ValueError, RecursionError):  # not JSON, not UTF-8, or not of this shape
        return None
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
    extra = _answers(response.item, answers, identity.binding, form)
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
        tuple(sorted({f for s in scores for f in s.flags})) if any(s.flags for s in scores) else (),
        None,
        None,
        labels,
        updated,
    )


def _people(response: _Response, rules: Rules, rater: str) -> tuple[str | None, str, str | None] | None:
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


def _own(type: str, reference: _Reference, rules: Rules) -> str | None:
    if reference.type not in (UNSET, type):
        return None
    text = reference.reference
    if text.startswith(type) and _LOCAL_ID.fullmatch(text, len(type) + 1):
        return text if text[len(type)] == "/" else None
    return local(text, type, rules.bases)


def _time(authored: str, rules: Rules) -> datetime | None:
    at = complete(authored)
    return at if at is not None and int(authored[:4]) >= EARLIEST_YEAR and at - rules.now <= MOST_AHEAD else None


def _meta(meta: _Meta | UnsetType, rules: Rules) -> tuple[tuple[str, ...], datetime | None]:
    if meta is UNSET:
        return (), None
    stamp = meta.lastUpdated
    updated = None if stamp is UNSET else instant(stamp)
    if meta.security is UNSET:
        return (), updated
    labels = read_labels({"meta": {"security": meta.security}})
    permit(labels, rules)
    return labels, updated


def _answers(items: list[_Item], found: dict[int, float], binding: Binding, form: Form, level: int = 1) -> bool | None:
    """Collect the answers; True when other questions were answered too. None: needs a second look."""
    extra: bool | None = False
    numbers, grids = binding.numbers, binding.grids
    for item in items:
        link, answers = item.linkId, item.answer
        if not link:
            return None
        if item.item is not UNSET:
            below = None if level >= DEEPEST else _answers(item.item, found, binding, form, level + 1)
            if below is None:
                return None
            extra = extra or below
        if answers is UNSET or not answers:
            continue
        number = numbers.get(link)
        if number is None:
            other = _extra(link, answers, binding, form)
            if other is None:
                return None
            extra = extra or other
            continue
        if len(answers) != 1 or number in found:
            return None
        weight = _weight(link, answers[0], binding, form)
        if weight is None or weight not in (grid := grids[number]):
            return None
        found[number] = grid[weight]
    return extra


def _weight(link: str, answer: _Answer, binding: Binding, form: Form) -> Number | None:
    """The number of an answer, when everything that states one states the same."""
    whole, coding = answer.valueInteger, answer.valueCoding
    if answer.valueString is not UNSET or answer.extension is not UNSET:
        return None
    if coding is UNSET:
        decimal = answer.valueDecimal
        if whole is UNSET:
            number = None if decimal is UNSET else decimal
        else:
            number = whole if decimal is UNSET and type(whole) is int else None
        if number is None or (link in form.options and any(w != number for w in form.number_weights(link, number))):
            return None
        return number
    if whole is not UNSET or answer.valueDecimal is not UNSET or binding.answers is not None:
        return None
    return _coded(link, coding, form)


def _coded(link: str, coding: _Coding, form: Form) -> Number | None:
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


def _extra(link: str, answers: list[_Answer], binding: Binding, form: Form) -> bool | None:
    """Was a question answered that is not the instrument's? None: it may be more than that."""
    for a in answers:
        coding = a.valueCoding
        if coding is not UNSET and coding.system in ABSENT_SYSTEMS:
            return None
    given = any(
        not (a.valueString is UNSET and a.valueInteger is UNSET and a.valueDecimal is UNSET and a.valueCoding is UNSET)
        for a in answers
    )
    if given and (link in binding.instrument.stated_total or link in form.calculated or link.isdigit()):
        return None
    return given
