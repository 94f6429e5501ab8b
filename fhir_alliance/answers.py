"""What a clinician answers to an alert in the EHR, and what follows from it (`decisions.md` 2.6, D-12). Pure.

An answer is about the episode, in however many places it was told: the Task that somebody rejects silences the Flag
of the same episode, too. Answers are read, never written: what a person set stays as that person set it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Said(StrEnum):
    """What somebody said, weakest first."""

    NOTHING = "unanswered"
    ACKNOWLEDGED = "acknowledged"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    REJECTED = "rejected"


SILENCING = frozenset({Said.REJECTED, Said.CANCELLED})
"""Of that episode nothing more is told. `rejected` says that it is no strain; `cancelled` does not say why."""

ENDING = SILENCING | {Said.COMPLETED}
"""Somebody is done with that alert: it speaks for what it said, and for nothing that comes after."""

TASK = {
    "received": Said.ACKNOWLEDGED,
    "accepted": Said.ACKNOWLEDGED,
    "in-progress": Said.ACKNOWLEDGED,
    "on-hold": Said.ACKNOWLEDGED,
    "failed": Said.COMPLETED,
    "completed": Said.COMPLETED,
    "rejected": Said.REJECTED,
    "cancelled": Said.CANCELLED,
    "entered-in-error": Said.CANCELLED,
}
FLAG = {"inactive": Said.COMPLETED, "entered-in-error": Said.CANCELLED}
MEANING: Mapping[str, Mapping[str, Said]] = {"Task": TASK, "Flag": FLAG}
"""By type and status, where a person set it. A Communication is sent once and a document is filed: neither is
answered."""

_STRENGTH = {said: strength for strength, said in enumerate(Said)}


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said about one episode. `until`: snoozed, nothing is to call anybody before."""

    said: Said = Said.NOTHING
    until: datetime | None = None

    @property
    def silences(self) -> bool:
        """Is nothing more to be told of this episode?"""
        return self.said in SILENCING

    @property
    def ends(self) -> bool:
        """Is somebody done with this alert?"""
        return self.said in ENDING

    def quiet(self, now: datetime) -> bool:
        """Is nothing to be told now?"""
        return self.silences or (self.until is not None and self.until > now)


def word(answer: Answer, now: datetime) -> str:
    """An answer in one word, as counts name it."""
    return "snoozed" if answer.quiet(now) and not answer.silences else str(answer.said)


def combined(answers: Iterable[Answer]) -> Answer:
    """One answer about an episode that was told in several places: the strongest, and the longest snooze."""
    found = list(answers)
    until = [a.until for a in found if a.until]
    said = max((a.said for a in found), key=_STRENGTH.__getitem__, default=Said.NOTHING)
    return Answer(said, max(until, default=None))


@dataclass(frozen=True, slots=True)
class Heard:
    """What planning needs to know of a patient's episodes, by the key of the alert.

    answers  what was answered
    waiting  alerts that a cap held back: they were young enough when they were first seen, and are not lost
    """

    answers: Mapping[str, Answer] = field(default_factory=dict)
    waiting: frozenset[str] = frozenset()

    def silenced(self, key: str) -> bool:
        """Did somebody say that nothing more is to be told of this one?"""
        return self.answers.get(key, Answer()).silences

    def ended(self, key: str) -> bool:
        """Is somebody done with this one?"""
        return self.answers.get(key, Answer()).ends

    def quiet(self, key: str, now: datetime) -> bool:
        """Silenced, or snoozed."""
        return self.answers.get(key, Answer()).quiet(now)


NOTHING_HEARD = Heard()
