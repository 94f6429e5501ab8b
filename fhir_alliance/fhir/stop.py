"""Why reading a response ended early: an outcome, a machine word, and words for a person.

The words name item numbers and rules. They never hold anything that the response says.
"""

from __future__ import annotations

from ..model import Outcome


class Stop(Exception):
    """Reading ends here. Caught by the reader, never by its callers."""

    def __init__(self, outcome: Outcome, code: str, text: str):
        super().__init__(text)
        self.outcome = outcome
        self.code = code
        self.reason = f"{outcome}: {text} ({code})"


def set_aside(code: str, text: str) -> Stop:
    """Ours, and something is wrong with it."""
    return Stop(Outcome.SET_ASIDE, code, text)


def skipped(code: str, text: str) -> Stop:
    """Not ours, or not ours to process."""
    return Stop(Outcome.SKIPPED, code, text)


def waiting(code: str, text: str) -> Stop:
    """Not finished: to be read again later."""
    return Stop(Outcome.WAITING, code, text)


def invalid(item: int, code: str, text: str) -> Stop:
    """One answer is wrong, so the whole response is set aside."""
    return set_aside(code, f"item {item}: {text}")
