"""Who must be read in this pass, and how far the watermarks may move (`fhir.md` 1.2-1.3).

`watermark`        ask each type what changed since (`_lastUpdated`)
`clinical-window`  ask who has a session or a form in the look-back (`authored`, `date`)
`full-diff`        ask nothing: read, and compare

A patient who is due is read whole, and its dyads are recomputed. In a cohort of some size, who had no
session lately is quiet: without a search over everybody such a patient is read once in `read.quiet_every`,
each in turn, so that the requests of a pass grow with what happens and not with the cohort. Everybody is read once in
`read.full_diff_every`.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from .changes import BY, TYPES, Changes, Mode, across, changed
from .config import Settings
from .errors import Forbidden, NotFound, Refused
from .fhir.capability import Capability
from .fhir.http import FhirClient
from .rows import Row
from .store.store import Store, stamp, unstamp

LADDER: tuple[Mode, ...] = ("watermark", "clinical-window", "full-diff")


@dataclass(slots=True)
class Due:
    """Patients to read, why everybody is (or None), and what the searches for changes saw (`Changes`)."""

    patients: set[str] = field(default_factory=set)
    everybody: str | None = None
    responses: set[str] = field(default_factory=set)
    newest: dict[str, datetime] = field(default_factory=dict)
    nobodys: list[Row] = field(default_factory=list)


def choose_mode(capability: Capability, settings: Settings) -> tuple[Mode, str]:
    """The first mode of the ladder whose search parameters are declared, and the reason, for the operator."""
    if settings.read.mode != "auto":
        return settings.read.mode, "set in read.mode"
    lacking: list[str] = []
    for mode in LADDER[:-1]:
        # Silence in /metadata means unknown, and an unknown parameter may be ignored without a word.
        silent = [
            f"/metadata does not say whether {type} can be searched by {BY[mode][type]}"
            if said is None
            else f"by /metadata, {type} cannot be searched by {BY[mode][type]}"
            for type in TYPES
            if not (said := capability.search_param(type, BY[mode][type]))
        ]
        if not silent:
            declared = " and ".join(f"{type} by {BY[mode][type]}" for type in TYPES)
            return mode, "; ".join([*lacking, f"/metadata declares searches of {declared}"])
        lacking.append(silent[0])
    return "full-diff", "; ".join(lacking)


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
    whole, read = set(roster), settings.read
    known = store.known_patients()
    due = Due({p for p in whole if known.get(p, True)})
    lower = {type: store.checkpoint(name(type)) for type in TYPES}
    due.everybody = _everybody(store, settings, mode, fingerprint, now, lower)
    if due.everybody:
        due.patients = whole
        return due
    # A small cohort is looked at whole: whoever tries this out must see what they just entered.
    active = whole & store.seen_since(now - read.look_back) if len(whole) > read.quiet_from else whole
    everyone = mode != "full-diff" and across(settings)
    if not everyone:
        due.patients |= whole & _in_turn(store.last_read(), read.quiet_every, now)
    if mode == "full-diff" or (mode == "clinical-window" and not everyone):
        # Asking about one patient costs as much as reading it.
        due.patients |= active
        return due
    since = {type: _since(mode, lower[type], settings, now) for type in TYPES}
    try:
        # By a date of the form nothing tells whether it has changed: whoever has one there is read.
        before = store.read_rows() if mode == "watermark" else {}
        found = changed(client, settings, mode, since, None if everyone else sorted(active), server_now, before)
    except (Refused, Forbidden, NotFound) as error:
        due.everybody = f"the EHR refused a search for changes ({error.status})"
        due.patients = whole
        return due
    return _with(due, found, whole, mode)


def _in_turn(last_read: Mapping[str, datetime], every: timedelta, now: datetime) -> set[str]:
    """Patients whose turn has come since they were read last.

    Each has a turn of its own once in `every`, at a time that follows from the id: so nobody waits longer, and those
    who were once read together are not all read together again.
    """
    if not every:
        return set(last_read)

    def turns(patient: str, at: datetime) -> int:
        return math.floor(at.timestamp() / every.total_seconds() + zlib.crc32(patient.encode()) / 2**32)

    return {patient for patient, at in last_read.items() if turns(patient, at) < turns(patient, now)}


def _with(due: Due, found: Changes, whole: set[str], mode: Mode) -> Due:
    due.responses = found.responses
    if mode == "watermark":
        due.newest, due.nobodys = found.newest, found.nobodys
    if found.unclear:
        due.everybody = f"a changed {found.unclear} does not say whose it is"
        due.patients = whole
    due.patients |= found.patients & whole
    return due


def _everybody(
    store: Store,
    settings: Settings,
    mode: Mode,
    fingerprint: str,
    now: datetime,
    lower: Mapping[str, str | None],
) -> str | None:
    """Why everybody is to be read, or None."""
    last_full = store.checkpoint("full")
    if store.checkpoint("fingerprint") != fingerprint:
        return "first pass, or the settings changed"
    if last_full is None or now - unstamp(last_full) >= settings.read.full_diff_every:
        return "the periodic full pass (read.full_diff_every)"
    if mode == "watermark" and None in lower.values():
        return "no watermark yet"
    return None


def _since(mode: Mode, watermark: str | None, settings: Settings, now: datetime) -> datetime:
    if mode == "watermark" and watermark:
        return unstamp(watermark) - settings.read.overlap
    return now - settings.read.look_back


def moved_watermarks(store: Store, newest: Mapping[str, datetime]) -> dict[str, str]:
    """New watermarks (D-5): the newest stamp seen, never backwards, unchanged where nothing was seen."""
    moved = {}
    for kind, seen in newest.items():
        before = store.checkpoint(name(kind))
        if before is None or unstamp(before) < seen:
            moved[name(kind)] = stamp(seen)
    return moved
