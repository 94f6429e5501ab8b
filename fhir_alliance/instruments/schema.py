"""The JSON Schema of definition files, for editors that know TOML. Made from `shape.py`; kept as a file beside it."""

from __future__ import annotations

import json
from typing import Any

from .shape import EXPECTED, KINDS, TABLES, TOP, Field, Fields

FILE = "instrument.schema.json"
_ID = "https://w3id.org/fhir-alliance/instrument.schema.json"


def schema() -> dict[str, Any]:
    """The schema, as JSON Schema draft 2020-12. It tells of shape only; `instruments validate` of the rest."""
    top = _table(TOP)
    for name, fields in TABLES.items():
        inside = _table(fields)
        if name == "example":
            inside["properties"]["answers"] = _named({"type": "number"}, r"^[1-9][0-9]*$")
            inside["properties"]["scores"] = {"type": "object", "additionalProperties": _table(EXPECTED)}
        if TOP[name].kind == "tables":
            inside = {"type": "array", "minItems": 1, "items": inside}
        top["properties"][name] = inside | {"description": TOP[name].says}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": _ID,
        "title": "An instrument of FHIR Alliance",
        **top,
        "oneOf": [
            {"required": ["items", "scale"], "not": {"required": ["total"]}},
            {
                "required": ["total"],
                "not": {"anyOf": [{"required": [n]} for n in ("items", "scale", "answers")]},
            },
        ],
    }


def text() -> str:
    """The schema as the text of its file."""
    return json.dumps(schema(), ensure_ascii=False, indent=2) + "\n"


def _table(fields: Fields) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [name for name, field in fields.items() if field.needed],
        "properties": {name: _value(field) for name, field in fields.items()},
    }


def _value(field: Field) -> dict[str, Any]:
    kind = {"enum": field.kind.split("|")} if "|" in field.kind else dict(KINDS[field.kind].schema)
    return kind | {"description": field.says}


def _named(value: dict[str, Any], pattern: str) -> dict[str, Any]:
    return {"type": "object", "patternProperties": {pattern: value}, "additionalProperties": False}
