"""A history played once more: the passes that would have been, each with what it would have told of strains. Pure.

No policy looks ahead, so a finished history cut at a session is the history as it stood then. A pass is played where
something turns: a strain begins, worsens or ends. While alerts wait for another day, one is played at each midnight of
the clinicians. The planner, the cap and the digest are those of a real pass.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta, tzinfo
from typing import Any

from .answers import NOTHING_HEARD, Heard
from .corroboration import Missed, corroborated
from .decide import Rulebook, alert_actions
from .derive import SeriesStory, Strain, strains
from .detection.following import Following
from .digest import Waiting, held_alerts, is_digest, plan_digests
from .messages import CLOSES, new_alerts, thread_of
from .model import Episode, EpisodeState
from .plan import LABELS, Action, Known, Op

GAP = Following().gap
"""Without a score for longer than this, an open strain has expired."""
DIGEST = "digest"
ANOTHER_FORM = "another-form"


@dataclass(frozen=True, slots=True)
class Would:
    """One write that did not happen.

    patient  "" for a digest, which is about nobody in particular
    kind     of a score its instrument and scale; of an alert the onset's kind, then what is told of it later
    level    of an alert, 2 or 3; 0 for anything else
    """

    type: str
    op: Op
    patient: str
    practitioner: str
    at: datetime
    kind: str
    level: int = 0


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of one patient: every series to its end, and the sessions that the client missed."""

    stories: tuple[SeriesStory, ...]
    missed: tuple[Missed, ...] = ()

    def strains(self, at: datetime) -> list[Strain]:
        """As they stood then."""
        then = strains(_cut(s, at) for s in self.stories if s.assessments[0].at <= at)
        return corroborated(then, [m for m in self.missed if m.at <= at])

    def turns(self) -> set[datetime]:
        """When something began, worsened or ended, a form brought a new security label, or a session was missed."""
        mine = {at for s in self.stories for e in s.episodes for at in _turns(s, e)}
        if not mine:
            return mine
        later = {at for s in self.stories for at in _labelled(s)} | {m.at for m in self.missed}
        return mine | {at for at in later if at > min(mine)}


def _cut(story: SeriesStory, at: datetime) -> SeriesStory:
    episodes = tuple(_then(story, e, at) for e in story.episodes if e.onset.at <= at)
    assessments = tuple(a for a in story.assessments if a.at <= at)
    return replace(story, assessments=assessments, detection=replace(story.detection, episodes=episodes))


def _then(story: SeriesStory, e: Episode, at: datetime) -> Episode:
    if e.worsened is not None and e.worsened.at > at:
        e = replace(e, worsened=None, level=e.onset.level)
    closed = _closed(story, e)
    return e if closed is None or closed <= at else replace(e, state=EpisodeState.OPEN, close=None)


def _closed(story: SeriesStory, e: Episode) -> datetime | None:
    """When it was known that it had ended. Silence is noticed when it has lasted, not at the score that ends it."""
    if e.close is None or e.state is not EpisodeState.EXPIRED:
        return e.close.at if e.close else None
    last = max((p.at for p in story.points if p.value is not None and p.at < e.close.at), default=e.onset.at)
    return min(e.close.at, last + GAP)


def _turns(story: SeriesStory, e: Episode) -> Iterator[datetime]:
    yield e.onset.at
    if e.worsened is not None:
        yield e.worsened.at
    if (closed := _closed(story, e)) is not None:
        yield closed


def _labelled(story: SeriesStory) -> Iterator[datetime]:
    seen: set[str] = set()
    for a in story.assessments:
        if not seen.issuperset(a.labels):
            yield a.at
        seen.update(a.labels)


