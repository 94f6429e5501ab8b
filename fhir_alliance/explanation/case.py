"""What is explained: one series with what its policy said, and which of its scores is looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from ..detection import Policy, Reference, Terms, time_order
from ..detection.following import Following
from ..detection.policy import RulePolicy
from ..model import Detection, Episode, EpisodeState, Event, Instrument, Point, Score, Step

_CLOSED = frozenset({"repaired", "unrepaired"})


@dataclass(frozen=True, slots=True)
class Case:
    """A series to explain.

    by        the policy that made `detection`
    episode   the strain asked about; None: the open one, else the newest
    session   position in the series (from 1) of the score asked about; it goes before `episode`
    notices   of subscales, to be shown with those of the policy
    forms     score of the total by source, for what was left out on the form; empty where nothing is known
    cutoff    the site's own
    rater     who filled in the forms
    """

    points: Sequence[Point]
    detection: Detection
    instrument: Instrument
    by: Policy
    episode: Episode | None = None
    session: int | None = None
    notices: Sequence[Event] = ()
    forms: Mapping[str, Score] = field(default_factory=dict)
    cutoff: float | None = None
    rater: str = "client"


@dataclass(frozen=True, slots=True)
class Row:
    """One session of the series, scored or not, and all that was said of it.

    step       None where there is no score that can be used
    reference  what its score was compared with, None: with nothing
    strain     the one that was open at it, onset and close included
    base       is the score looked at compared with this one?
    """

    index: int
    point: Point
    step: Step | None
    reference: Reference | None
    strain: Episode | None
    events: tuple[Event, ...]
    form: Score | None
    base: bool
    judged: bool

    @property
    def kind(self) -> str:
        """Of the comparison, "" where there was none."""
        return self.reference.kind if self.reference else ""


@dataclass(frozen=True, slots=True)
class Account:
    """A case worked out.

    row        the session that is looked at; None: the series is empty
    episode    the strain that it opened, None when it opened none
    around     the strain that was open at it, itself included
    reference  what its score was compared with, and `terms` what was asked of it; None: with nothing, or a low start
    rows       every session, in order of time
    """

    case: Case
    row: Row | None
    episode: Episode | None
    around: Episode | None
    reference: Reference | None
    terms: Terms | None
    rows: tuple[Row, ...]

    @property
    def step(self) -> Step | None:
        """What the policy knew at the score that is looked at; None where there is no score."""
        return self.row.step if self.row else None

    @property
    def followed(self) -> bool:
        """Is the score one that follows an onset, judged by whether it stays as low?"""
        return self.around is not None and self.episode is None

    @property
    def cooling(self) -> Following | None:
        """The course's constants, where a strain was closed so shortly before that a fall is only noticed."""
        by, step, detection = self.case.by, self.step, self.case.detection
        closes = [e.index for e in detection.events if e.kind in _CLOSED and step and e.index < step.index]
        if not isinstance(by, RulePolicy) or step is None or not closes or self.followed:
            return None
        since = [s for s in detection.steps if closes[-1] <= s.index <= step.index]
        anew = any(b.at - a.at > by.following.gap for a, b in pairwise(since))
        return None if anew or len(since) - 1 > by.following.cooldown else by.following

    @property
    def compared(self) -> tuple[Point, ...]:
        """The scores that the mean of the reference is of, oldest first; of a low start, the first ones."""
        if self.reference is None or self.terms is None:
            return self.episode.base if self.episode else ()
        return self.reference.base[: self.terms.first]


def account(case: Case) -> Account:
    """Which score is looked at, what it was compared with, and what was said of every session."""
    detection = case.detection
    episode = case.episode or newest(detection)
    if case.session is not None:
        episode = next((e for e in detection.episodes if e.onset.index == case.session), None)
    steps = {s.index: s for s in detection.steps}
    index = case.session or (episode.onset.index if episode else max(steps, default=len(case.points)))
    step = steps.get(index)
    # A low start is a mean of the first scores; what the last of them was compared with played no part in it.
    low = episode is not None and episode.onset.baseline is None
    behind = case.by.behind(step, case.instrument.change, cutoff=case.cutoff) if step and not low else None
    reference, terms = behind or (None, None)
    told = Account(case, None, episode, episode or _around(detection, index), reference, terms, ())
    compared = {(p.at, p.source) for p in told.compared}
    rows = tuple(_rows(case, steps, index, compared))
    row = next((r for r in rows if r.judged), None)
    return Account(case, row, episode, told.around, reference, terms, rows)


def newest(detection: Detection) -> Episode | None:
    """The newest episode that is open, else the newest."""
    still = [e for e in detection.episodes if e.state is EpisodeState.OPEN]
    return next(reversed([*detection.episodes[-1:], *still]), None)


def _around(detection: Detection, index: int) -> Episode | None:
    """The strain that was open when this session came; its closing score belongs to it."""
    for e in detection.episodes:
        ended = e.close.index - (e.state is EpisodeState.EXPIRED) if e.close else index
        if e.kind != "low-early" and e.onset.index <= index <= ended:
            return e
    return None


def _rows(case: Case, steps: Mapping[int, Step], index: int, compared: set[tuple[datetime, str]]) -> list[Row]:
    events: dict[int, list[Event]] = {}
    for event in sorted([*case.detection.events, *case.notices], key=lambda e: e.index):
        events.setdefault(event.index, []).append(event)
    return [
        Row(
            number,
            point,
            steps.get(number),
            _reference(case, steps.get(number)),
            _around(case.detection, number) if number in steps else None,
            tuple(events.get(number, ())),
            case.forms.get(point.source),
            (point.at, point.source) in compared,
            number == index,
        )
        for number, point in enumerate(sorted(case.points, key=time_order), 1)
    ]


def _reference(case: Case, step: Step | None) -> Reference | None:
    behind = case.by.behind(step, case.instrument.change, cutoff=case.cutoff) if step else None
    return behind[0] if behind else None
