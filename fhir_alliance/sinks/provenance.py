"""Provenance: who made what in a pass, of which forms (`fhir.md` 3.7). Only where it is in write.types.

One for each patient and pass, not one for each resource: what a pass writes about a patient has one cause, and a
server gets one request more instead of twice as many. It has no identifier in R4, so it is told by its targets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import Frame, Json, Sink

AGENT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
ACTIVITY = "http://terminology.hl7.org/CodeSystem/v3-DataOperation"


@dataclass(frozen=True, slots=True)
class ProvenanceContent:
    """What was written about one patient.

    targets    "Type/id" of each resource
    responses  ids of the forms that they come from
    attached   "Type/id@version" of each: what this one accounts for
    """

    key: str
    patient: str
    targets: tuple[str, ...]
    responses: tuple[str, ...]
    attached: tuple[str, ...]
    first: bool


class ProvenanceSink(Sink):
    """Filed once, never changed."""

    type = "Provenance"
    kind = "provenance"
    changes = False
    identified = False

    def render(self, content: ProvenanceContent, frame: Frame) -> Json:
        """A new Provenance."""
        code = "CREATE" if content.first else "UPDATE"
        return {
            "resourceType": "Provenance",
            "meta": frame.tag(),
            "target": [{"reference": target} for target in content.targets],
            "recorded": frame.instant,
            "activity": {"coding": [{"system": ACTIVITY, "code": code}]},
            "agent": [{"type": {"coding": [{"system": AGENT, "code": "assembler"}]}, "who": frame.author()}],
            "entity": [
                {"role": "source", "what": {"reference": f"QuestionnaireResponse/{id}"}} for id in content.responses
            ],
        }

    def compared(self, resource: Mapping[str, Any]) -> Json:
        """What was made, of what, by what kind of change."""
        made = [t for t in resource.get("target") or [] if isinstance(t, dict)]
        of = [e.get("what") for e in resource.get("entity") or [] if isinstance(e, dict)]
        return {"target": made, "of": of, "recorded": resource.get("recorded")}

    def about(self, row: Mapping[str, Any]) -> list[tuple[str, str]]:
        """By the first of its targets."""
        first = row["attached"].partition(" ")[0]
        return [("target", first.partition("@")[0])]
