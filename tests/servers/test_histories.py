"""Random histories on real servers: hypothesis chooses what happens to the data, and what goes wrong in each pass.

Forms are added, amended, retracted, restored, cut and moved to another patient, and the patient is merged into that
other one, while passes die at a ledger step, meet faults of the server or of the network (a rewriting proxy plays them
in front of the real one), or meet a second connector. After the faults stop and a clean pass the EHR must hold what one
pass over the final data would have written: every score once, under the right patient, and the alerts that the policy's
episodes ask for.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fhir_alliance import faults, instruments
from fhir_alliance.answers import TASK, Answer, Said
from fhir_alliance.config import Settings
from fhir_alliance.detection import policy
from fhir_alliance.errors import LeaseHeld
from fhir_alliance.log import configure as configure_log
from fhir_alliance.model import Episode, Point
from fhir_alliance.opening import open_store
from fhir_alliance.report import RunReport
from fhir_alliance.store.answers import Answers
from fhir_alliance.store.database import open_engine
from fhir_alliance.sync import sync

from . import faults as troubles
from .clinic import Clinic, srs_items
from .ehr import Ehr, Json, reference, state, value
from .proxy import Action, Proxy

TIMES = int(os.environ.get("ALLIANCE_HISTORIES", "1"))
"""For more on demand: ALLIANCE_HISTORIES=10 plays ten times as many."""
EXAMPLES = {"sekmet": 500, "hapi": 40}
TROUBLED = {"sekmet": 500, "hapi": 20}
BASE = (37.2, 38.0, 37.6, 38.4, 37.9)
SRS = instruments.get("srs-v3")
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
HITS: Counter[str] = Counter()
"""Histories of this process, and what really happened in them: crashes by ledger step, answers, faults, merges."""


class Crash(BaseException):
    """The process ends here, as far as the pass can tell."""


totals = st.sampled_from([28.0, 30.5, 31.9, 33.0, 35.5, 36.4, 37.0, 38.0, 40.0])
which = st.integers(0, 9)
steps = st.sampled_from(faults.STEPS)
crash = st.tuples(steps, st.integers(1, 2))
ANSWERS = ("accepted", "in-progress", "rejected", "completed", "requested", "snoozed")
NOWHERE = ("planned", 99)
"""A crash that does not happen."""
answered = st.sampled_from(ANSWERS)
edits = st.one_of(
    st.tuples(st.just("new"), totals),
    st.tuples(st.just("answer"), answered),
    st.tuples(st.sampled_from(["amend", "late"]), which, totals),
    st.tuples(st.sampled_from(["retract", "restore", "cut", "move"]), which),
    st.tuples(st.just("merge")),
)
histories = st.lists(st.tuples(st.lists(edits, max_size=3), crash), min_size=1, max_size=3)

SEARCHES: dict[str, Any] = {"when": troubles.is_search}
READS: dict[str, Any] = {"method": "GET"}
CREATES: dict[str, Any] = {"method": "POST"}
WRITES: dict[str, Any] = {"when": lambda call: call.method in {"POST", "PUT"}}
WRONG: dict[str, tuple[Action, dict[str, Any]]] = {
    "too many requests": (troubles.status(429, {"Retry-After": "0"}), READS),
    "too many writes": (troubles.status(429, {"Retry-After": "0"}), WRITES),
    "server error": (troubles.status(500), SEARCHES),
    "unavailable": (troubles.status(503), WRITES),
    "gateway page": (troubles.html(502), READS),
    "login page": (troubles.html(200), SEARCHES),
    "signed out": (troubles.status(401), READS),
    "reset before it was done": (troubles.reset, WRITES),
    "reset after it was done": (troubles.lost, WRITES),
    "reset on reading": (troubles.reset, READS),
    "truncated page": (troubles.truncated, SEARCHES),
    "cut page": (troubles.cut_off, SEARCHES),
    "empty replica": (troubles.empty, SEARCHES),
    "expired page": (troubles.status(410), {"when": troubles.is_page}),
    "foreign next": (troubles.foreign_next("http://127.0.0.1:9"), SEARCHES),
    "conditional creates race": (troubles.twice, CREATES),
}
"""What the proxy plays, and on which requests."""
fault = st.tuples(st.sampled_from(sorted(WRONG)), st.integers(1, 4), st.integers(1, 6))
"""Which, from which request on, and how many of them."""
lag = st.tuples(st.just("lagging index"), st.lists(which, min_size=1, max_size=3))
second = st.tuples(st.just("second connector"), st.just(0))
troubled = st.lists(
    st.tuples(
        st.lists(edits, max_size=3), st.lists(st.one_of(fault, fault, lag, second, crash), min_size=1, max_size=2)
    ),
    min_size=1,
    max_size=3,
)


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
    """Of our installation; whatever an earlier one left in it is gone."""
    proxy: Proxy | None = None
    forms: list[Form] = field(default_factory=list)
    sessions: int = 0
    rejected: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Tasks as they were when the clinician said that this is no strain."""

    def __post_init__(self) -> None:
        HITS["history"] += 1
        self.home, self.away = self.clinic.patient("a"), self.clinic.patient("b")
        self.merged = False
        self.doctor = self.clinic.practitioner()
        # Impatient, and in small pages: the faults come quickly and there is paging to disturb.
        http = {"attempts": 2, "backoff": "0s", "connect_timeout": "5s", "read_timeout": "5s"}
        endpoint = {"base_url": self.proxy.base, "http": http} if self.proxy else {"base_url": self.ehr.base}
        self.site = Settings(
            endpoint={"main": endpoint},
            read={"page_size": 4 if self.proxy else 100},
            cohort={"source": "ids", "ids": [self.home, self.away], "max_shrink": 1},
            write={"enabled": True, "types": ["Observation", "Task"], "reconcile_after": "0s"},
            licences={"attested": ["srs-v3"]},
            store={"path": str(self.folder / "state" / "alliance.db")},
            log={"level": "error"},
        )
        self._empty_store()
        for total in BASE:
            self.new(total)

    def _empty_store(self) -> None:
        """Made once, and copied for each history: its schema takes longer than a pass does."""
        blank, state = self.folder / "blank", self.folder / "state"
        if not blank.exists():
            open_engine(blank / "alliance.db").dispose()
        shutil.rmtree(state, ignore_errors=True)
        shutil.copytree(blank, state)

    def new(self, total: float) -> None:
        """A session three days after the one before, the tenth yesterday."""
        weeks = max(0.0, (9 - self.sessions) * 3 / 7) - self.sessions / 10_000
        encounter = self.clinic.encounter(f"e{self.sessions}", self.home, self.doctor, weeks)
        link = {"reference": f"Encounter/{encounter}"}
        body = self.clinic.srs(f"q{self.sessions}", self.home, total, weeks, encounter=link)
        form = Form(body, total, self.clinic.weeks_ago(weeks))
        self.sessions += 1
        self.forms.append(form)
        self.ehr.put(form.body)

    def edit(self, kind: str, *given: Any) -> None:
        if kind == "new":
            if self.sessions < 10:
                self.new(*given)
            return
        if kind == "answer":
            self.answer(*given)
            return
        if kind == "merge":
            self.merge()
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
            if self.merged:
                return
            form.home = not form.home
            form.body = {k: v for k, v in form.body.items() if k != "encounter"}
            form.body["subject"] = {"reference": f"Patient/{self.home if form.home else self.away}"}
        else:
            form.body["status"] = "entered-in-error" if kind == "retract" else "amended"
        self.ehr.put(form.body)

    def merge(self) -> None:
        """The EHR finds that both are one person: everything is filed under the other record from now on."""
        if self.merged:
            return
        self.merged = True
        HITS["merge"] += 1
        self.home, self.away = self.away, self.home
        survivor = {"reference": f"Patient/{self.home}"}
        for n in range(self.sessions):
            self.ehr.change(f"Encounter/{self.clinic.id(f'e{n}')}", subject=survivor)
        for form in self.forms:
            form.home, form.body["subject"] = True, survivor
            self.ehr.put(form.body)
        self.ehr.change(f"Patient/{self.away}", active=False, link=[{"type": "replaced-by", "other": survivor}])

    def answer(self, said: str) -> None:
        """The clinician takes up, rejects, ends or puts off the newest alert that stands."""
        live = [t for t in self.ehr.tasks(self.home) if state(t) != "withdrawn"]
        keys = Counter(t["identifier"][0]["value"] for t in live)
        live = [t for t in live if keys[t["identifier"][0]["value"]] == 1]  # copies are about to be withdrawn
        if not live:
            return
        task, end = live[-1], live[-1]["restriction"]["period"]["end"]
        if said == "snoozed":
            self.ehr.change(f"Task/{task['id']}", restriction={"period": {"start": TOMORROW, "end": end}})
            HITS[said] += 1
        elif task["status"] not in {"rejected", said}:
            task = self.ehr.change(f"Task/{task['id']}", status=said)
            HITS[said] += 1
        if task["status"] == "rejected":
            self.rejected.setdefault(task["id"], task)

    def wake(self) -> None:
        """Nothing is put off any more."""
        for task in (*self.ehr.tasks(self.home), *self.ehr.tasks(self.away)):
            period = task["restriction"]["period"]
            if period.get("start") == TOMORROW:
                woken = self.ehr.change(f"Task/{task['id']}", restriction={"period": {"end": period["end"]}})
                if task["id"] in self.rejected:
                    self.rejected[task["id"]] = woken

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

    def meet(self, wrong: list[tuple[Any, ...]]) -> None:
        """One pass in which these things go wrong; then they stop."""
        assert self.proxy is not None
        at, played = None, []
        for kind, *rest in wrong:
            if kind in WRONG:
                action, match = WRONG[kind]
                played.append((kind, self.proxy.fault(action, **match, first=rest[0], times=rest[1])))
            elif kind == "lagging index":
                hidden = {self.forms[n % len(self.forms)].body["id"] for n in rest[0]}
                played.append((kind, self.proxy.fault(troubles.hiding(hidden), **SEARCHES)))
            elif kind == "second connector":
                rule = self.proxy.fault(troubles.doing(self._intrude), method="GET", times=1)
                played.append((kind, rule))
            else:
                at = (kind, rest[0])
        self.run(at)
        HITS.update(kind for kind, rule in played if rule.hits >= rule.first)
        self.proxy.heal()

    def _intrude(self) -> None:
        """Another instance on the same store, while ours holds the lease: it must do nothing."""
        before = len(self.proxy.writes) if self.proxy else 0
        with pytest.raises(LeaseHeld):
            sync(self.site)
        assert self.proxy is None or len(self.proxy.writes) == before

    # -- what must stand in the end

    def settle(self) -> None:
        self.wake()
        for _ in range(6):
            report = self.run()
            assert report is not None
            if report.exit_code == 0:
                return
        raise AssertionError(report.to_json())

    def check_scores(self) -> None:
        for patient, home in ((self.home, True), (self.away, False)):
            found = self.ehr.observations(patient)
            by_form: dict[str, list[Any]] = {}
            for o in found:
                if o["status"] != "entered-in-error":
                    by_form.setdefault(reference(o, "derivedFrom").partition("/")[2], []).append(o)
            assert all(len(same) == 1 for same in by_form.values()), "a score stands twice"
            valid = {id: value(o) for id, (o,) in by_form.items()}
            # Only a race leaves copies, and those are withdrawn.
            identifiers = [o["identifier"][0]["value"] for o in found]
            assert self.proxy or len(identifiers) == len(set(identifiers))
            assert valid == {f.body["id"]: f.total for f in self.forms if f.counts and f.home is home}

    def episodes(self) -> dict[str, Episode]:
        """By onset response. A form that came back without its link is linked by inference: one session is near."""
        mine = [f for f in self.forms if f.counts and f.home]
        points = [Point(f.at, f.total, source=f.body["id"]) for f in mine]
        return {e.onset.source: e for e in policy().run(points, SRS.change).episodes}

    def check_alerts(self) -> None:
        tasks = self.ehr.tasks(self.home)
        if self.proxy:  # of two that raced one is withdrawn
            first = {t["identifier"][0]["value"]: t for t in sorted(tasks, key=lambda t: state(t) != "withdrawn")}
            assert all(t in first.values() or state(t) == "withdrawn" for t in tasks)
            tasks = list(first.values())
        assert {state(task) for task in self.ehr.tasks(self.away)} <= {"withdrawn"}
        keys = [t["identifier"][0]["value"] for t in tasks]
        assert len(keys) == len(set(keys)), "an alert stands twice"
        heard = [t for t in tasks if t["id"] not in self.rejected]
        assert sum(state(t) == "open" for t in heard) <= 1, "two alerts of one dyad are open"
        episodes = self.episodes()
        said = {}
        for task in tasks:
            about = reference(self.ehr.read(reference(task, "focus")), "derivedFrom").partition("/")[2]
            assert about not in said, "two alerts about one onset"
            said[about] = task
            if task["id"] in self.rejected:
                self.check_rejected(task)
            elif state(task) == "withdrawn":
                assert task["status"] in {"cancelled", "entered-in-error"}
                assert about not in episodes or episodes[about].state != "open"
            else:
                assert state(task) == episodes[about].state
        due = [id for id, e in episodes.items() if e.state == "open" and e.kind != "low-early"]
        due = [id for id in due if id not in said or said[id]["id"] not in self.rejected]
        assert all(id in said and state(said[id]) == "open" for id in due), "an alert was lost"
        self.check_heard(tasks)

    def check_against_one_pass(self) -> None:
        """What stands is what a pass over the final data would write that knows nothing of what went before."""
        if HITS["history"] % 3:
            return  # it takes as long as a pass does: of every third history is enough
        fresh = self.folder / "fresh"
        fresh.mkdir(exist_ok=True)
        shutil.copy(self.folder / "state" / "alert.key", fresh)  # alerts of the same keys
        store = self.site.store.model_copy(update={"path": fresh / "alliance.db"})
        plan = sync(self.site.model_copy(update={"store": store}), dry_run=True).plan
        assert {entry["op"] for entry in plan} <= {"create"}
        wanted: dict[str, dict[str, Json]] = {"Observation": {}, "Task": {}}
        for entry in plan:
            wanted[entry["type"]][_key(entry["resource"])] = entry["resource"]
        found = (*self.ehr.observations(self.home), *self.ehr.observations(self.away))
        scores = [o for o in found if o["status"] != "entered-in-error"]
        assert {_key(o) for o in scores} == wanted["Observation"].keys()
        for score in scores:
            planned = wanted["Observation"][_key(score)]
            assert _facts(score) == _facts(planned)
            assert score["status"] == ("amended" if score["meta"]["versionId"] != "1" else planned["status"])
        heard = [t for t in self.ehr.tasks(self.home) if t["id"] not in self.rejected]
        alerts = {_key(task): task for task in heard if state(task) == "open"}
        missing = wanted["Task"].keys() - alerts.keys()
        assert missing <= {_key(task) for task in self.rejected.values()}
        assert alerts.keys() <= wanted["Task"].keys()
        for key, task in alerts.items():
            told = ("code", "intent", "priority", "description", "for", "owner", "encounter", "requester")
            assert {k: task.get(k) for k in told} == {k: wanted["Task"][key].get(k) for k in told}

    def check_rejected(self, task: dict[str, Any]) -> None:
        """Nothing was told of it since, but perhaps that the data show it no longer."""
        before = self.rejected[task["id"]]
        told = ("status", "priority", "note", "owner", "restriction")
        assert {k: task.get(k) for k in told} == {k: before.get(k) for k in told}, "a rejected alert was pushed again"
        assert state(task) in {state(before), "withdrawn"}

    def check_heard(self, tasks: list[dict[str, Any]]) -> None:
        """The store knows what the clinician's last word was."""
        with open_store(self.site) as (engine, _):
            known = Answers(engine, self.site.endpoint["main"].base_url).of(f"Patient/{self.home}")
        for task in tasks:
            if state(task) != "withdrawn" or task["status"] == "rejected":
                said = TASK.get(task["status"], Said.NOTHING)
                assert known.get(task["identifier"][0]["value"], Answer()) == Answer(said), "an answer was lost"


