"""What may be asked again, how often, and how long we wait in between.

The table is data: each status stands beside its reason. Reads may always be repeated. A write may be
repeated only when the answer says that it was not processed; else its outcome is unknown and the
caller must look (nothing is ever sent twice on a guess).
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Literal, Protocol

from ..config import Http

Kind = Literal["read", "guarded", "unguarded"]
"""read: GET. guarded: an update with If-Match. unguarded: a create, or an update without If-Match."""


class Verdict(Enum):
    """What to do after a failed attempt.

    REPEAT  ask again: nothing was processed, or repeating is harmless
    DOUBT   ask again, but remember that the attempt may have been processed
    UNKNOWN stop: it may have been processed, and repeating could do it twice
    """

    REPEAT = "repeat"
    DOUBT = "doubt"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table.

    told   a Retry-After beside this status says that the server turned us away: repeat, whatever it was
    pause  how many times `http.backoff` the first pause is
    """

    reason: str
    read: Verdict
    guarded: Verdict
    unguarded: Verdict
    told: bool = False
    pause: int = 1

    def verdict(self, kind: Kind, *, retry_after: float | None) -> Verdict:
        """The verdict for one kind of request."""
        if self.told and retry_after is not None:
            return Verdict.REPEAT
        return {"read": self.read, "guarded": self.guarded, "unguarded": self.unguarded}[kind]


_R, _D, _U = Verdict.REPEAT, Verdict.DOUBT, Verdict.UNKNOWN

STATUS: Mapping[int, Rule] = {
    408: Rule("the server gave up waiting for our request, perhaps after it had all of it", _R, _D, _U),
    # Half a minute at first: some vendors block for the rest of the minute and do not say so.
    429: Rule("too many requests: turned away before it was processed", _R, _R, _R, pause=30),
    500: Rule("used for passing faults as well as for lasting ones, before and after a commit", _R, _U, _U),
    502: Rule("a gateway lost the server behind it, which may have finished", _R, _U, _U),
    503: Rule("overloaded or in maintenance; only Retry-After shows that it was turned away", _R, _D, _U, told=True),
    504: Rule("a gateway stopped waiting; the server behind it may still be working", _R, _U, _U),
}
OTHER_FAULT = Rule("a server or network fault outside the standard, like 520-530 of content networks", _R, _U, _U)
NOT_SENT = Rule("no connection came about: nothing was sent", _R, _R, _R)
NO_ANSWER = Rule("sent, but timed out, reset or cut off: it may have been processed", _R, _U, _U)
GARBLED = Rule("an answer that is not FHIR JSON: error pages of gateways, cut-off bodies", _R, _U, _U)

DEFINITE_FAULTS = frozenset({501, 505, 510, 511})
"""Server statuses that say no for good: not implemented, wrong HTTP version, log in at a portal first."""


def rule_for(status: int) -> Rule | None:
    """The row of an error status; None when it is definite and must not be repeated."""
    if rule := STATUS.get(status):
        return rule
    return OTHER_FAULT if status >= 500 and status not in DEFINITE_FAULTS else None


def retry_after(text: str | None, now: datetime | None = None) -> float | None:
    """Seconds that a Retry-After header asks for, at least 0; None when absent or unreadable.

    text  seconds or an HTTP-date
    now   the server's own clock, so that a skewed local one does no harm
    """
    text = (text or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:12])
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (until - (now or datetime.now(UTC))).total_seconds())


class Stop(Protocol):
    """The part of threading.Event that we use: a request to stop ends all waiting."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait; True when stopping was asked for."""


class Patience:
    """How much of it one request has left: attempts, and pauses of at most `http.max_wait` in all."""

    def __init__(self, http: Http, stop: Stop):
        self.attempt = 1
        self._http = http
        self._stop = stop
        self._left = http.max_wait.total_seconds()

    def too_long(self, told: float | None) -> bool:
        """Does the server ask for a longer pause than we accept?"""
        return told is not None and told > self._left

    @property
    def limit(self) -> str:
        """What a pause is too long for, in words."""
        spent = self._left < self._http.max_wait.total_seconds()
        return f"the {self._left:.1f} s that are left of max_wait" if spent else "max_wait"

    def wait(self, rule: Rule, told: float | None) -> bool:
        """Pause before the next attempt. False: no attempt is left, or we were asked to stop."""
        if self.attempt >= self._http.attempts or self.too_long(told):
            return False
        step = self._http.backoff.total_seconds()
        # Never earlier than told, and spread, because others were told the same.
        growing = step * rule.pause * 2 ** (self.attempt - 1)
        go_on = self.rest(growing) if told is None else self.rest(step, least=told)
        self.attempt += go_on
        return go_on

    def rest(self, most: float, *, least: float = 0.0) -> bool:
        """Pause for `least` plus a random part of `most` seconds, within what is left. False: asked to stop."""
        pause = min(self._left, least + random.uniform(0, most))  # noqa: S311  spreads load, no secret
        self._left -= pause
        return not self._stop.wait(pause)
