"""What is kept of clinicians' answers: a row for each alert that we looked at in the EHR."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, and_, delete, or_, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from ..answers import SILENCING, Answer, Said, combined
from ..digest import Waiting, is_digest
from ..plan import Known
from . import tables as t
from .times import stamp, unstamp

_ALERT = ("type", "key", "patient", "practitioner")


@dataclass(frozen=True, slots=True)
class Asked:
    """An alert that may be answered: where it stands, and when we looked at it last ("" never)."""

    type: str
    key: str
    patient: str
    practitioner: str
    resource_id: str
    looked: str


class Answers:
    """Answers under one base URL."""

    def __init__(self, engine: Engine, base: str):
        self.engine, self.base = engine, base

    def hear(self, alert: Asked | Known, answer: Answer | None, now: datetime) -> bool:
        """Keep what was found on looking (None: nothing was said there, what is kept stays). Is it news?"""
        a = t.answer.c
        named = {name: getattr(alert, name) for name in _ALERT}
        at = and_(a.base == self.base, a.type == alert.type, a.key == alert.key)
        with self.engine.begin() as c:
            before = c.execute(select(t.answer).where(at)).mappings().first()
            held = _answer(before) if before else Answer()
            answer = held if answer is None else answer
            news = answer != held
            row: dict[str, Any] = {"base": self.base, **named, "looked": stamp(now), "said": str(answer.said)}
            row |= {"until": stamp(answer.until) if answer.until else None}
            row |= {"since": stamp(now) if news or before is None else before["since"]}
            keys = ["base", "type", "key"]
            c.execute(upsert(t.answer).values(row).on_conflict_do_update(index_elements=keys, set_=row))
        return news

    def of(self, patient: str) -> dict[str, Answer]:
        """Answers to the alerts about one patient ("": lists for clinicians), by alert key."""
        return self._by_key(t.answer.c.patient == patient)

    def all(self) -> dict[str, Answer]:
        """Every answer, by alert key."""
        return self._by_key(t.answer.c.key != "")

    def _by_key(self, which: Any) -> dict[str, Answer]:
        found: dict[str, list[Answer]] = {}
        with self.engine.connect() as c:
            for row in c.execute(select(t.answer).where(t.answer.c.base == self.base, which)).mappings():
                found.setdefault(row["key"], []).append(_answer(row))
        return {key: combined(answers) for key, answers in found.items()}

    def open_alerts(self) -> set[str]:
        """Patients with an alert that is open, not yet urgent, and not silenced."""
        w, a = t.written.c, t.answer.c
        silenced = select(a.key).where(a.base == self.base, a.said.in_(SILENCING))
        query = select(w.patient).distinct().where(w.base == self.base, w.state == "open", w.standing == "written")
        with self.engine.connect() as c:
            return set(c.execute(query.where(w.level == 2, w.key.not_in(silenced))).scalars())

    def standing_alerts(self) -> set[str]:
        """Patients with an alert whose strain is open."""
        w = t.written.c
        query = select(w.patient).distinct().where(w.base == self.base, w.state == "open", w.standing == "written")
        with self.engine.connect() as c:
            return set(c.execute(query).scalars())

    def awaken(self, now: datetime) -> set[str]:
        """Patients of whom an alert was snoozed until now: they are due from here on, and no longer snoozed."""
        a = t.answer.c
        over = (a.base == self.base, a.until <= stamp(now))
        with self.engine.begin() as c:
            patients = {p for p in c.execute(select(a.patient).where(*over).distinct()).scalars() if p}
            rows = [{"base": self.base, "id": p, "due": True} for p in sorted(patients)]
            if rows:
                due = upsert(t.patient).on_conflict_do_update(index_elements=["base", "id"], set_={"due": True})
                c.execute(due, rows)
            c.execute(update(t.answer).where(*over).values(until=None))
        return patients

    # -- what a cap holds back

    def waiting(self, patient: str | None = None) -> list[Waiting]:
        """Alerts that wait, of one patient or of all, those first that wait longest."""
        w = t.waiting.c
        query = select(w.key, w.patient, w.practitioner, w.response, w.focus_key).where(w.base == self.base)
        query = query if patient is None else query.where(w.patient == patient)
        with self.engine.connect() as c:
            return [Waiting(*row) for row in c.execute(query.order_by(w.since, w.key))]

    def hold(self, patients: Collection[str], held: Collection[Waiting], now: datetime) -> None:
        """Of these patients exactly these alerts wait from now on."""
        w = t.waiting.c
        with self.engine.begin() as c:
            since = {row.key: row.since for row in c.execute(select(w.key, w.since).where(w.base == self.base))}
            for patient in patients:
                c.execute(delete(t.waiting).where(w.base == self.base, w.patient == patient))
            for one in held:
                row = {"base": self.base, **asdict(one), "since": since.get(one.key, stamp(now))}
                c.execute(upsert(t.waiting).values(row).on_conflict_do_nothing(index_elements=["base", "key"]))

    def called_since(self, when: datetime, types: Collection[str]) -> dict[str, int]:
        """Practitioner → alerts that were raised to them since then, each counted once."""
        n = t.ledger.c
        query = select(n.practitioner, n.key).where(n.base == self.base, n.op == "create", n.ledger_state == "done")
        query = query.where(n.type.in_(types), n.updated >= stamp(when)).distinct()
        with self.engine.connect() as c:
            found = {(who, key) for who, key in c.execute(query) if ":" not in key and not is_digest(key)}
        return Counter(who for who, _ in found)

    # -- where answers may be found

    def answerable(self, types: Collection[str], young: datetime) -> list[Asked]:
        """Alerts that may get another answer, those first at which we looked longest ago: their strain is open, or
        they are not older than `young`."""
        w, a = t.written.c, t.answer.c
        joined = and_(a.base == w.base, a.type == w.type, a.key == w.key)
        fields = (w.type, w.key, w.patient, w.practitioner, w.resource_id, a.looked)
        query = select(*fields).select_from(t.written.outerjoin(t.answer, joined))
        query = query.where(w.base == self.base, w.type.in_(types), w.resource_id != "")
        query = query.where(w.standing.in_(("written", "foreign")), or_(w.state == "open", w.created >= stamp(young)))
        with self.engine.connect() as c:
            rows = c.execute(query.order_by(a.looked.is_not(None), a.looked, w.key))
            return [Asked(*row[:5], row[5] or "") for row in rows]

    def asked(self, type: str, ids: Collection[str]) -> dict[str, Asked]:
        """Resource id → alert of ours, for those ids that are."""
        w = t.written.c
        fields = (w.type, w.key, w.patient, w.practitioner, w.resource_id)
        ordered = sorted(ids)
        found: dict[str, Asked] = {}
        with self.engine.connect() as c:
            for start in range(0, len(ordered), 500):
                some = ordered[start : start + 500]
                mine = (w.base == self.base, w.type == type, w.resource_id.in_(some), w.standing != "retracted")
                found |= {row.resource_id: Asked(*row, "") for row in c.execute(select(*fields).where(*mine))}
        return found

    def types(self, among: Collection[str]) -> set[str]:
        """Which of these types we ever wrote."""
        w = t.written.c
        query = select(w.type).where(w.base == self.base, w.type.in_(among)).distinct()
        with self.engine.connect() as c:
            return set(c.execute(query).scalars())


def _answer(row: Mapping[Any, Any]) -> Answer:
    return Answer(Said(row["said"]), unstamp(row["until"]) if row["until"] else None)
