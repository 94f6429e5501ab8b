"""What a command stands on that reads or writes: the store, its secret, the lease, the audit trail."""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine

from .apply import Guard
from .audit import Audit, Trail, open_trail, who
from .config import Settings, now_utc
from .errors import SafetyError
from .passing import EndpointPass
from .report import RunReport
from .store.database import alert_secret, copy_engine, open_engine
from .store.lease import Lease
from .store.store import meta_value, set_meta


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


@dataclass(frozen=True, slots=True)
class Ground:
    """Opened, and ours until it is closed."""

    settings: Settings
    engine: Engine
    secret: bytes
    guard: Guard
    trail: Trail | None
    report: RunReport
    clock: Callable[[], datetime]

    def endpoint(self, name: str, stop: threading.Event | None = None) -> EndpointPass:
        """A pass over one endpoint, not yet begun."""
        audit = None if self.trail is None else self._audit(self.trail, name)
        return EndpointPass(
            self.settings, name, self.engine, self.secret, self.report, self.guard, stop, self.clock, audit
        )

    def _audit(self, trail: Trail, name: str) -> Audit:
        endpoint, detection = self.settings.endpoint[name], self.settings.detection
        acting = who(
            install=meta_value(self.engine, "install") or "",
            endpoint=name,
            method=endpoint.auth.method,
            client=getattr(endpoint.auth, "client_id", None),
            policy=" ".join([detection.policy, *sorted(set(detection.policies.values())), detection.preset]),
        )
        return Audit(trail, self.secret, endpoint.base_url, self.report.run, acting)


@contextmanager
def opened(
    settings: Settings, report: RunReport, *, dry_run: bool = False, clock: Callable[[], datetime] = now_utc
) -> Iterator[Ground]:
    """Everything open; in a dry run a copy of the store, no lease and no trail: nothing is changed anywhere.

    Raises ConfigError, LeaseHeld, SafetyError.
    """
    with ExitStack() as stack:
        engine, secret = stack.enter_context(open_store(settings, dry_run=dry_run))
        guard = NoLease() if dry_run else stack.enter_context(Lease(engine))
        trail = None
        if not dry_run:
            trail = stack.enter_context(open_trail(settings.audit_path, settings.audit.rotate_at, clock()))
        yield Ground(settings, engine, secret, guard, trail, report, clock)
