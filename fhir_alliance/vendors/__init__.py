"""What EHRs take and refuse, as data: one TOML file each, every fact with its source.

Behaviour never follows a vendor's name (rule R8): it follows /metadata, settings, and answers. These
files give `doctor` its advice, the documentation its table, and the tests servers that refuse what the
vendor refuses. TAGS are the tags of their sources.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import msgspec

TAGS = {
    "[CS]": "a live CapabilityStatement",
    "[V]": "the vendor's documents",
    "[3P]": "somebody else's notes",
    "[I]": "an issue thread or client code",
    "[S]": "the specification, or the product's own sources",
    "[C]": "measured by us",
    "[M]": "from memory",
}
"""How sure a fact is."""

SCORE_SINKS = ("observation", "flowsheet", "document", "none")
ALERT_SINKS = ("task", "flag", "communication", "document", "webhook", "log")


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every key of a file is known."""


class Server(_Strict, frozen=True):
    """How it answers.

    location      of a created resource: absolute or relative URL; `created_body`: does the answer hold it
    requires      query parameters that every request must carry
    unregistered  status for what the client may not use (its body is empty); None: refused by the specification's codes
    last_updated  precision of `_lastUpdated` in searches
    conflict      status for a stale If-Match
    paging        what leads to the next page: an opaque link, or one with a parameter of this name
    pages_expire  number of the page that may be gone (410) when it is asked for; None: they stay
    caches        repeated searches are answered from a cache, unless the request says no-cache
    races         two equal conditional creates at the same moment make two resources
    long_ids      characters that ids have beyond the 64 that FHIR allows; 0: as FHIR has them
    unsorted      rows of a page come in any order
    fails_as      status for every failed read or search, whatever its cause; None: the specification's codes
    shells        there are responses without answers, made by the system and filled in later
    per_minute    requests in a minute; beyond it all are refused (429) until the next; None: as many as one likes
    """

    etag: bool
    read_history: bool
    conditional_create: bool
    delete: bool
    location: Literal["absolute", "relative"]
    created_body: bool
    last_updated: Literal["milliseconds", "seconds", "days", "none"]
    sort: bool
    unregistered: int | None = None
    conflict: int = 412
    page_max: int | None = None
    paging: Literal["link", "page", "cursor"] = "link"
    pages_expire: int | None = None
    caches: bool = False
    races: bool = False
    long_ids: int = 0
    unsorted: bool = False
    fails_as: int | None = None
    shells: bool = False
    per_minute: int | None = None
    requires: tuple[str, ...] = ()


class Type(_Strict, frozen=True):
    """What can be done with a resource type.

    search   parameters that are declared; `ignores`: those of them that have no effect
    needs    a search must have one of these (empty: none)
    """

    interactions: tuple[str, ...]
    search: tuple[str, ...]
    needs: tuple[str, ...] = ()
    ignores: tuple[str, ...] = ()


class Refusal(_Strict, frozen=True):
    """How a refused create is answered."""

    status: int
    code: str


class Takes(_Strict, frozen=True):
    """What a create of a type must hold: one of the categories ("a|b"), statuses, attachment types, recipient types, a
    session in one of these statuses."""

    type: str
    refusal: Refusal
    category: str = ""
    status: tuple[str, ...] = ()
    content: tuple[str, ...] = ()
    recipient: tuple[str, ...] = ()
    encounter: tuple[str, ...] = ()
    repeated: Refusal | None = None


class Fit(_Strict, frozen=True):
    """The sinks that work, best first, and why not the others."""

    takes: tuple[str, ...]
    why: str


class Sinks(_Strict, frozen=True):
    """Where scores and alerts can go."""

    scores: Fit
    alerts: Fit


class Advice(_Strict, frozen=True):
    """A thing to know, and what it is about: read, cohort, scores, alerts, write, auth.

    unless  it need not be told where these settings have one of these values (none: any); `endpoint.` is the one asked
    """

    about: Literal["read", "cohort", "scores", "alerts", "write", "auth"]
    says: str
    unless: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=dict)


class Seen(_Strict, frozen=True):
    """Where a clinician finds a resource on the screen."""

    resource: str
    where: str
    source: str


class Vendor(_Strict, frozen=True):
    """One EHR product. `types` empty: everything is allowed that the specification allows.

    begin  settings to begin with, as TOML: what of the configuration is particular to this product
    """

    id: str
    name: str
    as_of: str
    server: Server
    sinks: Sinks
    begin: str = ""
    software: tuple[str, ...] = ()
    publisher: tuple[str, ...] = ()
    types: Mapping[str, Type] = msgspec.field(default_factory=dict)
    takes: tuple[Takes, ...] = ()
    advice: tuple[Advice, ...] = ()
    seen: tuple[Seen, ...] = ()

    def recognised(self, software: str | None, publisher: str | None) -> bool:
        """Does a statement with this software name and publisher come from it?"""
        named = any(name.casefold() in (software or "").casefold() for name in self.software)
        return named or any(name.casefold() == (publisher or "").casefold() for name in self.publisher)


@cache
def vendors() -> Mapping[str, Vendor]:
    """All, by id."""
    found = (
        msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Vendor)
        for path in sorted(Path(__file__).parent.glob("*.toml"))
    )
    return MappingProxyType({vendor.id: vendor for vendor in found})


def recognise(software: str | None, publisher: str | None) -> Vendor | None:
    """The vendor of a server by its CapabilityStatement, for advice only; None when it is none of those known."""
    return next((v for v in vendors().values() if v.recognised(software, publisher)), None)
