"""What is known of the product that answers: told, and never acted upon (rule R8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ..config import Settings
from ..fhir.capability import Capability
from ..vendors import recognise
from .findings import Section


def hint(capability: Capability, settings: Settings, name: str, section: Section) -> None:
    """Recognise the product, and choose what of the advice is not yet followed."""
    vendor = recognise(capability.software, capability.publisher)
    section.vendor = vendor
    known = {"id": vendor.id, "name": vendor.name, "as_of": vendor.as_of} if vendor else None
    section.facts["server"]["recognised"] = known
    if vendor is None:
        return
    given = _settings(settings, name)
    left = (a for a in vendor.advice if not _settled(a.unless, given))
    section.advice = [
        msgspec.structs.replace(a, says=a.says.replace("endpoint.NAME", f"endpoint.{name}")) for a in left
    ]
    section.screens = list(vendor.seen)


def _settings(settings: Settings, name: str) -> Mapping[str, Any]:
    """The configuration as plain values; `endpoint` is this one."""
    plain = settings.model_dump(mode="json")
    return {**plain, "endpoint": plain["endpoint"][name]}


def _settled(unless: Mapping[str, tuple[str, ...]], given: Mapping[str, Any]) -> bool:
    """Are these settings as advised? An empty list: whatever was given will do."""
    return bool(unless) and all(_fits(_at(given, path.split(".")), values) for path, values in unless.items())


def _at(given: Any, path: list[str]) -> Any:
    for step in path:
        given = given.get(step) if isinstance(given, Mapping) else None
    return given


def _fits(value: Any, wanted: tuple[str, ...]) -> bool:
    if not wanted:
        return bool(value)
    values = value if isinstance(value, list) else [value]
    return bool(values) and all(str(v) in wanted for v in values)
