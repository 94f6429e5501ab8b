"""Questionnaires and responses of the synthetic clinic. Pure.

Item numbers only: the wording of both instruments belongs to its holders and is not here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ..config import DEFAULT_NAMESPACE
from . import answers
from .planted import Client, Entry, Series

Resource = dict[str, Any]
SHORT = {"wai-sr-c": "wai", "srs-v3": "srs"}
_ITEMS = {"wai-sr-c": 12, "srs-v3": 4}
_RATING = "https://clinic.example/CodeSystem/rating"
_UNKNOWN = "https://clinic.example/Questionnaire/waiting-room|3"
_ITEM_WEIGHT = "http://hl7.org/fhir/StructureDefinition/itemWeight"
_ORDINAL_VALUE = "http://hl7.org/fhir/StructureDefinition/ordinalValue"
_SYNTHETIC = {"tag": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST"}]}


@dataclass(frozen=True, slots=True)
class Sitting:
    """One booked session of one client. `number` is the client's place in the file, `session` from 1."""

    client: Client
    number: int
    session: int
    start: datetime
    end: datetime

    @property
    def id(self) -> str:
        """Id of its Encounter, and beginning of the ids of its responses."""
        return f"{self.client.id}-s{self.session:02}"


def resource(type: str, id: str, **elements: Any) -> Resource:
    """A resource that says that it is test data."""
    return {"resourceType": type, "id": id, "meta": _SYNTHETIC, **elements}


def reference(type: str, id: str) -> dict[str, str]:
    """A relative reference."""
    return {"reference": f"{type}/{id}"}


def at(moment: datetime) -> str:
    """A FHIR dateTime."""
    return moment.isoformat()


def canonical(instrument: str) -> str:
    """The canonical under which a shipped instrument is recognised."""
    return f"{DEFAULT_NAMESPACE}/Questionnaire/{instrument}"


def questionnaire(instrument: str) -> Resource:
    """A form with numbered items and weighted options, or lines to mark."""
    options = [{"valueCoding": _rating(n, _ITEM_WEIGHT)} for n in range(1, 6)]
    kind: Resource = {"type": "decimal"} if instrument == "srs-v3" else {"type": "choice", "answerOption": options}
    items = [{"linkId": str(n), "text": f"Item {n}", **kind} for n in range(1, _ITEMS[instrument] + 1)]
    return resource("Questionnaire", instrument, url=canonical(instrument), version="1.0", status="active", item=items)


def response_id(sitting_id: str, series: Series) -> str:
    """Id of the response that a series has in a session."""
    return f"{sitting_id}-{SHORT[series.instrument]}{'-relative' if series.relative else ''}"


def responses(sitting: Sitting) -> Iterator[tuple[int | None, Resource]]:
    """What came in at a session, with the pass before which it did (None: that of the session)."""
    for series, entry in sitting.client.at(sitting.session):
        if entry.note not in {"missing", "no-show", "elsewhere"}:
            first = entry.total if entry.was is None else entry.was
            status = "in-progress" if entry.note == "in progress" else "completed"
            yield None, _response(sitting, series, entry, first, status)
        if entry.amended:
            yield entry.amended, _response(sitting, series, entry, entry.total, "amended")
        if entry.retracted:
            yield entry.retracted, _response(sitting, series, entry, entry.total, "entered-in-error")
    if sitting.session in sitting.client.unknown:
        waiting_room = resource(
            "QuestionnaireResponse",
            f"{sitting.id}-waiting-room",
            status="completed",
            questionnaire=_UNKNOWN,
            subject=reference("Patient", sitting.client.id),
            encounter=reference("Encounter", sitting.id),
            authored=at(sitting.start - timedelta(minutes=5)),
            item=[{"linkId": "1", "answer": [{"valueInteger": 2}]}],
        )
        yield None, waiting_room


def _response(sitting: Sitting, series: Series, entry: Entry, total: float | None, status: str) -> Resource:
    patient = reference("Patient", sitting.client.id)
    rater = reference("RelatedPerson", f"{sitting.client.id}-relative") if series.relative else patient
    # Without an encounter: filled in at home, the next morning.
    after = timedelta(minutes=7) if entry.link else timedelta(hours=20)
    version = "2.0" if entry.note == "other version" else "1.0"
    return resource(
        "QuestionnaireResponse",
        response_id(sitting.id, series),
        status=status,
        questionnaire=f"{canonical(series.instrument)}|{version}",
        subject=patient,
        **({"encounter": reference("Encounter", sitting.id)} if entry.link else {}),
        authored=at(sitting.end + after),
        source=rater,
        item=[
            {"linkId": str(n), "text": f"Item {n}", "answer": [_value(series.instrument, value, sitting.number)]}
            for n, value in _given(series.instrument, entry, total, sitting.session).items()
        ],
    )


def _given(instrument: str, entry: Entry, total: float | None, session: int) -> dict[int, float]:
    """The answers of one form. A form that has no total is filled in around the middle."""
    if instrument == "srs-v3":
        return answers.srs(total or 36.0, session, answered=3 if entry.note == "3 of 4" else 4)
    given = answers.wai_sr(total or 4.0, session, answered=entry.answered, bond=entry.bond)
    if entry.note == "out of range":
        given[6] = 7
    if entry.note == "in progress":
        return dict(list(given.items())[:5])
    return given


def _value(instrument: str, value: float, number: int) -> Resource:
    """As the client's app sends it: decimals for lines; whole numbers, or codes with a weight, for ratings."""
    if instrument == "srs-v3":
        return {"valueDecimal": value}
    if number % 2 == 0:
        return {"valueInteger": int(value)}
    return {"valueCoding": _rating(int(value), _ORDINAL_VALUE if number % 5 == 0 else _ITEM_WEIGHT)}


def _rating(weight: int, extension: str) -> Resource:
    return {
        "extension": [{"url": extension, "valueDecimal": weight}],
        "system": _RATING,
        "code": f"rating-{weight}",
        "display": f"Rating {weight}",
    }
