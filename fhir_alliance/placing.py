"""Which session and whose dyad a response belongs to. Pure.

Rules: `decisions.md` 3.1-3.3, `fhir.md` 5.3-5.4. The author of a response decides nothing. What is
not certain stays undecided: a tie between encounters is no link, two practitioners are nobody.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import Literal

from msgspec.structs import replace

from .model import UNASSIGNED, Assessment, Instrument, Outcome, Reading, Session
from .restricted import forbid

Link = Literal["given", "inferred", "none"]
BEFORE = timedelta(hours=2)
AFTER = timedelta(hours=48)
SAME_FORM = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class PlacingRules:
    """What a site decides about sessions.

    held          encounter statuses that count as a session
    classes       classes that an inferred link may have (empty: any)
    same_session  which of several responses in one session counts
    allow_labels  security labels of a session that forbid nothing here, in small letters
    """

    held: Collection[str] = ("finished", "in-progress", "onleave", "arrived")
    classes: Collection[str] = ()
    same_session: Literal["latest", "first", "all"] = "latest"
    allow_labels: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the EHR says around one patient's responses.

    sessions   the patient's encounters by reference
    foreign    encounters that responses name but that belong to somebody else
    roles      PractitionerRole → Practitioner, None where that could not be found
    care_team  the practitioner that the CareTeam names in the configured role, if exactly one
    """

    sessions: Mapping[str, Session] = field(default_factory=dict)
    foreign: frozenset[str] = frozenset()
    roles: Mapping[str, str | None] = field(default_factory=dict)
    care_team: str | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """`kept` count; `superseded` are responses that another one in the same session replaces;
    `left_out` are readings with their reason."""

    kept: tuple[Assessment, ...]
    superseded: tuple[str, ...]
    left_out: tuple[Reading, ...]


def practitioner(session: Session | None, around: Surroundings) -> str:
    """The one practitioner of a session: PPRF, else ATND, else untyped; else the CareTeam; else unassigned."""
    if session is not None:
        for candidates in (session.pprf, session.atnd, session.untyped):
            if candidates:
                found = {around.roles.get(c) if c.startswith("PractitionerRole/") else c for c in candidates}
                only = found.pop() if len(found) == 1 else None
                return only or around.care_team or UNASSIGNED
    return around.care_team or UNASSIGNED


def infer(reading: Reading, when: str, around: Surroundings, rules: PlacingRules) -> str | None:
    """The only held encounter around `authored`, by the instrument's `when`; None if none or several."""
    at = reading.at
    if at is None:
        return None

    def fits(s: Session) -> bool:
        if s.start is None or s.status not in rules.held or (rules.classes and s.klass not in rules.classes):
            return False
        post = s.start - BEFORE <= at <= (s.end or s.start) + AFTER
        pre = s.start - AFTER <= at <= s.start
        return {"post": post, "pre": pre, "any": post or pre}[when]

    found = [ref for ref, s in around.sessions.items() if fits(s)]
    return found[0] if len(found) == 1 else None


def _reject(reading: Reading, outcome: Outcome, code: str, text: str) -> Reading:
    return replace(reading, outcome=outcome, code=code, reason=f"{outcome}: {text} ({code})", scores=(), unscored=())


def _place(reading: Reading, instrument: Instrument, around: Surroundings, rules: PlacingRules) -> Assessment | Reading:
    link: Link = "none"
    encounter = reading.encounter
    if encounter in around.foreign:
        return _reject(reading, Outcome.SET_ASIDE, "encounter-of-another-patient", "its encounter is another patient's")
    session = around.sessions.get(encounter) if encounter else None
    if session is not None:
        # A merged encounter stands in for the one that it was merged into.
        link, encounter = "given", f"Encounter/{session.id}"
        if session.status in {"cancelled", "entered-in-error"}:
            return _reject(reading, Outcome.SET_ASIDE, "encounter-cancelled", f"its encounter is {session.status}")
        if session.status not in rules.held:
            return _reject(reading, Outcome.WAITING, "encounter-not-held", "its encounter has not been held yet")
    elif encounter is None and (guess := infer(reading, instrument.when, around, rules)):
        link, encounter, session = "inferred", guess, around.sessions[guess]
    if session is None:
        encounter = None
    elif forbid(session.labels, rules.allow_labels):
        return _reject(reading, Outcome.SKIPPED, "security-label", "a security label of its session forbids processing")
    if not (reading.id and reading.patient and reading.at and reading.effective):
        return _reject(reading, Outcome.SET_ASIDE, "missing-id", "it has no id, patient or time")
    return Assessment(
        response=reading.id,
        patient=reading.patient,
        practitioner=practitioner(session, around),
        instrument=instrument.id,
        version=instrument.version,
        key=instrument.key,
        rater=reading.rater,
        at=(session.start if session else None) or reading.at,
        authored_at=reading.at,
        effective=reading.effective,
        encounter=encounter,
        link=link,
        amended=reading.status == "amended",
        scores=reading.scores,
        labels=tuple(dict.fromkeys((*reading.labels, *(session.labels if session else ())))),
        content=reading.content,
        updated=reading.updated,
    )


def place(
    readings: Iterable[Reading], instruments: Mapping[str, Instrument], around: Surroundings, rules: PlacingRules
) -> Placed:
    """Give every scored reading of one patient its session and dyad; apply the same-session policy."""
    placed: list[Assessment] = []
    left_out: list[Reading] = []
    for reading in readings:
        if reading.outcome is not Outcome.SCORED:
            left_out.append(reading)
            continue
        got = _place(reading, instruments[reading.instrument or ""], around, rules)
        placed.append(got) if isinstance(got, Assessment) else left_out.append(got)
    kept, superseded = _settle(placed, rules.same_session)
    return Placed(tuple(kept), tuple(superseded), tuple(left_out))


def _settle(placed: Sequence[Assessment], policy: str) -> tuple[list[Assessment], list[str]]:
    """One response per session and instrument, and none twice (equal scores within ten minutes)."""
    placed = sorted(placed, key=lambda a: (a.authored_at, a.response))
    losers: set[str] = set()
    series: dict[tuple[str, ...], list[Assessment]] = {}
    sessions: dict[tuple[str, ...], list[Assessment]] = {}
    for a in placed:
        whose = (a.practitioner, a.instrument, a.key, a.rater)
        series.setdefault(whose, []).append(a)
        if a.encounter:
            sessions.setdefault((*whose, a.encounter), []).append(a)

    def lose(group: Sequence[Assessment]) -> None:
        keep = group[0] if policy == "first" else group[-1]
        losers.update(a.response for a in group if a is not keep)

    if policy != "all":
        for group in sessions.values():
            lose(group)
    for group in series.values():
        left = [a for a in group if a.response not in losers]
        for one, two in pairwise(left):
            if two.authored_at - one.authored_at <= SAME_FORM and one.scores == two.scores:
                lose([one, two])
    return [a for a in placed if a.response not in losers], sorted(losers)