@dataclass(slots=True)
class Replay:
    """One endpoint's passes, played in the order of time.

    rules    of the site, with `as_of` the end of history
    most     new alerts to one clinician in a day; 0: no such cap
    zone     of the clinicians' days
    changes  would this action leave a resource that says anything else? Asked of every action, in order

    writes   what would have been written
    called   key of an alert → its first telling, in whatever place
    urgent   keys of the alerts that were priority check-ins from the start, or became so
    waited   keys of the alerts that were ever held back; `waiting`: still are
    """

    pasts: Mapping[str, Past]
    rules: Rulebook
    most: int
    zone: tzinfo
    changes: Callable[[Action], bool]
    writes: list[Would] = field(default_factory=list)
    called: dict[str, Would] = field(default_factory=dict)
    urgent: set[str] = field(default_factory=set)
    waiting: dict[str, Waiting] = field(default_factory=dict)
    waited: set[str] = field(default_factory=set)
    _known: dict[str, dict[tuple[str, str], Known]] = field(default_factory=dict)
    _worse: dict[str, str] = field(default_factory=dict)
    _today: Counter[str] = field(default_factory=Counter)
    _now: datetime | None = None

    def play(self) -> Replay:
        """From the first strain to the end."""
        turns: dict[datetime, set[str]] = {}
        for patient, past in self.pasts.items():
            for at in past.turns():
                turns.setdefault(at, set()).add(patient)
        for at in sorted(turns):
            self._nights(at)
            self._pass(at, turns[at])
        self._nights(self.rules.as_of)
        return self

    def _nights(self, until: datetime) -> None:
        while self.waiting and self._now and (night := self._midnight(self._now)) <= until:
            self._pass(night, ())

    def _midnight(self, after: datetime) -> datetime:
        return datetime.combine(after.astimezone(self.zone).date() + timedelta(days=1), time(), self.zone)

    def _pass(self, at: datetime, patients: Collection[str]) -> None:
        if self._now is None or at >= self._midnight(self._now):
            self._today.clear()
        self._now = at
        concerned = {*patients, *(w.patient for w in self.waiting.values())}
        actions = [a for patient in sorted(concerned) for a in self._planned(patient, at)]
        new = new_alerts(actions)
        held = held_alerts(new, self._today, self.most)
        for action in actions:
            if thread_of(action.key) in held:
                continue
            would = self._write(action, at)
            if would and action.key in new and action.key not in self.called:
                self.called[action.key] = would
                self._today[would.practitioner] += 1
            if would and action.push and would.level == 3:
                self.urgent.add(thread_of(action.key))
        # Those that wait longest come first in the digest, as in the store.
        before = [key for key in self.waiting if key in held]
        self.waiting = {key: held[key] for key in [*before, *sorted(set(held) - set(before))]}
        self.waited |= set(held)
        self._tell_of_waiting(at)

    def _planned(self, patient: str, at: datetime) -> list[Action]:
        found = self.pasts[patient].strains(at)
        keys, rules = self.rules.keys, replace(self.rules, alerts=replace(self.rules.alerts, now=at))
        self._worse |= {keys.alert(*s.dyad, s.assessment.response): _worse(s) for s in found}
        heard = Heard(waiting=frozenset(w.key for w in self.waiting.values() if w.patient == patient))
        return alert_actions(found, self._known.get(patient, {}).values(), rules, heard=heard)[0]

    def _tell_of_waiting(self, at: datetime) -> None:
        known = list(self._known.get("", {}).values())
        if "Task" not in self.rules.alert_types or not (self.waiting or any(k.standing == "written" for k in known)):
            return
        waiting = list(self.waiting.values())
        about = {w.response for w in waiting}
        stories = (s for patient in {w.patient for w in waiting} for s in self.pasts[patient].stories)
        labels = {x for s in stories for a in s.assessments if a.response in about for x in a.labels}
        day = at.astimezone(self.zone).date()
        labels |= set(self.rules.labels)
        for action in plan_digests(waiting, known, self.rules.keys, day, NOTHING_HEARD, labels):
            self._write(action, at)

    def _write(self, action: Action, at: datetime) -> Would | None:
        """Remember what would stand, and that it would have been written; None where nothing would."""
        changed, content = self.changes(action), action.content
        self._known.setdefault(action.patient, {})[action.type, action.key] = after(action)
        if not changed:
            return None
        about: Any = content or action.known
        whom = getattr(content, "owner", "") or about.practitioner
        kind, level = self._kind(action), getattr(content, "level", 0)
        would = Would(action.type, action.op, action.patient, whom, at, kind, level)
        self.writes.append(would)
        return would

    def _kind(self, action: Action) -> str:
        if is_digest(action.key):
            return DIGEST
        content, before = action.content, action.known
        if action.push:
            return content.kind if content.event == "raised" and before is None else self._worse[thread_of(action.key)]
        if content.event in CLOSES.values() or (before and before.state != content.state):
            return str(content.state)
        return LABELS if content.event == LABELS else ANOTHER_FORM


def _worse(s: Strain) -> str:
    return s.episode.worsened.kind if s.episode.worsened else ""


def after(action: Action) -> Known:
    """What is known of a resource when an action has been done."""
    k = action.known or Known(action.type, action.key, action.patient, "", "written")
    content = action.content
    if content is None:
        return replace(k, standing="retracted")
    return replace(
        k,
        standing="written",
        response=getattr(content, "response", k.response),
        practitioner=content.practitioner,
        level=getattr(content, "level", k.level),
        state=str(getattr(content, "state", k.state)),
        fingerprint=content.fingerprint,
        attached=" ".join(getattr(content, "attached", ())),
    )


def by_patient(told: Iterable[SeriesStory], missed: Iterable[Missed] = ()) -> dict[str, Past]:
    """Pasts of a whole endpoint."""
    stories: dict[str, list[SeriesStory]] = {}
    for s in told:
        stories.setdefault(s.key.patient, []).append(s)
    gone: dict[str, list[Missed]] = {}
    for m in missed:
        gone.setdefault(m.patient, []).append(m)
    return {patient: Past(tuple(mine), tuple(gone.get(patient, ()))) for patient, mine in stories.items()}
