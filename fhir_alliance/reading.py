"""Reading one patient: responses first, then encounters, then what these refer to.

Every result is re-checked here (rule R7): a server may ignore a search parameter and answer with
another patient's data. What is absent from a search although we know it is read by id before it is
believed gone: an index may lag.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec

from .config import Settings
from .errors import Forbidden, Incomplete, NotFound, Refused
from .fhir.content import object_of
from .fhir.http import FhirClient
from .fhir.inbound import Rules, decode_response, read_response, read_session
from .fhir.questionnaire import term
from .fhir.references import local
from .fhir.search import search
from .lookup import merged_into
from .model import Outcome, Reading, Session
from .placing import Surroundings
from .rows import ReadRows, Row, row
from .strays import Strays


@dataclass(frozen=True, slots=True)
class PatientRecord:
    """Everything that was read of one patient.

    readings  responses, other patients' left out
    vanished  ids of known responses that the EHR no longer has (404 or 410 on read)
    moved     ids of known responses that are another patient's now
    foreign   how many results the server should not have returned
    survivor  "Patient/id" that this patient was merged into, if it was
    newest    type → newest meta.lastUpdated seen
    counts    type → resources read
    compared  were the totals that others state to be had?
    """

    patient: str
    readings: tuple[Reading, ...]
    around: Surroundings
    vanished: frozenset[str]
    moved: frozenset[str]
    foreign: int
    newest: Mapping[str, datetime]
    counts: Mapping[str, int]
    compared: bool = True
    survivor: str | None = None


class _Meta(msgspec.Struct):
    lastUpdated: datetime | None = None  # noqa: N815  FHIR's name


class _Stamped(msgspec.Struct):
    meta: _Meta | None = None


def last_updated(raw: bytes) -> datetime | None:
    """meta.lastUpdated of a resource, None when absent or unreadable."""
    try:
        meta = msgspec.json.decode(raw, type=_Stamped).meta
    except msgspec.DecodeError:
        return None
    stamp = meta.lastUpdated if meta else None
    return stamp if stamp is not None and stamp.tzinfo is not None else None


def newer(newest: dict[str, datetime], type: str, seen: datetime | None, server_now: datetime) -> None:
    """Keep the newest stamp of a type. Stamps after the server's own clock are typos and do not count (D-5)."""
    if seen is not None and seen <= server_now:
        newest[type] = max(newest.get(type, seen), seen)


Compare = Callable[[str, list[Reading]], tuple[list[Reading], int | None]]
"""Puts a patient's readings beside the totals that others state. Also: how many Observations it read for that; None
where these cannot be had."""


