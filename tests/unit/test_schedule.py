"""The scheduler of `serve`: a tick that is late is run all the same (`fhir.md` 6, 33)."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from apscheduler.executors.pool import ThreadPoolExecutor

from fhir_alliance import schedule
from fhir_alliance.config import Schedule


class Slow(ThreadPoolExecutor):
    """A machine on which a job begins more than a second after its time."""

    def _do_submit_job(self, job: Any, run_times: Any) -> None:
        time.sleep(1.2)
        super()._do_submit_job(job, run_times)


def test_a_late_tick_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library drops it by default, without a word that anybody reads."""
    monkeypatch.setattr(schedule, "ThreadPoolExecutor", Slow)
    stop, begun = threading.Event(), threading.Event()

    def once() -> bool:
        begun.set()
        return True

    bell = schedule.Bell(timedelta(0))
    serving = threading.Thread(target=schedule.serve, args=(Schedule(every="1h"), once, stop, bell))
    serving.start()
    try:
        assert begun.wait(10)
    finally:
        stop.set()
        serving.join(10)
    assert not serving.is_alive()
