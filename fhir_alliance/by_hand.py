"""What a person says to have corrected in the EHR, looked at there. Nothing is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .errors import NotFound
from .fhir.answered import withdrawn
from .fhir.http import FhirClient
from .lookup import WITHDRAWN, subject_of
from .plan import Action, Known, Op
from .sinks import Frame, Sink, normal

Json = dict[str, Any]
NOT_CORRECTED = "not-corrected"
"""Code of a refusal of ours: it stands there as it did."""
ENDED = WITHDRAWN | {"inactive", "superseded", "rejected"}
"""Statuses by which a person takes something out of use."""


def look(client: FhirClient, k: Known) -> Json | None:
    """What stands in the EHR; None when it is gone. {} where its id was never told: a person's word must do."""
    if not k.resource_id:
        return {}
    try:
        return client.read(f"{k.type}/{k.resource_id}").body
    except NotFound:
        return None


def ended(body: Mapping[str, Any]) -> bool:
    """Is it out of use?"""
    return body.get("status") in ENDED or withdrawn(body)


def as_it_should_be(sink: Sink, body: Json, action: Action, frame: Frame, bases: Sequence[str]) -> bool:
    """Withdrawn, where it holds no longer; else: does it say what we would write?

    Only the elements that are ours are looked at, and not whether it is final or amended.
    """
    if subject_of(body, bases) not in {action.patient, None}:
        return False
    if action.op is Op.RETRACT:
        return ended(body)
    new = sink.revise(body, action.content, frame) if sink.changes else sink.render(action.content, frame)
    return _said(sink, body, bases) == _said(sink, new, bases)


def _said(sink: Sink, body: Json, bases: Sequence[str]) -> Json:
    said: Json = normal(sink.owned(body), bases)
    return {name: value for name, value in said.items() if name != "status"}
