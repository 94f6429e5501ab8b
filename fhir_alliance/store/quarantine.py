"""The quarantine: responses that are ours and cannot be scored safely, each with its reason.

A line stays until the response changes in the EHR or is scored. It holds references, a reason and a content
hash, never an answer.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, delete, or_, select, true, update
from sqlalchemy.dialects.sqlite import insert as upsert

from ..model import Reading
from . import tables as t
from .times import stamp, unstamp

_KEYS = ("base", "source", "scale")


@dataclass(frozen=True, slots=True)
class SetAside:
    """One line of the quarantine: a response, or one scale of it.

    patient     whose it is; None when that cannot be told
    first_seen  when it was first set aside as it stands: the same content, for the same reason
    attempts    passes that have tried it since then
    """

    base: str
    source: str
    scale: str
    patient: str | None
    code: str
    reason: str
    content: str
    first_seen: datetime
    last_seen: datetime
    attempts: int

    @property
    def key(self) -> str:
        """Names this line for as long as it is there."""
        return hashlib.sha256(f"{self.base} {self.source} {self.scale}".encode()).hexdigest()[:12]

    @property
    def word(self) -> str:
        """The machine word of the reason, like "out-of-range"."""
        found = re.search(r"\(([a-z][a-z0-9-]*)\)$", self.reason)
        return found[1] if found else self.code


def keep(c: Connection, base: str, patient: str, aside: Iterable[Reading], now: datetime) -> int:
    """Replace a patient's lines by these. Returns how many are to be told as new."""
    q, lines = t.quarantine.c, list(_lines(aside, patient))
    old = _before(c, base, lines, q.patient == patient)
    c.execute(delete(t.quarantine).where(q.base == base, q.patient == patient))
    return _put(c, base, lines, old, now)


def keep_unnamed(c: Connection, base: str, aside: Iterable[Reading], now: datetime, *, all_of_them: bool) -> int:
    """Put these under no patient. Others stay there until they are scored, or all are given. How many are new."""
    q, lines = t.quarantine.c, list(_lines(aside, None))
    old = _before(c, base, lines, q.patient.is_(None))
    a = t.assessment.c
    scored = select("QuestionnaireResponse/" + a.response).where(a.base == base)
    gone = true() if all_of_them else q.source.in_(scored)
    c.execute(delete(t.quarantine).where(q.base == base, q.patient.is_(None), gone))
    return _put(c, base, lines, old, now)


def _before(
    c: Connection, base: str, lines: Collection[dict[str, Any]], mine: ColumnElement[bool]
) -> dict[tuple[str, str], Any]:
    """What was there: a response may have come up under another patient, or under none."""
    q = t.quarantine.c
    theirs = (q.base == base, or_(mine, q.source.in_([line["source"] for line in lines])))
    return {(r.source, r.scale): r for r in c.execute(select(t.quarantine).where(*theirs))}


def _put(
    c: Connection, base: str, lines: Iterable[dict[str, Any]], old: Mapping[tuple[str, str], Any], now: datetime
) -> int:
    fresh = 0
    for line in lines:
        before = old.get((line["source"], line["scale"]))
        if before is not None and (before.content, before.code) != (line["content"], line["code"]):
            before = None
        fresh += before is None or not before.told
        row = {"base": base, **line, "last_seen": stamp(now), "told": True}
        row["first_seen"] = before.first_seen if before is not None else stamp(now)
        row["attempts"] = before.attempts + 1 if before is not None else 1
        c.execute(upsert(t.quarantine).values(row).on_conflict_do_update(index_elements=_KEYS, set_=row))
    return fresh


def _lines(aside: Iterable[Reading], patient: str | None) -> Iterable[dict[str, Any]]:
    for r in aside:
        source = f"QuestionnaireResponse/{r.id}" if r.id else f"QuestionnaireResponse without id ({r.content[:12]})"
        common = {"source": source, "patient": patient, "content": r.content}
        if r.reason is not None:
            yield common | {"scale": "", "code": r.code or "", "reason": r.reason}
        for u in r.unscored if r.reason is None else ():
            yield common | {"scale": u.scale, "code": "unscorable-scale", "reason": u.reason}


def lines(engine: Engine, base: str) -> list[SetAside]:
    """Everything that is set aside, oldest first."""
    q = t.quarantine.c
    query = select(t.quarantine).where(q.base == base).order_by(q.first_seen, q.source, q.scale)
    with engine.connect() as c:
        return [
            SetAside(
                base=r.base,
                source=r.source,
                scale=r.scale,
                patient=r.patient,
                code=r.code,
                reason=r.reason,
                content=r.content,
                first_seen=unstamp(r.first_seen),
                last_seen=unstamp(r.last_seen),
                attempts=r.attempts,
            )
            for r in c.execute(query)
        ]


def tell_again(engine: Engine, base: str, patients: Collection[str]) -> None:
    """Whatever is still set aside after the next try counts as new; lines of anybody else are dropped."""
    q, wanted = t.quarantine.c, set(patients)
    with engine.begin() as c:
        c.execute(update(t.quarantine).where(q.base == base).values(told=False))
        known = select(q.patient).where(q.base == base, q.patient.is_not(None))
        for patient in set(c.execute(known).scalars()) - wanted:
            c.execute(delete(t.quarantine).where(q.base == base, q.patient == patient))
