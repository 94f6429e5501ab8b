"""Whose session, whose dyad (`decisions.md` 3, `fhir.md` 5.3-5.4): what is not certain stays undecided."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from msgspec import structs

from fhir_alliance import instruments
from fhir_alliance.model import Outcome, Reading, Score, Session
from fhir_alliance.placing import Placed, PlacingRules, Surroundings, place, practitioner

AT = datetime(2026, 3, 4, 15, tzinfo=UTC)
ALL = instruments.load_all()
USUAL = PlacingRules()
DOC, OTHER = "Practitioner/d", "Practitioner/o"


def session(
    id: str = "e1", *, start: datetime = AT, status: str = "finished", pprf: tuple[str, ...] = (DOC,), **more
) -> Session:
    return Session(id, "Patient/p", status, start, start + timedelta(hours=1), "AMB", pprf, **more)


def reading(
    id: str = "q1", *, at: datetime = AT, encounter: str | None = "Encounter/e1", value: float = 4.0, **more
) -> Reading:
    return Reading(
        Outcome.SCORED, id, f"hash-{id}", patient="Patient/p", instrument="wai-sr-c", version="1.0", key="k", at=at,
        authored=at.isoformat(), effective=at.isoformat(), encounter=encounter, status="completed",
        scores=(Score("total", value, value * 12, 12, 12),), **more,
    )  # fmt: skip


def placed(*readings: Reading, sessions: tuple[Session, ...] = (), rules: PlacingRules = USUAL, **around) -> Placed:
    return place(readings, ALL, Surroundings({f"Encounter/{s.id}": s for s in sessions}, **around), rules)


def test_a_given_link_decides_time_and_dyad_and_the_author_decides_nothing() -> None:
    (a,) = placed(reading(at=AT + timedelta(hours=20)), sessions=(session(),)).kept
    assert (a.at, a.practitioner, a.link, a.encounter) == (AT, DOC, "given", "Encounter/e1")


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ({"pprf": (DOC,), "atnd": (OTHER,)}, DOC),
        ({"pprf": (), "atnd": (OTHER,), "untyped": (DOC,)}, OTHER),
        ({"pprf": (), "untyped": (DOC,)}, DOC),
        ({"pprf": (DOC, DOC)}, DOC),
        ({"pprf": (DOC, OTHER), "atnd": (DOC,)}, "unassigned"),
        ({"pprf": ()}, "unassigned"),
        ({"pprf": ("PractitionerRole/r",)}, DOC),
        ({"pprf": ("PractitionerRole/r", DOC)}, DOC),
        ({"pprf": ("PractitionerRole/lost",)}, "unassigned"),
    ],
)
def test_one_distinct_practitioner_or_nobody(who: dict, expected: str) -> None:
    around = Surroundings(roles={"PractitionerRole/r": DOC, "PractitionerRole/lost": None})
    assert practitioner(session(**who), around) == expected


def test_the_care_team_decides_where_the_encounter_does_not() -> None:
    assert practitioner(session(pprf=(DOC, OTHER)), Surroundings(care_team=OTHER)) == OTHER
    assert practitioner(None, Surroundings(care_team=OTHER)) == OTHER


@pytest.mark.parametrize("status", ["cancelled", "entered-in-error"])
def test_a_form_of_a_cancelled_session_is_set_aside(status: str) -> None:
    result = placed(reading(), sessions=(session(status=status),))
    assert not result.kept
    assert [(r.outcome, r.code) for r in result.left_out] == [(Outcome.SET_ASIDE, "encounter-cancelled")]


@pytest.mark.parametrize("labels", [("s|PSYTHPN",), ("s|R", "s|42CFRPart2"), ("s||42 CFR Part 2",), ("||",)])
@pytest.mark.parametrize("encounter", ["Encounter/e1", None])
def test_a_forbidding_label_of_the_session_keeps_its_form_out(labels: tuple[str, ...], encounter: str | None) -> None:
    """Of a session that the form names, and of one that was inferred."""
    marked = replace(session(), labels=labels)
    (left,) = placed(reading(encounter=encounter), sessions=(marked,)).left_out
    assert (left.outcome, left.code) == (Outcome.SKIPPED, "security-label")
    for allowed in ({"psythpn", "42cfrpart2", "42 cfr part 2", "||"}, set(labels[-1:])):
        rules = PlacingRules(allow_labels=frozenset(x.casefold() for x in allowed))
        assert len(placed(reading(encounter=encounter), sessions=(marked,), rules=rules).kept) == 1


def test_labels_of_the_session_are_the_forms_too() -> None:
    marked = replace(session(), labels=("s|R", "s|MH"))
    (a,) = placed(reading(labels=("s|MH", "s|BH")), sessions=(marked,)).kept
    assert a.labels == ("s|MH", "s|BH", "s|R")


def test_a_session_not_yet_held_is_waited_for() -> None:
    (left,) = placed(reading(), sessions=(session(status="planned"),)).left_out
    assert left.outcome is Outcome.WAITING


def test_an_encounter_of_another_patient_is_never_used() -> None:
    (left,) = placed(reading(), foreign=frozenset({"Encounter/e1"})).left_out
    assert (left.outcome, left.code) == (Outcome.SET_ASIDE, "encounter-of-another-patient")


def test_a_dangling_encounter_is_no_link_and_no_guess_replaces_it() -> None:
    (a,) = placed(reading(encounter="Encounter/gone"), sessions=(session(),)).kept
    assert (a.link, a.encounter, a.practitioner, a.at) == ("none", None, "unassigned", AT)


@pytest.mark.parametrize(
    ("hours", "found"), [(-2, True), (-2.01, False), (0, True), (49, True), (49.01, False)]
)  # the session lasts one hour
def test_a_link_is_inferred_from_two_hours_before_to_48_after(hours: float, found: bool) -> None:
    (a,) = placed(reading(at=AT + timedelta(hours=hours), encounter=None), sessions=(session(),)).kept
    assert (a.link == "inferred") is found
    assert (a.practitioner == DOC) is found


def test_two_candidates_are_no_link() -> None:
    sessions = (session(), session("e2", start=AT + timedelta(hours=5)))
    (a,) = placed(reading(at=AT + timedelta(hours=6), encounter=None), sessions=sessions).kept
    assert a.link == "none"


def test_cancelled_and_wrong_class_encounters_are_no_candidates() -> None:
    sessions = (session(), session("e2", status="cancelled"), replace(session("e3"), klass="IMP"))
    rules = PlacingRules(classes=("AMB", "VR"))
    (a,) = placed(reading(encounter=None), sessions=sessions, rules=rules).kept
    assert a.encounter == "Encounter/e1"


@pytest.mark.parametrize(("policy", "kept"), [("latest", ["q2"]), ("first", ["q1"]), ("all", ["q1", "q2"])])
def test_several_forms_in_one_session(policy: str, kept: list[str]) -> None:
    two = (reading(), reading("q2", at=AT + timedelta(hours=1), value=3.5))
    result = placed(*two, sessions=(session(),), rules=PlacingRules(same_session=policy))  # type: ignore[arg-type]
    assert [a.response for a in result.kept] == kept
    assert sorted([*kept, *result.superseded]) == ["q1", "q2"]


def test_a_double_submission_counts_once_without_any_encounter() -> None:
    twice = (reading(encounter=None), reading("q2", at=AT + timedelta(minutes=9), encounter=None))
    apart = (reading(encounter=None), reading("q2", at=AT + timedelta(minutes=11), encounter=None))
    assert [a.response for a in placed(*twice).kept] == ["q2"]
    assert len(placed(*apart).kept) == 2


def test_a_proxy_never_replaces_the_client() -> None:
    both = (reading(), reading("q2", at=AT + timedelta(hours=1), rater="proxy"))
    assert len(placed(*both, sessions=(session(),)).kept) == 2


def test_what_was_not_scored_keeps_its_own_reason() -> None:
    why = {"outcome": Outcome.WAITING, "code": "in-progress", "reason": "waiting: in progress"}
    waiting = structs.replace(reading(), **why, scores=())
    assert placed(waiting, sessions=(session(),)).left_out == (waiting,)
