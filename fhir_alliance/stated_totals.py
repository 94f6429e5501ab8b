"""Totals that somebody else states in the EHR, in Observations with our code, or the SNOMED CT code of the total,
derived from a response that we score.

They are compared with ours, which is written whatever they say (`decisions.md` 7.6). Hardly any site has such
Observations, so nobody is asked about patient by patient before a count has shown that there are more than we wrote.
Trouble with this costs the comparison and never the pass.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from .changes import from_then
from .config import DEFAULT_NAMESPACE, Settings
from .errors import EHRError
from .fhir.capability import Capability
from .fhir.content import object_of
from .fhir.http import FhirClient
from .fhir.pages import NotBundle, read_page
from .fhir.references import local
from .fhir.rules import Rules
from .fhir.search import Found, search
from .fhir.stated import DIFFERS, Stated, beside, snomed_totals, stated_by
from .instruments.snomed import SYSTEM as SNOMED
from .lookup import is_ours, subject_of
from .model import Assessment, Reading
from .reading import last_updated, newer
from .rows import ReadRows, Row, row

MOST_INSTRUMENTS = 10
"""In one search: an address of several kilobytes is refused by some."""

Json = dict[str, Any]
T = TypeVar("T")


class StatedTotals:
    """Looks for them at one endpoint, where it is worth while. Safe to use from several threads.

    asking  is there anything to be looked for, patient by patient?
    why     the reason, for the operator
    """

    def __init__(self, client: FhirClient, settings: Settings, rules: Rules, rows: ReadRows):
        self.rows = rows
        self.client, self.read, self.rules = client, settings.read, rules
        self.namespaces = sorted({DEFAULT_NAMESPACE, rules.namespace})
        self.asking, self.why = False, "nobody to be compared"
        self._counted: list[str] = []
        self._lost = False
        """The EHR failed us once: it is not asked again in this pass, so that its trouble costs one request."""

    def look(self, capability: Capability, ours: int, instruments: Collection[str]) -> None:
        """Decide whether to ask.

        ours         how many Observations of totals we know to be there because we wrote them
        instruments  those seen here so far: their totals are counted (none yet: those of all). Whoever states the
                     total of a new one is noticed in the next pass
        """
        wish, self._counted = self.read.stated_totals, sorted(instruments or self.rules.instruments)
        if wish == "never":
            self.why = "read.stated_totals = never"
        elif wish == "always":
            self.asking, self.why = True, "read.stated_totals = always"
        elif capability.search_param("Observation", "code") is False:
            self.why = "Observation cannot be searched by code"
        elif (found := self._count()) is None:
            self.why = "the EHR does not count Observations by code"
        else:
            self.asking, self.why = found > ours, f"{found} totals, {ours} ours"

    def _count(self) -> int | None:
        """How many totals the EHR holds, of whoever; None when it does not say."""
        count = 0
        for codes in self._groups():
            url = self.client.url("Observation", [("code", codes), ("_summary", "count")])
            try:
                _, page = self.client.fetch(url, None, read_page, of=("Observation", "search"))
            except (EHRError, NotBundle):
                return None
            if page.total is None:
                return None
            count += page.total
        return count

    def _groups(self) -> Iterator[str]:
        """What to search for, in parts. All codes of an instrument are in one: an Observation may carry several."""
        for start in range(0, len(self._counted), MOST_INSTRUMENTS):
            yield self._codes(self._counted[start : start + MOST_INSTRUMENTS])

    def _codes(self, instruments: Iterable[str]) -> str:
        """The totals of these instruments, as the value of a token search."""
        ids = sorted(set(instruments) & set(self.rules.instruments))
        tokens = [f"{ns}/CodeSystem/alliance-score|{id}-total" for ns in self.namespaces for id in ids]
        tokens += [f"{SNOMED}|{code}" for code in self._snomed(ids)]
        return ",".join(tokens)

    def _snomed(self, instruments: Iterable[str]) -> dict[str, str]:
        return snomed_totals(self.rules.instruments[id] for id in instruments)

    # -- whose

    def changed(
        self, since: datetime, server_now: datetime, read: Mapping[tuple[str, str], str]
    ) -> tuple[set[str], dict[str, datetime]]:
        """Patients about whom somebody else stated a total since, by a search over everybody; and the newest stamp.

        read  (type, id) → the version that was read already
        """
        patients: set[str] = set()
        newest: dict[str, datetime] = {}

        def take(raw: bytes) -> None:
            newer(newest, "Observation", last_updated(raw), server_now)
            resource, this = object_of(raw) or {}, row("Observation", raw)
            who = subject_of(resource, self.client.bases)
            if this and read.get((this.type, this.id)) == this.version:
                return
            if who and not self._ours(resource):
                patients.add(who)

        try:
            for codes in self._groups():
                self._search([("code", codes), ("_lastUpdated", from_then(since, self.read))], take)
        except EHRError:
            return patients, {}  # the next pass asks again from where this one began
        return patients, newest

    # -- what

    def compared(self, patient: str, readings: Sequence[Reading]) -> tuple[list[Reading], int | None]:
        """A patient's readings beside the totals that others state for them, and how many Observations were read for
        that; None where these cannot be had."""
        scored = {r.id: r for r in readings if r.id and r.scores and r.instrument}
        if not self.asking or not scored:
            return list(readings), 0
        if self._lost:
            return list(readings), None
        instruments = {r.instrument for r in scored.values() if r.instrument}
        snomed = self._snomed(instruments)
        found: dict[str, list[float]] = {}

        def take(raw: bytes) -> tuple[tuple[str, float] | None, Row | None] | None:
            resource = object_of(raw) or {}
            if subject_of(resource, self.client.bases) != patient:
                return None
            return self._stated(resource, scored, snomed), row("Observation", raw, patient)

        params = [
            ("patient", patient.removeprefix("Patient/")),
            ("code", self._codes(instruments)),
        ]
        try:
            walked = self._search(params, take)
        except EHRError:
            self._lost = True
            return list(readings), None
        self.rows.add(this for _, this in walked.items)
        for response, number in (stated for stated, _ in walked.items if stated):
            found.setdefault(response, []).append(number)
        return [beside(r, found.get(r.id or "", ())) for r in readings], walked.distinct

    def _stated(
        self, resource: Json, scored: Mapping[str, Reading], snomed: Mapping[str, str]
    ) -> tuple[str, float] | None:
        """Response and number of a patient's Observation, if it is what was asked for (rule R7) and not our own."""
        stated: Stated | None = stated_by(resource, self.namespaces, snomed)
        if stated is None or self._ours(resource):
            return None
        response = (local(stated.response, "QuestionnaireResponse", self.client.bases) or "").rpartition("/")[2]
        reading = scored.get(response)
        return (response, stated.number) if reading and reading.instrument == stated.instrument else None

    def _ours(self, resource: Json) -> bool:
        return any(is_ours(resource, f"{ns}/score", None, "", self.client.bases) for ns in self.namespaces)

    def _search(self, params: list[tuple[str, str]], take: Callable[[bytes], T | None]) -> Found[T]:
        size, cap = self.read.page_size, self.read.page_cap
        return search(self.client, "Observation", params, take=take, page_size=size, page_cap=cap)


def carried(readings: Iterable[Reading], stored: Iterable[Assessment]) -> list[Reading]:
    """The readings with the disagreements that were known before, where the EHR could not be asked this time."""
    known = {(a.response, a.content): total for a in stored if (total := a.score("total")) and DIFFERS in total.flags}

    def one(reading: Reading) -> Reading:
        before = known.get((reading.id or "", reading.content))
        return beside(reading, [before.stated]) if before and before.stated is not None else reading

    return [one(reading) for reading in readings]
