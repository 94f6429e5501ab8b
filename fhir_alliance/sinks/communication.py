"""Alerts as Communications: a message to one clinician, sent once and never changed (`fhir.md` 3.6, D-12, D-13).

What becomes of the strain is told by further messages that answer the first (`inResponseTo`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..plan import AlertContent
from ..wording import SUBJECTS
from . import Frame, Json, Sink

CATEGORY = "http://terminology.hl7.org/CodeSystem/communication-category"


class CommunicationSink(Sink):
    """`sender`: a reference that the site chose, where its EHR wants a person; else this program, if it is a Device."""

    type = "Communication"
    changes = False

    def __init__(self, sender: str = "") -> None:
        self._sender = sender

    def render(self, content: AlertContent, frame: Frame) -> Json:
        """A new message; a severe or lasting fall is `urgent`, whatever comes after it is not."""
        urgent = content.level == 3 and content.event in {"raised", "worse", "again"}
        focus = (frame.focus or {}).get(content.focus_key) or f"QuestionnaireResponse/{content.response}"
        sender = self._sender or frame.device
        return {
            "resourceType": "Communication",
            "meta": frame.meta(content.labels),
            "identifier": frame.identifier("alert", content.key),
            **({"inResponseTo": [{"reference": content.reply_to}]} if content.reply_to else {}),
            "status": "completed",
            "category": [{"coding": [{"system": CATEGORY, "code": "notification"}]}],
            "priority": "urgent" if urgent else "routine",
            "subject": {"reference": content.patient},
            "topic": {"text": f"Session feedback: {SUBJECTS.get(content.event, content.headline).rstrip('.')}"},
            **({"about": [{"reference": focus}]} if content.event != "withdrawn" else {}),
            **({"encounter": {"reference": content.encounter}} if content.encounter else {}),
            "sent": frame.instant,
            "recipient": [{"reference": content.owner}],
            **({"sender": {"reference": sender}} if sender else {}),
            "payload": [{"contentString": _text(content)}],
        }

    def owned(self, resource: Mapping[str, Any]) -> Json:
        """To whom, about whom, and what it says."""
        payload = [p.get("contentString") for p in resource.get("payload") or [] if isinstance(p, dict)]
        return {k: resource.get(k) for k in ("subject", "recipient")} | {"payload": payload}

    def compared(self, resource: Mapping[str, Any]) -> Json:
        """The same: a message that was sent stays as it was."""
        return self.owned(resource)


def _text(content: AlertContent) -> str:
    """The headline and the numbers; a further message says what has changed."""
    if content.event == "raised":
        return f"{content.headline} {content.evidence}"
    said = content.follow_up or content.evidence
    return said if content.event == "withdrawn" else f"{SUBJECTS.get(content.event, content.headline)} {said}"
