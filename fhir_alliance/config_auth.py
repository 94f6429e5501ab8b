"""How we identify ourselves: the settings of `auth` and `write_auth`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from .config_types import Secret, Section, is_loopback

_RESERVED = {"grant_type", "scope", "client_id", "client_secret", "client_assertion", "client_assertion_type"}
_SECRET = re.compile(r"secret|password|assertion|token|key", re.IGNORECASE)
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_NEEDS = {
    "basic": ("username", "password"),
    "bearer": ("token",),
    "secret": ("client_id", "client_secret"),
    "smart": ("client_id", "key"),
    "mtls": ("certificate",),
}


def _token_url(url: str) -> str:
    """The URL exactly as given, for it is also the audience of what we sign. ValueError when it is unsafe."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.fragment:
        raise ValueError("give an absolute URL, like https://ehr.example.org/oauth2/token")
    if parts.username or parts.password:
        raise ValueError("put credentials into their settings, not into the URL")
    if parts.scheme == "http" and not is_loopback(url):
        raise ValueError("plain http is allowed for this machine only; use https")
    return url


TokenUrl = Annotated[str, AfterValidator(_token_url), "URL"]


class Auth(Section):
    """How to identify ourselves to the EHR."""

    method: Literal["none", "smart", "secret", "basic", "bearer", "mtls"] = Field(
        "none",
        description="smart (SMART Backend Services: a signed assertion), secret (OAuth client secret), basic, bearer, "
        "mtls (the client certificate alone), none (this machine only)",
    )
    client_id: str | None = Field(None, description="for smart and secret", examples=["alliance"])
    key: Secret | None = Field(
        None,
        description="for smart: private key, PEM or JWK; RSA signs by RS384, EC P-384 by ES384",
        examples=[{"file": "keys/current.pem"}],
    )
    kid: str | None = Field(
        None,
        description="for smart: key id, if it is neither in the JWK nor the key's thumbprint",
        examples=["2026-01"],
    )
    client_secret: Secret | None = Field(
        None, description="for secret: { file | env | command }", examples=[{"file": "secrets/client"}]
    )
    client_auth: Literal["basic", "post"] = Field(
        "basic", description="for secret: sent in the Authorization header (basic) or in the form (post)"
    )
    token_url: TokenUrl | None = Field(
        None,
        description="token endpoint, instead of the one in the EHR's .well-known/smart-configuration",
        examples=["https://ehr.example.org/oauth2/token"],
    )
    scope: str | None = Field(
        None, description='scopes to ask for, instead of the computed ones; "" sends none', examples=[""]
    )
    scope_grammar: Literal["auto", "v1", "v2"] = Field(
        "auto", description="of computed scopes: v1 (.read), v2 (.rs); auto: v1 unless the EHR offers v2 only"
    )
    token_params: dict[str, str] = Field({}, description="further form parameters of a token request, like resource")
    audience: str | None = Field(
        None,
        description="for smart: `aud` of the assertion, if it is not the token endpoint's URL",
        examples=["https://ehr.example.org/oauth2/token"],
    )
    jku: str | None = Field(
        None,
        description="for smart: JWK Set URL as registered, if the EHR wants it in each assertion",
        examples=["https://clinic.example/jwks.json"],
    )
    issued_at: bool = Field(
        False, description="for smart: put `iat` and `nbf` into assertions; a fast local clock then fails"
    )
    username: str | None = Field(None, description="for basic", examples=["alliance"])
    password: Secret | None = Field(
        None, description="for basic: { file | env | command }", examples=[{"file": "secrets/password"}]
    )
    token: Secret | None = Field(
        None, description="for bearer: { file | env | command }", examples=[{"env": "ALLIANCE_TOKEN"}]
    )
    certificate: Path | None = Field(
        None, description="client certificate (PEM), beside any method", examples=["client.pem"]
    )
    certificate_key: Path | None = Field(
        None, description="its private key (mode 0600), if it is in a file of its own", examples=["client.key"]
    )
    client_id_header: str | None = Field(
        None, description="a header in which the client id is sent with every request", examples=["Epic-Client-ID"]
    )

    @model_validator(mode="after")
    def _complete(self) -> Auth:
        needed = _NEEDS.get(self.method, ())
        if not all(getattr(self, name) for name in needed):
            raise ValueError(f"{self.method} needs {' and '.join(needed)}")
        if self.client_id_header is not None and not _HEADER.fullmatch(self.client_id_header):
            raise ValueError("client_id_header is the name of a header")
        if set(self.token_params) & _RESERVED:
            raise ValueError("token_params holds a parameter that has a setting of its own")
        if any(_SECRET.search(name) for name in self.token_params):
            raise ValueError("token_params holds no secrets: these are given by reference")
        return self
