"""Ordinary responses as typed structures, for the short cut of `plain.py`.

Whatever is not listed here makes a response less than ordinary: decoding fails, and it is read the
long way. Fields stand in the order of their names on the wire, which is the order of
`content.canonical`: equal content, equal hash.
"""

# ruff: noqa: N815  the fields carry FHIR's names

from __future__ import annotations

from typing import Any, Generic, Literal, TypeVar

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


_Items = TypeVar("_Items")


class Response(Plain, Generic[_Items], kw_only=True):
    """A finished response whose items are of one kind."""

    author: Any = UNSET
    authored: str
    basedOn: Any = UNSET
    encounter: Reference | UnsetType = UNSET
    extension: Any = UNSET
    id: str | UnsetType = UNSET
    identifier: Any = UNSET
    item: list[_Items]
    language: Any = UNSET
    meta: Meta | UnsetType = UNSET
    partOf: Any = UNSET
    questionnaire: str
    resourceType: Literal["QuestionnaireResponse"]
    source: Reference | UnsetType = UNSET
    status: Literal["completed", "amended"]
    subject: Reference
    text: Any = UNSET


# -- items of any kind ---------------------------------------------------------------------------


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
    item: list[Item] | UnsetType = UNSET
    linkId: str
    text: str | UnsetType = UNSET


# -- items that are all alike: one answer, of one type -------------------------------------------


class Whole(Plain):
    value: int = msgspec.field(name="valueInteger")


class WholeItem(Plain, kw_only=True):
    answer: tuple[Whole] | UnsetType = UNSET
    definition: str | UnsetType = UNSET
    item: list[WholeItem] | UnsetType = UNSET
    linkId: str
    text: str | UnsetType = UNSET


class Decimal(Plain):
    value: Number = msgspec.field(name="valueDecimal")


class DecimalItem(Plain, kw_only=True):
    answer: tuple[Decimal] | UnsetType = UNSET
    definition: str | UnsetType = UNSET
    item: list[DecimalItem] | UnsetType = UNSET
    linkId: str
    text: str | UnsetType = UNSET


class Weight(Plain, kw_only=True):
    url: Literal[
        "http://hl7.org/fhir/StructureDefinition/itemWeight",
        "http://hl7.org/fhir/StructureDefinition/ordinalValue",
        "http://hl7.org/fhir/StructureDefinition/questionnaire-ordinalValue",
    ]
    valueDecimal: Number


class WeighedCoding(Plain, kw_only=True):
    code: str | UnsetType = UNSET
    display: str | UnsetType = UNSET
    extension: tuple[Weight]
    system: str | UnsetType = UNSET


class Weighed(Plain):
    value: WeighedCoding = msgspec.field(name="valueCoding")


class WeighedItem(Plain, kw_only=True):
    answer: tuple[Weighed] | UnsetType = UNSET
    definition: str | UnsetType = UNSET
    item: list[WeighedItem] | UnsetType = UNSET
    linkId: str
    text: str | UnsetType = UNSET


decode_any = msgspec.json.Decoder(Response[Item]).decode
decode_whole = msgspec.json.Decoder(Response[WholeItem]).decode
decode_decimal = msgspec.json.Decoder(Response[DecimalItem]).decode
decode_weighed = msgspec.json.Decoder(Response[WeighedItem]).decode
