"""Whom we read: "Patient/id" from the configured source, exclusions applied last.

What cannot be told for sure is not in: an entry that is deleted, inactive, cancelled or about somebody
elsewhere names nobody here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from .config import Cohort, Read
from .errors import ConfigError, SafetyError
from .fhir.content import object_of
from .fhir.http import FhirClient
from .fhir.references import local
from .fhir.search import search

MISSED = frozenset({"cancelled", "entered-in-error"})
ENDED = frozenset({"inactive", "entered-in-error"})


@dataclass(frozen=True, slots=True)
class Roll:
    """What a source is asked with. `root` is the folder that relative paths are relative to."""

    client: FhirClient
    settings: Cohort
    read: Read
    root: Path
    now: datetime


@dataclass(frozen=True, slots=True)
class Called:
    """Whom the source names, and whom the site leaves out."""

    found: frozenset[str]
    out: frozenset[str]

    def roster(self, merged: Mapping[str, str] = MappingProxyType({})) -> list[str]:
        """Whom we read, in a stable order. `merged`: who was merged into whom; both are read.

        An opt-out holds under every id of a person, whichever it was given under.
        """
        followed = set(self.found)
        for patient in self.found:
            while (patient := merged.get(patient, "")) and patient not in followed:
                followed.add(patient)
        return sorted(followed - same_person(self.out, merged))


def same_person(patients: Iterable[str], merged: Mapping[str, str]) -> set[str]:
    """These, and everybody who was merged with one of them, in either direction and through others."""
    beside: dict[str, set[str]] = {}
    for one, other in merged.items():
        beside.setdefault(one, set()).add(other)
        beside.setdefault(other, set()).add(one)
    group, waiting = set[str](), list(patients)
    while waiting:
        if (patient := waiting.pop()) not in group:
            group.add(patient)
            waiting += beside.get(patient, ())
    return group


def cohort(client: FhirClient, settings: Cohort, read: Read, root: Path, now: datetime) -> Called:
    """Ask the source, and for the members of excluded Groups."""
    roll = Roll(client, settings, read, root, now)
    out: set[str] = set()
    for entry in settings.exclude:
        out.update(_group(client, entry) if entry.startswith("Group/") else _named([entry]))
    return Called(frozenset(SOURCES[settings.source](roll)), frozenset(out))


def guard_shrink(before: int, now: int, most: float) -> None:
    """SafetyError when a source that gave more patients has lost more than its share of them at once."""
    if before and now < before * (1 - most):
        raise SafetyError(
            f"the cohort shrank from {before} to {now} patients, more than cohort.max_shrink allows; "
            "if that is right, raise the setting for one pass"
        )


# -- the sources: each gives "Patient/id", in any order, perhaps twice ---------------------------


def _named(ids: Iterable[str]) -> list[str]:
    return [f"Patient/{i.removeprefix('Patient/')}" for i in ids]


def _ids(roll: Roll) -> list[str]:
    return _named(roll.settings.ids)


def _file(roll: Roll) -> list[str]:
    """A text file, one id (or Patient/id) a line; empty lines and what follows a # do not count."""
    path = roll.root / (roll.settings.file or Path())
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the cohort file cannot be read: {type(error).__name__}") from None
    ids = [text for line in lines if (text := line.partition("#")[0].strip())]
    wrong = [n for n, i in enumerate(ids, 1) if local(f"Patient/{i.removeprefix('Patient/')}", "Patient", ()) is None]
    if wrong:
        raise ConfigError(f"the cohort file has entries that are no patient id (the first is number {wrong[0]})")
    return _named(ids)


def _members(roll: Roll) -> list[str]:
    return _group(roll.client, roll.settings.id or "")


def _group(client: FhirClient, group: str) -> list[str]:
    """Active Patient members of a FHIR Group on this server."""
    members = _resource(client, "Group", group).get("member")
    return [who for m in _dicts(members) if not m.get("inactive") and (who := _patient(m.get("entity"), client))]


def _listed(roll: Roll) -> list[str]:
    """The entries of a FHIR List that are not marked deleted."""
    entries = _resource(roll.client, "List", roll.settings.id or "").get("entry")
    found = (_patient(e.get("item"), roll.client) for e in _dicts(entries) if not e.get("deleted"))
    return [who for who in found if who]


def _searched(roll: Roll) -> list[str]:
    """Every Patient that the server finds."""

    def take(resource: Mapping[str, Any]) -> list[str]:
        return _named([resource["id"]]) if isinstance(resource.get("id"), str) else []

    return _each(roll, "Patient", (), take)


def _with_appointments(roll: Roll) -> list[str]:
    """Patients of appointments from `past` ago until `ahead` from now, whatever became of them but cancelled."""
    begin, end = roll.now - roll.settings.past, roll.now + roll.settings.ahead

    def take(resource: Mapping[str, Any]) -> list[str]:
        if resource.get("status") in MISSED:
            return []
        actors = (_patient(p.get("actor"), roll.client) for p in _dicts(resource.get("participant")))
        return [who for who in actors if who]

    dates = [("date", f"ge{begin:%Y-%m-%d}"), ("date", f"le{end:%Y-%m-%d}")]
    return _each(roll, "Appointment", dates, take)


def _cared_for(roll: Roll) -> list[str]:
    """Subjects of care teams that are not inactive."""

    def take(resource: Mapping[str, Any]) -> list[str]:
        who = _patient(resource.get("subject"), roll.client)
        return [who] if who and resource.get("status") not in ENDED else []

    return _each(roll, "CareTeam", (), take)


SOURCES: Mapping[str, Callable[[Roll], list[str]]] = {
    "ids": _ids,
    "file": _file,
    "group": _members,
    "list": _listed,
    "search": _searched,
    "appointments": _with_appointments,
    "careteam": _cared_for,
}


def _each(
    roll: Roll,
    type: str,
    params: Iterable[tuple[str, str]],
    take: Callable[[Mapping[str, Any]], list[str]],
) -> list[str]:
    """What `take` finds in every resource of a search, with the site's own parameters."""

    def taken(raw: bytes) -> list[str]:
        return take(object_of(raw) or {})

    asked = [*params, *sorted(roll.settings.query.items())]
    read = roll.read
    found = search(roll.client, type, asked, take=taken, page_size=read.page_size, page_cap=read.page_cap)
    return [who for some in found.items for who in some]


def _resource(client: FhirClient, type: str, id: str) -> Mapping[str, Any]:
    body = client.read(f"{type}/{id.removeprefix(f'{type}/')}").body
    if body.get("resourceType") != type:
        raise ConfigError(f"the cohort's {type} is not a {type}")
    return body


def _patient(reference: object, client: FhirClient) -> str | None:
    return local(reference.get("reference"), "Patient", client.bases) if isinstance(reference, Mapping) else None


def _dicts(value: object) -> Iterator[Mapping[str, Any]]:
    return (entry for entry in value if isinstance(entry, Mapping)) if isinstance(value, list) else iter(())