def _key(resource: Json) -> str:
    return str(resource["identifier"][0]["value"])


def _facts(score: Json) -> Json:
    """All of an Observation but what tells of its own life in the EHR."""
    return {k: v for k, v in score.items() if k not in {"id", "meta", "status", "issued", "text"}}


@pytest.fixture
def world_folder(tmp_path: Path) -> Iterator[Path]:
    HITS.clear()
    configure_log("error")  # a hundred thousand lines that nobody reads
    yield tmp_path
    structlog.reset_defaults()


@pytest.mark.timeout(1200 * TIMES)
def test_random_histories(ehr: Ehr, server: Any, world_folder: Path) -> None:
    def history(told: list[tuple[list[tuple[Any, ...]], tuple[str, int]]]) -> None:
        world = World(ehr, Clinic(ehr), world_folder)
        for changes, at in told:
            for change in changes:
                world.edit(*change)
            world.run(at)
        world.settle()
        world.check_scores()
        world.check_alerts()
        world.check_against_one_pass()
        again = world.run()
        assert again is not None
        assert again.writes == 0

    played = given(histories)(history)
    for step in faults.STEPS:
        played = example([([("amend", 1, 30.5)], (step, 1))])(played)
    for said in ANSWERS:
        worse = [("answer", said), ("new", 28.0)]
        played = example([([("new", 28.0)], NOWHERE), (worse, ("sent", 1)), ([("retract", 5)], NOWHERE)])(played)
        played = example([([("new", 28.0)], NOWHERE), ([("retract", 5), ("answer", said)], NOWHERE), (worse, NOWHERE)])(
            played
        )
    for step in faults.STEPS:
        played = example([([("new", 28.0)], NOWHERE), ([("merge",)], (step, 1)), ([("amend", 1, 30.5)], NOWHERE)])(
            played
        )
    put_off = [([("new", 28.0)], NOWHERE), ([("answer", "snoozed"), ("answer", "rejected")], NOWHERE)]
    played = example(put_off)(played)
    settings(
        max_examples=TIMES * EXAMPLES[server.recipe.name],
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )(played)()
    assert HITS["history"] >= TIMES * EXAMPLES[server.recipe.name]
    assert set(HITS) == {*faults.STEPS, *ANSWERS, "merge", "history"} - {"requested"}, (
        f"not every step was hit, or answer given: {HITS}"
    )


