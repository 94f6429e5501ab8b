"""Two resources that carry one identifier of ours: found after a pass, and withdrawn but for one.

A conditional create is not safe against itself: sent twice at the same time (by a gateway, by two connectors), it
makes two resources on most servers (`fhir.md` 6, no. 1). So whoever had something created is looked at afterwards.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace

from .apply import Applier
from .errors import EHRError, Forbidden, NotFound, Refused
from .fhir.answered import withdrawn
from .holdings import Held, as_known, held
from .lookup import WITHDRAWN
from .plan import Action, Known, Op
from .store.store import Store, stamp

LOOKED = "copies"
"""Checkpoint: until when we looked for copies of what was created."""
SHOWN_TO_PEOPLE = ("Observation", "Task", "Flag", "Communication", "DocumentReference")
"""Types in which a copy would be seen twice by somebody."""


def copies(found: Iterable[Held], known: Iterable[Known]) -> Iterator[tuple[Held, Held]]:
    """(copy, the one that stays) for every identifier that is carried more than once by what is not withdrawn.

    The one that the store knows stays; when it knows none of them, the one with the smallest id.
    """
    mine = {(k.type, k.resource_id) for k in known}
    groups: dict[tuple[str, str], list[Held]] = defaultdict(list)
    for one in found:
        if one.body.get("status") not in WITHDRAWN and not withdrawn(one.body):
            groups[one.type, one.key].append(one)
    for group in groups.values():
        ordered = sorted(group, key=lambda h: ((h.type, h.body["id"]) not in mine, h.body["id"]))
        yield from ((copy, ordered[0]) for copy in ordered[1:])


def withdraw_copy(applier: Applier, copy: Held, kept: Held) -> bool:
    """Retract a copy, through the ledger. True when it is settled."""
    known = as_known(copy, applier.sinks[copy.type], applier.client, ())
    # A key of its own: the store's entry of the shared identifier is about the one that stays.
    known = replace(known, key=f"{copy.key}#{copy.body['id']}"[:200], standing="written")
    why = f"a copy of {kept.reference}"
    action = Action(Op.RETRACT, copy.type, known.key, copy.patient, None, known, why)
    row = applier.ledger.plan(copy.patient, [action], applier.clock())[copy.type, known.key]
    return applier.apply(action, row)


def withdraw_copies(applier: Applier, patient: str, types: Iterable[str]) -> int:
    """Withdraw every copy about one patient; how many there were. EHRError when the EHR cannot be asked now.

    A type that it does not let us search is left out: `reconcile` says so.
    """
    known, number = applier.ledger.known(patient), 0
    for type in types:
        try:
            found = held(applier.client, applier.sinks, [type], applier.frame.namespace, patient)
        except (Forbidden, NotFound, Refused):
            continue
        for copy, kept in copies(found, known):
            number += 1
            withdraw_copy(applier, copy, kept)
    return number


def look_for_copies(applier: Applier, store: Store) -> None:
    """Whoever had something created since we last looked has it once."""
    since = store.checkpoint(LOOKED) or ""
    before = stamp(applier.clock())
    types = [t for t in SHOWN_TO_PEOPLE if applier.may_write(t)]
    for patient, created in sorted(applier.ledger.created_since(since, types).items()):
        try:
            number = withdraw_copies(applier, patient, created)
        except EHRError as error:
            applier.report.say(str(error))
            return  # the next pass looks again
        if number:
            store.mark_due([patient])
            applier.report.say(f"{number} copies of what we wrote were withdrawn; something sends our requests twice")
    if types:
        store.set_checkpoints({LOOKED: before})
