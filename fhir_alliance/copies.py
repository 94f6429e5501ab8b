"""What stands twice: two resources that carry one identifier of ours, and two alerts about one strain. But for one of
them they are withdrawn.

A conditional create is not safe against itself: sent twice at the same time (by a gateway, by two connectors), it
makes two resources on most servers (`fhir.md` 6, no. 1). And two installations give one alert two identifiers, each of
a secret of its own, so that no condition of a create can see the other's. So whoever had something created is looked at
afterwards. Which one stays is told by the resources alone, so that two connectors agree on it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .answers import MEANING
from .apply import Applier
from .errors import EHRError, Forbidden, NotFound, Refused
from .fhir.answered import withdrawn
from .fhir.http import FhirClient
from .fhir.references import local
from .holdings import Held, as_known, held
from .lookup import WITHDRAWN, answered, precedence, told_of
from .plan import Action, Known, Op
from .store.store import Store, stamp

LOOKED = "copies"
"""Checkpoint: until when we looked for copies of what was created."""
LOOKED_TWICE = "copies-of-alerts"
"""Checkpoint: until when we looked for a second alert once more: another connector may have been a moment later."""
SHOWN_TO_PEOPLE = ("Observation", "Task", "Flag", "Communication", "DocumentReference")
"""Types in which a copy would be seen twice by somebody."""

Onset = Callable[[Held], str]


@dataclass(frozen=True, slots=True)
class Copy:
    """One of two that say the same.

    kept      the one that stays
    ours      may we withdraw it? What another installation wrote is its own to withdraw
    answered  a person has answered this one, too: nobody withdraws it
    """

    one: Held
    kept: Held
    ours: bool
    answered: bool


def copies(found: Iterable[Held], known: Iterable[Known], onset: Onset | None = None) -> list[Copy]:
    """Every copy among what is not withdrawn.

    onset  alert → what its strain began with; None: look at identifiers only
    """
    standing = [h for h in found if stands(h)]
    mine = {(k.type, k.key) for k in known}
    by_key: dict[tuple[str, str], list[Held]] = defaultdict(list)
    for h in standing:
        by_key[h.type, h.key].append(h)
    twice = [_copy(h, group, ours=True) for group in by_key.values() for h in group]
    if onset is None:
        return [c for c in twice if c]
    firsts = [min(group, key=lambda one: precedence(one.body)) for group in by_key.values()]
    for group in _told_twice(firsts, onset):
        # Several of one store are of several dyads: who treats the client was corrected, and what was told before
        # could not be taken back yet. Each called somebody else.
        if sum((h.type, h.key) in mine for h in group) < 2:
            twice += [_copy(h, group, ours=(h.type, h.key) in mine) for h in group]
    return [c for c in twice if c]


def stands(h: Held) -> bool:
    """Is it not withdrawn? Ended by a person, a Task is still the one alert about its strain (`lookup.find_about`)."""
    return not withdrawn(h.body) and (h.type == "Task" or h.body.get("status") not in WITHDRAWN)


def _told_twice(alerts: Iterable[Held], onset: Onset) -> Iterator[list[Held]]:
    """Alerts with identifiers of their own about one strain."""
    by_type: dict[str, list[Held]] = defaultdict(list)
    for h in alerts:
        if h.type != "Observation" and ":" not in h.key:  # a further message is about the same, and no copy
            by_type[h.type].append(h)
    for several in by_type.values():
        groups: dict[str, list[Held]] = defaultdict(list)
        for h in several if len(several) > 1 else []:
            groups[onset(h)].append(h)
        yield from (group for about, group in groups.items() if about and len(group) > 1)


def _copy(h: Held, group: Collection[Held], *, ours: bool) -> Copy | None:
    kept = min(group, key=lambda one: precedence(one.body))
    return None if h is kept else Copy(h, kept, ours, answered(h.body))


def onsets(client: FhirClient) -> Onset:
    """What an alert's strain began with: the response that its score came from, else what it points to, else ""."""

    def onset(h: Held) -> str:
        score = next(iter(sorted(told_of(h.body, "Observation", client.bases))), "")
        if not score:
            return next(iter(sorted(told_of(h.body, "QuestionnaireResponse", client.bases))), "")
        try:
            body: Mapping[str, Any] = client.read(score).body
        except (Forbidden, NotFound, Refused):
            return score
        sources = body.get("derivedFrom")
        found = [s.get("reference") for s in sources if isinstance(s, Mapping)] if isinstance(sources, list) else []
        return next((r for f in found if (r := local(f, "QuestionnaireResponse", client.bases))), score)

    return onset


