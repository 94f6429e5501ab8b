"""Where an EHR's token endpoint is: `.well-known/smart-configuration` below the base, or the configuration.

Nothing else of it is believed: servers advertise their capabilities wrongly.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..config import Endpoint, is_loopback
from ..config_auth import Auth as AuthSettings
from ..errors import Unauthorised
from .asking import Asker, Declined, json_object
from .links import origin
from .scopes import Grammar, narrowing_offered
from .wire import Line


@dataclass(frozen=True, slots=True)
class Place:
    """The token endpoint's address, and how scopes are spelled there."""

    url: str
    grammar: Grammar
    narrowed: bool = False


def find(settings: AuthSettings, endpoint: Endpoint, root: Path, asker: Asker) -> Place:
    """The token endpoint of an EHR. Unauthorised when it shows none that we may use; nothing secret is sent."""
    if settings.token_url is not None:
        return Place(settings.token_url, "v1" if settings.scope_grammar == "auto" else settings.scope_grammar)
    line = Line(endpoint, root, settings)
    url = f"{endpoint.base_url}/.well-known/smart-configuration"
    try:
        found = asker.patiently(
            "a request for its SMART configuration",
            lambda attempt: asker.once(line, "GET", url, {}, None, interaction="discovery", attempt=attempt),
            lambda answer: json_object(answer.body),
        )
    except Declined as declined:
        status = declined.answer.status
        says = f"the EHR shows no SMART configuration ({status}): is base_url right? Else name auth.token_url"
        raise Unauthorised(says, status=status) from None
    finally:
        line.close()
    offered = _texts(found.get("capabilities"))
    only_v2 = "permission-v2" in offered and "permission-v1" not in offered
    auto: Grammar = "v2" if only_v2 else "v1"
    return Place(
        _usable(found.get("token_endpoint"), settings, endpoint.base_url),
        auto if settings.scope_grammar == "auto" else settings.scope_grammar,
        narrowing_offered(_texts(found.get("scopes_supported"))),
    )


def _usable(url: object, settings: AuthSettings, base: str) -> str:
    """The address, if our proof may go there. An assertion is of use at its audience only; a secret is not."""
    where = origin(url) if isinstance(url, str) else None
    if not isinstance(url, str) or where is None:
        raise Unauthorised("the EHR's SMART configuration names no token endpoint; set auth.token_url")
    if where[0] != "https" and not (is_loopback(url) and is_loopback(base)):
        raise Unauthorised("the EHR names a token endpoint without encryption: nothing was sent there")
    if settings.method == "secret" and where != origin(base):
        raise Unauthorised(
            "the EHR names a token endpoint on another host; if the client secret may go there, set auth.token_url"
        )
    return url


def _texts(value: object) -> set[str]:
    return {item for item in value if isinstance(item, str)} if isinstance(value, list) else set()
