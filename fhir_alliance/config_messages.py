"""What is wrong with a configuration, in the words of its file: TOML paths, never Python names or values."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from .config_tree import ANY, Table

ENV_PREFIX = "FHIR_ALLIANCE__"
_UNION_TAGS = {"str", "Mapped"}
_TABLES = {
    "Secret": 'a secret is given by reference: { file = "..." }, { env = "..." } or { command = [...] }',
    "Endpoint": "an endpoint has a name: [endpoint.main]",
    "Mapped": 'give an instrument, or { instrument = "...", items = { linkId = number } }',
}
_WORDS = {
    "missing": "is missing",
    "bool_parsing": "give true or false",
    "bool_type": "give true or false",
    "string_type": "give a text in quotes",
    "int_parsing": "give a whole number",
    "int_type": "give a whole number",
    "int_from_float": "give a whole number",
    "float_parsing": "give a number",
    "float_type": "give a number",
    "list_type": "give a list, like [...]",
    "dict_type": "give a table",
    "greater_than_equal": "give {ge} or more",
    "less_than_equal": "give {le} or less",
    "date_from_datetime_parsing": "give a date, like 2026-01-31",
    "date_from_datetime_inexact": "give a date, like 2026-01-31",
    "date_parsing": "give a date, like 2026-01-31",
    "date_type": "give a date, like 2026-01-31",
}


def toml_path(loc: Iterable[str | int]) -> str:
    """A place as it is written in TOML: bare keys as they are, others quoted, list places in brackets."""
    text = ""
    for part in loc:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            key = part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else f'"{part}"'
            text += f".{key}" if text else key
    return text


def variable(path: Iterable[str]) -> str:
    """The environment variable for a setting: `FHIR_ALLIANCE__WRITE__ENABLED`."""
    return ENV_PREFIX + "__".join(path).upper()


def variable_in_use(path: tuple[str, ...], environ: Mapping[str, str] = os.environ) -> str | None:
    """The variable that is set for this setting or, as JSON, for a table around it; None when there is none."""
    known = {name.upper(): name for name in environ}
    names = (variable(path[:length]) for length in range(len(path), 0, -1))
    return next((known[name] for name in names if name in known), None)


def unknown_variables(sections: Collection[str], environ: Mapping[str, str] = os.environ) -> list[str]:
    """One line for each FHIR_ALLIANCE__ variable whose section does not exist."""
    lines = []
    for name in sorted(environ):
        if name.upper().startswith(ENV_PREFIX):
            section = name[len(ENV_PREFIX) :].split("__")[0].lower()
            if section not in sections:
                lines.append(f"  {name}: there is no such section{_hint(section, sections)}")
    return lines


def explain(errors: Iterable[Mapping[str, Any]], tables: Iterable[Table]) -> list[str]:
    """One line for each mistake that validation found, "  path: what to do", in the order found."""
    names = {t.path: {s.path[-1] for s in t.settings} for t in tables}
    for table in list(names):
        if table:
            names.setdefault(table[:-1], set()).add(table[-1])
    found = [(e, tuple(x for x in e["loc"] if x not in _UNION_TAGS)) for e in errors]
    lines = []
    for error, loc in found:
        if "str" in error["loc"] and any(len(other) > len(loc) and other[: len(loc)] == loc for _, other in found):
            continue  # a table was given where a text or a table may stand: only what is wrong inside it matters
        source = variable_in_use(tuple(str(x) for x in loc)) if loc else None
        origin = f" (from {source})" if source else ""
        lines.append(f"  {toml_path(loc) or 'settings'}: {_advice(error, loc, names)}{origin}")
    return list(dict.fromkeys(lines))


def _advice(error: Mapping[str, Any], loc: tuple[str | int, ...], names: Mapping[tuple[str, ...], set[str]]) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "model_type":
        return _TABLES.get(context["class_name"], "give a table")
    if kind == "string_type" and "str" in error["loc"]:
        return _TABLES["Mapped"]
    if kind == "extra_forbidden":
        return "there is no such setting" + _hint(str(loc[-1]), _settings_beside(loc, names))
    if kind in _WORDS:
        return _WORDS[kind].format_map(context)
    return str(error["msg"]).removeprefix("Value error, ").replace("Input should be", "give")


def _settings_beside(loc: tuple[str | int, ...], names: Mapping[tuple[str, ...], set[str]]) -> set[str]:
    """The settings of the table that this place is in."""
    for table, settings in names.items():
        if len(table) == len(loc) - 1 and all(a in (ANY, b) for a, b in zip(table, loc, strict=False)):
            return settings
    return set()


def _hint(wrong: str, possible: Collection[str]) -> str:
    close = get_close_matches(wrong, possible, n=1)
    return f"; did you mean {close[0]}?" if close else ""
