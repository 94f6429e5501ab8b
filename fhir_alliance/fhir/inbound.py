"""From the wire to a `Reading`: one QuestionnaireResponse at a time, leniently, and never an exception.

`read_response` is the meaning; `decode_response` is the same from bytes, with a short cut for
ordinary forms (`plain.py`). The order of tests is `decisions.md` 7.4: retracted, then the
questionnaire, then status, then the rest.
"""

from __future__ import annotations

import re
from typing import Any

from msgspec.structs import replace

from ..model import Outcome, Reading
from ..scoring import score
from .answers import Source
from .brackets import outline
from .content import SIZE_LIMIT, canonical, decode, digest, fingerprint, roomy
from .finished import finished_total
from .form import Form, compile_form
from .items import find, read_items
from .labels import permit, read_labels
from .people import PROXY, rater, subject
from .plain import read_plain
from .questionnaire import Identity, Resolve, identify, instrument_of, resolved, settled
from .references import local
from .rules import Rules, rules
from .sessions import read_session
from .stated import compare
from .stop import Stop, set_aside, skipped, waiting
from .times import authored, instant, shape

__all__ = ["Resolve", "Rules", "decode_response", "read_response", "read_session", "rules"]

STATUSES = ("in-progress", "completed", "amended", "entered-in-error", "stopped")
_ID = re.compile(r"[A-Za-z0-9\-._]{1,255}")

Json = dict[str, Any]


def read_response(resource: object, rules: Rules, resolve: Resolve | None = None) -> Reading:
    """Read and score one QuestionnaireResponse (a parsed JSON object; anything else is set aside).

    resolve  canonical of a Questionnaire, `urn:` reference, or a value set or code system as "ValueSet?url=…"
             → the resource, or None; its exceptions pass through
    """
    try:
        return roomy(lambda: _read(resource, rules, resolve, None))
    except RecursionError:
        return _unreadable(set_aside("too-deep", "nested too deeply"), b"")  # even its repr may be too deep


def decode_response(raw: bytes, rules: Rules, resolve: Resolve | None = None) -> Reading:
    """The same, from the JSON bytes of one resource."""
    try:
        if len(raw) <= SIZE_LIMIT and (plain := read_plain(raw, rules, resolve)) is not None:
            return plain
    except RecursionError:
        pass
    try:
        return roomy(lambda: _read(decode(raw), rules, resolve, len(raw)))
    except Stop as stop:
        return _unreadable(stop, raw)
    except RecursionError:
        return roomy(lambda: _too_deep(raw, rules, resolve))


def _too_deep(raw: bytes, rules: Rules, resolve: Resolve | None) -> Reading:
    """Set aside with what it says of itself; or what it is before that: retracted, not ours, not finished."""
    stop = set_aside("too-deep", "nested too deeply")
    try:
        head = decode(outline(raw))
    except Stop:
        return _unreadable(stop, raw)
    return replace(_read(head, rules, resolve, len(raw), stop), content=digest(raw))


def _unreadable(stop: Stop, raw: bytes) -> Reading:
    return Reading(stop.outcome, None, digest(raw), code=stop.code, reason=stop.reason)


def _bytes(resource: object) -> bytes:
    """Something to compare versions by, of what JSON cannot hold."""
    return repr(resource).encode("utf-8", "replace")


def _read(
    resource: object, rules: Rules, resolve: Resolve | None, size: int | None, bad: Stop | None = None
) -> Reading:
    """`bad`: why its content cannot be used, where that is known already."""
    if not isinstance(resource, dict) or resource.get("resourceType") != "QuestionnaireResponse":
        return _unreadable(set_aside("not-a-response", "not a QuestionnaireResponse"), _bytes(resource))
    known = _known(resource, rules, resolve)
    try:
        content = canonical(resource)
        known["content"] = fingerprint(resource)
    except Stop as stop:
        bad, content = stop, _bytes(resource)
        known |= {"labels": (), "content": digest(content)}
    try:
        known["instrument"] = instrument_of(resource, rules)
        if resource.get("status") == "entered-in-error":
            raise Stop(Outcome.RETRACTED, "entered-in-error", "entered in error")
        identity = identify(resource, rules)
        known |= _named(identity)
        unfinished = _status(resource, rules)
        if bad is not None:
            raise bad
        permit(read_labels(resource), rules)
        _licensed(identity, rules)
        if (size or len(content)) > SIZE_LIMIT:
            raise set_aside("too-large", f"larger than {SIZE_LIMIT // 1024**2} MB")
        return _scored(resource, rules, resolve, identity, known, unfinished)
    except Stop as stop:
        return Reading(stop.outcome, code=stop.code, reason=stop.reason, **known)


