"""Scores as Observations, one per scale (`fhir.md` 3.5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..instruments.snomed import SYSTEM as SNOMED
from ..plan import ScoreContent
from . import Frame, Json, Sink, labelled, labels_of

CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
UCUM = "http://unitsofmeasure.org"
OURS = (
    *("identifier", "status", "code", "subject", "encounter", "effectiveDateTime", "valueQuantity", "derivedFrom"),
    *("hasMember", "component"),
)
OUR_NOTE = " items answered"


class ObservationSink(Sink):
    """`final` when filed, `amended` when what we say changed, `entered-in-error` when it no longer holds."""

    type = "Observation"
    kind = "score"

    def render(self, content: ScoreContent, frame: Frame) -> Json:
        """A new Observation. `performer` stays empty: a computed total has none (US Core)."""
        return {
            "resourceType": "Observation",
            "meta": frame.meta(content.labels),
            "identifier": frame.identifier("score", content.key),
            "status": "final",
            "category": [{"coding": [{"system": CATEGORY, "code": "survey"}]}],
            "code": {
                "coding": [
                    _code(content.instrument, content.scale, frame),
                    *([{"system": SNOMED, "code": content.snomed}] if content.snomed else []),
                ],
                "text": content.title,
            },
            "subject": {"reference": content.patient},
            **({"encounter": {"reference": content.encounter}} if content.encounter else {}),
            "effectiveDateTime": content.effective,
            "issued": frame.instant,
            "device": frame.author(),
            **({} if content.value is None else {"valueQuantity": quantity(content.value, content.places)}),
            "derivedFrom": [{"reference": f"QuestionnaireResponse/{content.response}"}],
            "method": {"text": f"{content.instrument}/{content.instrument_version}"},
            "note": [{"text": content.note}],
            **({"hasMember": _members(content, frame)} if content.members else {}),
            **({"component": _components(content, frame)} if content.components else {}),
        }

    def revise(self, current: Json, content: ScoreContent, frame: Frame) -> Json:
        """Our elements anew, status `amended`; elements that others added stay."""
        new = self.render(content, frame) | {"status": "amended"}
        kept = {k: v for k, v in current.items() if k not in OURS}
        notes = [n for n in current.get("note") or [] if isinstance(n, dict) and OUR_NOTE not in str(n.get("text"))]
        theirs = {k: current[k] for k in ("identifier", "category") if current.get(k)}
        return kept | new | theirs | labelled(current, content.labels) | {"note": [*new["note"], *notes]}

    def retract(self, current: Json, reason: str, frame: Frame) -> Json:
        """The value stays readable; the status says that it must not be used."""
        return current | {"status": "entered-in-error"}

    def owned(self, resource: Mapping[str, Any]) -> Json:
        """Identity, meaning and value; `issued`, `note` and `method` may differ without harm."""
        value = resource.get("valueQuantity")
        ours = {k: resource.get(k) for k in ("status", "subject", "encounter", "effectiveDateTime", "derivedFrom")}
        return ours | {
            "code": codes(resource.get("code")),
            "value": value.get("value") if isinstance(value, dict) else None,
            "members": sorted((m for m in resource.get("hasMember") or [] if isinstance(m, dict)), key=repr),
            "components": [_component(c) for c in resource.get("component") or [] if isinstance(c, dict)],
        }

    def compared(self, resource: Mapping[str, Any]) -> Json:
        """Everything that we write but the time of filing; whether it is final or amended is no news by itself."""
        status = resource.get("status")
        notes = [n.get("text") for n in resource.get("note") or [] if isinstance(n, dict)]
        return self.owned(resource) | {
            "status": "valid" if status in {"final", "amended"} else status,
            "method": (resource.get("method") or {}).get("text"),
            "security": labels_of(resource),
            "note": [n for n in notes if OUR_NOTE in str(n)],
        }


def quantity(value: float, places: int) -> Json:
    """A score as a Quantity; R4 has no decimal for a value."""
    return {"value": round(value, places), "unit": "{score}", "system": UCUM, "code": "{score}"}


def codes(concept: Any) -> list[tuple[Any, Any]]:
    """(system, code) of a CodeableConcept as it came."""
    codings = concept.get("coding") if isinstance(concept, dict) else None
    return [(c.get("system"), c.get("code")) for c in codings or [] if isinstance(c, dict)]


def _code(instrument: str, scale: str, frame: Frame) -> Json:
    return {"system": f"{frame.namespace}/CodeSystem/alliance-score", "code": f"{instrument}-{scale}"}


def _members(content: ScoreContent, frame: Frame) -> list[Json]:
    """The Observations of the scales, which are filed before their panel. ValueError while one of them is not there."""
    found = [(frame.focus or {}).get(key) for key in content.members]
    if None in found:
        raise ValueError("an Observation that the panel lists was not filed")
    return [{"reference": reference} for reference in found]


def _components(content: ScoreContent, frame: Frame) -> list[Json]:
    return [
        {
            "code": {"coding": [_code(content.instrument, part.scale, frame)], "text": part.title},
            "valueQuantity": quantity(part.value, part.places),
        }
        for part in content.components
    ]


def _component(component: Mapping[str, Any]) -> Json:
    value = component.get("valueQuantity")
    return {"code": codes(component.get("code")), "value": value.get("value") if isinstance(value, dict) else None}
