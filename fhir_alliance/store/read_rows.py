"""Which rows of the last overlap were read, and in which version (`rows.py`): ids and times, until they are older."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Engine, delete, select
from sqlalchemy.dialects.sqlite import insert as upsert

from ..rows import Row
from . import tables as t
from .times import stamp


def read_rows(engine: Engine, base: str) -> dict[tuple[str, str], str]:
    """(type, id) → the version that was read."""
    r = t.read_row.c
    with engine.connect() as c:
        query = select(r.type, r.id, r.version).where(r.base == base)
        return {(type, id): version for type, id, version in c.execute(query)}


def keep_rows(engine: Engine, base: str, rows: Iterable[Row], since: Mapping[str, datetime]) -> None:
    """Remember these; forget what is older.

    since  type → where the next search begins. What is older never comes again, nor does another type.
    """
    r = t.read_row.c
    kept = [one for one in rows if one.type in since and one.at >= since[one.type]]
    with engine.begin() as c:
        for type, begin in since.items():
            c.execute(delete(t.read_row).where(r.base == base, r.type == type, r.at < stamp(begin)))
        if kept:
            values = [{"base": base, **one._asdict(), "at": stamp(one.at)} for one in kept]
            new = upsert(t.read_row)
            same = {name: getattr(new.excluded, name) for name in ("patient", "at", "version")}
            c.execute(new.on_conflict_do_update(index_elements=["base", "type", "id"], set_=same), values)
