"""Did it go as planned? What came out, against what `clinic.toml` says must come out and no other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ..model import EpisodeState
from .forms import response_id
from .planted import SET_ASIDE, Entry, Event, Plan, Series

if TYPE_CHECKING:
    from .forms import Resource
    from .run import Outcome

Heard = tuple[str, str, int]
"""Response that an event is about, kind, level."""


def compare(outcome: Outcome, plan: Plan) -> list[str]:
    """A line for everything that did not go as planned: events, scores, quarantine, Tasks, the quiet last pass."""
    told = [
        *_sets("event", _heard(outcome), planned_events(plan)),
        *_sets("withdrawn", _withdrawn(outcome), planned_events(plan, withdrawn=True)),
        *_sets("score", _scores(outcome), planned_scores(plan)),
        *_sets("set aside", (line.source.partition("/")[2] for line in outcome.aside), planned_aside(plan)),
        *_sets(
            "alert",
            map(_standing, outcome.tasks.values()),
            ((f"Patient/{c.id}", *c.alert) for c in plan.clients if c.alert),
        ),
        *_equal("patients", outcome.held["Patient"], len(plan.clients)),
        *_equal("writes of the last pass", outcome.reports[4].writes, 0),
    ]
    for type in ("Observation", "Task"):
        told += _equal(f"{type}s in the server", outcome.held[type], outcome.wrote(f"{type}.create"))
    for number, report in outcome.reports.items():
        told += _equal(f"pass {number} complete", report.complete, True)
        told += _equal(f"refused in pass {number}", dict(report.refused), {})
        told += _equal(f"of unknown outcome in pass {number}", dict(report.unknown), {})
    return told


def planned_events(plan: Plan, *, withdrawn: bool = False) -> Iterator[Heard]:
    """What detection must say in the end; or what it had said before a form was retracted."""
    for series, ids in _series(plan):
        said: tuple[Event, ...] = series.withdrawn if withdrawn else series.events
        yield from ((ids[index], kind, level) for index, kind, level in said)
        if not withdrawn:
            yield from ((ids[index], "subscale-drop", 1) for index, _ in series.subscale_drops)


def planned_scores(plan: Plan) -> Iterator[tuple[str, float]]:
    """Response and total of everything that has a score in the end."""
    return ((id, e.final) for id, e in _entries(plan) if e.final is not None)


def planned_aside(plan: Plan) -> Iterator[str]:
    """Responses that must be set aside."""
    return (id for id, e in _entries(plan) if e.note in SET_ASIDE)


def _series(plan: Plan) -> Iterator[tuple[Series, dict[int, str]]]:
    """Every series with the response ids of its entries by index."""
    for client in plan.clients:
        for series in client.series:
            sessions = enumerate(range(series.start, series.start + len(series.entries)), 1)
            yield series, {index: response_id(f"{client.id}-s{session:02}", series) for index, session in sessions}


def _entries(plan: Plan) -> Iterator[tuple[str, Entry]]:
    for series, ids in _series(plan):
        yield from zip(ids.values(), series.entries, strict=True)


def _heard(outcome: Outcome) -> Iterator[Heard]:
    for story in outcome.stories:
        yield from ((e.source, e.kind, e.level) for e in (*story.detection.events, *story.subscale_notices))


def _withdrawn(outcome: Outcome) -> Iterator[Heard]:
    gone = (t for t in outcome.told if t.state is EpisodeState.WITHDRAWN)
    return ((t.response, t.strain.episode.onset.kind, t.strain.episode.onset.level) for t in gone)


def _scores(outcome: Outcome) -> Iterator[tuple[str, float]]:
    for story in outcome.stories:
        places = story.instrument.scale("total").places
        yield from ((a.response, round(s.value, places)) for a in story.assessments if (s := a.score("total")))


def _standing(task: Resource) -> tuple[str, str, str]:
    state = task["businessStatus"]["coding"][0]["code"]
    return task["for"]["reference"], state, task["priority"]


def _sets(what: str, found: Iterable[object], planned: Iterable[object]) -> Iterator[str]:
    there, wanted = set(found), set(planned)
    yield from (f"{what}, not planned: {x}" for x in sorted(map(str, there - wanted)))
    yield from (f"{what}, planned but missing: {x}" for x in sorted(map(str, wanted - there)))


def _equal(what: str, found: object, planned: object) -> Iterator[str]:
    if found != planned:
        yield f"{what}: {found}, planned {planned}"
