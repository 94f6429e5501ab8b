"""Whom we read: a list of "Patient/id" from the configured source, exclusions applied last."""

from __future__ import annotations

from collections.abc import Mapping

from .config import Cohort, Read
from .errors import ConfigError, SafetyError
from .fhir.content import object_of
from .fhir.http import FhirClient
from .fhir.references import local
from .fhir.search import search


def members(client: FhirClient, group: str) -> list[str]:
    """Active Patient members of a FHIR Group on this server."""
    body = client.read(f"Group/{group.removeprefix('Group/')}").body
    if body.get("resourceType") != "Group":
        raise ConfigError("the cohort's Group is not a Group")
    found = []
    for member in body.get("member") or []:
        if isinstance(member, Mapping) and not member.get("inactive"):
            entity = member.get("entity")
            who = local(entity.get("reference"), "Patient", client.bases) if isinstance(entity, Mapping) else None
            found += [who] if who else []
    return found


def searched(client: FhirClient, query: Mapping[str, str], read: Read) -> list[str]:
    """Every Patient that the server finds."""

    def take(raw: bytes) -> str | None:
        resource = object_of(raw)
        return f"Patient/{resource['id']}" if resource and isinstance(resource.get("id"), str) else None

    params = sorted(query.items())
    return search(client, "Patient", params, take=take, page_size=read.page_size, page_cap=read.page_cap).items


def cohort(client: FhirClient, settings: Cohort, read: Read) -> list[str]:
    """The roster, in a stable order, without the excluded."""
    if settings.source == "ids":
        found = [f"Patient/{i.removeprefix('Patient/')}" for i in settings.ids]
    elif settings.source == "group":
        found = members(client, settings.id or "")
    else:
        found = searched(client, settings.query, read)
    out: set[str] = set()
    for entry in settings.exclude:
        if entry.startswith("Group/"):
            out.update(members(client, entry))
        else:
            out.add(f"Patient/{entry.removeprefix('Patient/')}")
    return sorted(set(found) - out)


def guard_shrink(before: int, now: int, most: float) -> None:
    """SafetyError when a roster that was larger has lost more than its share at once."""
    if before and now < before * (1 - most):
        raise SafetyError(
            f"the cohort shrank from {before} to {now} patients, more than cohort.max_shrink allows; "
            "if that is right, raise the setting for one pass"
        )
