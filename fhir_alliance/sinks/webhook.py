"""Alerts as a small signed JSON to a system of the site's own: references and states, no names, no numbers.

Each message is posted under a key (`Idempotency-Key`); one whose outcome is unknown is posted again under the same
key, so a receiver must know by it what it has seen. `docs/howto/alerts.md` shows how the signature is checked.
"""

from __future__ import annotations

import hmac
from pathlib import Path
from typing import Any

import msgspec

from .. import __version__
from ..config_types import is_loopback
from ..config_writing import Webhook
from ..errors import Forbidden, OutcomeUnknown, Refused
from ..plan import AlertContent
from . import Frame, Json, Messenger, fhir_time

SIGNATURE = "X-Alliance-Signature"
KEY = "Idempotency-Key"


class WebhookSink(Messenger):
    """Where a site wants to be told itself. `root` anchors the file of the secret."""

    type = "Webhook"
    keys = "main"

    def __init__(self, settings: Webhook, root: Path) -> None:
        self._settings, self._root = settings, root
        self._session: Any = None

    def render(self, content: AlertContent, frame: Frame) -> Json:
        """What is posted."""
        focus = (frame.focus or {}).get(content.focus_key)
        references = {"patient": content.patient, "practitioner": content.owner, "encounter": content.encounter}
        return {
            "event": content.event,
            "key": content.key,
            "alert": content.first or content.key,
            "level": content.level,
            "kind": content.kind,
            "state": str(content.state),
            **{name: value for name, value in references.items() if value},
            "response": f"QuestionnaireResponse/{content.response}",
            **({"observation": focus} if focus else {}),
            "base": frame.bases[0],
            "at": fhir_time(frame.now),
        }

    def deliver(self, key: str, message: Json) -> None:
        """POST it, signed. A redirect is not followed: it would carry references elsewhere."""
        if self._settings.url is None or self._settings.secret is None:
            raise Refused("alerts.webhook is not set any more; a message was not sent")
        body = msgspec.json.encode(message)
        status = self._post(self._settings.url, body, key, sign(self._settings.secret.reveal(self._root), body))
        if 200 <= status < 300:
            return
        if status in {401, 403}:
            raise Forbidden(f"the webhook answered {status}: it does not know our signature", status=status)
        if status in {408, 409, 425, 429} or status >= 500:
            raise OutcomeUnknown(f"the webhook answered {status}", status=status)
        raise Refused(f"the webhook answered {status}; the message is not sent again", status=status)

    def _post(self, url: str, body: bytes, key: str, signature: str) -> int:
        import requests

        if self._session is None:
            self._session = requests.Session()
            self._session.trust_env = not is_loopback(url)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"fhir-alliance/{__version__}",
            KEY: key,
            SIGNATURE: signature,
        }
        timeout = self._settings.timeout.total_seconds()
        try:
            answer = self._session.post(url, data=body, headers=headers, timeout=timeout, allow_redirects=False)
        except requests.RequestException as error:
            # Its text holds the address; and whether it got there cannot be told.
            raise OutcomeUnknown(f"the webhook gave no answer ({type(error).__name__})") from None
        return int(answer.status_code)


def sign(secret: str, body: bytes) -> str:
    """The value of the signature header: "sha256=" and the HMAC-SHA256 of the body, hexadecimal."""
    return "sha256=" + hmac.digest(secret.encode(), body, "sha256").hex()
