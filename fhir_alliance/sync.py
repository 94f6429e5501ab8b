"""One pass: read who is due, recompute their dyads, plan, write, and only then move checkpoints."""

from __future__ import annotations

import hashlib
import threading
import time
import uuid
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Engine

from . import __version__, instruments
from .catalogue import files
from .config import Settings, Write, now_utc
from .errors import AllianceError, ConfigError, EHRError, Exit, OutsideCohort, SafetyError
from .log import log
from .opening import opened
from .passing import EndpointPass
from .report import RunReport
from .store.store import last_complete, record_run, stamp

Progress = Callable[[int, int], None]


def settings_fingerprint(settings: Settings, endpoint: str) -> str:
    """Changes when anything that decides scores, dyads or strains does: then everybody is read again."""
    deciding = settings.model_dump_json(
        include={
            "namespace": True,
            "questionnaires": True,
            "licences": True,
            "read": True,
            "alerts": True,
            "detection": True,
            "write": {"inferred_encounter", "security_labels", "scores", "snomed"},
            "endpoint": {endpoint: {"questionnaires", "timezone", "aliases"}},
        }
    )
    keys = instruments.digest(files(settings))
    return hashlib.sha256(f"{__version__} {keys} {deciding}".encode()).hexdigest()


def sync(
    settings: Settings,
    *,
    dry_run: bool = False,
    patient: str | None = None,
    max_writes: int | None = None,
    retry: bool = False,
    stop: threading.Event | None = None,
    progress: Progress | None = None,
    clock: Callable[[], datetime] = now_utc,
    now_allowed: Callable[[], Write] | None = None,
) -> RunReport:
    """One pass over every configured endpoint.

    dry_run     plan and report only: nothing is written, no store is made, no checkpoint moves
    patient     "Patient/id" or id: this one only; ConfigError outside the cohort
    max_writes  overrides write.max_per_run
    retry       read again whoever is in the quarantine, and send refused writes once more
    stop        when set, the current patient is finished and the pass ends
    now_allowed  [write] as it is by now: what it forbids is not sent any more, and stays planned
    Raises ConfigError, LeaseHeld, LeaseLost, SafetyError; EHR trouble is in the report.
    """
    if not settings.endpoint:
        raise ConfigError("no [endpoint.NAME] is configured")
    if settings.write.shadow:
        settings = settings.model_copy(update={"write": settings.write.model_copy(update={"enabled": False})})
    started = time.monotonic()
    report = RunReport(uuid.uuid4().hex[:12], clock(), dry_run, only=patient is not None)
    with opened(settings, report, dry_run=dry_run, clock=clock) as ground:
        log("run.started", run=report.run, dry_run=dry_run)
        if not dry_run:
            record_run(ground.engine, report.run, started=stamp(report.started), complete=False)
        try:
            wrong = []
            for name in settings.endpoint:
                try:
                    one = ground.endpoint(name, stop)
                    one.now_allowed = now_allowed
                    _one_endpoint(one, patient=patient, max_writes=max_writes, retry=retry, progress=progress)
                except ConfigError as error:
                    wrong.append(error)
            _tell(wrong, report, of=len(settings.endpoint))
        except BaseException as error:
            report.failed = error.exit_code if isinstance(error, AllianceError) else Exit.BUG
            raise
        finally:
            _finish(ground.engine, report, clock(), time.monotonic() - started)
    return report


def _one_endpoint(
    one: EndpointPass,
    *,
    patient: str | None,
    max_writes: int | None,
    retry: bool,
    progress: Progress | None,
) -> None:
    """One endpoint's trouble is told and does not keep the others from being read."""
    settings, report = one.settings, one.report
    one.fingerprint = settings_fingerprint(settings, one.name)
    one.max_writes = max_writes or settings.write.max_per_run
    try:
        one.run(patient=patient, retry=retry, progress=progress)
    except SafetyError as error:
        report.safety_stop = True
        report.say(str(error))
    except EHRError as error:
        report.ehr_failed = True
        report.say(str(error))


def _tell(wrong: list[ConfigError], report: RunReport, *, of: int) -> None:
    """What is wrong with all endpoints ends the pass; of several, one must not hide what the others gave."""
    if len(wrong) == of:
        raise wrong[0]
    for error in wrong:
        if not isinstance(error, OutsideCohort):
            report.ehr_failed = True
            report.say(str(error))


def _finish(engine: Engine, report: RunReport, now: datetime, seconds: float) -> None:
    report.finished = now
    report.seconds = seconds
    before = last_complete(engine)
    fresh = report.complete and not report.dry_run
    report.freshness = 0.0 if fresh else (now - before).total_seconds() if before else None
    if not report.dry_run:
        import msgspec

        body = msgspec.json.encode(report.kept()).decode()
        values = {"finished": stamp(now), "exit_code": int(report.exit_code), "complete": report.complete}
        record_run(engine, report.run, started=stamp(report.started), report=body, **values)
    log(
        "run.finished", run=report.run, exit_code=int(report.exit_code), writes=report.writes, seconds=round(seconds, 2)
    )
