"""What `explain` is asked about → the series to tell of: an alert, a patient, or a series of a file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine, or_, select

from .config import Settings
from .decide import ALERTS
from .derive import SeriesStory, strains
from .detection import Policy
from .errors import ConfigError
from .keys import Keys
from .messages import thread_of
from .model import Detection, Episode, Event, Instrument, Point
from .overview import told
from .series import read_series
from .store import tables as t


@dataclass(frozen=True, slots=True)
class Told:
    """One series to explain. `episode` None: the newest, or why there is none.

    unanswered  items left out on the onset's form, None when unknown
    """

    title: str
    instrument: Instrument
    points: tuple[Point, ...]
    detection: Detection
    by: Policy
    episode: Episode | None = None
    notices: tuple[Event, ...] = ()
    unanswered: int | None = None


def of_file(path: Path, instrument: Instrument, series: str | None, by: Policy) -> list[Told]:
    """The named series of a file (or its only one). ConfigError when it is not there."""
    try:
        file = read_series(path.read_bytes(), instrument.change)
    except OSError as error:
        raise ConfigError(f"the file cannot be read: {error.strerror}") from None
    found = file.series
    chosen = [s for s in found if series is None or s.name == series]
    if not chosen or (series is None and len(chosen) > 1):
        raise ConfigError(f"say which series with --series; the file has {len(found)}")
    one = chosen[0]
    if problems := [p.reason for p in file.problems if p.series in {None, one.name}]:
        raise ConfigError(f"rows of that series cannot be used ({problems[0]}); `fhir-alliance detect` lists them")
    return [Told(one.name, instrument, one.points, by.run(one.points, instrument.change), by)]


def of_store(engine: Engine, settings: Settings, endpoint: str, secret: bytes, what: str, now: datetime) -> list[Told]:
    """A patient ("Patient/1"), an alert ("Task/2", "Communication/3"), or an alert's identifier."""
    if what.startswith("Patient/"):
        return [_told(story, None) for story in told(engine, settings, endpoint, now, what)]
    base = settings.endpoint[endpoint].base_url
    type, _, id = what.partition("/")
    w = t.written.c
    match = or_((w.type == type) & (w.resource_id == id), w.key == what.rsplit("|", 1)[-1])
    with engine.connect() as c:
        query = select(w.patient, w.key, w.standing).where(w.base == base, w.type.in_(ALERTS), match)
        row = c.execute(query).first()
    if row is None:
        raise ConfigError("no alert of ours has that id or identifier; `fhir-alliance status` lists them")
    keys = Keys(base, secret)
    stories = told(engine, settings, endpoint, now, row.patient)
    for strain in strains(stories):
        if keys.alert(*strain.dyad, strain.assessment.response) == thread_of(row.key):
            return [_told(s, strain.episode) for s in stories if s.key == strain.key]
    raise ConfigError("that alert was withdrawn: the data no longer show the strain it was raised for")


def _told(story: SeriesStory, episode: Episode | None) -> Told:
    title = f"{story.key.patient}, {story.key.practitioner}"
    chosen = episode or next(reversed(story.episodes), None)
    onset = next((a for a in story.assessments if chosen and a.response == chosen.onset.source), None)
    score = onset.score("total") if onset else None
    unanswered = score.items - score.answered if score else None
    notices = story.subscale_notices
    return Told(title, story.instrument, story.points, story.detection, story.by, episode, notices, unanswered)
