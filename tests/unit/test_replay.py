"""A history that is played once more says what passes over the history as it stood each time would have said."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from random import Random

import pytest
from test_plan import KEYS, assessment

from fhir_alliance import instruments
from fhir_alliance.alerting import AlertRules
from fhir_alliance.answers import NOTHING_HEARD, Heard
from fhir_alliance.config import Settings
from fhir_alliance.corroboration import Missed, corroborated
from fhir_alliance.decide import Rulebook, alert_actions
from fhir_alliance.derive import stories, strains
from fhir_alliance.detection import site_policies
from fhir_alliance.digest import held_alerts, plan_digests
from fhir_alliance.imagined import Imagined
from fhir_alliance.messages import ALWAYS, EVERYTHING, new_alerts, thread_of
from fhir_alliance.model import Assessment, Score
from fhir_alliance.placing import PlacingRules
from fhir_alliance.plan import Known
from fhir_alliance.replay import after
from fhir_alliance.shadow import Shadow, shadow

BEGIN = datetime(2025, 1, 6, 10, tzinfo=UTC)
END = BEGIN + timedelta(days=2000)
KNOWN = {i.id: i for i in (instruments.get("srs-v3"), instruments.get("wai-sr-c"))}
TYPES = frozenset({"Task", "Flag", "Communication", "DocumentReference", "Log"})
POLICIES = ["alliance-policy/1", "alliance-policy/2"]


def rules(policy: str = POLICIES[0], types: frozenset[str] = TYPES, **alerts: object) -> Rulebook:
    return Rulebook(
        KNOWN,
        site_policies(policy, {}, "balanced"),
        KEYS,
        PlacingRules(("finished",), (), "latest"),
        AlertRules(END, **alerts),
        {},
        END,
        types,
        {"Communication": ALWAYS | {"worse"}, "Log": EVERYTHING},
    )


def imagined() -> Imagined:
    return Imagined(Settings(), END)


def form(patient: str, number: int, at: datetime, value: float, instrument: str, label: bool = False) -> Assessment:
    of = KNOWN[instrument]
    labels = ("x|R",) if label else ()
    score = Score("total", value, value, 4, 4)
    return assessment(
        f"{patient}-{instrument}-{number}", patient=f"Patient/{patient}", instrument=instrument, key=of.key, at=at,
        authored_at=at, scores=(score,), labels=labels,
    )  # fmt: skip


LEVELS = ["usual", "usual", "low", "lower", "back"]
SRS = {"usual": 38.0, "low": 32.0, "lower": 20.0, "back": 37.0}
WAI = {"usual": 4.4, "low": 3.0, "lower": 1.5, "back": 4.2}


def clinic(chance: Random) -> list[Assessment]:
    """Up to four clients of one practitioner, who fall and recover, on one or two forms, some with a long gap."""
    made = []
    for n in range(chance.randint(1, 4)):
        both, at = chance.random() < 0.5, BEGIN + timedelta(hours=n)
        levels = ["usual"] * chance.choice([0, 3, 3, 3]) + chance.choices(LEVELS, k=chance.randint(5, 10))
        for k, level in enumerate(levels):
            wobble = k % 3 / 4
            made.append(form(f"p{n}", k, at, SRS[level] - wobble, "srs-v3", chance.random() < 0.1))
            if both:
                other = WAI[chance.choice([level, "usual"])] - wobble / 5
                made.append(form(f"p{n}", k, at + timedelta(minutes=5), other, "wai-sr-c"))
            at += timedelta(days=chance.choice([1, 7, 7, 7, 7, 95]))
    return made


def lived(forms: list[Assessment], by: Rulebook, most: int, missed: list[Missed]) -> Counter[tuple[object, ...]]:
    """A pass over what there is at each session, at each missed one, at each midnight and when a silence has lasted."""
    gaps = {a.at + timedelta(days=90, microseconds=1) for a in forms}
    times = {a.at for a in forms} | {m.at for m in missed} | gaps
    nights = {datetime.combine(at.date() + timedelta(days=n), time(), UTC) for at in times for n in range(1, 8)}
    known: dict[str, dict[tuple[str, str], Known]] = {}
    waiting: dict[str, object] = {}
    today: Counter[str] = Counter()
    changes, wrote, day = imagined().changes, Counter[tuple[object, ...]](), None
    for at in sorted(times | nights):
        if at not in times and not waiting:
            continue
        if at.date() != day:
            today, day = Counter(), at.date()
        now = replace(by, as_of=at, alerts=replace(by.alerts, now=at))
        actions = []
        for patient in sorted({a.patient for a in forms}):
            there = [a for a in forms if a.patient == patient and a.at <= at]
            found = strains(stories(there, KNOWN, by.policies, cutoffs={}, as_of=at))
            found = corroborated(found, [m for m in missed if m.at <= at])
            heard = Heard(waiting=frozenset(waiting))
            actions += alert_actions(found, known.get(patient, {}).values(), now, heard=heard)[0]
        new = new_alerts(actions)
        held = held_alerts(new, today, most)
        today.update({c.key: c.owner for key, c in new.items() if key not in held}.values())
        waiting = {k: held[k] for k in [*(k for k in waiting if k in held), *sorted(set(held) - set(waiting))]}
        sent = [a for a in actions if thread_of(a.key) not in held]
        labels = {x for a in forms if a.response in {w.response for w in held.values()} for x in a.labels}
        if "Task" in by.alert_types:
            digests = plan_digests(waiting.values(), list(known.get("", {}).values()), KEYS, day, NOTHING_HEARD, labels)
            sent += digests
        for action in sent:
            if changes(action):
                # Silence is written when it has lasted: a moment after what the shadow says.
                wrote[at.replace(microsecond=0), action.type, str(action.op), action.patient] += 1
            known.setdefault(action.patient, {})[action.type, action.key] = after(action)
    return wrote


def seen(forms: list[Assessment], by: Rulebook, most: int = 3, missed: list[Missed] | None = None) -> Shadow:
    told = stories(forms, KNOWN, by.policies, cutoffs={}, as_of=END)
    return shadow(told, by, most=most, zone=UTC, changes=imagined().changes, missed=missed or [])


@pytest.mark.parametrize("seed", range(25))
def test_a_shadow_is_what_passes_would_have_written(seed: int) -> None:
    chance = Random(seed)
    forms, most, no_show = clinic(chance), chance.choice([0, 1, 2]), BEGIN + timedelta(days=chance.randint(20, 60))
    since = chance.choice([None, None, BEGIN + timedelta(days=40)])
    by = rules(chance.choice(POLICIES), since=since, labels=chance.choice([(), ("x|S",)]))
    missed = [Missed(no_show, "a1", "Patient/p0", "Practitioner/d", "noshow")]
    told = seen(forms, by, most, missed)
    would = Counter((w.at, w.type, str(w.op), w.patient) for w in told.would_write if w.type != "Observation")
    assert would == lived(forms, by, most, missed)
    assert sum(w.type == "Observation" for w in told.would_write) == len(forms)


def fallen(
    patients: int = 1, *, totals: tuple[float, ...] = (37, 38, 37.5, 38.5, 31.9, 31.0, 37.9)
) -> list[Assessment]:
    return [
        form(f"p{n}", k, BEGIN + timedelta(weeks=k, minutes=n), total, "srs-v3")
        for n in range(patients)
        for k, total in enumerate(totals)
    ]


def told_in(found: Shadow, type: str) -> list[tuple[str, str]]:
    return [(str(w.op), w.kind) for w in found.would_write if w.type == type]


@pytest.mark.parametrize(
    ("type", "told"),
    [
        ("Task", [("create", "drop"), ("update", "persisting"), ("update", "repaired")]),
        ("Flag", [("create", "drop"), ("update", "repaired")]),
        ("Communication", [("create", "drop"), ("create", "persisting")]),
        ("DocumentReference", [("create", "drop")]),
        ("Log", [("create", "drop"), ("create", "persisting"), ("create", "repaired")]),
    ],
)
def test_each_sink_tells_of_its_turns(type: str, told: list[tuple[str, str]]) -> None:
    assert told_in(seen(fallen(), rules()), type) == told
    only = seen(fallen(), rules(types=frozenset({type})))
    assert {w.type for w in only.would_write} == {"Observation", type}
    assert only.alerts["L2"] == 1


def test_without_a_place_for_scores_none_is_listed() -> None:
    found = seen(fallen(), replace(rules(), write_scores=False), 3)
    assert (told_in(found, "Observation"), found.sessions) == ([], 7)


def test_what_waits_comes_on_the_next_days_and_the_digest_says_so() -> None:
    found = seen(fallen(6), rules(types=frozenset({"Task"})), 3)
    onset = (BEGIN + timedelta(weeks=4)).date()
    new = [w for w in found.would_write if w.kind == "drop"]
    assert Counter((w.at.date() - onset).days for w in new) == {0: 3, 1: 3}
    # One Task for the list, brought up to date with each that is added, and taken back when all have come.
    digest = [(str(w.op), w.at.date()) for w in found.would_write if w.kind == "digest"]
    assert digest == [("create", onset), ("update", onset), ("update", onset), ("retract", onset + timedelta(days=1))]
    assert (found.alerts["L2"], found.unheard) == (6, {})


def test_what_closed_while_it_waited_calls_nobody() -> None:
    found = seen(fallen(1) + [replaced(a) for a in fallen(2)[7:]], rules(types=frozenset({"Task"})), 1)
    assert (found.alerts["L2"], found.unheard) == (1, {"closed while it waited for another day": 1})


def replaced(a: Assessment) -> Assessment:
    """The onset on the other's day, and back the same evening."""
    from msgspec.structs import replace as changed

    back = a.response.endswith("-5")
    at = BEGIN + timedelta(weeks=4, hours=5) if back else a.at
    score = Score("total", 38.0, 38.0, 4, 4) if back else a.scores[0]
    return changed(a, at=at, authored_at=at, scores=(score,))
