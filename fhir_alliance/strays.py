"""Responses that a search by patient gave and that name no patient of this server: nobody's, each told once.

Where a server ignores what it is asked for, every patient's search gives them again.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from .model import Outcome, Reading
from .report import RunReport
from .store.store import Store

ELSEWHERE = "subject-elsewhere"


class Strays:
    """Those of one pass. Safe to fill from several threads.

    unnamed    whose patient cannot be told, by id, or by content where there is none
    elsewhere  ids of those about a patient of another server
    """

    def __init__(self) -> None:
        self.unnamed: dict[str, Reading] = {}
        self.elsewhere: set[str] = set()

    def add(self, readings: Iterable[Reading]) -> None:
        """These came up, perhaps not for the first time."""
        for reading in readings:
            id = reading.id or reading.content
            if reading.patient is None:
                self.unnamed[id] = reading
            else:
                self.elsewhere.add(id)

    def settle(self, report: RunReport, store: Store, now: datetime, *, everybody: bool) -> None:
        """Count them, and set aside under no patient what may be ours.

        everybody  all patients were read: what did not come up is gone
        """
        for reading in self.unnamed.values():
            report.outcomes[str(reading.outcome)] += 1
            report.reasons[reading.code or "?"] += 1
        aside = [r for r in self.unnamed.values() if r.outcome is Outcome.SET_ASIDE]
        report.quarantine_new += store.keep_unnamed(aside, now, all_of_them=everybody)
        if self.elsewhere:
            report.reasons[ELSEWHERE] += len(self.elsewhere)
            report.say(
                f"{len(self.elsewhere)} responses are about patients of another server and were left out; "
                "if that is this one by another name, set endpoint.NAME.aliases"
            )
