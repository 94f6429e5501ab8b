"""One question's answer: missing, a point on the grid, or invalid (`fhir.md` 5.5, "Answers").

Invalid is never treated as missing, and of several sources of a value none is preferred: they agree
or the response is set aside.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from math import isfinite
from typing import Any

from ..model import Item
from .binding import Binding
from .form import Form
from .stop import invalid
from .weights import ABSENT, BadWeight, extension_weights, is_number

TOLERANCE = 1e-6
_PLAIN_NUMBER = re.compile(r"[+-]?\d{1,15}(?:\.\d{1,15})?", re.ASCII)
ABSENT_SYSTEMS = frozenset(
    {
        "http://terminology.hl7.org/CodeSystem/data-absent-reason",
        "http://terminology.hl7.org/CodeSystem/v3-NullFlavor",
        "http://hl7.org/fhir/data-absent-reason",
        "http://hl7.org/fhir/v3/NullFlavor",
    }
)
_UNITS = ("{score}", "1")

Json = dict[str, Any]


class Kind(Enum):
    """What an entry of `answer` says."""

    NOTHING = "nothing"
    ABSENT = "absent"
    VALUE = "value"


@dataclass(frozen=True, slots=True)
class Source:
    """Where an instrument's answers are read from."""

    binding: Binding
    form: Form
    numeric_strings: bool


def kind(answer: Json) -> Kind:
    """Nothing, a reason why there is no answer, or a value (right or wrong)."""
    names = [key for key in answer if key.startswith("value")]
    if len(names) == 1 and names[0] == "valueCoding" and _absent_coding(answer["valueCoding"]):
        return Kind.ABSENT
    if names:
        return Kind.VALUE
    siblings = (answer[key] for key in answer if key.startswith("_value"))
    return Kind.ABSENT if any(map(_says_absent, (answer, *siblings))) else Kind.NOTHING


def _absent_coding(coding: object) -> bool:
    system = coding.get("system") if isinstance(coding, dict) else None
    return isinstance(system, str) and system in ABSENT_SYSTEMS


def _says_absent(element: object) -> bool:
    extensions = element.get("extension") if isinstance(element, dict) else None
    if not isinstance(extensions, list):
        return False
    return any(isinstance(e, dict) and e.get("url") == ABSENT for e in extensions)


def read_answer(number: int, link: str, entry: Json, source: Source) -> float | None:
    """The value of an item of the instrument, on its grid; None when it is missing. Stop when it is invalid.

    entry  the response's item; its `answer` is a list of objects
    """
    answers: list[Json] = entry.get("answer", [])
    kinds = [kind(a) for a in answers]
    values = [a for a, k in zip(answers, kinds, strict=True) if k is Kind.VALUE]
    if not values:
        if any(k is Kind.ABSENT and _has_weight(number, a) for a, k in zip(answers, kinds, strict=True)):
            raise invalid(number, "value-and-absent", "a value together with a reason for having none")
        return None
    if len(values) > 1:
        raise invalid(number, "several-answers", "more than one answer")
    if Kind.ABSENT in kinds or _says_absent(entry) or _absent_inside(values[0]):
        raise invalid(number, "value-and-absent", "a value together with a reason for having none")
    if _not_applicable(values[0], source.binding.missing):
        return None
    item = source.binding.items[number]
    found = list(_values(number, link, values[0], source))
    if max(found) - min(found) > TOLERANCE:
        raise invalid(number, "sources-disagree", "its weights and value disagree")
    return snap(found[0], item)


def _not_applicable(answer: Json, missing: frozenset[str]) -> bool:
    """Is it a coded answer that stands for "does not apply" on this form?"""
    coding = answer.get("valueCoding")
    if not missing or not isinstance(coding, dict):
        return False
    system, code = coding.get("system"), coding.get("code")
    return isinstance(code, str) and (code in missing or f"{system}|{code}" in missing)


def _absent_inside(answer: Json) -> bool:
    return any(_says_absent(v) for v in (answer, *(v for k, v in answer.items() if k.startswith(("value", "_value")))))


def _has_weight(number: int, answer: Json) -> bool:
    """Does an answer that states an absence (as a Coding) carry a weight as well?"""
    return "valueCoding" in answer and any(True for _ in _weights(number, answer, "valueCoding"))


def snap(value: float, item: Item) -> float:
    """The grid point of a value. Stop when it is out of range or between two points."""
    low, high = item.minimum, item.maximum
    if not low - TOLERANCE <= value <= high + TOLERANCE:
        raise invalid(item.number, "out-of-range", f"answer out of range {low:g}-{high:g}")
    steps = round((value - low) / item.step)
    point = round(low + steps * item.step, 9)  # 3 * 0.1 is not 0.3 in binary
    if abs(point - value) > TOLERANCE:
        raise invalid(item.number, "off-grid", f"answer not in steps of {item.step:g} from {low:g}")
    return point


