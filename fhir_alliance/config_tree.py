"""The settings as a tree, walked from the pydantic model: for messages, the reference page and the example file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

ANY = "*"
"""Stands in a path for a name of the user's choice, like the NAME of [endpoint.NAME]."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: where it stands, what it takes, its default (None: none, then an example) and what it is for."""

    path: tuple[str, ...]
    kind: str
    default: Any
    required: bool
    description: str
    example: Any = None


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the file, with the settings that stand in it directly. The top level has an empty path."""

    path: tuple[str, ...]
    description: str
    settings: tuple[Setting, ...]
    optional: bool = False


def tables(model: type[BaseModel]) -> tuple[Table, ...]:
    """Every table, the top level first, each before those inside it. A secret is a setting, not a table."""
    return tuple(_tables(model, (), optional=False))


def _tables(model: type[BaseModel], path: tuple[str, ...], *, optional: bool) -> Iterator[Table]:
    inner: list[tuple[type[BaseModel], tuple[str, ...], bool]] = []
    own: list[Setting] = []
    for name, field in model.model_fields.items():
        table = _table_model(field.annotation)
        if table is None:
            own.append(_setting((*path, name), field))
        else:
            nested, many, may_lack = table
            inner.append((nested, (*path, name, ANY) if many else (*path, name), may_lack))
    yield Table(path, (model.__doc__ or "").strip(), tuple(own), optional)
    for nested, where, may_lack in inner:
        yield from _tables(nested, where, optional=may_lack)


def _setting(path: tuple[str, ...], field: FieldInfo) -> Setting:
    required = field.is_required()
    default = None if required else field.get_default(call_default_factory=True, validated_data={})
    example = (field.examples or [None])[0]
    return Setting(path, _kind(field.annotation, field.metadata), default, required, field.description or "", example)


def _table_model(annotation: Any) -> tuple[type[BaseModel], bool, bool] | None:
    """(the model, is it a table of tables, may it be left out) when the annotation is a table, else None."""
    plain = [a for a in _alternatives(annotation) if a is not NoneType]
    if len(plain) != 1:
        return None
    if get_origin(plain[0]) is dict:
        nested = _table_model(get_args(plain[0])[1])
        return (nested[0], True, False) if nested else None
    if isinstance(plain[0], type) and issubclass(plain[0], BaseModel) and not is_secret(plain[0]):
        return plain[0], False, NoneType in _alternatives(annotation)
    return None


def is_secret(model: type[BaseModel]) -> bool:
    """Is it the reference to a secret?"""
    return bool(getattr(model, "by_reference", False))


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


def _kind(annotation: Any, metadata: list[Any]) -> str:
    """What may stand there, in words: "whole number from 1 to 20", "one of a, b", "list of texts"."""
    kinds = [m for m in metadata if isinstance(m, str)]
    kinds = kinds or [_one_kind(a) for a in _alternatives(annotation) if a is not NoneType]
    text = " or ".join(dict.fromkeys(kinds))
    low = next((m.ge for m in metadata if hasattr(m, "ge")), None)
    high = next((m.le for m in metadata if hasattr(m, "le")), None)
    return text + (f" from {low:g}" if low is not None else "") + (f" to {high:g}" if high is not None else "")


def _one_kind(annotation: Any) -> str:
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return next((m for m in inside[1:] if isinstance(m, str)), None) or _one_kind(inside[0])
    if origin is Literal:
        values = [f"`{v}`" for v in inside]
        return values[0] if len(values) == 1 else f"one of {', '.join(values)}"
    if origin is list:
        return f"list of {_plural(_one_kind(inside[0]))}"
    if origin is dict:
        return f"table: name = {' or '.join(_one_kind(a) for a in _alternatives(inside[1]))}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "secret" if is_secret(annotation) else "table " + "{ " + ", ".join(annotation.model_fields) + " }"
    words = {str: "text", bool: "true or false", int: "whole number", float: "number"}
    return words.get(annotation) or {timedelta: "duration", Path: "path", date: "date"}[annotation]


def _plural(kind: str) -> str:
    return kind if kind.startswith("one of") else f"{kind}s"
