"""What a read and a write gave: each part only if the server told it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import msgspec

from .content import object_of
from .wire import Answer

_ID = r"[A-Za-z0-9\-._]{1,255}"


@dataclass(frozen=True, slots=True)
class Resource:
    """What a read gave. `etag` is the header as sent, for If-Match; None when the server has none."""

    body: dict[str, Any]
    etag: str | None

    @property
    def version(self) -> str | None:
        """The version id, from `meta` or the ETag."""
        return _version(self.body, self.etag, None)


@dataclass(frozen=True, slots=True)
class Filed:
    """What a successful write gave: each part only if the server told it.

    body     the resource as stored, None when none came back
    version  version id (not the ETag spelling)
    status   201 created; 200, 304: it was there already, or updated
    """

    id: str | None
    version: str | None
    body: dict[str, Any] | None
    status: int


def filed(answer: Answer, type: str) -> Filed:
    """Success is the status; what else came may be nothing, an OperationOutcome, or broken."""
    body = parsed(answer.body)
    if body is not None and body.get("resourceType") != type:
        body = None
    etag = answer.headers.get("ETag")
    for header in ("Location", "Content-Location"):
        found = re.search(rf"(?:^|/){type}/({_ID})(?:/_history/({_ID}))?/?$", answer.headers.get(header) or "")
        if found:
            return Filed(found[1], _version(body, etag, found[2]), body, answer.status)
    given = body.get("id") if body else None
    return Filed(given if isinstance(given, str) else None, _version(body, etag, None), body, answer.status)


def _version(body: dict[str, Any] | None, etag: str | None, located: str | None) -> str | None:
    if etag and (found := re.fullmatch(r'(?:W/)?"([^"]+)"', etag.strip())):
        return found[1]
    meta = body.get("meta") if body else None
    version = meta.get("versionId") if isinstance(meta, dict) else None
    return version if isinstance(version, str) else located


def parsed(body: bytes) -> dict[str, Any] | None:
    """The JSON object in a body, or None."""
    body = body.removeprefix(b"\xef\xbb\xbf")
    try:
        value = msgspec.json.decode(body)
    except msgspec.ValidationError:  # numbers that no float can hold
        return object_of(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
