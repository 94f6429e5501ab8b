"""The planner: what the EHR should hold, against what we know it holds → actions. Pure.

This is the table of `architecture.md` 4 and `decisions.md` 2 and 4. Its output is also the dry run.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal

from .derive import STRAINS, Strain
from .keys import Keys
from .model import UNASSIGNED, Assessment, EpisodeState, Instrument
from .wording import evidence, headline

Standing = Literal["written", "retracted", "removed", "foreign", "refused", "unknown"]


class Op(StrEnum):
    """What an action does to its resource."""

    CREATE = "create"
    UPDATE = "update"
    RETRACT = "retract"


@dataclass(frozen=True, slots=True)
class Known:
    """A resource of ours as we last knew it.

    standing     written; retracted (entered-in-error or withdrawn by us); removed (the site deleted it);
                 foreign (edited by someone else: leave theirs); refused (never got in); unknown (may be in)
    fingerprint  hash of the content that we last sent or tried to
    owned        hash of the elements that we own as the server returned them
    state, level of an alert: what it says
    """

    type: str
    key: str
    patient: str
    response: str
    standing: Standing
    practitioner: str = ""
    scale: str = ""
    resource_id: str = ""
    version_id: str = ""
    fingerprint: str = ""
    owned: str = ""
    state: str = ""
    level: int = 0


@dataclass(frozen=True, slots=True)
class ScoreContent:
    """One scale's Observation. `value` is rounded to the scale's places."""

    key: str
    patient: str
    response: str
    instrument: str
    instrument_version: str
    scale: str
    title: str
    value: float
    places: int
    effective: str
    encounter: str | None
    labels: tuple[str, ...]
    note: str

    @property
    def fingerprint(self) -> str:
        """Changes exactly when something that we write would."""
        return hashlib.blake2b(repr(asdict(self)).encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class AlertContent:
    """One alert, before a sink gives it a resource's shape. `owner` is a reference."""

    key: str
    patient: str
    practitioner: str
    owner: str
    response: str
    focus_key: str
    kind: str
    level: int
    state: EpisodeState
    headline: str
    evidence: str
    follow_up: str
    onset_at: datetime
    encounter: str | None
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do to the EHR. `content` is what the type's sink renders (None to retract).
    `push` marks what calls a clinician: it waits for the share cap."""

    op: Op
    type: str
    key: str
    patient: str
    content: Any
    known: Known | None = None
    reason: str = ""
    push: bool = False


@dataclass(frozen=True, slots=True)
class AlertRules:
    """When an alert may be raised (`decisions.md` 2)."""

    now: datetime
    max_age: timedelta = timedelta(days=21)
    since: datetime | None = None
    pool: str = ""
    inferred_encounter: bool = False

    def recent(self, at: datetime) -> bool:
        """Is this young enough to be worth a push?"""
        return self.now - at <= self.max_age and (self.since is None or at >= self.since)


# -- scores --------------------------------------------------------------------------------------


def score_contents(
    assessments: Iterable[Assessment],
    instruments: Mapping[str, Instrument],
    keys: Keys,
    *,
    inferred_encounter: bool,
    labels: Sequence[str] = (),
) -> dict[str, ScoreContent]:
    """What should stand in the EHR: one content per scored scale, by key."""
    wanted = {}
    for a in assessments:
        instrument = instruments[a.instrument]
        encounter = a.encounter if a.link == "given" or inferred_encounter else None
        for score in a.scores:
            scale = instrument.scale(score.scale)
            key = keys.score(a.patient, a.response, a.instrument, score.scale)
            note = f"{score.answered} of {score.items} items answered"
            if "prorated" in score.flags:
                note += "; prorated from the answered items"
            if a.rater == "proxy":
                note += "; answered by a related person"
            wanted[key] = ScoreContent(
                key=key,
                patient=a.patient,
                response=a.response,
                instrument=instrument.id,
                instrument_version=instrument.version,
                scale=scale.id,
                title=f"{instrument.title}: {scale.title}",
                value=round(score.value, scale.places),
                places=scale.places,
                effective=a.effective,
                encounter=encounter,
                labels=tuple(sorted({*a.labels, *labels})),
                note=note + ".",
            )
    return wanted


def plan_scores(
    wanted: Mapping[str, ScoreContent],
    known: Iterable[Known],
    *,
    reasons: Mapping[str, str],
    vanished: Collection[str] = (),
) -> list[Action]:
    """Observations to create, update or retract for one patient.

    known     our Observations of this patient (and those of its responses under other patients)
    reasons   response id → why it no longer yields a score
    vanished  responses that the EHR no longer has: reported elsewhere, nothing is done here
    """
    held = {k.key: k for k in known}
    actions = [a for key, content in wanted.items() if (a := _plan_score(content, held.get(key)))]
    for key, k in held.items():
        if key in wanted or k.response in vanished or k.standing not in {"written", "foreign"}:
            continue
        reason = reasons.get(k.response, "the data no longer yield this score")
        actions.append(Action(Op.RETRACT, k.type, key, k.patient, None, k, reason))
    return actions


def _plan_score(content: ScoreContent, k: Known | None) -> Action | None:
    if k is None or (k.standing == "refused" and k.fingerprint != content.fingerprint):
        return Action(Op.CREATE, "Observation", content.key, content.patient, content, reason="new score")
    if k.standing == "retracted":
        return Action(Op.UPDATE, k.type, k.key, k.patient, content, k, "the data yield this score again")
    if k.standing == "written" and k.fingerprint != content.fingerprint:
        return Action(Op.UPDATE, k.type, k.key, k.patient, content, k, "the response or its session changed")
    return None


# -- alerts --------------------------------------------------------------------------------------


def alert_content(strain: Strain, keys: Keys, rules: AlertRules, owner: str) -> AlertContent:
    """An alert about a strain, in the product's words."""
    a, episode = strain.assessment, strain.episode
    return AlertContent(
        key=keys.alert(a.patient, a.practitioner, a.response),
        patient=a.patient,
        practitioner=a.practitioner,
        owner=owner,
        response=a.response,
        focus_key=keys.score(a.patient, a.response, a.instrument, "total"),
        kind=episode.kind,
        level=episode.level,
        state=episode.state,
        headline=headline(episode.kind),
        evidence=evidence(strain.instrument, episode),
        follow_up="",
        onset_at=a.at,
        encounter=a.encounter if a.link == "given" or rules.inferred_encounter else None,
        labels=a.labels,
    )


