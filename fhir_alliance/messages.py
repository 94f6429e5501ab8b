"""Alerts that are told once and cannot be changed: messages to a person, a webhook, a log (`fhir.md` D-12). Pure.

An alert is then a thread: its first message has the alert's own key, each further one a key made of that, its
place in the thread and what it tells ("KEY:1:worse", "KEY:2:recovered", "KEY:3:withdrawn"). What the thread
says now is what its last message said; the table of `alerting` decides what is to be said next.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from .alerting import AlertRules, plan_alerts
from .answers import NOTHING_HEARD, Heard
from .derive import Strain
from .keys import Keys
from .model import EpisodeState
from .plan import Action, AlertContent, Known, Op, Standing
from .wording import DISREGARD

ALWAYS = frozenset({"withdrawn", "again"})
"""Whoever was told of a strain is told that it is gone from the data, and that it is back."""

CLOSES = {
    EpisodeState.REPAIRED: "recovered",
    EpisodeState.UNREPAIRED: "unrepaired",
    EpisodeState.EXPIRED: "expired",
    EpisodeState.OPEN: "reopened",
}
EVERYTHING = ALWAYS | {"worse", *CLOSES.values()}


def thread_of(key: str) -> str:
    """Key of the alert that a message belongs to."""
    return key.partition(":")[0]


def told(key: str) -> str:
    """What a message tells, by its key."""
    return key.split(":")[2] if key.count(":") == 2 else "raised"


def _place(k: Known) -> int:
    place = k.key.split(":")[1:2]
    return int(place[0]) if place and place[0].isdigit() else 0


def threads(known: Iterable[Known]) -> dict[str, list[Known]]:
    """Messages by alert, in the order in which they were planned."""
    found: dict[str, list[Known]] = defaultdict(list)
    for k in known:
        found[thread_of(k.key)].append(k)
    return {key: sorted(rows, key=_place) for key, rows in found.items()}


def head(rows: Sequence[Known]) -> Known:
    """A thread as one alert: what its last message said. Unknown while one of its messages may or may not be in."""
    first = replace(rows[0], key=thread_of(rows[0].key))
    if any(k.standing == "unknown" for k in rows):
        return replace(first, standing="unknown")
    if first.standing in {"refused", "removed", "foreign"}:
        return first
    last = [k for k in rows if k.standing != "refused"][-1]
    standing: Standing = "retracted" if told(last.key) == "withdrawn" else "written"
    level = max(k.level for k in rows if k.standing != "refused")
    return replace(first, standing=standing, state=last.state, level=level, attached=last.attached)


def new_alerts(actions: Iterable[Action]) -> dict[str, AlertContent]:
    """The alerts that are raised among what is planned, by key: not what becomes of those that stand."""
    return {
        a.key: a.content
        for a in actions
        if (a.known is None or a.known.standing in {"refused", "retracted"})
        and isinstance(a.content, AlertContent)
        and thread_of(a.key) == a.key
    }


def plan_messages(
    type: str,
    strains: Sequence[Strain],
    known: Iterable[Known],
    keys: Keys,
    rules: AlertRules,
    *,
    tell: Collection[str] = EVERYTHING,
    retracted: Collection[str] = (),
    labels: Collection[str] = (),
    heard: Heard = NOTHING_HEARD,
) -> tuple[list[Action], Counter[str]]:
    """Messages of one type about one patient, and why some strains raise none.

    tell    which further messages are sent: worse, recovered, unrepaired, expired, reopened
    labels  security labels of this patient's forms, for a message whose own form is gone
    heard   what clinicians answered
    """
    rows = threads(known)
    heads = [head(r) for r in rows.values()]
    actions, silent = plan_alerts(type, strains, heads, keys, rules, retracted=retracted, heard=heard)
    found = [_message(a, rows.get(a.key, []), tell, rules, labels) for a in actions]
    return [a for a in found if a is not None], silent


def _message(
    action: Action, rows: Sequence[Known], tell: Collection[str], rules: AlertRules, labels: Collection[str]
) -> Action | None:
    """The message that says what an action would have done; None when nobody asked for it, or may be told."""
    if action.op is Op.CREATE or action.known is None:
        return action
    event = _event(action, action.known)
    # Once "recovered" was said, whatever corrects that is said too.
    if event is None or not (event in ALWAYS or event in tell or action.known.state != EpisodeState.OPEN):
        return None
    if rows[-1].standing == "refused" and told(rows[-1].key) == event:
        return None
    first = action.known
    content = action.content or _withdrawal(first, action.reason, rules, labels)
    if not content.owner:
        return None
    content = replace(
        content,
        key=f"{first.key}:{_place(rows[-1]) + 1}:{event}",
        event=event,
        first=first.key,
        reply_to=f"{first.type}/{first.resource_id}" if first.resource_id else "",
    )
    return Action(Op.CREATE, first.type, content.key, first.patient, content, None, action.reason, action.push)


def _event(action: Action, before: Known) -> str | None:
    if action.op is Op.RETRACT:
        return "withdrawn"
    if before.standing == "retracted":
        return "again"
    if action.content.state != before.state:
        return CLOSES[action.content.state]
    return "worse" if action.push else None


def _withdrawal(k: Known, reason: str, rules: AlertRules, labels: Collection[str]) -> AlertContent:
    """There is no strain to tell of any more: what is told is that, to whom it was told before."""
    return AlertContent(
        key=k.key,
        patient=k.patient,
        practitioner=k.practitioner,
        owner=rules.owner(k.practitioner),
        response=k.response,
        focus_key="",
        kind="withdrawn",
        level=k.level,
        state=EpisodeState.WITHDRAWN,
        headline=DISREGARD,
        evidence="",
        follow_up=f"{DISREGARD} Reason: {reason}.",
        onset_at=rules.now,
        encounter=None,
        labels=tuple(sorted({*labels, *rules.labels})),
    )


def withdrawals(known: Iterable[Known], reason: str, rules: AlertRules) -> list[Action]:
    """A message for every thread that was told and not taken back yet: for a site that stops."""
    found = []
    for rows in threads(known).values():
        if (k := head(rows)).standing == "written":
            gone = Action(Op.RETRACT, k.type, k.key, k.patient, None, k, reason)
            found.append(_message(gone, rows, EVERYTHING, rules, ()))
    return [a for a in found if a is not None]
