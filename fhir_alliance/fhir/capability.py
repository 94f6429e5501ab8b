"""What the EHR says that it can do (/metadata), and where the configuration corrects it.

Statements lie in both directions, so each answer has three values: True, False, and None for unknown.
Absence from /metadata means unknown; only a refusal on use counts as no.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from ..errors import Unreachable
from .http import FhirClient


@dataclass(frozen=True, slots=True)
class Declared:
    """What is declared of one resource type; names in lower case. `params` None: no list is given."""

    interactions: frozenset[str] | None = None
    params: frozenset[str] | None = None
    conditional_create: bool | None = None
    read_history: bool | None = None
    versioning: str | None = None


@dataclass(frozen=True, slots=True)
class Capability:
    """A server's declarations. `software`, `version` and `publisher` are its words, cut to 60 printable characters."""

    software: str | None = None
    version: str | None = None
    publisher: str | None = None
    fhir_version: str | None = None
    types: Mapping[str, Declared] = field(default_factory=dict)
    overrides: Mapping[str, bool] = field(default_factory=dict)
    date: datetime | None = None
    """The server's clock when it answered."""

    def declares(self, type: str) -> bool:
        """Is the type listed at all?"""
        return type in self.types

    def search_param(self, type: str, name: str) -> bool | None:
        """May the type be searched by this parameter? None: the type, or its parameters, are not listed."""
        params = self._of(type).params
        return self._corrected(f"{type}.search.{name}", None if params is None else name.lower() in params)

    def interaction(self, type: str, name: str) -> bool | None:
        """Is an interaction offered: "read", "search-type", "create", "update" …? None: not listed."""
        known = self._of(type).interactions
        return self._corrected(f"{type}.{name}", None if known is None else name.lower() in known)

    def conditional_create(self, type: str) -> bool | None:
        """Is If-None-Exist honoured? None: not said."""
        return self._corrected(f"{type}.conditionalCreate", self._of(type).conditional_create)

    def read_history(self, type: str) -> bool | None:
        """Can earlier versions be read? None: not said."""
        return self._corrected(f"{type}.readHistory", self._of(type).read_history)

    def versioning(self, type: str) -> str | None:
        """ "no-version", "versioned" or "versioned-update" (the last asks for If-Match); None: not said."""
        return self._of(type).versioning

    def corrected(self, type: str, name: str) -> bool:
        """Does the configuration decide this one ("create", "search._lastUpdated", "conditionalCreate" …)?"""
        return f"{type}.{name}".lower() in self.overrides

    def _of(self, type: str) -> Declared:
        return self.types.get(type, _NOTHING)

    def _corrected(self, key: str, declared: bool | None) -> bool | None:
        return self.overrides.get(key.lower(), declared)


_NOTHING = Declared()


def probe(client: FhirClient, overrides: Mapping[str, bool]) -> Capability:
    """Ask for /metadata.

    overrides  corrections from the configuration, like {"QuestionnaireResponse.search._lastUpdated": False}
    Raises the errors of the client; Unreachable when what answers is no CapabilityStatement.
    """
    answer = client.get("metadata")
    statement: Any = msgspec.json.decode(answer.body)
    if not isinstance(statement, dict) or statement.get("resourceType") != "CapabilityStatement":
        raise Unreachable("what answers at /metadata is not a CapabilityStatement: is base_url a FHIR base?")
    software = _object(statement.get("software"))
    types: dict[str, Declared] = {}
    for rest in _objects(statement.get("rest")):
        if rest.get("mode") == "client":
            continue
        common = _names(rest.get("searchParam"), "name")
        for resource in _objects(rest.get("resource")):
            if isinstance(name := resource.get("type"), str):
                types[name] = _declared(resource, common)
    return Capability(
        software=_words(software.get("name")) or _words(statement.get("publisher")),
        version=_words(software.get("version")),
        publisher=_words(statement.get("publisher")),
        fhir_version=_words(statement.get("fhirVersion")),
        types=types,
        overrides={key.lower(): value for key, value in overrides.items()},
        date=answer.date,
    )


def _declared(resource: Mapping[str, Any], common: frozenset[str] | None) -> Declared:
    own = _names(resource.get("searchParam"), "name")
    return Declared(
        interactions=_names(resource.get("interaction"), "code"),
        params=None if own is None and common is None else (own or frozenset()) | (common or frozenset()),
        conditional_create=_flag(resource.get("conditionalCreate")),
        read_history=_flag(resource.get("readHistory")),
        versioning=_words(resource.get("versioning")),
    )


def _names(value: object, key: str) -> frozenset[str] | None:
    """Lower-case names in a list of objects; None when there is no list, or nothing in it can be read."""
    names = frozenset(item[key].lower() for item in _objects(value) if isinstance(item.get(key), str))
    return names or None


def _objects(value: object) -> Iterator[dict[str, Any]]:
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else iter(())


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _words(value: object) -> str | None:
    return "".join(c for c in value if c.isprintable())[:60].strip() or None if isinstance(value, str) else None
