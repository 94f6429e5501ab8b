"""Whose score it is, and who gave it. Never a guess: what cannot be told sets the response aside."""

from __future__ import annotations

from typing import Any

from .questionnaire import Resolve
from .references import Reference, parse
from .rules import Rules
from .stop import set_aside, skipped

PROXY = "proxy"

Json = dict[str, Any]

_BARRED = {
    "client": ("Practitioner", "PractitionerRole"),
    "therapist": ("Patient", "RelatedPerson"),
    "observer": ("Patient", "RelatedPerson"),
    "caregiver": ("Patient", "Practitioner", "PractitionerRole"),
}
_RATERS = ("Patient", "RelatedPerson", "Practitioner", "PractitionerRole")


def refers(value: object, rules: Rules, resolve: Resolve | None) -> Reference | None:
    """What a Reference element points at; None when it cannot be told.

    `urn:` references are looked up with `resolve`, which knows the Bundle that they hold in.
    """
    if not isinstance(value, dict):
        return None
    text, declared = value.get("reference"), _type(value)
    if isinstance(text, str) and text.startswith("urn:"):
        found = None if rules.require_id or resolve is None else _entry(resolve(text))
    else:
        found = parse(text, rules.bases)
    return found if found is not None and declared in (None, found.type) else None


def _entry(resource: Json | None) -> Reference | None:
    if not isinstance(resource, dict):
        return None
    type, id = resource.get("resourceType"), resource.get("id")
    return parse(f"{type}/{id}") if isinstance(type, str) and isinstance(id, str) else None


def subject(resource: Json, rules: Rules, resolve: Resolve | None) -> str:
    """The patient, as `named`. Stop when there is none, or, for `sync`, when it is another server's."""
    found = named(resource, rules, resolve)
    if rules.require_id and found.base is not None:
        raise set_aside("subject-elsewhere", "its subject is on another server")
    return str(found)


def named(resource: Json, rules: Rules, resolve: Resolve | None) -> Reference:
    """The patient that it is about: as text "Patient/id", with its base in front when that is not ours. Stop when
    there is none."""
    given = resource.get("subject")
    if given is not None and not isinstance(given, dict):
        raise set_aside("wrong-type", "subject is not a reference")
    found = refers(given, rules, resolve)
    if found is None:
        if isinstance(given, dict) and "reference" not in given and _type(given) not in (None, "Patient"):
            raise skipped("subject-not-patient", "its subject is not a patient")
        raise set_aside("subject-unresolved", "its subject cannot be told")
    if found.type != "Patient":
        raise skipped("subject-not-patient", "its subject is not a patient")
    return found


def rater(resource: Json, patient: str, form: str, rules: Rules, resolve: Resolve | None) -> str:
    """Who rated: the form's own rater, or `proxy` for a relative on a client form. `author` plays no part.

    form  the rater that the instrument is made for
    """
    source = resource.get("source")
    if source is None:
        return form
    if not isinstance(source, dict):
        raise set_aside("wrong-type", "source is not a reference")
    found = refers(source, rules, resolve)
    type = found.type if found else _type(source)
    if type not in _RATERS or type in _BARRED[form]:
        raise set_aside("rater-conflict", f"not filled in by the {form} that the form is for, or this cannot be told")
    if type == "Patient" and (found is None or str(found) != patient):
        raise set_aside("rater-conflict", "filled in by another patient, or this cannot be told")
    return PROXY if form == "client" and type == "RelatedPerson" else form


def _type(reference: Json) -> str | None:
    """The type that a reference declares beside, or in place of, a literal one."""
    declared = reference.get("type")
    return declared.rpartition("/")[2] if isinstance(declared, str) else None
