"""The patients of one pass, one after the other: decide, record, write, and remember who is finished."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from . import faults
from .answers import Heard
from .apply import Applier
from .audit import Audit
from .audit_events import TYPE as AUDIT_EVENT
from .audit_events import AuditEvents
from .corroboration import Missed, corroborable
from .decide import ALERTS, Decision, Evidence, Rulebook, decide
from .errors import EHRError, Unauthorised, bug
from .log import log
from .lookup import merged_into
from .missing import MissedSessions
from .permission import Permission
from .plan import Action, Op
from .provenance import TYPE as PROVENANCE
from .provenance import plan_provenance
from .read_ahead import read_ahead
from .reading import PatientReader, PatientRecord, newer
from .stated_totals import carried
from .store.answers import Answers
from .store.missed import keep_missed, missed_by
from .store.store import Store
from .tally import tally

Progress = Callable[[int, int], None]


@dataclass(slots=True)
class Patients:
    """The work on patients of one endpoint in one pass.

    patience  patients in a row that fail because of the EHR before the pass is ended
    width     how many are read at the same time
    missed    where sessions that clients missed are looked at
    permission  may anything be told about a patient at all?
    newest    type → newest meta.lastUpdated that was seen
    deferred  what calls a clinician, planned, with its row of the ledger: it waits until everybody was looked at
    decided   who was looked at
    """

    store: Store
    answers: Answers
    applier: Applier
    rules: Rulebook
    stop: threading.Event
    now: datetime
    patience: int
    width: int
    missed: MissedSessions | None
    permission: Permission
    audit: Audit | None
    events: AuditEvents | None
    newest: dict[str, datetime] = field(default_factory=dict)
    deferred: list[tuple[Action, int]] = field(default_factory=list)
    decided: set[str] = field(default_factory=set)

    def work(self, reader: PatientReader, due: Sequence[str], progress: Progress | None) -> None:
        """Everybody who is due. One patient's trouble costs that patient; WriteCap and SafetyError end the pass."""
        report, failed = self.applier.report, 0
        for done, record in enumerate(read_ahead(reader, self.store, due, self.width)):
            if progress:
                progress(done, len(due))
            try:
                if isinstance(record, Exception):
                    raise record
                self._one(record)
                failed = 0
            except EHRError as error:
                failed += 1
                report.patients["incomplete"] += 1
                report.say(str(error))
                log("patient.incomplete", "warning", error=type(error).__name__, status=error.status)
                if isinstance(error, Unauthorised) or failed >= self.patience:
                    report.ehr_failed = True
                    return
            except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
                # A bug of ours that some datum brought out costs that patient, not the pass.
                report.patients["incomplete"] += 1
                report.say(f"a bug kept one patient from being finished ({bug(error)}); please report it")
                log("patient.incomplete", "error", error=type(error).__name__)
            if self.stop.is_set():
                report.stopped_early = True
                return
        if progress:
            progress(len(due), len(due))

    def _one(self, record: PatientRecord) -> None:
        """Decide about one patient, record it, and write."""
        patient, ledger, report = record.patient, self.applier.ledger, self.applier.report
        if self.audit:
            self.audit.read(self.applier.clock(), patient, record.counts)
        if self.events:
            self.events.read(self.applier.clock(), patient)
        known = ledger.known(patient, [r.id for r in record.readings if r.id])
        stored = self.store.assessments(patient)
        readings = record.readings if record.compared else carried(record.readings, stored)
        heard = Heard(self.answers.of(patient), frozenset(w.key for w in self.answers.waiting(patient)))
        gone = record.vanished, record.moved
        evidence = Evidence(readings, record.around, *gone, stored, known, heard, self._missed(patient))
        decision = self._permitted(patient, *self._corroborated(patient, decide(evidence, self.rules), evidence))
        report.quarantine_new += self.store.record(
            patient, decision.assessments, decision.aside, decision.stays, self.now
        )
        tally(report, record, decision, self.rules.instruments)
        rows = ledger.plan(patient, decision.actions, self.now)
        faults.reached("planned")
        self.decided.add(patient)
        settled = all(k.standing != "unknown" for k in known)
        for action in decision.actions:
            row = rows[action.type, action.key]
            if action.push:
                self.deferred.append((action, row))
                settled = settled and not self.applier.may_write(action.type)
            else:
                settled &= self.applier.apply(action, row)
        report.patients["completed"] += 1
        for type, seen in record.newest.items():
            newer(self.newest, type, seen, seen)
        survivor = record.survivor
        if patient in self.applier.turned_down:
            survivor = survivor or merged_into(self.applier.client, patient)
        if survivor:
            self.store.merge(patient, survivor)
        if settled:
            self.complete(patient)
            faults.reached("checkpoint")

    def _missed(self, patient: str) -> list[Missed]:
        """Missed sessions as they were read before, where the site wants them looked at."""
        return missed_by(self.store.engine, self.store.base, patient) if self.missed else []

    def _corroborated(self, patient: str, decision: Decision, evidence: Evidence) -> tuple[Decision, Evidence]:
        """Once more, with the sessions that the client has missed since an open strain began."""
        since = min((s.episode.onset.at for s in decision.strains if corroborable(s)), default=None)
        if self.missed is None or since is None or (missed := self.missed.of(patient, since)) is None:
            return decision, evidence
        keep_missed(self.store.engine, self.store.base, patient, missed)
        evidence = replace(evidence, missed=missed)
        return decide(evidence, self.rules), evidence

    def _permitted(self, patient: str, decision: Decision, evidence: Evidence) -> Decision:
        """Once more, if something would be told that may not be. Nobody is asked about of whom nothing is."""
        tells = any(a.type in ALERTS and a.op is not Op.RETRACT for a in decision.actions)
        if not (tells and self.permission.wanted) or not (barred := self.permission.barred(patient)):
            return decision
        return decide(replace(evidence, barred=barred), self.rules)

    def complete(self, patient: str) -> None:
        """Everything about a patient is settled: account for it, then remember that."""
        applier = self.applier
        if applier.dry_run:
            return
        if applier.may_write(PROVENANCE) and (action := plan_provenance(patient, applier.ledger.known(patient))):
            row = applier.ledger.plan(patient, [action], self.now, keep=True)[action.type, action.key]
            applier.apply(action, row)
        self.store.completed(patient, self.now)
        if self.events and applier.may_write(AUDIT_EVENT):
            self.events.flush(applier.frame)
