"""What becomes of a nudge, and how fresh the store is: all that the outside can make of a running `serve`.

A notification can be forged, repeated or lost (`fhir.md` 1.8), so it decides nothing. It can have somebody read
again who is known anyway, and it can bring the next pass forward; the schedule remains the truth. Nothing of it is
kept or logged but how many patients it named.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from .config import Endpoint, Settings
from .errors import AllianceError
from .fhir.references import local, parse
from .store.database import open_engine
from .store.store import Store, last_complete

STORE_TROUBLE = (AllianceError, SQLAlchemyError, OSError)
"""What `nudge` and `freshness` raise when the store cannot be used just now."""

_ABOUT = ("QuestionnaireResponse", "Encounter")


@dataclass(frozen=True, slots=True)
class Nudged:
    """How many patients were named, and how many of them are due now; `soon`: a pass should come."""

    named: int
    due: int
    soon: bool


@dataclass(frozen=True, slots=True)
class Freshness:
    """When the last complete pass ended, and how old that is. None: there was none yet."""

    last: datetime | None
    age: timedelta | None


def nudge(settings: Settings, references: Collection[str], now: datetime) -> Nudged:
    """Mark the patients due that are named, as far as they were read before.

    A pass comes sooner when that holds for any of them, and when nobody is named: then only the EHR can tell.
    Patients that are not known here change nothing at all.
    """
    patients = {r for r in references if (found := parse(r)) and found.type == "Patient"}
    if not settings.store_path.is_file():
        return Nudged(len(patients), 0, not patients)
    engine = open_engine(settings.store_path)
    try:
        due = sum(_mark(Store(engine, e.base_url), e, references, now) for e in settings.endpoint.values())
    finally:
        engine.dispose()
    return Nudged(len(patients), due, due > 0 or not patients)


def _mark(store: Store, endpoint: Endpoint, references: Collection[str], now: datetime) -> int:
    bases = (endpoint.base_url, *endpoint.aliases)
    named = {who for r in references if (who := local(r, "Patient", bases))}
    about = {what for r in references for type in _ABOUT if (what := local(r, type, bases))}
    return store.nudge(named | store.whose(about), now)


def freshness(settings: Settings, now: datetime) -> Freshness:
    """Of the whole store."""
    if not settings.store_path.is_file():
        return Freshness(None, None)
    engine = open_engine(settings.store_path)
    try:
        last = last_complete(engine)
    finally:
        engine.dispose()
    return Freshness(last, now - last if last else None)
