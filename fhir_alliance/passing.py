"""One pass over one endpoint: the loop itself."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Engine

from . import __version__, faults
from .apply import Applier, Guard, WriteCap
from .audit import Audit
from .audit_events import TYPE as AUDIT_EVENT
from .audit_events import AuditEvents
from .changes import across
from .cohort import cohort, guard_shrink
from .config import Settings
from .copies import SHOWN_TO_PEOPLE, withdraw_copies
from .decide import Decision, Evidence, decide
from .due import choose_mode, moved_watermarks, who_is_due
from .errors import ConfigError, EHRError, SafetyError, Unauthorised, bug
from .fhir.capability import probe
from .fhir.http import Exchange, FhirClient
from .fhir.inbound import rules as reading_rules
from .fhir.needs import needs
from .fhir.stated import disagreement
from .instruments.cautions import unverified
from .keys import Keys
from .log import log
from .outcomes import find_out
from .plan import Action, Op
from .provenance import TYPE as PROVENANCE
from .provenance import plan_provenance
from .reading import PatientReader, PatientRecord, newer
from .report import RunReport
from .rulebook import rulebook
from .sinks import Frame, sinks
from .sinks.device import DeviceContent
from .stated_totals import StatedTotals, carried
from .store.ledger import Ledger
from .store.store import Store, meta_value, stamp, unstamp

SERIES_GAP = timedelta(days=90)
SHARE_FROM = 20
LOOKED = "copies"
"""Checkpoint: until when we looked for copies of what was created."""
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
        self.audit = audit
        self.events: AuditEvents | None = None
        told = partial(self._told, audit) if audit else None
        self.ledger = Ledger(engine, endpoint.base_url, report.run, told)
        self.rules = rulebook(settings, Keys(endpoint.base_url, secret), self.now)
        self.guard = guard
        self.fingerprint = ""
        self.max_writes = settings.write.max_per_run
        self.newest: dict[str, datetime] = {}
        self.deferred: list[tuple[Action, int]] = []

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
        return cohort(
            self.client, self.settings.cohort, self.settings.read, self.settings.root, self.now, self.store.merged()
        )

    # -- the pass

    def run(self, *, patient: str | None, retry: bool, progress: Callable[[int, int], None] | None) -> None:
        """Read, plan, write, then move the checkpoints. EHRError when not even the roster can be had."""
        if (stopped := self.store.checkpoint(STOPPED)) and not self.report.dry_run:
            raise SafetyError(
                f"everything was withdrawn at {stopped:.16}; to begin again: fhir-alliance withdraw --resume"
            )
        server_now = self.prepare()
        self.client.require()
        roster = self._roster(patient)
        if retry:
            self.store.tell_again(roster)
            self.ledger.try_again()
        unknown = set() if self.report.dry_run else find_out(self.applier, self.settings.write.reconcile_after)
        self._device()
        due, seen, everybody = self._due(roster, patient, retry, server_now)
        due |= {p for p in unknown if p in roster}
        rules = reading_rules(self.settings, self.name, now=self.now, require_id=True)
        stated = StatedTotals(self.client, self.settings, rules)
        due |= self._told_elsewhere(stated, due, seen, server_now, everybody or patient) & set(roster)
        self.report.patients["cohort"] += len(roster)
        self.report.patients["due"] += len(due)
        log("patients.due", due=len(due), cohort=len(roster), everybody=bool(everybody))
        self.store.mark_due(due)
        reader = PatientReader(self.client, self.settings, rules, server_now, stated.compared)
        try:
            self._patients(reader, sorted(due), progress)
            if not (self.stop.is_set() or self.report.ehr_failed):
                self._push()
                self._look_for_copies()
        except WriteCap:
            self.report.stopped_early = True
            self.report.say(f"wrote {self.applier.sent} resources, the most for one pass; the rest stays planned")
        except SafetyError as error:
            self.report.safety_stop = True
            self.report.say(str(error))
        if self.events:
            self.events.flush(self.applier.frame)
        # Whoever is not finished is stored as due, so the watermarks may move past them.
        if patient is None and not self.report.dry_run:
            self._checkpoints(roster, seen, bool(everybody))

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

    def _device(self) -> None:
        """File ourselves as a Device where the site wants that; what we write then refers to it."""
        if not self.applier.may_write("Device"):
            return
        content = DeviceContent(meta_value(self.store.engine, "install") or "", __version__)
        known = next((k for k in self.ledger.known("") if k.type == "Device" and k.key == content.key), None)
        if known is None or (known.standing == "written" and known.fingerprint != content.fingerprint):
            action = Action(Op.UPDATE if known else Op.CREATE, "Device", content.key, "", content, known)
            self.applier.apply(action, self.ledger.plan("", [action], self.now)["Device", content.key])
        refs = [k.resource_id for k in self.ledger.known("") if k.type == "Device" and k.standing == "written"]
        self.applier.frame = replace(self.applier.frame, device=f"Device/{refs[0]}" if refs else "")

    def _roster(self, patient: str | None) -> list[str]:
        roster = self.roster()
        if patient is None:
            guard_shrink(int(self.store.checkpoint("roster") or 0), len(roster), self.settings.cohort.max_shrink)
            return roster
        wanted = f"Patient/{patient.removeprefix('Patient/')}"
        if wanted not in roster:
            raise ConfigError("that patient is not in the cohort (or is excluded)")
        return [wanted]

    def _due(
        self, roster: list[str], patient: str | None, retry: bool, server_now: datetime
    ) -> tuple[set[str], dict[str, datetime], str | None]:
        if patient is not None:
            return set(roster), {}, None
        found = who_is_due(
            self.client, self.store, self.settings, roster, self.mode, self.fingerprint, self.now, server_now
        )
        self.report.endpoints[self.name]["everybody"] = found.everybody
        due = found.patients
        due |= self.ledger.unfinished_patients([t for t in self.applier.sinks if self.applier.may_write(t)])
        due |= set(self.store.silent_since(self.now - SERIES_GAP))
        due |= set(self.store.patients_of(found.responses).values())
        if retry:
            due = set(roster)
        return due & set(roster), found.newest, found.everybody

    def _told_elsewhere(
        self,
        stated: StatedTotals,
        due: set[str],
        seen: dict[str, datetime],
        server_now: datetime,
        everybody: str | None,
    ) -> set[str]:
        """Patients about whom somebody else stated a total since the last pass, where one search may ask for them."""
        before = self.store.checkpoint("watermark:Observation") or self.store.checkpoint("full")
        one_search = self.mode == "watermark" and across(self.settings) and not everybody
        if due or one_search:
            stated.look(self.capability, self.ledger.totals(), self.store.instruments())
        self.report.endpoints[self.name]["stated_totals"] = stated.why
        if not (stated.asking and one_search and before):
            return set()
        patients, newest = stated.changed(unstamp(before) - self.settings.read.overlap, server_now)
        seen.update(newest)
        return patients

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
        )

    # -- patients

    def _patients(self, reader: PatientReader, due: list[str], progress: Callable[[int, int], None] | None) -> None:
        failed = 0
        for done, record in enumerate(self._read_ahead(reader, due)):
            if progress:
                progress(done, len(due))
            try:
                if isinstance(record, Exception):
                    raise record
                self._patient(record)
                failed = 0
            except EHRError as error:
                failed += 1
                self.report.patients["incomplete"] += 1
                self.report.say(str(error))
                log("patient.incomplete", "warning", error=type(error).__name__, status=error.status)
                if isinstance(error, Unauthorised) or failed >= self._patience():
                    self.report.ehr_failed = True
                    return
            except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
                # A bug of ours that some datum brought out costs that patient, not the pass.
                self.report.patients["incomplete"] += 1
                self.report.say(f"a bug kept one patient from being finished ({bug(error)}); please report it")
                log("patient.incomplete", "error", error=type(error).__name__)
            if self.stop.is_set():
                self.report.stopped_early = True
                return
        if progress:
            progress(len(due), len(due))

    def _patience(self) -> int:
        return self.settings.endpoint[self.name].http.give_up_after

    def _read_ahead(self, reader: PatientReader, due: list[str]) -> Iterator[PatientRecord | Exception]:
        """Patients in order, the next few being read while one is worked on."""

        def read(patient: str, known: dict[str, datetime | None]) -> PatientRecord | Exception:
            try:
                return reader.read(patient, known)
            except Exception as error:
                return error

        width = self.settings.read.max_connections
        waiting: deque[Future[PatientRecord | Exception]] = deque()
        with ThreadPoolExecutor(width, thread_name_prefix="read") as pool:
            try:
                for patient in due:
                    known = {a.response: a.updated for a in self.store.assessments(patient)}
                    waiting.append(pool.submit(read, patient, known))
                    if len(waiting) >= width:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()

    def _patient(self, record: PatientRecord) -> None:
        """Decide about one patient, record it, and write."""
        patient = record.patient
        if self.audit:
            self.audit.read(self.clock(), patient, record.counts)
        if self.events:
            self.events.read(self.clock(), patient)
        known = self.ledger.known(patient, [r.id for r in record.readings if r.id])
        stored = self.store.assessments(patient)
        readings = record.readings if record.compared else carried(record.readings, stored)
        decision = decide(Evidence(readings, record.around, record.vanished, record.moved, stored, known), self.rules)
        new, total = self.store.record(patient, decision.assessments, decision.aside, decision.stays, self.now)
        self._count(record, decision)
        self.report.quarantine_new += new
        self.report.quarantine_total += total
        rows = self.ledger.plan(patient, decision.actions, self.now)
        faults.reached("planned")
        settled = all(k.standing != "unknown" for k in known)
        for action in decision.actions:
            row = rows[action.type, action.key]
            if action.push:
                self.deferred.append((action, row))
                settled = settled and not self.applier.may_write(action.type)
            else:
                settled &= self.applier.apply(action, row)
        self.report.patients["completed"] += 1
        for type, stamp_seen in record.newest.items():
            newer(self.newest, type, stamp_seen, stamp_seen)
        if record.survivor:
            self.store.merge(patient, record.survivor)
        if settled:
            self._complete(patient)
            faults.reached("checkpoint")

    def _complete(self, patient: str) -> None:
        """Everything about a patient is settled: account for it, then remember that."""
        if self.report.dry_run:
            return
        if self.applier.may_write(PROVENANCE) and (action := plan_provenance(patient, self.ledger.known(patient))):
            row = self.ledger.plan(patient, [action], self.now, keep=True)[action.type, action.key]
            self.applier.apply(action, row)
        self.store.completed(patient, self.now)
        if self.events:
            self.events.flush(self.applier.frame)

    def _count(self, record: PatientRecord, decision: Decision) -> None:
        placed = decision.placed
        self.report.notices += sum(len(s.notices) for s in decision.stories)
        self.report.episodes.update(str(s.episode.state) for s in decision.strains)
        self.report.silent.update(decision.silent)
        self.report.unfiled.update(decision.unfiled)
        for why in decision.unfiled:
            self.report.say(f"some scores were not filed: {why}")
        self.report.read.update(record.counts)
        self.report.outcomes["scored"] += len(placed.kept)
        self.report.outcomes["superseded"] += len(placed.superseded)
        self.report.disagreements += [line for a in placed.kept if (line := disagreement(a))]
        if not record.compared:
            self.report.say("the EHR did not let us read the totals that others state; the comparison was left out")
        for r in placed.left_out:
            self.report.outcomes[str(r.outcome)] += 1
            self.report.reasons[r.code or "?"] += 1
        for id in {a.instrument for a in placed.kept}:
            if warning := unverified(self.rules.instruments[id]):
                self.report.say(warning)
        if record.survivor:
            self.report.say("a patient was merged into another; from the next pass on that one is read too")
        if record.vanished:
            self.report.reasons["vanished"] += len(record.vanished)
            self.report.say(
                f"{len(record.vanished)} responses that were scored are gone from the EHR; their scores stay"
            )
        if record.foreign:
            self.report.reasons["another-patient"] += record.foreign
            self.report.say("the EHR answered a search by patient with other patients' responses; they were left out")

    # -- pushes and checkpoints

    def _push(self) -> None:
        """New alerts and escalations, all at once, so that the share cap can look at all of them."""
        dyads = {
            (a.patient, getattr(a.content, "practitioner", ""))
            for a, _ in self.deferred
            if self.applier.may_write(a.type)
        }
        total = self._dyads() if dyads else 0
        most = self.settings.write.max_alert_share
        if total >= SHARE_FROM and len(dyads) > most * total:
            raise SafetyError(
                f"{len(dyads)} of {total} dyads would be alerted in this pass, more than write.max_alert_share allows; "
                "no alert was written, scores were; look at `sync --dry-run` before raising it"
            )
        done: dict[str, bool] = {}
        for action, row in self.deferred:
            if isinstance(self.applier.frame.focus, dict):
                self.applier.frame.focus.update(self.ledger.observation_refs(action.patient))
            try:
                ok = self.applier.apply(action, row)
            except EHRError as error:
                ok = False
                self.report.ehr_failed = True
                self.report.say(str(error))
            done[action.patient] = done.get(action.patient, True) and ok
        for patient, ok in done.items():
            if ok:
                self._complete(patient)

    def _look_for_copies(self) -> None:
        """Whoever had something created since we last looked has it once."""
        since = self.store.checkpoint(LOOKED) or ""
        before = stamp(self.clock())
        types = [t for t in SHOWN_TO_PEOPLE if self.applier.may_write(t)]
        for patient, created in sorted(self.ledger.created_since(since, types).items()):
            try:
                number = withdraw_copies(self.applier, patient, created)
            except EHRError as error:
                self.report.say(str(error))
                return  # the next pass looks again
            if number:
                self.store.mark_due([patient])
                self.report.say(f"{number} copies of what we wrote were withdrawn; something sends our requests twice")
        if types:
            self.store.set_checkpoints({LOOKED: before})

    def _dyads(self) -> int:
        """Dyads that could be alerted about."""
        known = self.rules.instruments
        held = [i for i in self.store.instruments() if i in known and known[i].highest_level("client") == 3]
        return self.store.dyads_with_baseline(held)

    def _checkpoints(self, roster: list[str], seen: dict[str, datetime], everybody: bool) -> None:
        for type, at in seen.items():
            newer(self.newest, type, at, at)
        moved = moved_watermarks(self.store, self.newest)
        values = {"roster": str(len(roster)), **moved}
        if everybody:
            values |= {"full": stamp(self.now), "fingerprint": self.fingerprint}
        faults.reached("watermark")
        self.store.set_checkpoints(values)
        for type in ("QuestionnaireResponse", "Encounter"):
            if found := self.store.checkpoint(f"watermark:{type}"):
                self.report.watermark[type] = found


def _trace(exchange: Exchange) -> None:
    log("http.exchange", "debug", **{k: getattr(exchange, k) for k in ("method", "type", "status", "milliseconds")})
