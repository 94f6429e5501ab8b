"""Where scores and alerts go: one sink per type, each rendering the same contents.

A sink knows three things: how a new resource looks (`render`), how an existing one is brought up
to date without touching what others wrote (`revise`), and which elements are ours (`owned`).
Adding a sink is adding a file and a line in `sinks`.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import msgspec

from ..fhir.references import parse
from ..plan import AlertContent, ScoreContent

if TYPE_CHECKING:
    from ..config import Settings

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Frame:
    """What every resource of one pass shares."""

    namespace: str
    bases: Sequence[str]
    now: datetime
    version: str
    device: str = ""
    due: timedelta = timedelta(days=7)
    close_on_repair: bool = False
    focus: Mapping[str, str] | None = None
    """Score key → "Observation/id" of what was filed."""

    @property
    def instant(self) -> str:
        """Now, as a FHIR instant."""
        return fhir_time(self.now)

    def identifier(self, kind: str, key: str) -> list[Json]:
        """Our identifier; `kind` is score, alert or device."""
        return [{"system": f"{self.namespace}/{kind}", "value": key}]

    def tag(self) -> Json:
        """meta with the tag that says who made this."""
        return {"tag": [{"system": f"{self.namespace}/CodeSystem/tag", "code": "generated"}]}

    def meta(self, codes: Sequence[str]) -> Json:
        """Our tag, and security labels ("system|code")."""
        return self.tag() | ({"security": labels(codes)} if codes else {})

    def author(self) -> Json:
        """Reference to the connector; by display only unless a Device was filed."""
        me = {"display": f"fhir-alliance {self.version}"}
        return {"reference": self.device, **me} if self.device else me


def fhir_time(at: datetime) -> str:
    """An aware datetime as FHIR writes it, to the second."""
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def labels(codes: Sequence[str]) -> list[Json]:
    """meta.security from "system|code" texts, or "system||display" ones."""
    named = (zip(("system", "code", "display"), c.split("|", 2), strict=False) for c in codes)
    return [{name: text for name, text in label if text} for label in named]


def labelled(current: Json, codes: Sequence[str]) -> Json:
    """{"meta": …} of a resource with these security labels too; none is ever taken away."""
    meta = dict(current.get("meta") or {})
    security = [s for s in meta.get("security") or [] if isinstance(s, dict)]
    there = {_named(s) for s in security}
    security += [s for s in labels(codes) if _named(s) not in there]
    return {"meta": meta | ({"security": security} if security else {})}


def labels_of(resource: Mapping[str, Any]) -> list[str]:
    """Its security labels as "system|code", sorted."""
    security = (resource.get("meta") or {}).get("security") or []
    return sorted(_named(s) for s in security if isinstance(s, dict))


def _named(label: Mapping[str, Any]) -> str:
    return f"{label.get('system')}|{label.get('code') or label.get('display')}"


class Sink(ABC):
    """One type that we write.

    kind        of our identifier: score, alert, device
    keys        what must be switched on before it is written: write.enabled and the type in write.types ("both"),
                write.enabled ("main"), nothing ("none")
    changes     may what stands be changed? Else a change is refused, and told
    identified  does it carry an identifier of ours?
    """

    type: ClassVar[str]
    kind: ClassVar[str] = "alert"
    keys: ClassVar[Literal["both", "main", "none"]] = "both"
    changes: ClassVar[bool] = True
    identified: ClassVar[bool] = True

    @abstractmethod
    def render(self, content: Any, frame: Frame) -> Json:
        """A new resource."""

    def revise(self, current: Json, content: Any, frame: Frame) -> Json:
        """`current` with our elements as `content` says; the rest as it stands."""
        return current

    def retract(self, current: Json, reason: str, frame: Frame) -> Json:
        """`current` withdrawn, with the reason where the resource has a place for it."""
        return current

    def owned(self, resource: Mapping[str, Any]) -> Json:
        """The elements that only we write: another value there is somebody else's edit."""
        return {}

    @abstractmethod
    def compared(self, resource: Mapping[str, Any]) -> Json:
        """The elements whose change is worth a write."""

    def about(self, row: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Search parameters that find what a row of the ledger wrote where identifiers are not kept."""
        return [("patient", row["patient"].removeprefix("Patient/"))] if row["patient"] else []


class Messenger(Sink):
    """What is told outside the EHR: delivered by ourselves, under a key by which a receiver knows repeated messages."""

    changes = False

    @abstractmethod
    def deliver(self, key: str, message: Json) -> None:
        """Send once. Refused or Forbidden: the receiver said no; OutcomeUnknown: it may or may not have it."""

    def compared(self, resource: Mapping[str, Any]) -> Json:
        """All of it."""
        return dict(resource)


def normal(value: Any, bases: Sequence[str]) -> Any:
    """A form in which two servers' renderings of the same thing are equal: references relative,
    numbers as floats, a reference's display and the server's extras left out."""
    if isinstance(value, Mapping):
        if isinstance(value.get("reference"), str):
            found = parse(value["reference"], bases)
            return {"reference": str(found) if found else value["reference"]}
        return {k: normal(v, bases) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [normal(v, bases) for v in value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return round(float(value), 6)


def owned_hash(sink: Sink, resource: Mapping[str, Any], bases: Sequence[str]) -> str:
    """Fingerprint of the elements that are ours, as they stand in a resource."""
    body = msgspec.json.encode(normal(sink.owned(resource), bases), order="deterministic")
    return hashlib.blake2b(body, digest_size=16).hexdigest()


def compared_hash(sink: Sink, resource: Mapping[str, Any], bases: Sequence[str]) -> str:
    """Fingerprint of everything whose change is worth a write: equal exactly when our write got in."""
    body = msgspec.json.encode(normal(sink.compared(resource), bases), order="deterministic")
    return hashlib.blake2b(body, digest_size=16).hexdigest()


def sinks(settings: Settings, root: Path) -> dict[str, Sink]:
    """Every sink by type, as a site wants it. `root` anchors the file of a secret."""
    from .communication import CommunicationSink
    from .device import DeviceSink
    from .document import DocumentSink
    from .flag import FlagSink
    from .flowsheet import FlowsheetSink
    from .log import LogSink
    from .observation import ObservationSink
    from .provenance import ProvenanceSink
    from .task import TaskSink
    from .webhook import WebhookSink

    alerts, scores = settings.alerts, settings.write.scores
    every: tuple[Sink, ...] = (
        FlowsheetSink(scores.flowsheet_rows.values()) if scores.sink == "flowsheet" else ObservationSink(),
        TaskSink(),
        FlagSink(),
        CommunicationSink(alerts.sender),
        DocumentSink(alerts.document),
        WebhookSink(alerts.webhook, root),
        LogSink(),
        DeviceSink(),
        ProvenanceSink(),
    )
    return {sink.type: sink for sink in every}


__all__ = [
    "AlertContent",
    "Frame",
    "Messenger",
    "ScoreContent",
    "Sink",
    "compared_hash",
    "fhir_time",
    "labelled",
    "labels",
    "labels_of",
    "normal",
    "owned_hash",
    "sinks",
]
