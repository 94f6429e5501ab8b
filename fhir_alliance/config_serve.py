"""Settings of what `serve` listens to."""

from __future__ import annotations

import re
from datetime import timedelta

from pydantic import Field, model_validator

from .config_types import Pause, Secret, Section

SHORTEST = 16
"""Characters of a shared secret."""


class Nudge(Section):
    """`POST /nudge`: the EHR tells that something changed, and the next pass comes sooner."""

    secret: Secret | None = Field(
        None,
        description="what the EHR sends in `header`, at least 16 characters; without it there is no /nudge",
        examples=[{"env": "ALLIANCE_NUDGE_SECRET"}],
    )
    header: str = Field("X-Alliance-Nudge", description="in which header; `Bearer` before the secret is skipped")
    at_most_every: Pause = Field(
        timedelta(minutes=1), description="the least time from the beginning of a pass to one that a nudge brings about"
    )
    per_minute: int = Field(60, ge=1, le=6000, description="nudges that are taken; beyond it 429")

    @model_validator(mode="after")
    def _header(self) -> Nudge:
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", self.header):
            raise ValueError("header is the name of a header")
        return self


class Serve(Section):
    """What `serve` listens to: /health and /ready, and /nudge if it has a secret."""

    listen: bool = Field(False, description="answer /health and /ready; the secret of [serve.nudge] switches it on too")
    host: str = Field("127.0.0.1", description="address; any other than this machine's needs TLS in front of it")
    port: int = Field(8089, ge=1, le=65535, description="TCP port")
    stale_after: Pause = Field(
        timedelta(days=1), description="/ready answers 503 when the last complete pass is older than this"
    )
    nudge: Nudge = Field(default_factory=Nudge)

    @property
    def listens(self) -> bool:
        """Is there anything to answer?"""
        return self.listen or self.nudge.secret is not None