def plan_alerts(
    type: str,
    strains: Sequence[Strain],
    known: Iterable[Known],
    keys: Keys,
    rules: AlertRules,
    *,
    retracted: Collection[str] = (),
) -> tuple[list[Action], Counter[str]]:
    """Alerts of one resource type for one patient, and why some strains raise none.

    strains    all of this patient's, oldest first
    known      our alerts of that type for this patient
    retracted  responses that are entered in error: their alert is too
    """
    held = {k.key: k for k in known}
    current = {keys.alert(*s.dyad, s.assessment.response): s for s in strains}
    actions: list[Action] = []
    silent: Counter[str] = Counter()
    busy: set[tuple[str, str]] = set()
    for key, k in held.items():
        s = current.get(key)
        if s is None:
            actions += _withdraw(k, retracted)
        else:
            actions += _follow(k, s, keys, rules)
            if _blocks(s) and k.standing in {"written", "foreign", "unknown"}:
                busy.add(s.dyad)
    for key, s in current.items():
        before = held.get(key)
        if before is not None and before.standing not in {"refused", "retracted"}:
            continue
        owner = s.assessment.practitioner if s.assessment.practitioner != UNASSIGNED else rules.pool
        if why := _silence(s, owner, s.dyad in busy, rules):
            silent[why] += 1
            continue
        if _blocks(s):
            busy.add(s.dyad)
        content = alert_content(s, keys, rules, owner)
        again = before is not None and before.standing == "retracted"
        op, reason = (Op.UPDATE, "the strain is back in the data") if again else (Op.CREATE, "possible strain")
        actions.append(Action(op, type, key, content.patient, content, before, reason, push=True))
    return actions, silent


def _blocks(s: Strain) -> bool:
    return s.episode.kind in STRAINS and s.episode.state is EpisodeState.OPEN


def _silence(s: Strain, owner: str, busy: bool, rules: AlertRules) -> str | None:
    """Why a strain raises no alert, or None when it should."""
    if s.key.rater != "client":
        return "answered by a related person"
    if s.episode.state is not EpisodeState.OPEN:
        return "already closed when first seen"
    if not rules.recent(s.episode.onset.at):
        return "onset too old"
    if not owner:
        return "no single treating practitioner"
    if busy:
        return "another alert of this dyad is open"
    return None


def _withdraw(k: Known, retracted: Collection[str]) -> list[Action]:
    if k.standing not in {"written", "foreign"}:
        return []
    why = "the form was entered in error" if k.response in retracted else "the data changed; there is no drop any more"
    return [Action(Op.RETRACT, k.type, k.key, k.patient, None, k, why)]


_WORDS = {
    EpisodeState.OPEN: "Open again: corrected data show that the score has not recovered.",
    EpisodeState.REPAIRED: "Recovered: the score regained at least three quarters of the drop. "
    "A recovered score does not prove that the relationship is repaired.",
    EpisodeState.UNREPAIRED: "Not recovered after 3 scored sessions; the latest scores are the new baseline.",
    EpisodeState.EXPIRED: "Ended without a verdict: no further scores to follow it by.",
}


_LOW_EARLY_ENDED = "Follow-up of the low start has ended."


def _follow(k: Known, s: Strain, keys: Keys, rules: AlertRules) -> list[Action]:
    """Worsening and closing of an alert that stands."""
    if k.standing != "written":
        return []
    worse = s.episode.worsened
    escalate = s.episode.level == 3 and k.level < 3 and worse is not None and rules.recent(worse.at)
    moved = k.state != s.episode.state
    if not (escalate or moved):
        return []
    notes = ["Still low one or more sessions later: priority raised."] if escalate else []
    if moved:
        ended = s.episode.kind == "low-early" and s.episode.state is EpisodeState.EXPIRED
        notes.append(_LOW_EARLY_ENDED if ended else _WORDS[s.episode.state])
    content = alert_content(s, keys, rules, s.assessment.practitioner)
    content = replace(content, level=3 if escalate else k.level, follow_up=" ".join(notes))
    return [Action(Op.UPDATE, k.type, k.key, k.patient, content, k, " ".join(notes), push=escalate)]
