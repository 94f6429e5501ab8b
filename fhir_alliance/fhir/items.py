"""The items of a response: found wherever they nest, each of the instrument's at most once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .answers import Kind, Source, kind, read_answer, stated_number
from .stop import invalid, set_aside, waiting

DEEPEST = 200
"""Levels of `item`, an item below another one or below an answer being one level down."""

Json = dict[str, Any]


@dataclass(slots=True)
class Found:
    """Items of a response, sorted out.

    numbered  item number → its linkId and every item that carries it
    totals    items in which the form states its own total
    extra     other questions were answered
    foreign   a plain number outside the instrument was answered: another form
    answered  anything at all has a value
    """

    numbered: dict[int, list[tuple[str, Json]]] = field(default_factory=dict)
    totals: list[Json] = field(default_factory=list)
    extra: bool = False
    foreign: bool = False
    answered: bool = False


@dataclass(frozen=True, slots=True)
class Answers:
    """The answered items in their raw coding, the total that the form states, and whether it asked more."""

    values: dict[int, float]
    stated: tuple[float | int, ...]
    extra: bool


def read_items(found: Found, source: Source, *, whole: bool = False) -> Answers:
    """The answers among the items of a response. Stop when anything is wrong with them.

    whole  wait until every item of the instrument is answered
    """
    if found.foreign:
        raise set_aside("form-mismatch", "answers items that this instrument does not have")
    if source.binding.instrument.totals_only:
        return Answers({}, _stated(found, source), extra=False)
    if not any(_carries(entry) for entries in found.numbered.values() for _, entry in entries):
        raise set_aside("form-mismatch", "answers none of the instrument's items")
    if whole and not all(any(_carries(e) for _, e in found.numbered.get(n, ())) for n in source.binding.items):
        raise waiting("in-progress", "not completed")
    values: dict[int, float] = {}
    for number in sorted(found.numbered):
        entries = found.numbered[number]
        answered = [(link, entry) for link, entry in entries if _carries(entry)] or entries[:1]
        if len(answered) > 1:
            raise invalid(number, "duplicate-item", "answered more than once")
        (link, entry) = answered[0]
        value = read_answer(number, link, entry, source)
        if value is not None:
            values[number] = value
    if whole and len(values) < len(source.binding.items):
        raise waiting("in-progress", "not completed")
    return Answers(values, _stated(found, source), found.extra)


def _stated(found: Found, source: Source) -> tuple[float | int, ...]:
    numbers = (stated_number(entry, source.numeric_strings) for entry in found.totals)
    return tuple(n for n in numbers if n is not None)


def find(items: object, source: Source) -> Found:
    """Walk every item. Stop at wrong types, unknown modifiers, and below the deepest level; a form without
    any answer is waited for.

    items  `QuestionnaireResponse.item`, as given
    """
    found = Found()
    pending: list[tuple[Any, int]] = [(items, 1)]
    while pending:
        entries, level = pending.pop()
        for entry in _objects(entries, "item"):
            if level > DEEPEST:
                raise set_aside("too-deep", f"items nested more than {DEEPEST} levels")
            link = entry.get("linkId")
            if not isinstance(link, str) or not link:
                raise set_aside("bad-link-id", "an item without a linkId, or one that is not text")
            number = source.binding.numbers.get(link)
            _unmodified(entry, number)
            answers = _objects(entry.get("answer", []), "answer", number)
            _sort(entry, link, answers, source, found)
            if "item" in entry:
                pending.append((entry["item"], level + 1))
            for answer in answers:
                _unmodified(answer, number)
                if "item" in answer:
                    pending.append((answer["item"], level + 1))
    if not found.answered:
        raise waiting("empty", "the form has no answers yet")
    return found


def _sort(entry: Json, link: str, answers: list[Json], source: Source, found: Found) -> None:
    answered = any(kind(a) is Kind.VALUE for a in answers)
    found.answered |= answered
    binding = source.binding
    number = binding.numbers.get(link)
    if number is not None:
        found.numbered.setdefault(number, []).append((link, entry))
    elif link in binding.totals or link in source.form.calculated:
        found.totals.append(entry)
    elif answered:
        found.extra = True
        found.foreign |= not binding.mapped and _outside(link, binding.numbers)


def _outside(link: str, numbers: Any) -> bool:
    """Is it a plain number that is none of the instrument's items?"""
    return link.isascii() and link.isdigit() and link.lstrip("0") not in numbers


def _carries(entry: Json) -> bool:
    return any(kind(a) is not Kind.NOTHING for a in entry.get("answer", []))


def _unmodified(element: Json, number: int | None) -> None:
    if element.get("modifierExtension"):
        raise set_aside("unknown-modifier", f"{_at(number)}a modifier extension that this program does not know")


def _objects(value: object, name: str, number: int | None = None) -> list[Json]:
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise set_aside("wrong-type", f"{_at(number)}{name} is not a list of objects")
    return value


def _at(number: int | None) -> str:
    return "" if number is None else f"item {number}: "
