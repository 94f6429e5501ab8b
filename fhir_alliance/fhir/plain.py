"""The short cut for ordinary forms: complete or partly answered, numbers or weighted codes, nothing odd.

Sync reads every response of a clinic, so this path decodes straight into typed structures and gives
up (None) at whatever it does not know: then `inbound.py` reads the same bytes the long way, which
alone decides what anything means. Both give equal readings; a property test holds them to it.
"""

from __future__ import annotations

import re
from datetime import datetime

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from ..model import Outcome, Reading
from ..scoring import score
from .binding import Binding
from .collect import Collector
from .content import struct_fingerprint
from .form import NOTHING, Form
from .labels import permit, read_labels
from .questionnaire import Resolve, plain_identity, resolved, settled
from .references import local
from .rules import MOST_KEPT, Rules
from .shapes import Meta, Reference, Response, decode_response
from .stop import Stop
from .times import EARLIEST_YEAR, MOST_AHEAD, complete, instant

_ID = r"[A-Za-z0-9\-._]{1,255}"
_LOCAL_ID = re.compile(_ID)
_LOCAL = {type: re.compile(f"{type}/{_ID}").fullmatch for type in ("Patient", "Encounter")}


def read_plain(raw: bytes, rules: Rules, resolve: Resolve | None) -> Reading | None:
    """The reading of an ordinary form, or None: read it the long way. `raw` is of acceptable size."""
    try:
        return _reading(decode_response(raw), rules, resolve)
    except (msgspec.DecodeError, UnicodeDecodeError):  # nothing but decoding raises these
        return None


def _reading(response: Response, rules: Rules, resolve: Resolve | None) -> Reading | None:
    identity = plain_identity(response.questionnaire, rules)
    if identity is None:
        return None
    instrument = identity.binding.instrument
    if instrument.totals_only or (instrument.licence_gated and instrument.id not in rules.attested):
        return None
    people = _people(response, rules, instrument.rater)
    at = _time(response.authored, rules)
    if people is None or at is None:
        return None
    form = NOTHING
    if resolve is not None:
        questionnaire = resolved(identity, resolve)
        try:
            if settled(identity, questionnaire, rules) is not identity:
                return None
        except Stop:
            return None
        form = rules.form(questionnaire, identity.binding, resolve)
    found: dict[int, float] = {}
    extra = _collector(identity.binding, form, rules).collect(response.item, found)
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
        struct_fingerprint(response),
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
        found,
    )


def _collector(binding: Binding, form: Form, rules: Rules) -> Collector:
    """The one that knows this form's items already. It holds what its key is made of, so no id is reused."""
    key = id(binding), id(form)
    kept: dict[tuple[int, int], Collector] = rules.collectors
    if key not in kept:
        if len(kept) >= MOST_KEPT:
            kept.clear()
        kept[key] = Collector(binding, form)
    return kept[key]


def _people(response: Response, rules: Rules, rater: str) -> tuple[str | None, str, str | None] | None:
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
    if reference.type is not UNSET and reference.type != type:
        return None
    text = reference.reference
    return text if _LOCAL[type](text) else local(text, type, rules.bases)


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
