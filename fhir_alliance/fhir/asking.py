"""Requests outside FHIR, to a token endpoint and for where it is: one with its patience, and a definite no."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from .. import __version__, errors
from ..config import Http
from .retry import GARBLED, NO_ANSWER, Patience, Rule, Stop, retry_after, rule_for
from .wire import Answer, Exchange, Line, Lost

T = TypeVar("T")
Trace = Callable[[Exchange], None]


class Declined(Exception):
    """A definite no. The caller says what it means there."""

    def __init__(self, answer: Answer):
        super().__init__()
        self.answer = answer


class Asker:
    """Sends such requests, and logs them as others are logged."""

    def __init__(self, http: Http, stop: Stop, trace: Trace | None):
        self._http, self._stop, self._trace = http, stop, trace

    def once(
        self,
        line: Line,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        *,
        interaction: str,
        attempt: int,
    ) -> Answer:
        """One attempt. Lost when no whole answer came."""
        started, status = time.perf_counter(), None
        common = {"Accept": "application/json", "User-Agent": f"fhir-alliance/{__version__}"}
        try:
            answer = line.exchange(method, url, {**common, **headers}, body)
            status = answer.status
        finally:
            if self._trace:
                spent = (time.perf_counter() - started) * 1000
                self._trace(Exchange(method, "", interaction, status, spent, attempt))
        if answer.broken:
            raise Lost(answer.broken, NO_ANSWER)
        return answer

    def patiently(
        self,
        what: str,
        send: Callable[[int], Answer],
        decode: Callable[[Answer], T],
        rule: Callable[[Answer], Rule | None] = lambda answer: rule_for(answer.status),
    ) -> T:
        """Send until an answer can be decoded. Harmless to do twice: the retry table's row of reads.

        what  for messages: "a request for a token"
        send  takes the number of the attempt
        Raises Declined, Unreachable, Throttled.
        """
        patience = Patience(self._http, self._stop)
        while True:
            told, status = None, None
            try:
                answer = send(patience.attempt)
                status = answer.status
                if 200 <= status < 300:
                    return decode(answer)
                row, fault = rule(answer), f"answered {status} to"
                told = retry_after(answer.headers.get("Retry-After"), answer.date)
                if row is None:
                    raise Declined(answer)
            except Lost as lost:
                row, fault = lost.rule, lost.fault
                if row is None:
                    raise errors.Unreachable(f"the EHR {fault}; {what} was not sent") from None
            if not patience.wait(row, told):
                raise _given_up(what, status, fault, patience, told)


def _given_up(what: str, status: int | None, fault: str, patience: Patience, told: float | None) -> errors.EHRError:
    if told is not None and patience.too_long(told):
        pause = f"{told:.0f} s: longer than {patience.limit}"
        message = f"the EHR answered {status} to {what} and asks for a pause of {pause}"
        return errors.Throttled(message, status=status)
    times = "once" if patience.attempt == 1 else f"{patience.attempt} times"
    kind = errors.Throttled if status in {429, 503} else errors.Unreachable
    return kind(f"the EHR {fault} {what} {times}; giving up", status=status)


def json_object(body: bytes) -> dict[str, Any]:
    """The JSON object of a body. Lost when it is none: such an answer is asked for again."""
    try:
        found = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Lost("sent something else than a JSON object for", GARBLED)
    return found
