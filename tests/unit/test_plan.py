"""The planner table (`architecture.md` 4, `decisions.md` 2 and 4), row by row."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from fhir_alliance import instruments
from fhir_alliance.alerting import AlertRules, plan_alerts
from fhir_alliance.derive import Strain
from fhir_alliance.keys import Keys
from fhir_alliance.model import Assessment, Episode, EpisodeState, Event, Point, Score, SeriesKey
from fhir_alliance.plan import Known, Op, plan_scores, score_contents

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
KEYS = Keys("http://127.0.0.1/fhir", b"0" * 32)
RULES = AlertRules(NOW)
WAI = instruments.get("wai-sr-c")


def assessment(
    response: str = "q1", value: float = 4.0, *, days_ago: float = 2, who: str = "Practitioner/d", **more
) -> Assessment:
    at = NOW - timedelta(days=days_ago)
    score = Score("total", value, value * 12, 12, 12)
    given = dict(  # noqa: C408  one keyword a field reads best
        response=response, patient="Patient/p", practitioner=who, instrument="wai-sr-c", version="1.0", key=WAI.key,
        rater="client", at=at, authored_at=at, effective=at.isoformat(), encounter="Encounter/e", link="given",
        amended=False, scores=(score,), labels=(), content="h",
    )  # fmt: skip
    return Assessment(**{**given, **more})


def wanted(*assessments: Assessment, inferred: bool = False):
    return score_contents(assessments, {"wai-sr-c": WAI}, KEYS, inferred_encounter=inferred)


def known_score(content, standing: str = "written", **more) -> Known:
    return Known(
        "Observation", content.key, content.patient, content.response, standing, scale="total", resource_id="9",
        fingerprint=more.pop("fingerprint", content.fingerprint), **more,
    )  # fmt: skip


def test_new_score_is_created_and_nothing_else() -> None:
    contents = wanted(assessment())
    (action,) = plan_scores(contents, [], reasons={})
    assert (action.op, action.type, action.content.value) == (Op.CREATE, "Observation", 4.0)


TABLE = {
    # (standing, content same, still wanted): what happens
    ("written", True, True): None,
    ("written", False, True): Op.UPDATE,
    ("written", True, False): Op.RETRACT,
    ("written", False, False): Op.RETRACT,
    ("retracted", True, True): Op.UPDATE,
    ("retracted", False, True): Op.UPDATE,
    ("retracted", True, False): None,
    ("retracted", False, False): None,
    ("removed", True, True): None,
    ("removed", False, True): None,
    ("removed", True, False): None,
    ("removed", False, False): None,
    ("foreign", True, True): None,
    ("foreign", False, True): None,
    ("foreign", True, False): Op.RETRACT,
    ("foreign", False, False): Op.RETRACT,
    ("refused", True, True): None,
    ("refused", False, True): Op.CREATE,
    ("refused", True, False): None,
    ("refused", False, False): None,
    ("unknown", True, True): None,
    ("unknown", False, True): None,
    ("unknown", True, False): None,
    ("unknown", False, False): None,
}


def test_the_table_is_complete() -> None:
    standings = ("written", "retracted", "removed", "foreign", "refused", "unknown")
    assert set(TABLE) == set(product(standings, (True, False), (True, False)))


@pytest.mark.parametrize(("standing", "same", "still"), TABLE)
def test_every_row_for_scores(standing: str, same: bool, still: bool) -> None:
    contents = wanted(assessment())
    (content,) = contents.values()
    k = known_score(content, standing, **({} if same else {"fingerprint": "other"}))
    actions = plan_scores(contents if still else {}, [k], reasons={})
    assert [a.op for a in actions] == ([TABLE[standing, same, still]] if TABLE[standing, same, still] else [])
    assert all(a.known == k for a in actions if a.op is not Op.CREATE)


def test_vanished_response_is_left_alone() -> None:
    (content,) = wanted(assessment()).values()
    assert plan_scores({}, [known_score(content)], reasons={}, vanished={"q1"}) == []


@pytest.mark.parametrize(
    "change",
    [
        {"encounter": "Encounter/other"},
        {"encounter": None, "link": "none"},
        {"effective": "2026-03-01"},
        {"labels": ("s|R",)},
        {"scores": (Score("total", 3.5, 42, 12, 12),)},
        {"scores": (Score("total", 4.0, 48, 11, 12, ("prorated",)),)},
        {"rater": "proxy"},
    ],
)
def test_whatever_is_written_decides_about_an_update(change: dict) -> None:
    (before,) = wanted(assessment()).values()
    (action,) = plan_scores(wanted(assessment(**change)), [known_score(before)], reasons={})
    assert action.op is Op.UPDATE


def test_change_that_is_not_written_plans_nothing() -> None:
    (before,) = wanted(assessment()).values()
    assert plan_scores(wanted(assessment(content="other", amended=True)), [known_score(before)], reasons={}) == []


def test_inferred_encounter_is_written_only_where_allowed() -> None:
    inferred = assessment(link="inferred")
    (quiet,), (open_,) = wanted(inferred).values(), wanted(inferred, inferred=True).values()
    assert (quiet.encounter, open_.encounter) == (None, "Encounter/e")


def test_a_response_that_moved_gets_a_new_key() -> None:
    (mine,), (theirs,) = wanted(assessment()).values(), wanted(assessment(patient="Patient/other")).values()
    assert mine.key != theirs.key


# -- alerts


def strain(
    response: str = "q5", *, kind: str = "drop", state: EpisodeState = EpisodeState.OPEN, level: int = 2,
    days_ago: float = 2, who: str = "Practitioner/d", worsened_days_ago: float | None = None,
    instrument: str = "wai-sr-c", rater: str = "client",
) -> Strain:  # fmt: skip
    a = assessment(response, 3.0, days_ago=days_ago, who=who, instrument=instrument, rater=rater)
    base = None if kind == "low-early" else 4.0
    spread, z, drop = (None, None, None) if base is None else (0.3, 3.33, 1.0)
    onset = Event(
        5, a.at, 3 if level == 3 and worsened_days_ago is None else 2, kind, 3.0, base, spread, z, drop, response
    )
    worse = None
    if worsened_days_ago is not None:
        worse = replace(onset, index=6, at=NOW - timedelta(days=worsened_days_ago), kind="persisting", level=3)
    key = SeriesKey(a.patient, who, instrument, WAI.key, rater)
    earlier = tuple(Point(a.at - timedelta(days=7 * i), 2.9 if base is None else base) for i in (3, 2, 1))
    episode = Episode(kind, onset, state, level, base=earlier, worsened=worse)
    return Strain(key, episode, a, instruments.get(instrument))


def alert(s: Strain, standing: str = "written", *, state: str | None = None, level: int = 2) -> Known:
    key = KEYS.alert(*s.dyad, s.assessment.response)
    return Known(
        "Task", key, s.key.patient, s.assessment.response, standing, practitioner=s.key.practitioner, resource_id="7",
        state=state or str(s.episode.state), level=level,
    )  # fmt: skip


def plan(strains: list[Strain], known: list[Known] = [], rules: AlertRules = RULES, retracted: set[str] = frozenset()):  # noqa: B006
    return plan_alerts("Task", strains, known, KEYS, rules, retracted=retracted)


def test_open_recent_strain_raises_one_alert_to_its_clinician() -> None:
    actions, silent = plan([strain()])
    (action,) = actions
    assert (action.op, action.push, action.content.owner, action.content.level) == (
        Op.CREATE,
        True,
        "Practitioner/d",
        2,
    )
    assert not silent


@pytest.mark.parametrize("standing", ["written", "removed", "foreign", "unknown"])
def test_an_alert_that_may_stand_is_not_raised_again(standing: str) -> None:
    s = strain()
    assert plan([s], [alert(s, standing)])[0] == []


@pytest.mark.parametrize(
    ("s", "why"),
    [
        (strain(state=EpisodeState.REPAIRED), "already closed when first seen"),
        (strain(state=EpisodeState.UNREPAIRED), "already closed when first seen"),
        (strain(state=EpisodeState.EXPIRED), "already closed when first seen"),
        (strain(days_ago=21.1), "onset too old"),
        (strain(who="unassigned"), "no single treating practitioner"),
        (strain(rater="proxy"), "answered by a related person"),
    ],
)
def test_no_alert_for_the_past_nobody_or_a_proxy(s: Strain, why: str) -> None:
    assert plan([s]) == ([], {why: 1})


def test_exactly_21_days_is_still_recent_and_go_live_moves_the_line() -> None:
    assert len(plan([strain(days_ago=21)])[0]) == 1
    assert plan([strain(days_ago=3)], rules=replace(RULES, since=NOW - timedelta(days=2)))[0] == []


def test_a_pool_receives_what_nobody_owns() -> None:
    (action,), _ = plan([strain(who="unassigned")], rules=replace(RULES, pool="CareTeam/9"))
    assert action.content.owner == "CareTeam/9"


def test_second_instrument_waits_while_an_alert_of_the_dyad_is_open() -> None:
    first, second = strain(days_ago=5), strain("q6", instrument="srs-v3", days_ago=3)
    actions, silent = plan([first, second])
    assert [a.content.response for a in actions] == ["q5"]
    assert silent == {"another alert of this dyad is open": 1}
    closed = replace(first, episode=replace(first.episode, state=EpisodeState.REPAIRED))
    actions, _ = plan([closed, second], [alert(first)])
    assert [(a.op, a.content.response) for a in actions] == [(Op.UPDATE, "q5"), (Op.CREATE, "q6")]


def test_second_instrument_is_attached_once_as_evidence_and_calls_nobody() -> None:
    first, second = strain(days_ago=5), strain("q6", instrument="srs-v3", days_ago=3)
    (raised,), _ = plan([first, second])
    assert raised.content.attached == ("q6",)
    assert "Session Rating Scale" in raised.content.evidence
    (noted,), _ = plan([first, second], [alert(first)])
    assert (noted.op, noted.push, noted.content.attached, noted.content.level) == (Op.UPDATE, False, ("q6",), 2)
    assert "Session Rating Scale" in noted.content.follow_up
    assert plan([first, second], [replace(alert(first), attached="q6")])[0] == []
    worse = strain(days_ago=5, level=3, worsened_days_ago=1)
    (both,), _ = plan([worse, second], [alert(first)])
    assert (both.push, both.content.level, both.content.attached) == (True, 3, ("q6",))
    third = strain("q7", instrument="srs-v3", days_ago=1)
    (again,), _ = plan([worse, second, third], [replace(alert(worse, level=3), attached="q6")])
    assert again.content.attached == ("q6", "q7")


def test_another_practitioner_is_another_dyad() -> None:
    assert len(plan([strain(), strain("q6", who="Practitioner/e")])[0]) == 2


def test_one_escalation_and_only_one() -> None:
    s = strain(level=3, worsened_days_ago=1)
    (action,), _ = plan([s], [alert(s)])
    assert (action.op, action.push, action.content.level) == (Op.UPDATE, True, 3)
    assert plan([s], [alert(s, level=3)])[0] == []


def test_an_old_worsening_is_no_push() -> None:
    s = strain(level=3, worsened_days_ago=22, days_ago=25)
    assert plan([s], [alert(s)])[0] == []


def test_severe_onset_starts_at_level_3_and_is_never_escalated() -> None:
    s = strain(level=3)
    (action,), _ = plan([s])
    assert action.content.level == 3
    assert plan([s], [alert(s, level=3)])[0] == []


@pytest.mark.parametrize("state", [EpisodeState.REPAIRED, EpisodeState.UNREPAIRED, EpisodeState.EXPIRED])
def test_a_close_is_recorded_once_and_pushes_nobody(state: EpisodeState) -> None:
    s = strain(state=state)
    (action,), _ = plan([s], [alert(s, state="open")])
    assert (action.op, action.push, action.content.state) == (Op.UPDATE, False, state)
    assert plan([s], [alert(s)])[0] == []


def test_strain_gone_from_the_data_withdraws_its_alert_repaired_or_not() -> None:
    for state in ("open", "repaired"):
        (action,), _ = plan([], [alert(strain(), state=state)])
        assert action.op is Op.RETRACT
        assert "entered in error" not in action.reason
    (action,), _ = plan([], [alert(strain())], retracted={"q5"})
    assert "entered in error" in action.reason


@pytest.mark.parametrize("standing", ["removed", "retracted", "refused", "unknown"])
def test_what_does_not_stand_is_not_withdrawn(standing: str) -> None:
    assert plan([], [alert(strain(), standing)])[0] == []


def test_a_withdrawn_alert_comes_back_as_the_same_resource() -> None:
    s = strain()
    (action,), _ = plan([s], [alert(s, "retracted", state="withdrawn")])
    assert (action.op, action.key, action.push) == (Op.UPDATE, alert(s).key, True)


def test_a_refused_alert_is_tried_again() -> None:
    s = strain()
    assert [a.op for a in plan([s], [alert(s, "refused")])[0]] == [Op.CREATE]


def test_text_never_claims_a_rupture_and_low_early_never_says_usual() -> None:
    (drop,), _ = plan([strain()])
    (low,), _ = plan([strain(kind="low-early")])
    for content in (drop.content, low.content):
        assert "rupture" not in (content.headline + content.evidence).lower()
    assert "lower than usual" in drop.content.headline
    assert "usual" not in low.content.headline
