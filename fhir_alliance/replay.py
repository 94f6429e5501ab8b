"""A history played once more: the passes that would have been, each with what it would have told of strains. Pure.

A pass is played where something turns: a strain begins, worsens or ends. While alerts wait for another day, one is
played at each midnight of the clinicians. The planner, the cap and the digest are those of a real pass.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta, tzinfo
from typing import Any

from .answers import NOTHING_HEARD, Heard
from .decide import Rulebook, alert_actions
from .derive import Strain
from .digest import Waiting, held_alerts, is_digest, plan_digests
from .messages import CLOSES, new_alerts, thread_of
from .past import Past
from .plan import LABELS, Action, Known, Op

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
    _labels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _today: Counter[str] = field(default_factory=Counter)
    _now: datetime | None = None

    def play(self) -> Replay:
        """From the first strain to the end."""
        turns: dict[datetime, set[str]] = {}
        for patient, past in self.pasts.items():
            self._labels |= {a.response: a.labels for s in past.stories for a in s.assessments if a.labels}
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
        if new_day := self._now is None or at >= self._midnight(self._now):
            self._today.clear()
            self._known[""] = {k: v for k, v in self._known.get("", {}).items() if v.standing == "written"}
        self._now = at
        # Before the next day nothing that waits can come, unless it turns itself.
        concerned = {*patients, *(w.patient for w in self.waiting.values() if new_day)}
        actions = [a for patient in sorted(concerned) for a in self._planned(patient, at)]
        new = new_alerts(actions)
        held = held_alerts(new, self._today, self.most)
        for action in actions:
            if thread_of(action.key) not in held:
                self._tell(action, at, new=action.key in new)
        before = self.waiting
        # Those that wait longest come first in the digest, as in the store.
        still = {key: held.get(key, w) for key, w in before.items() if key in held or w.patient not in concerned}
        self.waiting = still | {key: held[key] for key in sorted(held) if key not in still}
        self.waited |= set(held)
        if "Task" in self.rules.alert_types and (new_day or self.waiting != before):
            self._tell_of_waiting(at)

    def _tell(self, action: Action, at: datetime, *, new: bool) -> None:
        would = self._write(action, at)
        if would is None:
            return
        if new and action.key not in self.called:
            self.called[action.key] = would
            self._today[would.practitioner] += 1
        if action.push and would.level == 3:
            self.urgent.add(thread_of(action.key))

    def _planned(self, patient: str, at: datetime) -> list[Action]:
        found = self.pasts[patient].strains(at)
        keys, rules = self.rules.keys, replace(self.rules, alerts=replace(self.rules.alerts, now=at))
        self._worse |= {keys.alert(*s.dyad, s.assessment.response): _worse(s) for s in found}
        heard = Heard(waiting=frozenset(w.key for w in self.waiting.values() if w.patient == patient))
        return alert_actions(found, self._known.get(patient, {}).values(), rules, heard=heard)[0]

    def _tell_of_waiting(self, at: datetime) -> None:
        """The digest of the day; those of other days are over."""
        known, waiting = list(self._known.get("", {}).values()), list(self.waiting.values())
        labels = {x for w in waiting for x in self._labels.get(w.response, ())} | set(self.rules.labels)
        day = at.astimezone(self.zone).date()
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
        if content.event in CLOSES.values() or (before and before.state != content.state):
            return str(content.state)
        if action.push:
            return content.kind if content.event == "raised" and before is None else self._worse[thread_of(action.key)]
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
