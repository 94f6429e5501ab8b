"""From one patient's assessments to series, strains and notices. Pure.

The whole dyad is recomputed from all its assessments each time (rule R1): late, amended and
retracted responses need no case of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from msgspec.structs import replace as changed

from .detection import STRAINS, Policy, SitePolicies, Terms, subscale_drops
from .model import Assessment, Detection, Episode, EpisodeState, Event, Instrument, Point, SeriesKey


@dataclass(frozen=True, slots=True)
class SeriesStory:
    """One series, what the policy (`by`) says of it, and its subscale notices."""

    key: SeriesKey
    instrument: Instrument
    assessments: tuple[Assessment, ...]
    points: tuple[Point, ...]
    detection: Detection
    subscale_notices: tuple[Event, ...]
    by: Policy

    @property
    def episodes(self) -> tuple[Episode, ...]:
        """Episodes and the low-early check-in, in order of onset."""
        return self.detection.episodes

    @property
    def notices(self) -> tuple[Event, ...]:
        """What is shown but never pushed (level 1)."""
        return tuple(e for e in self.detection.events if e.level == 1) + self.subscale_notices


@dataclass(frozen=True, slots=True)
class Strain:
    """An episode in its dyad: what an alert is about.

    policy  id of the policy that found it
    labels  security labels of every form of the series: an alert tells of all of them
    terms   what the policy asked of the fall; None where it was compared with nothing
    """

    key: SeriesKey
    episode: Episode
    assessment: Assessment
    instrument: Instrument
    policy: str = "alliance-policy/1"
    labels: tuple[str, ...] = ()
    terms: Terms | None = None

    @property
    def dyad(self) -> tuple[str, str]:
        """Client and practitioner."""
        return self.key.patient, self.key.practitioner


def series_key(a: Assessment) -> SeriesKey:
    """The series that an assessment belongs to."""
    return SeriesKey(a.patient, a.practitioner, a.instrument, a.key, a.rater)


def stories(
    assessments: Iterable[Assessment],
    instruments: Mapping[str, Instrument],
    policies: SitePolicies,
    *,
    cutoffs: Mapping[str, float],
    as_of: datetime,
) -> list[SeriesStory]:
    """Every series of the given assessments, run through its policy, sorted by key.

    Assessments of an instrument that the site no longer knows are left out: nobody can say what they mean.
    """
    groups: dict[SeriesKey, list[Assessment]] = {}
    for a in assessments:
        if a.instrument in instruments:
            groups.setdefault(series_key(a), []).append(a)
    told = []
    for key, group in sorted(groups.items()):
        group.sort(key=lambda a: (a.at, a.authored_at, a.response))
        instrument = instruments[key.instrument]
        noticed = [s.id for s in instrument.scales if s.notice_drop is not None]
        rows = scale_points(group, ("total", *noticed))
        points = rows["total"]
        by = policies.of(instrument.id)
        detection = by.run(points, instrument.change, cutoff=cutoffs.get(instrument.id), as_of=as_of)
        detection = _allowed(detection, instrument, instrument.highest_level(key.rater))
        notices = subscale_drops({id: rows[id] for id in noticed}, detection, instrument) if noticed else ()
        told.append(SeriesStory(key, instrument, tuple(group), tuple(points), detection, tuple(notices), by))
    return told


def _allowed(detection: Detection, instrument: Instrument, highest: int) -> Detection:
    """What may be said of a series: a strain only of what a client says of an alliance (`highest` 3). Another
    rater's fall is a notice, never an episode; of an outcome nothing but the site's own cut-off is told."""
    if highest == 3:
        return detection
    if highest:
        events = tuple(replace(e, level=min(e.level, highest)) for e in detection.events)
        return replace(detection, events=events, episodes=())
    told = tuple(e for e in detection.events if e.kind == "cut-off" and instrument.higher == "better")
    bare = {"baseline": None, "spread": None, "limit": None, "in_episode": False, "base": ()}
    steps = tuple(changed(s, **bare) for s in detection.steps)
    return Detection(told, (), steps, "this measures no alliance, and no strain is looked for")


def scale_points(group: Sequence[Assessment], scales: Sequence[str]) -> dict[str, list[Point]]:
    """The series of each scale; an assessment without that score is a missing row."""
    rows: dict[str, list[Point]] = {scale: [] for scale in scales}
    for a in group:
        values = {score.scale: score.value for score in a.scores}
        for scale, points in rows.items():
            points.append(Point(a.at, values.get(scale), a.authored_at, a.response))
    return rows


def strains(told: Iterable[SeriesStory]) -> list[Strain]:
    """All episodes, oldest onset first, ties by instrument.

    A low-early check-in ends when a strain opens later in the same dyad, whichever instrument
    shows it: the strain's alert takes its place, so a dyad has one open alert.
    """
    found = []
    for story in told:
        by_response = {a.response: a for a in story.assessments}
        labels = tuple(sorted({label for a in story.assessments for label in a.labels}))
        found += [
            Strain(story.key, e, by_response[e.onset.source], story.instrument, story.by.id, labels, _terms(story, e))
            for e in story.episodes
        ]
    found.sort(key=lambda s: (s.episode.onset.at, s.key.instrument, s.episode.onset.source))
    return [_superseded(s, found) for s in found]


def _terms(story: SeriesStory, episode: Episode) -> Terms | None:
    """What was asked of the onset's score."""
    step = next((s for s in story.detection.steps if s.index == episode.onset.index), None)
    if step is None or episode.onset.baseline is None:
        return None
    behind = story.by.behind(step, story.instrument.change)
    return behind[1] if behind else None


def _superseded(strain: Strain, found: Sequence[Strain]) -> Strain:
    episode = strain.episode
    if episode.kind != "low-early" or episode.state is not EpisodeState.OPEN:
        return strain
    later = (
        s.dyad == strain.dyad and s.episode.kind in STRAINS and s.episode.onset.at >= episode.onset.at for s in found
    )
    return replace(strain, episode=replace(episode, state=EpisodeState.EXPIRED)) if any(later) else strain
