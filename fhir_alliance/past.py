"""One patient's history, as it stood at any instant. Pure.

No policy looks ahead, so a finished history that is cut at a session is the history as it stood then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from .corroboration import Missed, corroborated
from .derive import SeriesStory, Strain, strains
from .detection.following import Following
from .model import Episode, EpisodeState

GAP = Following().gap
"""Without a score for longer than this, an open strain has expired."""


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of one patient: every series to its end, and the sessions that the client missed."""

    stories: tuple[SeriesStory, ...]
    missed: tuple[Missed, ...] = ()

    def strains(self, at: datetime) -> list[Strain]:
        """As they stood then."""
        then = strains(_cut(s, at) for s in self.stories if s.assessments[0].at <= at)
        return corroborated(then, [m for m in self.missed if m.at <= at])

    def turns(self) -> set[datetime]:
        """When something began, worsened or ended, a form brought a new security label, or a session was missed."""
        mine = {at for s in self.stories for e in s.episodes for at in _turns(s, e)}
        if not mine:
            return mine
        later = {at for s in self.stories for at in _labelled(s)} | {m.at for m in self.missed}
        return mine | {at for at in later if at > min(mine)}


def _cut(story: SeriesStory, at: datetime) -> SeriesStory:
    episodes = tuple(_then(story, e, at) for e in story.episodes if e.onset.at <= at)
    assessments = tuple(a for a in story.assessments if a.at <= at)
    return replace(story, assessments=assessments, detection=replace(story.detection, episodes=episodes))


def _then(story: SeriesStory, e: Episode, at: datetime) -> Episode:
    if e.worsened is not None and e.worsened.at > at:
        e = replace(e, worsened=None, level=e.onset.level)
    closed = _closed(story, e)
    return e if closed is None or closed <= at else replace(e, state=EpisodeState.OPEN, close=None)


def _closed(story: SeriesStory, e: Episode) -> datetime | None:
    """When it was known that it had ended. Silence is noticed when it has lasted, not at the score that ends it."""
    if e.close is None or e.state is not EpisodeState.EXPIRED:
        return e.close.at if e.close else None
    last = max((p.at for p in story.points if p.value is not None and p.at < e.close.at), default=e.onset.at)
    return min(e.close.at, last + GAP)


def _turns(story: SeriesStory, e: Episode) -> Iterator[datetime]:
    yield e.onset.at
    if e.worsened is not None:
        yield e.worsened.at
    if (closed := _closed(story, e)) is not None:
        yield closed


def _labelled(story: SeriesStory) -> Iterator[datetime]:
    seen: set[str] = set()
    for a in story.assessments:
        if not seen.issuperset(a.labels):
            yield a.at
        seen.update(a.labels)


def by_patient(told: Iterable[SeriesStory], missed: Iterable[Missed] = ()) -> dict[str, Past]:
    """Pasts of a whole endpoint."""
    stories: dict[str, list[SeriesStory]] = {}
    for s in told:
        stories.setdefault(s.key.patient, []).append(s)
    gone: dict[str, list[Missed]] = {}
    for m in missed:
        gone.setdefault(m.patient, []).append(m)
    return {patient: Past(tuple(mine), tuple(gone.get(patient, ()))) for patient, mine in stories.items()}
