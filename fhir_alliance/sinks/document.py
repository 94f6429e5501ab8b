"""Alerts as DocumentReferences: one report per strain, plain text, and its chart as PDF where that is wanted (D-14).

`preliminary` unless the site says otherwise, so that it is a draft in a person's hands; without an author, as EHRs
file it under the user that the client acts for. It tells of the onset and is not rewritten with every new score.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from ..config_writing import DocumentSettings
from ..plan import AlertContent
from ..strain_note import StrainNote
from . import Frame, Json, Sink, fhir_time, labelled

TITLE = "Session feedback report"
PLAIN = "text/plain"


class DocumentSink(Sink):
    """`current` until the strain is gone from the data: then `entered-in-error`."""

    type = "DocumentReference"

    def __init__(self, settings: DocumentSettings) -> None:
        self._settings = settings

    def render(self, content: AlertContent, frame: Frame) -> Json:
        """A new document, of the onset's session."""
        if content.note is None:
            raise ValueError("a document needs its text")
        wanted, focus = self._settings, (frame.focus or {}).get(content.focus_key)
        related = [{"reference": focus or f"QuestionnaireResponse/{content.response}"}]
        encounter = {"encounter": [{"reference": content.encounter}]} if content.encounter else {}
        attached = [_attachment(content.note, frame), *([_chart(content.note, frame)] if wanted.pdf else [])]
        return {
            "resourceType": "DocumentReference",
            "meta": frame.meta(content.labels),
            "identifier": frame.identifier("alert", content.key),
            "status": "current",
            "docStatus": wanted.status,
            "type": _concept(wanted.type) | {"text": TITLE},
            **({"category": [_concept(wanted.category)]} if wanted.category else {}),
            "subject": {"reference": content.patient},
            "date": frame.instant,
            "description": content.headline,
            "content": [{"attachment": a} for a in attached],
            "context": {**encounter, "period": {"start": fhir_time(content.onset_at)}, "related": related},
        }

    def revise(self, current: Json, content: AlertContent, frame: Frame) -> Json:
        """A strain that came back to the data: the report of now, and valid again."""
        new = self.render(content, frame)
        return current | labelled(current, content.labels) | {k: new[k] for k in ("status", "date", "content")}

    def retract(self, current: Json, reason: str, frame: Frame) -> Json:
        """The text stays readable; the status says that it must not be used."""
        return current | {"status": "entered-in-error"}

    def owned(self, resource: Mapping[str, Any]) -> Json:
        """About whom, and the text; `docStatus` and `type` are the site's once it stands."""
        return {"subject": resource.get("subject"), "text": _text_of(resource)}

    def compared(self, resource: Mapping[str, Any]) -> Json:
        """Text and status."""
        return self.owned(resource) | {"status": resource.get("status")}


def _attachment(note: StrainNote, frame: Frame) -> Json:
    # Some EHRs know the bare type only, so the character set is named where it matters.
    kind = PLAIN if note.text.isascii() else f"{PLAIN}; charset=utf-8"
    return _file(kind, note.text.encode(), TITLE, frame)


def _chart(note: StrainNote, frame: Frame) -> Json:
    from ..chart import series_chart, to_pdf

    spec = series_chart(
        note.title,
        note.points,
        note.detection,
        note.change,
        scale_title=note.scale,
        places=note.places,
        compared=note.compared,
    )
    return _file("application/pdf", to_pdf(spec), f"{TITLE}: chart", frame)


def _file(kind: str, body: bytes, title: str, frame: Frame) -> Json:
    return {
        "contentType": kind,
        "data": b64encode(body).decode(),
        "size": len(body),
        "title": title,
        "creation": frame.instant,
    }


def _concept(code: str | None) -> Json:
    system, _, value = (code or "").partition("|")
    return {"coding": [{"system": system, "code": value}]} if value else {}


def _text_of(resource: Mapping[str, Any]) -> list[Any]:
    """The plain texts, as they are encoded; a server that moves them elsewhere gives the same place each time."""
    found = [c.get("attachment") for c in resource.get("content") or [] if isinstance(c, dict)]
    texts = [a for a in found if isinstance(a, dict) and str(a.get("contentType")).startswith(PLAIN)]
    return [a.get("data") or a.get("url") for a in texts]
