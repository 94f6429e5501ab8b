"""Logs: one line an event on stderr, names from one catalogue, no identities (`decisions.md` 5.7).

EVENTS is the catalogue; a name outside it is a programming error. Values are counts, types, states,
milliseconds, error classes, and of an alert its key (a keyed hash). References, names, answers, tokens, URLs and
server text never appear.
"""

from __future__ import annotations

import sys
from typing import Any

if "rich" in sys.modules:
    import structlog
else:
    # structlog would load rich to draw tracebacks. None are logged, and it is a tenth of the time to start.
    sys.modules["rich"] = None  # type: ignore[assignment]
    try:
        import structlog
    finally:
        del sys.modules["rich"]

EVENTS = {
    "run.started": "a pass begins",
    "run.finished": "a pass ended; its exit code and counts",
    "endpoint.probed": "the EHR's capability was read",
    "patients.due": "how many patients are read in this pass, and why",
    "patient.incomplete": "one patient could not be finished; it stays due",
    "write.done": "a resource was written",
    "http.exchange": "one request (debug)",
    "alert.raised": "a possible strain; only where alerts.sinks names log, like the others",
    "alert.worse": "it has become a priority",
    "alert.recovered": "its score came back",
    "alert.unrepaired": "its score did not come back in 3 scored sessions",
    "alert.expired": "no score for more than 90 days",
    "alert.reopened": "corrected data: it is open again",
    "alert.withdrawn": "it is no longer in the data",
    "alert.again": "it is in the data again",
    "schedule.started": "the scheduler runs",
    "settings.reloaded": "SIGHUP: the configuration was read anew; whether it lets us write",
    "schedule.stopping": "a stop was asked for; the current patient is finished first",
    "schedule.skipped": "a pass was not started: another instance is working",
    "listening.started": "`serve` answers /health and /ready, and /nudge if it has a secret",
    "nudge.received": "the EHR told of a change: how many patients it named, how many are due, if a pass follows",
    "nudge.refused": "a nudge was not taken: its HTTP status",
}


class _Logger:
    """structlog behind the catalogue."""

    def __init__(self) -> None:
        self._log: Any = structlog.get_logger()

    def __call__(self, event: str, level: str = "info", **values: object) -> None:
        if event not in EVENTS:
            raise KeyError(event)
        getattr(self._log, level)(event, **values)


log = _Logger()


def _to_stderr(*_: object) -> structlog.PrintLogger:
    # Looked up for every line: a stream that was redirected at set-up may be closed by now.
    return structlog.PrintLogger(sys.stderr)


def configure(level: str = "info", format: str = "auto") -> None:
    """Set up stderr logging. format: text, json, or auto (text on a terminal)."""
    import logging

    # HTTP libraries log URLs at debug, and URLs hold patient ids: they never get a handler.
    for name in ("urllib3", "requests", "apscheduler", "alembic", "sqlalchemy", "uvicorn", "asyncio"):
        logging.getLogger(name).handlers = [logging.NullHandler()]
        logging.getLogger(name).propagate = False
    text = format == "text" or (format == "auto" and sys.stderr.isatty())
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()) if text else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_to_stderr,
        cache_logger_on_first_use=False,
    )
