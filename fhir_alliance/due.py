"""Who must be read in this pass, and how far the watermarks may move (`fhir.md` 1.2-1.3).

`watermark`: ask each type what changed since, and read in full whoever shows up. `full-diff`: read
everybody. Either way a patient is read whole, and its dyads are recomputed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from .config import Settings
from .errors import Forbidden, NotFound, Refused
from .fhir.capability import Capability
from .fhir.content import object_of
from .fhir.http import FhirClient
from .fhir.references import local
from .fhir.search import search
from .reading import last_updated, newer
from .store.store import Store, stamp, unstamp

TYPES = ("QuestionnaireResponse", "Encounter")
Mode = Literal["watermark", "full-diff"]


@dataclass(slots=True)
class Due:
    """Patients to read, why everybody is (or None), and what the type-level searches saw."""

    patients: set[str] = field(default_factory=set)
    everybody: str | None = None
    responses: set[str] = field(default_factory=set)
    newest: dict[str, datetime] = field(default_factory=dict)
    server_now: datetime = field(kw_only=True)


def choose_mode(capability: Capability, settings: Settings) -> tuple[Mode, str]:
    """The read mode and the reason, for the operator."""
    if settings.read.mode != "auto":
        return settings.read.mode, "set in read.mode"
    for kind in TYPES:
        declared = capability.search_param(kind, "_lastUpdated")
        if declared is None:
            return "full-diff", f"/metadata does not say whether {kind} can be searched by _lastUpdated"
        if not declared:
            return "full-diff", f"{kind} cannot be searched by _lastUpdated"
    return "watermark", "both types declare _lastUpdated"


def name(type: str) -> str:
    """Checkpoint name of a type's watermark."""
    return f"watermark:{type}"


def who_is_due(
    client: FhirClient,
    store: Store,
    settings: Settings,
    roster: Iterable[str],
    mode: Mode,
    fingerprint: str,
    now: datetime,
    server_now: datetime,
) -> Due:
    """Patients of the roster to read now. Unfinished work and open alerts are the caller's to add."""
    due = Due(server_now=server_now)
    known = store.known_patients()
    roster = list(roster)
    due.patients = {p for p in roster if known.get(p, True)}
    lower = {kind: store.checkpoint(name(kind)) for kind in TYPES}
    last_full = store.checkpoint("full")
    if mode == "full-diff":
        due.everybody = "read mode full-diff"
    elif store.checkpoint("fingerprint") != fingerprint:
        due.everybody = "first pass, or the settings changed"
    elif last_full is None or now - unstamp(last_full) >= settings.read.full_diff_every:
        due.everybody = "the periodic full pass (read.full_diff_every)"
    elif None in lower.values():
        due.everybody = "no watermark yet"
    if due.everybody:
        due.patients |= set(roster)
        return due
    for kind in TYPES:
        since = unstamp(lower[kind] or "") - settings.read.overlap
        try:
            _touched(client, settings, kind, since, roster, due)
        except (Refused, Forbidden, NotFound) as error:
            due.everybody = f"the EHR refused a search by _lastUpdated ({error.status})"
            due.patients |= set(roster)
            return due
    due.patients = set(roster) if due.everybody else due.patients & set(roster)
    return due


def _touched(client: FhirClient, settings: Settings, type: str, since: datetime, roster: list[str], due: Due) -> None:
    """Add whoever has a resource of this type changed since. One search where the cohort is everybody,
    else one per patient: people outside the cohort are not read, not even to look for changes."""
    whom = settings.cohort
    everyone = whom.source == "search" and not (whom.query or whom.exclude)
    stamp_text = since.strftime("%Y-%m-%dT%H:%M:%SZ")
    for who in [None] if everyone else roster:
        params = [("_lastUpdated", f"ge{stamp_text}")]
        if who is not None:
            params.insert(0, ("patient", who.removeprefix("Patient/")))
        read = settings.read
        take = _noting(client, type, due)
        search(client, type, params, take=take, page_size=read.page_size, page_cap=read.page_cap)


def _noting(client: FhirClient, type: str, due: Due) -> Callable[[bytes], None]:
    def take(raw: bytes) -> None:
        newer(due.newest, type, last_updated(raw), due.server_now)
        resource = object_of(raw) or {}
        subject = resource.get("subject")
        ref = subject.get("reference") if isinstance(subject, Mapping) else None
        who = local(ref, "Patient", client.bases)
        known = type == "QuestionnaireResponse" and isinstance(resource.get("id"), str)
        if who:
            due.patients.add(who)
        if known:
            due.responses.add(resource["id"])
        if not (who or known):
            due.everybody = f"a changed {type} does not say whose it is"

    return take


def moved_watermarks(store: Store, newest: Mapping[str, datetime]) -> dict[str, str]:
    """New watermarks (D-5): the newest stamp seen, never backwards, unchanged where nothing was seen."""
    moved = {}
    for kind, seen in newest.items():
        before = store.checkpoint(name(kind))
        if before is None or unstamp(before) < seen:
            moved[name(kind)] = stamp(seen)
    return moved
