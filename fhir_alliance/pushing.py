"""Calling clinicians: new alerts and escalations of a pass, all at once, so that the caps can look at all of them."""

from __future__ import annotations

from .errors import EHRError, SafetyError
from .patients import Patients

SHARE_FROM = 20
"""Dyads from which the share is looked at (`decisions.md` 2.8)."""


def push(patients: Patients, most: float) -> None:
    """Send what waits. `most`: the share of dyads with a baseline that one pass may alert about, else SafetyError."""
    applier = patients.applier
    dyads = {
        (a.patient, getattr(a.content, "practitioner", "")) for a, _ in patients.deferred if applier.may_write(a.type)
    }
    total = _dyads(patients) if dyads else 0
    if total >= SHARE_FROM and len(dyads) > most * total:
        raise SafetyError(
            f"{len(dyads)} of {total} dyads would be alerted in this pass, more than write.max_alert_share allows; "
            "no alert was written, scores were; look at `sync --dry-run` before raising it"
        )
    done: dict[str, bool] = {}
    for action, row in patients.deferred:
        if isinstance(applier.frame.focus, dict):
            applier.frame.focus.update(applier.ledger.observation_refs(action.patient))
        if applier.ledger.in_doubt(action.patient, "Observation"):
            # The next pass finds that out, and then the alert can point to the score.
            applier.report.say("an alert waits until it is known whether its score was written")
            done[action.patient] = False
            continue
        try:
            ok = applier.apply(action, row)
        except EHRError as error:
            ok = False
            applier.report.ehr_failed = True
            applier.report.say(str(error))
        done[action.patient] = done.get(action.patient, True) and ok
    for patient, ok in done.items():
        if ok:
            patients.complete(patient)


def _dyads(patients: Patients) -> int:
    """Dyads that could be alerted about."""
    known, store = patients.rules.instruments, patients.store
    held = [i for i in store.instruments() if i in known and known[i].highest_level("client") == 3]
    return store.dyads_with_baseline(held)
