"""From TOML to an `Instrument`: every key known, every value of its type, all problems at once."""

from __future__ import annotations

import math
from typing import Any, cast

from ..model import Change, Instrument, Item, Scale

_TOP: dict[str, str] = {
    "id": "text",
    "version": "text",
    "key": "text",
    "title": "text",
    "rater": "client|therapist|caregiver|observer",
    "language": "text",
    "when": "pre|post|any",
    "response": "likert|vas",
    "verified": "boolean",
    "questionnaire_versions": "texts",
    "stated_total": "texts?",
    "licence": "table",
    "items": "table",
    "scale": "tables",
    "change": "table",
    "provenance": "table",
    "example": "any",
}
_LICENCE = {"gated": "boolean", "holder": "text", "terms": "text"}
_ITEMS = {"count": "integer", "minimum": "number", "maximum": "number", "step": "number", "reverse": "integers?"}
_SCALE = {
    "id": "text",
    "title": "text",
    "items": "integers",
    "rule": "mean|sum",
    "minimum": "number",
    "maximum": "number",
    "places": "integer",
    "min_answered": "integer",
    "requires": "texts?",
    "notice_drop": "number?",
}
_CHANGE = {
    "rc90": "number",
    "rc95": "number",
    "rc99": "number",
    "s0": "number",
    "low": "number?",
    "minimum": "number",
    "maximum": "number",
}
MOST_ITEMS = 500


def read(data: dict[str, Any]) -> tuple[Instrument | None, list[str]]:
    """The instrument, and what is wrong with the shape of its definition (None when that is too much)."""
    problems = _shape(data, _TOP, "")
    if problems:
        return None, problems
    problems += _shape(data["licence"], _LICENCE, "licence.")
    problems += _shape(data["items"], _ITEMS, "items.")
    problems += _shape(data["change"], _CHANGE, "change.")
    for n, scale in enumerate(data["scale"], 1):
        problems += _shape(scale, _SCALE, f"scale {n}: ")
    problems += [f"provenance.{k}: give text" for k, v in data["provenance"].items() if not isinstance(v, str)]
    if not problems and not 1 <= data["items"]["count"] <= MOST_ITEMS:
        problems.append(f"items.count: give 1 to {MOST_ITEMS}")
    return (None, problems) if problems else (_instrument(data), problems)


def _instrument(data: dict[str, Any]) -> Instrument:
    form, licence = data["items"], data["licence"]
    return Instrument(
        id=data["id"],
        version=data["version"],
        key=data["key"],
        title=data["title"],
        rater=data["rater"],
        language=data["language"],
        when=data["when"],
        unit_hint=data["response"],
        questionnaire_versions=tuple(data["questionnaire_versions"]),
        items=tuple(
            Item(
                number=n,
                link_ids=(str(n),),
                minimum=float(form["minimum"]),
                maximum=float(form["maximum"]),
                step=float(form["step"]),
                reverse=n in form.get("reverse", ()),
            )
            for n in range(1, form["count"] + 1)
        ),
        scales=tuple(_scale(scale) for scale in data["scale"]),
        change=_change(data["change"]),
        stated_total=tuple(data.get("stated_total", ())),
        verified=data["verified"],
        licence_gated=licence["gated"],
        holder=licence["holder"],
        terms=licence["terms"],
        provenance=dict(data["provenance"]),
    )


def _scale(data: dict[str, Any]) -> Scale:
    notice = data.get("notice_drop")
    return Scale(
        id=data["id"],
        title=data["title"],
        items=tuple(data["items"]),
        rule=data["rule"],
        min_answered=data["min_answered"],
        minimum=float(data["minimum"]),
        maximum=float(data["maximum"]),
        places=data["places"],
        requires=tuple(data.get("requires", ())),
        notice_drop=None if notice is None else float(notice),
    )


def _change(data: dict[str, Any]) -> Change:
    numbers = {name: float(value) for name, value in data.items()}
    return Change(low=numbers.pop("low", None), **cast("dict[str, Any]", numbers))


def _shape(table: Any, fields: dict[str, str], where: str) -> list[str]:
    if not isinstance(table, dict):
        return [f"{where.rstrip('. ') or 'the file'}: give a table"]
    problems = [f"{where}{name}: unknown key" for name in table if name not in fields]
    for name, kind in fields.items():
        if name in table:
            if wrong := _kind(table[name], kind.removesuffix("?")):
                problems.append(f"{where}{name}: {wrong}")
        elif not kind.endswith("?") and kind != "any":
            problems.append(f"{where}{name}: missing")
    return problems


def _kind(value: Any, kind: str) -> str | None:
    """What is wrong with a value of this kind, or None."""
    if "|" in kind:
        return None if value in kind.split("|") else f"give one of {kind.replace('|', ', ')}"
    return None if _KINDS[kind][0](value) else f"give {_KINDS[kind][1]}"


def _text(x: Any) -> bool:
    return isinstance(x, str) and bool(x.strip())


def _integer(x: Any) -> bool:
    return isinstance(x, int) and not isinstance(x, bool)


def _number(x: Any) -> bool:
    return _integer(x) or (isinstance(x, float) and math.isfinite(x))


def _all(check: Any) -> Any:
    return lambda x: isinstance(x, list) and all(check(y) for y in x)


_KINDS: dict[str, tuple[Any, str]] = {
    "any": (lambda _: True, "anything"),
    "text": (_text, "text"),
    "texts": (_all(_text), "a list of texts"),
    "integer": (_integer, "a whole number"),
    "integers": (_all(_integer), "a list of whole numbers"),
    "number": (_number, "a number"),
    "boolean": (lambda x: isinstance(x, bool), "true or false"),
    "table": (lambda x: isinstance(x, dict), "a table"),
    "tables": (lambda x: isinstance(x, list) and bool(x) and all(isinstance(y, dict) for y in x), "one table or more"),
}
