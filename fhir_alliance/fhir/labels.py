"""Security labels: what is copied outward, and what must not be processed (`fhir.md` 7.5)."""

from __future__ import annotations

from typing import Any

from ..restricted import forbid
from .rules import Rules
from .stop import set_aside, skipped


def read_labels(resource: dict[str, Any]) -> tuple[str, ...]:
    """The security labels of a resource as "system|code", in order; "system||display" without a code. Stop when they
    cannot be read."""
    meta = resource.get("meta")
    if meta is None:
        return ()
    if not isinstance(meta, dict):
        raise set_aside("wrong-type", "meta is not an object")
    found = meta.get("security")
    if found is None:
        return ()
    if not isinstance(found, list):
        raise set_aside("wrong-type", "its security labels are not a list")
    labels = []
    for coding in found:
        system, code = (coding.get("system", ""), coding.get("code")) if isinstance(coding, dict) else (None, None)
        if not isinstance(system, str) or not isinstance(code, str | None):
            raise set_aside("wrong-type", "a security label is not a coding")
        words = coding.get("display")
        labels.append(f"{system}|{code}" if code else f"{system}||{words if isinstance(words, str) else ''}")
    return tuple(dict.fromkeys(labels))


def permit(labels: tuple[str, ...], rules: Rules) -> None:
    """Stop when a label forbids processing and the site has not allowed it."""
    if forbid(labels, rules.allow_labels):
        raise skipped("security-label", "a security label forbids processing it")
