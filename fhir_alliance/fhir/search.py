"""Walk a search through all its pages, to its real end or to a clear `Incomplete`.

Nothing is believed that can be checked: a walk that gives an id twice, or fewer ids than the stated
total, missed something (rows that change meanwhile make servers skip others) and is begun anew.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec

from ..errors import Incomplete, NotFound, Refused
from .brackets import outline
from .http import Answer, FhirClient, Oversized
from .pages import NotBundle, Page, read_page

T = TypeVar("T")
RESTARTS = 3


@dataclass(slots=True)
class Found(Generic[T]):
    """All that a search gave.

    items     what `take` made of each match, in the server's order
    distinct  matches of the wanted type with distinct ids (those without an id included)
    dropped   entries without a readable resource, or of a type that was not asked for
    bytes     size of all pages, decompressed
    date      the server's clock at the first answer, for watermarks
    """

    items: list[T] = field(default_factory=list)
    distinct: int = 0
    dropped: int = 0
    pages: int = 0
    bytes: int = 0
    date: datetime | None = None


class _Expired(Exception):
    """A later page is no longer there."""


class _Shaky(Exception):
    """The walk came to an end, but not to all of it."""


def search(
    client: FhirClient,
    type: str,
    params: Sequence[tuple[str, str]],
    *,
    take: Callable[[bytes], T | None],
    page_size: int,
    page_cap: int,
) -> Found[T]:
    """Every match of a search on one resource type.

    params     search parameters; `_count` is added
    take       gets the raw JSON of each match, once per distinct id (matches without an id too), and
               gives an item or None. Called again when the walk is begun anew: without side effects
    page_size  `_count`; made smaller when pages expire before they are read, or are too large
    page_cap   most pages

    Raises Incomplete when the results must not be used as "all", else the errors of the client.
    """
    size, expiries, fault = page_size, 0, ""
    for restart in range(RESTARTS + 1):
        if restart:
            client.pause(restart)
        try:
            return _walk(client, type, [*params, ("_count", str(size))], take, page_cap)
        except _Expired:
            expiries += 1
            fault = "its later pages expire before they can be read"
            size = max(1, size // 2) if expiries > 1 else size
        except Oversized:
            fault = "its pages are too large"
            size = max(1, size // 4)
        except _Shaky as shaky:
            fault = str(shaky)
    raise Incomplete(f"a search of {type} stayed incomplete after {RESTARTS} restarts: {fault}")


def _walk(
    client: FhirClient,
    type: str,
    params: Sequence[tuple[str, str]],
    take: Callable[[bytes], T | None],
    page_cap: int,
) -> Found[T]:
    found: Found[T] = Found()
    sieve = _Sieve(type, take, found)
    total, counted = 0, 0
    url = client.url(type, params)
    visited = {url}
    while True:
        answer, page = _page(client, type, url, first=not found.pages)
        found.date = found.date if found.pages else answer.date
        found.pages += 1
        found.bytes += len(answer.body)
        total = max(total, page.total or 0)
        counted += page.dropped
        found.dropped += page.dropped
        counted += sum(map(sieve.add, page.matches))
        if not page.readable and (not total or counted < total):
            raise _Shaky("a page has entries or links that cannot be read")
        if page.next is None:
            break
        following = client.follow(page.next, url)
        if following is None:
            raise Incomplete(f"a search of {type} cannot be completed: next link to another host")
        url = following
        if url in visited:
            # Some servers put a next link on their last page. Only a total can show that it is one.
            if total and counted >= total:
                break
            raise _Shaky("its next links go in a circle")
        visited.add(url)
        if found.pages >= page_cap:
            raise Incomplete(f"a search of {type} has more than {page_cap} pages (read.page_cap)")
    if counted < total:
        raise _Shaky(f"{counted} of {total} stated matches came")
    return found


def _page(client: FhirClient, type: str, url: str, *, first: bool) -> tuple[Answer, Page]:
    try:
        return client.fetch(url, None, read_page, of=(type, "search" if first else "page"))
    except NotBundle as other:
        message = f"the EHR answered a search of {type} with something else than a Bundle"
        raise Incomplete(message, codes=other.codes) from None
    except (NotFound, Refused) as error:
        if first or error.status not in {400, 404, 410}:
            raise
        raise _Expired from None


class _Sieve(Generic[T]):
    """Hands each match on, once, and counts."""

    def __init__(self, type: str, take: Callable[[bytes], T | None], found: Found[T]):
        self._type, self._take, self._found = type, take, found
        self._seen: set[bytes] = set()
        # Type and id stand in the first bytes of what most servers send: no decoding then.
        self._usual = re.compile(rb'\{\s*"resourceType"\s*:\s*"%s"\s*,\s*"id"\s*:\s*"([^"\\]+)"' % type.encode()).match

    def add(self, match: msgspec.Raw) -> bool:
        """Does this match count toward the stated total?"""
        raw = bytes(match)
        if usual := self._usual(raw):
            rid: bytes | None = usual[1]
        else:
            rtype, rid = _head(raw)
            if rtype != self._type:
                self._found.dropped += 1
                return rtype != "OperationOutcome"  # a warning without search.mode
        if rid is not None:
            if rid in self._seen:
                raise _Shaky("a match came twice")
            self._seen.add(rid)
        self._found.distinct += 1
        if (item := self._take(raw)) is not None:
            self._found.items.append(item)
        return True


class _Head(msgspec.Struct, gc=False):
    resourceType: Any = None  # noqa: N815  the wire's name
    id: Any = None


_HEADS = msgspec.json.Decoder(_Head)
_TYPE = re.compile(rb'"resourceType"\s*:\s*"([A-Za-z]+)"')


def _head(raw: bytes) -> tuple[str | None, bytes | None]:
    """Type and id of a resource, as far as they can be read."""
    try:
        head = _decoded(raw)
    except ValueError:
        kind = _TYPE.search(raw)
        return kind[1].decode() if kind else None, None
    rtype = head.resourceType if isinstance(head.resourceType, str) else None
    return rtype, head.id.encode("utf-8", "surrogatepass") if isinstance(head.id, str) and head.id else None


def _decoded(raw: bytes) -> _Head:
    try:
        return _HEADS.decode(raw)
    except RecursionError:
        return _HEADS.decode(outline(raw))
