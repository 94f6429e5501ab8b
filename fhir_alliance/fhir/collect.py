"""The answers of ordinary forms (`shapes.py`), collected as fast as may be.

The items of a form come in few variants: twelve questions with five answers are sixty. So what an item
says is kept by its bytes, and most items are never decoded.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from msgspec import UNSET

from .answers import ABSENT_SYSTEMS
from .binding import Binding
from .content import struct_fingerprint
from .form import Form
from .items import DEEPEST
from .shapes import Answer, Coding, Item, Number, decode_item
from .weights import WEIGHTS

MOST_ITEMS = 4096
LONGEST = 1024


class Said(NamedTuple):
    """What one item says: the value of an item of the instrument, or (number 0) whether another question was
    answered (1) or not (0); and its hash."""

    number: int
    value: float
    fingerprint: str


class Collector:
    """Reads items under one binding and form."""

    __slots__ = ("binding", "form", "known")

    def __init__(self, binding: Binding, form: Form):
        self.binding, self.form = binding, form
        self.known: dict[bytes, Said] = {}

    def collect(self, items: list[Any], found: dict[int, float], level: int = 1) -> bool | None:
        """Put the answers of raw items into `found`, item number → value on its grid, and hashes in place of the items.

        True when other questions were answered too, False when not, None when the response needs a second look.
        """
        known, extra = self.known, False
        for place, view in enumerate(items):
            raw = bytes(view)
            said = known.get(raw) or self._read(raw, found, level)
            if said is None:
                return None
            number, value, items[place] = said
            if not number:
                extra = extra or value > 0
            elif number in found:
                return None
            else:
                found[number] = value
        return extra

    def _read(self, raw: bytes, found: dict[int, float], level: int) -> Said | None:
        item = decode_item(raw)
        told = self._group(item, found, level) if item.item is not UNSET else self._leaf(item)
        if told is None or not item.linkId:
            return None
        said = Said(*told, struct_fingerprint(item))
        if item.item is UNSET and len(raw) <= LONGEST and not _texts(item):
            if len(self.known) >= MOST_ITEMS:
                self.known.clear()
            self.known[raw] = said
        return said

    def _group(self, item: Item, found: dict[int, float], level: int) -> tuple[int, float] | None:
        if item.answer is not UNSET or item.item is UNSET or level >= DEEPEST:
            return None
        extra = self.collect(item.item, found, level + 1)
        return None if extra is None else (0, extra)

    def _leaf(self, item: Item) -> tuple[int, float] | None:
        number = self.binding.numbers.get(item.linkId)
        if item.answer is UNSET or not item.answer:
            return 0, False
        if number is None:
            extra = _other(item.linkId, item.answer, self.binding, self.form)
            return None if extra is None else (0, extra)
        if len(item.answer) != 1:
            return None
        weight = _weight(item.linkId, item.answer[0], self.binding, self.form)
        point = None if weight is None else self.binding.grids[number].get(weight)
        return None if point is None else (number, point)


def _weight(link: str, answer: Answer, binding: Binding, form: Form) -> Number | None:
    """The number of an answer, when everything that states one states the same."""
    whole, coding = answer.valueInteger, answer.valueCoding
    if answer.valueString is not UNSET or answer.extension is not UNSET:
        return None
    if coding is not UNSET:
        if whole is not UNSET or answer.valueDecimal is not UNSET:
            return None
        if binding.answers is not None or binding.missing:
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
    if form.knows_codes and coding.code is not UNSET and coding.code:
        for weight in form.coding_weights(link, system or None, coding.code):
            if number is not None and number != weight:
                return None
            number = weight
    return number


def _texts(item: Item) -> bool:
    """Free text hardly ever comes twice."""
    return item.answer is not UNSET and any(a.valueString is not UNSET for a in item.answer)


def _other(link: str, answers: list[Answer], binding: Binding, form: Form) -> bool | None:
    """A question that is not the instrument's: True when it was answered. None: look again."""
    given = False
    for a in answers:
        coding = a.valueCoding
        if coding is not UNSET and coding.system in ABSENT_SYSTEMS:
            return None
        given = given or not (
            coding is UNSET and a.valueString is UNSET and a.valueInteger is UNSET and a.valueDecimal is UNSET
        )
    # A stated total, or a number that tells of another form, is for the long way.
    if given and (link in binding.totals or link in form.calculated or link.isdigit()):
        return None
    return given
