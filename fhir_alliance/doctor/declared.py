"""What the EHR declares, next to what we need: the matrix, and for machines each type that is read or written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..changes import BY
from ..config import Settings
from ..fhir.capability import Capability
from ..permission import CARE
from ..wording import a
from .findings import Section
from .fitness import ALERTS, LISTED, SCORES, Fit, instead

COLUMNS = ("read", "search", "create", "update", "if-none-exist")
_CODES = {"search": "search-type"}
_WIDE = {"search": "Patient", "appointments": "Appointment", "careteam": "CareTeam"}
_BY_ID = {"group": "Group", "list": "List"}
_DISPENSABLE = {
    "Questionnaire": "weights of answers that only the form holds",
    "PractitionerRole": "clinicians who are named by role",
}
"""Types that passes do without, and what is lost then."""
_CHANGED_LATER = frozenset({"observation", "task", "flag", "document"})


def needs(settings: Settings) -> Mapping[str, tuple[str, ...]]:
    """Resource type → interactions that this configuration uses."""
    wanted = dict(_reads(settings))
    for kind in dict.fromkeys([*_planned(settings), *settings.write.types]):
        wanted[kind] = COLUMNS
    return wanted


def _reads(settings: Settings) -> Mapping[str, tuple[str, ...]]:
    source, wanted = settings.cohort.source, dict[str, tuple[str, ...]]()
    if source in _WIDE:
        wanted[_WIDE[source]] = ("search",)
    if source in _BY_ID:
        wanted[_BY_ID[source]] = ("read",)
    if any(e.startswith("Group/") for e in settings.cohort.exclude):
        wanted["Group"] = ("read",)
    wanted |= {"QuestionnaireResponse": ("read", "search"), "Encounter": ("read", "search")}
    wanted |= {"Questionnaire": ("search",), "PractitionerRole": ("read",)}
    if settings.alerts.care_team_role:
        wanted["CareTeam"] = ("search",)
    if settings.alerts.missed_sessions:
        wanted["Appointment"] = ("search",)
    if settings.alerts.closed_care != "none":
        wanted[CARE[settings.alerts.closed_care]] = ("search",)
    if settings.alerts.consent:
        wanted["Consent"] = ("search",)
    return wanted


def compare(capability: Capability, settings: Settings, section: Section) -> None:
    """Fill in the matrix, and say what is missing from it."""
    wanted = needs(settings)
    for kind, interactions in wanted.items():
        section.matrix[kind] = {name: _cell(capability, kind, name) for name in interactions}
    # Types that only a sink needs are spoken of there.
    silent = [kind for kind in _reads(settings) if not capability.declares(kind)]
    needed = [kind for kind in silent if kind not in _DISPENSABLE]
    if needed:
        named = "no resource type" if not capability.types else " and ".join(f"no {kind}" for kind in needed)
        section.warn(
            "statement",
            f"/metadata lists {named}.",
            "We take that as unknown: only a refusal on use counts as no.",
            "Go by what was tried below. Where that failed, ask what this client was registered for.",
        )
    elif silent:
        lost = " and ".join(f"no {kind} ({_DISPENSABLE[kind]} may be lost)" for kind in silent)
        section.ok("statement", f"/metadata lists all that passes need; {lost}.")
    else:
        section.ok("statement", "/metadata lists every resource type that is read.")


def readable(capability: Capability, settings: Settings, mode: str, why: str, section: Section) -> None:
    """For machines: each type that is read, how, and what it can be searched by (of what we search by)."""
    for kind, interactions in _reads(settings).items():
        said = [capability.interaction(kind, _CODES.get(name, name)) for name in interactions]
        found = kind in section.worked
        supported = True if found else False if False in said else None if None in said else True
        by = ("patient", "questionnaire", "url", *(table[kind] for table in BY.values() if kind in table))
        section.read[kind] = {
            "supported": supported,
            "mode": mode if kind in BY["watermark"] else "by id" if interactions == ("read",) else "search",
            "searches": sorted({name for name in by if capability.search_param(kind, name)}),
            "why": "tried, and it worked" if found else _said(supported),
        }
        if kind in BY["watermark"]:
            section.read[kind]["why"] += f"; {why}"


def writable(capability: Capability, settings: Settings, section: Section) -> None:
    """For machines: each type that a sink could create, or that is switched on."""
    write = settings.write
    for kind in dict.fromkeys([*filter(None, [*SCORES.values(), *ALERTS.values()]), *write.types]):
        create, update = (capability.interaction(kind, name) for name in ("create", "update"))
        how = [] if create is False else ["create, If-None-Exist" if capability.conditional_create(kind) else "create"]
        if create is not False and update is not False:
            how.append("update, If-Match" if (capability.versioning(kind) or "").startswith("versioned") else "update")
        off = "" if write.enabled and kind in write.types else "; switched off here"
        section.write[kind] = {"supported": create, "how": "; ".join(how) or None, "why": _said(create) + off}


def _said(supported: bool | None) -> str:
    return {True: "declared", False: "/metadata says no", None: "/metadata does not say"}[supported]


def tell_sinks(capability: Capability, settings: Settings, endpoint: str, section: Section) -> None:
    """One finding for each sink that is chosen, and for each other type that is switched on."""
    for fit in section.fits:
        if fit.chosen:
            _sink(capability, settings, endpoint, fit, section)
    _later(capability, [fit for fit in section.fits if fit.on and fit.usable and fit.type], section)
    used = {fit.type for fit in section.fits if fit.chosen}
    for kind in settings.write.types:
        if kind in used or not settings.write.enabled:
            continue
        if capability.interaction(kind, "create") is False:
            section.warn(
                kind,
                f"The EHR says that it takes no new {kind}.",
                "It is in write.types, and no sink that is chosen writes one.",
                f'Take "{kind}" out of write.types.',
            )
        elif kind in {*SCORES.values(), *ALERTS.values()}:
            section.ok(kind, f"{kind} is in write.types, and no sink that is chosen writes one.")


def _sink(capability: Capability, settings: Settings, endpoint: str, fit: Fit, section: Section) -> None:
    check, kind = f"{fit.purpose}: {fit.sink}", fit.type
    if not kind:
        section.ok(check, _ELSEWHERE[fit.sink] if fit.open else "Not sent: write.enabled is false.")
        return
    if not fit.usable:
        do = instead(section.fits, fit.purpose)
        if fit.declared is False:
            what = f"The EHR says that it takes no new {kind}."
            if fit.known is None:
                do += f" Or, if it does take one, {_override(kind, endpoint)}."
        else:
            what = f"{_begin(a(kind))} of this kind is not known to work with {_vendor(section)}."
        why = _because(fit, section)
        (section.fail if fit.on and fit.declared is False else section.warn)(check, what, why, do)
    elif not fit.on:
        off = "write.enabled is false" if not settings.write.enabled else f"{kind} is not in write.types"
        section.ok(check, f"Planned and not written: {off}.")
    elif fit.declared is None:
        section.warn(
            check,
            f"/metadata does not say whether the EHR takes a new {kind}.",
            "If it takes none, each is refused and told, and nothing else is harmed.",
            "Try it with one test patient: fhir-alliance sync --patient ID.",
        )
    elif check == "scores: document":
        section.ok(check, LISTED)
    else:
        section.ok(check, f"Written. {_doubles(capability, kind)}")


_ELSEWHERE = {
    "none": "Scores are not written to the EHR: they stay here.",
    "webhook": "Alerts go to your own system, without names and numbers.",
    "log": "A line in the log for each change of an alert.",
}


def _vendor(section: Section) -> str:
    return f"{section.vendor.name} (as of {section.vendor.as_of})" if section.vendor else "this EHR"


def _because(fit: Fit, section: Section) -> str:
    """The product's own reason, where one is known."""
    if section.vendor is None or fit.known is not False:
        return "A write would be refused."
    told = section.vendor.sinks.scores if fit.purpose == "scores" else section.vendor.sinks.alerts
    return f"{section.vendor.name}: {told.why}."


