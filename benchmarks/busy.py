"""A clinic where few of many patients are in therapy, on the same cheap server; it counts what it is asked.

    python -m benchmarks.busy QUIET ACTIVE

Everybody had a session 60 days ago, the active ones another six days ago. `/fhir/control?cohort=N&due=D` makes a cohort
of N patients of which D had a new session just now, and begins to count anew; `/fhir/asked` tells the requests by type
since then.
"""

from __future__ import annotations

import sys
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import msgspec

from . import data
from .server import Server, answer, bundle, end_with_stdin

AGO = {"old": timedelta(days=60), "last": timedelta(days=6), "new": timedelta(hours=1)}


class Busy(Server):
    """Patients from 0: the active ones first."""

    def __init__(self, quiet: int, active: int):
        super().__init__(quiet + active, ())
        self.active = active
        self.asked: Counter[str] = Counter()
        self.metadata = self.fixed.pop(b"/fhir/metadata")
        self.now = datetime.now(UTC)
        self._choose(quiet + active, 0)

    def _choose(self, cohort: int, due: int) -> None:
        """The first `due` patients have a new session; the rest of the cohort is quiet."""
        quiet = range(self.active, self.active + cohort - (due or self.active))
        self.due, self.cohort = due, [*range(due or self.active), *quiet]
        self.asked.clear()

    def _search(self, target: str) -> bytes:
        parts = urlsplit(target)
        params = {name: values[0] for name, values in parse_qs(parts.query).items()}
        type = parts.path.removeprefix("/fhir/")
        if type == "control":
            self._choose(int(params["cohort"]), int(params["due"]))
            return answer(b"{}")
        if type == "asked":
            return answer(msgspec.json.encode(dict(self.asked)))
        self.asked[type.partition("/")[0]] += 1
        if type == "metadata":
            return self.metadata
        if type == "Group/cohort":
            return answer(self._group())
        found = self._found(type, params)
        size, start = int(params.get("_count", "100")), int(params.get("_offset", "0"))
        more = urlencode({**params, "_offset": str(start + size)}) if start + size < len(found) else None
        link = f"{self.base}/{type}?{more}" if more else None
        return answer(bundle(found[start : start + size], self.base, len(found), link))

    def _group(self) -> bytes:
        members = [{"entity": {"reference": f"Patient/{data.patient_id(n)}"}} for n in self.cohort]
        group = {"resourceType": "Group", "id": "cohort", "type": "person", "actual": True, "member": members}
        return msgspec.json.encode(group)

    def _found(self, type: str, params: dict[str, str]) -> list[bytes]:
        if type == "Patient":
            asked = params["_id"].split(",") if "_id" in params else None
            numbers = self.cohort if asked is None else [self.numbers[id] for id in asked if id in self.numbers]
            return [data.patient(n) for n in numbers]
        if type not in ("QuestionnaireResponse", "Encounter"):
            return []
        number = self.numbers.get(params["patient"]) if "patient" in params else None
        # Whatever is asked for over everybody is asked for by a time after the first pass: only the new is there.
        whose = range(self.due) if "patient" not in params else [] if number is None else [number]
        since = params.get("_lastUpdated", "").removeprefix("ge")
        return [self._resource(type, n, what) for n in whose for what in self._sessions(n, since)]

    def _sessions(self, number: int, since: str) -> list[str]:
        """Sessions of a patient, of those that changed since (`ge`)."""
        held = ["old", *(["last"] if number < self.active else []), *(["new"] if number < self.due else [])]
        return [what for what in held if not since or self._time(what) >= since]

    def _time(self, what: str) -> str:
        return (self.now - AGO[what]).strftime("%Y-%m-%dT%H:%M:%SZ")

    def _resource(self, type: str, number: int, what: str) -> bytes:
        start, who = self._time(what), f"Patient/{data.patient_id(number)}"
        resource = {"resourceType": type, "id": f"{type[0]}{number}-{what}", "meta": {"lastUpdated": start}}
        if type == "Encounter":
            by = {"individual": {"reference": f"Practitioner/{data.practitioner_id(number)}"}}
            more = {"status": "finished", "period": {"start": start}, "participant": [by], "class": {"code": "AMB"}}
        else:
            items = [{"linkId": str(n), "answer": [{"valueInteger": 4}]} for n in range(1, data.ITEMS + 1)]
            form = {"status": "completed", "questionnaire": data.CANONICAL, "authored": start, "item": items}
            more = {**form, "encounter": {"reference": f"Encounter/E{number}-{what}"}}
        return msgspec.json.encode({**resource, "subject": {"reference": who}, **more})


if __name__ == "__main__":
    server = Busy(int(sys.argv[1]), int(sys.argv[2]))
    threading.Thread(target=end_with_stdin, daemon=True).start()
    print(server.port, flush=True)
    server.run()
