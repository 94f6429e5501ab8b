"""An EHR behind OAuth: discovery, a token endpoint that checks what it gets, and FHIR for whoever holds a token.

Real enough to refuse: signatures are verified against registered public keys, a `jti` is taken once.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from dataclasses import replace
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

import jwt

from .peer import Peer, Reply, Request, Script

BUNDLE = {"resourceType": "Bundle", "type": "searchset", "total": 0}
NO = {"error": "invalid_client", "error_description": "Marvin-Canary-5150"}


class Issuer:
    """What one peer plays. Attributes are changed by the tests.

    keys      registered public JWKs
    lives     `expires_in`, None to leave it out
    grants    `scope` of the answer: "asked" echoes, None leaves it out
    answers   method → what holders of a token get instead
    fhir      or: who answers them
    faults    played on the next token requests, in order
    ahead     how many seconds its clock is ahead of ours
    """

    def __init__(self, peer: Peer, keys: list[dict[str, str]] | None = None):
        self.peer, self.keys = peer, keys or []
        self.url = peer.base.removesuffix("/fhir") + "/token"
        self.configuration: Mapping[str, Any] = {"token_endpoint": self.url}
        self.lives: Any = 300
        self.grants: str | None = "asked"
        self.secret: tuple[str, str] | None = None
        self.faults: list[Reply] = []
        self.ahead = 0.0
        self.forms: list[dict[str, str]] = []
        self.assertions: list[str] = []
        self.valid: set[str] = set()
        self.jtis: set[str] = set()
        self.answers: dict[str, Reply] = {}
        self.fhir: Script | None = None
        peer.serves(self)

    def __call__(self, request: Request) -> Reply:
        path = request.target.split("?")[0]
        if path == "/token":
            reply = self.token(request)
            return replace(reply, headers={**self.date, **reply.headers})
        if path == "/fhir/.well-known/smart-configuration":
            assert "authorization" not in request.headers
            return Reply(body=self.configuration, headers=self.date)
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.valid:
            return Reply(401)
        if request.method in self.answers:
            return self.answers[request.method]
        if self.fhir:
            return self.fhir(request)
        if request.method != "GET":
            return Reply(201, {**request.json(), "id": "new"})
        return Reply(body=BUNDLE)

    @property
    def date(self) -> dict[str, str]:
        return {"Date": formatdate(time.time() + self.ahead, usegmt=True)}

    def token(self, request: Request) -> Reply:
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"
        form = dict(parse_qsl(request.body.decode(), strict_parsing=True, keep_blank_values=True))
        self.forms.append(form)
        if "client_assertion" in form:
            self.assertions.append(form["client_assertion"])
        if self.faults:
            return self.faults.pop(0)
        if not (self.proved(form) if self.secret is None else self.shared(request, form)):
            return Reply(401, NO)
        token = f"Trillian-Canary-{len(self.forms)}"
        self.valid.add(token)
        answer: dict[str, Any] = {"access_token": token, "token_type": "Bearer"}
        if self.lives is not None:
            answer["expires_in"] = self.lives
        if self.grants is not None:
            answer["scope"] = form.get("scope", "") if self.grants == "asked" else self.grants
        return Reply(body=answer)

    def proved(self, form: Mapping[str, str]) -> bool:
        """Is the assertion signed by a registered key, for us, for now, for the first time?"""
        assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        head = jwt.get_unverified_header(form["client_assertion"])
        key = next((k for k in self.keys if k["kid"] == head["kid"]), None)
        if key is None or head["alg"] not in {"RS384", "ES384"}:
            return False
        options: Any = {"require": ["exp", "iss", "sub", "aud", "jti"], "verify_exp": False, "verify_nbf": False}
        try:
            claims = jwt.decode(
                form["client_assertion"], jwt.PyJWK(key).key, [head["alg"]], audience=self.url, options=options
            )
        except jwt.PyJWTError:
            return False
        now = time.time() + self.ahead
        known = claims["jti"] in self.jtis
        self.jtis.add(claims["jti"])
        return not known and claims["iss"] == claims["sub"] == "alliance" and now < claims["exp"] <= now + 300

    def shared(self, request: Request, form: Mapping[str, str]) -> bool:
        if header := request.headers.get("authorization"):
            pair = base64.b64decode(header.removeprefix("Basic ")).decode().split(":")
            return (unquote_plus(pair[0]), unquote_plus(pair[1])) == self.secret and "client_secret" not in form
        return (form.get("client_id"), form.get("client_secret")) == self.secret
