"""The planner: what the EHR should hold, against what we know it holds → actions. Pure.

This is the table of `architecture.md` 4 and `decisions.md` 2 and 4. Its output is also the dry run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from .keys import Keys
from .model import Assessment, EpisodeState, Instrument, Score
from .scoring import FINISHED_TOTAL, UNVERIFIED_KEY
from .strain_note import StrainNote

BY_HAND = "by-hand"
"""Fingerprint of what a person says to have corrected in the EHR: the next pass looks, and sends nothing."""
RELEASED = "released"
"""Fingerprint of what a person, or `retry`, wants to be sent once more: it differs from every content's."""

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
    state, level of an alert: what it says; attached: onset responses of further strains that it mentions
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
    attached: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A subscale inside another Observation."""

    scale: str
    title: str
    value: float
    places: int


@dataclass(frozen=True, slots=True)
class ScoreContent:
    """One Observation: a scale's, unless `filing` made something else of it. `value` is rounded to the scale's places.

    members     keys of the Observations that a panel lists; a panel has no value
    components  subscales that it holds itself
    row         "system|code" of the flowsheet row that it is filed to
    """

    key: str
    patient: str
    response: str
    instrument: str
    instrument_version: str
    scale: str
    title: str
    value: float | None
    places: int
    effective: str
    encounter: str | None
    labels: tuple[str, ...]
    note: str
    snomed: str = ""
    members: tuple[str, ...] = ()
    components: tuple[Part, ...] = ()
    row: str = ""

    @property
    def fingerprint(self) -> str:
        """Changes exactly when something that we write would."""
        return hashlib.blake2b(repr(self).encode(), digest_size=16).hexdigest()


LABELS = "labels"
"""Event of an update that brings security labels, or the score to point to, and tells nothing."""
UNPOINTED = "?"
"""Ends the fingerprint of a Task that points to the form, because its score did not stand when it was written."""


@dataclass(frozen=True, slots=True)
class AlertContent:
    """One alert, before a sink gives it a resource's shape. `owner` is a reference.

    event     what a message tells: raised, worse, recovered, … (`messages`)
    first     key of the alert that a further message belongs to; `reply_to` its first message, "Type/id"
    note      the report that a document holds (`strain_note`)
    """

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
    attached: tuple[str, ...] = ()
    event: str = "raised"
    first: str = ""
    reply_to: str = ""
    note: StrainNote | None = None

    @property
    def fingerprint(self) -> str:
        """Changes exactly when the labels do; what else is worth a write is told by state and level."""
        return hashlib.blake2b(repr(self.labels).encode(), digest_size=16).hexdigest()


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


# -- scores --------------------------------------------------------------------------------------


def score_contents(
    assessments: Iterable[Assessment],
    instruments: Mapping[str, Instrument],
    keys: Keys,
    *,
    inferred_encounter: bool,
    labels: Sequence[str] = (),
    snomed: bool = False,
) -> dict[str, ScoreContent]:
    """What should stand in the EHR: one content per scored scale, by key.

    snomed  give a total its SNOMED CT code, where there is exactly that one
    """
    wanted = {}
    for a in assessments:
        instrument = instruments[a.instrument]
        encounter = a.encounter if a.link == "given" or inferred_encounter else None
        for score in a.scores:
            scale = instrument.scale(score.scale)
            key = keys.score(a.patient, a.response, a.instrument, score.scale)
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
                note=_note(a, score),
                snomed=(instrument.snomed or "") if snomed and scale.id == "total" else "",
            )
    return wanted


def _note(a: Assessment, score: Score) -> str:
    """How the score came about. Its first words tell our note from others'."""
    note = f"{score.answered} of {score.items} items answered"
    if FINISHED_TOTAL in score.flags:
        note = "The total that the form states; no items answered were read"
    if "prorated" in score.flags:
        note += "; prorated from the answered items"
    if UNVERIFIED_KEY in score.flags:
        note += "; the scoring key was not verified against the form"
    if a.rater == "proxy":
        note += "; answered by a related person"
    return f"{note}."


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
