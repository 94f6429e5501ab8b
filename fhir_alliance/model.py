"""The central types: frozen values without behaviour that touches the world.

References are strings "Type/id", relative to the endpoint they were read from. Times are aware
datetimes. Scale values are in the scale's metric (WAI-SR: mean item 1-5; SRS: sum 0-40).

Types of which a sync makes several for every response are msgspec Structs: the same as a frozen
dataclass, made in a tenth of the time (`msgspec.structs` has their `replace` and `asdict`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from msgspec import Struct

UNASSIGNED = "unassigned"
"""The practitioner of a dyad that no single practitioner could be found for: scored, never alerted."""


# -- instruments ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Item:
    """One question: its number, the linkIds that carry it, and its answer grid."""

    number: int
    link_ids: tuple[str, ...]
    minimum: float
    maximum: float
    step: float
    reverse: bool = False


@dataclass(frozen=True, slots=True)
class Scale:
    """One score of an instrument.

    rule          "mean" or "sum" of the (prorated) items
    min_answered  fewest answered items for a score
    requires      ids of scales that must be scorable for this one to be
    places        decimals that are written outward
    """

    id: str
    title: str
    items: tuple[int, ...]
    rule: Literal["mean", "sum"]
    min_answered: int
    minimum: float
    maximum: float
    places: int
    requires: tuple[str, ...] = ()
    notice_drop: float | None = None
    """Fall below its own baseline mean that is worth a notice (subscales only)."""


@dataclass(frozen=True, slots=True)
class Change:
    """Constants of change on the total's metric, and the range of its scale."""

    rc90: float
    rc95: float
    rc99: float
    s0: float
    low: float | None
    minimum: float
    maximum: float