class PatientReader:
    """Reads patients of one endpoint. Safe to use from several threads."""

    def __init__(
        self,
        client: FhirClient,
        settings: Settings,
        rules: Rules,
        server_now: datetime,
        compare: Compare = lambda _, readings: (readings, 0),
        rows: ReadRows | None = None,
    ):
        self._compare = compare
        self.client = client
        self.server_now = server_now
        self.settings = settings
        self.rules = rules
        self.rows = rows or ReadRows(settings.read, server_now)
        self.strays = Strays()
        self._roles: dict[str, str | None] = {}
        self._resolved: dict[str, dict[str, Any] | None] = {}

    def read(self, patient: str, known: Mapping[str, datetime | None]) -> PatientRecord:
        """All of a patient. `known`: response ids that we hold under this patient → their meta.lastUpdated."""
        newest: dict[str, datetime] = {}
        survivor = None
        try:
            readings, foreign = self._responses(patient, newest, known)
        except (NotFound, Refused):
            # Gone under its old id? What was known is then looked for one by one.
            if not known or (survivor := merged_into(self.client, patient)) is None:
                raise
            readings, foreign = [], 0
        readings = [self._fresh(r, known.get(r.id or "")) for r in readings]
        vanished: set[str] = set()
        moved: set[str] = set()
        for response in sorted(known.keys() - {r.id for r in readings}):
            readings += self._absent(response, patient, vanished, moved)
        readings, observations = self._compare(patient, readings)
        sessions = {} if survivor else self._sessions(patient, newest)
        if moved or vanished:
            survivor = survivor or merged_into(self.client, patient)
        others = self._complete_sessions(patient, readings, sessions)
        roles = {role: self.role(role) for s in sessions.values() for role in _roles(s)}
        around = Surroundings(sessions, frozenset(others), roles, self._care_team(patient))
        counts = {"QuestionnaireResponse": len(readings), "Encounter": len(sessions)}
        if observations:
            counts["Observation"] = observations
        gone = frozenset(vanished), frozenset(moved)
        compared = observations is not None
        return PatientRecord(patient, tuple(readings), around, *gone, foreign, newest, counts, compared, survivor)

    def _search(self, type: str, patient: str, take: Callable[[bytes], Any]) -> list[Any]:
        read = self.settings.read
        params = [("patient", patient.removeprefix("Patient/"))]
        return search(self.client, type, params, take=take, page_size=read.page_size, page_cap=read.page_cap).items

    def _responses(self, patient: str, newest: dict[str, datetime], known: Container[str]) -> tuple[list[Reading], int]:
        """The patient's own; and how many are another's. What names no patient is this one's if it was before: an EHR
        may reduce what was entered in error to its id and status."""

        def take(raw: bytes) -> tuple[Reading, Row | None]:
            reading = decode_response(raw, self.rules, self._resolve)
            newer(newest, "QuestionnaireResponse", reading.updated, self.server_now)
            return reading, row("QuestionnaireResponse", raw, patient)

        found = self._search("QuestionnaireResponse", patient, take)
        own, foreign, strays = [], 0, []
        for reading, this in found:
            if reading.patient == patient or (reading.patient is None and reading.id in known):
                own.append(reading)
                self.rows.add([this])
            elif reading.patient is None or not reading.patient.startswith("Patient/"):
                strays.append(reading)
            else:
                foreign += 1
        self.strays.add(strays)
        return own, foreign

    def _fresh(self, reading: Reading, before: datetime | None) -> Reading:
        """A result older than what we saw before comes from a stale index or cache: ask by id."""
        if before is None or reading.updated is None or reading.updated >= before:
            return reading
        body = self.client.read(f"QuestionnaireResponse/{reading.id}").body
        return read_response(body, self.rules, self._resolve)

    def _absent(self, response: str, patient: str, vanished: set[str], moved: set[str]) -> list[Reading]:
        """A response that we know is not among the results: gone, moved, out of reach, or a late index."""
        try:
            body = self.client.read(f"QuestionnaireResponse/{response}").body
        except NotFound:
            vanished.add(response)
            return []
        except (Forbidden, Refused):
            raise Incomplete("a response that was read before is out of reach now") from None
        reading = read_response(body, self.rules, self._resolve)
        if reading.patient is None and reading.outcome is Outcome.RETRACTED:
            return [reading]  # an EHR may reduce what was entered in error to its id and status
        if reading.patient in {None, patient}:
            raise Incomplete("a search left out a response that still exists; the index may lag")
        moved.add(response)
        return []

    def _sessions(self, patient: str, newest: dict[str, datetime]) -> dict[str, Session]:
        def take(raw: bytes) -> tuple[Session, Row | None] | None:
            session = read_session(object_of(raw), self.client.bases)
            if session is None or session.patient != patient:
                return None
            newer(newest, "Encounter", last_updated(raw), self.server_now)
            return session, row("Encounter", raw, patient)

        found = self._search("Encounter", patient, take)
        self.rows.add(this for _, this in found)
        return {f"Encounter/{s.id}": s for s, _ in found}

    def _complete_sessions(self, patient: str, readings: list[Reading], sessions: dict[str, Session]) -> set[str]:
        """Read encounters that responses name but the search did not give. Returns other patients'."""
        others = set()
        named = {r.encounter for r in readings if r.encounter and r.outcome is Outcome.SCORED}
        for ref in sorted(named - sessions.keys()):
            try:
                session = self._session(ref)
            except (NotFound, Forbidden, Refused):
                continue  # dangling or out of reach: scored without a link
            if session is not None and session.patient == patient:
                sessions[ref] = session
            else:
                others.add(ref)
        return others

    def _session(self, ref: str) -> Session | None:
        """An encounter by id; where it was merged into another, and is itself no session any more, that one."""
        body = self.client.read(ref).body
        session, whole = read_session(body, self.client.bases), body.get("partOf")
        into = local(whole.get("reference"), "Encounter", self.client.bases) if isinstance(whole, Mapping) else None
        held = session is not None and session.status in self.settings.read.encounter_statuses
        if held or into is None:
            return session
        survivor = read_session(self.client.read(into).body, self.client.bases)
        # What was labelled before the merger stays labelled.
        return survivor and replace(survivor, labels=(*survivor.labels, *(session.labels if session else ())))

    def role(self, role: str) -> str | None:
        """The practitioner in a PractitionerRole, or None."""
        if role not in self._roles:
            try:
                about = self.client.read(role).body.get("practitioner")
            except (NotFound, Forbidden, Refused):
                about = None
            ref = about.get("reference") if isinstance(about, Mapping) else None
            self._roles[role] = local(ref, "Practitioner", self.client.bases)
        return self._roles[role]

    def _care_team(self, patient: str) -> str | None:
        """The only practitioner in the configured role of the patient's active care teams."""
        wanted = self.settings.alerts.care_team_role
        if not wanted:
            return None
        found: set[str] = set()

        def take(raw: bytes) -> None:
            team = object_of(raw) or {}
            subject = team.get("subject")
            mine = (
                isinstance(subject, dict) and local(subject.get("reference"), "Patient", self.client.bases) == patient
            )
            if mine and team.get("status", "active") == "active":
                found.update(self._members_in_role(team, wanted))

        try:
            self._search("CareTeam", patient, take)
        except (Forbidden, Refused, NotFound):
            return None
        return found.pop() if len(found) == 1 else None

    def _members_in_role(self, team: Mapping[str, Any], wanted: str) -> set[str]:
        found = set()
        for member in _objects(team.get("participant")):
            codings = [c for role in _objects(member.get("role")) for c in _objects(role.get("coding"))]
            codes = {x for c in codings for x in (c.get("code"), f"{c.get('system')}|{c.get('code')}")}
            about = member.get("member")
            ref = about.get("reference") if isinstance(about, dict) else None
            who = local(ref, "Practitioner", self.client.bases)
            if who is None and (role_ref := local(ref, "PractitionerRole", self.client.bases)):
                who = self.role(role_ref)
            if wanted in codes and who:
                found.add(who)
        return found

    def _resolve(self, canonical: str) -> dict[str, Any] | None:
        """A Questionnaire by canonical, a value set or code system by "ValueSet?url=…", as the server has it; None
        when it has none or several."""
        if canonical not in self._resolved and (ref := local(canonical, "Questionnaire", self.client.bases)):
            try:
                self._resolved[canonical] = self.client.read(ref).body
            except (Forbidden, Refused, NotFound):
                self._resolved[canonical] = None
        if canonical not in self._resolved:
            type, address = term(canonical) or ("Questionnaire", canonical)
            url, _, version = address.partition("|")

            def take(raw: bytes) -> dict[str, Any] | None:
                q = object_of(raw)
                same = q is not None and q.get("url") == url and (not version or q.get("version") == version)
                return q if same else None

            try:
                found = search(self.client, type, [("url", url)], take=take, page_size=20, page_cap=50).items
            except (Forbidden, Refused, NotFound):
                found = []
            except Incomplete:
                if type == "Questionnaire":
                    raise
                found = []  # a code system that is too large to be read weighs nothing
            self._resolved[canonical] = found[0] if len(found) == 1 else None
        return self._resolved[canonical]


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _roles(session: Session) -> list[str]:
    found = (*session.pprf, *session.atnd, *session.untyped)
    return [c for c in found if c.startswith("PractitionerRole/")]
