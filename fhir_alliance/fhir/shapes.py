"""Ordinary responses as typed structures, for the short cut of `plain.py`.

Whatever is not listed here makes a response less than ordinary: decoding fails, and it is read the
long way. Fields stand in the order of their names on the wire, which is the order of
`content.canonical`: equal content, equal hash.
"""

# ruff: noqa: N815  the fields carry FHIR's names

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

Number = int | float


class Plain(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Only what is listed."""


class Reference(Plain, kw_only=True):
    display: str | UnsetType = UNSET
    reference: str
    type: str | UnsetType = UNSET


class Meta(msgspec.Struct, gc=False):
    """No part of the content, so anything may stand in it."""

    lastUpdated: str | UnsetType = UNSET
    security: Any = UNSET


class Response(Plain, kw_only=True):
    """A finished response. Items are left as they came."""

    author: Any = UNSET
    authored: str
    basedOn: Any = UNSET
    encounter: Reference | UnsetType = UNSET
    extension: Any = UNSET
    id: str | UnsetType = UNSET
    identifier: Any = UNSET
    item: list[msgspec.Raw]
    language: Any = UNSET
    meta: Meta | UnsetType = UNSET
    partOf: Any = UNSET
    questionnaire: str
    resourceType: Literal["QuestionnaireResponse"]
    source: Reference | UnsetType = UNSET
    status: Literal["completed", "amended"]
    subject: Reference
    text: Any = UNSET


class Extension(Plain, kw_only=True):
    url: str
    valueDecimal: Number | UnsetType = UNSET
    valueInteger: Number | UnsetType = UNSET


class Coding(Plain, kw_only=True):
    code: str | UnsetType = UNSET
    display: str | UnsetType = UNSET
    extension: list[Extension] | UnsetType = UNSET
    system: str | UnsetType = UNSET
    userSelected: bool | UnsetType = UNSET
    version: str | UnsetType = UNSET


class Answer(Plain, kw_only=True):
    extension: list[Extension] | UnsetType = UNSET
    valueCoding: Coding | UnsetType = UNSET
    valueDecimal: Number | UnsetType = UNSET
    valueInteger: int | UnsetType = UNSET
    valueString: str | UnsetType = UNSET


class Item(Plain, kw_only=True):
    answer: list[Answer] | UnsetType = UNSET
    definition: str | UnsetType = UNSET
    item: list[msgspec.Raw] | UnsetType = UNSET
    linkId: str
    text: str | UnsetType = UNSET


decode_response = msgspec.json.Decoder(Response).decode
decode_item = msgspec.json.Decoder(Item).decode
