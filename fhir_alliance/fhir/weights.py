"""Weights: the numbers that FHIR hangs on coded answers, under three names that came one after another.

`questionnaire-ordinalValue` is STU3's (on an option's Coding). `ordinalValue` is R4's (4.0.1: on a Coding, an
answerOption, a concept of a code system or of a value set's `compose`). `itemWeight` is its name since the extensions
pack (hl7.org/fhir/extensions), which R4 systems use too. All are read in each of these places, in a value set's
`expansion`, and on the answer and its value's sibling, where real systems put them.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from typing import Any, TypeGuard

_BASE = "http://hl7.org/fhir/StructureDefinition/"
WEIGHTS = frozenset({f"{_BASE}itemWeight", f"{_BASE}ordinalValue", f"{_BASE}questionnaire-ordinalValue"})
ABSENT = f"{_BASE}data-absent-reason"

Json = dict[str, Any]


class BadWeight(ValueError):
    """A weight that is there and is not a number."""


def is_number(value: object) -> TypeGuard[int | float]:
    """A JSON number, which may be too large for a float (infinite then); true and false are none."""
    return type(value) is int or (type(value) is float and not math.isnan(value))


def extension_weights(extensions: object) -> Iterator[int | float]:
    """Weights among the extensions of an element. BadWeight when one is not a number."""
    for extension in extensions if isinstance(extensions, list) else ():
        url = extension.get("url") if isinstance(extension, dict) else None
        if isinstance(url, str) and url in WEIGHTS:
            values = [v for k, v in extension.items() if k.startswith("value")]
            if len(values) != 1 or not is_number(values[0]):
                raise BadWeight
            if "valueDecimal" not in extension and "valueInteger" not in extension:
                raise BadWeight
            yield values[0]


def option_weights(option: Json) -> Iterator[int | float]:
    """Weights of an answerOption: its own, its Coding's, its value's sibling's. Malformed ones are none."""
    coding = option.get("valueCoding")
    places = [option, coding, *(v for k, v in option.items() if k.startswith("_value"))]
    for place in places:
        yield from _lenient(place)


def concept_weights(concept: Json, properties: Collection[str]) -> Iterator[int | float]:
    """Weights of a concept, as extensions or as the named properties of its code system."""
    yield from _lenient(concept)
    given = concept.get("property")
    for entry in given if isinstance(given, list) else ():
        code = entry.get("code") if isinstance(entry, dict) else None
        if isinstance(code, str) and code in properties:
            for key in ("valueDecimal", "valueInteger"):
                if is_number(entry.get(key)):
                    yield entry[key]


def _lenient(element: object) -> Iterator[int | float]:
    try:
        yield from extension_weights(element.get("extension") if isinstance(element, dict) else None)
    except BadWeight:
        return
