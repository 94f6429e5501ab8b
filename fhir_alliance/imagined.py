"""Resources as they would stand, had they been written: does a change to one of them say anything new?"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from . import __version__
from .config import Settings
from .plan import Action, Op
from .sinks import Frame, Json, compared_hash, sinks


class Imagined:
    """The sinks of a site without an EHR behind them, at one moment. A site's secrets are not looked at."""

    def __init__(self, settings: Settings, now: datetime) -> None:
        self._sinks = sinks(settings, settings.root)
        alerts = settings.alerts
        close = alerts.close_on_repair
        self._frame = Frame(settings.namespace, (), now, __version__, due=alerts.due, close_on_repair=close)
        self._contents: dict[tuple[str, str], Any] = {}
        self._bodies: dict[tuple[str, str], Json] = {}

    def changes(self, action: Action) -> bool:
        """Would this leave anything that was not there before? What applying it compares is compared."""
        at, sink = (action.type, action.key), self._sinks[action.type]
        if action.op is Op.CREATE:
            self._contents[at] = action.content
            self._bodies.pop(at, None)
            return True
        if not sink.changes:
            return False
        if at not in self._bodies:
            self._bodies[at] = sink.render(self._contents[at], self._frame)
        body = self._bodies[at]
        if action.op is Op.RETRACT:
            new = sink.retract(body, action.reason, self._frame)
        else:
            new = sink.revise(body, action.content, self._frame)
        self._bodies[at] = new
        return compared_hash(sink, new, ()) != compared_hash(sink, body, ())
