"""The run report: what a pass read, wrote, set aside and left for later. Numbers and times, no identities."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .errors import Exit


@dataclass(slots=True)
class RunReport:
    """Counters of one pass; `exit_code` follows from them (`decisions.md` 5.5).

    outcomes   responses by outcome: scored, waiting, skipped, retracted, set aside, superseded
    reasons    responses that were not scored, by machine word
    written    "Type.op" → count; likewise planned (not sent: writes are off, or a dry run)
    found      what stood there already as we would have written it
    silent     strains that raised no alert, by reason
    answers    what clinicians answered since the last pass, by answer
    waiting    alerts that a cap holds back
    unfiled    scores that have no place in the EHR, by reason
    disagreements  totals that are stated otherwise than we compute them, with references: only in what is asked for
    plan       in a dry run, every action with the resource that would be sent
    only       the pass is about one patient: whatever comes of it, the others were not read
    failed     the exit code of the error that ended the pass, None when it came to its end
    """

    run: str
    started: datetime
    dry_run: bool = False
    only: bool = False
    finished: datetime | None = None
    seconds: float = 0.0
    endpoints: dict[str, dict[str, Any]] = field(default_factory=dict)
    patients: Counter[str] = field(default_factory=Counter)
    read: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    written: Counter[str] = field(default_factory=Counter)
    planned: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    silent: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    unfiled: Counter[str] = field(default_factory=Counter)
    quarantine_new: int = 0
    quarantine_total: int = 0
    pushed: int = 0
    waiting: int = 0
    notices: int = 0
    episodes: Counter[str] = field(default_factory=Counter)
    watermark: dict[str, str] = field(default_factory=dict)
    freshness: float | None = None
    messages: list[str] = field(default_factory=list)
    disagreements: list[dict[str, Any]] = field(default_factory=list)
    plan: list[dict[str, Any]] = field(default_factory=list)
    ehr_failed: bool = False
    safety_stop: bool = False
    stopped_early: bool = False
    failed: Exit | None = None

    def say(self, message: str) -> None:
        """An operator's line, once."""
        if message not in self.messages:
            self.messages.append(message)

    @property
    def writes(self) -> int:
        """Resources created or changed in the EHR."""
        return sum(self.written.values())

    @property
    def settled(self) -> bool:
        """Was everybody read who was to be, and everything settled that could be?"""
        stopped = self.ehr_failed or self.safety_stop or self.stopped_early or self.failed is not None
        return not (stopped or self.patients["incomplete"])

    @property
    def complete(self) -> bool:
        """Settled, for the whole cohort: freshness counts from here."""
        return self.settled and not self.only

    @property
    def exit_code(self) -> Exit:
        """What ended it, then safety, then the EHR, then anything left over."""
        if self.failed is not None:
            return self.failed
        if self.safety_stop:
            return Exit.SAFETY
        if (self.ehr_failed or self.patients["incomplete"]) and not self.patients["completed"]:
            return Exit.EHR
        left = self.quarantine_new or sum(self.refused.values()) or sum(self.unknown.values())
        return Exit.PARTIAL if left or not self.settled else Exit.DONE

    def kept(self) -> dict[str, Any]:
        """The same for the store: nothing in it tells of one patient."""
        return self.to_json() | {"disagreements": {"count": len(self.disagreements)}}

    def to_json(self) -> dict[str, Any]:
        """The object of `sync --json`."""
        return {
            "run": self.run,
            "started": self.started.isoformat(timespec="seconds"),
            "finished": self.finished.isoformat(timespec="seconds") if self.finished else None,
            "seconds": round(self.seconds, 3),
            "dry_run": self.dry_run,
            "complete": self.complete,
            "exit_code": int(self.exit_code),
            "endpoints": self.endpoints,
            "patients": {k: self.patients[k] for k in ("cohort", "due", "completed", "incomplete")},
            "read": dict(sorted(self.read.items())),
            "outcomes": {
                k: self.outcomes[k] for k in ("scored", "superseded", "waiting", "skipped", "retracted", "set aside")
            },
            "reasons": dict(sorted(self.reasons.items())),
            "quarantine": {"new": self.quarantine_new, "total": self.quarantine_total},
            "disagreements": {"count": len(self.disagreements), "responses": self.disagreements},
            "written": _by_type(self.written),
            "planned": _by_type(self.planned),
            "found": _by_type(self.found),
            "refused": _by_type(self.refused),
            "unknown": _by_type(self.unknown),
            "alerts": {
                "pushed": self.pushed,
                "waiting": self.waiting,
                "silent": dict(sorted(self.silent.items())),
                "answers": dict(sorted(self.answers.items())),
            },
            "unfiled": dict(sorted(self.unfiled.items())),
            "episodes": dict(sorted(self.episodes.items())),
            "notices": self.notices,
            "watermark": self.watermark,
            "freshness": self.freshness,
            "messages": self.messages,
            **({"plan": self.plan} if self.dry_run else {}),
        }


def _by_type(counts: Counter[str]) -> dict[str, dict[str, int]]:
    nested: dict[str, dict[str, int]] = {}
    for name, count in sorted(counts.items()):
        kind, _, op = name.partition(".")
        nested.setdefault(kind, {})[op] = count
    return nested
