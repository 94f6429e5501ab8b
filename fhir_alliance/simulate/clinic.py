"""A cohort as FHIR R4 resources: people, sessions held and missed, forms whose answers score to the cohort's values.

Item numbers only, as everywhere: the wording of an instrument belongs to its holder.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, NamedTuple

import numpy as np

from ..demo.forms import Resource, at, canonical, reference, resource
from ..model import Instrument
from .cohort import client_name
from .form import Form, form
from .generator import Block
from .parameters import Parameters

LENGTH = timedelta(minutes=50)
AFTER = timedelta(minutes=7)
"""From the end of a session to the form."""
_FIRST_HOUR, _HOURS, _WEEKDAYS = 8, 10, 5
_NO_SHOW, _LATE, _DELAY, _AMENDED, _ITEM = range(5)
_PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
_ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


@dataclass(frozen=True, slots=True)
class Filed:
    """A resource as it stands in the end, and as it stood before late and corrected forms came in (None: not yet)."""

    now: Resource
    before: Resource | None


@dataclass(frozen=True, slots=True)
class Visit:
    """One booked session. `chances` are its uniform draws."""

    id: str
    patient: Resource
    practitioner: Resource
    start: datetime
    chances: Any

    @property
    def end(self) -> datetime:
        return self.start + LENGTH


def filed(blocks: Iterable[Block], instrument: Instrument, parameters: Parameters) -> Iterator[Filed]:
    """Every resource of the clinic, each after those that it refers to. Where no items are known, a form holds the
    finished total."""
    paper = form(instrument)
    yield _same(questionnaire(instrument))
    seen: set[str] = set()
    for block in blocks:
        answers = paper.answers(block.steps)
        for row, earlier in enumerate(_sessions_before(block)):
            yield from _people(block, row, instrument, parameters, seen)
            for n in range(int(block.cohort.length[row])):
                visit = _visit(block, row, n, earlier + n + 1, parameters)
                returned = not np.isnan(block.cohort.values[row, n])
                yield from _session(visit, missed=not returned and visit.chances[_NO_SHOW] < parameters.no_show)
                if returned:
                    yield _form(visit, instrument, paper, answers[row, n], parameters)


def questionnaire(instrument: Instrument) -> Resource:
    """The form by item numbers."""
    items = [
        {"linkId": q.link_id, "text": q.text, "type": "integer" if q.whole else "decimal"}
        for q in _questions(instrument)
    ]
    return resource(
        "Questionnaire",
        instrument.id,
        url=canonical(instrument.id),
        **({"version": instrument.questionnaire_versions[0]} if instrument.questionnaire_versions else {}),
        status="active",
        item=items,
    )


def _same(made: Resource) -> Filed:
    return Filed(made, made)


def _sessions_before(block: Block) -> Iterator[int]:
    """For each row, how many sessions its client had with an earlier therapist."""
    for row, dyad in enumerate(block.cohort.dyad):
        yield int(block.cohort.length[row - 1]) if dyad else 0


def _practitioner(block: Block, row: int, parameters: Parameters) -> str:
    """Therapists have caseloads in the order of clients; a client who changes goes to the next one."""
    return f"p{block.cohort.client[row] // parameters.caseload + block.cohort.dyad[row] + 1:05}"


def _people(block: Block, row: int, instrument: Instrument, parameters: Parameters, seen: set[str]) -> Iterator[Filed]:
    practitioner, client = _practitioner(block, row, parameters), client_name(int(block.cohort.client[row]))
    if practitioner not in seen:
        seen.add(practitioner)
        name = [{"family": f"Example-{practitioner}", "given": ["Therapist"]}]
        yield _same(resource("Practitioner", practitioner, active=True, name=name))
    if block.cohort.dyad[row] == 0:
        name = [{"family": f"Example-{client}", "given": ["Client"]}]
        yield _same(resource("Patient", client, active=True, name=name))
        if instrument.rater == "caregiver":
            patient = reference("Patient", client)
            yield _same(resource("RelatedPerson", f"{client}-caregiver", active=True, patient=patient))


def _visit(block: Block, row: int, n: int, number: int, parameters: Parameters) -> Visit:
    client = int(block.cohort.client[row])
    hour = _FIRST_HOUR + client % parameters.caseload // _WEEKDAYS % _HOURS
    day = parameters.start + timedelta(days=int(block.cohort.days[row, n]))
    return Visit(
        f"{client_name(client)}-s{number:02}",
        reference("Patient", client_name(client)),
        reference("Practitioner", _practitioner(block, row, parameters)),
        datetime.combine(day, time(hour), UTC),
        block.chances[row, n],
    )


def _session(visit: Visit, *, missed: bool) -> Iterator[Filed]:
    """A session held, or a no-show: a cancelled encounter, and the appointment that nobody came to."""
    period = {"start": at(visit.start), "end": at(visit.end)}
    if missed:
        who = [{"actor": visit.patient, "status": "accepted"}]
        yield _same(resource("Appointment", visit.id, status="noshow", participant=who, **period))
    kind = [{"coding": [{"system": _PARTICIPATION, "code": "PPRF"}]}]
    encounter = resource(
        "Encounter",
        visit.id,
        status="cancelled" if missed else "finished",
        **{"class": {"system": _ACT, "code": "AMB"}},
        subject=visit.patient,
        participant=[{"type": kind, "individual": visit.practitioner}],
        period=period,
        **({"appointment": [reference("Appointment", visit.id)]} if missed else {}),
    )
    yield _same(encounter)


def _form(visit: Visit, instrument: Instrument, paper: Form, answers: Any, parameters: Parameters) -> Filed:
    late, amended = visit.chances[_LATE] < parameters.late, visit.chances[_AMENDED] < parameters.amended
    delay = timedelta(days=1 + int(visit.chances[_DELAY] * parameters.late_days)) if late else timedelta()
    authored = visit.end + AFTER + delay
    now = _response(visit, instrument, answers, authored, "amended" if amended else "completed")
    if late:
        return Filed(now, None)
    if amended:
        return Filed(now, _response(visit, instrument, _first(visit, paper, answers), authored, "completed"))
    return _same(now)


def _first(visit: Visit, paper: Form, answers: Any) -> Any:
    """The answers before they were corrected: one item of the total was about a quarter of its range off."""
    item = int(paper.total[int(visit.chances[_ITEM] * paper.total.size)])
    grid = paper.grid[item, : paper.top[item] + 1]
    by = max(1, int(paper.top[item]) // 4)
    step = int(np.searchsorted(grid, answers[item]))
    first = answers.copy()
    first[item] = grid[step - by if step >= by else step + by]
    return first


def _response(visit: Visit, instrument: Instrument, answers: Any, authored: datetime, status: str) -> Resource:
    version = f"|{instrument.questionnaire_versions[0]}" if instrument.questionnaire_versions else ""
    return resource(
        "QuestionnaireResponse",
        f"{visit.id}-{instrument.id}",
        status=status,
        questionnaire=f"{canonical(instrument.id)}{version}",
        subject=visit.patient,
        encounter=reference("Encounter", visit.id),
        authored=at(authored),
        source=_source(visit, instrument),
        item=[
            {"linkId": q.link_id, "answer": [{"valueInteger": int(answer)} if q.whole else {"valueDecimal": answer}]}
            for q, answer in zip(_questions(instrument), answers.tolist(), strict=True)
        ],
    )


def _source(visit: Visit, instrument: Instrument) -> Resource:
    if instrument.rater == "client":
        return visit.patient
    if instrument.rater == "caregiver":
        return {"reference": visit.patient["reference"].replace("Patient", "RelatedPerson") + "-caregiver"}
    return visit.practitioner


class _Question(NamedTuple):
    """An item of the form, or its finished total. `whole`: answered by a whole number."""

    link_id: str
    text: str
    whole: bool


def _questions(instrument: Instrument) -> list[_Question]:
    if not instrument.items:
        return [_Question(instrument.stated_total[0], "Total", instrument.scale("total").places == 0)]
    return [_Question(i.link_ids[0], f"Item {i.number}", i.step == int(i.step)) for i in instrument.items]
