"""What a pass has written about a patient and no Provenance accounts for yet (`fhir.md` 3.7). Pure.

It is looked up rather than remembered: a pass that ended between a write and its Provenance loses none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from .plan import Action, Known, Op
from .sinks.provenance import ProvenanceContent

TYPE = "Provenance"
_NOT = frozenset({TYPE, "Device", "Webhook", "Log"})


def plan_provenance(patient: str, known: Iterable[Known]) -> Action | None:
    """One Provenance for everything about a patient that stands in a version of which none tells; None when there is
    nothing."""
    rows = list(known)
    told = {token for k in rows if k.type == TYPE for token in k.attached.split()}
    mine = {_token(k): k for k in rows if k.type not in _NOT and k.patient == patient and _ours(k)}
    new = sorted(set(mine) - told)
    if not new:
        return None
    before = {token.partition("@")[0] for token in told}
    content = ProvenanceContent(
        key=hashlib.blake2b(" ".join(new).encode(), digest_size=20).hexdigest(),
        patient=patient,
        targets=tuple(dict.fromkeys(token.partition("@")[0] for token in new)),
        responses=tuple(sorted({mine[token].response for token in new} - {""})),
        attached=tuple(new),
        first=not any(token.partition("@")[0] in before for token in new),
    )
    return Action(Op.CREATE, TYPE, content.key, patient, content, reason="who made what")


def _ours(k: Known) -> bool:
    return bool(k.resource_id) and k.standing in {"written", "retracted"}


def _token(k: Known) -> str:
    return f"{k.type}/{k.resource_id}@{k.version_id}"
