"""Scores as rows of a flowsheet: vital-signs Observations that are never changed (`fhir.md` 3.1).

`final`, exactly one coding (the row), an encounter, a note of at most 254 characters. What such an EHR keeps of the
rest is unknown, so a filed row is told by its code, time and value where its identifier was not kept.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ..plan import ScoreContent
from . import Frame, Json, Sink
from .observation import CATEGORY, codes, quantity

_NOTE = 254


class FlowsheetSink(Sink):
    """`rows`: every row of the site, "system|code"."""

    type = "Observation"
    kind = "score"
    changes = False

    def __init__(self, rows: Collection[str]) -> None:
        self._rows = {_split(row) for row in rows}

    def render(self, content: ScoreContent, frame: Frame) -> Json:
        """A new row of the session's flowsheet."""
        if content.value is None or not content.encounter:
            raise ValueError("a flowsheet row needs a value and a session")
        system, code = _split(content.row)
        return {
            "resourceType": "Observation",
            "meta": frame.meta(content.labels),
            "identifier": frame.identifier("score", content.key),
            "status": "final",
            "category": [{"coding": [{"system": CATEGORY, "code": "vital-signs"}]}],
            "code": {"coding": [{"system": system, "code": code}], "text": content.title},
            "subject": {"reference": content.patient},
            "encounter": {"reference": content.encounter},
            "effectiveDateTime": content.effective,
            "issued": frame.instant,
            "valueQuantity": quantity(content.value, content.places),
            "note": [{"text": content.note[:_NOTE]}],
        }

    def owned(self, resource: Mapping[str, Any]) -> Json:
        """What the row says; the EHR adds codings of its own."""
        value = resource.get("valueQuantity")
        return {k: resource.get(k) for k in ("subject", "effectiveDateTime")} | {
            "row": sorted(c for c in codes(resource.get("code")) if c in self._rows),
            "value": value.get("value") if isinstance(value, dict) else None,
        }

    def compared(self, resource: Mapping[str, Any]) -> Json:
        """The same: nothing else can be relied on, and nothing can be changed."""
        return self.owned(resource)


def _split(row: str) -> tuple[str, str]:
    system, _, code = row.partition("|")
    return system, code
