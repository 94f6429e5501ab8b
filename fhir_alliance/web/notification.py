"""What a notification of a FHIR server names: references, nothing else is looked at.

Servers send different shapes: nothing (R4 `payload` left out), the changed resource (R4), a `history` Bundle whose
first entry is a status (`Parameters` in R4, `SubscriptionStatus` in R4B; Subscriptions Backport IG, "Payloads" and
"Notification Bundles"), with ids, or with whole resources. So nothing is read by place: whatever refers to a resource
is a hint. What is done with hints, and that nobody has to be trusted for it, is in `nudging.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import msgspec

MOST_NODES = 20_000
MOST_REFERENCES = 200
_LONGEST = 500
_LINKS = ("reference", "fullUrl", "url")
_TELLS_NOTHING = frozenset({"handshake", "heartbeat", "query-status", "query-event"})


@dataclass(frozen=True, slots=True)
class Notification:
    """References as given ("Patient/1", "https://ehr/fhir/Encounter/2"); `idle`: nothing has happened."""

    references: frozenset[str] = frozenset()
    idle: bool = False


def notification(body: bytes, path: str = "") -> Notification:
    """What a body names, and the path below /nudge, where servers that PUT the resource say which it is.

    A body that is not JSON, or nested without measure, names nothing.
    """
    named = {path} if path else set()
    try:
        tree = msgspec.json.decode(body) if body else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        tree = None
    named.update(islice(_references(tree), MOST_REFERENCES))
    return Notification(frozenset(named), _kind(tree) in _TELLS_NOTHING)


def _references(tree: object) -> Iterator[str]:
    """Walked without recursion, and not for ever."""
    waiting, seen = [tree], 0
    while waiting and seen < MOST_NODES:
        node, seen = waiting.pop(), seen + 1
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, dict):
            waiting += [inside for inside in node.values() if isinstance(inside, dict | list)]
            given = [node.get(name) for name in _LINKS]
            if isinstance(node.get("resourceType"), str) and isinstance(node.get("id"), str):
                given.append(f"{node['resourceType']}/{node['id']}")
            yield from (text for text in given if isinstance(text, str) and "/" in text and len(text) <= _LONGEST)


def _kind(tree: object) -> str | None:
    """The type of a notification that begins with its status: "event-notification", "heartbeat" and so on."""
    entries = tree.get("entry") if isinstance(tree, dict) else None
    first = entries[0] if isinstance(entries, list) and entries else None
    status = first.get("resource") if isinstance(first, dict) else None
    if not isinstance(status, dict):
        return None
    if status.get("resourceType") == "SubscriptionStatus":
        return _text(status.get("type"))
    parameters = status.get("parameter")
    for one in parameters if isinstance(parameters, list) else ():
        if isinstance(one, dict) and one.get("name") == "type":
            return _text(one.get("valueCode"))
    return None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
