"""Patients who were merged into others since (`fhir.md` 1.6): asked about before anybody is read.

Their own forms do not tell it: these are the survivor's then, and no search about the merged patient gives them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from .config import Read
from .errors import EHRError, Incomplete
from .fhir.capability import Capability
from .fhir.content import object_of
from .fhir.http import FhirClient
from .fhir.search import search
from .lookup import replaced_by

BATCH = 50
"""Ids in one search: an address of several kilobytes is refused by some."""
SMALL_PAGE = 10
"""No server is expected to give fewer at once. One that ignores `_id` would give all its patients, page by page."""


@dataclass(slots=True)
class Merges:
    """What one pass asks.

    found  merged patient → into whom
    why    how it was asked, for the operator. Trouble costs the answer, never the pass
    """

    client: FhirClient
    read: Read
    found: dict[str, str] = field(default_factory=dict)
    why: str = "nobody to be asked about"

    def look(self, capability: Capability, patients: Collection[str]) -> None:
        """Ask about these ("Patient/id")."""
        if capability.corrected("Patient", "search._id") and not capability.search_param("Patient", "_id"):
            self.why = "Patient cannot be searched by _id"
            return
        wanted = {patient.removeprefix("Patient/") for patient in patients}
        ids = sorted(wanted)
        for some in (ids[start : start + BATCH] for start in range(0, len(ids), BATCH)):
            if why := self._ask(some, wanted):
                self.why = why
                return
        if wanted:
            self.why = f"asked about {len(wanted)} of the cohort"

    def _ask(self, ids: Collection[str], wanted: Collection[str]) -> str:
        """One search. Why there should not be another, else "". Each result speaks for itself, whatever else came."""
        ignored = False

        def take(raw: bytes) -> None:
            nonlocal ignored
            resource: dict[str, Any] = object_of(raw) or {}
            id = resource.get("id")
            ignored |= id not in ids
            into = replaced_by(resource, self.client.bases)
            if id in wanted and into not in (None, f"Patient/{id}"):
                self.found[f"Patient/{id}"] = str(into)

        size = self.read.page_size
        pages = -(-len(ids) // min(size, SMALL_PAGE)) + 1
        params = [("_id", ",".join(ids)), ("_elements", "id,meta,active,link")]
        try:
            search(self.client, "Patient", params, take=take, page_size=size, page_cap=pages)
        except Incomplete as error:
            return "the EHR ignores _id" if ignored else str(error)
        except EHRError as error:
            return f"the EHR did not tell ({error.status or type(error).__name__})"
        return "the EHR ignores _id" if ignored else ""
