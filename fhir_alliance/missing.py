"""Reading the sessions that clients with an open strain have missed: where the site wants it and the EHR allows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .config import Read
from .corroboration import Missed
from .errors import Forbidden, NotFound, Refused
from .fhir.content import object_of
from .fhir.missed import NotHeld, not_held
from .fhir.search import search
from .reading import PatientReader
from .report import RunReport


@dataclass(slots=True)
class MissedSessions:
    """Appointments of one endpoint, in one pass. `refused`: the EHR does not let us read them."""

    reader: PatientReader
    report: RunReport
    read: Read
    now: datetime
    refused: bool = False

    def of(self, patient: str, since: datetime) -> list[Missed] | None:
        """Missed sessions of a patient since then, one for each practitioner that the Appointment names; None where
        they cannot be had. Raises what a search raises, other than a refusal."""
        if self.refused:
            return None
        client, read = self.reader.client, self.read

        def take(raw: bytes) -> NotHeld | None:
            return not_held(object_of(raw) or {}, patient, client.bases, self.now)

        params = [("patient", patient.removeprefix("Patient/")), ("date", f"ge{since:%Y-%m-%d}")]
        try:
            found = search(client, "Appointment", params, take=take, page_size=read.page_size, page_cap=read.page_cap)
        except (Forbidden, NotFound, Refused):
            self.refused = True
            self.report.say("the EHR does not let us read Appointments; missed sessions raise no alert's priority")
            return None
        self.report.read["Appointment"] += found.distinct
        return [
            Missed(one.at, f"Appointment/{one.id}", patient, who, one.how)
            for one in found.items
            for who in sorted({self._resolved(p) for p in one.practitioners} - {""})
        ]

    def _resolved(self, practitioner: str) -> str:
        if practitioner.startswith("PractitionerRole/"):
            return self.reader.role(practitioner) or ""
        return practitioner
