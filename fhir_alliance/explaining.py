"""What `explain` is asked about → the series to tell of: an alert, a patient, or a series of a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, RowMapping, or_, select

from .alerting import BUSY, COVERED, AlertRules, plan_alerts
from .answers import Answer, Heard, Said
from .config import Settings
from .corroboration import KIND as MISSED
from .corroboration import corroborated
from .decide import ALERTS
from .derive import SeriesStory, Strain, strains
from .detection import Policy
from .errors import ConfigError
from .explanation import Account, Case, account
from .files import content
from .keys import Keys
from .messages import thread_of
from .model import Episode, EpisodeState, Instrument
from .overview import told
from .rulebook import rulebook
from .series import read_series
from .store import tables as t
from .store.answers import Answers
from .store.missed import missed_by
from .wording import day

WAITS = "its clinician had a day's alerts (alerts.max_per_day); it comes on another day"
_NAMES = ("type", "key", "resource_id", "patient", "practitioner", "response", "standing", "state", "attached")
_COLUMNS = tuple(t.written.c[name] for name in _NAMES)


@dataclass(frozen=True, slots=True)
class Asked:
    """Which of the series are asked about. None: any.

    session  position in the series, from 1, of the score asked about
    """

    instrument: str | None = None
    practitioner: str | None = None
    session: int | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """One series to explain.

    about     whose it is, as plain values
    alerts    what was written or sent for the strain: reference, standing and state
    remarks   what is to be said besides: where it was told, or why not
    problems  rows of the file that cannot be used
    """

    title: str
    account: Account
    about: Mapping[str, Any]
    alerts: Sequence[Mapping[str, str]] = ()
    silent: str | None = None
    remarks: Sequence[str] = ()
    problems: Sequence[str] = ()


def of_file(
    path: Path,
    instrument: Instrument,
    series: str | None,
    by: Policy,
    *,
    session: int | None = None,
    cutoff: float | None = None,
) -> list[Told]:
    """The named series of a file (or its only one). ConfigError when it is not there."""
    file = read_series(content(str(path)), instrument.change)
    chosen = [s for s in file.series if series is None or s.name == series]
    if not chosen or (series is None and len(chosen) > 1):
        raise ConfigError(f"say which series with --series; the file has {len(file.series)}")
    one = chosen[0]
    problems = [p.reason for p in file.problems if p.series in {None, one.name}]
    case = Case(
        one.points,
        by.run(one.points, instrument.change, cutoff=cutoff),
        instrument,
        by,
        session=_inside(session, len(one.points)),
        cutoff=cutoff,
    )
    return [Told(one.name, account(case), {"series": one.name}, problems=problems)]


def of_store(
    engine: Engine,
    settings: Settings,
    endpoint: str,
    secret: bytes,
    what: str,
    now: datetime,
    asked: Asked | None = None,
) -> list[Told]:
    """A patient ("Patient/1"), an alert ("Task/2", "Communication/3"), or an alert's identifier."""
    asked = asked or Asked()
    base = settings.endpoint[endpoint].base_url
    keys = Keys(base, secret)
    rules = rulebook(settings, keys, now).alerts
    row = None if what.startswith("Patient/") else _alert(engine, base, what)
    patient = row["patient"] if row else what
    stories = told(engine, settings, endpoint, now, patient)
    answers = Answers(engine, base)
    heard = Heard(answers.of(patient), frozenset(w.key for w in answers.waiting(patient)))
    missed = missed_by(engine, base, patient) if settings.alerts.missed_sessions else ()
    store = _Store(settings, keys, rules, corroborated(strains(stories), missed), _alerts(engine, base, patient), heard)
    if row:
        return [store.of_alert(row, stories, asked.session)]
    return [store.told(s, session=asked.session) for s in stories if _wanted(s, asked)]


def _wanted(story: SeriesStory, asked: Asked) -> bool:
    return asked.instrument in {None, story.instrument.id} and asked.practitioner in {None, story.key.practitioner}


def _alert(engine: Engine, base: str, what: str) -> RowMapping:
    """What we wrote under that reference or identifier; ConfigError when that is nothing."""
    type, _, id = what.partition("/")
    w = t.written.c
    match = or_((w.type == type) & (w.resource_id == id), w.key == what.rsplit("|", 1)[-1])
    with engine.connect() as c:
        row = c.execute(select(*_COLUMNS).where(w.base == base, w.type.in_(ALERTS), match)).mappings().first()
    if row is None:
        raise ConfigError("no alert of ours has that id or identifier; `fhir-alliance status` lists them")
    return row


def _alerts(engine: Engine, base: str, patient: str) -> list[RowMapping]:
    """All alerts about a patient, oldest first."""
    w = t.written.c
    query = select(*_COLUMNS).where(w.base == base, w.type.in_(ALERTS), w.patient == patient)
    with engine.connect() as c:
        return list(c.execute(query.order_by(w.created, w.type, w.key)).mappings())


