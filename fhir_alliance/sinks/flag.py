"""Alerts as Flags: a mark on the chart that everybody sees, so the headline only, no numbers (`fhir.md` 3.6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model import EpisodeState
from ..plan import AlertContent
from . import Frame, Json, Sink, fhir_time, labelled, labels_of

CATEGORY = "http://terminology.hl7.org/CodeSystem/flag-category"
DETAIL = "http://hl7.org/fhir/StructureDefinition/flag-detail"
_AFTER = {EpisodeState.REPAIRED: " (recovered)", EpisodeState.UNREPAIRED: " (not recovered)"}


class FlagSink(Sink):
    """`active` until a clinician, or a site that opted in, ends it."""

    type = "Flag"

    def render(self, content: AlertContent, frame: Frame) -> Json:
        """A new Flag, from the onset session on."""
        focus = (frame.focus or {}).get(content.focus_key)
        return {
            "resourceType": "Flag",
            "meta": frame.meta(content.labels),
            **({"extension": [{"url": DETAIL, "valueReference": {"reference": focus}}]} if focus else {}),
            "identifier": frame.identifier("alert", content.key),
            "status": "active",
            "category": [{"coding": [{"system": CATEGORY, "code": "clinical"}]}],
            "code": _code(content, frame),
            "subject": {"reference": content.patient},
            "period": {"start": fhir_time(content.onset_at)},
            **({"encounter": {"reference": content.encounter}} if content.encounter else {}),
            "author": frame.author(),
        }

    def revise(self, current: Json, content: AlertContent, frame: Frame) -> Json:
        """The text follows the strain; the status only where the site opted in, or when it is back."""
        new = current | labelled(current, content.labels) | {"code": _code(content, frame)}
        if current.get("status") == "entered-in-error":
            new["status"] = "active"
        if frame.close_on_repair and content.state is EpisodeState.REPAIRED and new["status"] == "active":
            new |= {"status": "inactive", "period": dict(current.get("period") or {}) | {"end": frame.instant}}
        return new

    def retract(self, current: Json, reason: str, frame: Frame) -> Json:
        """A Flag whose strain is gone from the data was an error, not a past state."""
        return current | {"status": "entered-in-error"}

    def owned(self, resource: Mapping[str, Any]) -> Json:
        """`status` and `period.end` are the clinician's."""
        code = resource.get("code")
        text = code.get("text") if isinstance(code, dict) else None
        return {k: resource.get(k) for k in ("subject", "encounter")} | {"text": text}

    def compared(self, resource: Mapping[str, Any]) -> Json:
        """Text, status and labels."""
        return self.owned(resource) | {"status": resource.get("status"), "security": labels_of(resource)}


def _code(content: AlertContent, frame: Frame) -> Json:
    coding = {"system": f"{frame.namespace}/CodeSystem/alert", "code": "strain-review"}
    text = f"Session feedback: {content.headline.rstrip('.')}{_AFTER.get(content.state, '')}"
    return {"coding": [coding], "text": text}