@pytest.mark.timeout(1200 * TIMES)
def test_troubled_histories(ehr: Ehr, server: Any, world_folder: Path, proxy: Proxy) -> None:
    """Whatever goes wrong in between: in the end the EHR holds what one pass over the final data would have written."""

    def history(told: list[tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]]) -> None:
        proxy.heal()
        world = World(ehr, Clinic(ehr), world_folder, proxy)
        for changes, wrong in told:
            for change in changes:
                world.edit(*change)
            world.meet(wrong)
        world.settle()
        world.check_scores()
        world.check_alerts()
        world.check_against_one_pass()
        proxy.fresh()
        again = world.run()
        assert again is not None
        assert again.writes == 0
        assert proxy.writes == []

    played = given(troubled)(history)
    for said in ANSWERS:
        first, race = ([("new", 28.0)], [NOWHERE]), ("conditional creates race", 1, 1)
        played = example([first, ([("answer", said), ("new", 28.0)], [race]), ([("new", 28.0)], [("sent", 1)])])(played)
    for kind in WRONG:
        played = example([([("new", 28.0)], [NOWHERE]), ([("merge",)], [(kind, 1, 1)])])(played)
        played = example([([("amend", 1, 30.5)], [(kind, 1, 1)]), ([("new", 28.0)], [(kind, 2, 3)])])(played)
        played = example([([("new", 28.0)], [(kind, 1, 6)])])(played)
    settings(
        max_examples=TIMES * TROUBLED[server.recipe.name],
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )(played)()
    assert HITS["history"] >= TIMES * TROUBLED[server.recipe.name]
    assert set(HITS) >= {*WRONG, "lagging index", "second connector", "rejected", "merge"}, (
        f"not everything was played: {HITS}"
    )


def test_a_bug_costs_one_patient(ehr: Ehr, clinic: Clinic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Something unforeseen in one patient's data: the others are done, that one stays due, nothing of it is printed."""
    from fhir_alliance import patients

    world = World(ehr, clinic, tmp_path)
    real = patients.decide

    def broken(evidence: Any, rules: Any) -> Any:
        if any(r.patient == f"Patient/{world.home}" for r in evidence.readings):
            raise KeyError(world.home)
        return real(evidence, rules)

    monkeypatch.setattr(patients, "decide", broken)
    report = sync(world.site)
    assert (report.exit_code, report.patients["incomplete"], report.patients["completed"]) == (3, 1, 1)
    assert any("KeyError at test_histories.py" in line for line in report.messages)
    assert not any(clinic.tag in line for line in report.messages)
    monkeypatch.setattr(patients, "decide", real)
    assert sync(world.site).exit_code == 0
    assert len(ehr.observations(world.home)) == len(BASE)
