"""Where scores and alerts go: one sink per resource type, each rendering the same contents.

A sink knows three things: how a new resource looks (`render`), how an existing one is brought up
to date without touching what others wrote (`revise`), and which elements are ours (`owned`).
Adding a sink is adding a file and a line here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import msgspec

from ..fhir.references import parse
from ..plan import AlertContent, ScoreContent

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
        """meta with the tag that says who made this, and security labels."""
        return {"tag": [{"system": f"{self.namespace}/CodeSystem/tag", "code": "generated"}]}

    def author(self) -> Json:
        """Reference to the connector; by display only unless a Device was filed."""
        me = {"display": f"fhir-alliance {self.version}"}
        return {"reference": self.device, **me} if self.device else me


def fhir_time(at: datetime) -> str:
    """An aware datetime as FHIR writes it, to the second."""
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def labels(codes: Sequence[str]) -> list[Json]:
    """meta.security from "system|code" texts."""
    return [dict(zip(("system", "code"), c.split("|", 1), strict=False)) for c in codes]


class Sink(Protocol):
    """One resource type that we write."""

    type: str
    kind: str

    def render(self, content: Any, frame: Frame) -> Json:
        """A new resource."""

    def revise(self, current: Json, content: Any, frame: Frame) -> Json:
        """`current` with our elements as `content` says; the rest as it stands."""

    def retract(self, current: Json, reason: str, frame: Frame) -> Json:
        """`current` withdrawn, with the reason where the resource has a place for it."""

    def owned(self, resource: Mapping[str, Any]) -> Json:
        """The elements that only we write: another value there is somebody else's edit."""

    def compared(self, resource: Mapping[str, Any]) -> Json:
        """The elements whose change is worth a write."""


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


def sinks() -> dict[str, Sink]:
    """Every sink by resource type."""
    from .device import DeviceSink
    from .flag import FlagSink
    from .observation import ObservationSink
    from .task import TaskSink

    return {sink.type: sink for sink in (ObservationSink(), TaskSink(), FlagSink(), DeviceSink())}


__all__ = ["AlertContent", "Frame", "ScoreContent", "Sink", "fhir_time", "labels", "normal", "owned_hash", "sinks"]
