"""The synthetic clinic as FHIR R4 resources, dated back from a given day. Pure and deterministic."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, timezone

from .forms import Resource, Sitting, at, questionnaire, reference, resource, responses
from .planted import Client, Plan, Series

ZONE = timezone(timedelta(hours=-5))
LENGTH = timedelta(minutes=50)
PASSES = (1, 2, 3)
"""Pass 1 sees the history, passes 2 and 3 one more week each."""

_PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
_ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


def build(plan: Plan, today: date) -> dict[int, list[Resource]]:
    """Pass → resources to PUT before it, each after those that it refers to; no session is later than yesterday.

    A response that changes (amended, entered in error) is in the list again before the pass that sees the change.
    """
    loads: dict[int, list[Resource]] = {n: [] for n in PASSES}
    loads[1] += [*_people(plan), *(questionnaire(i) for i in ("wai-sr-c", "srs-v3"))]
    hours: dict[str, int] = {}
    for number, client in enumerate(plan.clients, 1):
        loads[1] += _family(client)
        therapist = client.series[0].practitioners[0]
        hours[therapist] = hours.get(therapist, 7) + 1
        for session in range(1, client.sessions + 1):
            start, seen = when(client, session, today, hours[therapist])
            sitting = Sitting(client, number, session, start, start + LENGTH)
            loads[seen] += _encounter(plan, sitting)
            for later, response in responses(sitting):
                loads[later or seen].append(response)
    return loads


def when(client: Client, session: int, today: date, hour: int = 9) -> tuple[datetime, int]:
    """Start of a session, and the pass in which it is first seen.

    The day: `client.day` weekdays before the latest weekday that has passed, then back by whole weeks.
    """
    weekdays = [d for n in range(1, 8) if (d := today - timedelta(days=n)).weekday() < 5]
    weeks = (client.sessions - session) * client.every + client.ended
    start = datetime.combine(weekdays[client.day] - timedelta(weeks=weeks), time(hour), ZONE)
    return start, max(PASSES) - min(weeks, max(PASSES) - 1)


def practitioner(series: Series) -> str:
    """Whose series it is in our terms: the only practitioner, or nobody."""
    return f"Practitioner/{series.practitioners[0]}" if len(series.practitioners) == 1 else "unassigned"


def _people(plan: Plan) -> Iterator[Resource]:
    for name in plan.practitioners:
        yield resource("Practitioner", name, active=True, name=[{"family": name.title(), "given": ["Example"]}])
    for name in plan.roles:
        yield resource("PractitionerRole", f"{name}-role", active=True, practitioner=reference("Practitioner", name))


def _family(client: Client) -> Iterator[Resource]:
    number = client.id.rpartition("-")[2]
    yield resource("Patient", client.id, active=True, name=[{"family": f"Example{number}", "given": ["Client"]}])
    if any(s.relative for s in client.series):
        yield resource("RelatedPerson", f"{client.id}-relative", active=True, patient=reference("Patient", client.id))


def _encounter(plan: Plan, sitting: Sitting) -> Iterator[Resource]:
    """A session held, or a no-show: a cancelled encounter and the appointment that nobody came to."""
    entries = sitting.client.at(sitting.session)
    period = {"start": at(sitting.start), "end": at(sitting.end)}
    subject = reference("Patient", sitting.client.id)
    missed = all(e.note == "no-show" for _, e in entries)
    if missed:
        who = [{"actor": subject, "status": "accepted"}]
        yield resource("Appointment", sitting.id, status="noshow", participant=who, **period)
    here = next(s for s, e in entries if e.note != "elsewhere").practitioners
    yield resource(
        "Encounter",
        sitting.id,
        status="cancelled" if missed else "finished",
        **{"class": {"system": _ACT, "code": "VR" if (sitting.session + sitting.client.day) % 3 == 0 else "AMB"}},
        subject=subject,
        participant=[
            {
                "type": [{"coding": [{"system": _PARTICIPATION, "code": "PPRF"}]}],
                "individual": reference(
                    *(("PractitionerRole", f"{p}-role") if p in plan.roles else ("Practitioner", p))
                ),
            }
            for p in here
        ],
        period=period,
        **({"appointment": [reference("Appointment", sitting.id)]} if missed else {}),
    )
