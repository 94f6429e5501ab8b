"""The digest as a Task: how many possible strains of a clinician's clients wait, and the scores that they are about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..digest import DigestContent
from ..fhir.answered import withdrawn
from . import Frame, Json, fhir_time

CODE = "strain-digest"


def render_digest(content: DigestContent, frame: Frame) -> Json:
    """A new Task for the clinician, about no single client."""
    return {
        "resourceType": "Task",
        "meta": frame.meta(content.labels),
        "identifier": frame.identifier("alert", content.key),
        "status": "requested",
        "intent": "proposal",
        "priority": "routine",
        "code": {
            "coding": [{"system": f"{frame.namespace}/CodeSystem/alert", "code": CODE}],
            "text": "Review session feedback",
        },
        **_said(content, frame),
        "authoredOn": frame.instant,
        "lastModified": frame.instant,
        "requester": frame.author(),
        "owner": {"reference": content.practitioner},
        "restriction": {"period": {"end": fhir_time(frame.now + frame.due)}},
    }


def revise_digest(current: Json, content: DigestContent, frame: Frame) -> Json:
    """As many as wait now; `status`, `owner` and `note` are the clinician's."""
    new = current | _said(content, frame) | {"lastModified": frame.instant}
    if withdrawn(current):
        new = {k: v for k, v in new.items() if k not in {"statusReason", "businessStatus"}} | {"status": "requested"}
    return new


def retract_digest(current: Json, reason: str, frame: Frame) -> Json:
    """Cancelled, unless the clinician has taken it up or ended it."""
    if current.get("status") != "requested":
        return current
    return current | {
        "status": "cancelled",
        "statusReason": {"text": f"Withdrawn: {reason}"},
        "businessStatus": {
            "coding": [{"system": f"{frame.namespace}/CodeSystem/episode-state", "code": "withdrawn"}],
            "text": "Withdrawn",
        },
        "lastModified": frame.instant,
    }


def is_digest_task(resource: Mapping[str, Any]) -> bool:
    """Is this Task a digest?"""
    code = resource.get("code")
    codings = code.get("coding") if isinstance(code, Mapping) else None
    found = codings if isinstance(codings, list) else []
    return any(c.get("code") == CODE for c in found if isinstance(c, Mapping))


def _said(content: DigestContent, frame: Frame) -> Json:
    focus, number = frame.focus or {}, len(content.waiting)
    about = [focus.get(w.focus_key) or f"QuestionnaireResponse/{w.response}" for w in content.waiting]
    more = "1 more possible strain waits" if number == 1 else f"{number} more possible strains wait"
    return {
        "description": f"{more} for your review; each comes as a task of its own on one of the next days.",
        "input": [{"type": {"text": "Session feedback"}, "valueReference": {"reference": r}} for r in about],
    }
