"""Alerts as log lines, for a site that watches its logs: one line an event, nobody named (`decisions.md` 5.7)."""

from __future__ import annotations

from ..log import log
from ..plan import AlertContent
from . import Frame, Json, Messenger


class LogSink(Messenger):
    """What is raised or worse is a warning; what follows is for information."""

    type = "Log"
    keys = "none"

    def render(self, content: AlertContent, frame: Frame) -> Json:
        """What the line says. `alert` is a keyed hash: `explain` takes it."""
        return {
            "event": content.event,
            "alert": content.first or content.key,
            "level": content.level,
            "kind": content.kind,
            "state": str(content.state),
        }

    def deliver(self, key: str, message: Json) -> None:
        """Write the line."""
        loud = message["event"] in {"raised", "worse", "again"}
        said = {name: value for name, value in message.items() if name not in {"event", "level"}}
        log(f"alert.{message['event']}", "warning" if loud else "info", priority=message["level"], **said)
