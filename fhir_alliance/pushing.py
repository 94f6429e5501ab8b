"""Calling clinicians: new alerts and escalations of a pass, all at once, so that the caps can look at all of them."""

from __future__ import annotations

from datetime import datetime, time, tzinfo

from .answers import Heard
from .config import Settings
from .decide import ALERTS
from .digest import held_alerts, is_digest, plan_digests
from .errors import EHRError, SafetyError
from .messages import new_alerts, thread_of
from .patients import Patients
from .plan import Action

SHARE_FROM = 20
"""Dyads from which the share is looked at (`decisions.md` 2.8)."""

Planned = list[tuple[Action, int]]


def push(patients: Patients, settings: Settings, zone: tzinfo) -> None:
    """Send what waits, as far as the caps allow; the rest stays planned for another day.

    SafetyError when more dyads than write.max_alert_share would be alerted. zone: of the clinicians' days
    """
    applier = patients.applier
    mine = [(a, row) for a, row in patients.deferred if applier.may_write(a.type)]
    _check_share(patients, mine, settings.write.max_alert_share)
    today = patients.answers.called_since(_midnight(patients.now, zone), ALERTS)
    later = held_alerts(new_alerts(a for a, _ in mine), today, settings.alerts.max_per_day)
    done: dict[str, bool] = {}
    for action, row in patients.deferred:
        if thread_of(action.key) in later:
            done[action.patient] = False
            continue
        _point(patients, action.patient)
        if applier.ledger.in_doubt(action.patient, "Observation"):
            # The next pass finds that out, and then the alert can point to the score.
            applier.report.say("an alert waits until it is known whether its score was written")
            done[action.patient] = False
            continue
        done[action.patient] = _send(patients, action, row) and done.get(action.patient, True)
    for patient, ok in done.items():
        if ok:
            patients.complete(patient)
    # What waits is remembered: it is not lost by growing old, and the digest counts it.
    patients.answers.hold(patients.decided, later.values(), patients.now)
    _tell_of_waiting(patients, zone)


def _point(patients: Patients, patient: str) -> None:
    """Alerts refer to scores by their ids in the EHR, those of earlier passes too."""
    if isinstance(focus := patients.applier.frame.focus, dict):
        focus.update(patients.applier.ledger.observation_refs(patient))


def _send(patients: Patients, action: Action, row: int) -> bool:
    try:
        return patients.applier.apply(action, row)
    except EHRError as error:
        patients.applier.report.ehr_failed = True
        patients.applier.report.say(str(error))
        return False


def _check_share(patients: Patients, mine: Planned, most: float) -> None:
    """Of the dyads that could be alerted about, too many at once are a fault. Who waited already was counted then."""
    waited = {w.key for w in patients.answers.waiting()}
    dyads = {(a.patient, getattr(a.content, "practitioner", "")) for a, _ in mine if thread_of(a.key) not in waited}
    total = _dyads(patients) if dyads else 0
    if total >= SHARE_FROM and len(dyads) > most * total:
        raise SafetyError(
            f"{len(dyads)} of {total} dyads would be alerted in this pass, more than write.max_alert_share allows; "
            "no alert was written, scores were; look at `sync --dry-run` before raising it"
        )


def _dyads(patients: Patients) -> int:
    """Dyads that could be alerted about."""
    known, store = patients.rules.instruments, patients.store
    held = [i for i in store.instruments() if i in known and known[i].highest_level("client") == 3]
    return store.dyads_with_baseline(held)


# -- a clinician's day ---------------------------------------------------------------------------


def _midnight(now: datetime, zone: tzinfo) -> datetime:
    return datetime.combine(now.astimezone(zone).date(), time(), zone)


def _tell_of_waiting(patients: Patients, zone: tzinfo) -> None:
    """One Task a day for a clinician for whom something waits."""
    applier, rules = patients.applier, patients.rules
    waiting = patients.answers.waiting()
    applier.report.waiting += len(waiting)
    if not applier.may_write("Task") or "Task" not in rules.alert_types:
        if waiting:
            applier.report.say(f"{len(waiting)} alerts wait (alerts.max_per_day); without Tasks nobody is told of them")
        return
    labels = set(rules.labels)
    for patient in {w.patient for w in waiting}:
        _point(patients, patient)
        about = {w.response for w in waiting}
        labels |= {x for a in patients.store.assessments(patient) if a.response in about for x in a.labels}
    known = [k for k in applier.ledger.known("") if k.type == "Task" and is_digest(k.key)]
    day = patients.now.astimezone(zone).date()
    actions = plan_digests(waiting, known, rules.keys, day, Heard(patients.answers.of("")), labels)
    rows = applier.ledger.plan("", actions, patients.now)
    for action in actions:
        _send(patients, action, rows[action.type, action.key])
