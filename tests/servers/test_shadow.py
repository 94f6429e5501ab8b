"""Shadow mode: a committee sees what would have happened; the EHR sees nothing."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, time, timedelta

from fhir_alliance.config import load
from fhir_alliance.sync import sync

from .clinic import STRAIN, Clinic
from .conftest import MakeSite
from .ehr import Ehr, Json, reference, state
from .product import Site
from .proxy import Proxy

EVERY_SINK = {
    "alerts.sinks": ["task", "flag", "communication", "document", "log"],
    "write.types": [
        "Observation", "Task", "Flag", "Communication", "DocumentReference", "Device", "Provenance", "AuditEvent",
    ],
}  # fmt: skip


def calls(told: Json, type: str = "Task") -> list[Json]:
    return [w for w in told["would_write"] if w["type"] == type]


def shadowed(here: Site) -> Json:
    told: Json = json.loads(here.run("status", "--shadow", "--json").out)
    return told


def test_a_shadow_writes_nothing_and_tells_everything(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    strained, long_ago, nobodys = clinic.patient("strained"), clinic.patient("past"), clinic.patient("nobodys")
    doctor = clinic.practitioner()
    clinic.course(strained, doctor, STRAIN)
    clinic.course(long_ago, doctor, STRAIN, last=20)
    for weeks, total in zip(range(len(STRAIN) - 1, -1, -1), STRAIN, strict=True):
        ehr.put(clinic.srs(f"alone-{weeks}", nobodys, total, weeks=weeks))
    before = ehr.everything()
    here = site(proxy.base, **EVERY_SINK)
    ran = here.run("sync", "--shadow", "--json")
    assert ran.code == 0
    assert proxy.writes == []
    assert ehr.everything() == before
    told = json.loads(ran.out)
    assert told == shadowed(here)
    assert (told["endpoint"], told["sessions"]) == ("main", 3 * len(STRAIN))
    # The strain of long ago called somebody on its day; nobody is called for a client without a clinician.
    new = [w for w in calls(told) if w["op"] == "create"]
    assert [(w["patient"], w["practitioner"], w["kind"], w["level"]) for w in new] == [
        (f"Patient/{who}", f"Practitioner/{doctor}", "drop", 2) for who in (long_ago, strained)
    ]
    assert told["alerts"] == {"L2": 2, "L3": 0}
    assert told["per_100_sessions"]["L2"] == round(200 / told["sessions"], 2)
    assert told["per_clinician_week"] == {"median": 0.0, "p90": told["per_clinician_week"]["p90"], "max": 1}
    assert told["unheard"] == {"no single treating practitioner": 1}
    scores = calls(told, "Observation")
    assert {w["kind"] for w in scores} == {"srs-v3-total"}
    assert len(scores) == told["sessions"]
    assert "per clinician and week" in here.run("status", "--shadow").out
    # The switch in the configuration does the same for every pass; only without it anything is written.
    here.configure(write__shadow=True)
    here.sync()
    assert ehr.everything() == before
    here.configure(write__shadow=False)
    here.sync()
    assert ehr.everything() != before
    assert len(ehr.observations(strained)) == len(STRAIN)
    assert [len(ehr.tasks(p)) for p in (strained, long_ago, nobodys)] == [1, 0, 0]


def test_a_shadow_knows_the_sinks_the_cap_the_date_and_the_roster(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    doctor = clinic.practitioner()
    clinic.now = clinic.now.replace(hour=12, minute=0)
    patients = [clinic.patient(f"p{n}") for n in range(4)]
    for n, patient in enumerate(patients):
        clinic.course(patient, doctor, (*STRAIN, 31.0), last=2 + n / 1000)
    here = site()
    nothing: Json = {"endpoint": "main", "sessions": 0, "alerts": {"L2": 0, "L3": 0}, "unheard": {}, "would_write": []}
    nothing |= {"per_100_sessions": {"L2": None, "L3": None}}
    nothing |= {"per_clinician_week": {"median": 0.0, "p90": 0.0, "max": 0}}
    assert shadowed(here) == nothing
    here.run("sync", "--shadow")

    told = shadowed(here)
    onset = clinic.weeks_ago(3).date()
    days = Counter((datetime.fromisoformat(w["at"]).date() - onset).days for w in calls(told) if w["kind"] == "drop")
    assert days == {0: 3, 1: 1}
    digest = [(w["op"], w["patient"]) for w in calls(told) if w["kind"] == "digest"]
    assert digest == [("create", None), ("retract", None)]
    assert [w["op"] for w in calls(told) if w["kind"] == "persisting"] == ["update"] * 4
    assert told["alerts"] == {"L2": 4, "L3": 4}
    assert told["per_clinician_week"]["max"] in {3, 4}

    here.configure(alerts__sinks=["document", "log"], write__scores__sink="none")
    told = shadowed(here)
    assert Counter((w["type"], w["kind"]) for w in told["would_write"]) == {
        ("DocumentReference", "drop"): 4, ("Log", "drop"): 4, ("Log", "persisting"): 4,
    }  # fmt: skip
    assert told["alerts"] == {"L2": 4, "L3": 4}

    here.configure(cohort__exclude=[f"Patient/{patients[0]}"])
    told = shadowed(here)
    assert (told["alerts"]["L2"], told["sessions"]) == (3, 3 * (len(STRAIN) + 1))
    here.configure(cohort__exclude=[], cohort__ids=patients[2:], cohort__max_shrink=1)
    here.run("sync", "--shadow")
    assert {w["patient"] for w in shadowed(here)["would_write"]} == {f"Patient/{p}" for p in patients[2:]}

    since = (onset + timedelta(days=1)).isoformat()
    (here.folder / "site.toml").write_text((here.folder / "site.toml").read_text() + f"\nalerts.since = {since}\n")
    told = shadowed(here)
    assert (told["alerts"]["L2"], told["sessions"], told["unheard"]) == (0, 2, {"before alerts.since": 2})


# -- the same clinic, lived through --------------------------------------------------------------

COURSES = {
    "three": (37.2, 38.0, 37.6, 38.4, 31.9, 31.0, 37.9),
    "too": (37.2, 38.0, 37.6, 38.4, 31.9, 37.5),
    "many": (37.0, 38.1, 37.5, 38.2, 32.0, 33.0, 33.5, 34.0),
    "severe": (37.2, 38.0, 37.6, 38.4, 21.0, 21.4),
    "low": (25.0, 24.0, 26.0, 25.5),
    "lost": (37.2, 38.0, 37.6, 38.4, 31.9),
}
DELAY = timedelta(minutes=20)
"""From a session to the pass that reads its form."""


class Life:
    """Passes of one installation, each on the day on which it would have run, and what they wrote."""

    def __init__(self, here: Site) -> None:
        here.configure(log__level="error")
        self.settings = load(here.folder / "site.toml")
        self.wrote: Counter[tuple[datetime, str]] = Counter()
        self.last = datetime.min.replace(tzinfo=UTC)
        self.waiting = 0

    def sync(self, at: datetime, *, delay: timedelta = timedelta(0)) -> None:
        report = sync(self.settings, clock=lambda: at + delay)
        assert report.exit_code == 0, report.messages
        self.wrote.update({(at, name): number for name, number in report.written.items()})
        self.waiting, self.last = report.waiting, at + delay

    def until(self, at: datetime) -> None:
        """While something waits, a pass at each midnight."""
        while self.waiting and (night := datetime.combine(self.last + timedelta(days=1), time(), UTC)) < at:
            self.sync(night)


def test_a_shadow_is_what_passes_would_have_written(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    """A clinic is lived through with a pass after each session; another installation then sees it in shadow."""
    clinic.now = clinic.now.replace(hour=12, minute=0, second=0)
    doctor = clinic.practitioner()
    sessions = []
    for n, (name, totals) in enumerate(COURSES.items()):
        patient, first = clinic.patient(name), 26 if name == "lost" else 9
        sessions += [(first - k - n / 168, patient, total) for k, total in enumerate(totals)]
    last = min(weeks for weeks, patient, _ in sessions if patient == clinic.patients[-1])
    gone = clinic.weeks_ago(last) + timedelta(days=90)
    types = ["Observation", "Task", "Flag", "Communication", "DocumentReference"]
    options = {"alerts.sinks": EVERY_SINK["alerts.sinks"], "write.types": types, "read.mode": "full-diff"}
    options |= {"alerts.max_per_day": 1, "alerts.follow_ups": ["worse", "recovered"]}
    life, fallen = Life(site(**options)), set()
    for number, (weeks, patient, total) in enumerate(sorted(sessions, reverse=True)):
        at = clinic.weeks_ago(weeks)
        if fallen and life.last < gone < at:
            life.sync(gone, delay=DELAY)
        life.until(at)
        encounter = {"reference": f"Encounter/{clinic.encounter(f'e{number}', patient, doctor, weeks)}"}
        ehr.put(clinic.srs(f"q{number}", patient, total, weeks, encounter=encounter))
        if total < 37 or patient in fallen:  # of the others nothing but scores can come: the next pass writes them
            fallen.add(patient)
            life.sync(at, delay=DELAY)
    life.until(clinic.now)

    here = site(**options)
    here.run("sync", "--shadow")
    told = shadowed(here)
    would = Counter((datetime.fromisoformat(w["at"]), f"{w['type']}.{w['op']}") for w in told["would_write"])
    scores = [sum(n for (_, name), n in found.items() if name == "Observation.create") for found in (would, life.wrote)]
    assert scores == [len(sessions)] * 2
    assert alerts_in(would) == alerts_in(life.wrote)
    # The cap, the digest and every turn of an episode were in it.
    kinds = {w["kind"] for w in calls(told)}
    assert kinds == {"drop", "low-early", "persisting", "repaired", "unrepaired", "expired", "digest"}

    for patient in clinic.patients:
        mine = [w for w in calls(told) if w["patient"] == f"Patient/{patient}"]
        tasks = ehr.tasks(patient)
        assert len(tasks) == sum(w["op"] == "create" for w in mine)
        assert {w["practitioner"] for w in mine} == {reference(t, "owner") for t in tasks} == {f"Practitioner/{doctor}"}
        ends = [w["kind"] for w in mine if w["kind"] in {"repaired", "unrepaired", "expired"}]
        assert ends == [state(t) for t in tasks if state(t) != "open"]
        urgent = any(w["level"] == 3 for w in mine)
        assert [t["priority"] for t in tasks] == ["urgent" if urgent else "routine"] * len(tasks)


def alerts_in(found: Counter[tuple[datetime, str]]) -> dict[tuple[datetime, str], int]:
    return {key: n for key, n in found.items() if not key[1].startswith("Observation")}
