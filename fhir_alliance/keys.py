"""Deterministic identifiers of what we write (`fhir.md` 3.4, `decisions.md` 4.1). Pure.

No version and no policy is part of a key: an amended response updates its Observation, a changed
policy finds its alert again. The base URL is: the same patient id elsewhere is another person.
"""

from __future__ import annotations

import hmac
import uuid
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys under one base URL. `secret` (bytes, at least 16) keeps alert keys from being enumerated."""

    base: str
    secret: bytes

    def score(self, patient: str, response: str, instrument: str, scale: str) -> str:
        """uuid5 of one scale of one response."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, "|".join(("score", self.base, patient, response, instrument, scale))))

    def alert(self, patient: str, practitioner: str, onset_response: str) -> str:
        """HMAC-SHA256 of a dyad and the response at which the strain began."""
        text = "|".join(("alert", self.base, patient, practitioner, onset_response))
        return hmac.digest(self.secret, text.encode(), "sha256").hex()[:40]