Purpose = Literal["alliance", "group", "outcome", "hope", "consultation"]
"""What an instrument measures: the alliance of one client with one practitioner; a member's view of a
group; how the client is; the client's hope; one consultation."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """An instrument as its definition file says. `version` is the file's own version;
    `key` names the scoring key (items to scales) and is part of a series' identity.

    totals_only      no known key: a finished total is accepted, items are not; `items` is empty
    canonicals       questionnaires that are this instrument, "url" or "url|version" (a site's file)
    answers          what coded answers stand for, "system|code", code or display; then they alone decide
    missing_answers  codes, or "system|code", that say that the question does not apply
    fillers          numbers of items that belong to no scale
    snomed           SNOMED CT code of exactly this total, and codes that it had before
    higher           is a higher score better, or worse?
    generic          constants of change that are not its own but those for any instrument of its range
    """

    id: str
    version: str
    key: str
    title: str
    rater: Literal["client", "therapist", "caregiver", "observer"]
    language: str
    when: Literal["pre", "post", "any"]
    unit_hint: Literal["likert", "vas"]
    questionnaire_versions: tuple[str, ...]
    items: tuple[Item, ...]
    scales: tuple[Scale, ...]
    change: Change
    stated_total: tuple[str, ...]
    verified: bool
    licence_gated: bool
    holder: str
    terms: str
    provenance: Mapping[str, str] = field(default_factory=dict)
    purpose: Purpose = "alliance"
    totals_only: bool = False
    canonicals: tuple[str, ...] = ()
    answers: Mapping[str, float] | None = None
    missing_answers: tuple[str, ...] = ()
    fillers: tuple[int, ...] = ()
    snomed: str | None = None
    snomed_retired: tuple[str, ...] = ()
    higher: Literal["better", "worse"] = "better"
    generic: tuple[str, ...] = ()

    def scale(self, id: str) -> Scale:
        """The scale with this id; KeyError when there is none."""
        for scale in self.scales:
            if scale.id == id:
                return scale
        raise KeyError(id)

    def highest_level(self, rater: str) -> int:
        """The highest level that a fall of its scores may have: 3 where a client rates the alliance, 1 (a notice,
        never pushed) where somebody else does or a group is rated, 0 where it is no alliance measure."""
        if self.purpose not in {"alliance", "group"}:
            return 0
        return 3 if self.purpose == "alliance" and self.rater == rater == "client" else 1


# -- what was read -------------------------------------------------------------------------------


class Outcome(StrEnum):
    """What became of a QuestionnaireResponse (`scored`, or why not)."""

    SCORED = "scored"
    WAITING = "waiting"
    SKIPPED = "skipped"
    RETRACTED = "retracted"
    SET_ASIDE = "set aside"


class Score(Struct, frozen=True, gc=False):
    """One scored scale. `raw` is the (prorated) sum; `flags` are sorted."""

    scale: str
    value: float
    raw: float
    answered: int
    items: int
    flags: tuple[str, ...] = ()
    stated: float | None = None


@dataclass(frozen=True, slots=True)
class Unscored:
    """A scale that has no score, with an operator-readable reason ("set aside: ...")."""

    scale: str
    reason: str


class Reading(Struct, frozen=True, gc=False):
    """One QuestionnaireResponse after reading: who, when, which instrument, and scores or a reason.

    id         resource id, None when it has none
    patient    "Patient/id", with a base in front when it is another server's; None when it could not be told
    authored   text as given; `at` the instant that it stands for
    effective  valid FHIR dateTime for what we write (zone added when it was assumed)
    code       machine word of the reason ("form-mismatch"); `reason` the whole line
    content    hash of the content, without `meta`
    labels     security label codes of the source as "system|code", to be copied outward
    answers    item number → answer in the form's own coding, of a scored response. Never kept, never logged
    """

    outcome: Outcome
    id: str | None
    content: str
    patient: str | None = None
    instrument: str | None = None
    version: str | None = None
    key: str | None = None
    rater: str = "client"
    authored: str | None = None
    effective: str | None = None
    at: datetime | None = None
    encounter: str | None = None
    status: str | None = None
    scores: tuple[Score, ...] = ()
    unscored: tuple[Unscored, ...] = ()
    flags: tuple[str, ...] = ()
    code: str | None = None
    reason: str | None = None
    labels: tuple[str, ...] = ()
    updated: datetime | None = None
    answers: Mapping[int, float] = {}


@dataclass(frozen=True, slots=True)
class Session:
    """An Encounter as a therapy contact. `practitioners` are candidates by participant type,
    most decisive first: PPRF, ATND, untyped; each a tuple of references as given. `labels`: its security labels."""

    id: str
    patient: str
    status: str
    start: datetime | None
    end: datetime | None
    klass: str | None
    pprf: tuple[str, ...] = ()
    atnd: tuple[str, ...] = ()
    untyped: tuple[str, ...] = ()
    content: str = ""
    labels: tuple[str, ...] = ()


class Assessment(Struct, frozen=True, gc=False):
    """One administration of an instrument, placed in its dyad: a scored Reading and its session.

    at    session time: linked encounter's start, else authored
    link  how the encounter was found: "given", "inferred" or "none"
    """

    response: str
    patient: str
    practitioner: str
    instrument: str
    version: str
    key: str
    rater: str
    at: datetime
    authored_at: datetime
    effective: str
    encounter: str | None
    link: Literal["given", "inferred", "none"]
    amended: bool
    scores: tuple[Score, ...]
    labels: tuple[str, ...]
    content: str
    updated: datetime | None = None

    def score(self, scale: str) -> Score | None:
        """The score of a scale, or None when that scale has none."""
        return next((s for s in self.scores if s.scale == scale), None)


# -- series and strains --------------------------------------------------------------------------


class SeriesKey(Struct, frozen=True, gc=False, order=True):
    """Whose scores belong together: client x practitioner x instrument x scoring key x rater."""

    patient: str
    practitioner: str
    instrument: str
    key: str
    rater: str = "client"


class Point(Struct, frozen=True, gc=False):
    """One row of a series. `value` None = form not returned. `source` breaks ties of time."""

    at: datetime
    value: float | None
    authored: datetime | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a policy says about one score.

    index     position in the time-ordered series from 1, missing rows counted
    level     0 for closes, 1 notice, 2 check-in, 3 priority check-in
    baseline  mean of the baseline scores (B); spread = predicted spread of one new score (sp);
              z = (B - value) / sp; drop = B - value. None for kinds without a baseline
    scale     which scale, for a subscale notice only
    """

    index: int
    at: datetime
    level: int
    kind: str
    value: float
    baseline: float | None = None
    spread: float | None = None
    z: float | None = None
    drop: float | None = None
    source: str = ""
    scale: str = ""


class EpisodeState(StrEnum):
    """Where a possible strain stands."""

    OPEN = "open"
    REPAIRED = "repaired"
    UNREPAIRED = "unrepaired"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Episode:
    """A possible strain: its onset, worsening and close. `low-early` is an episode of kind
    `low-early` for alerting only: it never shuts the policy's eyes.

    base     points that formed the baseline at onset, oldest first (low-early: the first three)
    sigma    shrunken within-person SD at onset (None for early-step, early-fall and low-early)
    """

    kind: str
    onset: Event
    state: EpisodeState
    level: int
    base: tuple[Point, ...] = ()
    sigma: float | None = None
    worsened: Event | None = None
    close: Event | None = None


class Step(Struct, frozen=True, gc=False):
    """What the policy knew at one valid score: for charts and explanations.

    limit       a value at or below it fires (in an episode: counts as persisting)
    in_episode  from the onset to the closing score, both included
    base        the points that the score was compared with, oldest first
    """

    index: int
    at: datetime
    value: float
    source: str
    baseline: float | None
    spread: float | None
    limit: float | None
    in_episode: bool
    base: tuple[Point, ...] = ()


@dataclass(frozen=True, slots=True)
class Detection:
    """A policy's whole answer for one series; `insufficient` says what is lacking (L0), or None."""

    events: tuple[Event, ...]
    episodes: tuple[Episode, ...]
    steps: tuple[Step, ...]
    insufficient: str | None = None
