"""May a client's clinician be told now? What Consents, episodes of care and care teams say: wire → yes or no.

Nothing is guessed: a Consent with conditions that this program cannot weigh permits nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from .references import local
from .stop import Stop
from .times import TIME_UNKNOWN, moment

Json = Mapping[str, Any]
ENDED: Mapping[str, frozenset[str]] = {
    "EpisodeOfCare": frozenset({"finished", "cancelled"}),
    "CareTeam": frozenset({"inactive"}),
}
"""Statuses that say that care is over."""
NO_CARE = frozenset({"entered-in-error"})


def care_status(resource: Json, patient: str, bases: Sequence[str]) -> Literal["ended", "open"] | None:
    """What one EpisodeOfCare or CareTeam of this patient says; None for anything else."""
    type, status = resource.get("resourceType"), resource.get("status")
    about = resource.get("patient" if type == "EpisodeOfCare" else "subject")
    if type not in ENDED or status in NO_CARE or not _is(about, patient, bases):
        return None
    return "ended" if status in ENDED[str(type)] else "open"


def closed(statuses: Iterable[str]) -> bool:
    """Is care over? Some of it has ended, and none is open. Where nothing is recorded, nothing is known to be over."""
    return set(statuses) == {"ended"}


def permits(resource: Json, patient: str, code: str, now: datetime, bases: Sequence[str]) -> bool | None:
    """What one Consent of this patient says; None when it is not about this, or not in force.

    code  category, policy rule or policy URI that the site files such consents under: "system|code" or code
    """
    mine = resource.get("resourceType") == "Consent" and _is(resource.get("patient"), patient, bases)
    if not mine or resource.get("status") != "active" or code not in set(_names(resource)):
        return None
    rule = resource.get("provision")
    if not isinstance(rule, Mapping) or rule.get("type") != "permit":
        return False
    # Exceptions and modifiers say when it does not hold after all; whom they mean is for people to tell.
    if rule.get("provision") or rule.get("modifierExtension") or resource.get("modifierExtension"):
        return False
    return _within(rule.get("period"), now)


def _is(about: object, patient: str, bases: Sequence[str]) -> bool:
    return isinstance(about, Mapping) and local(about.get("reference"), "Patient", bases) == patient


def _names(consent: Json) -> Iterator[str]:
    for concept in (*_dicts(consent.get("category")), *_dicts([consent.get("policyRule")])):
        for coding in _dicts(concept.get("coding")):
            if isinstance(found := coding.get("code"), str):
                yield from (found, f"{coding.get('system')}|{found}")
    yield from (uri for policy in _dicts(consent.get("policy")) if isinstance(uri := policy.get("uri"), str))


def _within(period: object, now: datetime) -> bool:
    """Does a period (None: for ever) hold now? One that cannot be read does not."""
    if period is None:
        return True
    if not isinstance(period, Mapping):
        return False
    try:
        return _edge(period.get("start"), -12) <= now <= _edge(period.get("end"), 12)
    except Stop:
        return False


def _edge(given: object, hours: int) -> datetime:
    """A date begins 12 hours before its noon, and ends 12 after."""
    if given is None:
        return datetime.min.replace(tzinfo=UTC) if hours < 0 else datetime.max.replace(tzinfo=UTC)
    read = moment(given if isinstance(given, str) else "", UTC)
    return read.at + timedelta(hours=hours) if TIME_UNKNOWN in read.flags else read.at


def _dicts(value: object) -> list[Json]:
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []
