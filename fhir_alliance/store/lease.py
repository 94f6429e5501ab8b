"""One writer at a time: a lease in the store (`decisions.md` 5.4).

60 s, renewed every 20 s by a thread of its own; on the same host a dead holder's lease is free at
once. A pass asks `check` before each write: a machine that slept past its lease must not go on.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from types import TracebackType

from sqlalchemy import Engine, delete, insert, select, text, update
from sqlalchemy.exc import SQLAlchemyError

from ..errors import LeaseHeld, LeaseLost
from . import tables as t

LENGTH = timedelta(seconds=60)
RENEW_EVERY = 20.0


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class Lease:
    """A context manager that holds the store's lease. LeaseHeld when another instance has it."""

    def __init__(self, engine: Engine, *, length: timedelta = LENGTH, renew_every: float = RENEW_EVERY):
        self._engine = engine
        self._length = length
        self._renew_every = renew_every
        self._holder = secrets.token_hex(8)
        self._until = 0.0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Lease:
        now = datetime.now(UTC)
        host = socket.gethostname()
        with self._engine.connect() as connection:
            # IMMEDIATE: two instances that start together must not both read "free".
            connection.execute(text("BEGIN IMMEDIATE"))
            row = connection.execute(select(t.lease)).mappings().first()
            if row is not None:
                held = datetime.fromisoformat(row["expires"]) > now
                if held and (row["host"] != host or _alive(row["pid"])):
                    raise LeaseHeld(
                        f"another instance (pid {row['pid']} on {row['host']}) is working; nothing was done"
                    )
            connection.execute(delete(t.lease))
            fresh = {"id": 1, "holder": self._holder, "host": host, "pid": os.getpid()}
            connection.execute(insert(t.lease).values(**fresh, expires=(now + self._length).isoformat()))
            connection.commit()
        self._until = time.monotonic() + self._length.total_seconds()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        with self._engine.begin() as connection:
            connection.execute(delete(t.lease).where(t.lease.c.holder == self._holder))

    def _keep(self) -> None:
        while not self._stop.wait(self._renew_every):
            # A busy store is no reason to stop here: `check` ends the pass when it lasts too long.
            with contextlib.suppress(SQLAlchemyError):
                self._renew()

    def _renew(self) -> None:
        started = time.monotonic()
        expires = (datetime.now(UTC) + self._length).isoformat()
        with self._engine.begin() as connection:
            done = connection.execute(update(t.lease).where(t.lease.c.holder == self._holder).values(expires=expires))
            if done.rowcount == 1:
                self._until = started + self._length.total_seconds()

    def check(self) -> None:
        """LeaseLost when our lease has run out (checked by a clock that does not jump)."""
        if time.monotonic() >= self._until:
            raise LeaseLost("our lease on the store ran out; stopped before the next write")