def _values(number: int, link: str, answer: Json, source: Source) -> Iterator[float]:
    """What each source says of one answer's value; at least one. Stop when it is invalid."""
    names = {key.removeprefix("_") for key in answer if key.startswith(("value", "_value"))}
    if len(names) > 1:
        raise invalid(number, "several-values", "more than one value")
    (name,) = names
    value = answer[name]
    if name == "valueCoding":
        yield from _coded(number, link, answer, source)
        return
    yield (plain := _plain(number, name, value, source))
    yield from _weights(number, answer, name)
    yield from map(_float, source.form.number_weights(link, plain))


def _plain(number: int, name: str, value: object, source: Source) -> float:
    if name == "valueQuantity":
        value = _quantity(number, value, source.binding)
    elif name == "valueString":
        if not source.numeric_strings or not isinstance(value, str) or not _PLAIN_NUMBER.fullmatch(value):
            raise invalid(number, "not-a-number", "answer is text")
        return float(value)
    elif name not in {"valueInteger", "valueDecimal"}:
        raise invalid(number, "not-a-number", "answer is not a number")
    if not is_number(value):
        raise invalid(number, "not-a-number", "answer is not a number")
    if name == "valueInteger" and isinstance(value, float) and isfinite(value) and not value.is_integer():
        raise invalid(number, "wrong-type", "answer is not a whole number but says so")
    return _float(value)


def _quantity(number: int, value: object, binding: Binding) -> object:
    if not isinstance(value, dict):
        raise invalid(number, "wrong-type", "answer is not a quantity")
    if value.get("comparator") is not None:
        raise invalid(number, "comparator", "a quantity with a comparator")
    unit = value.get("code") if value.get("code") is not None else value.get("unit")
    allowed = (*_UNITS, "cm") if binding.instrument.unit_hint == "vas" else _UNITS
    if unit is not None and unit not in allowed:
        raise invalid(number, "unit", "a quantity in another unit")
    return value.get("value")


def _coded(number: int, link: str, answer: Json, source: Source) -> Iterator[float]:
    coding = answer["valueCoding"]
    if not isinstance(coding, dict):
        raise invalid(number, "wrong-type", "answer is not a coding")
    system, code = _text(number, coding, "system"), _text(number, coding, "code")
    if source.binding.answers is not None:  # a site's own map decides alone
        found = _mapped(source.binding.answers, system, code, coding.get("display"))
        if found is None:
            raise invalid(number, "unmapped-answer", "a coded answer that the site's map does not know")
        yield found
        return
    weights = [*_weights(number, answer, "valueCoding")]
    if code is not None:
        weights += map(_float, source.form.coding_weights(link, system, code))
    if not weights:
        raise invalid(number, "no-weight", "a coded answer without a weight")
    yield from weights


def _text(number: int, coding: Json, name: str) -> str | None:
    value = coding.get(name)
    if value is not None and not isinstance(value, str):
        raise invalid(number, "wrong-type", f"the {name} of its coding is not text")
    return value or None


def _mapped(answers: Any, system: str | None, code: str | None, display: object) -> float | None:
    keys = [f"{system}|{code}" if system and code else None, code]
    for key in keys:
        if key is not None and key in answers:
            return float(answers[key])
    if isinstance(display, str):
        wanted = _normal(display)
        return next((float(v) for k, v in answers.items() if _normal(k) == wanted), None)
    return None


def _normal(text: str) -> str:
    return " ".join(text.split()).casefold()


def _weights(number: int, answer: Json, name: str) -> Iterator[float]:
    """Weights on the answer, on its Coding (or Quantity) and on its value's sibling."""
    value = answer.get(name)
    places = (answer, value if isinstance(value, dict) else None, answer.get(f"_{name}"))
    try:
        for place in places:
            if place is not None:
                yield from map(_float, extension_weights(_extensions(number, place)))
    except BadWeight:
        raise invalid(number, "bad-weight", "a weight that is not a number") from None


def _extensions(number: int, element: object) -> object:
    found = element.get("extension", []) if isinstance(element, dict) else None
    if not isinstance(found, list) or not all(isinstance(e, dict) for e in found):
        raise invalid(number, "wrong-type", "its extensions are not a list of objects")
    return found


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf")


def stated_number(entry: Json, numeric_strings: bool) -> float | int | None:
    """The number that a form states for its total; None when it states none that can be compared."""
    values = [a for a in entry.get("answer", []) if kind(a) is Kind.VALUE]
    if len(values) != 1:
        return None
    names = [key for key in values[0] if key.startswith("value")]
    value = values[0][names[0]] if len(names) == 1 else None
    if names == ["valueQuantity"] and isinstance(value, dict):
        value = value.get("value")
    elif names == ["valueString"]:
        if not numeric_strings or not isinstance(value, str) or not _PLAIN_NUMBER.fullmatch(value):
            return None
        value = float(value) if "." in value else int(value)
    elif names not in (["valueInteger"], ["valueDecimal"]):
        return None
    return value if is_number(value) else None
