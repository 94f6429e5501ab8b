"""Where scores and alerts can go: each sink by what the EHR declares, and by what is known of the product.

Only what is declared, and what the EHR answers, decides what a pass does. What is known of the product is advice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..config import Settings
from ..fhir.capability import Capability
from ..vendors import Vendor

SCORES: Mapping[str, str] = {
    "observation": "Observation",
    "flowsheet": "Observation",
    "none": "",
    "document": "DocumentReference",
}
ALERTS: Mapping[str, str] = {
    "task": "Task",
    "flag": "Flag",
    "communication": "Communication",
    "document": "DocumentReference",
    "webhook": "",
    "log": "",
}
"""Sink → the type that it creates; "": it asks nothing of the EHR."""
LISTED = "No resource for a score: the document of each strain (a sink of alerts) lists the series."
"""What the sink `document` means for scores."""


@dataclass(frozen=True, slots=True)
class Fit:
    """One sink at one endpoint.

    purpose   scores or alerts
    type      what it creates, "" for nothing in the EHR
    chosen    by the configuration; `open`: its type may be written; `on`: both
    declared  does /metadata, or the configuration, say that the EHR takes a new one; None: not said
    known     is it known to work with this product; None: the product is not known
    """

    purpose: str
    sink: str
    type: str
    chosen: bool
    open: bool
    declared: bool | None
    known: bool | None
    why: str

    @property
    def on(self) -> bool:
        """Is it chosen, and switched on?"""
        return self.chosen and self.open

    @property
    def usable(self) -> bool:
        """Nothing speaks against it."""
        return self.declared is not False and self.known is not False

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "for": self.purpose,
            "sink": self.sink,
            "type": self.type or None,
            "on": self.on,
            "declared": self.declared,
            "known": self.known,
            "why": self.why,
        }


def fits(capability: Capability, settings: Settings, vendor: Vendor | None) -> list[Fit]:
    """All sinks for scores, then all for alerts."""
    return [*_fits(capability, settings, vendor, "scores"), *_fits(capability, settings, vendor, "alerts")]


def instead(fits: list[Fit], purpose: str) -> str:
    """What to set in place of sinks that do not work: one sentence."""
    usable = [f for f in fits if f.purpose == purpose and f.usable]
    if purpose == "scores":
        best = next((f for f in usable), None)
        if best is None or best.sink == "none":
            return 'Set write.scores.sink = "none": scores stay here, and are shown by status and explain.'
        also = " and name the rows in write.scores.flowsheet_rows" if best.sink == "flowsheet" else ""
        return f'Set write.scores.sink = "{best.sink}"{also}{_switched(best)}.'
    kept = [f for f in usable if f.chosen]
    if kept:
        return f"Set alerts.sinks = {_list(f.sink for f in kept)}: that is what works here."
    best = next((f for f in usable if f.type), None) or next(f for f in usable if not f.type)
    also = " and fill in [alerts.webhook]" if best.sink == "webhook" else ""
    return f"Set alerts.sinks = {_list([best.sink])}{also}{_switched(best)}."


def _list(sinks: Any) -> str:
    return "[" + ", ".join(f'"{sink}"' for sink in sinks) + "]"


def _switched(fit: Fit) -> str:
    return "" if fit.open or not fit.type else f'; put "{fit.type}" into write.types'


def _fits(capability: Capability, settings: Settings, vendor: Vendor | None, purpose: str) -> Iterator[Fit]:
    write, known_fit = settings.write, None
    if vendor is not None:
        known_fit = vendor.sinks.scores if purpose == "scores" else vendor.sinks.alerts
    types, chosen = (SCORES, [write.scores.sink]) if purpose == "scores" else (ALERTS, settings.alerts.sinks)
    # The product's best first; then the others in our own order.
    order = sorted(types, key=lambda sink: _rank(known_fit.takes if known_fit else (), sink))
    for sink in order:
        type = types[sink]
        declared = capability.interaction(type, "create") if type else True
        known = sink in known_fit.takes if known_fit else None
        allowed = (write.enabled or sink != "webhook") if not type else (write.enabled and type in write.types)
        mine = sink in chosen
        why = _why(type, declared, known, vendor, known_fit.why if known_fit else "")
        if (purpose, sink) == ("scores", "document"):
            why = f"{LISTED} {why}"
        yield Fit(purpose, sink, type, mine, allowed, declared, known, why if mine else f"Not chosen. {why}")


def _rank(takes: tuple[str, ...], sink: str) -> int:
    return takes.index(sink) if sink in takes else len(takes)


def _why(type: str, declared: bool | None, known: bool | None, vendor: Vendor | None, because: str) -> str:
    if not type:
        return "It asks nothing of the EHR."
    said = {
        True: f"The EHR declares that it takes a new {type}.",
        False: f"The EHR says that it takes no new {type}.",
        None: f"The EHR does not say whether it takes a new {type}.",
    }[declared]
    if known is False and vendor is not None:
        return f"{said} Not known to work with {vendor.name}: {because}."
    return said
