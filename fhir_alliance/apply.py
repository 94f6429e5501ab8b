"""Carrying out a plan through the ledger: intent first, one request, then its outcome (rule R3).

A create whose outcome is unknown is never sent again by itself; an update is always made on what
the EHR holds now, and never over someone else's edit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from urllib.parse import quote

from . import faults
from .config import Write
from .errors import Conflict, EHRError, Forbidden, NotFound, OutcomeUnknown, Refused
from .fhir.http import FhirClient
from .fhir.outbound import checked
from .lookup import find_about, find_by_key, is_ours
from .plan import Action, AlertContent, Known, Op
from .report import RunReport
from .sinks import Frame, Json, Sink, compared_hash, owned_hash
from .store.ledger import Ledger
from .store.store import stamp, unstamp


class WriteCap(Exception):
    """This pass has written as much as it may."""


class Guard(Protocol):
    """Says stop before a write (a lost lease)."""

    def check(self) -> None:
        """Raise when we must not write."""


@dataclass(slots=True)
class Applier:
    """Writes for one endpoint in one pass."""

    client: FhirClient
    ledger: Ledger
    sinks: Mapping[str, Sink]
    frame: Frame
    write: Write
    guard: Guard
    report: RunReport
    clock: Callable[[], datetime]
    max_writes: int
    dry_run: bool = False
    unconditional: Collection[str] = ()
    """Types for which the EHR declares that it ignores If-None-Exist."""
    sent: int = 0

    def may_write(self, type: str) -> bool:
        """Both keys turned: writes on, and this type listed."""
        return self.write.enabled and type in self.write.types and not self.dry_run

    def apply(self, action: Action, row: int) -> bool:
        """Do one planned action. True when it is settled: done, refused, or not ours to do now."""
        name = f"{action.type}.{action.op}"
        if not self.may_write(action.type):
            self.report.planned[name] += 1
            if self.dry_run:
                self.report.plan.append(self._shown(action))
            return True
        if self.sent >= self.max_writes:
            raise WriteCap
        self.guard.check()
        try:
            return self._create(action, row) if action.op is Op.CREATE else self._update(action, row)
        except (Refused, Forbidden, Conflict, NotFound) as error:
            self._refuse(action, row, error.status, error.codes, str(error))
            if isinstance(error, Forbidden) or (isinstance(error, Conflict) and action.op is not Op.CREATE):
                return False  # a matter of configuration, or of the moment: asked again at the next pass
            if action.op is Op.UPDATE and action.known is not None and action.known.standing == "written":
                # Asked and answered: ask again only when the content changes.
                attempted = getattr(action.content, "fingerprint", "")
                self.ledger.stand(action.known, "written", self.clock(), fingerprint=attempted)
            return True
        except OutcomeUnknown:
            self.ledger.settle(row, "unknown", self.clock())
            self.report.unknown[name] += 1
            self.report.say(f"the outcome of a {action.type} {action.op} is unknown; the next pass will find out")
            return False
        except EHRError:
            # Definitely not sent, or answered with "not now": it stays planned.
            self.ledger.settle(row, "planned", self.clock())
            raise

    def _shown(self, action: Action) -> Json:
        """A planned action for the dry run, with the exact resource where there is content."""
        known = f"{action.type}/{action.known.resource_id}" if action.known and action.known.resource_id else None
        content = action.content
        resource = self.sinks[action.type].render(content, self.frame) if content is not None else None
        source = getattr(content, "response", "") or (action.known.response if action.known else "")
        shown = {"op": str(action.op), "type": action.type, "target": known, "patient": action.patient}
        shown |= {"source": f"QuestionnaireResponse/{source}" if source else None, "reason": action.reason}
        return shown | {"resource": resource}

    def _refuse(self, action: Action, row: int, status: int | None, codes: tuple[str, ...], why: str) -> None:
        self.ledger.refused(row, self.clock(), status=status, codes=codes)
        self.report.refused[f"{action.type}.{action.op}"] += 1
        self.report.say(why)

    # -- create

    def _create(self, action: Action, row: int) -> bool:
        sink = self.sinks[action.type]
        if isinstance(action.content, AlertContent) and (there := self._about(action, sink)):
            return self._adopt(action, row, sink, there)
        try:
            resource = checked(sink.render(action.content, self.frame))
        except ValueError as error:
            self._refuse(action, row, None, ("invalid",), f"a {action.type} was not sent: {error}")
            return True
        system = resource["identifier"][0]["system"]
        self.ledger.pending(row, self.clock(), compared_hash(sink, resource, self.client.bases))
        faults.reached("pending")
        self.sent += 1
        try:
            token = f"identifier={quote(f'{system}|{action.key}', safe='')}"
            filed = self.client.create(resource, if_none_exist=None if action.type in self.unconditional else token)
        except Conflict:
            # A raced conditional create, or several matches: look before believing either.
            found = self._sent_already(action, system)
            if len(found) == 1:
                return self._adopt(action, row, sink, found[0])
            raise
        faults.reached("sent")
        body = filed.body if filed.body and filed.body.get("resourceType") == action.type else None
        if body is not None and not is_ours(body, system, action.key, action.patient, self.client.bases):
            self.ledger.settle(row, "review", self.clock())
            self.report.unknown[f"{action.type}.create"] += 1
            self.report.say(f"the EHR answered a {action.type} create with another resource; see: fhir-alliance status")
            return True
        if filed.status == 200 or filed.id is None:
            found = [body] if body else self._sent_already(action, system)
            if len(found) != 1:
                raise OutcomeUnknown("a create was acknowledged without an id", status=filed.status)
            return self._adopt(action, row, sink, found[0])
        owned = owned_hash(sink, body or resource, self.client.bases)
        self._settled(action, row, filed.id, filed.version or _version(body), owned)
        return True

    def _sent_already(self, action: Action, system: str) -> list[Json]:
        """Look for what a create left behind; when that fails too, its outcome is unknown."""
        try:
            return find_by_key(self.client, action.type, system, action.key, action.patient)
        except EHRError as error:
            raise OutcomeUnknown("a create was answered unclearly", status=error.status) from None

    def _about(self, action: Action, sink: Sink) -> Json | None:
        """An alert of ours about the same score, from before this store: never raise it twice."""
        content = action.content
        if not isinstance(content, AlertContent) or not self.frame.focus:
            return None
        focus = self.frame.focus.get(content.focus_key)
        system = f"{self.frame.namespace}/alert"
        return find_about(self.client, action.type, system, content.patient, focus) if focus else None

    def _adopt(self, action: Action, row: int, sink: Sink, resource: Json) -> bool:
        """The resource stands already: take it as ours; if it says something else, the next plan mends it."""
        wanted = compared_hash(sink, sink.render(action.content, self.frame), self.client.bases)
        fingerprint = None if compared_hash(sink, resource, self.client.bases) == wanted else ""
        owned = owned_hash(sink, resource, self.client.bases)
        self._settled(action, row, str(resource["id"]), _version(resource), owned, fingerprint, count=False)
        return True

    # -- update and retract

    def _update(self, action: Action, row: int, again: bool = True) -> bool:
        k, sink = action.known, self.sinks[action.type]
        if k is None:
            raise ValueError("an update needs what it updates")
        try:
            current = self.client.read(f"{k.type}/{k.resource_id}")
        except NotFound:
            self.ledger.stand(k, "removed", self.clock())
            self._refuse(action, row, 404, ("removed-by-site",), f"a {k.type} of ours was deleted in the EHR; left so")
            return True
        body, bases = current.body, self.client.bases
        system = f"{self.frame.namespace}/{sink.kind}"
        if not is_ours(body, system, None, "", bases) or (self._foreign(k, body, sink) and action.op is not Op.RETRACT):
            self.ledger.stand(k, "foreign", self.clock())
            why = f"a {k.type} of ours was edited by someone else; left so"
            self._refuse(action, row, None, ("foreign-edit",), why)
            return True
        if action.op is Op.RETRACT:
            new = sink.retract(body, action.reason, self.frame)
        else:
            new = sink.revise(body, action.content, self.frame)
        owned, expected = owned_hash(sink, new, bases), compared_hash(sink, new, bases)
        if expected == compared_hash(sink, body, bases):
            self._settled(action, row, k.resource_id, _version(body), owned, count=False)
            return True
        if not current.etag:
            self._refuse(action, row, None, ("no-etag",), f"the EHR gives no version of a {k.type}; it is not changed")
            return True
        self.ledger.pending(row, self.clock(), expected)
        faults.reached("pending")
        self.sent += 1
        try:
            filed = self.client.update(f"{k.type}/{k.resource_id}", new, if_match=current.etag)
        except Conflict:
            if again:
                return self._update(action, row, again=False)
            raise
        faults.reached("sent")
        stored = filed.body if filed.body and filed.body.get("resourceType") == k.type else new
        self._settled(
            action, row, k.resource_id, filed.version or _version(filed.body), owned_hash(sink, stored, bases)
        )
        return True

    def _foreign(self, k: Known, body: Json, sink: Sink) -> bool:
        """Edited by someone else: another version than our last, and an element of ours differs."""
        changed = bool(k.owned) and owned_hash(sink, body, self.client.bases) != k.owned
        return changed and _version(body) != k.version_id

    def _settled(
        self,
        action: Action,
        row: int,
        id: str,
        version: str,
        owned: str,
        fingerprint: str | None = None,
        *,
        count: bool = True,
    ) -> None:
        standing = "retracted" if action.op is Op.RETRACT else "written"
        self.ledger.done(
            row,
            self.clock(),
            resource_id=id,
            version_id=version,
            owned=owned,
            standing=standing,
            fingerprint=fingerprint,
        )
        faults.reached("done")
        if count:
            self.report.written[f"{action.type}.{action.op}"] += 1
            self.report.pushed += action.push
        else:
            self.report.found[f"{action.type}.{action.op}"] += 1
        if action.type == "Observation" and self.frame.focus is not None and isinstance(self.frame.focus, dict):
            self.frame.focus[action.key] = f"Observation/{id}"

    # -- unknown outcomes

    def reconcile(self, after: timedelta) -> set[str]:
        """Find out what became of writes whose outcome is unknown. Returns the patients concerned.

        after  time between two complete searches that find nothing before a create is planned again
        """
        touched: set[str] = set()
        for row in self.ledger.unknown():
            touched.add(row["patient"])
            try:
                settled = self._find_out(row, after)
            except EHRError:
                settled = False
            if not settled:
                self.report.unknown[f"{row['type']}.{row['op']}"] += 1
                self.report.say("a write's outcome is still unknown; a later pass will look again")
        return {p for p in touched if p}

    def _find_out(self, row: Mapping[str, Any], after: timedelta) -> bool:
        now, sink = self.clock(), self.sinks[row["type"]]
        if row["op"] != Op.CREATE:
            return self._find_out_update(row, sink, now)
        system = f"{self.frame.namespace}/{sink.kind}"
        found = find_by_key(self.client, row["type"], system, row["key"], row["patient"])
        if len(found) == 1:
            owned = owned_hash(sink, found[0], self.client.bases)
            same = None if compared_hash(sink, found[0], self.client.bases) == row["expected"] else ""
            done = {"resource_id": str(found[0]["id"]), "version_id": _version(found[0]), "owned": owned}
            self.ledger.done(row["id"], now, **done, standing="written", fingerprint=same)
            return True
        if found:
            self.ledger.settle(row["id"], "review", now)
            self.report.say(f"several {row['type']} resources carry one identifier of ours; a person must merge them")
            return True
        if row["searched"] is None:
            self.ledger.settle(row["id"], "unknown", now, searched=stamp(now))
            return self._find_out({**row, "searched": stamp(now)}, after) if not after else False
        if now - unstamp(row["searched"]) < after:
            return False
        self.ledger.settle(row["id"], "released", now)
        return True

    def _find_out_update(self, row: Mapping[str, Any], sink: Sink, now: datetime) -> bool:
        try:
            body = self.client.read(f"{row['type']}/{row['resource_id']}").body
        except NotFound:
            self.ledger.settle(row["id"], "released", now)
            return True
        if compared_hash(sink, body, self.client.bases) != row["expected"]:
            self.ledger.settle(row["id"], "released", now)
            return True
        standing = "retracted" if row["op"] == Op.RETRACT else "written"
        known = {"version_id": _version(body), "owned": owned_hash(sink, body, self.client.bases)}
        self.ledger.done(row["id"], now, resource_id=row["resource_id"], **known, standing=standing)
        return True


def _version(body: Mapping[str, Any] | None) -> str:
    found = (body or {}).get("meta")
    return str(found.get("versionId") or "") if isinstance(found, dict) else ""
