"""What we send is checked against the R4 models first: a resource that we could not read back is never sent.

The bare `fhir.resources` import is R5; R4B's Observation, Task, Flag and Device are R4's. The
models check elements and types; codes that R4 requires they do not, so these are checked here. What goes over the
wire is our own dict, so that decimals keep their places.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from importlib import import_module
from typing import Any

_PRIORITY = {"routine", "urgent", "asap", "stat"}
REQUIRED: Mapping[str, Mapping[str, Collection[str]]] = {
    "Observation": {"status": {"final", "amended", "corrected", "entered-in-error"}},
    "Task": {
        "status": {
            *("draft", "requested", "received", "accepted", "rejected", "ready", "cancelled", "in-progress"),
            *("on-hold", "failed", "completed", "entered-in-error"),
        },
        "intent": {"unknown", "proposal", "plan", "order", "original-order", "reflex-order", "filler-order", "option"}
        | {"instance-order"},
        "priority": _PRIORITY,
    },
    "Flag": {"status": {"active", "inactive", "entered-in-error"}},
    "Communication": {
        "status": {"preparation", "in-progress", "not-done", "on-hold", "stopped", "completed", "entered-in-error"}
        | {"unknown"},
        "priority": _PRIORITY,
    },
    "DocumentReference": {
        "status": {"current", "superseded", "entered-in-error"},
        "docStatus": {"preliminary", "final", "amended", "entered-in-error"},
    },
    "Device": {"status": {"active", "inactive", "entered-in-error", "unknown"}},
    "AuditEvent": {"action": set("CRUDE"), "outcome": {"0", "4", "8", "12"}},
}
"""Codes of R4's required bindings, of what we write; of an Observation only those that a score may have."""


@lru_cache(maxsize=8)
def _model(type: str) -> Any:
    return getattr(import_module(f"fhir.resources.R4B.{type.lower()}"), type)


def checked(resource: Mapping[str, Any]) -> dict[str, Any]:
    """The resource itself, if it is valid R4; ValueError (naming elements, no values) if not."""
    from pydantic import ValidationError

    try:
        _model(resource["resourceType"]).model_validate(dict(resource))
    except ValidationError as error:
        places = sorted({".".join(str(p) for p in e["loc"]) for e in error.errors()})
        raise ValueError(f"not a valid {resource['resourceType']}: {', '.join(places)}") from None
    codes = REQUIRED.get(resource["resourceType"], {})
    if wrong := sorted(name for name, allowed in codes.items() if name in resource and resource[name] not in allowed):
        raise ValueError(f"not a valid {resource['resourceType']}: {', '.join(wrong)}")
    return dict(resource)
