"""A site's settings as rules for one patient."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, time

from . import __version__
from .alerting import AlertRules
from .catalogue import catalogue
from .config import Settings
from .decide import Rulebook
from .detection import site_policies
from .filing import Filing
from .keys import Keys
from .messages import ALWAYS, EVERYTHING
from .placing import PlacingRules

SINK_TYPES = {
    "task": "Task",
    "flag": "Flag",
    "communication": "Communication",
    "document": "DocumentReference",
    "webhook": "Webhook",
    "log": "Log",
}
"""What an alert is, by the name of its sink."""
OUTSIDE = frozenset({"Webhook", "Log"})
"""Told outside the EHR: no resources."""


def rulebook(settings: Settings, keys: Keys, now: datetime) -> Rulebook:
    """A site's settings as rules for one patient."""
    read, write, alerts = settings.read, settings.write, settings.alerts
    since = datetime.combine(alerts.since, time(), now.tzinfo) if alerts.since else None
    labels, listing = tuple(write.security_labels), write.scores.sink == "document"
    raised = {SINK_TYPES[s] for s in alerts.sinks} | ({SINK_TYPES["document"]} if listing else set())
    return Rulebook(
        instruments=catalogue(settings),
        policies=site_policies(settings.detection.policy, settings.detection.policies, settings.detection.preset),
        keys=keys,
        placing=PlacingRules(
            read.encounter_statuses,
            read.encounter_classes,
            read.same_session,
            frozenset(label.casefold() for label in read.allow_labels),
        ),
        alerts=AlertRules(now, alerts.max_age, since, alerts.pool, write.inferred_encounter, labels),
        cutoffs=settings.detection.cutoffs,
        as_of=now,
        alert_types=frozenset(raised),
        messages={"Communication": _told(alerts.follow_ups), "Webhook": EVERYTHING, "Log": EVERYTHING},
        write_scores=write.scores.sink in {"observation", "flowsheet"},
        filing=Filing(write.shape, write.scores.flowsheet_rows if write.scores.sink == "flowsheet" else {}),
        labels=labels,
        snomed=write.snomed,
        listing=listing,
        scores_go_out=write.enabled and not write.shadow and "Observation" in write.types,
        version=__version__,
    )


def _told(follow_ups: Collection[str]) -> frozenset[str]:
    """What a further message to a clinician may tell. "recovered" was too early: that is told as well."""
    return ALWAYS | set(follow_ups) | ({"reopened"} if "recovered" in follow_ups else set())
