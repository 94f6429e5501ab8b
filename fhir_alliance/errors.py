"""One class per recovery decision, each with the exit code that it leads to.

Messages are for an operator: they never hold names, answers, tokens, URLs with identifiers, or
text that a server sent.
"""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of the command line. 128+n is a signal."""

    DONE = 0
    BUG = 1
    USAGE = 2
    PARTIAL = 3
    EHR = 4
    CHECK = 5
    SAFETY = 6
    LEASE = 7


def bug(error: BaseException) -> str:
    """Type and place of an unforeseen exception. Its text may carry input values and is left out."""
    place = error.__traceback__
    while place and place.tb_next:
        place = place.tb_next
    where = f"{place.tb_frame.f_code.co_filename.rpartition('/')[2]}:{place.tb_lineno}" if place else "?"
    return f"{type(error).__name__} at {where}"


class AllianceError(Exception):
    """Base of everything that this package raises on purpose."""

    exit_code: Exit = Exit.BUG


class ConfigError(AllianceError):
    """The configuration, an option or an input file is wrong: nothing was started."""

    exit_code = Exit.USAGE


class OutsideCohort(ConfigError):
    """The patient that was asked for is not in this endpoint's cohort, or is excluded."""


class CheckFailed(AllianceError):
    """A check that was asked for found a problem."""

    exit_code = Exit.CHECK


class SafetyError(AllianceError):
    """Going on could harm: too many alerts, a roster that suddenly shrinks, a changed namespace."""

    exit_code = Exit.SAFETY


class LeaseHeld(AllianceError):
    """Another instance works on this store; nothing was done."""

    exit_code = Exit.LEASE


class LeaseLost(AllianceError):
    """Our lease ran out while we worked (a suspended machine): stop before the next write."""

    exit_code = Exit.LEASE


class EHRError(AllianceError):
    """A request to the EHR did not give what it should.

    status  HTTP status, or None when there was no answer
    codes   OperationOutcome issue codes and element paths, never diagnostics text
    """

    exit_code = Exit.EHR

    def __init__(self, message: str, *, status: int | None = None, codes: tuple[str, ...] = ()):
        super().__init__(message)
        self.status = status
        self.codes = codes


class Unreachable(EHRError):
    """No usable answer after patience ran out: refused, reset, timed out, 5xx, HTML, cut-off JSON."""


class Throttled(EHRError):
    """429 or 503 beyond our patience: defer, do not insist."""


class Unauthorised(EHRError):
    """401 after one renewed attempt, or no token to be had: credentials are wrong or expired."""


class Forbidden(EHRError):
    """403: the credentials are good, the grant is not."""


class NotFound(EHRError):
    """404 or 410: the resource is not (or no longer) there."""


class Conflict(EHRError):
    """409 or 412: someone else changed it, or several matched."""


class Refused(EHRError):
    """Any other definite 4xx: the server understood and said no. Repeating is pointless."""


class OutcomeUnknown(EHRError):
    """A write was sent and no definite answer came back: it may have happened. Never re-send blindly."""


class Incomplete(EHRError):
    """A walk over search pages could not be completed: results must not be used as "all"."""
