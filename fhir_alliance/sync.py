"""One pass: read who is due, recompute their dyads, plan, write, and only then move checkpoints."""

from __future__ import annotations

import hashlib
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine

from . import __version__, instruments
from .audit import Audit, Trail, open_trail, who
from .catalogue import files
from .config import Settings, now_utc
from .errors import ConfigError, EHRError, SafetyError
from .log import log
from .passing import EndpointPass
from .report import RunReport
from .store.database import alert_secret, copy_engine, open_engine
from .store.lease import Lease
from .store.store import last_complete, meta_value, record_run, set_meta, stamp

Progress = Callable[[int, int], None]


class NoLease:
    """For a dry run: nothing is written, so nobody needs to be kept out."""

    def check(self) -> None:
        """Always fine."""


@contextmanager
def open_store(settings: Settings, *, dry_run: bool = False) -> Iterator[tuple[Engine, bytes]]:
    """The store and the secret of alert keys; for a dry run copies that leave no trace."""
    path = settings.store_path
    with ExitStack() as stack:
        if dry_run:
            engine, folder = copy_engine(path)
            if folder is not None:
                stack.callback(folder.cleanup)
        else:
            engine = open_engine(path)
        stack.callback(engine.dispose)
        yield engine, _identity(engine, path, settings.namespace, keep=not dry_run)


def _identity(engine: Engine, path: Path, namespace: str, *, keep: bool) -> bytes:
    """The secret, checked to be the one that this store's keys were made with; likewise the namespace."""
    before = meta_value(engine, "namespace")
    if before is not None and before != namespace:
        raise SafetyError(f"namespace was {before} when this store was made; changing it would duplicate what we wrote")
    check = meta_value(engine, "secret")
    secret = alert_secret(path, create=keep and check is None)
    digest = hashlib.sha256(secret).hexdigest()
    if check is not None and check != digest:
        raise SafetyError("the secret beside the store is not the one its alerts were made with; restore it")
    if keep and check is None:
        set_meta(engine, {"namespace": namespace, "secret": digest, "install": str(uuid.uuid4())})
    return secret


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
) -> RunReport:
    """One pass over every configured endpoint.

    dry_run     plan and report only: nothing is written, no store is made, no checkpoint moves
    patient     "Patient/id" or id: this one only; ConfigError outside the cohort
    max_writes  overrides write.max_per_run
    retry       read again whoever is in the quarantine, and send refused writes once more
    stop        when set, the current patient is finished and the pass ends
    Raises ConfigError, LeaseHeld, LeaseLost, SafetyError; EHR trouble is in the report.
    """
    if not settings.endpoint:
        raise ConfigError("no [endpoint.NAME] is configured")
    started = time.monotonic()
    report = RunReport(uuid.uuid4().hex[:12], clock(), dry_run)
    with ExitStack() as stack:
        engine, secret = stack.enter_context(open_store(settings, dry_run=dry_run))
        guard = NoLease() if dry_run else stack.enter_context(Lease(engine))
        if not dry_run:
            record_run(engine, report.run, started=stamp(report.started), complete=False)
        trail = (
            None if dry_run else stack.enter_context(open_trail(settings.audit_path, settings.audit.rotate_at, clock()))
        )
        log("run.started", run=report.run, dry_run=dry_run)
        try:
            for name in settings.endpoint:
                audit = None if trail is None else _audit(trail, settings, name, engine, secret, report.run)
                one = EndpointPass(settings, name, engine, secret, report, guard, stop, clock, audit)
                one.fingerprint = settings_fingerprint(settings, name)
                one.max_writes = max_writes or settings.write.max_per_run
                _one_endpoint(one, report, patient=patient, retry=retry, progress=progress)
        finally:
            _finish(engine, report, clock(), time.monotonic() - started)
    return report


def _audit(trail: Trail, settings: Settings, name: str, engine: Engine, secret: bytes, run: str) -> Audit:
    endpoint, detection = settings.endpoint[name], settings.detection
    acting = who(
        install=meta_value(engine, "install") or "",
        endpoint=name,
        method=endpoint.auth.method,
        client=getattr(endpoint.auth, "client_id", None),
        policy=" ".join([detection.policy, *sorted(set(detection.policies.values())), detection.preset]),
    )
    return Audit(trail, secret, endpoint.base_url, run, acting)


def _one_endpoint(
    one: EndpointPass, report: RunReport, *, patient: str | None, retry: bool, progress: Progress | None
) -> None:
    """One endpoint's trouble is told and does not keep the others from being read."""
    try:
        one.run(patient=patient, retry=retry, progress=progress)
    except SafetyError as error:
        report.safety_stop = True
        report.say(str(error))
    except EHRError as error:
        report.ehr_failed = True
        report.say(str(error))


def _finish(engine: Engine, report: RunReport, now: datetime, seconds: float) -> None:
    report.finished = now
    report.seconds = seconds
    before = last_complete(engine)
    report.freshness = 0.0 if report.complete else (now - before).total_seconds() if before else None
    if not report.dry_run:
        import msgspec

        body = msgspec.json.encode(report.to_json(references=False)).decode()
        values = {"finished": stamp(now), "exit_code": int(report.exit_code), "complete": report.complete}
        record_run(engine, report.run, started=stamp(report.started), report=body, **values)
    log(
        "run.finished", run=report.run, exit_code=int(report.exit_code), writes=report.writes, seconds=round(seconds, 2)
    )
