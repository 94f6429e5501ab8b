"""Carrying out a plan through the ledger: intent first, one request, then its outcome (rule R3).

A create whose outcome is unknown is never sent again by itself; an update is always made on what
the EHR holds now, and never over someone else's edit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import quote

from . import faults
from .by_hand import NOT_CORRECTED, as_it_should_be, ended, look
from .config import Write
from .errors import Conflict, EHRError, Forbidden, NotFound, OutcomeUnknown, Refused
from .fhir.http import FhirClient
from .fhir.outbound import checked
from .lookup import WITHDRAWN, find_about, find_alike, find_by_key, is_ours
from .messages import thread_of, told
from .plan import BY_HAND, LABELS, UNPOINTED, Action, AlertContent, Known, Op
from .report import RunReport
from .sinks import Frame, Json, Messenger, Sink, compared_hash, owned_hash
from .store.ledger import Ledger
from .wording import a

THERE_ALREADY = frozenset({"59141", "59189"})
"""Refusals of a create by which an EHR says that it holds exactly this (Epic: `fhir.md` 3.3.6)."""
UNRESOLVED = frozenset({400, 404, 422})
"""How EHRs refuse a create whose patient was merged into another meanwhile (`fhir.md` 6, no. 34)."""
LEFT = frozenset({"cannot-be-changed", "no-etag", NOT_CORRECTED})
"""Refusals of a change that no later pass can mend."""
REFUSING = frozenset({400, 403, 405, 422})
"""How EHRs refuse a new resource of a type that they do not take at all, or not of this kind."""
ADVICE = "; fhir-alliance doctor tells what this EHR takes, and what to set"


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
    fixed: Collection[str] = ()
    """Types of which the EHR declares that it takes no update."""
    sent: int = 0
    now_allowed: Callable[[], Write] | None = None
    """What the settings say by now, if they can change during the pass: it may forbid what was allowed at its start."""
    quiet: Callable[[Known, Json, bool], bool] = lambda *_: False
    """Has a person said that this alert, as it stands there, is to be left alone? Asked right before a change; the last
    argument says whether that would note another strain on it."""
    turned_down: set[str] = field(default_factory=set)
    """Patients about whom the EHR took nothing new: it may know them by another id now."""
    to_come: set[str] = field(default_factory=set)
    """Keys of the scores that a dry run would have written."""

    def may_write(self, type: str) -> bool:
        """Both keys turned: writes on, and this type listed; what is told elsewhere has its own rule (`Sink.keys`).
        A shadow tells nobody anything."""
        if self.dry_run or not self._allows(self.write, type):
            return False
        return self.now_allowed is None or self._allows(self.now_allowed(), type)

    def _allows(self, write: Write, type: str) -> bool:
        if write.shadow:
            return False
        keys = self.sinks[type].keys if type in self.sinks else "both"
        listed = keys != "both" or type in write.types
        return (write.enabled or keys == "none") and listed

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
            return self._do(action, row)
        except (Refused, Forbidden, Conflict, NotFound) as error:
            advice = ADVICE if action.op is Op.CREATE and error.status in REFUSING else ""
            self._refuse(action, row, error.status, error.codes, f"{error}{advice}")
            if action.op is Op.CREATE and error.status in UNRESOLVED:
                self.turned_down.add(action.patient)
            if action.op is Op.RETRACT and LEFT.intersection(error.codes):
                # It cannot be taken back, now or later: a person must correct it in the EHR.
                self.ledger.settle(row, "review", self.clock())
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
            then = (
                "is sent again by the next pass"
                if isinstance(self.sinks[action.type], Messenger)
                else "will be found out by the next pass"
            )
            self.report.say(f"the outcome of {a(action.type)} {action.op} is unknown; it {then}")
            return False
        except EHRError:
            # Definitely not sent, or answered with "not now": it stays planned.
            self.ledger.settle(row, "planned", self.clock())
            raise

    def _do(self, action: Action, row: int) -> bool:
        if isinstance(sink := self.sinks[action.type], Messenger):
            return self._deliver(action, row, sink)
        self._place(action, row)
        if action.known is not None and action.known.fingerprint == BY_HAND:
            return self._corrected(action, row, action.known)
        return self._create(action, row) if action.op is Op.CREATE else self._update(action, row)

    def _shown(self, action: Action) -> Json:
        """A planned action for the dry run, with the exact resource where there is content."""
        known = f"{action.type}/{action.known.resource_id}" if action.known and action.known.resource_id else None
        content = action.content
        self._place(action)
        if (
            action.type == "Observation"
            and action.op is Op.CREATE
            and (not self.write.types or action.type in self.write.types)
        ):
            self.to_come.add(action.key)
        # What a panel lists, or a Task points to, is not filed yet: named as it would be within one transaction.
        listed = (*getattr(content, "members", ()), *self.to_come.intersection([getattr(content, "focus_key", "")]))
        members = {key: f"urn:uuid:{key}" for key in listed}
        frame = replace(self.frame, focus=members | dict(self.frame.focus or {}))
        resource = self.sinks[action.type].render(content, frame) if content is not None else None
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
        if there := self._about(action):
            return self._adopt(action, row, sink, there)
        try:
            resource = checked(sink.render(action.content, self.frame))
        except ValueError as error:
            self._refuse(action, row, None, ("invalid",), f"{a(action.type)} was not sent: {error}")
            return True
        system = f"{self.frame.namespace}/{sink.kind}"
        expected = compared_hash(sink, resource, self.client.bases)
        self.ledger.pending(row, self.clock(), expected)
        faults.reached("pending")
        self.sent += 1
        try:
            token = f"identifier={quote(f'{system}|{action.key}', safe='')}"
            conditional = sink.identified and action.type not in self.unconditional
            filed = self.client.create(resource, if_none_exist=token if conditional else None)
        except Conflict:
            # A raced conditional create, or several matches: look before believing either.
            found = self._sent_already(action, expected)
            if (ours := self.chosen(action.type, found)) is None:
                raise
            return self._adopt(action, row, sink, ours)
        except Refused as error:
            if not THERE_ALREADY.intersection(error.codes):
                raise
            if ours := self.chosen(action.type, self._sent_already(action, expected)):
                return self._adopt(action, row, sink, ours)
            self._settled(action, row, "", "", "", count=False)
            return True
        faults.reached("sent")
        body = filed.body if filed.body and filed.body.get("resourceType") == action.type else None
        if body is not None and not self._answered(body, sink, action, expected):
            self.ledger.settle(row, "review", self.clock())
            self.report.unknown[f"{action.type}.create"] += 1
            self.report.say(
                f"the EHR answered {a(action.type)} create with another resource; see: fhir-alliance review"
            )
            return True
        if filed.status == 200 or filed.id is None:
            ours = body or self.chosen(action.type, self._sent_already(action, expected))
            if ours is None:
                raise OutcomeUnknown("a create was acknowledged without an id", status=filed.status)
            return self._adopt(action, row, sink, ours)
        owned = owned_hash(sink, body or resource, self.client.bases)
        self._settled(action, row, filed.id, filed.version or version_of(body), owned)
        return True

    def _answered(self, body: Json, sink: Sink, action: Action, expected: str) -> bool:
        """Is the resource in the answer the one that was sent?"""
        if not sink.identified:
            return compared_hash(sink, body, self.client.bases) == expected
        system = f"{self.frame.namespace}/{sink.kind}"
        return is_ours(body, system, action.key, action.patient, self.client.bases)

    def _sent_already(self, action: Action, expected: str) -> list[Json]:
        """Look for what a create left behind; when that fails too, its outcome is unknown."""
        row = {"type": action.type, "key": action.key, "patient": action.patient, "expected": expected}
        row["attached"] = " ".join(getattr(action.content, "attached", ()))
        try:
            return self.written(row)
        except EHRError as error:
            raise OutcomeUnknown("a create was answered unclearly", status=error.status) from None

    def written(self, row: Mapping[str, Any]) -> list[Json]:
        """What a create of the ledger left in the EHR: by identifier, else by content. Raises what a search raises."""
        sink = self.sinks[row["type"]]
        system = f"{self.frame.namespace}/{sink.kind}"
        found = find_by_key(self.client, row["type"], system, row["key"], row["patient"]) if sink.identified else []
        if found:
            return found
        others = {k.resource_id for k in self.ledger.known(row["patient"]) if k.type == row["type"]}
        return find_alike(self.client, sink, row, system, others)

    def chosen(self, type: str, found: Sequence[Json]) -> Json | None:
        """Which of the resources that a create may have left is ours, if that can be told.

        Of several with our identifier the one that `copies` keeps: what is not withdrawn, with the smallest id. Of
        several that are alike without one, nobody knows.
        """
        system = f"{self.frame.namespace}/{self.sinks[type].kind}"
        if len(found) > 1 and not all(is_ours(body, system, None, "", self.client.bases) for body in found):
            return None
        return min(found, key=lambda body: (body.get("status") in WITHDRAWN, str(body["id"])), default=None)

    def _about(self, action: Action) -> Json | None:
        """An alert of ours about the same score, from before this store: never raise it twice."""
        content = action.content
        if not (isinstance(content, AlertContent) and content.event == "raised"):
            return None
        # Where no score is filed, or its id was not told, an alert is about the form.
        focus = (self.frame.focus or {}).get(content.focus_key)
        onset = {f"QuestionnaireResponse/{content.response}", *([focus] if focus else [])}
        known = {k.resource_id for k in self.ledger.known(content.patient) if k.type == action.type}
        try:
            return find_about(self.client, action.type, f"{self.frame.namespace}/alert", content.patient, onset, known)
        except (Forbidden, Refused):
            if focus:
                raise
            return None  # not to be looked up here: the answer to the create tells

    def _place(self, action: Action, row: int | None = None) -> None:
        """A panel lists Observations by their ids in the EHR, those of earlier passes too, and a Task points to one."""
        points = action.type == "Task" and isinstance(action.content, AlertContent)
        if (points or bool(getattr(action.content, "members", ()))) and isinstance(self.frame.focus, dict):
            self.frame.focus.update(self.ledger.observation_refs(action.patient))
        if points and row is not None and action.content.focus_key not in (self.frame.focus or {}):
            # It points to the form until the score stands.
            self.ledger.note(row, fingerprint=action.content.fingerprint + UNPOINTED)

    def _deliver(self, action: Action, row: int, sink: Messenger) -> bool:
        """Tell what is not a resource of the EHR: intent first, then once, then its outcome."""
        message = sink.render(action.content, self.frame)
        self.ledger.pending(row, self.clock(), "")
        faults.reached("pending")
        self.sent += sink.keys != "none"
        sink.deliver(action.key, message)
        faults.reached("sent")
        self._settled(action, row, "", "", "")
        return True

    def _adopt(self, action: Action, row: int, sink: Sink, resource: Json) -> bool:
        """The resource stands already: take it as ours; if it says something else, the next plan mends it."""
        wanted = compared_hash(sink, sink.render(action.content, self.frame), self.client.bases)
        fingerprint = None if compared_hash(sink, resource, self.client.bases) == wanted else ""
        owned = owned_hash(sink, resource, self.client.bases)
        self._settled(action, row, str(resource["id"]), version_of(resource), owned, fingerprint, count=False)
        return True

    # -- update and retract

    def _update(self, action: Action, row: int, again: bool = True) -> bool:
        k, sink = action.known, self.sinks[action.type]
        if k is None:
            raise ValueError("an update needs what it updates")
        if not sink.changes or k.type in self.fixed:
            raise Refused(f"{a(k.type)} of ours cannot be changed in this EHR; {_by_hand(action)}", codes=_FIXED)
        try:
            current = self.client.read(f"{k.type}/{k.resource_id}")
        except NotFound:
            self.ledger.stand(k, "removed", self.clock())
            self._refuse(action, row, 404, ("removed-by-site",), f"{a(k.type)} of ours was deleted in the EHR; left so")
            return True
        body, bases = current.body, self.client.bases
        system = f"{self.frame.namespace}/{sink.kind}"
        if not is_ours(body, system, None, "", bases) or (self._foreign(k, body, sink) and action.op is not Op.RETRACT):
            self.ledger.stand(k, "foreign", self.clock())
            why = f"{a(k.type)} of ours was edited by someone else; left so"
            self._refuse(action, row, None, ("foreign-edit",), why)
            return True
        tells = action.op is Op.UPDATE and sink.kind == "alert" and getattr(action.content, "event", "") != LABELS
        noting = bool(set(getattr(action.content, "attached", ())) - set(k.attached.split()))
        if tells and self.quiet(k, body, noting):
            self.ledger.settle(row, "released", self.clock())
            return not noting  # what was to be noted there is planned anew
        if action.op is Op.RETRACT:
            new = sink.retract(body, action.reason, self.frame)
        else:
            new = sink.revise(body, action.content, self.frame)
        owned, expected = owned_hash(sink, new, bases), compared_hash(sink, new, bases)
        if expected == compared_hash(sink, body, bases):
            self._settled(action, row, k.resource_id, version_of(body), owned, count=False)
            return True
        if not current.etag:
            why = f"the EHR gives no version of {a(k.type)}, so it is not changed; {_by_hand(action)}"
            raise Refused(why, codes=("no-etag",))
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
            action, row, k.resource_id, filed.version or version_of(filed.body), owned_hash(sink, stored, bases)
        )
        return True

    def _corrected(self, action: Action, row: int, k: Known) -> bool:
        """A person says to have corrected it in the EHR: look, and send nothing. Refused when it stands as before."""
        sink = self.sinks[action.type]
        body = look(self.client, k)
        if body is None or (action.op is Op.UPDATE and ended(body)):
            self.ledger.stand(k, "removed", self.clock())
            self.ledger.settle(row, "settled", self.clock())
            return True
        if body and not as_it_should_be(sink, body, action, self.frame, self.client.bases):
            why = f"{a(k.type)} that was to be corrected by hand says what it said; see: fhir-alliance review"
            raise Refused(why, codes=(NOT_CORRECTED,))
        owned = owned_hash(sink, body, self.client.bases) if body else k.owned
        self._settled(action, row, k.resource_id, version_of(body) or k.version_id, owned, count=False)
        return True

    def _foreign(self, k: Known, body: Json, sink: Sink) -> bool:
        """Edited by someone else: another version than our last, and an element of ours differs."""
        changed = bool(k.owned) and owned_hash(sink, body, self.client.bases) != k.owned
        return changed and version_of(body) != k.version_id

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
        if action.type == "Observation" and id and isinstance(self.frame.focus, dict):
            self.frame.focus[action.key] = f"Observation/{id}"
        if isinstance(action.content, AlertContent):
            self.thread(action.type, action.key, action.patient, str(action.content.state), action.content.level)

    def thread(self, type: str, key: str, patient: str, state: str, level: int) -> None:
        """When a further message of an alert was told, the alert itself says that now."""
        if (first := thread_of(key)) == key:
            return
        standing = "retracted" if told(key) == "withdrawn" else "written"
        self.ledger.stand(Known(type, first, patient, "", "written"), standing, self.clock(), state=state, level=level)


_FIXED = ("cannot-be-changed",)


def _by_hand(action: Action) -> str:
    if action.op is Op.RETRACT:
        return "it holds no longer, and a person must correct it there; see: fhir-alliance review"
    return "what stands there is not what we would write now; see: fhir-alliance review"


def version_of(body: Mapping[str, Any] | None) -> str:
    """meta.versionId of a resource, or ""."""
    found = (body or {}).get("meta")
    return str(found.get("versionId") or "") if isinstance(found, dict) else ""