def _override(kind: str, endpoint: str) -> str:
    return f'set "{kind}.create" = true under [endpoint.{endpoint}.capability]'


def _doubles(capability: Capability, kind: str) -> str:
    if capability.conditional_create(kind):
        return "Conditional create helps our ledger to prevent doubles."
    return "Conditional create is not declared: our ledger alone prevents doubles."


def _later(capability: Capability, fits: Sequence[Fit], section: Section) -> None:
    """What can be done about what was written: change it, and find it when the answer got lost."""
    fixed = [f for f in fits if f.sink in _CHANGED_LATER and capability.interaction(f.type, "update") is False]
    if fixed:
        section.warn(
            "later changes",
            f"{_begin(_types(fixed))} cannot be updated there.",
            "When a form is amended or withdrawn afterwards, what was written stays as it is.",
            "Agree who corrects it by hand: `fhir-alliance review` lists what and how.",
        )
    hidden = [f for f in fits if capability.search_param(f.type, "identifier") is False]
    lost = [f for f in hidden if capability.search_param(f.type, "patient") is False]
    if lost:
        section.warn(
            "lost answers",
            f"{_begin(_types(lost))} cannot be searched for.",
            "When an answer gets lost, nobody can tell whether the write happened, and we never write on a guess.",
            "Expect `fhir-alliance review` to list such a write now and then, for a person to decide.",
        )
    elif hidden:
        told = _types(hidden)
        section.ok("lost answers", f"We look for {told} by its content, as it has no search by identifier.")


def _types(fits: Sequence[Fit]) -> str:
    return " or ".join(dict.fromkeys(a(fit.type) for fit in fits))


def _begin(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _planned(settings: Settings) -> list[str]:
    """Types that scores and alerts go to by the configuration, whether switched on or not."""
    found = [SCORES[settings.write.scores.sink], *(ALERTS[sink] for sink in settings.alerts.sinks)]
    return [kind for kind in dict.fromkeys(found) if kind]


def _cell(capability: Capability, kind: str, name: str) -> str:
    if name == "if-none-exist":
        said, key = capability.conditional_create(kind), "conditionalCreate"
    else:
        key = _CODES.get(name, name)
        said = capability.interaction(kind, key)
    text = {True: "yes", False: "no", None: "unknown"}[said]
    return text + ("*" if capability.corrected(kind, key) else "")
