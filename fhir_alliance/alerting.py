"""Planning alerts: which strain calls whom, once, and what becomes of an alert that stands. Pure.

The table is `architecture.md` 4; when an alert may be raised is `decisions.md` 2.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from .answers import NOTHING_HEARD, Heard
from .corroboration import KIND as MISSED
from .derive import Strain
from .detection import STRAINS
from .keys import Keys
from .model import UNASSIGNED, EpisodeState
from .plan import LABELS, UNPOINTED, Action, AlertContent, Known, Op
from .wording import evidence, headline, sentence

BUSY = "another alert of this dyad is open"
ANSWERED = "silenced or put off by the clinician's answer"
COVERED = "noted on an alert that the clinician has ended"


@dataclass(frozen=True, slots=True)
class AlertRules:
    """When an alert may be raised (`decisions.md` 2).

    labels  security labels that the site adds, "system|code"
    barred  why nothing may be told about this patient now (no consent, care is closed), or "". What stands is then
            kept as after a snooze; it is still withdrawn when the data show its strain no longer
    """

    now: datetime
    max_age: timedelta = timedelta(days=21)
    since: datetime | None = None
    pool: str = ""
    inferred_encounter: bool = False
    labels: tuple[str, ...] = ()
    barred: str = ""

    def recent(self, at: datetime) -> bool:
        """Is this young enough to be worth a push?"""
        return self.now - at <= self.max_age and (self.since is None or at >= self.since)

    def owner(self, practitioner: str) -> str:
        """Who is told: the dyad's practitioner, else the pool, else nobody ("")."""
        return practitioner if practitioner not in {"", UNASSIGNED} else self.pool


def alert_content(strain: Strain, keys: Keys, rules: AlertRules) -> AlertContent:
    """An alert about a strain, in the product's words."""
    a, episode = strain.assessment, strain.episode
    return AlertContent(
        key=keys.alert(a.patient, a.practitioner, a.response),
        patient=a.patient,
        practitioner=a.practitioner,
        owner=rules.owner(a.practitioner),
        response=a.response,
        focus_key=keys.score(a.patient, a.response, a.instrument, "total"),
        kind=episode.kind,
        level=episode.level,
        state=episode.state,
        headline=headline(episode.kind),
        evidence=evidence(strain.instrument, episode, policy=strain.policy, terms=strain.terms, form=a.score("total")),
        follow_up="",
        onset_at=a.at,
        encounter=a.encounter if a.link == "given" or rules.inferred_encounter else None,
        labels=tuple(sorted({*a.labels, *strain.labels, *rules.labels})),
    )


def plan_alerts(
    type: str,
    strains: Sequence[Strain],
    known: Iterable[Known],
    keys: Keys,
    rules: AlertRules,
    *,
    retracted: Collection[str] = (),
    follows: bool = True,
    heard: Heard = NOTHING_HEARD,
    scores: Collection[str] = (),
) -> tuple[list[Action], Counter[str]]:
    """Alerts of one resource type for one patient, and why some strains raise none.

    strains    all of this patient's, oldest first
    known      our alerts of that type for this patient
    retracted  responses that are entered in error: their alert is too
    follows    is what stands kept up to date with its strain? A document is not: it tells of the onset
    heard      what clinicians answered: of a silenced episode nothing more is told. An answer covers what the alert
               said: an alert that a person has ended holds its dyad no longer, but what was noted on it is answered
    scores     keys of the scores that stand: what pointed to a form points to its score from then on
    """
    held = {k.key: k for k in known}
    current = {keys.alert(*s.dyad, s.assessment.response): s for s in strains}
    planned: dict[str, Action] = {}
    owners: dict[tuple[str, str], str] = {}
    for key, k in held.items():
        s = current.get(key)
        quiet = heard.quiet(key, rules.now) or bool(rules.barred)
        action = (
            _withdraw(k, retracted)
            if s is None
            else _follow(k, s, keys, rules, scores, quiet=quiet)
            if follows
            else None
        )
        planned |= {key: action} if action else {}
        open_ = s is not None and _blocks(s) and k.standing in {"written", "foreign", "unknown"}
        if s is not None and open_ and not heard.ended(key):
            owners[s.dyad] = key
    answered = {response for k in held.values() if heard.ended(k.key) for response in k.attached.split()}
    silent: Counter[str] = Counter()
    second: list[Strain] = []
    for key, s in current.items():
        before = held.get(key)
        if before is not None and before.standing not in {"refused", "retracted"}:
            continue
        covered = s.assessment.response in answered
        if why := _silence(s, key, owners.get(s.dyad), heard, rules, covered=covered):
            silent[why] += 1
            second += [s] if why == BUSY else []
            continue
        if _blocks(s):
            owners[s.dyad] = key
        planned[key] = _raise(type, before, alert_content(s, keys, rules))
    for s in second:
        key = owners[s.dyad]
        if (not follows and key not in planned) or heard.quiet(key, rules.now):
            continue
        if action := _attach(s, current[key], held.get(key), planned.get(key), keys, rules):
            planned[key] = action
    return list(planned.values()), silent


