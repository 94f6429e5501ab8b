"""What stands now, from the store alone: every series, its strains and alerts, runs and backlog.

Series are recomputed from the stored assessments with the configured policy, so that what is shown
is what the next pass would decide.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, select

from .answers import Answer, word
from .catalogue import catalogue
from .cohort import same_person
from .config import Settings
from .corroboration import corroborated
from .decide import ALERTS
from .derive import SeriesStory, Strain, stories, strains
from .detection import site_policies
from .digest import is_digest
from .fhir.stated import DIFFERS, disagreement
from .imagined import Imagined
from .keys import Keys
from .messages import thread_of
from .rulebook import rulebook
from .shadow import Shadow, shadow
from .store import tables as t
from .store.answers import Answers
from .store.cases import cases
from .store.ledger import Ledger
from .store.missed import missed_by
from .store.store import SetAside, Store, last_complete, last_runs, stamp, unstamp


@dataclass(frozen=True, slots=True)
class Standing:
    """One strain and, if there is one, the alert that stands for it ("Task/12"), and what was answered to it."""

    strain: Strain
    story: SeriesStory
    alerts: tuple[str, ...]
    answer: Answer


def told(
    engine: Engine, settings: Settings, endpoint: str, now: datetime, patient: str | None = None
) -> list[SeriesStory]:
    """Every series of an endpoint (or of one patient)."""
    store = Store(engine, settings.endpoint[endpoint].base_url)
    by = settings.detection
    rules = site_policies(by.policy, by.policies, by.preset)
    return stories(store.assessments(patient), catalogue(settings), rules, cutoffs=by.cutoffs, as_of=now)


def in_shadow(engine: Engine, settings: Settings, endpoint: str, secret: bytes, now: datetime) -> Shadow:
    """What would have been written on all that was read of the present roster."""
    at = settings.endpoint[endpoint]
    out = outside(Store(engine, at.base_url), settings.cohort.exclude)
    series = [s for s in told(engine, settings, endpoint, now) if s.key.patient not in out]
    return shadow(
        series,
        rulebook(settings, Keys(at.base_url, secret), now),
        most=settings.alerts.max_per_day,
        zone=ZoneInfo(at.timezone),
        changes=Imagined(settings, now).changes,
        missed=missed_by(engine, at.base_url) if settings.alerts.missed_sessions else [],
    )


def outside(store: Store, exclude: Iterable[str]) -> set[str]:
    """Who is not read any more: whom the newest pass did not find in the cohort, and who is excluded by now."""
    out = {f"Patient/{i.removeprefix('Patient/')}" for i in exclude if not i.startswith("Group/")}
    # An opt-out holds under every id.
    return same_person(out, store.merged()) | store.left()


def standings(engine: Engine, settings: Settings, endpoint: str, secret: bytes, now: datetime) -> list[Standing]:
    """Every strain that the policy sees, with its alerts, oldest onset first."""
    base = settings.endpoint[endpoint].base_url
    keys = Keys(base, secret)
    series = told(engine, settings, endpoint, now)
    by_key = {s.key: s for s in series}
    alerts, answers = alerts_by_key(engine, base), Answers(engine, base).all()
    missed = missed_by(engine, base) if settings.alerts.missed_sessions else []
    found = corroborated([s for _, group in _by_patient(series) for s in strains(group)], missed)
    found.sort(key=lambda s: s.episode.onset.at)
    told_as = [(s, keys.alert(*s.dyad, s.assessment.response)) for s in found]
    return [Standing(s, by_key[s.key], tuple(alerts.get(key, ())), answers.get(key, Answer())) for s, key in told_as]


def _by_patient(series: list[SeriesStory]) -> Iterator[tuple[str, list[SeriesStory]]]:
    groups: dict[str, list[SeriesStory]] = {}
    for s in series:
        groups.setdefault(s.key.patient, []).append(s)
    yield from groups.items()


def alerts_by_key(engine: Engine, base: str) -> dict[str, list[str]]:
    """Alert key → references of what was written for it."""
    w = t.written.c
    found: dict[str, list[str]] = {}
    with engine.connect() as c:
        query = select(w.key, w.type, w.resource_id).where(w.base == base, w.type.in_(ALERTS))
        for key, type, id in c.execute(query.order_by(w.type, w.created)):
            found.setdefault(thread_of(key), []).append(f"{type}/{id}" if id else type)
    return found


@dataclass(frozen=True, slots=True)
class Status:
    """What IT wants to know of one endpoint. `freshness` None: no complete pass yet.

    disagreements        totals that are stated otherwise, by the form or beside it
    answers              alerts by what their clinicians answered; `snoozed` ones are put off for now
    waiting              alerts that a cap holds back, by clinician
    review               what `review` lists, by what it is
    """

    endpoint: str
    runs: list[Mapping[str, Any]] = field(default_factory=list)
    freshness: timedelta | None = None
    backlog: dict[str, int] = field(default_factory=dict)
    due: int = 0
    quarantine: list[SetAside] = field(default_factory=list)
    alerts_per_clinician_week: dict[str, float] = field(default_factory=dict)
    open_alerts: int = 0
    unassigned: int = 0
    held: dict[str, int] = field(default_factory=dict)
    disagreements: list[Mapping[str, Any]] = field(default_factory=list)
    answers: Mapping[str, int] = field(default_factory=dict)
    answers_by_clinician: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    waiting: Mapping[str, int] = field(default_factory=dict)
    review: Mapping[str, int] = field(default_factory=dict)


def status(engine: Engine, settings: Settings, endpoint: str, now: datetime) -> Status:
    """Runs, freshness, backlog, quarantine and alert burden (mean over the last four weeks)."""
    base = settings.endpoint[endpoint].base_url
    store = Store(engine, base)
    w = t.written.c
    with engine.connect() as c:
        alerts = select(w.key, w.practitioner, w.created, w.state, w.standing)
        every = c.execute(alerts.where(w.base == base, w.type.in_(ALERTS)).order_by(w.type.desc())).mappings()
        # One strain is one alert, in however many places and messages it was told.
        firsts = (r for r in every if thread_of(r["key"]) == r["key"] and not is_digest(r["key"]))
        rows = list({r["key"]: r for r in firsts}.values())
        held: dict[str, int] = {}
        for type, standing in c.execute(select(w.type, w.standing).where(w.base == base)):
            held[f"{type}.{standing}"] = held.get(f"{type}.{standing}", 0) + 1
        a = t.assessment.c
        nobody = select(a.patient).where(a.base == base, a.practitioner == "unassigned").distinct()
        unassigned = len(list(c.execute(nobody)))
    weekly: dict[str, float] = {}
    for row in rows:
        if row["created"] >= stamp(now - timedelta(weeks=4)):
            weekly[row["practitioner"]] = weekly.get(row["practitioner"], 0.0) + 0.25
    fresh = last_complete(engine)
    heard = Answers(engine, base)
    answers = heard.all()
    said = [
        (r["practitioner"], word(answers.get(r["key"], Answer()), now)) for r in rows if r["standing"] != "retracted"
    ]
    review: Counter[str] = Counter(case.what for case in cases(engine, base, now))
    refused = {"refused": review["refused"]} if review["refused"] else {}
    return Status(
        endpoint=endpoint,
        runs=list(last_runs(engine)),
        freshness=now - fresh if fresh else None,
        backlog=Ledger(engine, base, "").counts() | refused,
        due=store.due_count(),
        quarantine=store.quarantine(),
        alerts_per_clinician_week=weekly,
        open_alerts=sum(
            r["state"] == "open" and r["standing"] == "written" and not answers.get(r["key"], Answer()).silences
            for r in rows
        ),
        unassigned=unassigned,
        held=held,
        disagreements=[line for a in store.flagged(DIFFERS) if (line := disagreement(a))],
        answers=Counter(what for _, what in said),
        answers_by_clinician={who: Counter(what for w, what in said if w == who) for who, _ in said},
        waiting=Counter(w.practitioner for w in heard.waiting()),
        review=review,
    )


__all__ = ["Standing", "Status", "alerts_by_key", "standings", "status", "told", "unstamp"]
