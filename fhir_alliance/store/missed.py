"""Sessions that clients missed, as they were last read: so that what is shown is what was decided."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from sqlalchemy import Engine, delete, insert, select

from ..corroboration import Missed
from . import tables as t
from .times import stamp, unstamp


def missed_by(engine: Engine, base: str, patient: str | None = None) -> list[Missed]:
    """Missed sessions of one patient, or of all."""
    m = t.missed.c
    query = select(t.missed).where(m.base == base).order_by(m.at)
    query = query if patient is None else query.where(m.patient == patient)
    with engine.connect() as c:
        rows = c.execute(query).all()
    return [Missed(unstamp(r.at), r.appointment, r.patient, r.practitioner, _how(r.how)) for r in rows]


def _how(text: str) -> Literal["noshow", "cancelled"]:
    return "noshow" if text == "noshow" else "cancelled"


def keep_missed(engine: Engine, base: str, patient: str, missed: Iterable[Missed]) -> None:
    """Replace what is known of a patient."""
    rows = [
        {"base": base, "appointment": m.appointment, "practitioner": m.practitioner, "patient": patient}
        | {"at": stamp(m.at), "how": m.how}
        for m in missed
    ]
    with engine.begin() as c:
        c.execute(delete(t.missed).where(t.missed.c.base == base, t.missed.c.patient == patient))
        if rows:
            c.execute(insert(t.missed), rows)
