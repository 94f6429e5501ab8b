"""The audit trail's events as FHIR AuditEvents, for an EHR that takes them (`fhir.md` 3.7).

Our own trail is the record, and is kept before anything is sent. These are sent afterwards, once; one that cannot be
filed fails nothing and is not sent again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .errors import EHRError
from .fhir.http import FhirClient
from .fhir.outbound import checked
from .report import RunReport
from .sinks import Frame, Json, fhir_time

TYPE = "AuditEvent"
_TYPES = "http://terminology.hl7.org/CodeSystem/audit-event-type"
_INTERACTIONS = "http://hl7.org/fhir/restful-interaction"
_ENTITIES = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_ROLES = "http://terminology.hl7.org/CodeSystem/object-role"
_OUTCOMES = {"done": "0", "refused": "4", "review": "4", "unknown": "8"}
"""Of a write, by where its row in the ledger came to; a row that only begins is no event."""


class AuditEvents:
    """What was read and written since the last flush."""

    def __init__(self, client: FhirClient, report: RunReport) -> None:
        self._client, self._report = client, report
        self._waiting: deque[Json] = deque()
        self._failed = False

    def read(self, at: datetime, patient: str) -> None:
        """One patient's record was read."""
        self._waiting.append(_event(at, "search-type", "E", "0", patient, None))

    def wrote(self, at: datetime, row: Mapping[str, Any]) -> None:
        """A row of the ledger moved."""
        outcome = _OUTCOMES.get(row["ledger_state"])
        if outcome is None or not row["type"] or row["type"] in {"Webhook", "Log"}:
            return
        made = row["op"] == "create"
        target = f"{row['type']}/{row['resource_id']}" if row["resource_id"] else None
        what = ("create", "C") if made else ("update", "U")
        self._waiting.append(_event(at, *what, outcome, row["patient"], target))

    def flush(self, frame: Frame) -> None:
        """File them; after a failure none is tried any more in this pass."""
        while self._waiting:
            event = self._waiting.popleft()
            if self._failed:
                continue
            me = frame.author()
            event |= {"agent": [{"who": me, "requestor": True}], "source": {"observer": me}}
            try:
                self._client.create(checked(event))
            except (EHRError, ValueError) as error:
                self._failed = True
                self._report.say(f"AuditEvents cannot be filed ({error}); the audit trail has everything")


def _event(at: datetime, interaction: str, action: str, outcome: str, patient: str, target: str | None) -> Json:
    entities = [_entity(patient, "1", "1")] if patient else []
    return {
        "resourceType": "AuditEvent",
        "type": {"system": _TYPES, "code": "rest"},
        "subtype": [{"system": _INTERACTIONS, "code": interaction}],
        "action": action,
        "recorded": fhir_time(at),
        "outcome": outcome,
        "entity": [*entities, *([_entity(target, "2", "4")] if target else [])],
    }


def _entity(reference: str, kind: str, role: str) -> Json:
    """kind: 1 a person, 2 a system object; role: 1 the patient, 4 a domain resource."""
    return {
        "what": {"reference": reference},
        "type": {"system": _ENTITIES, "code": kind},
        "role": {"system": _ROLES, "code": role},
    }