@dataclass(frozen=True, slots=True)
class _Store:
    """What is known of one patient besides the series."""

    settings: Settings
    keys: Keys
    rules: AlertRules
    strains: Sequence[Strain]
    alerts: Sequence[RowMapping]
    heard: Heard

    def told(self, story: SeriesStory, episode: Episode | None = None, session: int | None = None) -> Told:
        """One series, with what was written of the strain that is looked at."""
        key = story.key
        session = _inside(session, len(story.points))
        case = Case(
            story.points,
            story.detection,
            story.instrument,
            story.by,
            episode=episode,
            session=session,
            notices=story.subscale_notices,
            forms={a.response: s for a in story.assessments if (s := a.score("total"))},
            cutoff=self.settings.detection.cutoffs.get(key.instrument),
            rater=key.rater,
        )
        found = account(case)
        about = {"patient": key.patient, "practitioner": key.practitioner, "key": key.key, "rater": key.rater}
        about["response"] = found.row.point.source if found.row else ""
        strain = self._strain(story, found.episode)
        alerts, silent = self._alerted(strain) if strain else ([], None)
        remarks = [*_remarks(alerts, silent), *(self._since(strain) if strain and alerts else ())]
        return Told(f"{key.patient}, {key.practitioner}", found, about, alerts, silent, remarks)

    def of_alert(self, row: RowMapping, stories: Sequence[SeriesStory], session: int | None) -> Told:
        """The strain that an alert is about; where the data no longer show it, its series as it stands."""
        for strain in self.strains:
            if self._key(strain) == thread_of(row["key"]):
                story = next(s for s in stories if s.key == strain.key)
                return self.told(story, strain.episode, session)
        dyad = [s for s in stories if (s.key.patient, s.key.practitioner) == (row["patient"], row["practitioner"])]
        gone = "the data no longer show the strain that the alert was raised for"
        if not dyad:
            raise ConfigError(f"{gone}, nor any score of that client with that practitioner")
        own = [s for s in dyad if any(p.source == row["response"] for p in s.points)]
        story = (own or dyad)[0]
        places = {a.response: i for i, a in enumerate(story.assessments, 1)}
        found = self.told(story, session=session or places.get(row["response"]) or len(story.points))
        taken_back = "it was withdrawn" if row["standing"] == "retracted" else "the next pass withdraws it"
        remark = f"You asked about {_name(row)}: {gone}; {taken_back}. This is the series as it stands."
        return Told(found.title, found.account, found.about, [_shown(row)], found.silent, [remark, *found.remarks])

    def _key(self, strain: Strain) -> str:
        return self.keys.alert(*strain.dyad, strain.assessment.response)

    def _strain(self, story: SeriesStory, episode: Episode | None) -> Strain | None:
        onset = episode.onset if episode else None
        return next((s for s in self.strains if s.key == story.key and s.episode.onset == onset), None)

    def _since(self, strain: Strain) -> Iterator[str]:
        """What has come from the EHR since the alert was raised."""
        worse, answer = strain.episode.worsened, self.heard.answers.get(self._key(strain), Answer())
        if worse and worse.kind == MISSED:
            yield f"The client missed a session on {day(worse.at)}: that made the alert urgent."
        if answer.said is not Said.NOTHING:
            yield f"The clinician's answer: {answer.said}."
        if answer.until:
            yield f"Put off until {day(answer.until)}."

    def _alerted(self, strain: Strain) -> tuple[list[Mapping[str, str]], str | None]:
        """What was written for a strain, else why nothing was."""
        rows = [row for row in self.alerts if thread_of(row["key"]) == self._key(strain)]
        if rows:
            return [_shown(row) for row in rows], None
        _, silent = plan_alerts("Task", [strain], (), self.keys, self.rules, heard=self.heard)
        if silent:
            return [], next(iter(silent))
        if self._key(strain) in self.heard.waiting:
            return [], WAITS
        dyad = [r for r in self.alerts if (r["patient"], r["practitioner"]) == strain.dyad]
        ended = {r["key"] for r in dyad if self.heard.ended(thread_of(r["key"]))}
        if any(strain.assessment.response in r["attached"].split() for r in dyad if r["key"] in ended):
            return [], COVERED
        busy = any(r["standing"] == "written" and r["state"] == "open" for r in dyad if r["key"] not in ended)
        return [], BUSY if busy else "not yet; a pass that may write raises it"


def _shown(row: RowMapping) -> Mapping[str, str]:
    state = EpisodeState.WITHDRAWN if row["standing"] == "retracted" else row["state"]
    return {"reference": _name(row), "standing": row["standing"], "state": str(state)}


def _name(row: RowMapping) -> str:
    return f"{row['type']}/{row['resource_id']}" if row["resource_id"] else str(row["type"])


def _remarks(alerts: Sequence[Mapping[str, str]], silent: str | None) -> list[str]:
    if alerts:
        where = ", ".join(f"{a['reference']} ({a['standing']}, {a['state']})" for a in alerts)
        return [f"Told as {where}."]
    return [f"No alert was raised for it: {silent}."] if silent else []


def _inside(session: int | None, length: int) -> int | None:
    if session is not None and not 1 <= session <= length:
        raise ConfigError(f"--session: the series has {length} sessions")
    return session
