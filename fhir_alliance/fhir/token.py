"""Asking an EHR's token endpoint for access, and what its answers mean.

Nothing that it says is shown but the error codes of OAuth (RFC 6749 5.2), which are a closed list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from ..config import Endpoint
from ..config_auth import Auth as AuthSettings
from ..errors import Unauthorised
from .asking import Asker, Declined, json_object
from .discovery import Place, find
from .proof import Assertion, Proof, SharedSecret
from .retry import GARBLED, Rule, Verdict, rule_for
from .scopes import Grammar, Grant, Rights, read_grant, spelled
from .wire import Answer, Line, Lost

LIFE_UNSAID = 300.0
"""Seconds that a token is taken to live when `expires_in` is missing: what SMART recommends."""
LIFE_MOST = 86400.0
_R = Verdict.REPEAT
_BARE_400 = Rule("a 400 without a reason, after it gave us tokens: passing, on some EHRs", _R, _R, _R)
_MEANING: Mapping[str, str] = {
    "invalid_client": "does not accept our client: is client_id right, is this key or secret registered, and is the "
    "audience the endpoint's own address",
    "unauthorized_client": "knows our client and does not let it in: is it approved here for backend access, with a "
    "background user",
    "invalid_scope": "grants none of the scopes that we ask for: register the client for those that `doctor` lists",
    "invalid_grant": "does not accept our assertion: is the audience its own address, and this machine's clock right",
    "invalid_request": "finds our request incomplete: does it want a parameter of its own (token_params, scope)",
    "unsupported_grant_type": "gives no tokens for client credentials: is it the endpoint for backend access",
}


@dataclass(frozen=True, slots=True)
class Token:
    """An access token. `lives`: seconds from when it was asked for. `grant` None: what it permits is not known."""

    value: str = field(repr=False)
    lives: float
    grant: Grant | None


class TokenEndpoint:
    """Asks for tokens for one identity. Not thread-safe: its caller lets one thread in at a time.

    rights  what to ask for, unless the configuration says it in words of its own
    """

    def __init__(self, settings: AuthSettings, endpoint: Endpoint, root: Path, rights: Rights, asker: Asker):
        self._settings, self._endpoint, self._root, self._rights = settings, endpoint, root, rights
        self._asker = asker
        smart = settings.method == "smart"
        self._proof: Proof = Assertion(settings, root) if smart else SharedSecret(settings, root)
        self._place: Place | None = None
        self._given = False

    def ask(self) -> Token:
        """A new token. ConfigError when our credentials cannot be had, EHRError when the EHR gives none."""
        place = self.place()
        try:
            return self._ask(place)
        except Declined as declined:
            # The key may have been rotated under us, or our clock be wrong: then it is worth another attempt.
            if not self._proof.again(declined.answer.date):
                raise _refusal(declined.answer) from None
        try:
            return self._ask(place)
        except Declined as declined:
            raise _refusal(declined.answer) from None

    def place(self) -> Place:
        """Where the endpoint is; asked for once."""
        if self._place is None:
            self._place = find(self._settings, self._endpoint, self._root, self._asker)
        return self._place

    def _ask(self, place: Place) -> Token:
        settings = self._settings
        computed = " ".join(spelled(self._rights, place.grammar, narrowed=place.narrowed))
        scope = computed if settings.scope is None else settings.scope
        line = Line(self._endpoint, self._root, settings, place.url)

        def send(attempt: int) -> Answer:
            headers, proof = self._proof.present(place.url)
            asked = {"grant_type": "client_credentials", **({"scope": scope} if scope else {}), **proof}
            body = urlencode({**settings.token_params, **asked}).encode()
            sent = {"Content-Type": "application/x-www-form-urlencoded", **headers}
            return self._asker.once(line, "POST", place.url, sent, body, interaction="token", attempt=attempt)

        try:
            token = self._asker.patiently(
                "a request for a token", send, lambda answer: self._token(answer.body, scope, place.grammar), self._rule
            )
        finally:
            line.close()
        self._given = True
        return token

    def _token(self, body: bytes, asked: str, grammar: Grammar) -> Token:
        found = json_object(body)
        value, kind, said = found.get("access_token"), found.get("token_type", "bearer"), found.get("scope")
        if not isinstance(value, str) or not value or not value.isascii() or not value.isprintable() or " " in value:
            raise Lost("sent no access token for", GARBLED)
        if not isinstance(kind, str) or kind.lower() != "bearer":
            raise Lost("sent a token of a kind that we cannot use for", GARBLED)
        # RFC 6749 5.1: scope may be left out of the answer when it is what was asked for.
        grant = read_grant(said if isinstance(said, str) and said.strip() else asked, grammar)
        known = bool(grant.texts) or self._settings.scope is None
        return Token(value, _life(found.get("expires_in")), grant if known else None)

    def _rule(self, answer: Answer) -> Rule | None:
        passing = answer.status == 400 and self._given and _code(answer.body) is None
        return _BARE_400 if passing else rule_for(answer.status)


def _refusal(answer: Answer) -> Unauthorised:
    status, code = answer.status, _code(answer.body)
    if 300 <= status < 400:
        says = f"the EHR redirects a request for a token ({status}); put its final address into auth.token_url"
        return Unauthorised(says, status=status)
    meaning, detail = _MEANING.get(code or "", "gives us no token"), f"{status}, {code}" if code else str(status)
    says = f"the EHR's token endpoint {meaning} ({detail})"
    return Unauthorised(says, status=status, codes=(code,) if code else ())


def _code(body: bytes) -> str | None:
    """The OAuth error code, if it is one of the standard's."""
    try:
        code = json_object(body).get("error")
    except Lost:
        return None
    return code if isinstance(code, str) and code in _MEANING else None


def _life(value: object) -> float:
    """Seconds that a token lives, from `expires_in`; LIFE_UNSAID when it cannot be read."""
    try:
        seconds = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else LIFE_UNSAID
    except (ValueError, OverflowError):
        return LIFE_UNSAID
    return min(seconds, LIFE_MOST) if seconds > 0 else LIFE_UNSAID
