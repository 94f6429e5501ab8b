"""Hearing what clinicians answered, before anything is planned (`decisions.md` 2.6).

Where the EHR declares it, one search for each type asks for those alerts of ours that changed since the last pass.
Elsewhere alerts are read by id: those of the patients who are read anyway, and a few others in turn, so that the
requests of a pass do not grow with the cohort. Whatever was overheard is seen when an alert is to be changed: it is
read before that, and one that a clinician has silenced is left alone (`Applier.quiet`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Any

from .answers import MEANING, Answer, Said, word
from .changes import from_then
from .config import Read
from .errors import EHRError, Forbidden, Incomplete, NotFound, Refused
from .fhir.answered import answer_in
from .fhir.capability import Capability
from .fhir.content import object_of
from .fhir.http import FhirClient
from .fhir.search import search
from .fhir.times import instant
from .lookup import is_ours
from .plan import Known
from .reading import last_updated, newer
from .report import RunReport
from .store.answers import Answers, Asked
from .store.store import Store, unstamp

IN_TURN = 25
"""Alerts that are read by id in one pass beside those of the patients who are due."""
YOUNG = timedelta(days=90)
"""How long an alert is looked at after its strain has ended."""

Json = dict[str, Any]


@dataclass(slots=True)
class Listening:
    """One endpoint's alerts, in one pass.

    roster           nobody else's alerts are read
    close_on_repair  Flags of recovered strains were ended by us, not by a person
    concerned        patients whose plan an answer has changed
    newest           type → newest meta.lastUpdated seen, where a search may go on from there
    why              how each type was asked about, for the operator
    """

    client: FhirClient
    store: Store
    answers: Answers
    report: RunReport
    read: Read
    zone: tzinfo
    system: str
    now: datetime
    server_now: datetime
    roster: frozenset[str]
    close_on_repair: bool = False
    concerned: set[str] = field(default_factory=set)
    newest: dict[str, datetime] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)

    def listen(self, capability: Capability, due: Collection[str], *, everything: bool, only: bool = False) -> None:
        """Hear every type that is answered.

        everything  do not trust a search for changes in this pass
        only        about nobody but those who are due
        """
        for type in sorted(self.answers.types(MEANING)):
            since = self.store.checkpoint(f"watermark:{type}")
            # Not declared is not known: what the search finds will tell.
            searched = all(capability.search_param(type, name) is not False for name in ("identifier", "_lastUpdated"))
            if searched and since and not (everything or only) and self._changed(type, unstamp(since)):
                self.why[type] = "one search"
                continue
            alerts = [a for a in self.answers.answerable([type], self.now - YOUNG) if self._may_read(a)]
            if not only and (everything or (searched and not since)):
                self._one_by_one(type, alerts, mark=True)
                self.why[type] = "each of them"
                continue
            theirs = [alert for alert in alerts if alert.patient in due]
            others = [alert for alert in alerts if alert.patient not in due]
            self._one_by_one(type, theirs + ([] if only else others[:IN_TURN]), mark=False)
            self.why[type] = "those of who is read" if only else "those of who is read, and some in turn"

    def quiet(self, alert: Known, body: Json, noting: bool) -> bool:
        """Must what stands there be left alone? Looked at right before a change of it.

        noting  the change notes another strain on it: nobody reads that on an alert that a person has ended
        """
        self._hear(alert, body)
        answer = self.answers.of(alert.patient).get(alert.key, Answer())
        return answer.quiet(self.now) or (noting and answer.ends)

    def _may_read(self, alert: Asked) -> bool:
        """Of the roster, or about no patient: a digest."""
        return not alert.patient or alert.patient in self.roster

    def _changed(self, type: str, since: datetime) -> bool:
        """Ask for what changed. False: the search cannot be relied on."""
        found: dict[str, tuple[Json, bytes]] = {}

        def take(raw: bytes) -> None:
            body = object_of(raw)
            if body and isinstance(body.get("id"), str) and is_ours(body, self.system, None, "", self.client.bases):
                found[body["id"]] = body, raw

        params = [
            ("identifier", f"{self.system}|"),
            ("_lastUpdated", from_then(since - self.read.overlap, self.read)),
            ("_elements", "id,meta,identifier,status,businessStatus,restriction,code,period"),
        ]
        try:
            search(self.client, type, params, take=take, page_size=self.read.page_size, page_cap=self.read.page_cap)
        except (Refused, Forbidden, NotFound, Incomplete):
            return False
        except EHRError as error:
            self.report.say(f"answers to alerts were not read: {error}")
            return True
        # The newest that was seen before must be among them: an empty answer is no search for changes.
        mine = self.answers.asked(type, found)
        for id, alert in mine.items():
            body, raw = found[id]
            if self._may_read(alert):
                self._hear(alert, body)
            newer(self.newest, type, last_updated(raw), self.server_now)
        return bool(mine)

    def _one_by_one(self, type: str, alerts: Collection[Asked], *, mark: bool) -> None:
        """Read by id. `mark`: all of them are read, so a search for changes may go on from the newest."""
        stamps: dict[str, datetime] = {}
        for alert in alerts:
            try:
                body = self.client.read(f"{type}/{alert.resource_id}").body
            except (NotFound, Refused):
                continue  # deleted by the site: seen, and told, when it is to be changed
            except EHRError as error:
                self.report.say(f"answers to alerts were not read: {error}")
                return
            self._hear(alert, body)
            newer(stamps, type, _stamp(body), self.server_now)
        if mark:
            self.newest |= stamps

    def _hear(self, alert: Asked | Known, body: Json) -> None:
        before = self.answers.of(alert.patient).get(alert.key, Answer())
        if not self.answers.hear(alert, self._said(alert, body), self.now):
            return
        after = self.answers.of(alert.patient).get(alert.key, Answer())
        self.report.answers[word(after, self.now)] += 1
        if alert.patient and (before.quiet(self.now), before.ends) != (after.quiet(self.now), after.ends):
            self.concerned.add(alert.patient)

    def _said(self, alert: Asked | Known, body: Json) -> Answer | None:
        """A person's answer; None where the status is our own doing."""
        answer = answer_in(body, self.zone, self.now)
        if alert.type != "Flag" or answer is None:
            return answer
        ended = self.close_on_repair and answer.said is Said.COMPLETED
        withdrawn = isinstance(alert, Known) and alert.standing == "retracted"
        return None if ended or withdrawn else answer


def _stamp(body: Mapping[str, Any]) -> datetime | None:
    meta = body.get("meta")
    return instant(meta.get("lastUpdated")) if isinstance(meta, Mapping) else None
