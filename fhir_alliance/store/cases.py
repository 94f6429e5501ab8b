"""Writes that a person must look at, and what a person said of them: `review` (`fhir.md` 3.3).

A case is the newest row of the ledger about one resource, where that row is stuck; or a resource of ours that somebody
else edited. What a person says becomes a row again, so that the audit trail has it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Engine, func, insert, select, update

from ..plan import BY_HAND, RELEASED
from . import tables as t
from .ledger import Ledger
from .store import Store, stamp, unstamp

STUCK = timedelta(days=1)
"""An unknown outcome older than this was not found out by the passes since: a person should look."""


@dataclass(frozen=True, slots=True)
class Case:
    """One thing for a person.

    what    review: left to a person; refused: the EHR said no; unknown: not to be found out; foreign: edited there
    key     of the ledger; `resource_id` is "" where nothing is known to stand
    row     id of the ledger's row, None for a foreign edit
    status, codes   the EHR's answer
    state   what an alert should say
    """

    what: Literal["review", "refused", "unknown", "foreign"]
    row: int | None
    type: str
    key: str
    patient: str
    response: str
    scale: str
    op: str
    resource_id: str
    status: int | None
    codes: tuple[str, ...]
    reason: str
    state: str
    since: datetime

    @property
    def reference(self) -> str | None:
        """ "Type/id", or None."""
        return f"{self.type}/{self.resource_id}" if self.resource_id else None

    @property
    def name(self) -> str:
        """How a person names it to `review done` and `review release`."""
        return self.reference or self.key


def cases(engine: Engine, base: str, now: datetime) -> list[Case]:
    """Everything that waits for a person, the oldest first."""
    n, w = t.ledger.c, t.written.c
    stuck = ("review", "refused", "unknown")
    newest = select(func.max(n.id)).where(n.base == base).group_by(n.type, n.key)
    began = select(n.type, n.key, func.min(n.at)).where(n.base == base, n.ledger_state.in_(stuck))
    stood = select(t.written).where(w.base == base, w.standing.in_(("foreign", "removed")))
    with engine.connect() as c:
        told = select(t.ledger).where(n.id.in_(newest), n.ledger_state.in_((*stuck, "settled")))
        rows = [dict(r) for r in c.execute(told).mappings()]
        since = {(type, key): unstamp(at) for type, key, at in c.execute(began.group_by(n.type, n.key))}
        standing = {(r["type"], r["key"]): dict(r) for r in c.execute(stood).mappings()}
    found = []
    for row in rows:
        at = row["type"], row["key"]
        there = standing.pop(at, {"standing": ""})
        if there["standing"] == "removed" or (there["standing"] == "foreign" and row["ledger_state"] == "settled"):
            continue
        if row["ledger_state"] in stuck and not (row["ledger_state"] == "unknown" and now - since[at] < STUCK):
            edited = there["standing"] == "foreign" and row["op"] != "retract"
            found.append(_case(row, "foreign" if edited else row["ledger_state"], row["id"], since[at]))
        elif there["standing"] == "foreign":
            found.append(_foreign(there))
    found += [_foreign(there) for there in standing.values() if there["standing"] == "foreign"]
    return sorted(found, key=lambda case: (case.since, case.type, case.key))


def _foreign(row: dict[str, Any]) -> Case:
    said = {"op": "update", "status": None, "codes": "", "reason": ""}
    return _case({**row, **said}, "foreign", None, unstamp(row["updated"]))


def _case(row: dict[str, Any], what: Any, id: int | None, since: datetime) -> Case:
    same = ("type", "key", "patient", "response", "scale", "op", "resource_id", "status", "reason", "state")
    return Case(what=what, row=id, codes=tuple(row["codes"].split()), since=since, **{name: row[name] for name in same})


def settle(ledger: Ledger, store: Store, said: Iterable[Case], now: datetime, *, release: bool) -> None:
    """What a person said: corrected in the EHR, which the next pass checks; or `release`: to be sent once more."""
    for case in said:
        row = _row(ledger, case, now, release=release)
        if release:
            ledger.settle(row, "released", now)
        elif case.op == "create" and case.what != "refused":
            ledger.settle(row, "unknown", now, searched=BY_HAND)
        else:
            ledger.settle(row, "settled", now)
        if case.patient:
            store.mark_due([case.patient])


def _row(ledger: Ledger, case: Case, now: datetime, *, release: bool) -> int:
    """The ledger's row of a case; what stands is marked so that the next pass plans it as was said."""
    w = t.written.c
    at = (w.base == ledger.base, w.type == case.type, w.key == case.key)
    marked = update(t.written).where(*at)
    with ledger.engine.begin() as c:
        if release:
            # Without `owned`, what somebody else changed is written over: that is what was asked for.
            theirs = {"standing": "written", "owned": ""} if case.what == "foreign" else {}
            c.execute(marked.values(fingerprint=RELEASED, **theirs))
        elif case.what != "foreign" and case.op != "create":
            c.execute(marked.values(fingerprint=BY_HAND))
        if case.row is not None:
            return case.row
        made = c.execute(insert(t.ledger).values(**_acknowledged(ledger, case, now)).returning(t.ledger.c.id))
        return int(made.scalar_one())


def _acknowledged(ledger: Ledger, case: Case, now: datetime) -> dict[str, Any]:
    """A row for what had none: an edit that was found by looking."""
    same = ("type", "key", "patient", "response", "scale", "op", "resource_id", "reason", "state")
    at = stamp(now)
    row = {name: getattr(case, name) for name in same} | {"level": 0, "codes": "", "expected": "", "at": at}
    row |= {"practitioner": "", "version_id": "", "fingerprint": "", "owned": "", "attached": "", "updated": at}
    return row | {"base": ledger.base, "run": ledger.run, "ledger_state": "planned"}
