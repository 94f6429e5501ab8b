"""May anything be told about a patient now? Asked of the EHR right before something would be (clinical specification
2.6, limits): nothing is pushed when care is closed, or when a consent that the site wants is absent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from .config import Alerts, Read
from .errors import Forbidden, NotFound, Refused
from .fhir.content import object_of
from .fhir.http import FhirClient
from .fhir.permission import care_status, closed, permits
from .fhir.search import search
from .report import RunReport

CARE: Mapping[str, str] = {"episodes": "EpisodeOfCare", "careteam": "CareTeam"}
"""What tells that care is closed, by the setting alerts.closed_care."""
CLOSED = "care is closed"
NO_CONSENT = "no consent that permits it"
UNREADABLE = "whether it is permitted could not be read"

T = TypeVar("T")


@dataclass(slots=True)
class Permission:
    """One endpoint's, in one pass. `refused`: types that the EHR does not let us read."""

    client: FhirClient
    alerts: Alerts
    read: Read
    report: RunReport
    now: datetime
    refused: set[str] = field(default_factory=set)

    @property
    def wanted(self) -> bool:
        """Does the site want anything asked?"""
        return bool(self.alerts.consent) or self.alerts.closed_care != "none"

    def barred(self, patient: str) -> str:
        """Why nothing may be told about a patient, or "". What cannot be read permits nothing.

        Raises what a search raises, other than a refusal.
        """
        client, code = self.client, self.alerts.consent
        if self.alerts.closed_care != "none":
            statuses = self._all(
                CARE[self.alerts.closed_care], patient, lambda r: care_status(r, patient, client.bases)
            )
            if statuses is None or closed(statuses):
                return UNREADABLE if statuses is None else CLOSED
        if code:
            said = self._all("Consent", patient, lambda r: permits(r, patient, code, self.now, client.bases))
            if said is None or not said or not all(said):
                return UNREADABLE if said is None else NO_CONSENT
        return ""

    def _all(self, type: str, patient: str, meaning: Callable[[Mapping[str, Any]], T | None]) -> list[T] | None:
        """What each resource of a patient says, None where the EHR refuses."""
        if type in self.refused:
            return None
        read, params = self.read, [("patient", patient.removeprefix("Patient/"))]

        def take(raw: bytes) -> tuple[T] | None:
            said = meaning(object_of(raw) or {})
            return None if said is None else (said,)  # a search leaves out what is None, and "no" must stay

        try:
            found = search(self.client, type, params, take=take, page_size=read.page_size, page_cap=read.page_cap)
        except (Forbidden, NotFound, Refused):
            self.refused.add(type)
            self.report.say(f"the EHR does not let us read {type}; without it no alert is raised or followed")
            return None
        self.report.read[type] += found.distinct
        return [said for (said,) in found.items]
