"""One page of a search: its matches as raw JSON bytes, its total and its next link.

A page is decoded by types, without building the resources. When it does not fit (an entry that is a
number, a total that is a string, a resource nested a thousand deep, NaN), the resources are cut out
by their brackets and the rest is read leniently, so that a bad entry costs that entry only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import msgspec

from .brackets import filling, hollow, outline
from .http import Garbled
from .outcome import codes


@dataclass(slots=True)
class Page:
    """What one page holds.

    matches   raw JSON object of each match, of whatever type: views that keep the page alive
    dropped   entries that hold no readable resource (outcomes and includes are not counted)
    total     matches that the server says there are in all, or None
    next      the next link as given, or None
    readable  False when entries or links cannot be read, so that there may be more than we see
    """

    matches: list[msgspec.Raw] = field(default_factory=list)
    dropped: int = 0
    total: int | None = None
    next: str | None = None
    readable: bool = True


class NotBundle(Exception):
    """Whole JSON, but not a Bundle: an OperationOutcome with status 200, say. `codes` are its codes."""

    def __init__(self, body: bytes):
        super().__init__()
        self.codes = codes(body)


class _Search(msgspec.Struct, gc=False):
    mode: str | None = None


class _Entry(msgspec.Struct, gc=False):
    resource: msgspec.Raw = msgspec.Raw()
    search: _Search | None = None


class _Link(msgspec.Struct, gc=False):
    relation: str
    url: str


class _Bundle(msgspec.Struct, gc=False):
    resourceType: str  # noqa: N815  the wire's name
    total: int | None = None
    link: list[_Link] = []
    entry: list[_Entry] = []


_TYPED = msgspec.json.Decoder(_Bundle)
_OBJECT = re.compile(rb"\{").match
_SIDE = frozenset({"include", "outcome"})


def read_page(body: bytes) -> Page:
    """The page in a body. Garbled when it is not whole JSON; NotBundle when it is something else."""
    try:
        bundle = _TYPED.decode(body)
    except (ValueError, RecursionError):
        return _lenient(body)
    if bundle.resourceType != "Bundle":
        raise NotBundle(body)
    page = Page(total=bundle.total if bundle.total is not None and bundle.total >= 0 else None)
    for entry in bundle.entry:
        if entry.search is not None and (entry.search.mode or "").lower() in _SIDE:
            continue
        if _OBJECT(entry.resource):
            page.matches.append(entry.resource)
        else:
            page.dropped += 1
    for link in bundle.link:
        if link.relation == "next":
            page.readable = _next(page, link.url)
            break
    return page


def _next(page: Page, url: object) -> bool:
    page.next = url if isinstance(url, str) and url else None
    return page.next is not None


def _lenient(body: bytes) -> Page:
    frame, resources = hollow(body)
    try:
        bundle = msgspec.json.decode(outline(frame))
    except (ValueError, RecursionError):
        raise Garbled("sent cut-off or broken JSON for") from None
    if not isinstance(bundle, dict):
        raise Garbled("sent no JSON object for")
    if bundle.get("resourceType") != "Bundle":
        raise NotBundle(body)
    total = bundle.get("total")
    page = Page(total=total if isinstance(total, int) and not isinstance(total, bool) and total >= 0 else None)
    entries = bundle.get("entry") or []
    for entry in entries if isinstance(entries, list) else []:
        _lenient_entry(entry, resources, page)
    page.readable = isinstance(entries, list) and _lenient_links(bundle.get("link") or [], page)
    return page


def _lenient_links(links: object, page: Page) -> bool:
    """Find the next link. Is it certain that there is one, or none?"""
    certain = isinstance(links, list)
    for link in links if isinstance(links, list) else []:
        if not isinstance(link, dict) or not isinstance(link.get("relation"), str):
            certain = False
        elif link["relation"] == "next":
            return _next(page, link.get("url"))
    return certain


def _lenient_entry(entry: object, resources: list[bytes], page: Page) -> None:
    resource: Any = entry.get("resource") if isinstance(entry, dict) else None
    search = entry.get("search") if isinstance(entry, dict) else None
    mode = search.get("mode") if isinstance(search, dict) else None
    if isinstance(mode, str) and mode.lower() in _SIDE:
        return
    if (match := filling(resource, resources)) is not None:
        page.matches.append(msgspec.Raw(match))
    else:
        page.dropped += 1
