"""One pass over one endpoint: the loop itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from . import __version__, faults
from .apply import Applier, Guard, WriteCap
from .audit import Audit
from .audit_events import TYPE as AUDIT_EVENT
from .audit_events import AuditEvents
from .changes import TYPES
from .cohort import Called, cohort, guard_shrink
from .config import Settings, Write
from .copies import look_for_copies
from .due import choose_mode, moved_watermarks, name
from .errors import OutsideCohort, SafetyError
from .fhir.capability import probe
from .fhir.http import Exchange, FhirClient
from .fhir.inbound import rules as reading_rules
from .fhir.needs import needs
from .keys import Keys
from .log import log
from .missing import MissedSessions
from .outcomes import find_out
from .own_device import file_device
from .patients import Patients, Progress
from .permission import Permission
from .pushing import push
from .reading import PatientReader, newer
from .report import RunReport
from .rows import ReadRows, reach
from .rulebook import rulebook
from .sinks import Frame, sinks
from .stated_totals import StatedTotals
from .store.answers import Answers
from .store.ledger import Ledger
from .store.store import Store, stamp, unstamp
from .whom import Whom

STOPPED = "stopped"
"""Checkpoint: when the site withdrew everything. No pass runs until it is taken away."""


class EndpointPass:
    """Everything that one pass over one endpoint needs, opened once."""

    def __init__(
        self,
        settings: Settings,
        name: str,
        engine: Engine,
        secret: bytes,
        report: RunReport,
        guard: Guard,
        stop: threading.Event | None,
        clock: Callable[[], datetime],
        audit: Audit | None = None,
    ):
        endpoint = settings.endpoint[name]
        self.settings, self.name, self.report, self.clock = settings, name, report, clock
        self.stop = stop or threading.Event()
        self.now = clock()
        rights = needs(settings, writes=not report.dry_run)
        self.client = FhirClient(endpoint, settings.root, trace=_trace, stop=self.stop, needs=rights)
        self.store = Store(engine, endpoint.base_url)
        self.answers = Answers(engine, endpoint.base_url)
        self.audit = audit
        self.events: AuditEvents | None = None
        told = partial(self._told, audit) if audit else None
        self.ledger = Ledger(engine, endpoint.base_url, report.run, told)
        self.rules = rulebook(settings, Keys(endpoint.base_url, secret), self.now)
        self.guard = guard
        self.fingerprint = ""
        self.max_writes = settings.write.max_per_run
        self.now_allowed: Callable[[], Write] | None = None

    def _told(self, audit: Audit, row: Mapping[str, Any]) -> None:
        audit.wrote(self.clock(), row)
        if self.events:
            self.events.wrote(self.clock(), row)

    def prepare(self) -> datetime:
        """Ask the EHR what it can do; the server's clock. Whoever reads or writes comes here first."""
        server_now = self._probe()
        self.applier = self._applier()
        if self.applier.may_write(AUDIT_EVENT) and self.capability.interaction(AUDIT_EVENT, "create"):
            self.events = AuditEvents(self.client, self.report)
        return server_now

    def roster(self) -> list[str]:
        """The cohort, without the excluded."""
        return self._called().roster(self.store.merged())

    def _called(self) -> Called:
        return cohort(self.client, self.settings.cohort, self.settings.read, self.settings.root, self.now)

    # -- the pass

    def run(self, *, patient: str | None, retry: bool, progress: Progress | None) -> None:
        """Read, plan, write, then move the checkpoints. EHRError when not even the roster can be had."""
        if (stopped := self.store.checkpoint(STOPPED)) and not self.report.dry_run:
            raise SafetyError(
                f"everything was withdrawn at {stopped:.16}; to begin again: fhir-alliance withdraw --resume"
            )
        server_now = self.prepare()
        self.client.require()
        called = self._called()
        roster = self._roster(called, patient)
        if not roster:
            self.report.say("the cohort is empty: nobody is read; look at the [cohort] table of the settings")
        if retry:
            self.store.tell_again(roster)
            self.ledger.try_again()
        unknown = set() if self.report.dry_run else find_out(self.applier, self.settings.write.reconcile_after)
        file_device(self.applier)
        rows = ReadRows(self.settings.read, server_now)
        whom = self._whom(server_now, rows)
        self._tell_watermarks()
        due = set(roster) if patient else whom.due(roster, retry=retry)
        if merges := whom.merged(roster, due):
            # With those into whom others were merged, and without whoever opted out as one of them.
            now = called.roster(self.store.merged() | merges)
            roster = now if patient is None else [p for p in now if p in roster]
            due = (due | {*merges, *merges.values()}) & set(roster)
        due |= {p for p in unknown if p in roster}
        due |= whom.answered(roster, due, everything=bool(whom.everybody) or retry, only=patient is not None)
        rules = reading_rules(self.settings, self.name, now=self.now, require_id=True)
        stated = StatedTotals(self.client, self.settings, rules, rows)
        due |= whom.told_elsewhere(stated, due, one=patient is not None) & set(roster)
        self.report.endpoints[self.name] |= whom.why
        self.report.patients["cohort"] += len(roster)
        self.report.patients["due"] += len(due)
        log("patients.due", due=len(due), cohort=len(roster), everybody=bool(whom.everybody))
        self.store.mark_due(due)
        for merged, survivor in merges.items():  # not earlier: nobody is asked about twice
            self.store.merge(merged, survivor)
        reader = PatientReader(self.client, self.settings, rules, server_now, stated.compared, rows)
        patients = self._patients(reader)
        may_write = [t for t in self.applier.sinks if self.applier.may_write(t)]
        try:
            patients.work(reader, sorted(due), progress)
            if not (self.stop.is_set() or self.report.ehr_failed):
                push(patients, self.settings, whom.zone)
                look_for_copies(self.applier, self.store)
        except WriteCap:
            self.report.stopped_early = True
            self._tell_of_the_rest(len(due) - len(patients.decided))
        except SafetyError as error:
            self.report.safety_stop = True
            self.report.say(str(error))
        if self.events and self.applier.may_write(AUDIT_EVENT):
            self.events.flush(self.applier.frame)
        all_read = set(roster) == due and patient is None and self.report.settled
        reader.strays.settle(self.report, self.store, self.now, everybody=all_read)
        self.report.quarantine_total += self.store.set_aside_count()
        self._tell_switched_off(may_write)
        # Whoever is not finished is stored as due, so the watermarks may move past them.
        if patient is None and not self.report.dry_run:
            for type, at in patients.newest.items():
                newer(whom.seen, type, at, at)
            self._checkpoints(len(called.found), whom.seen, bool(whom.everybody), rows)
            self.store.keep_roster(roster)

    def _tell_switched_off(self, before: list[str]) -> None:
        if off := sorted(t for t in before if not self.applier.may_write(t)):
            self.report.say(f"writing {', '.join(off)} was switched off during this pass; the rest stays planned")

    def _tell_of_the_rest(self, unseen: int) -> None:
        """The cap is reached: what stays planned, and how many patients were not looked at yet."""
        planned = {n: of for n, of in self.ledger.planned().items() if self.applier.may_write(n.partition(".")[0])}
        self.report.planned |= planned
        self.report.say(
            f"wrote {self.applier.sent} resources, the most for one pass; {sum(planned.values())} more stay planned"
            + (f", and {unseen} patients wait for the next pass" if unseen else "")
        )

    def _whom(self, server_now: datetime, rows: ReadRows) -> Whom:
        return Whom(
            self.client,
            self.store,
            self.answers,
            self.applier,
            self.settings,
            self.capability,
            self.mode,
            self.fingerprint,
            ZoneInfo(self.settings.endpoint[self.name].timezone),
            self.now,
            server_now,
            rows,
        )

    def _patients(self, reader: PatientReader) -> Patients:
        asked = self.settings.alerts.missed_sessions and self.capability.interaction("Appointment", "search-type")
        missed = MissedSessions(reader, self.report, self.settings.read, self.now) if asked is not False else None
        return Patients(
            self.store,
            self.answers,
            self.applier,
            self.rules,
            self.stop,
            self.now,
            self.settings.endpoint[self.name].http.give_up_after,
            self.settings.read.max_connections,
            missed,
            Permission(self.client, self.settings.alerts, self.settings.read, self.report, self.now),
            self.audit,
            self.events,
        )

    def _probe(self) -> datetime:
        """Capability, read mode, and the server's clock."""
        endpoint = self.settings.endpoint[self.name]
        self.capability = probe(self.client, endpoint.capability)
        self.mode, why = choose_mode(self.capability, self.settings)
        self.report.endpoints[self.name] = {
            "software": self.capability.software,
            "version": self.capability.version,
            "mode": self.mode,
            "why": why,
        }
        log("endpoint.probed", endpoint=self.name, software=self.capability.software, mode=self.mode)
        # A Date header has whole seconds: all of its second is "now".
        date = self.capability.date and self.capability.date + timedelta(microseconds=999_999)
        return min(date or self.now, self.now + timedelta(days=1))

    def _roster(self, called: Called, patient: str | None) -> list[str]:
        roster = called.roster(self.store.merged())
        if patient is None:
            # By what the source gives: whoever opts out must not keep the others from being read.
            guard_shrink(int(self.store.checkpoint("roster") or 0), len(called.found), self.settings.cohort.max_shrink)
            return roster
        wanted = f"Patient/{patient.removeprefix('Patient/')}"
        if wanted not in roster:
            raise OutsideCohort("that patient is not in the cohort (or is excluded)")
        return [wanted]

    def _applier(self) -> Applier:
        frame = Frame(
            self.settings.namespace,
            self.client.bases,
            self.now,
            __version__,
            due=self.settings.alerts.due,
            close_on_repair=self.settings.alerts.close_on_repair,
            focus={},
        )
        made = sinks(self.settings, self.settings.root)
        return Applier(
            self.client,
            self.ledger,
            made,
            frame,
            self.settings.write,
            self.guard,
            self.report,
            self.clock,
            self.max_writes,
            self.report.dry_run,
            {t for t in made if self.capability.conditional_create(t) is False},
            {t for t in made if self.capability.interaction(t, "update") is False},
            now_allowed=self.now_allowed,
        )

    def _checkpoints(self, found: int, seen: dict[str, datetime], everybody: bool, rows: ReadRows) -> None:
        moved = moved_watermarks(self.store, seen)
        values = {"roster": str(found), **moved}
        if everybody:
            values |= {"full": stamp(self.now), "fingerprint": self.fingerprint}
        faults.reached("watermark")
        if self.mode == "watermark":
            self._keep_rows(rows, moved)
        self.store.set_checkpoints(values)
        self._tell_watermarks()

    def _keep_rows(self, rows: ReadRows, moved: Mapping[str, str]) -> None:
        """Remember what was read and the next searches will bring again."""
        at = {type: moved.get(name(type)) or self.store.checkpoint(name(type)) for type in (*TYPES, "Observation")}
        begins = {type: unstamp(mark) - reach(self.settings.read) for type, mark in at.items() if mark}
        self.store.keep_rows(rows.all(), begins)

    def _tell_watermarks(self) -> None:
        for type in ("QuestionnaireResponse", "Encounter"):
            if found := self.store.checkpoint(f"watermark:{type}"):
                self.report.watermark[type] = found


def _trace(exchange: Exchange) -> None:
    log("http.exchange", "debug", **{k: getattr(exchange, k) for k in ("method", "type", "status", "milliseconds")})
