"""`reconcile`, `rebuild`, `withdraw --all`, `forget`: what the EHR holds against what the store knows.

Looking writes nothing anywhere. What is applied goes through the ledger like any other write, so that a
crash in between loses nothing and does nothing twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace

from .cohort import same_person
from .copies import Copy, copies, onsets, settle_copy, stands
from .errors import EHRError, NotFound, SafetyError
from .holdings import Held, as_known, held
from .messages import thread_of, withdrawals
from .model import UNASSIGNED
from .passing import STOPPED, EndpointPass
from .plan import Action, Known, Op
from .review import review
from .sinks import owned_hash
from .store.store import stamp

SITE_WITHDREW = "the site stopped using this program"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that the EHR and the store tell differently, and what to do about it."""

    reference: str
    patient: str
    what: str
    do: str


@dataclass(slots=True)
class Drift:
    """Everything that differs. `unread` patients could not be looked at; nothing is said of them.

    stale  what stands and could not be changed or taken back: for a person (`review`)
    left   differences that `apply` did not settle
    """

    missing: list[Difference] = field(default_factory=list)
    foreign_edits: list[Difference] = field(default_factory=list)
    duplicates: list[Difference] = field(default_factory=list)
    orphans: list[Difference] = field(default_factory=list)
    stale: list[Difference] = field(default_factory=list)
    left: int = 0
    patients: int = 0
    unread: int = 0
    applied: int = 0

    @property
    def clean(self) -> bool:
        """Is there nothing to do?"""
        found = self.missing or self.foreign_edits or self.duplicates or self.orphans or self.stale
        return not (found or self.unread)

    def to_json(self) -> dict[str, object]:
        """The contract of `reconcile --json`."""
        return asdict(self)


def reconcile(one: EndpointPass, *, apply: bool) -> Drift:
    """Look at every patient of the cohort and of the store; with `apply`, bring the store and the EHR together.

    Applied are: a resource that the site removed is known as removed (and stays so); one that somebody edited is
    known as theirs; copies of one identifier are withdrawn but for the one that the store knows; a resource of ours
    that the store does not know is taken into it.
    """
    drift = Drift()
    for patient, found in _look(one, drift):
        known = {(k.type, k.key): k for k in one.ledger.known(patient) if k.resource_id and k.type in _types(one)}
        _missing(one, drift, patient, known.values(), found, apply=apply)
        by_id = {(k.type, k.resource_id): k for k in known.values()}
        twice = copies(found, known.values(), onsets(one.client))
        for copy in twice:
            _copy(one, drift, copy, known.values(), apply=apply)
        extra = {copy.one.reference for copy in twice}
        # Of two alerts about one strain the one that stays may be another installation's: no orphan.
        theirs = {copy.kept.reference for copy in twice if copy.ours and copy.one.key != copy.kept.key}
        for h in found:
            if h.reference in extra:
                continue
            if mine := by_id.get((h.type, h.body["id"])):
                _edited(one, drift, mine, h, apply=apply)
            elif (h.type, h.key) not in known and h.reference not in theirs and _unknown(h):
                _orphan(one, drift, h, found, apply=apply)
    for item in review(one.store, one.settings, one.clock()):
        if item.case.reference and item.case.op != "create" and item.case.what != "foreign":
            drift.stale.append(Difference(item.case.reference, item.case.patient, item.reason, item.do))
    drift.left += len(drift.stale)
    return drift


def _unknown(h: Held) -> bool:
    """Is it worth knowing? An alert that another installation withdrew is over."""
    return h.type == "Observation" or stands(h)


def rebuild(one: EndpointPass, *, new_secret: bool) -> Drift:
    """Take everything of ours in the EHR into a store that knows none of it.

    new_secret  the secret of alert keys was lost too: alerts are known by the key that they would get now
    """
    drift = Drift()
    for _, found in _look(one, drift):
        seen: set[tuple[str, str]] = set()
        for h in found:
            if (h.type, h.key) not in seen:
                _orphan(one, drift, h, found, apply=True, anew=new_secret)
            seen.add((h.type, h.key))
    return drift


@dataclass(frozen=True, slots=True)
class TakingBack:
    """What `withdraw --all` can do.

    retract   resources to mark as not to be used
    tell      messages that say so where what was told cannot be changed
    fixed     resources that this EHR lets nobody change: a person must correct them
    stays     type → how many stay as they are: what was told once, and who made what
    """

    retract: tuple[Action, ...]
    tell: tuple[Action, ...]
    fixed: tuple[Action, ...]
    stays: Mapping[str, int]

    @property
    def actions(self) -> tuple[Action, ...]:
        """All that is attempted; the ledger says of `fixed` that a person must look."""
        return (*self.retract, *self.tell, *self.fixed)


def taking_back(one: EndpointPass) -> TakingBack:
    """Retractions, and messages that take back what was told; of a Provenance nothing, it stays true."""
    by_type: dict[str, list[Known]] = defaultdict(list)
    for k in one.ledger.standing():
        by_type[k.type].append(k)
    retract: list[Action] = []
    tell: list[Action] = []
    fixed: list[Action] = []
    stays: dict[str, int] = {}
    for type, rows in by_type.items():
        if type in one.rules.messages:
            tell += withdrawals(rows, SITE_WITHDREW, one.rules.alerts)
        if type in one.rules.messages or type == "Provenance":
            stays[type] = len(rows)
            continue
        can = one.applier.sinks[type].changes and type not in one.applier.fixed
        mine = [Action(Op.RETRACT, type, k.key, k.patient, None, k, SITE_WITHDREW) for k in rows]
        (retract if can else fixed).extend(mine)
    return TakingBack(tuple(retract), tuple(tell), tuple(fixed), stays)


