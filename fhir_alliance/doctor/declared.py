"""What the EHR declares, next to what we need; and which sinks that leaves."""

from __future__ import annotations

from collections.abc import Mapping

from ..config import Settings
from ..fhir.capability import Capability
from .findings import Section

COLUMNS = ("read", "search", "create", "update", "if-none-exist")
_CODES = {"search": "search-type"}
_SINKS = {"task": "Task", "flag": "Flag"}


def needs(settings: Settings) -> Mapping[str, tuple[str, ...]]:
    """Resource type → interactions that this configuration uses."""
    wanted: dict[str, tuple[str, ...]] = {}
    if settings.cohort.source == "search":
        wanted["Patient"] = ("search",)
    if settings.cohort.source == "group" or any(e.startswith("Group/") for e in settings.cohort.exclude):
        wanted["Group"] = ("read",)
    wanted |= {"Encounter": ("read", "search"), "QuestionnaireResponse": ("read", "search")}
    wanted |= {"Questionnaire": ("search",), "PractitionerRole": ("read",)}
    if settings.alerts.care_team_role:
        wanted["CareTeam"] = ("search",)
    for kind in dict.fromkeys([*_planned(settings), *settings.write.types]):
        wanted[kind] = COLUMNS
    return wanted


def compare(capability: Capability, settings: Settings, section: Section) -> None:
    """Fill in the matrix, and say what is missing from it."""
    wanted = needs(settings)
    for kind, interactions in wanted.items():
        section.matrix[kind] = {name: _cell(capability, kind, name) for name in interactions}
    silent = [kind for kind in wanted if not capability.declares(kind)]
    if silent:
        named = "nothing that we need" if len(silent) == len(wanted) else ", ".join(f"no {kind}" for kind in silent)
        section.warn("statement", f"/metadata lists {named}. That means unknown: only a refusal on use counts as no.")
    else:
        section.ok("statement", "/metadata lists every resource type that we need.")


def sinks(capability: Capability, settings: Settings, name: str, section: Section) -> None:
    """Where scores and alerts can go, and where not, and why."""
    planned = _planned(settings)
    for kind in dict.fromkeys([*planned, *settings.write.types]):
        _sink(capability, settings, name, kind, planned.get(kind, "What is written"), section)


def _planned(settings: Settings) -> dict[str, str]:
    """Types that scores and alerts go to by the configuration, whether switched on or not."""
    found = {"Observation": "Scores"} if settings.write.scores.sink == "observation" else {}
    return found | {_SINKS[sink]: "Alerts" for sink in settings.alerts.sinks}


def _sink(capability: Capability, settings: Settings, endpoint: str, kind: str, purpose: str, section: Section) -> None:
    check, offered = f"{kind} sink", capability.interaction(kind, "create")
    switched = settings.write.enabled and kind in settings.write.types
    override = f'set "{kind}.create" = true under [endpoint.{endpoint}.capability]'
    if offered is False:
        says = f"The EHR says that it takes no new {kind}. Choose another sink, or, if that is not so, {override}."
        (section.fail if switched else section.warn)(check, says)
    elif not switched:
        why = "write.enabled is false" if not settings.write.enabled else f"{kind} is not in write.types"
        section.ok(check, f"{purpose} are planned and not written: {why}.")
    elif offered is None:
        section.warn(check, f"{purpose} are written; whether the EHR takes a new {kind} is not said. Try one patient.")
    else:
        section.ok(check, f"{purpose} are written. {_doubles(capability, kind)}")
    if switched and offered is not False:
        _later(capability, kind, check, section)


def _doubles(capability: Capability, kind: str) -> str:
    if capability.conditional_create(kind):
        return "Conditional create helps our ledger to prevent doubles."
    return "Conditional create is not declared: our ledger alone prevents doubles."


def _later(capability: Capability, kind: str, check: str, section: Section) -> None:
    if capability.interaction(kind, "update") is False:
        section.warn(check, f"A {kind} cannot be updated there: amended and withdrawn ones will be refused.")
    if capability.search_param(kind, "identifier") is False:
        section.warn(check, f"A {kind} cannot be found by identifier: a write of open outcome will need a person.")


def _cell(capability: Capability, kind: str, name: str) -> str:
    if name == "if-none-exist":
        said, key = capability.conditional_create(kind), "conditionalCreate"
    else:
        key = _CODES.get(name, name)
        said = capability.interaction(kind, key)
    text = {True: "yes", False: "no", None: "unknown"}[said]
    return text + ("*" if capability.corrected(kind, key) else "")
