"""References: relative, absolute and versioned ones, brought to one form.

Servers write the same reference in different ways (`Patient/1`, `http://ehr/fhir/Patient/1`,
`Patient/1/_history/3`). Everything in this package compares the form "Type/id".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_RELATIVE = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9\-._]{1,255})(?:/_history/[A-Za-z0-9\-._]{1,255})?")


@dataclass(frozen=True, slots=True)
class Reference:
    """A literal reference. `base` is None for our own server, else the foreign base URL."""

    type: str
    id: str
    base: str | None = None

    def __str__(self) -> str:
        return f"{self.base}/{self.type}/{self.id}" if self.base else f"{self.type}/{self.id}"


def parse(text: object, bases: Iterable[str] = ()) -> Reference | None:
    """Read a literal reference; None for fragments, urn:, logical references and anything else.

    bases  base URLs of our own server (without trailing slash): a reference below one is relative
    """
    if not isinstance(text, str):
        return None
    if match := _RELATIVE.fullmatch(text):
        return Reference(match[1], match[2])
    if not text.startswith(("http://", "https://")):
        return None
    for base in bases:
        if text.startswith(base + "/") and (match := _RELATIVE.fullmatch(text[len(base) + 1 :])):
            return Reference(match[1], match[2])
    if match := re.fullmatch(rf"(https?://[^?#]+)/{_RELATIVE.pattern}", text):
        return Reference(match[2], match[3], match[1])
    return None


def local(text: object, type: str, bases: Iterable[str] = ()) -> str | None:
    """ "Type/id" when `text` refers to a resource of that type on our own server, else None."""
    found = parse(text, bases)
    return str(found) if found and found.base is None and found.type == type else None