def withdraw_all(one: EndpointPass, actions: Iterable[Action]) -> tuple[int, int]:
    """Take back what stands: (done, not done). Values stay readable, marked as not to be used.

    From then on `sync` refuses, until the mark is taken away (`resume`).
    """
    one.store.set_checkpoints({STOPPED: stamp(one.clock())})
    done = left = 0
    for action in actions:
        row = one.ledger.plan(action.patient, [action], one.clock())[action.type, action.key]
        try:
            settled = one.applier.apply(action, row)
        except EHRError:
            settled = False
        gone = settled and not one.ledger.stands(action.type, thread_of(action.key))
        done, left = done + gone, left + (not gone)
    return done, left


def forget(one: EndpointPass, patient: str) -> tuple[int, list[str]]:
    """Delete what is kept here about a patient ("Patient/id"), under every id that the person had.

    Returns how many rows that were, and the ids. SafetyError when the person is in the cohort.
    """
    group = sorted(same_person([patient], one.store.merged()))
    if not set(group).isdisjoint(one.roster()):
        raise SafetyError("that patient is in the cohort and would be read again; put it into cohort.exclude first")
    if one.audit:
        for id in group:
            one.audit.forgot(one.clock(), id)
    return one.store.forget_patients(group), group


def resume(one: EndpointPass) -> None:
    """Let passes run again; everything is read anew, and what holds is written again."""
    one.store.forget_checkpoints((STOPPED, "full"))


def _types(one: EndpointPass) -> set[str]:
    """What is looked at: resources of ours about a patient that carry our identifier."""
    sinks, wanted = one.applier.sinks, {*one.settings.write.types, *one.ledger.types()} - {"Device"}
    return {t for t in wanted if t in sinks and sinks[t].identified and sinks[t].keys == "both"}


def _look(one: EndpointPass, drift: Drift) -> Iterator[tuple[str, list[Held]]]:
    """Patients and what is held of ours about each; those that cannot be read are counted and left out."""
    types = _types(one)
    for patient in sorted({*one.roster(), *one.ledger.patients()}):
        drift.patients += 1
        try:
            yield patient, held(one.client, one.applier.sinks, types, one.settings.namespace, patient)
        except EHRError as error:
            drift.unread += 1
            one.report.say(str(error))


def _missing(
    one: EndpointPass, drift: Drift, patient: str, known: Iterable[Known], found: Iterable[Held], *, apply: bool
) -> None:
    there = {(h.type, h.body["id"]) for h in found}
    for k in known:
        if k.standing != "written" or (k.type, k.resource_id) in there:
            continue
        try:
            one.client.read(f"{k.type}/{k.resource_id}")
            continue  # a search that lags is no loss
        except NotFound:
            pass
        except EHRError as error:
            drift.unread += 1
            one.report.say(str(error))
            continue
        do = "Nothing is written again. --apply notes that the site removed it."
        drift.missing.append(Difference(f"{k.type}/{k.resource_id}", patient, "it is not in the EHR any more", do))
        if apply:
            one.ledger.stand(k, "removed", one.clock())
            drift.applied += 1


def _edited(one: EndpointPass, drift: Drift, k: Known, h: Held, *, apply: bool) -> None:
    sink = one.applier.sinks[k.type]
    if k.standing != "written" or not k.owned or h.version == k.version_id:
        return
    if owned_hash(sink, h.body, one.client.bases) == k.owned:
        return
    do = "Theirs stays; it is only withdrawn when its form is. --apply notes that it is theirs now."
    drift.foreign_edits.append(Difference(h.reference, h.patient, "somebody changed what we wrote", do))
    if apply:
        one.ledger.stand(k, "foreign", one.clock())
        drift.applied += 1


def _copy(one: EndpointPass, drift: Drift, copy: Copy, known: Iterable[Known], *, apply: bool) -> None:
    kept, type = copy.kept.reference, copy.one.type
    what = f"a copy of {kept}: two resources carry one identifier of ours"
    do = f"Keep {kept}. --apply withdraws this copy, if writing {type} is switched on."
    if copy.one.key != copy.kept.key:
        what = f"a copy of {kept}: two alerts about one strain; another installation writes about this patient"
    if not copy.ours:
        do = f"Keep {kept}. The other installation withdraws this one; let only one of the two write."
    elif copy.answered or not one.applier.sinks[type].changes:
        why = "people have answered both" if copy.answered else f"a {type} that was sent cannot be taken back"
        do = f"Nothing is done: {why}."
    drift.duplicates.append(Difference(copy.one.reference, copy.one.patient, what, do))
    gone = False
    if apply and one.applier.may_write(type):
        # Whatever else was planned for this patient is planned anew.
        one.store.mark_due([copy.one.patient])
        before = sum(one.report.refused.values())
        gone = bool(settle_copy(one.applier, copy, known)) and sum(one.report.refused.values()) == before
    drift.applied += gone
    drift.left += not gone


def _orphan(
    one: EndpointPass, drift: Drift, h: Held, found: Iterable[Held], *, apply: bool, anew: bool = False
) -> None:
    do = "--apply takes it into the store; the next pass then keeps it up to date."
    drift.orphans.append(Difference(h.reference, h.patient, "it is ours, and the store does not know it", do))
    if apply:
        known = as_known(h, one.applier.sinks[h.type], one.client, found)
        if anew and one.applier.sinks[h.type].kind == "alert" and known.response:
            whose = known.practitioner or UNASSIGNED
            known = replace(known, key=one.rules.keys.alert(h.patient, whose, known.response))
        one.ledger.adopt(known, one.clock())
        drift.applied += 1
