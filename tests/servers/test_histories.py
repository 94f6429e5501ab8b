"""Random histories with a crash at a ledger step that hypothesis chooses, on real servers.

Forms are added, amended, retracted, restored, cut and moved to another patient while passes run and
die. After a clean pass the EHR must hold what one pass over the final data would have written:
every score once, under the right patient, and the alerts that the policy's episodes ask for.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fhir_alliance import faults, instruments
from fhir_alliance.config import Settings
from fhir_alliance.detection import policy
from fhir_alliance.model import Episode, Point
from fhir_alliance.report import RunReport
from fhir_alliance.sync import sync

from .clinic import Clinic, srs_items
from .ehr import Ehr, reference, state, value

EXAMPLES = {"sekmet": 270, "hapi": 40}
BASE = (37.2, 38.0, 37.6, 38.4, 37.9)
SRS = instruments.get("srs-v3")
HITS: Counter[str] = Counter()
"""Ledger steps at which a crash really happened, over all histories of this process."""


class Crash(BaseException):
    """The process ends here, as far as the pass can tell."""


totals = st.sampled_from([28.0, 30.5, 31.9, 33.0, 35.5, 36.4, 37.0, 38.0, 40.0])
which = st.integers(0, 9)
steps = st.sampled_from(faults.STEPS)
crash = st.tuples(steps, st.integers(1, 2))
edits = st.one_of(
    st.tuples(st.just("new"), totals),
    st.tuples(st.sampled_from(["amend", "late"]), which, totals),
    st.tuples(st.sampled_from(["retract", "restore", "cut", "move"]), which),
)
histories = st.lists(st.tuples(st.lists(edits, max_size=3), crash), min_size=1, max_size=3)


@dataclass
class Form:
    """One response as the EHR holds it now."""

    body: dict[str, Any]
    total: float
    at: datetime
    whole: bool = True
    home: bool = True

    @property
    def counts(self) -> bool:
        return self.whole and self.body["status"] in {"completed", "amended"}


@dataclass
class World:
    """Two patients on a server, the forms they filled in, and our installation."""

    ehr: Ehr
    clinic: Clinic
    folder: Path
    forms: list[Form] = field(default_factory=list)
    sessions: int = 0

    def __post_init__(self) -> None:
        self.a, self.b = self.clinic.patient("a"), self.clinic.patient("b")
        self.doctor = self.clinic.practitioner()
        self.site = Settings(
            endpoint={"main": {"base_url": self.ehr.base}},
            cohort={"source": "ids", "ids": [self.a, self.b], "max_shrink": 1},
            write={"enabled": True, "types": ["Observation", "Task"], "reconcile_after": "0s"},
            licences={"attested": ["srs-v3"]},
            store={"path": str(self.folder / "state" / "alliance.db")},
            log={"level": "error"},
        )
        for total in BASE:
            self.new(total)

    def new(self, total: float) -> None:
        """A session three days after the one before, the tenth yesterday."""
        weeks = max(0.0, (9 - self.sessions) * 3 / 7) - self.sessions / 10_000
        encounter = self.clinic.encounter(f"e{self.sessions}", self.a, self.doctor, weeks)
        link = {"reference": f"Encounter/{encounter}"}
        body = self.clinic.srs(f"q{self.sessions}", self.a, total, weeks, encounter=link)
        form = Form(body, total, self.clinic.weeks_ago(weeks))
        self.sessions += 1
        self.forms.append(form)
        self.ehr.put(form.body)

    def edit(self, kind: str, *given: Any) -> None:
        if kind == "new":
            if self.sessions < 10:
                self.new(*given)
            return
        form = self.forms[given[0] % len(self.forms)]
        if kind == "late":
            form = self.forms[0]
        if kind in {"amend", "late"}:
            form.total, form.whole = given[1], True
            form.body |= {"status": "amended", "item": srs_items(given[1])}
        elif kind == "cut":
            form.whole = False
            form.body["item"] = form.body["item"][1:]
        elif kind == "move":
            form.home = not form.home
            form.body = {k: v for k, v in form.body.items() if k != "encounter"}
            form.body["subject"] = {"reference": f"Patient/{self.a if form.home else self.b}"}
        else:
            form.body["status"] = "entered-in-error" if kind == "retract" else "amended"
        self.ehr.put(form.body)

    def run(self, at: tuple[str, int] | None = None) -> RunReport | None:
        """A pass; None when it crashed."""
        seen: Counter[str] = Counter()

        def reached(step: str) -> None:
            seen[step] += 1
            if at == (step, seen[step]):
                HITS[step] += 1
                raise Crash

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(faults, "reached", reached)
            try:
                return sync(self.site)
            except Crash:
                return None

    # -- what must stand in the end

    def settle(self) -> None:
        for _ in range(6):
            report = self.run()
            assert report is not None
            if report.exit_code == 0:
                return
        raise AssertionError(report.to_json())

    def check_scores(self) -> None:
        for patient, home in ((self.a, True), (self.b, False)):
            found = self.ehr.observations(patient)
            by_form: dict[str, list[Any]] = {}
            for o in found:
                by_form.setdefault(reference(o, "derivedFrom").partition("/")[2], []).append(o)
            assert all(len(same) == 1 for same in by_form.values()), "a score stands twice"
            valid = {id: value(o) for id, (o,) in by_form.items() if o["status"] != "entered-in-error"}
            assert valid == {f.body["id"]: f.total for f in self.forms if f.counts and f.home is home}

    def episodes(self) -> dict[str, Episode]:
        """By onset response. A form that came back without its link is linked by inference: one session is near."""
        mine = [f for f in self.forms if f.counts and f.home]
        points = [Point(f.at, f.total, source=f.body["id"]) for f in mine]
        return {e.onset.source: e for e in policy().run(points, SRS.change).episodes}

    def check_alerts(self) -> None:
        tasks = self.ehr.tasks(self.a)
        assert self.ehr.tasks(self.b) == []
        keys = [t["identifier"][0]["value"] for t in tasks]
        assert len(keys) == len(set(keys)), "an alert stands twice"
        assert sum(state(t) == "open" for t in tasks) <= 1, "two alerts of one dyad are open"
        episodes = self.episodes()
        said = {}
        for task in tasks:
            about = reference(self.ehr.read(reference(task, "focus")), "derivedFrom").partition("/")[2]
            assert about not in said, "two alerts about one onset"
            said[about] = task
            if state(task) == "withdrawn":
                assert task["status"] in {"cancelled", "entered-in-error"}
                assert about not in episodes or episodes[about].state != "open"
            else:
                assert state(task) == episodes[about].state
        due = [id for id, e in episodes.items() if e.state == "open" and e.kind != "low-early"]
        assert all(id in said and state(said[id]) == "open" for id in due), "an alert was lost"


@pytest.fixture
def world_folder(tmp_path: Path) -> Path:
    HITS.clear()
    return tmp_path


@pytest.mark.timeout(900)
def test_random_histories(ehr: Ehr, server: Any, world_folder: Path) -> None:
    made = 0

    def history(told: list[tuple[list[tuple[Any, ...]], tuple[str, int]]]) -> None:
        nonlocal made
        made += 1
        world = World(ehr, Clinic(ehr), world_folder / str(made))
        for changes, at in told:
            for change in changes:
                world.edit(*change)
            world.run(at)
        world.settle()
        world.check_scores()
        world.check_alerts()
        again = world.run()
        assert again is not None
        assert again.writes == 0

    played = given(histories)(history)
    for step in faults.STEPS:
        played = example([([("amend", 1, 30.5)], (step, 1))])(played)
    settings(
        max_examples=EXAMPLES[server.recipe.name],
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )(played)()
    assert set(HITS) == set(faults.STEPS), f"not every step was hit: {HITS}"


def test_a_bug_costs_one_patient(ehr: Ehr, clinic: Clinic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Something unforeseen in one patient's data: the others are done, that one stays due, nothing of it is printed."""
    from fhir_alliance import passing

    world = World(ehr, clinic, tmp_path)
    real = passing.decide

    def broken(evidence: Any, rules: Any) -> Any:
        if any(r.patient == f"Patient/{world.a}" for r in evidence.readings):
            raise KeyError(world.a)
        return real(evidence, rules)

    monkeypatch.setattr(passing, "decide", broken)
    report = sync(world.site)
    assert (report.exit_code, report.patients["incomplete"], report.patients["completed"]) == (3, 1, 1)
    assert any("KeyError at test_histories.py" in line for line in report.messages)
    assert not any(clinic.tag in line for line in report.messages)
    monkeypatch.setattr(passing, "decide", real)
    assert sync(world.site).exit_code == 0
    assert len(ehr.observations(world.a)) == len(BASE)
