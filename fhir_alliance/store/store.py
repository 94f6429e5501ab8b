"""The store of one endpoint: patients, assessments, checkpoints and the quarantine.

Writes of one patient's reading go into one transaction (`record`): after a crash the store knows
either all of it or nothing. The ledger is in `ledger.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Engine, Select, delete, func, insert, or_, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from ..answers import SILENCING
from ..model import Assessment, Reading, Score
from ..rows import Row
from . import quarantine
from . import tables as t
from .quarantine import SetAside
from .read_rows import keep_rows, read_rows
from .times import stamp, unstamp

__all__ = [
    "SetAside",
    "Store",
    "last_complete",
    "last_runs",
    "meta_value",
    "record_run",
    "set_meta",
    "stamp",
    "unstamp",
]

MERGED = "merged:"
"""Checkpoints that say into whom a patient was merged."""
LEFT = "left:"
"""Checkpoints that say who has scores here and is not in the cohort any more."""

_IS_DUE = or_(t.patient.c.due, func.coalesce(t.patient.c.nudged >= t.patient.c.completed, False))
"""Left unfinished, or nudged since the pass began that read it last."""


class Store:
    """Local state under one base URL."""

    def __init__(self, engine: Engine, base: str):
        self.engine = engine
        self.base = base

    # -- checkpoints and patients

    def checkpoint(self, name: str) -> str | None:
        """The value kept under a name, or None."""
        with self.engine.connect() as c:
            query = select(t.checkpoint.c.value).where(t.checkpoint.c.base == self.base, t.checkpoint.c.name == name)
            return c.execute(query).scalar()

    def set_checkpoints(self, values: Mapping[str, str]) -> None:
        """Keep several values at once."""
        if not values:
            return
        with self.engine.begin() as c:
            for name, value in values.items():
                row = upsert(t.checkpoint).values(base=self.base, name=name, value=value)
                c.execute(row.on_conflict_do_update(index_elements=["base", "name"], set_={"value": value}))

    def forget_checkpoints(self, names: Collection[str]) -> None:
        """Forget these values."""
        with self.engine.begin() as c:
            mine = (t.checkpoint.c.base == self.base, t.checkpoint.c.name.in_(names))
            c.execute(delete(t.checkpoint).where(*mine))

    def merge(self, patient: str, survivor: str) -> None:
        """The EHR merged a patient into another."""
        self.set_checkpoints({f"{MERGED}{patient}": survivor})

    def merged(self) -> dict[str, str]:
        """Patients that were merged → into whom."""
        name = t.checkpoint.c.name
        with self.engine.connect() as c:
            query = select(name, t.checkpoint.c.value).where(t.checkpoint.c.base == self.base, name.startswith(MERGED))
            return {found.removeprefix(MERGED): survivor for found, survivor in c.execute(query)}

    def keep_roster(self, roster: Collection[str]) -> None:
        """This is the cohort now. Whoever was scored and is not in it has left."""
        name = t.checkpoint.c.name
        with self.engine.begin() as c:
            scored = select(t.assessment.c.patient).where(t.assessment.c.base == self.base).distinct()
            gone = set(c.execute(scored).scalars()) - set(roster)
            c.execute(delete(t.checkpoint).where(t.checkpoint.c.base == self.base, name.startswith(LEFT)))
            rows = [{"base": self.base, "name": f"{LEFT}{p}", "value": ""} for p in sorted(gone)]
            if rows:
                c.execute(insert(t.checkpoint), rows)

    def left(self) -> set[str]:
        """Patients with scores here who were not in the cohort of the newest pass."""
        name = t.checkpoint.c.name
        with self.engine.connect() as c:
            query = select(name).where(t.checkpoint.c.base == self.base, name.startswith(LEFT))
            return {found.removeprefix(LEFT) for found in c.execute(query).scalars()}

    def forget_patients(self, patients: Collection[str]) -> int:
        """Delete everything that is kept about these, merges included; how many rows that were."""
        name = t.checkpoint.c.name
        with self.engine.begin() as c:
            left = name.in_([f"{LEFT}{patient}" for patient in patients])
            c.execute(delete(t.checkpoint).where(t.checkpoint.c.base == self.base, left))
            about = (t.assessment, t.written, t.ledger, t.quarantine, t.answer, t.waiting, t.missed, t.read_row)
            tables = ((t.patient, t.patient.c.id), *((table, table.c.patient) for table in about))
            rows = [(table, column.in_(patients)) for table, column in tables]
            merges = name.in_([f"{MERGED}{patient}" for patient in patients])
            return sum(
                c.execute(delete(table).where(table.c.base == self.base, these)).rowcount
                for table, these in (*rows, (t.checkpoint, merges))
            )

    def known_patients(self) -> dict[str, bool]:
        """Every patient ever read completely → is it due again?"""
        with self.engine.connect() as c:
            query = select(t.patient.c.id, _IS_DUE).where(t.patient.c.base == self.base, t.patient.c.completed != "")
            return {id: bool(due) for id, due in c.execute(query)}

    def seen_since(self, when: datetime) -> set[str]:
        """Patients with a scored session at or after this."""
        a = t.assessment.c
        with self.engine.connect() as c:
            query = select(a.patient).distinct().where(a.base == self.base, a.at >= stamp(when))
            return set(c.execute(query).scalars())

    def last_read(self) -> dict[str, datetime]:
        """Patients who were read completely → when that was last."""
        with self.engine.connect() as c:
            query = select(t.patient.c.id, t.patient.c.completed)
            found = c.execute(query.where(t.patient.c.base == self.base, t.patient.c.completed != ""))
            return {id: unstamp(completed) for id, completed in found}

    def due_count(self) -> int:
        """How many patients the next pass reads whatever else happens."""
        with self.engine.connect() as c:
            query = select(func.count()).select_from(t.patient).where(t.patient.c.base == self.base, _IS_DUE)
            return c.execute(query).scalar_one()

    def mark_due(self, patients: Iterable[str]) -> None:
        """Read these again at the next pass."""
        rows = [{"base": self.base, "id": p, "due": True} for p in sorted(set(patients))]
        if not rows:
            return
        with self.engine.begin() as c:
            statement = upsert(t.patient).on_conflict_do_update(index_elements=["base", "id"], set_={"due": True})
            c.execute(statement, rows)

    def nudge(self, patients: Collection[str], now: datetime) -> int:
        """The EHR told us about these: due, as far as they were ever read here. Nobody is added. How many they are.

        Kept beside `due`, as a time: a pass that is reading the patient right now must not clear it.
        """
        mine = (t.patient.c.base == self.base, t.patient.c.id.in_(patients))
        with self.engine.begin() as c:
            return c.execute(update(t.patient).where(*mine).values(nudged=stamp(now))).rowcount

    def completed(self, patient: str, now: datetime) -> None:
        """Checkpoint of one patient: everything read, every action settled. `now`: from before the reading."""
        with self.engine.begin() as c:
            row = {"base": self.base, "id": patient, "completed": stamp(now), "due": False}
            c.execute(upsert(t.patient).values(row).on_conflict_do_update(index_elements=["base", "id"], set_=row))

    def read_rows(self) -> dict[tuple[str, str], str]:
        """(type, id) of a resource that the next search for changes may bring again → the version that was read."""
        return read_rows(self.engine, self.base)

    def keep_rows(self, rows: Iterable[Row], since: Mapping[str, datetime]) -> None:
        """Remember what was read; `since`: type → where the next search for changes begins."""
        keep_rows(self.engine, self.base, rows, since)

    # -- one patient's reading

    def record(
        self,
        patient: str,
        kept: Iterable[Assessment],
        aside: Iterable[Reading],
        vanished: Collection[str],
        now: datetime,
    ) -> int:
        """Replace what is known of a patient. Returns how many lines of its quarantine are new or changed.

        vanished  responses that the EHR no longer has; their stored assessments are kept, marked
        """
        with self.engine.begin() as c:
            mine = (t.assessment.c.base == self.base, t.assessment.c.patient == patient)
            c.execute(delete(t.assessment).where(*mine, t.assessment.c.response.not_in(vanished)))
            if vanished:
                c.execute(update(t.assessment).where(*mine).values(vanished=True))
            rows = [self._row(a) for a in kept if a.response not in vanished]
            if rows:
                ids = [r["response"] for r in rows]
                c.execute(
                    delete(t.assessment).where(t.assessment.c.base == self.base, t.assessment.c.response.in_(ids))
                )
                c.execute(insert(t.assessment), rows)
            return quarantine.keep(c, self.base, patient, aside, now)

    def _row(self, a: Assessment) -> dict[str, Any]:
        return {
            "base": self.base,
            "response": a.response,
            "patient": a.patient,
            "practitioner": a.practitioner,
            "instrument": a.instrument,
            "version": a.version,
            "key": a.key,
            "rater": a.rater,
            "at": stamp(a.at),
            "authored_at": stamp(a.authored_at),
            "effective": a.effective,
            "encounter": a.encounter,
            "link": a.link,
            "amended": a.amended,
            "scores": msgspec.json.encode(a.scores).decode(),
            "labels": msgspec.json.encode(a.labels).decode(),
            "content": a.content,
            "updated": stamp(a.updated) if a.updated else None,
            "vanished": False,
        }

    # -- reading back

    def assessments(self, patient: str | None = None, *, vanished: bool | None = None) -> list[Assessment]:
        """What is known, of one patient or of all; `vanished` True or False narrows it."""
        query = select(t.assessment).where(t.assessment.c.base == self.base)
        if patient is not None:
            query = query.where(t.assessment.c.patient == patient)
        if vanished is not None:
            query = query.where(t.assessment.c.vanished == vanished)
        with self.engine.connect() as c:
            return [_assessment(dict(row)) for row in c.execute(query.order_by(t.assessment.c.patient)).mappings()]

    def patients_of(self, responses: Collection[str]) -> dict[str, str]:
        """Response id → the patient under whom it is stored."""
        query = select(t.assessment.c.response, t.assessment.c.patient).where(t.assessment.c.base == self.base)
        with self.engine.connect() as c:
            return {r: p for r, p in c.execute(query) if r in responses} if responses else {}

    def whose(self, references: Collection[str]) -> set[str]:
        """Patients of these, as far as they are known: "QuestionnaireResponse/id" or "Encounter/id"."""
        a = t.assessment.c
        responses = [r.partition("/")[2] for r in references if r.startswith("QuestionnaireResponse/")]
        mine = or_(a.response.in_(responses), a.encounter.in_(references))
        with self.engine.connect() as c:
            return set(c.execute(select(a.patient).distinct().where(a.base == self.base, mine)).scalars())

    def flagged(self, flag: str) -> list[Assessment]:
        """Assessments of which some score carries a flag, oldest session first."""
        a = t.assessment.c
        query = select(t.assessment).where(a.base == self.base, a.scores.contains(f'"{flag}"')).order_by(a.at)
        with self.engine.connect() as c:
            return [_assessment(dict(row)) for row in c.execute(query).mappings()]

    def instruments(self) -> set[str]:
        """Ids of the instruments that there are assessments of."""
        a = t.assessment.c
        with self.engine.connect() as c:
            return set(c.execute(select(a.instrument).where(a.base == self.base).distinct()).scalars())

    def dyads_with_baseline(self, of: Collection[str] | None = None, at_least: int = 3) -> int:
        """Dyads with so many client-rated scores in one series (`of` these instruments) that a personal baseline
        exists."""
        a = t.assessment.c
        counted = [a.base == self.base, a.rater == "client"]
        series = (
            select(a.patient, a.practitioner)
            .where(*counted, *([] if of is None else [a.instrument.in_(of)]))
            .group_by(a.patient, a.practitioner, a.instrument, a.key)
            .having(func.count() >= at_least)
            .subquery()
        )
        dyads = select(series.c.patient, series.c.practitioner).distinct().subquery()
        with self.engine.connect() as c:
            return c.execute(select(func.count()).select_from(dyads)).scalar_one()

    def silent_since(self, before: datetime) -> list[str]:
        """Patients with an open alert whose last score is older than this: their strain may have expired."""
        last = (
            select(t.assessment.c.patient, func.max(t.assessment.c.at).label("last"))
            .where(t.assessment.c.base == self.base)
            .group_by(t.assessment.c.patient)
            .subquery()
        )
        query = (
            select(t.written.c.patient)
            .distinct()
            .join(last, last.c.patient == t.written.c.patient)
            .where(t.written.c.base == self.base, t.written.c.state == "open", t.written.c.standing == "written")
            .where(last.c.last < stamp(before))
            .where(t.written.c.key.not_in(_silenced(self.base)))
        )
        with self.engine.connect() as c:
            return list(c.execute(query).scalars())

    def keep_unnamed(self, aside: Iterable[Reading], now: datetime, *, all_of_them: bool) -> int:
        """Set aside under no patient. `all_of_them`: there are no others. How many are new or changed."""
        with self.engine.begin() as c:
            return quarantine.keep_unnamed(c, self.base, aside, now, all_of_them=all_of_them)

    def set_aside_count(self) -> int:
        """How many lines the quarantine has."""
        with self.engine.connect() as c:
            query = select(func.count()).select_from(t.quarantine).where(t.quarantine.c.base == self.base)
            return c.execute(query).scalar_one()

    def quarantine(self) -> list[SetAside]:
        """Everything that is set aside, oldest first."""
        return quarantine.lines(self.engine, self.base)

    def tell_again(self, patients: Collection[str]) -> None:
        """`retry`: what stays set aside for these patients counts as new; lines of anybody else are dropped."""
        quarantine.tell_again(self.engine, self.base, patients)


def _silenced(base: str) -> Select[tuple[str]]:
    """Keys of alerts about which nothing more is told."""
    a = t.answer.c
    return select(a.key).where(a.base == base, or_(a.said.in_(SILENCING), a.until.is_not(None)))


def _assessment(row: Mapping[str, Any]) -> Assessment:
    return Assessment(
        response=row["response"],
        patient=row["patient"],
        practitioner=row["practitioner"],
        instrument=row["instrument"],
        version=row["version"],
        key=row["key"],
        rater=row["rater"],
        at=unstamp(row["at"]),
        authored_at=unstamp(row["authored_at"]),
        effective=row["effective"],
        encounter=row["encounter"],
        link=row["link"],
        amended=row["amended"],
        scores=tuple(msgspec.json.decode(row["scores"], type=list[Score])),
        labels=tuple(msgspec.json.decode(row["labels"], type=list[str])),
        content=row["content"],
        updated=unstamp(row["updated"]) if row["updated"] else None,
    )


def record_run(engine: Engine, id: str, **values: object) -> None:
    """Start or end a run's row."""
    with engine.begin() as c:
        row = upsert(t.run).values(id=id, **values)
        c.execute(row.on_conflict_do_update(index_elements=["id"], set_=values))


def last_runs(engine: Engine, limit: int = 10) -> Sequence[Mapping[str, Any]]:
    """Newest first."""
    with engine.connect() as c:
        newest = select(t.run).order_by(t.run.c.started.desc()).limit(limit)
        return [dict(row) for row in c.execute(newest).mappings()]


def last_complete(engine: Engine) -> datetime | None:
    """When the newest complete pass ended."""
    with engine.connect() as c:
        found = c.execute(select(func.max(t.run.c.finished)).where(t.run.c.complete)).scalar()
        return unstamp(found) if found else None


def meta_value(engine: Engine, name: str) -> str | None:
    """A value about the whole store."""
    with engine.connect() as c:
        return c.execute(select(t.meta.c.value).where(t.meta.c.name == name)).scalar()


def set_meta(engine: Engine, values: Mapping[str, str]) -> None:
    """Keep values about the whole store."""
    with engine.begin() as c:
        for name, value in values.items():
            row = upsert(t.meta).values(name=name, value=value)
            c.execute(row.on_conflict_do_update(index_elements=["name"], set_={"value": value}))
