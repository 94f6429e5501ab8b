"""The short cut for ordinary forms: complete or partly answered, numbers or weighted codes, nothing odd.

Sync reads every response of a clinic, so this path decodes straight into typed structures and gives
up (None) at whatever it does not know: then `inbound.py` reads the same bytes the long way, which
alone decides what anything means. Both give equal readings; a property test holds them to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from ..model import Outcome, Reading
from ..scoring import score
from .binding import Binding
from .collect import answers, values, weights
from .content import canonical_struct, digest
from .form import NOTHING, Form
from .labels import permit, read_labels
from .questionnaire import Resolve, plain_identity, resolved
from .references import local
from .rules import Rules
from .shapes import Meta, Reference, Response, decode_any, decode_decimal, decode_weighed, decode_whole
from .stop import Stop
from .times import EARLIEST_YEAR, MOST_AHEAD, complete, instant

_LOCAL_ID = re.compile(r"[A-Za-z0-9\-._]{1,255}")
Collect = Callable[[Any, dict[int, float], Binding, Form], bool | None]


def read_plain(raw: bytes, rules: Rules, resolve: Resolve | None) -> Reading | None:
    """The reading of an ordinary form, or None: read it the long way. `raw` is of acceptable size."""
    start = raw.find(b'"answer"')
    first = raw[start + 8 : start + 40]
    for mark, decode, collect in _SHAPES:
        if mark in first:
            try:
                reading = _reading(decode(raw), collect, rules, resolve)
            except (msgspec.DecodeError, UnicodeDecodeError):  # nothing but decoding raises these
                continue
            if reading is not None:
                return reading
    return None


def _reading(response: Response[Any], collect: Collect, rules: Rules, resolve: Resolve | None) -> Reading | None:
    identity = plain_identity(response.questionnaire, rules)
    if identity is None:
        return None
    instrument = identity.binding.instrument
    if instrument.licence_gated and instrument.id not in rules.attested:
        return None
    people = _people(response, rules, instrument.rater)
    at = _time(response.authored, rules)
    if people is None or at is None:
        return None
    form = NOTHING if resolve is None else rules.form(resolved(identity, resolve))
    found: dict[int, float] = {}
    extra = collect(response.item, found, identity.binding, form)
    if extra is None or not found:
        return None
    scores, unscored = score(instrument, found)
    if not scores:
        return None
    if extra or identity.version_assumed:
        flags = [f for f, up in (("extra_items", extra), ("version_assumed", identity.version_assumed)) if up]
        scores = tuple(replace(s, flags=tuple(sorted({*s.flags, *flags}))) for s in scores)
    try:
        labels, updated = _meta(response.meta, rules)
    except Stop:
        return None
    response.meta = UNSET
    return Reading(
        Outcome.SCORED,
        people[0],
        digest(canonical_struct(response)),
        people[1],
        instrument.id,
        instrument.version,
        instrument.key,
        instrument.rater,
        response.authored,
        response.authored,
        at,
        people[2],
        response.status,
        scores,
        unscored,
        tuple(sorted(set().union(*flagged))) if (flagged := [s.flags for s in scores if s.flags]) else (),
        None,
        None,
        labels,
        updated,
    )


def _people(response: Response[Any], rules: Rules, rater: str) -> tuple[str | None, str, str | None] | None:
    """Id, patient and encounter; None when any of them, or the rater, needs a second look."""
    subject, source, encounter = response.subject, response.source, response.encounter
    id = None if response.id is UNSET else response.id
    if rules.require_id if id is None else not _LOCAL_ID.fullmatch(id):
        return None
    patient = _own("Patient", subject, rules)
    if patient is None:
        return None
    if source is not UNSET and (
        rater != "client" or source.reference != subject.reference or (source.type not in (UNSET, "Patient"))
    ):
        return None
    if encounter is UNSET:
        return id, patient, None
    visit = _own("Encounter", encounter, rules)
    return None if visit is None else (id, patient, visit)


def _own(type: str, reference: Reference, rules: Rules) -> str | None:
    if reference.type not in (UNSET, type):
        return None
    text = reference.reference
    if text.startswith(type) and _LOCAL_ID.fullmatch(text, len(type) + 1):
        return text if text[len(type)] == "/" else None
    return local(text, type, rules.bases)


def _time(authored: str, rules: Rules) -> datetime | None:
    at = complete(authored)
    return at if at is not None and int(authored[:4]) >= EARLIEST_YEAR and at - rules.now <= MOST_AHEAD else None


def _meta(meta: Meta | UnsetType, rules: Rules) -> tuple[tuple[str, ...], datetime | None]:
    if meta is UNSET:
        return (), None
    stamp = meta.lastUpdated
    updated = None if stamp is UNSET else instant(stamp)
    if meta.security is UNSET:
        return (), updated
    labels = read_labels({"meta": {"security": meta.security}})
    permit(labels, rules)
    return labels, updated


_SHAPES: tuple[tuple[bytes, Callable[[bytes], Response[Any]], Collect], ...] = (
    (b"valueI", decode_whole, values),
    (b"valueC", decode_weighed, weights),
    (b"valueD", decode_decimal, values),
    (b"", decode_any, answers),
)
"""What the first answer looks like, how such a response is decoded, and how its answers are collected."""
