"""What the credentials permit, next to what this configuration needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..config import Settings
from ..config_auth import Auth
from ..errors import ConfigError, EHRError
from ..fhir.http import FhirClient
from ..fhir.scopes import Grammar, Grant, joined, lacking, spelled
from .findings import Section

_WITHOUT = "weights of answers, dyads by role, merged patients, or totals that others state may not be found"


def sign_in(client: FhirClient, settings: Settings, name: str, section: Section) -> bool:
    """Get credentials for reading, and for writing where these are others. False: there are none to go on with."""
    endpoint = settings.endpoint[name]
    granted = _identity(client, endpoint.auth, section, write=False)
    if endpoint.write_auth is not None and client.needed(write=True):
        granted = _identity(client, endpoint.write_auth, section, write=True) and granted
    return granted


def _identity(client: FhirClient, auth: Auth, section: Section, *, write: bool) -> bool:
    facts: dict[str, Any] = {"method": auth.method, "granted": None, "needed": [], "missing": []}
    section.facts["write_auth" if write else "auth"] = facts
    grammar: Grammar = "v2" if auth.scope_grammar == "v2" else "v1"
    needed = client.needed(write=write)
    try:
        grant = client.sign_in(write=write)
    except (ConfigError, EHRError) as error:
        facts["needed"] = spelled(needed, grammar)
        if isinstance(error, ConfigError):
            section.fail(
                "credentials", f"{error}.", "Without it nothing can be asked.", "Mend it, then: fhir-alliance check"
            )
        else:
            section.trouble("credentials", error)
            section.away = True
        return False
    if grant is not None:
        grammar = grant.grammar
        facts["granted"] = list(grant.texts)
        facts["missing"] = spelled(lacking(needed, grant.rights), grammar)
    facts["needed"] = spelled(needed, grammar)
    _say(auth, facts["needed"], facts["missing"], grant, section, write=write)
    if grant is None or write:
        return True
    if helpful := lacking(client.needs.helpful, joined(grant.rights, needed)):
        section.warn(
            "scopes",
            f"Not granted: {_list(spelled(helpful, grammar))}.",
            f"Passes do without; {_WITHOUT}.",
            "Ask for them where you need that.",
        )
    return True


def _say(
    auth: Auth, needed: Sequence[str], missing: Sequence[str], grant: Grant | None, section: Section, *, write: bool
) -> None:
    purpose = "for writing" if write else "for what is switched on"
    if not needed:
        return
    if grant is None:
        asked = auth.method in {"smart", "secret"}
        known = "Whether they are granted is not said" if asked else f"Sign-in by {auth.method} asks for none"
        section.ok("scopes", f"Needed {purpose}: {_list(needed)}. {known}: a refusal on use will tell.")
    elif missing:
        section.fail(
            "scopes",
            f"Not granted, and needed {purpose}: {_list(missing)}.",
            "No pass is begun without them.",
            "Ask for them in the client's registration.",
        )
    else:
        section.ok("scopes", f"Needed {purpose}, and granted: {_list(needed)}.")
    if grant is not None and "*" in grant.rights:
        section.warn(
            "scopes",
            "Rights on every type are granted.",
            "Whoever gets hold of this client's key could read everything.",
            "Ask that the client be given only what is needed.",
        )


def _list(scopes: Sequence[str]) -> str:
    return ", ".join(scopes)
