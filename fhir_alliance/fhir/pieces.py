"""The resources of a document, one by one, as bytes for as long as possible."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from .brackets import filling, hollow, outline
from .content import decode, roomy
from .questionnaire import choose, choose_term, term
from .stop import Stop, set_aside

Json = dict[str, Any]


class _Head(msgspec.Struct):
    resourceType: str | UnsetType = UNSET  # noqa: N815  FHIR's name


class _Entry(msgspec.Struct):
    fullUrl: Any = None  # noqa: N815
    resource: msgspec.Raw | UnsetType = UNSET
    search: Any = None


class _Bundle(msgspec.Struct):
    entry: list[msgspec.Raw] | UnsetType = UNSET


@dataclass(slots=True)
class Piece:
    """One resource, or what is wrong where one should be.

    where   `<path>[:<line or entry>]`
    raw     its JSON; None when only the parsed form is to be had (it holds half characters)
    bundle  the Bundle that it came in, within which `urn:` references hold
    """

    where: str
    type: str = ""
    raw: bytes | msgspec.Raw | None = None
    parsed: Json | None = None
    full_url: str | None = None
    bundle: Bundle | None = None
    problem: Stop | None = None

    def body(self) -> Json | None:
        """The resource, parsed; None when it cannot be."""
        if self.raw is None:
            return self.parsed
        raw = self.raw
        try:
            body = roomy(lambda: decode(raw))
        except (Stop, RecursionError):
            return None
        return body if isinstance(body, dict) else None


@dataclass(slots=True)
class Bundle:
    """What the entries of a Bundle may refer to among themselves; looked up when first asked."""

    entries: list[Piece] = field(default_factory=list)
    _urns: dict[str, list[Piece]] | None = None
    _bodies: dict[str, list[Json]] = field(default_factory=dict)
    _chosen: dict[str, Json | None] = field(default_factory=dict)

    def resolve(self, reference: str) -> Json | None:
        """An entry by its `urn:` full URL, a Questionnaire by its canonical, or a value set or code system by
        "ValueSet?url=…"; None when it is not just one."""
        if reference not in self._chosen:
            self._chosen[reference] = self._find(reference)
        return self._chosen[reference]

    def _find(self, reference: str) -> Json | None:
        if reference.startswith("urn:"):
            if self._urns is None:
                self._urns = {}
                for entry in self.entries:
                    if entry.full_url and entry.full_url.startswith("urn:"):
                        self._urns.setdefault(entry.full_url, []).append(entry)
            named = self._urns.get(reference, [])
            return named[0].body() if len(named) == 1 else None
        if named_term := term(reference):
            type, canonical = named_term
            return choose_term(canonical, self._of(type))
        return choose(reference, self._of("Questionnaire"))

    def _of(self, type: str) -> list[Json]:
        if type not in self._bodies:
            bodies = (entry.body() for entry in self.entries if entry.type == type)
            self._bodies[type] = [body for body in bodies if body is not None]
        return self._bodies[type]


def is_resource(piece: Piece) -> bool:
    """Is it one, or at least the place of one in a Bundle?"""
    return bool(piece.type) or piece.bundle is not None


def pieces(where: str, raw: bytes, *, numbered: bool) -> Iterator[Piece]:
    """The resource of some JSON text, or those of its Bundle, in order.

    numbered  add the number of the entry to `where`
    """
    piece = _resource(where, raw)
    if piece.type != "Bundle":
        yield piece
        return
    bundle = Bundle()
    try:
        entries = _entries(piece)
    except Stop as stop:
        yield Piece(where, "Bundle", problem=stop)
        return
    for number, entry in enumerate(entries, 1):
        found = _entry(f"{where}:{number}" if numbered else where, entry)
        if found is not None:
            found.bundle = bundle
            bundle.entries.append(found)
    yield from bundle.entries


def _entries(piece: Piece) -> list[Any]:
    """The entries of a Bundle, as raw JSON where that can be. Stop when they are no list."""
    raw, parsed = piece.raw, piece.parsed or {}
    if raw is not None:
        try:
            entries = roomy(lambda: _BUNDLE.decode(raw)).entry
            return [] if entries is UNSET else list(entries)
        except msgspec.ValidationError:
            parsed = {"entry": None}
        except RecursionError:
            parsed = _cut(bytes(raw))
    found = parsed.get("entry", [])
    if not isinstance(found, list):
        raise set_aside("wrong-type", "the entry of a Bundle is not a list")
    return found


def _cut(raw: bytes) -> Json:
    """A Bundle that nests too deeply to be parsed, by its brackets, its resources as raw JSON. Whatever else nests
    deeply in it is cut off."""
    frame, resources = hollow(raw)
    bundle: Json = decode(outline(frame))
    entries = bundle.get("entry")
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and isinstance(hole := entry.get("resource"), dict):
            entry["resource"] = msgspec.Raw(filling(hole, resources) or b"{}")
    return bundle


def _entry(where: str, entry: Any) -> Piece | None:
    """The resource of one entry; None when it has none, or only says how the search went."""
    wrong = set_aside("wrong-type", "an entry of a Bundle is not an object")
    if isinstance(entry, msgspec.Raw):
        try:
            read = _ENTRY.decode(entry)
        except msgspec.ValidationError:
            return Piece(where, problem=wrong)
        url, search, resource = read.fullUrl, read.search, read.resource
    elif isinstance(entry, dict):
        url, search, resource = entry.get("fullUrl"), entry.get("search"), entry.get("resource", UNSET)
    else:
        return Piece(where, problem=wrong)
    if resource is UNSET or (isinstance(search, dict) and search.get("mode") == "outcome"):
        return None
    found = _resource(where, resource) if isinstance(resource, msgspec.Raw) else _parsed(where, resource)
    if found.type == "Bundle":
        return Piece(where, problem=set_aside("nested-bundle", "a Bundle in a Bundle"))
    found.full_url = url if isinstance(url, str) else None
    return found


def _resource(where: str, raw: bytes | msgspec.Raw) -> Piece:
    """A resource by its type, the rest unparsed."""
    try:
        try:
            type = roomy(lambda: _HEAD.decode(raw)).resourceType
            if type is not UNSET:
                return Piece(where, type, raw)
        except ValueError:  # not JSON, not UTF-8, half a character, or no object
            pass
        return _parsed(where, roomy(lambda: decode(raw)))
    except RecursionError:
        return _deep(where, raw)
    except Stop as stop:
        return Piece(where, problem=stop)


def _deep(where: str, raw: bytes | msgspec.Raw) -> Piece:
    """A resource that nests too deeply to be parsed, by its type: whoever reads it says so."""
    try:
        found = _parsed(where, decode(outline(bytes(raw))))
    except Stop:
        return Piece(where, problem=set_aside("too-deep", "nested too deeply"))
    return Piece(where, found.type, raw) if found.type else found


def _parsed(where: str, body: object) -> Piece:
    if isinstance(body, list):
        return Piece(where, problem=set_aside("bare-array", "a bare array, not a resource"))
    type = body.get("resourceType") if isinstance(body, dict) else None
    if not isinstance(body, dict) or not isinstance(type, str):
        return Piece(where, problem=set_aside("not-a-resource", "JSON, but not a FHIR resource"))
    return Piece(where, type, None, body)


_HEAD = msgspec.json.Decoder(_Head)
_ENTRY = msgspec.json.Decoder(_Entry)
_BUNDLE = msgspec.json.Decoder(_Bundle)
