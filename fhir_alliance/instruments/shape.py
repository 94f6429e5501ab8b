"""The shape of a definition file: every table, every key, what it takes and what it is for.

One source for the check of a file (`definition.py`) and for the JSON Schema of editors (`schema.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Check = Callable[[Any], bool]

LARGEST, SMALLEST = 1e9, 1e-9
"""Between these lies the size of every number that is not 0; beyond them sums and quotients would be none."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of value: how to tell it, how to ask for it, and the same for a JSON Schema."""

    holds: Check
    ask: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One key of a table. `kind` names a `Kind`, or lists the values that may stand: "pre|post|any"."""

    kind: str
    says: str
    needed: bool = True


Fields = Mapping[str, Field]


def _text(x: Any) -> bool:
    return isinstance(x, str) and bool(x.strip())


def _integer(x: Any) -> bool:
    return isinstance(x, int) and not isinstance(x, bool) and abs(x) <= LARGEST


def _number(x: Any) -> bool:
    return _integer(x) or (isinstance(x, float) and (x == 0 or SMALLEST <= abs(x) <= LARGEST))


def _all(check: Check) -> Check:
    return lambda x: isinstance(x, list) and all(check(y) for y in x)


def _one_or_all(check: Check) -> Check:
    return lambda x: check(x) or (_all(check)(x) and bool(x))


def _values_of(check: Check) -> Check:
    return lambda x: isinstance(x, dict) and all(check(y) for y in x.values())


def _schema_list(of: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": of}


def _schema_either(of: Mapping[str, Any]) -> dict[str, Any]:
    return {"anyOf": [of, _schema_list(of) | {"minItems": 1}]}


_TEXT = {"type": "string", "pattern": r"\S"}
_RANGE = {"minimum": -LARGEST, "maximum": LARGEST}
_INTEGER = {"type": "integer", **_RANGE}
_NUMBER = {"type": "number", **_RANGE}
_LINKS = _schema_either(_TEXT)

KINDS: dict[str, Kind] = {
    "text": Kind(_text, "text", _TEXT),
    "texts": Kind(_all(_text), "a list of texts", _schema_list(_TEXT)),
    "links": Kind(
        _all(_one_or_all(_text)), "a list with one linkId, or a list of them, per item", _schema_list(_LINKS)
    ),
    "sources": Kind(lambda x: isinstance(x, dict), "a table", {"type": "object", "additionalProperties": _TEXT}),
    "integer": Kind(_integer, "a whole number", _INTEGER),
    "integers": Kind(_all(_integer), "a list of whole numbers", _schema_list(_INTEGER)),
    "number": Kind(_number, "a number", _NUMBER),
    "numbers": Kind(_one_or_all(_number), "a number, or a list with one per item", _schema_either(_NUMBER)),
    "values": Kind(
        _values_of(_number), "a table, answer = number", {"type": "object", "additionalProperties": _NUMBER}
    ),
    "boolean": Kind(lambda x: isinstance(x, bool), "true or false", {"type": "boolean"}),
    "table": Kind(lambda x: isinstance(x, dict), "a table", {"type": "object"}),
    "tables": Kind(
        lambda x: isinstance(x, list) and bool(x) and all(isinstance(y, dict) for y in x),
        "one table or more",
        {"type": "array", "minItems": 1},
    ),
}


def _optional(kind: str, says: str) -> Field:
    return Field(kind, says, needed=False)


TOP: Fields = {
    "id": Field("text", "short name: small letters, digits and single hyphens"),
    "version": Field("text", "version of this file; move it when a constant or the key is corrected"),
    "key": Field("text", "name of the scoring key (items to scales), like wai-sr-c/1: part of a series' identity"),
    "title": Field("text", "the instrument's name"),
    "rater": Field("client|therapist|caregiver|observer", "who fills it in"),
    "purpose": Field(
        "alliance|group|outcome|hope|consultation",
        "what it measures; only what a client says of an alliance may raise an alert",
    ),
    "higher": _optional("better|worse", "what a higher score means (default better); worse is scored only"),
    "language": Field("text", 'language of the form, like "de", or "any"'),
    "when": Field("pre|post|any", "before or after the session: for finding the session of a form without one"),
    "response": _optional("likert|vas", "how items are answered (default likert); vas allows the unit cm"),
    "verified": Field("boolean", "was the key checked against the form or its publication?"),
    "questionnaire_versions": _optional("texts", "versions of the shipped canonical that are accepted"),
    "canonicals": _optional("texts", 'questionnaires that are this form: "url" (any version) or "url|version"'),
    "stated_total": _optional("texts", "linkIds of a total that the form states itself"),
    "missing_answers": _optional("texts", 'codes ("code" or "system|code") of "does not apply": missing, not invalid'),
    "snomed": _optional("text", "SNOMED CT code of exactly this total"),
    "snomed_retired": _optional("texts", "codes that the same total had before: recognised, never written"),
    "licence": Field("table", "whose it is, and on what terms"),
    "items": _optional("table", "the questions, by number; with [[scale]]"),
    "scale": _optional("tables", "one score each; one of them is the total"),
    "total": _optional("table", "in place of items and scales: only a finished total is accepted"),
    "answers": _optional("values", 'what coded answers stand for: "system|code", code or display = number'),
    "change": _optional("table", "constants of change, in points of the total; those left out are generic"),
    "provenance": Field("sources", "where each number is from, each beginning with a tag like [R]"),
    "example": Field("tables", "worked examples, calculated by hand from the published key"),
}
LICENCE: Fields = {
    "gated": Field("boolean", "scored only where the site attests its own licence"),
    "holder": Field("text", "who holds the rights"),
    "terms": Field("text", "on what terms it may be used, as far as known"),
}
ITEMS: Fields = {
    "count": Field("integer", "how many questions"),
    "minimum": Field("numbers", "lowest answer"),
    "maximum": Field("numbers", "highest answer"),
    "step": Field("numbers", "distance between two answers"),
    "reverse": _optional("integers", "numbers of items that are scored from the other end"),
    "fillers": _optional("integers", "numbers of items that belong to no scale"),
    "link_ids": _optional("links", 'linkIds of items 1 to n in your form (default "1" to "n")'),
}
SCALE: Fields = {
    "id": Field("text", "short name; one scale is the total"),
    "title": Field("text", "what it is called"),
    "items": Field("integers", "numbers of its items"),
    "rule": Field("mean|sum", "of its items"),
    "minimum": Field("number", "lowest score"),
    "maximum": Field("number", "highest score"),
    "places": Field("integer", "decimals that are written outward"),
    "min_answered": Field("integer", "fewest answered items for a score; the missing ones are prorated"),
    "requires": _optional("texts", "scales that must have a score for this one to have one"),
    "notice_drop": _optional("number", "fall below its own usual that is worth a notice (subscales only)"),
}
TOTAL: Fields = {
    "title": Field("text", "what it is called"),
    "rule": Field("mean|sum", "how the form makes it, as far as known"),
    "minimum": Field("number", "lowest total"),
    "maximum": Field("number", "highest total"),
    "places": Field("integer", "decimals that are written outward"),
}
CHANGE: Fields = {
    "rc90": _optional("number", "reliable change at 90 %"),
    "rc95": _optional("number", "reliable change at 95 %"),
    "rc99": _optional("number", "reliable change at 99 %"),
    "s0": _optional("number", "usual variation of one person's scores (SD)"),
    "low": _optional("number", "mean of the first three scores below which to look"),
}
EXAMPLE: Fields = {
    "name": Field("text", "what it shows"),
    "answers": _optional("table", "item number = answer"),
    "stated": _optional("number", "the finished total that the form states"),
    "scores": _optional("table", "scale = { value, raw, answered, flags }"),
    "unscored": _optional("texts", "scales that must have no score"),
}
EXPECTED: Fields = {
    "value": Field("number", "the score"),
    "raw": Field("number", "the sum, prorated where the score is"),
    "answered": Field("integer", "how many of its items were answered"),
    "flags": _optional("texts", "flags of the score, sorted"),
}
TABLES: Mapping[str, Fields] = {
    "licence": LICENCE,
    "items": ITEMS,
    "scale": SCALE,
    "total": TOTAL,
    "change": CHANGE,
    "example": EXAMPLE,
}
"""Tables of the file's top level that have a shape of their own."""


def wrong(value: Any, kind: str) -> str | None:
    """What is wrong with a value of this kind, or None."""
    if "|" in kind:
        return None if isinstance(value, str) and value in kind.split("|") else f"give one of {kind.replace('|', ', ')}"
    return None if KINDS[kind].holds(value) else f"give {KINDS[kind].ask}"


def problems(table: Any, fields: Fields, where: str) -> list[str]:
    """What is wrong with the keys of a table and the types of their values; `where` begins each line."""
    if not isinstance(table, dict):
        return [f"{where.rstrip('. ') or 'the file'}: give a table"]
    found = [f"{where}{name}: unknown key" for name in table if name not in fields]
    for name, field in fields.items():
        if name in table:
            if bad := wrong(table[name], field.kind):
                found.append(f"{where}{name}: {bad}")
        elif field.needed:
            found.append(f"{where}{name}: missing")
    return found
