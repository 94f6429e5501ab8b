"""What is followed after an onset: a possible strain, and the low-early check-in."""

from __future__ import annotations

from dataclasses import dataclass

from ..model import Episode, EpisodeState, Event, Point
from .reference import Reference


@dataclass(slots=True)
class Strain:
    """An open episode. Its reference stays frozen: a strain must not become its own yardstick.

    level     2 check-in, 3 priority check-in
    followed  valid scores since the onset
    """

    onset: Event
    reference: Reference
    level: int
    followed: int = 0
    worsened: Event | None = None

    def regained(self, value: float) -> float:
        """Share of the drop that `value` makes good: 0 at the onset, 1 at the baseline."""
        return (value - self.onset.value) / (self.reference.mean - self.onset.value)

    def episode(self, state: EpisodeState, close: Event | None = None) -> Episode:
        """The episode as it stands."""
        return Episode(
            kind=self.onset.kind,
            onset=self.onset,
            state=state,
            level=self.level,
            base=self.reference.base,
            sigma=self.reference.sigma,
            worsened=self.worsened,
            close=close,
        )


@dataclass(slots=True)
class LowEarly:
    """The check-in about a low mean of the first three scores. It is no episode of the policy (scores
    go on joining the baseline); it is followed so that its alert has an end."""

    onset: Event
    base: tuple[Point, ...]
    followed: int = 0

    def episode(self, state: EpisodeState, close: Event | None = None) -> Episode:
        """The check-in in the shape of an episode."""
        return Episode(self.onset.kind, self.onset, state, self.onset.level, self.base, close=close)
