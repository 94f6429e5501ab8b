"""Where scores and alerts of ours stand: Observations and Tasks, or whatever a vendor's profile takes in their place.

The scenarios ask this object, so that they say the same of every EHR. What the EHR does not hold is asked of the
product, or of the system that its webhook told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .ehr import Ehr, Json, state, value, versions
from .hook import Receiver
from .product import Site
from .profiles import FITTING, TAKES_ALL

TYPES = {"observation": "Observation", "flowsheet": "Observation", "task": "Task", "communication": "Communication"}
TYPES |= {"document": "DocumentReference", "webhook": "Webhook"}


class Filed:
    """`profile` is a vendor's, "" for a server that takes everything; `here` the installation that ran last.

    scores, alerts  the sinks that are looked at
    """

    def __init__(self, ehr: Ehr, profile: str, hook: Receiver | None):
        self.ehr, self.profile, self.hook = ehr, profile, hook
        self.here: Site | None = None
        mine: Mapping[str, Any] = {} if profile in {"", *TAKES_ALL} else FITTING[profile]
        self._scores = mine.get("write.scores.sink", "observation")
        self._alerts = next(s for s in mine.get("alerts.sinks", ["task"]) if s != "log")

    @property
    def changes(self) -> int:
        """Exit code of a pass that has something filed to change: 3 where that is for a person to do."""
        return 3 if self._scores == "flowsheet" else 0

    def amounts(self, scores: int, alerts: int) -> Json:
        """As a report counts the creation of so many."""
        found = {TYPES.get(self._scores): scores, TYPES[self._alerts]: alerts}
        return {type: {"create": count} for type, count in found.items() if type and count}

    def series(self, patient: str, scale: str = "srs-v3-total") -> list[float]:
        """The scores that hold, oldest first."""
        if self._scores == "none":
            return self._explained(patient)
        if self._scores == "flowsheet":
            rows = self.ehr.search("Observation", patient=patient)
            return [value(o) for o in sorted(rows, key=lambda o: o["effectiveDateTime"])]
        return [value(o) for o in self.ehr.observations(patient, scale) if o["status"] != "entered-in-error"]

    def _explained(self, patient: str) -> list[float]:
        assert self.here is not None
        told = self.here.run("explain", f"Patient/{patient}", "--json")
        if not told.out.startswith("{"):
            return []  # nothing is known of that patient
        return [round(s["value"], 6) for s in told.report["sessions"] if s["usable"]]

    def turns(self, patient: str) -> list[str]:
        """What was told of the patient's strains, in order: raised, worse, recovered, withdrawn."""
        return self._TOLD[self._alerts](self, patient)

    def of(self, *turns: str) -> list[str]:
        """These turns as far as they can be told here: a note is never changed, and a person is told instead."""
        return [turn for turn in turns if self._alerts != "document" or turn == "raised"]

    def everything(self, *patients: str) -> object:
        """All that we filed or told, with versions: equal before and after when nothing was written."""
        types = ("Observation", "Task", "Communication", "DocumentReference")
        held = [r for patient in patients for type in types for r in self.ehr.search(type, patient=patient)]
        return versions(held), dict(self.hook.posts) if self.hook else {}

    def _tasks(self, patient: str) -> list[str]:
        told: list[str] = []
        for task in self.ehr.tasks(patient):
            ended = {"repaired": ["recovered"], "withdrawn": ["withdrawn"]}.get(state(task), [])
            told += ["raised", *(["worse"] if task["priority"] == "urgent" else []), *ended]
        return told

    def _communications(self, patient: str) -> list[str]:
        sent = [
            c["identifier"][0]["value"].partition(":")[2] for c in self.ehr.search("Communication", patient=patient)
        ]
        return [key.partition(":")[2] or "raised" for key in sorted(sent)]  # "", "1:worse", "2:recovered"

    def _documents(self, patient: str) -> list[str]:
        return ["raised" for _ in self.ehr.search("DocumentReference", patient=patient)]

    def _messages(self, patient: str) -> list[str]:
        assert self.hook is not None
        return [m["event"] for m in self.hook.messages if m["patient"] == f"Patient/{patient}"]

    _TOLD: Mapping[str, Callable[[Filed, str], list[str]]] = {
        "task": _tasks,
        "communication": _communications,
        "document": _documents,
        "webhook": _messages,
    }
