"""Alerts as Tasks: one per strain, to the treating clinician (`decisions.md` 2.4).

`businessStatus` is ours and says where the strain stands. `status`, `owner` and `note` belong to
the clinician once the Task exists; we only add notes, raise the priority, and withdraw.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..digest import DigestContent
from ..model import EpisodeState
from ..plan import AlertContent
from . import Frame, Json, Sink, fhir_time, labelled, labels_of
from .digest import is_digest_task, render_digest, retract_digest, revise_digest

ENDED = frozenset({"rejected", "cancelled", "entered-in-error"})


class TaskSink(Sink):
    """`requested` and `proposal`: something that a person may take up."""

    type = "Task"

    def render(self, content: AlertContent | DigestContent, frame: Frame) -> Json:
        """A new Task; a severe onset starts `urgent`."""
        if isinstance(content, DigestContent):
            return render_digest(content, frame)
        focus = (frame.focus or {}).get(content.focus_key) or f"QuestionnaireResponse/{content.response}"
        return {
            "resourceType": "Task",
            "meta": frame.meta(content.labels),
            "identifier": frame.identifier("alert", content.key),
            "status": "requested",
            "businessStatus": _state(content.state, frame),
            "intent": "proposal",
            "priority": "urgent" if content.level == 3 else "routine",
            "code": {
                "coding": [{"system": f"{frame.namespace}/CodeSystem/alert", "code": "strain-review"}],
                "text": "Review session feedback",
            },
            "description": content.headline,
            "focus": {"reference": focus},
            "for": {"reference": content.patient},
            **({"encounter": {"reference": content.encounter}} if content.encounter else {}),
            "authoredOn": frame.instant,
            "lastModified": frame.instant,
            "requester": frame.author(),
            "owner": {"reference": content.owner},
            "note": [{"time": frame.instant, "text": content.evidence}],
            "restriction": {"period": {"end": fhir_time(frame.now + frame.due)}},
        }

    def revise(self, current: Json, content: AlertContent | DigestContent, frame: Frame) -> Json:
        """Where the strain stands now; a note that says what changed. Never a lower priority."""
        if isinstance(content, DigestContent):
            return revise_digest(current, content, frame)
        again = _withdrawn_by_us(current)
        text = content.follow_up or (content.evidence if again else "")
        note = list(current.get("note") or [])
        # Two installations may follow one Task: what the other has just said is not said again.
        last = note[-1].get("text") if note and isinstance(note[-1], Mapping) else None
        if text and (again or text != last):
            note.append({"time": frame.instant, "text": text})
        new = current | labelled(current, content.labels) | {"businessStatus": _state(content.state, frame)}
        new |= {"lastModified": frame.instant} | ({"note": note} if note else {})
        if score := (frame.focus or {}).get(content.focus_key):
            new["focus"] = {"reference": score}
        # Raised once, when it gets worse: a person may lower it afterwards.
        if content.level == 3 and (content.event == "worse" or again):
            new["priority"] = "urgent"
        if again:
            new = {k: v for k, v in new.items() if k != "statusReason"} | {"status": "requested"}
        return new

    def retract(self, current: Json, reason: str, frame: Frame) -> Json:
        """Cancelled, or entered-in-error where the form was; the reason in words. A Task that a person ended stays
        as that person left it."""
        if is_digest_task(current):
            return retract_digest(current, reason, frame)
        status, why = "entered-in-error" if "entered in error" in reason else "cancelled", f"Withdrawn: {reason}"
        mine: Json = {"status": status, "statusReason": {"text": why}}
        if current.get("status") in ENDED and not _withdrawn_by_us(current):
            mine = {} if current.get("statusReason") else {"statusReason": {"text": why}}
        return current | {
            **mine,
            "businessStatus": _state(EpisodeState.WITHDRAWN, frame),
            "lastModified": frame.instant,
        }

    def owned(self, resource: Mapping[str, Any]) -> Json:
        """What a clinician has no reason to change."""
        if is_digest_task(resource):
            return {}
        state = resource.get("businessStatus") or {}
        codings = state.get("coding") if isinstance(state, dict) else None
        return {k: resource.get(k) for k in ("intent", "description", "focus", "for", "encounter")} | {
            "state": [c.get("code") for c in codings or [] if isinstance(c, dict)]
        }

    def compared(self, resource: Mapping[str, Any]) -> Json:
        """Where the strain stands, how urgent it is, whether it is withdrawn, what was noted, and its labels."""
        notes = [n.get("text") for n in resource.get("note") or [] if isinstance(n, dict)]
        said = {k: resource.get(k) for k in ("status", "priority")}
        if is_digest_task(resource):
            about = [i.get("valueReference") for i in resource.get("input") or [] if isinstance(i, dict)]
            return said | {"description": resource.get("description"), "input": about}
        return self.owned(resource) | said | {"note": notes, "security": labels_of(resource)}


def _state(state: EpisodeState, frame: Frame) -> Json:
    words = {
        EpisodeState.OPEN: "Open",
        EpisodeState.REPAIRED: "Recovered",
        EpisodeState.UNREPAIRED: "Not recovered after 3 scored sessions",
        EpisodeState.EXPIRED: "Ended without a verdict",
        EpisodeState.WITHDRAWN: "Withdrawn",
    }
    system = f"{frame.namespace}/CodeSystem/episode-state"
    return {"coding": [{"system": system, "code": str(state)}], "text": words[state]}


def _withdrawn_by_us(current: Json) -> bool:
    if current.get("status") not in {"cancelled", "entered-in-error"}:
        return False
    codings = (current.get("businessStatus") or {}).get("coding") or []
    return any(c.get("code") == EpisodeState.WITHDRAWN for c in codings if isinstance(c, dict))
