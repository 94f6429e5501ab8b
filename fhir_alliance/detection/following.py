"""What happens after a fall: the same for every rule."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Following:
    """Constants of the common course (clinical specification 2.6, our own assumptions).

    recovery    share of the drop that must be regained
    horizon     scores after which a strain that did not recover is closed
    rebaseline  scores that make the new baseline then
    cooldown    scores after a close in which nothing opens
    severe_in_cooldown  a severe fall opens then all the same, as a check-in; if it stays low it becomes a priority
    early       scores of the low-early mean; 0: a low start is not looked for
    gap         longer than this between two scores: a new course
    """

    recovery: float = 0.75
    horizon: int = 3
    rebaseline: int = 3
    cooldown: int = 2
    severe_in_cooldown: bool = False
    early: int = 0
    gap: timedelta = timedelta(days=90)
