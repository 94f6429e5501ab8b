"""Small synthetic clinics: each test has its own patients, practitioners, encounters and forms on a shared server.

Canaries are planted in everything that is free text. Sessions are dated back from now, a week apart.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from .canaries import PLANTED, TAIL
from .ehr import NS, Ehr, Json

WAI = f"{NS}/Questionnaire/wai-sr-c"
SRS = f"{NS}/Questionnaire/srs-v3"
STRAIN = (37.2, 38.0, 37.6, 38.4, 31.9)
"""SRS totals whose last one is a drop: sequence S1 of `clinical.md` 5.3. At 36.33 and above it is recovered."""


class Clinic:
    """Resources of one test. Their ids begin with `tag`, which occurs nowhere else."""

    def __init__(self, ehr: Ehr):
        self.ehr = ehr
        self.tag = "t" + secrets.token_hex(5)
        self.now = datetime.now(UTC).replace(microsecond=0)
        self.patients: list[str] = []
        self.sessions: list[str] = []
        self.held = "finished"
        """Status of its sessions."""

    def id(self, name: str) -> str:
        return f"{self.tag}-{name}"

    def patient(self, name: str = "pat", **elements: Any) -> str:
        """Store a Patient; its id."""
        mine = self.id(name)
        names = [{"family": PLANTED["patient name"], "given": ["Test"]}]
        identifier = [{"system": f"{NS}/test", "value": mine}, {"system": f"{NS}/test-cohort", "value": self.tag}]
        resource = {"resourceType": "Patient", "id": mine, "identifier": identifier, "name": names}
        self.ehr.put(resource | {"birthDate": PLANTED["birth date"]} | elements)
        self.patients.append(mine)
        return mine

    def practitioner(self, name: str = "doc") -> str:
        names = [{"family": PLANTED["practitioner name"]}]
        self.ehr.put({"resourceType": "Practitioner", "id": self.id(name), "name": names})
        return self.id(name)

    def weeks_ago(self, weeks: float) -> datetime:
        """When a session so many weeks back began: 0 is yesterday's."""
        return self.now - timedelta(days=1, weeks=weeks)

    def encounter(self, name: str, patient: str, practitioner: str, weeks: float, **elements: Any) -> str:
        """Store a held session; its id."""
        start = self.weeks_ago(weeks)
        kind = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
        resource = {
            "resourceType": "Encounter",
            "id": self.id(name),
            "status": self.held,
            "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
            "subject": {"reference": f"Patient/{patient}"},
            "participant": [
                {
                    "type": [{"coding": [{"system": kind, "code": "PPRF"}]}],
                    "individual": {"reference": f"Practitioner/{practitioner}"},
                }
            ],
            "period": {"start": _time(start), "end": _time(start + timedelta(minutes=50))},
            "reasonCode": [{"text": PLANTED["text of an encounter"]}],
        }
        self.ehr.put(resource | elements)
        self.sessions.append(self.id(name))
        return self.id(name)

    def leave_open(self, status: str = "in-progress") -> None:
        """The clinician has not closed these sessions, and will not close those to come."""
        self.held = status
        for session in self.sessions:
            self.ehr.change(f"Encounter/{session}", status=status)

    def form(self, name: str, patient: str, canonical: str, items: list[Json], weeks: float, **elements: Any) -> Json:
        """A QuestionnaireResponse, not yet stored."""
        remark = {"linkId": "remark", "answer": [{"valueString": PLANTED["text answer"]}]}
        resource = {
            "resourceType": "QuestionnaireResponse",
            "id": self.id(name),
            "questionnaire": canonical,
            "status": "completed",
            "subject": {"reference": f"Patient/{patient}"},
            "authored": _time(self.weeks_ago(weeks) + timedelta(minutes=55)),
            "item": [*items, remark],
        }
        return resource | elements

    def srs(self, name: str, patient: str, total: float, weeks: float, **elements: Any) -> Json:
        """A Session Rating Scale with this total (0-40, one decimal), not yet stored."""
        return self.form(name, patient, f"{SRS}|1.0", srs_items(total), weeks, **elements)

    def wai(self, name: str, patient: str, answers: Sequence[int | None], weeks: float, **elements: Any) -> Json:
        """A WAI-SR with these twelve answers (None: left out), not yet stored."""
        return self.form(name, patient, WAI, wai_items(answers), weeks, **elements)

    def course(self, patient: str, practitioner: str, totals: Sequence[float], *, last: float = 0) -> list[str]:
        """Weekly sessions with an SRS each, the last one `last` weeks back; ids of the responses, oldest first."""
        made = []
        for back, total in zip(range(len(totals) - 1, -1, -1), totals, strict=True):
            weeks = last + back
            number = f"{patient.removeprefix(self.tag)}-{round((60 - weeks) * 10)}".strip("-")
            encounter = self.encounter(f"enc-{number}", patient, practitioner, weeks)
            response = self.srs(
                f"qr-{number}", patient, total, weeks, encounter={"reference": f"Encounter/{encounter}"}
            )
            self.ehr.put(response)
            made.append(response["id"])
        return made


def wai_items(answers: Sequence[int | None]) -> list[Json]:
    """Items 1..n; a text beside each, and none for a missing answer."""
    return [
        {"linkId": str(n), "text": PLANTED["free text of a form"]} | ({"answer": [{"valueInteger": a}]} if a else {})
        for n, a in enumerate(answers, 1)
    ]


def srs_items(total: float) -> list[Json]:
    """Four visual analogue items on the 0.1 grid that add up to `total`; each carries the planted tail."""
    tenths = round(total * 10)
    shares = [tenths // 4 + (n < tenths % 4) for n in range(4)]
    answers = [round(share / 10 + TAIL, 14) for share in shares]
    return [{"linkId": str(n), "answer": [{"valueDecimal": answer}]} for n, answer in enumerate(answers, 1)]


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
