"""The scheduler of `serve`: one pass at a time, late ticks coalesced, no job store.

Our own state decides what is due, so a missed tick costs nothing: `misfire_grace_time=None` (the
library's default drops a job that is one second late), `coalesce=True`, `max_instances=1`, UTC.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
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


def serve(schedule: Schedule, once: Callable[[], None], stop: threading.Event) -> None:
    """Call `once` now and then by schedule, until `stop` is set; the running call is waited for."""
    scheduler = BackgroundScheduler(timezone=UTC, executors={"default": ThreadPoolExecutor(1)})
    scheduler.add_job(
        once,
        trigger(schedule),
        next_run_time=datetime.now(UTC),
        coalesce=True,
        max_instances=1,
        misfire_grace_time=None,
    )
    scheduler.start()
    log("schedule.started")
    stop.wait()
    log("schedule.stopping")
    scheduler.shutdown(wait=True)
