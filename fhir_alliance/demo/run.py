"""The demo's story: three passes while weeks go by, one more that must write nothing, and what came of it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

from .. import overview
from ..config import Settings
from ..derive import SeriesStory, Strain
from ..model import EpisodeState
from ..opening import open_store
from ..report import RunReport
from ..store.store import SetAside, Store
from ..sync import sync
from . import clinic, planted
from .expected import compare
from .forms import Resource
from .loading import everything, load
from .server import Server
from .site import ENDPOINT, settings_for

TITLES = {1: "the history", 2: "one week on", 3: "two weeks on", 4: "nothing changed"}


class Teller(Protocol):
    """Who is told how far the demo is."""

    def step(self, title: str) -> Callable[[int, int], None]:
        """A new step; the answer takes (done, of)."""


@dataclass(frozen=True, slots=True)
class Told:
    """One strain as the demo tells it: where it stands, its series, and its alert ("Task/1" or "")."""

    strain: Strain
    story: SeriesStory
    alert: str
    state: EpisodeState

    @property
    def response(self) -> str:
        """Id of the response that it began with."""
        return self.strain.assessment.response


@dataclass(slots=True)
class Outcome:
    """Everything that came of the demo. `held` counts what the server holds, "Type" or "Type.status"."""

    server: Server
    settings: Settings
    now: datetime
    reports: dict[int, RunReport] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)
    stories: list[SeriesStory] = field(default_factory=list)
    aside: list[SetAside] = field(default_factory=list)
    tasks: dict[str, Resource] = field(default_factory=dict)
    held: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def as_planned(self) -> bool:
        """Did every planted event come out and no other, and was everything written, once?"""
        return not self.differences

    def wrote(self, name: str) -> int:
        """Writes of all passes by "Type.op"."""
        return sum(r.written[name] for r in self.reports.values())


def run(server: Server, folder: Path, now: datetime, teller: Teller) -> Outcome:
    """Load, pass, load, pass, load, pass, pass; then look at the server and compare with what was planted.

    folder  for the configuration and the store, which stay there
    Raises EHRError when the server fails, ConfigError when it cannot be used.
    """
    started = time.monotonic()
    plan = planted.plan()
    outcome = Outcome(server, settings_for(server.url, folder, plan.cutoffs), now)
    seen: dict[str, Told] = {}
    for number, resources in clinic.build(plan, now.date()).items():
        load(server, resources, teller.step(f"{TITLES[number].capitalize()}: loading"))
        _pass(outcome, number, teller)
        _look(outcome, seen)
    _pass(outcome, 4, teller)
    teller.step("Reading back")(0, 0)
    _read_back(outcome)
    outcome.differences = compare(outcome, plan)
    outcome.seconds = time.monotonic() - started
    return outcome


def _pass(outcome: Outcome, number: int, teller: Teller) -> None:
    progress = teller.step(f"{TITLES[number].capitalize()}: reading, scoring, writing")
    outcome.reports[number] = sync(outcome.settings, progress=progress)


def _look(outcome: Outcome, seen: dict[str, Told]) -> None:
    """What stands after a pass. A strain that an earlier pass saw and this one does not is withdrawn."""
    with open_store(outcome.settings) as (engine, secret):
        base = outcome.settings.endpoint[ENDPOINT].base_url
        standing = overview.standings(engine, outcome.settings, ENDPOINT, secret, outcome.now)
        outcome.stories = overview.told(engine, outcome.settings, ENDPOINT, outcome.now)
        outcome.aside = Store(engine, base).quarantine()
    current = {
        s.strain.assessment.response: Told(s.strain, s.story, next(iter(s.alerts), ""), s.strain.episode.state)
        for s in standing
    }
    for response, told in seen.items():
        if response not in current:
            current[response] = replace(told, state=EpisodeState.WITHDRAWN)
    seen.update(current)
    outcome.told = sorted(current.values(), key=lambda t: (t.strain.episode.onset.at, t.response))


def _read_back(outcome: Outcome) -> None:
    """Ask the server itself, as any other client would."""
    for type in ("Patient", "Encounter", "QuestionnaireResponse", "Observation", "Task"):
        for resource in everything(outcome.server, type):
            outcome.held[type] += 1
            outcome.held[f"{type}.{resource.get('status')}"] += 1
            if type == "Task":
                outcome.tasks[f"Task/{resource['id']}"] = resource
