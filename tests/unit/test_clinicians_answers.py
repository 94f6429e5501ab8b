"""What an answer means, what waits for another day, and what counts as a missed session."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from test_plan import KEYS, NOW, RULES, alert, strain

from fhir_alliance.alerting import BUSY, COVERED, plan_alerts
from fhir_alliance.answers import FLAG, TASK, Answer, Heard, Said, combined, word
from fhir_alliance.corroboration import KIND, Missed, corroborated
from fhir_alliance.digest import Call, Waiting, held_back, is_digest, plan_digests
from fhir_alliance.fhir.answered import answer_in
from fhir_alliance.fhir.missed import BY_CLIENT, CANCELLED_AT, REASONS, not_held
from fhir_alliance.model import EpisodeState
from fhir_alliance.plan import Known, Op

TASK_STATUSES = {
    "draft", "requested", "received", "accepted", "rejected", "ready", "cancelled", "in-progress", "on-hold", "failed",
    "completed", "entered-in-error",
}  # fmt: skip
ZONE = ZoneInfo("America/New_York")


def task(status: str = "requested", state: str = "open", **more: Any) -> dict[str, Any]:
    business = {"coding": [{"system": "x", "code": state}]}
    return {"resourceType": "Task", "status": status, "businessStatus": business} | more


# -- reading -------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", sorted(TASK_STATUSES))
def test_every_status_of_a_task_has_its_meaning(status: str) -> None:
    expected = TASK.get(status, Said.NOTHING)
    assert answer_in(task(status), UTC, NOW) == Answer(expected)
    assert (expected is Said.NOTHING) == (status in {"draft", "requested", "ready"})
    assert Answer(expected).silences == (status in {"rejected", "cancelled", "entered-in-error"})


@pytest.mark.parametrize(("status", "said"), [("active", Said.NOTHING), *FLAG.items()])
def test_every_status_of_a_flag_has_its_meaning(status: str, said: Said) -> None:
    assert answer_in({"resourceType": "Flag", "status": status}, UTC, NOW) == Answer(said)


def test_what_we_withdrew_says_nothing_about_a_person() -> None:
    assert answer_in(task("cancelled", "withdrawn"), UTC, NOW) is None
    assert answer_in(task("entered-in-error", "withdrawn"), UTC, NOW) is None
    assert answer_in(task("rejected", "withdrawn"), UTC, NOW) == Answer(Said.REJECTED)
    assert answer_in({"resourceType": "Communication", "status": "entered-in-error"}, UTC, NOW) is None


@pytest.mark.parametrize(
    ("start", "until"),
    [
        ("2026-03-21T09:00:00Z", datetime(2026, 3, 21, 9, tzinfo=UTC)),
        ("2026-03-21T09:00:00-04:00", datetime(2026, 3, 21, 13, tzinfo=UTC)),
        ("2026-03-21T09:00", datetime(2026, 3, 21, 13, tzinfo=UTC)),
        ("2026-03-21", datetime(2026, 3, 21, 4, tzinfo=UTC)),
        ("2026-03-20T11:59:59Z", None),
        ("2026-03", None),
        ("soon", None),
        (17, None),
        (None, None),
    ],
)
def test_a_snooze_in_whatever_form_it_comes(start: object, until: datetime | None) -> None:
    found = answer_in(task(restriction={"period": {"start": start}}), ZONE, NOW)
    assert found == Answer(Said.NOTHING, until)


@pytest.mark.parametrize("odd", [None, [], "x", {"coding": None}, {"coding": ["x", 1, {}]}, {"coding": {"code": 1}}])
def test_odd_content_is_no_answer_and_no_crash(odd: object) -> None:
    assert answer_in({"resourceType": "Task", "status": odd, "businessStatus": odd, "restriction": odd}, UTC, NOW) == (
        Answer(Said.NOTHING)
    )
    assert answer_in({"resourceType": odd}, UTC, NOW) is None


# -- meaning -------------------------------------------------------------------------------------


def test_the_strongest_answer_and_the_longest_snooze_hold() -> None:
    soon, late = NOW + timedelta(hours=1), NOW + timedelta(days=1)
    both = combined([Answer(Said.ACKNOWLEDGED, late), Answer(Said.REJECTED), Answer(Said.COMPLETED, soon)])
    assert both == Answer(Said.REJECTED, late)
    assert combined([]) == Answer()
    assert [word(a, NOW) for a in (both, Answer(Said.COMPLETED, soon), Answer())] == [
        "rejected",
        "snoozed",
        "unanswered",
    ]
    assert word(Answer(Said.COMPLETED, NOW), NOW) == "completed"


QUIET = [Answer(Said.REJECTED), Answer(Said.CANCELLED), Answer(until=NOW + timedelta(minutes=1))]
LOUD = [Answer(), Answer(Said.ACKNOWLEDGED), Answer(Said.COMPLETED), Answer(until=NOW)]


def planned(strains: list, known: list, heard: Heard):
    return plan_alerts("Task", strains, known, KEYS, RULES, heard=heard)


@pytest.mark.parametrize("answer", QUIET)
@pytest.mark.parametrize("standing", ["written", "foreign", "retracted", "refused", None])
def test_nothing_more_is_told_of_a_silenced_or_snoozed_episode(answer: Answer, standing: str | None) -> None:
    """Whatever it does: worsens, recovers, is seen on another form, comes back to the data."""
    stories = [
        [strain()],
        [strain(level=3, worsened_days_ago=1)],
        [strain(state=EpisodeState.REPAIRED)],
        [strain(days_ago=5), strain("q6", instrument="srs-v3", days_ago=3)],
    ]
    for story in stories:
        known = [] if standing is None else [alert(strain(), standing, state="open")]
        heard = Heard({alert(strain()).key: answer})
        actions, _ = planned(story[:1], known, heard)
        assert actions == []
        if standing == "written":
            news = [strain("q6", instrument="srs-v3")] if answer.silences and len(story) == 2 else []
            assert [a.key for a in planned(story, known, heard)[0]] == [alert(s).key for s in news]


@pytest.mark.parametrize("answer", QUIET)
def test_a_strain_that_is_gone_is_withdrawn_whatever_was_said(answer: Answer) -> None:
    (action,), _ = planned([], [alert(strain())], Heard({alert(strain()).key: answer}))
    assert action.op is Op.RETRACT


@pytest.mark.parametrize("answer", LOUD)
def test_any_other_answer_changes_nothing(answer: Answer) -> None:
    for story, known in product(
        ([strain()], [strain(level=3, worsened_days_ago=1)], [strain(state=EpisodeState.REPAIRED)]),
        ([], [alert(strain(), state="open")]),
    ):
        heard = Heard({alert(strain()).key: answer})
        assert planned(story, known, heard) == planned(story, known, Heard())


ENDED = [Answer(said) for said in (Said.REJECTED, Said.CANCELLED, Said.COMPLETED)]


@pytest.mark.parametrize("answer", ENDED)
@pytest.mark.parametrize("days_ago", [8, 5, 3])
def test_an_alert_that_a_person_ended_holds_its_dyad_no_longer(answer: Answer, days_ago: float) -> None:
    """The same, an earlier or a later session on another form: nobody was told of that yet."""
    first, other = strain(days_ago=5), strain("q6", instrument="srs-v3", level=3, days_ago=days_ago)
    (action,), silent = planned([first, other], [alert(first)], Heard({alert(first).key: answer}))
    assert (action.op, action.key, action.push, action.content.level) == (Op.CREATE, alert(other).key, True, 3)
    assert silent == {}


@pytest.mark.parametrize("answer", ENDED)
@pytest.mark.parametrize("standing", ["written", "foreign", "removed", "retracted"])
def test_an_answer_covers_what_the_alert_said(answer: Answer, standing: str) -> None:
    """What was noted on it was answered with it, and raises no alert afterwards, whatever becomes of the first one."""
    first, other = strain(days_ago=5), strain("q6", instrument="srs-v3", days_ago=5)
    known, heard = replace(alert(first, standing), attached="q6"), Heard({alert(first).key: answer})
    for story in ([first, other], [strain(days_ago=5, state=EpisodeState.REPAIRED), other]):
        actions, silent = planned(story, [known], heard)
        assert [a for a in actions if a.key == alert(other).key] == []
        assert silent[COVERED] == 1


def test_a_third_form_is_noted_on_the_alert_that_still_speaks() -> None:
    first, other = strain(days_ago=5), strain("q6", instrument="srs-v3", days_ago=3)
    third = strain("q7", instrument="sai", days_ago=2)
    heard = Heard({alert(first).key: Answer(Said.REJECTED)})
    known = [replace(alert(first), attached="q1"), alert(other)]
    (noted,), silent = planned([first, other, third], known, heard)
    assert (noted.key, noted.content.attached, silent) == (alert(other).key, ("q7",), {BUSY: 1})


def test_what_a_cap_held_back_does_not_grow_too_old() -> None:
    old = strain(days_ago=30)
    assert planned([old], [], Heard()) == ([], {"onset too old": 1})
    assert len(planned([old], [], Heard(waiting=frozenset({alert(old).key})))[0]) == 1
    closed = strain(days_ago=30, state=EpisodeState.REPAIRED)
    assert planned([closed], [], Heard(waiting=frozenset({alert(closed).key})))[0] == []


# -- a clinician's day ---------------------------------------------------------------------------


def call(n: int, owner: str = "Practitioner/d", level: int = 2) -> Call:
    return Call(f"k{n}", owner, level, NOW - timedelta(days=n))


def test_the_oldest_come_first_and_priority_check_ins_always() -> None:
    calls = [call(n) for n in range(5)]
    assert held_back(calls, {}, 3) == {"k0", "k1"}
    assert held_back(calls, {"Practitioner/d": 2}, 3) == {"k0", "k1", "k2", "k3"}
    assert held_back([*calls, call(9, level=3)], {}, 1) == {"k0", "k1", "k2", "k3", "k4"}
    assert held_back([call(n, level=3) for n in range(5)], {"Practitioner/d": 9}, 1) == set()


def test_the_cap_is_each_clinicians_own_and_pools_have_none() -> None:
    assert held_back([call(1), call(2, "Practitioner/e"), call(3, "Practitioner/e")], {}, 1) == {"k2"}
    assert held_back([call(n, "CareTeam/1") for n in range(9)], {}, 1) == set()
    assert held_back([call(n) for n in range(9)], {}, 0) == set()


def waits(n: int, who: str = "Practitioner/d") -> Waiting:
    return Waiting(f"k{n}", f"Patient/{n}", who, f"q{n}", f"f{n}")


DAY = date(2026, 3, 20)


def as_known(action: Any, standing: Any = "written") -> Known:
    return Known(
        "Task", action.key, "", "", standing, "Practitioner/d", resource_id="1", fingerprint=action.content.fingerprint
    )


def test_one_digest_a_day_for_each_clinician() -> None:
    one, two = plan_digests([waits(1), waits(2), waits(3, "Practitioner/e")], [], KEYS, DAY, Heard())
    assert [(a.op, a.patient, a.push, len(a.content.waiting)) for a in (one, two)] == [
        (Op.CREATE, "", False, 2),
        (Op.CREATE, "", False, 1),
    ]
    assert is_digest(one.key)
    assert one.key != two.key
    assert plan_digests([waits(1), waits(2)], [as_known(one)], KEYS, DAY, Heard()) == []


def test_a_digest_follows_what_waits_and_ends_with_its_day() -> None:
    (made,) = plan_digests([waits(1), waits(2)], [], KEYS, DAY, Heard())
    (fewer,) = plan_digests([waits(1)], [as_known(made)], KEYS, DAY, Heard())
    assert (fewer.op, fewer.key) == (Op.UPDATE, made.key)
    (over,) = plan_digests([], [as_known(made)], KEYS, DAY, Heard())
    assert (over.op, over.key) == (Op.RETRACT, made.key)
    assert {a.op for a in plan_digests([waits(1)], [as_known(made)], KEYS, date(2026, 3, 21), Heard())} == {
        Op.CREATE,
        Op.RETRACT,
    }
    (again,) = plan_digests([waits(1)], [as_known(made, "retracted")], KEYS, DAY, Heard())
    assert (again.op, again.key) == (Op.UPDATE, made.key)


def test_a_silenced_digest_is_left_alone() -> None:
    (made,) = plan_digests([waits(1), waits(2)], [], KEYS, DAY, Heard())
    assert plan_digests([waits(1)], [as_known(made)], KEYS, DAY, Heard({made.key: Answer(Said.REJECTED)})) == []


# -- missed sessions -----------------------------------------------------------------------------


def missed(days_ago: float = 1, who: str = "Practitioner/d") -> Missed:
    return Missed(NOW - timedelta(days=days_ago), "Appointment/1", "Patient/p", who, "noshow")


def test_a_missed_session_raises_an_open_strain_once() -> None:
    s = strain(days_ago=5)
    (worse,) = corroborated([s], [missed(1), missed(3)])
    event = worse.episode.worsened
    assert (worse.episode.level, event and event.kind, event and event.at) == (3, KIND, NOW - timedelta(days=3))
    (action,), _ = plan_alerts("Task", [worse], [alert(s)], KEYS, RULES)
    assert (action.push, action.content.level) == (True, 3)
    assert "missed a session" in action.content.follow_up
    assert plan_alerts("Task", [worse], [alert(s, level=3)], KEYS, RULES)[0] == []


@pytest.mark.parametrize(
    ("s", "m"),
    [
        (strain(days_ago=5), missed(6)),
        (strain(days_ago=5), missed(5)),
        (strain(days_ago=5), missed(1, "Practitioner/e")),
        (strain(days_ago=5), replace(missed(1), patient="Patient/other")),
        (strain(days_ago=5, state=EpisodeState.REPAIRED), missed(1)),
        (strain(days_ago=5, rater="proxy"), missed(1)),
        (strain(days_ago=5, kind="low-early"), missed(1)),
        (strain(days_ago=5, level=3), missed(1)),
        (strain(days_ago=5, level=3, worsened_days_ago=2), missed(1)),
    ],
)
def test_nothing_else_is_raised(s: Any, m: Missed) -> None:
    assert corroborated([s], [m]) == [s]


def appointment(**more: Any) -> dict[str, Any]:
    actors = ["Patient/p", "Practitioner/d", "PractitionerRole/r", "Location/l"]
    return {
        "resourceType": "Appointment",
        "id": "a",
        "status": "noshow",
        "start": "2026-03-19T10:00:00Z",
        "participant": [{"actor": {"reference": r}} for r in actors],
    } | more


def cancelled(when: str | None = "2026-03-19T02:00:00Z", code: str = "pat", system: str = REASONS) -> dict[str, Any]:
    told = {"extension": [{"url": CANCELLED_AT, "valueDateTime": when}]} if when else {}
    return appointment(status="cancelled", cancelationReason={"coding": [{"system": system, "code": code}]}, **told)


@pytest.mark.parametrize("body", [appointment(), *(cancelled(code=code) for code in sorted(BY_CLIENT))])
def test_missed_because_of_the_client(body: dict[str, Any]) -> None:
    found = not_held(body, "Patient/p", (), NOW)
    assert found is not None
    assert found.practitioners == ("Practitioner/d", "PractitionerRole/r")


@pytest.mark.parametrize(
    "body",
    [
        {},
        appointment(status="booked"),
        appointment(status="fulfilled"),
        appointment(start=None),
        appointment(start="2026-03-19"),
        appointment(start="2026-03-21T10:00:00Z"),
        appointment(participant=[{"actor": {"reference": "Patient/other"}}]),
        appointment(participant="x"),
        cancelled(None),
        cancelled("2026-03-18T10:00:00Z"),
        cancelled("2026-03-19"),
        cancelled("never"),
        cancelled(code="prov"),
        cancelled(code="pat-dec"),
        cancelled(code="pat-mv"),
        cancelled(system="http://example.org"),
        cancelled() | {"cancelationReason": "pat"},
        cancelled() | {"extension": [{"url": CANCELLED_AT, "valueDateTime": w} for w in ("2026-03-19T02:00:00Z",) * 2]},
    ],
)
def test_anything_else_is_no_missed_session(body: dict[str, Any]) -> None:
    assert not_held(body, "Patient/p", (), NOW) is None