def _known(resource: Json, rules: Rules, resolve: Resolve | None) -> Json:
    """What can be told of any response, whatever else is wrong with it."""
    id, status, meta = resource.get("id"), resource.get("status"), resource.get("meta")
    try:
        patient = subject(resource, rules, resolve)
    except Stop:
        patient = None
    try:
        labels = read_labels(resource)
    except Stop:
        labels = ()
    return {
        "id": id if isinstance(id, str) and _ID.fullmatch(id) else None,
        "patient": patient,
        "authored": shape(resource.get("authored")),
        "status": status if isinstance(status, str) and status in STATUSES else None,
        "labels": labels,
        "updated": instant(meta.get("lastUpdated")) if isinstance(meta, dict) else None,
    }


def _named(identity: Identity) -> Json:
    instrument = identity.binding.instrument
    return {
        "instrument": instrument.id,
        "version": instrument.version,
        "key": instrument.key,
        "rater": instrument.rater,
    }


def _licensed(identity: Identity, rules: Rules) -> None:
    instrument = identity.binding.instrument
    if instrument.licence_gated and instrument.id not in rules.attested:
        raise skipped("licence-not-attested", "the site has not attested its licence for this instrument")


def _status(resource: Json, rules: Rules) -> bool:
    """Is it unfinished, but accepted where every item is answered? Stop when it must wait."""
    status = resource.get("status")
    if status is not None and not isinstance(status, str):
        raise set_aside("wrong-type", "status is not text")
    if status in {"completed", "amended"}:
        return False
    if status == "in-progress" and rules.accept_in_progress_when_complete:
        return True
    if status in STATUSES:
        raise waiting(str(status), "not completed")
    raise waiting("unknown-status", "its status is not known")


def _scored(
    resource: Json, rules: Rules, resolve: Resolve | None, identity: Identity, known: Json, unfinished: bool
) -> Reading:
    _processable(resource)
    questionnaire = resolved(identity, resolve)
    identity = settled(identity, questionnaire, rules)
    known |= _named(identity)
    _licensed(identity, rules)
    form = _form(resource, questionnaire, identity, rules, resolve)
    source = Source(identity.binding, form, rules.numeric_strings)
    found = find(resource.get("item", []), source)
    if resource.get("id") is not None and known["id"] is None:
        raise set_aside("bad-id", "its id is not a FHIR id")
    if rules.require_id and known["id"] is None:
        raise set_aside("missing-id", "has no id")
    patient, instrument = subject(resource, rules, resolve), identity.binding.instrument
    known["rater"] = rater(resource, patient, instrument.rater, rules, resolve)
    when = authored(resource.get("authored"), rules.zone, rules.now)
    known |= {"at": when.at, "effective": when.effective, "encounter": _encounter(resource, rules)}
    answers = read_items(found, source, whole=unfinished)
    scores, unscored = (
        finished_total(instrument, answers.stated) if instrument.totals_only else score(instrument, answers.values)
    )
    flags = [*when.flags]
    flags += ["version_assumed"] if identity.version_assumed else []
    flags += [PROXY] if known["rater"] == PROXY else []
    flags += ["extra_items"] if answers.extra else []
    if flags:
        scores = tuple(replace(s, flags=tuple(sorted({*s.flags, *flags}))) for s in scores)
    scores = tuple(compare(s, answers.stated) if s.scale == "total" else s for s in scores)
    known |= {"answers": answers.values, "scores": scores, "unscored": unscored}
    known |= {"flags": tuple(sorted({f for s in scores for f in s.flags}))}
    if scores:
        return Reading(Outcome.SCORED, **known)
    return Reading(Outcome.SET_ASIDE, code="incomplete", reason=unscored[0].reason, **known)


def _processable(resource: Json) -> None:
    if resource.get("implicitRules") is not None or resource.get("_implicitRules") is not None:
        raise set_aside("unknown-modifier", "implicit rules that this program does not know")
    if resource.get("modifierExtension"):
        raise set_aside("unknown-modifier", "a modifier extension that this program does not know")


def _encounter(resource: Json, rules: Rules) -> str | None:
    """ "Encounter/id" on our own server, None when it names none there."""
    given = resource.get("encounter")
    if given is not None and not isinstance(given, dict):
        raise set_aside("wrong-type", "encounter is not a reference")
    return local(given.get("reference"), "Encounter", rules.bases) if given else None


def _form(
    resource: Json, questionnaire: Json | None, identity: Identity, rules: Rules, resolve: Resolve | None
) -> Form:
    """What the resolved Questionnaire adds."""
    contained = resource.get("contained")
    if contained is not None and not isinstance(contained, list):
        raise set_aside("wrong-type", "contained is not a list")
    if contained:
        return compile_form(questionnaire, contained, resolve, identity.binding.numbers)
    return rules.form(questionnaire, identity.binding, resolve)