def settle_copy(applier: Applier, copy: Copy, known: Iterable[Known]) -> bool:
    """Withdraw a copy of ours, through the ledger, and know the one that stays in its place. True when it is settled.

    The one that stays is known first: when we end in between, the copy still carries a key of ours.
    """
    one, sink = copy.one, applier.sinks[copy.one.type]
    if not copy.ours or copy.answered or not sink.changes or _answered_meanwhile(applier, one):
        return False
    for k in known:
        if (k.type, k.key) == (one.type, one.key) and k.resource_id != copy.kept.body["id"]:
            _know_instead(applier, k, copy.kept)
    # A key of its own: the store's entry of the identifier is about the one that stays.
    mine = replace(as_known(one, sink, applier.client, ()), key=f"{one.key}#{one.body['id']}"[:200], standing="written")
    action = Action(Op.RETRACT, mine.type, mine.key, mine.patient, None, mine, f"a copy of {copy.kept.reference}")
    row = applier.ledger.plan(mine.patient, [action], applier.clock())[mine.type, mine.key]
    return applier.apply(action, row)


def _answered_meanwhile(applier: Applier, one: Held) -> bool:
    """Has a person answered it since it was searched for? Then the next look decides anew."""
    if one.type not in MEANING:
        return False
    try:
        return answered(applier.client.read(one.reference).body)
    except NotFound:
        return False


def _know_instead(applier: Applier, k: Known, kept: Held) -> None:
    there = as_known(kept, applier.sinks[kept.type], applier.client, ())
    now = replace(
        k,
        standing=there.standing,
        resource_id=there.resource_id,
        version_id=there.version_id,
        owned=there.owned,
        state=there.state or k.state,
        level=max(there.level, k.level),
        # Empty: the next pass compares a score whole. Of an alert it stands for the labels, which are the same.
        fingerprint="" if k.type == "Observation" else k.fingerprint,
    )
    changed = ("resource_id", "version_id", "owned", "state", "level", "fingerprint")
    applier.ledger.stand(k, now.standing, applier.clock(), **{name: getattr(now, name) for name in changed})
    if applier.sinks[kept.type].kind == "alert":
        applier.quiet(now, kept.body, False)  # whatever a person has answered there


def withdraw_copies(applier: Applier, patient: str, types: Iterable[str]) -> int:
    """Withdraw every copy of ours about one patient; how many there were. EHRError when the EHR cannot be asked now.

    A type that it does not let us search is left out: `reconcile` says so.
    """
    number = 0
    for type in types:
        try:
            found = held(applier.client, applier.sinks, [type], applier.frame.namespace, patient)
        except (Forbidden, NotFound, Refused):
            continue
        known = applier.ledger.known(patient)
        for copy in copies(found, known, onsets(applier.client)):
            number += settle_copy(applier, copy, known)
    return number


def look_for_copies(applier: Applier, store: Store) -> None:
    """Whoever had something created since we last looked has it once; alerts are looked at by two passes."""
    since, before = store.checkpoint(LOOKED) or "", stamp(applier.clock())
    twice = store.checkpoint(LOOKED_TWICE) or since
    types = [t for t in SHOWN_TO_PEOPLE if applier.may_write(t)]
    created: dict[str, set[str]] = defaultdict(set)
    for start, some in ((since, types), (twice, [t for t in types if t != "Observation"])):
        for patient, found in applier.ledger.created_since(start, some).items():
            created[patient] |= set(found)
    for patient, theirs in sorted(created.items()):
        try:
            number = withdraw_copies(applier, patient, sorted(theirs))
        except EHRError as error:
            applier.report.say(str(error))
            return  # the next pass looks again
        if number:
            store.mark_due([patient])
            applier.report.say(
                f"{number} copies of what we wrote were withdrawn; something sends our requests twice, or another "
                "installation writes about the same patients"
            )
    if types:
        store.set_checkpoints({LOOKED: before, LOOKED_TWICE: since or "0"})