def _raise(type: str, before: Known | None, content: AlertContent) -> Action:
    again = before is not None and before.standing == "retracted"
    op, reason = (Op.UPDATE, "the strain is back in the data") if again else (Op.CREATE, "possible strain")
    return Action(op, type, content.key, content.patient, content, before, reason, push=True)


def _attach(
    s: Strain, owner: Strain, k: Known | None, planned: Action | None, keys: Keys, rules: AlertRules
) -> Action | None:
    """A second instrument's strain becomes a note on the dyad's open alert, once; it calls nobody again."""
    mentioned = planned.content.attached if planned else tuple(k.attached.split()) if k else ()
    if s.assessment.response in mentioned:
        return None
    text = f"Also lower on another form ({s.instrument.title}): {sentence(s.instrument, s.episode)}"
    attached = (*mentioned, s.assessment.response)
    if planned is not None:
        where = "evidence" if planned.op is Op.CREATE else "follow_up"
        said = getattr(planned.content, where)
        return replace(
            planned, content=replace(planned.content, attached=attached, **{where: f"{said} {text}".strip()})
        )
    if k is None or k.standing != "written":
        return None
    content = alert_content(owner, keys, rules)
    content = replace(content, level=k.level, follow_up=text, attached=attached)
    return Action(Op.UPDATE, k.type, k.key, k.patient, content, k, "another form shows it too")


def _blocks(s: Strain) -> bool:
    return s.episode.kind in STRAINS and s.episode.state is EpisodeState.OPEN


def _silence(
    s: Strain, key: str, owner: str | None, heard: Heard, rules: AlertRules, *, covered: bool = False
) -> str | None:
    """Why a strain raises no alert, or None when it should.

    owner    key of the alert that is open for this dyad, if there is one
    covered  was it noted on an alert that a person has ended since?
    """
    if heard.quiet(key, rules.now):
        return ANSWERED
    if covered:
        return COVERED
    if s.key.rater != "client":
        return "answered by a related person"
    if s.episode.state is not EpisodeState.OPEN:
        return "already closed when first seen"
    # What a cap held back was young enough when it was first seen.
    if not (key in heard.waiting or rules.recent(s.episode.onset.at)):
        return "onset too old"
    if not rules.owner(s.assessment.practitioner):
        return "no single treating practitioner"
    if rules.barred:
        return rules.barred
    return None if owner is None else BUSY


def _withdraw(k: Known, retracted: Collection[str]) -> Action | None:
    if k.standing not in {"written", "foreign"}:
        return None
    why = "the form was entered in error" if k.response in retracted else "the data changed; there is no drop any more"
    return Action(Op.RETRACT, k.type, k.key, k.patient, None, k, why)


_WORDS = {
    EpisodeState.OPEN: "Open again: corrected data show that the score has not recovered.",
    EpisodeState.REPAIRED: "Recovered: the score regained at least three quarters of the drop. "
    "A recovered score does not prove that the relationship is repaired.",
    EpisodeState.UNREPAIRED: "Not recovered after 3 scored sessions; the latest scores are the new baseline.",
    EpisodeState.EXPIRED: "Ended without a verdict: no further scores to follow it by.",
}


_WORSE = {
    False: "Still low one or more sessions later: priority raised.",
    True: "The client has missed a session since, or called it off within 24 hours: priority raised.",
}
_LOW_EARLY_ENDED = "Follow-up of the low start has ended."


def _follow(
    k: Known, s: Strain, keys: Keys, rules: AlertRules, scores: Collection[str], *, quiet: bool
) -> Action | None:
    """Worsening and closing of an alert that stands, labels that its forms have got since, the score that stands since.

    quiet  a person wants to hear no more of it: the labels only
    """
    if k.standing != "written":
        return None
    worse = s.episode.worsened
    escalate = s.episode.level == 3 and k.level < 3 and worse is not None and rules.recent(worse.at) and not quiet
    moved = k.state != s.episode.state and not quiet
    content = alert_content(s, keys, rules)
    written, pointed = k.fingerprint.removesuffix(UNPOINTED), not k.fingerprint.endswith(UNPOINTED)
    relabelled = bool(written) and written != content.fingerprint
    point = not pointed and content.focus_key in scores and not quiet
    if not (escalate or moved or relabelled or point):
        return None
    notes = [_WORSE[worse.kind == MISSED]] if escalate and worse else []
    if moved:
        ended = s.episode.kind == "low-early" and s.episode.state is EpisodeState.EXPIRED
        notes.append(_LOW_EARLY_ENDED if ended else _WORDS[s.episode.state])
    level, attached = 3 if escalate else k.level, tuple(k.attached.split())
    event = "worse" if escalate else "raised" if moved else LABELS
    state = EpisodeState(k.state) if quiet and k.state else content.state
    content = replace(content, level=level, state=state, follow_up=" ".join(notes), attached=attached, event=event)
    why = " ".join(notes) or ("its security labels changed" if relabelled else "its score stands now")
    return Action(Op.UPDATE, k.type, k.key, k.patient, content, k, why, push=escalate)
