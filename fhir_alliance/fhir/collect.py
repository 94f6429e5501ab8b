"""The answers of ordinary forms (`shapes.py`), collected as fast as may be.

Each collector puts answers into a dict, item number → value on its grid. It says True when other
questions were answered too, False when not, and None when the response needs a second look.
"""

from __future__ import annotations

from msgspec import UNSET

from .answers import ABSENT_SYSTEMS
from .binding import Binding
from .form import Form
from .items import DEEPEST
from .shapes import Answer, Coding, Item, Number, WeighedItem, WholeItem
from .weights import WEIGHTS


def values(items: list[WholeItem], found: dict[int, float], binding: Binding, form: Form) -> bool | None:
    """Of items that all have one number."""
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


def weights(items: list[WeighedItem], found: dict[int, float], binding: Binding, form: Form) -> bool | None:
    """Of items that all have one code with one weight."""
    if form.options or form.concepts or binding.answers is not None:
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


def answers(items: list[Item], found: dict[int, float], binding: Binding, form: Form, level: int = 1) -> bool | None:
    """Of items of any kind."""
    extra: bool | None = False
    numbers, grids = binding.numbers, binding.grids
    for item in items:
        link, given = item.linkId, item.answer
        number = numbers.get(link)
        if item.item is not UNSET or number is None:
            more = _other(item, found, binding, form, level)
            if more is None:
                return None
            extra = extra or more
            if number is None:
                continue
        if given is UNSET or not given:
            continue
        if len(given) != 1 or number in found:
            return None
        weight = _weight(link, given[0], binding, form)
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
    if (form.options or form.concepts) and coding.code is not UNSET and coding.code:
        for weight in form.coding_weights(link, system or None, coding.code):
            if number is not None and number != weight:
                return None
            number = weight
    return number


def _other(item: Item, found: dict[int, float], binding: Binding, form: Form, level: int) -> bool | None:
    """A group, or a question that is not the instrument's: True when it was answered. None: look again."""
    link, extra = item.linkId, False
    if item.item is not UNSET:
        below = None if level >= DEEPEST else answers(item.item, found, binding, form, level + 1)
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
