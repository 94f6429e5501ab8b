"""A session that the client missed while a strain is open makes it a priority check-in (clinical specification 2.6,
"corroboration"): never alone, and once. Pure.

Only what an Appointment says counts. A gap between sessions alone does not: a closed clinic, a therapist's holiday
and a planned pause look the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from .derive import Strain
from .detection import STRAINS
from .model import EpisodeState

KIND = "missed-session"


@dataclass(frozen=True, slots=True, order=True)
class Missed:
    """A session that did not take place because of the client: not shown up, or called off within 24 hours."""

    at: datetime
    appointment: str
    patient: str
    practitioner: str
    how: Literal["noshow", "cancelled"]


def corroborable(strain: Strain) -> bool:
    """Could a missed session raise its level, or has one done so?"""
    e = strain.episode
    raised = e.level < 3 or (e.worsened is not None and e.worsened.kind == KIND)
    return e.kind in STRAINS and e.state is EpisodeState.OPEN and raised and strain.key.rater == "client"


def corroborated(found: Sequence[Strain], missed: Iterable[Missed]) -> list[Strain]:
    """The same strains; those with a missed session since their onset, with that practitioner, at level 3."""
    sessions = sorted(missed)
    return [_raised(s, sessions) if sessions and corroborable(s) else s for s in found]


def _raised(strain: Strain, missed: Sequence[Missed]) -> Strain:
    episode = strain.episode
    mine = ((m.patient, m.practitioner) == strain.dyad and m.at > episode.onset.at for m in missed)
    first = next((m for m, fits in zip(missed, mine, strict=True) if fits), None)
    if first is None:
        return strain
    worse = replace(episode.onset, at=first.at, level=3, kind=KIND, source="")
    return replace(strain, episode=replace(episode, level=3, worsened=worse))
