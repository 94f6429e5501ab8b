"""The write ledger (`fhir.md` 3.3): intent before the write, outcome after it.

    planned → pending → done | refused | unknown → done | released | review → released | settled

`written` is what the ledger's outcomes add up to: each resource of ours as we last knew it.
A row that is `pending` when a new lease holder comes is `unknown`, whatever its age: its sender is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, insert, or_, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from ..plan import RELEASED, Action, Known
from . import tables as t
from .store import stamp

_FIELDS = tuple(name for name, _, _ in t._RESOURCE)
MENDABLE = (401, 403)
"""Refusals that a site mends without any change of content: asked again at every pass."""
OPEN = ("planned", "pending", "unknown", "review")


class Ledger:
    """Writes under one base URL. Every method is one transaction."""

    def __init__(self, engine: Engine, base: str, run: str, told: Callable[[Mapping[str, Any]], None] | None = None):
        """`told` hears of every row that moves, before the move is kept; when it raises, it is not."""
        self.engine = engine
        self.base = base
        self.run = run
        self.told = told

    # -- what we know

    def known(self, patient: str, responses: Collection[str] = ()) -> list[Known]:
        """Our resources of a patient, and those that came from the given responses under other patients.
        Where a write's outcome is unknown, or a create was refused, that is the standing."""
        w, n = t.written.c, t.ledger.c
        with self.engine.connect() as c:
            mine = select(t.written).where(w.base == self.base, w.patient == patient)
            rows = {(r["type"], r["key"]): _known(r, r["standing"]) for r in c.execute(mine).mappings()}
            for some in _chunks(responses):
                moved = select(t.written).where(w.base == self.base, w.patient != patient, w.response.in_(some))
                rows |= {(r["type"], r["key"]): _known(r, r["standing"]) for r in c.execute(moved).mappings()}
            query = select(t.ledger).where(n.base == self.base, n.patient == patient)
            told = ("pending", "unknown", "review", "refused", "settled")
            query = query.where(n.ledger_state.in_(told)).order_by(n.id)
            for r in c.execute(query).mappings():
                at = (r["type"], r["key"])
                if r["ledger_state"] == "settled":
                    # A person settled a create: whatever stands or does not stand there, it is not made again.
                    rows |= {at: _known(r, "removed")} if r["op"] == "create" and at not in rows else {}
                elif r["ledger_state"] != "refused":
                    rows[at] = replace(rows.get(at, _known(r, "unknown")), standing="unknown")
                elif r["op"] == "create" and at not in rows and r["status"] not in MENDABLE:
                    rows[at] = _known(r, "refused")
        return list(rows.values())

    def observation_refs(self, patient: str) -> dict[str, str]:
        """Score key → "Observation/id" of what stands in the EHR."""
        w = t.written.c
        query = select(w.key, w.resource_id).where(w.base == self.base, w.patient == patient, w.type == "Observation")
        with self.engine.connect() as c:
            return {key: f"Observation/{found}" for key, found in c.execute(query.where(w.resource_id != ""))}

    def totals(self) -> int:
        """How many Observations of totals stand in the EHR because we wrote them, withdrawn ones included."""
        w = t.written.c
        query = select(func.count()).where(w.base == self.base, w.type == "Observation", w.scale == "total")
        with self.engine.connect() as c:
            return c.execute(query.where(w.standing != "removed")).scalar_one()

    def created_since(self, when: str, types: Collection[str]) -> dict[str, list[str]]:
        """Patients about whom something of these types was first known to stand at or after a stamp → which types."""
        w = t.written.c
        query = select(w.patient, w.type).distinct().where(w.base == self.base, w.created >= when, w.type.in_(types))
        found: dict[str, list[str]] = {}
        with self.engine.connect() as c:
            for patient, type in c.execute(query.where(w.patient != "", w.standing == "written")):
                found.setdefault(patient, []).append(type)
        return found

    def standing(self) -> list[Known]:
        """Everything that stands in the EHR because we wrote it, alerts before the scores that they point to."""
        w = t.written.c
        query = select(t.written).where(w.base == self.base, w.standing.in_(("written", "foreign")), w.type != "Device")
        with self.engine.connect() as c:
            rows = [_known(r, r["standing"]) for r in c.execute(query.order_by(w.patient)).mappings()]
        return sorted(rows, key=lambda k: k.type == "Observation")

    def stands(self, type: str, key: str) -> bool:
        """Does this one still stand?"""
        return any((k.type, k.key) == (type, key) for k in self.standing())

    def types(self) -> set[str]:
        """Resource types that we ever wrote."""
        w = t.written.c
        with self.engine.connect() as c:
            return set(c.execute(select(w.type).where(w.base == self.base).distinct()).scalars())

    def patients(self) -> set[str]:
        """Patients about whom we ever wrote."""
        w = t.written.c
        with self.engine.connect() as c:
            return {p for p in c.execute(select(w.patient).where(w.base == self.base).distinct()).scalars() if p}

    def unfinished_patients(self, types: Collection[str]) -> set[str]:
        """Patients with something to settle: unknown outcomes, and planned writes of enabled types."""
        n = t.ledger.c
        planned = (n.ledger_state == "planned") & n.type.in_(types)
        query = select(n.patient).where(n.base == self.base, or_(planned, n.ledger_state.in_(("pending", "unknown"))))
        with self.engine.connect() as c:
            return {p for p in c.execute(query.distinct()).scalars() if p}

    def in_doubt(self, patient: str, type: str) -> bool:
        """May something of this type stand about a patient that the next pass will find out about?"""
        n = t.ledger.c
        query = select(n.id).where(n.base == self.base, n.patient == patient, n.type == type)
        with self.engine.connect() as c:
            return c.execute(query.where(n.ledger_state.in_(("pending", "unknown"))).limit(1)).first() is not None

    def unknown(self) -> list[dict[str, Any]]:
        """Rows whose outcome must be found out, pending ones made unknown first."""
        n = t.ledger.c
        with self.engine.begin() as c:
            mine = n.base == self.base
            c.execute(update(t.ledger).where(mine, n.ledger_state == "pending").values(ledger_state="unknown"))
            query = select(t.ledger).where(mine, n.ledger_state == "unknown").order_by(n.id)
            return [dict(r) for r in c.execute(query).mappings()]

    def counts(self) -> dict[str, int]:
        """Open rows by state."""
        n = t.ledger.c
        query = select(n.ledger_state, func.count()).where(n.base == self.base, n.ledger_state.in_(OPEN))
        with self.engine.connect() as c:
            return dict(c.execute(query.group_by(n.ledger_state)).all())

    def planned(self) -> dict[str, int]:
        """What is planned and not sent: "Type.op" → how many."""
        n = t.ledger.c
        query = select(n.type, n.op, func.count()).where(n.base == self.base, n.ledger_state == "planned")
        with self.engine.connect() as c:
            return {f"{type}.{op}": number for type, op, number in c.execute(query.group_by(n.type, n.op))}

    # -- what happens

    def plan(
        self, patient: str, actions: Collection[Action], now: datetime, *, keep: bool = False
    ) -> dict[tuple[str, str], int]:
        """Replace a patient's planned rows by these actions (`keep`: add to them). Returns (type, key) → row id."""
        n = t.ledger.c
        with self.engine.begin() as c:
            planned = (n.base == self.base, n.ledger_state == "planned")
            if not keep:
                c.execute(delete(t.ledger).where(*planned, n.patient == patient))
            if not actions:
                return {}
            for some in _chunks({a.key for a in actions if a.patient != patient}):
                c.execute(delete(t.ledger).where(*planned, n.key.in_(some)))
            last = c.execute(select(func.max(n.id))).scalar() or 0
            c.execute(insert(t.ledger), [self._row(a, now) for a in actions])
            rows = c.execute(select(n.type, n.key, n.id).where(n.id > last))
            return {(type, key): id for type, key, id in rows}

    def _row(self, action: Action, now: datetime) -> dict[str, Any]:
        row: dict[str, Any] = dict.fromkeys(_FIELDS, "") | {"level": 0}
        if action.known is not None:
            row |= {f: getattr(action.known, f) for f in _FIELDS}
        content = action.content
        if content is not None:
            carried = ("patient", "practitioner", "response", "scale", "level", "fingerprint")
            row |= {name: getattr(content, name, row[name]) for name in carried}
            row["state"] = str(getattr(content, "state", ""))
            row["attached"] = " ".join(getattr(content, "attached", ()))
        row |= {"type": action.type, "key": action.key, "patient": action.patient}
        at = stamp(now)
        row |= {"base": self.base, "run": self.run, "op": str(action.op), "reason": action.reason}
        return row | {"ledger_state": "planned", "codes": "", "expected": "", "at": at, "updated": at}

    def pending(self, row: int, now: datetime, expected: str) -> None:
        """The request is about to be sent; `expected` is the hash that will tell afterwards whether it got in."""
        with self.engine.begin() as c:
            self._move(c, row, "pending", now, run=self.run, expected=expected)

    def note(self, row: int, **values: Any) -> None:
        """Correct what a row says of its content, before it is sent."""
        with self.engine.begin() as c:
            c.execute(update(t.ledger).where(t.ledger.c.id == row).values(**values))

    def _move(self, c: Connection, row: int, state: str, now: datetime, **values: Any) -> None:
        at = t.ledger.c.id == row
        c.execute(update(t.ledger).where(at).values(ledger_state=state, updated=stamp(now), **values))
        if self.told:
            self.told(dict(c.execute(select(t.ledger).where(at)).mappings().one()))

    def done(
        self,
        row: int,
        now: datetime,
        *,
        resource_id: str,
        version_id: str,
        owned: str,
        standing: str,
        fingerprint: str | None = None,
    ) -> None:
        """The resource stands in the EHR like this."""
        with self.engine.begin() as c:
            self._move(c, row, "done", now, resource_id=resource_id, version_id=version_id, owned=owned)
            got = dict(c.execute(select(t.ledger).where(t.ledger.c.id == row)).mappings().one())
            kept = {f: got[f] for f in _FIELDS} | {"base": self.base, "standing": standing, "updated": stamp(now)}
            if fingerprint is not None:
                kept["fingerprint"] = fingerprint
            fresh = upsert(t.written).values(**kept, created=stamp(now))
            c.execute(fresh.on_conflict_do_update(index_elements=["base", "type", "key"], set_=kept))
            older = (t.ledger.c.base == self.base, t.ledger.c.type == got["type"], t.ledger.c.key == got["key"])
            # What was refused or asked before is settled by a success.
            c.execute(delete(t.ledger).where(*older, t.ledger.c.id < row, t.ledger.c.ledger_state == "refused"))

    def refused(self, row: int, now: datetime, *, status: int | None, codes: Iterable[str]) -> None:
        """The EHR said no: nothing was written."""
        with self.engine.begin() as c:
            self._move(c, row, "refused", now, status=status, codes=" ".join(codes))

    def settle(self, row: int, state: str, now: datetime, **values: Any) -> None:
        """Any other outcome: unknown, released, review, planned."""
        with self.engine.begin() as c:
            self._move(c, row, state, now, **values)

    def stand(self, known: Known, standing: str, now: datetime, **values: Any) -> None:
        """What we learned about a resource without writing: removed, foreign."""
        w = t.written.c
        with self.engine.begin() as c:
            at = (w.base == self.base, w.type == known.type, w.key == known.key)
            c.execute(update(t.written).where(*at).values(standing=standing, updated=stamp(now), **values))

    def adopt(self, known: Known, now: datetime) -> None:
        """Know a resource of ours that was found in the EHR; what is known already stays as it is."""
        values = {f: getattr(known, f) for f in _FIELDS} | {"base": self.base, "standing": known.standing}
        with self.engine.begin() as c:
            row = upsert(t.written).values(**values, created=stamp(now), updated=stamp(now))
            c.execute(row.on_conflict_do_nothing(index_elements=["base", "type", "key"]))

    def try_again(self) -> None:
        """`retry`: let refused writes be planned again, and look again at what was left to a person."""
        n, w = t.ledger.c, t.written.c
        with self.engine.begin() as c:
            refused = select(n.key).where(n.base == self.base, n.ledger_state == "refused", n.op == "update")
            again = update(t.written).where(w.base == self.base, w.standing == "written", w.key.in_(refused))
            c.execute(again.values(fingerprint=RELEASED))
            for state, then in (("refused", "released"), ("review", "unknown")):
                mine = (n.base == self.base, n.ledger_state == state)
                c.execute(update(t.ledger).where(*mine).values(ledger_state=then))


def _known(row: Any, standing: str) -> Known:
    return Known(**{f: row[f] for f in _FIELDS}, standing=standing)  # type: ignore[arg-type]


def _chunks(items: Collection[str], size: int = 500) -> Iterable[list[str]]:
    ordered = sorted(items)
    return (ordered[i : i + size] for i in range(0, len(ordered), size))
