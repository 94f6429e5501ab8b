"""What a site sets that chose what its vendor's EHR takes, by profile of `fhir_alliance/vendors`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fhir_alliance.vendors import vendors

from .hook import Receiver

ROW = "urn:oid:1.2.840.114350|10001"
ALL = ["task", "flag", "communication", "document", "webhook", "log"]
EVERY_TYPE = ["Observation", "Task", "Flag", "Communication", "DocumentReference"]
FITTING: dict[str, dict[str, Any]] = {
    "generous": {"alerts.sinks": ALL, "write.types": EVERY_TYPE},
    "hapi": {"alerts.sinks": ALL, "write.types": EVERY_TYPE},
    "epic": {
        "write.scores.sink": "flowsheet",
        "write.scores.flowsheet_rows": {"srs-v3/total": ROW},
        "alerts.sinks": ["document"],
        "write.types": ["Observation", "DocumentReference"],
    },
    "oracle": {
        "write.scores.sink": "none",
        "alerts.sinks": ["communication"],
        "alerts.follow_ups": ["worse", "recovered"],
        "write.types": ["Communication"],
    },
    "athena": {"write.scores.sink": "none", "alerts.sinks": ["webhook", "log"], "write.types": []},
    "ecw": {"write.scores.sink": "none", "alerts.sinks": ["log", "webhook"], "write.types": []},
}
TAKES_ALL = tuple(id for id, vendor in vendors().items() if not vendor.types)


def wanted(vendor: str) -> dict[str, Any]:
    """What its advice says: parameters of every request, and dates where it takes no times."""
    server = vendors()[vendor].server
    stamp = {"read.stamp": "day"} if server.last_updated == "days" else {}
    return stamp | {f"endpoint.main.parameters.{name}": "Organization/1" for name in server.requires}


def wants_open(vendor: str) -> bool:
    """Does it file a score into an open session only?"""
    return any(takes.encounter for takes in vendors()[vendor].takes)


def heard(hook: Receiver) -> dict[str, Any]:
    """The site's own system listens, too. Its secret is what the file `token` holds (`Site`)."""
    return {"alerts.webhook.url": hook.url, "alerts.webhook.secret": {"file": "token"}}


def fitting(vendor: str, hook: Receiver, **more: Any) -> Mapping[str, Any]:
    """Settings of a site that chose what its vendor takes: every sink where it takes all."""
    return {**FITTING[vendor], **heard(hook), **wanted(vendor), **more}


def plain(vendor: str, hook: Receiver) -> Mapping[str, Any]:
    """The same, with nothing but Observations and Tasks where it takes these."""
    return wanted(vendor) if vendor in TAKES_ALL else fitting(vendor, hook)
