"""Security labels: what is copied outward, and what must not be processed (`fhir.md` 7.5)."""

from __future__ import annotations

from typing import Any

from .rules import Rules
from .stop import set_aside, skipped

DENIED = frozenset(
    code.casefold()
    for code in (
        "PSYTHPN",  # psychotherapy notes, 45 CFR 164.501
        "ETH",  # substance use in general; the rest: 42 CFR Part 2
        "ETHUD",
        "SUD",
        "OPIOIDUD",
        "42CFRPart2",
    )
)


def read_labels(resource: dict[str, Any]) -> tuple[str, ...]:
    """The security labels of a resource as "system|code", in order. Stop when they cannot be read."""
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
        if code:
            labels.append(f"{system}|{code}")
    return tuple(dict.fromkeys(labels))


def permit(labels: tuple[str, ...], rules: Rules) -> None:
    """Stop when a label forbids processing and the site has not allowed it."""
    for label in labels:
        code = label.rpartition("|")[2].casefold()
        if code in DENIED and code not in rules.allow_labels and label.casefold() not in rules.allow_labels:
            raise skipped("security-label", "a security label forbids processing it")
