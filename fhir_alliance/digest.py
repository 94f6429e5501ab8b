"""More possible strains than a clinician is called about in a day: which of them wait, and the one Task that says how
many (clinical specification 2.6, limits). Pure.

A call is a new alert to one practitioner, in however many places it is told. Priority check-ins always come, and so
do escalations; of the others the oldest come first. What waits is counted in the digest and comes on another day, with
its own Task: nobody is called twice about one strain, because the digest names none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from .answers import Heard
from .keys import Keys
from .plan import Action, AlertContent, Known, Op

_PREFIX = "digest-"
OVER = "what it counted has Tasks of its own now, or does not hold any more"


def is_digest(key: str) -> bool:
    """Is this the key of a digest, and not of an alert?"""
    return key.startswith(_PREFIX)


@dataclass(frozen=True, slots=True)
class Call:
    """An alert that is to be raised. `owner`: who would be called."""

    key: str
    owner: str
    level: int
    onset_at: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """An alert that is held back. `response`, `focus_key`: the form, and the score, that it is about."""

    key: str
    patient: str
    practitioner: str
    response: str
    focus_key: str


@dataclass(frozen=True, slots=True)
class DigestContent:
    """One Task: so many possible strains wait. `waiting`: of one clinician, oldest first; no name, no number."""

    key: str
    practitioner: str
    waiting: tuple[Waiting, ...]
    labels: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Changes exactly when something that we write would."""
        return hashlib.blake2b(repr(self).encode(), digest_size=16).hexdigest()


def held_back(calls: Iterable[Call], today: Mapping[str, int], most: int) -> set[str]:
    """Keys of the calls that must wait for another day.

    today  how many calls each practitioner had today
    most   calls of one practitioner in a day; 0: no cap. A pool is no clinician and has none
    """
    told, later = dict(today), set()
    for call in sorted(calls, key=lambda c: (-c.level, c.onset_at, c.key)):
        if not most or not call.owner.startswith("Practitioner/"):
            continue
        if call.level < 3 and told.get(call.owner, 0) >= most:
            later.add(call.key)
        else:
            told[call.owner] = told.get(call.owner, 0) + 1
    return later


def held_alerts(alerts: Mapping[str, AlertContent], today: Mapping[str, int], most: int) -> dict[str, Waiting]:
    """Which of these new alerts must wait, by key (`held_back`)."""
    later = held_back([Call(c.key, c.owner, c.level, c.onset_at) for c in alerts.values()], today, most)
    held = (c for key, c in alerts.items() if key in later)
    return {c.key: Waiting(c.key, c.patient, c.practitioner, c.response, c.focus_key) for c in held}


def plan_digests(
    waiting: Iterable[Waiting],
    known: Sequence[Known],
    keys: Keys,
    day: date,
    heard: Heard,
    labels: Collection[str] = (),
) -> list[Action]:
    """One digest a day for each clinician for whom something waits; those of other days are over.

    known  our digests
    """
    by_clinician: dict[str, list[Waiting]] = {}
    for one in waiting:
        by_clinician.setdefault(one.practitioner, []).append(one)
    held = {k.key: k for k in known}
    actions = []
    for practitioner, rows in sorted(by_clinician.items()):
        key = _PREFIX + keys.alert("digest", practitioner, day.isoformat())
        content = DigestContent(key, practitioner, tuple(rows), tuple(sorted(labels)))
        k = held.pop(key, None)
        if k is None or k.standing == "refused":
            actions.append(Action(Op.CREATE, "Task", key, "", content, None, "more than a day's alerts"))
        elif not heard.silenced(key) and (k.standing == "retracted" or _differs(k, content)):
            actions.append(Action(Op.UPDATE, "Task", key, "", content, k, "more, or fewer, wait"))
    actions += [Action(Op.RETRACT, "Task", k.key, "", None, k, OVER) for k in held.values() if k.standing == "written"]
    return actions


def _differs(k: Known, content: DigestContent) -> bool:
    return k.standing == "written" and k.fingerprint != content.fingerprint
