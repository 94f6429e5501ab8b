"""Filled-in forms for tests, and reading them both ways: parsed and as bytes, which must agree."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from fhir_alliance.config import Settings
from fhir_alliance.fhir.inbound import Rules, decode_response, read_response, rules
from fhir_alliance.model import Reading

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
BASE = "https://w3id.org/fhir-alliance/Questionnaire"
WAI, SRS = f"{BASE}/wai-sr-c", f"{BASE}/srs-v3"
EXTENSION = "http://hl7.org/fhir/StructureDefinition"
ABSENT = {"url": f"{EXTENSION}/data-absent-reason", "valueCode": "asked-declined"}
VALUES = [4, 5, 4, 3, 5, 4, 4, 5, 3, 4, 4, 5]
"""Total 50/12; task 4.5, goal 4.0, bond 4.0."""

RULES = rules(None, None, now=NOW)
ATTESTED = rules(None, None, now=NOW, attest=["srs-v3"])
SYNC = rules(None, None, now=NOW, require_id=True)

Json = dict[str, Any]


def settings(**tables: Any) -> Settings:
    return Settings(**tables)


def item(link: object, *answers: object, **more: Any) -> Json:
    """An item with these answers: numbers stand for valueInteger, dicts for themselves."""
    return {"linkId": link, "answer": [a if isinstance(a, dict) else {"valueInteger": a} for a in answers], **more}


def items(values: Iterable[object] = VALUES) -> list[Json]:
    return [item(str(n), value) for n, value in enumerate(values, 1)]


def form(**changes: Any) -> Json:
    """A complete WAI-SR; a change to None takes the element away."""
    resource: Json = {
        "resourceType": "QuestionnaireResponse",
        "id": "q1",
        "meta": {"versionId": "3", "lastUpdated": "2026-03-04T15:21:00.123Z"},
        "questionnaire": f"{WAI}|1.0",
        "status": "completed",
        "subject": {"reference": "Patient/p1"},
        "authored": "2026-03-04T15:20:00Z",
        "item": items(),
    }
    resource |= changes
    return {key: value for key, value in resource.items() if value is not None}


def with_answer(number: int, *answers: object, **more: Any) -> Json:
    """A complete WAI-SR in which one item is answered like this."""
    changed = items()
    changed[number - 1] = item(str(number), *answers, **more)
    return form(item=changed)


def srs(values: Iterable[object] = (9.1, 8.7, 9.4, 10), **changes: Any) -> Json:
    made = [item(str(n), v if isinstance(v, dict) else {"valueDecimal": v}) for n, v in enumerate(values, 1)]
    return form(questionnaire=SRS, item=made) | changes


def coded(
    weight: object = None, code: str | None = "a", system: str | None = "http://c.example/s", **more: Any
) -> Json:
    coding: Json = {"system": system, "code": code, **more}
    if weight is not None:
        coding["extension"] = [weigh(weight)]
    return {"valueCoding": {key: value for key, value in coding.items() if value is not None}}


def weigh(value: object, name: str = "ordinalValue", key: str = "valueDecimal") -> Json:
    return {"url": f"{EXTENSION}/{name}", key: value}


def read(resource: object, by: Rules = RULES, resolve: Callable[[str], Json | None] | None = None) -> Reading:
    """The reading of a resource, the same from its parsed form and from its bytes."""
    reading = read_response(resource, by, resolve)
    assert decode_response(json.dumps(resource).encode(), by, resolve) == reading
    return reading


def code(resource: object, by: Rules = RULES, resolve: Callable[[str], Json | None] | None = None) -> str | None:
    """Why a response was not scored; None when it was."""
    reading = read(resource, by, resolve)
    assert (reading.code is None) == bool(reading.scores)
    assert reading.code is None or (reading.reason or "").startswith(f"{reading.outcome}: ")
    return reading.code


def values(reading: Reading) -> dict[str, float]:
    return {score.scale: score.value for score in reading.scores}


def total(reading: Reading) -> float:
    return values(reading)["total"]


def ruled(by: Rules = RULES, **changes: Any) -> Rules:
    return replace(by, identities={}, _forms={}, **changes)
