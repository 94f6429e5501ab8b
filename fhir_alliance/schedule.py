"""The scheduler of `serve`: one pass at a time, late ticks coalesced, no job store.

Our own state decides what is due, so a missed tick costs nothing: `misfire_grace_time=None` (the
library's default drops a job that is one second late), `coalesce=True`, `max_instances=1`, UTC.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from .config import Schedule
from .errors import ConfigError
from .log import log


def trigger(schedule: Schedule) -> BaseTrigger:
    """When passes run. ConfigError without a schedule or with a cron text that cannot be read."""
    if schedule.cron is not None:
        try:
            return CronTrigger.from_crontab(schedule.cron, timezone=UTC)
        except ValueError as error:
            raise ConfigError(f"schedule.cron cannot be read: {error}") from None
    if schedule.every is None:
        raise ConfigError("serve needs schedule.every or schedule.cron")
    return IntervalTrigger(seconds=int(schedule.every.total_seconds()), timezone=UTC)


class Bell:
    """Asks for a pass beside the schedule: now, or `gap` after the beginning of the last one.

    A ring while a pass runs asks for one more: it may be about somebody whom that pass has read already.
    """

    def __init__(self, gap: timedelta):
        self._gap = gap
        self._extra: Callable[[datetime], None] | None = None
        self._rung = self._asked = self._running = False
        self._began: datetime | None = None
        self._lock = threading.Lock()

    def hang(self, extra: Callable[[datetime], None]) -> None:
        """`extra` has `wanted` asked at a time, and a pass begun if it is."""
        self._extra = extra
        self._ask()

    def ring(self) -> None:
        """From any thread."""
        with self._lock:
            self._rung = True
        self._ask()

    def wanted(self) -> bool:
        """It is time for the pass that was asked for: is it still wanted, and late enough?"""
        with self._lock:
            self._asked = False
            if self._rung and self._soonest() <= datetime.now(UTC):
                return True
        self._ask()
        return False

    def began(self) -> bool:
        """A pass begins, before it reads anything: was it rung for?"""
        with self._lock:
            rung, self._rung = self._rung, False
            self._running, self._began = True, datetime.now(UTC)
            return rung

    def ended(self) -> None:
        """It has ended."""
        with self._lock:
            self._running = False
        self._ask()

    def _soonest(self) -> datetime:
        return self._began + self._gap if self._began else datetime.now(UTC)

    def _ask(self) -> None:
        with self._lock:
            if not self._rung or self._asked or self._running or self._extra is None:
                return
            self._asked, at = True, self._soonest()
        self._extra(at)  # outside the lock: the scheduler has locks of its own


def serve(schedule: Schedule, once: Callable[[], bool], stop: threading.Event, bell: Bell) -> None:
    """Call `once` by schedule, and when the bell rings, until `stop` is set; the running call is waited for.

    once  runs a pass; False when it could not, because another instance was at work
    """

    working = threading.Lock()

    def tick() -> None:
        with working:
            if stop.is_set():
                return
            rung = bell.began()
            try:
                if not once() and rung:
                    bell.ring()
            finally:
                bell.ended()

    def extra() -> None:
        if bell.wanted():
            tick()

    # One worker: an extra pass and one by schedule wait for each other.
    scheduler = BackgroundScheduler(timezone=UTC, executors={"default": ThreadPoolExecutor(1)})
    scheduler.add_job(
        tick,
        trigger(schedule),
        next_run_time=datetime.now(UTC),
        coalesce=True,
        max_instances=1,
        misfire_grace_time=None,
    )
    scheduler.start()
    bell.hang(lambda at: scheduler.add_job(extra, DateTrigger(at), misfire_grace_time=None))
    log("schedule.started")
    stop.wait()
    log("schedule.stopping")
    # Not wait=True: it waits with a lock held that the running call needs when it asks for another.
    scheduler.shutdown(wait=False)
    with working:
        pass
