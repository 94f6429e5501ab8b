"""Does the EHR obey searches for what changed? Tried with one patient: what is declared, and what is not said."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from ..changes import TYPES, Mode, from_then
from ..config import Read, Settings
from ..errors import EHRError, Refused
from ..fhir.capability import Capability
from ..fhir.http import FhirClient
from ..fhir.search import Found, search
from .findings import Section

_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
Count = Callable[[str, datetime, Read], int]
"""(type, instant, settings) → how many of one patient's resources changed since."""


def try_changes(
    client: FhirClient,
    capability: Capability,
    settings: Settings,
    mode: Mode,
    patient: str,
    now: datetime,
    name: str,
    section: Section,
) -> None:
    """Is `_lastUpdated` obeyed where passes use it; and could they use it where /metadata does not say so?"""
    read = settings.read

    def count(kind: str, since: datetime, read: Read) -> int:
        params = [("patient", patient.removeprefix("Patient/")), ("_lastUpdated", from_then(since, read))]
        size, cap = read.page_size, read.page_cap
        found: Found[None] = search(client, kind, params, take=_nothing, page_size=size, page_cap=cap)
        return found.distinct

    ahead = now + timedelta(days=2)
    said = {capability.search_param(kind, "_lastUpdated") for kind in TYPES}
    if mode == "watermark":
        _declared(count, read, ahead, section)
    elif read.mode == "auto" and None in said and False not in said:
        _not_said(count, read, ahead, name, section)


def _nothing(_: bytes) -> None:
    return None


def _declared(count: Count, read: Read, ahead: datetime, section: Section) -> None:
    """What changed after tomorrow is nothing."""
    for kind in TYPES:
        try:
            found = count(kind, ahead, read)
        except Refused as error:
            _refused(count, kind, ahead, read, error, section)
            return
        if found:
            section.warn(
                "changes",
                f"The EHR ignores _lastUpdated in a search of {kind}.",
                "Each pass will read everybody.",
                'Set read.mode = "full-diff" to say so.',
            )
            return
    section.ok("changes", "A search by _lastUpdated is obeyed.")


def _refused(count: Count, kind: str, ahead: datetime, read: Read, error: Refused, section: Section) -> None:
    """It is declared, and refused on use: does it want dates?"""
    what = f"The EHR refuses _lastUpdated in a search of {kind} ({error.status})."
    why, by_day = "Each pass will read everybody.", False
    if read.stamp == "second":
        try:
            by_day = not count(kind, ahead, read.model_copy(update={"stamp": "day"}))
        except EHRError:
            by_day = False
    if by_day:
        section.warn("changes", what, f"It takes dates, and no times. {why}", 'Set read.stamp = "day".')
    else:
        section.warn("changes", what, why, 'Set read.mode = "clinical-window", or "full-diff", to say so.')


def _not_said(count: Count, read: Read, ahead: datetime, name: str, section: Section) -> None:
    """Silence in /metadata is no promise, but what is obeyed can be used."""
    try:
        obeyed = all(not count(kind, ahead, read) and count(kind, _LONG_AGO, read) for kind in TYPES)
    except EHRError:
        return
    if obeyed:
        keys = " and ".join(f'"{kind}.search._lastUpdated" = true' for kind in TYPES)
        section.warn(
            "changes",
            "/metadata does not say so, but searches by _lastUpdated were obeyed.",
            "Without them each pass reads every active patient anew.",
            f"Set {keys} under [endpoint.{name}.capability].",
        )
