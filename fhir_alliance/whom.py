"""Whom one pass over an endpoint reads: who has changed, who is unfinished, and about whom somebody else has spoken."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo

from .apply import Applier
from .changes import Mode, across
from .config import Settings
from .due import who_is_due
from .fhir.capability import Capability
from .fhir.http import FhirClient
from .listening import Listening
from .merges import Merges
from .rows import ReadRows
from .stated_totals import StatedTotals
from .store.answers import Answers
from .store.store import Store, unstamp

SERIES_GAP = timedelta(days=90)


@dataclass(slots=True)
class Whom:
    """The answer for one endpoint.

    fingerprint  of the settings that decide scores and strains
    zone         of the clinicians' days
    everybody    why everybody of the roster is read, or None
    rows         what this pass has read
    seen         type → newest meta.lastUpdated that a search saw
    why          how was asked, for the operator
    """

    client: FhirClient
    store: Store
    answers: Answers
    applier: Applier
    settings: Settings
    capability: Capability
    mode: Mode
    fingerprint: str
    zone: tzinfo
    now: datetime
    server_now: datetime
    rows: ReadRows
    everybody: str | None = None
    seen: dict[str, datetime] = field(default_factory=dict)
    why: dict[str, object] = field(default_factory=dict)

    def due(self, roster: Collection[str], *, retry: bool) -> set[str]:
        """Patients of the whole roster to read now, as far as their own data and our work tell."""
        found = who_is_due(
            self.client, self.store, self.settings, roster, self.mode, self.fingerprint, self.now, self.server_now
        )
        self.everybody, self.seen = found.everybody, found.newest
        self.why["everybody"] = found.everybody
        self.rows.add(found.nobodys)  # everybody is read for these, once
        due = found.patients
        due |= self.applier.ledger.unfinished_patients([t for t in self.applier.sinks if self.applier.may_write(t)])
        due |= set(self.store.silent_since(self.now - SERIES_GAP))
        if self.settings.alerts.missed_sessions:
            due |= self.answers.open_alerts()
        due |= set(self.store.patients_of(found.responses).values())
        return set(roster) if retry else due & set(roster)

    def merged(self, roster: Collection[str], due: Collection[str]) -> dict[str, str]:
        """Patients who were merged since we last asked → into whom.

        Asked about are those who are read, and others in therapy: whose alerts may stand, or forms come, under an id
        that is not used any more. The rest are when they are read.
        """
        active = self.store.seen_since(self.now - self.settings.read.look_back) | self.answers.standing_alerts()
        few = len(roster) <= self.settings.read.quiet_from
        known = self.store.merged()
        merges = Merges(self.client, self.settings.read)
        merges.look(self.capability, {p for p in roster if (few or p in due or p in active) and p not in known})
        self.why["merges"] = merges.why
        return merges.found

    def answered(self, roster: Collection[str], due: Collection[str], *, everything: bool, only: bool) -> set[str]:
        """Hear what clinicians answered; patients about whom that changes what is to be done."""
        listening = Listening(
            self.client,
            self.store,
            self.answers,
            self.applier.report,
            self.settings.read,
            self.zone,
            f"{self.settings.namespace}/alert",
            self.now,
            self.server_now,
            frozenset(roster),
            self.settings.alerts.close_on_repair,
        )
        listening.listen(self.capability, due, everything=everything, only=only)
        self.applier.quiet = listening.quiet
        self.seen.update(listening.newest)
        self.why["answers"] = listening.why
        return (listening.concerned | self.answers.awaken(self.now)) & set(roster)

    def told_elsewhere(self, stated: StatedTotals, due: Collection[str], *, one: bool) -> set[str]:
        """Patients about whom somebody else stated a total since the last pass, where one search may ask for them.

        one  the pass is about one patient
        """
        before = self.store.checkpoint("watermark:Observation") or self.store.checkpoint("full")
        one_search = self.mode == "watermark" and across(self.settings) and not (self.everybody or one)
        if due or one_search:
            stated.look(self.capability, self.applier.ledger.totals(), self.store.instruments())
        self.why["stated_totals"] = stated.why
        if not (stated.asking and one_search and before):
            return set()
        since = unstamp(before) - self.settings.read.overlap
        patients, newest = stated.changed(since, self.server_now, self.store.read_rows())
        self.seen.update(newest)
        return patients
