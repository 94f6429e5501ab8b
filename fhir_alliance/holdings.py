"""What the EHR holds of ours, read back: every resource with an identifier of ours, patient by patient.

The search is by patient and not by identifier, so that copies and strays are seen too; each hit is
checked on our side (rule R7).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .fhir.answered import withdrawn
from .fhir.content import object_of
from .fhir.http import FhirClient
from .fhir.references import local
from .fhir.search import search
from .lookup import WITHDRAWN, subject_of
from .plan import UNPOINTED, Known
from .sinks import Sink, owned_hash

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Held:
    """One resource of ours in the EHR: its key is the value of our identifier."""

    type: str
    key: str
    patient: str
    body: Json

    @property
    def reference(self) -> str:
        """ "Type/id"."""
        return f"{self.type}/{self.body['id']}"

    @property
    def version(self) -> str:
        """meta.versionId, or ""."""
        return str((self.body.get("meta") or {}).get("versionId") or "")


def held(
    client: FhirClient, sinks: Mapping[str, Sink], types: Collection[str], namespace: str, patient: str
) -> list[Held]:
    """Everything of ours about one patient, of these types. Raises what a search raises."""
    found: list[Held] = []
    for type in sorted(types):
        system = f"{namespace}/{sinks[type].kind}"

        def take(raw: bytes, type: str = type, system: str = system) -> Held | None:
            body = object_of(raw)
            if not body or not isinstance(body.get("id"), str) or subject_of(body, client.bases) != patient:
                return None
            keys = [key for key in _keys(body, system) if key]
            return Held(type, keys[0], patient, body) if keys else None

        params = [("patient", patient.removeprefix("Patient/"))]
        found += search(client, type, params, take=take, page_size=50, page_cap=1000).items
    return found


def as_known(one: Held, sink: Sink, client: FhirClient, others: Iterable[Held]) -> Known:
    """How the store would know it. Its fingerprint names no content: the next pass compares the whole resource."""
    body, status = one.body, one.body.get("status")
    state = next(_codes(body.get("businessStatus")), "") if one.type == "Task" else ""
    return Known(
        type=one.type,
        key=one.key,
        patient=one.patient,
        response=_response(one, client, others),
        standing="retracted" if withdrawn(body) or (status in WITHDRAWN and not state) else "written",
        practitioner=local((body.get("owner") or {}).get("reference"), "Practitioner", client.bases) or "",
        scale=next(_codes(body.get("code")), "").rpartition("-")[2] if one.type == "Observation" else "",
        resource_id=str(body["id"]),
        version_id=one.version,
        owned=owned_hash(sink, body, client.bases),
        fingerprint=UNPOINTED if _points_to_form(one, client) else "",
        state=state,
        level=3 if body.get("priority") == "urgent" else 2 if one.type == "Task" else 0,
    )


def _points_to_form(one: Held, client: FhirClient) -> bool:
    """Is it a Task that was written before its score?"""
    focus = one.body.get("focus") if one.type == "Task" else None
    return isinstance(focus, Mapping) and bool(local(focus.get("reference"), "QuestionnaireResponse", client.bases))


def _response(one: Held, client: FhirClient, others: Iterable[Held]) -> str:
    """Id of the response that a score came from, or that the strain of an alert began with."""
    sources = one.body.get("derivedFrom") or [one.body.get("focus")]
    for source in sources if isinstance(sources, list) else []:
        reference = source.get("reference") if isinstance(source, Mapping) else None
        if found := local(reference, "QuestionnaireResponse", client.bases):
            return found.partition("/")[2]
        if score := local(reference, "Observation", client.bases):
            return next((_response(o, client, ()) for o in others if o.reference == score and o is not one), "")
    return ""


def _keys(body: Json, system: str) -> Iterator[str]:
    identifiers = body.get("identifier")
    for one in identifiers if isinstance(identifiers, list) else [identifiers]:
        if isinstance(one, Mapping) and one.get("system") == system and isinstance(one.get("value"), str):
            yield one["value"]


def _codes(concept: object) -> Iterator[str]:
    codings = concept.get("coding") if isinstance(concept, Mapping) else None
    for coding in codings or []:
        if isinstance(coding, Mapping) and isinstance(coding.get("code"), str):
            yield coding["code"]
