"""One request and what may be said about it: no address, no id, no text that a server sent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from .. import errors
from .auth import Auth
from .outcome import codes
from .retry import Kind, Patience
from .wire import Answer

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PATH = re.compile(r"([A-Z][A-Za-z]*)(/[A-Za-z0-9\-._]+)?(?=[/?]|$)")
_WORDS = {"read": "a read", "search": "a search", "page": "a search", "create": "a create", "update": "an update"}


@dataclass(frozen=True, slots=True)
class Call:
    """One request, with what may be said about it."""

    method: str
    url: str
    type: str
    interaction: str
    kind: Kind
    auth: Auth
    headers: Mapping[str, str]
    body: bytes | None = None

    @property
    def what(self) -> str:
        """For messages: "a search of Encounter"."""
        if self.interaction == "capabilities":
            return "a request for /metadata"
        return f"{_WORDS.get(self.interaction, 'a request')}{f' of {self.type}' if self.type else ''}"


def interaction_of(path: str) -> tuple[str, str]:
    """Resource type (or "") and interaction of a GET on this path."""
    path = path.lstrip("/")
    if path == "metadata":
        return "", "capabilities"
    found = _PATH.match(path)
    if not found:
        return "", "other"
    rest = path[found.end() :]
    if found[2]:
        return found[1], "other" if rest.startswith("/") else "read"
    return found[1], "search"


_CLASSES: Mapping[int, type[errors.EHRError]] = {
    401: errors.Unauthorised,
    403: errors.Forbidden,
    404: errors.NotFound,
    410: errors.NotFound,
    409: errors.Conflict,
    412: errors.Conflict,
}
_MEANING = {
    401: "does not accept our credentials:",
    403: "accepts our credentials but does not permit",
    404: "has nothing at the address of",
    410: "no longer has anything at the address of",
    409: "reports a conflict for",
    412: "reports a conflict for",
}


def definite(call: Call, answer: Answer | None, fault: str, *, doubt: bool) -> errors.EHRError:
    """The error of an answer that says no for good (or of a request that cannot be sent at all)."""
    status, found = (answer.status, codes(answer.body)) if answer else (None, ())
    if answer and "insufficient_scope" in answer.headers.get("WWW-Authenticate", ""):  # RFC 6750 3.1
        found = ("insufficient_scope", *found)
    if doubt:
        # An earlier attempt may have succeeded: a conflict now may be one with ourselves.
        message = f"the EHR {fault} {call.what} that was repeated: it may or may not have been written"
        return errors.OutcomeUnknown(message, status=status, codes=found)
    if status is None:
        return errors.Unreachable(f"the EHR {fault}; {call.what} was not sent")
    if status in REDIRECTS:
        return errors.Refused(
            f"the EHR redirects {call.what} ({status}); put its final address into base_url", status=status
        )
    detail = ", ".join((str(status), *found))
    return _CLASSES.get(status, errors.Refused)(
        f"the EHR {_MEANING.get(status, 'refuses')} {call.what} ({detail})", status=status, codes=found
    )


def given_up(
    call: Call, answer: Answer | None, fault: str, patience: Patience, told: float | None, *, unknown: bool
) -> errors.EHRError:
    """The error when patience has run out, or must not be tried (`unknown`: the request may have been processed)."""
    status, found = (answer.status, codes(answer.body)) if answer else (None, ())
    if unknown:
        message = f"the EHR {fault} {call.what}: it may or may not have been written"
        return errors.OutcomeUnknown(message, status=status, codes=found)
    if told is not None and patience.too_long(told):
        pause = f"{told:.0f} s: longer than {patience.limit}"
        message = f"the EHR answered {status} to {call.what} and asks for a pause of {pause}"
        return errors.Throttled(message, status=status, codes=found)
    times = "once" if patience.attempt == 1 else f"{patience.attempt} times"
    kind = errors.Throttled if status in {429, 503} else errors.Unreachable
    return kind(f"the EHR {fault} {call.what} {times}; giving up", status=status, codes=found)
