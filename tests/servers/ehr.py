"""A FHIR server seen through plain HTTP: loading it, and reading back what it holds. No product code."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin

import requests

Json = dict[str, Any]
NS = "https://w3id.org/fhir-alliance"


class Ehr:
    """One server at its base URL; `token` where it asks who we are."""

    def __init__(self, base: str, token: str | None = None):
        self.base = base
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.headers.update(
            {"Accept": "application/fhir+json", "Content-Type": "application/fhir+json", "Cache-Control": "no-cache"}
        )
        if token:
            self.http.headers["Authorization"] = f"Bearer {token}"

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        """One request, whatever the answer."""
        return self.http.request(method, f"{self.base}/{path}", timeout=60, **options)

    def put(self, resource: Json) -> Json:
        """Store under its own id; the stored resource."""
        reference = f"{resource['resourceType']}/{resource['id']}"
        answer = self.ask("PUT", reference, json=resource, headers={"Prefer": "return=representation"})
        assert answer.status_code in {200, 201}, (answer.status_code, answer.text[:500])
        stored: Json = answer.json() if answer.content else self.read(reference)
        return stored

    def read(self, reference: str) -> Json:
        """The resource; fails when it is not there."""
        answer = self.ask("GET", reference)
        assert answer.status_code == 200, (answer.status_code, answer.text[:500])
        found: Json = answer.json()
        return found

    def change(self, reference: str, **elements: Any) -> Json:
        """Replace elements of a stored resource (None removes one), as an EHR's user does."""
        kept = {name: value for name, value in self.read(reference).items() if name not in elements}
        return self.put(kept | {name: value for name, value in elements.items() if value is not None})

    def delete(self, reference: str) -> None:
        answer = self.ask("DELETE", reference)
        assert answer.status_code in {200, 204}, (answer.status_code, answer.text[:500])

    def search(self, type: str, **parameters: str) -> list[Json]:
        """Every match over all pages; `_count` is 50 unless given."""
        return list(self._walk(type, {"_count": "50"} | {n.replace("__", "-"): v for n, v in parameters.items()}))

    def _walk(self, type: str, parameters: dict[str, str]) -> Iterator[Json]:
        answer = self.ask("GET", type, params=parameters)
        while True:
            assert answer.status_code == 200, (answer.status_code, answer.text[:500])
            bundle = answer.json()
            for entry in bundle.get("entry", []):
                if entry.get("search", {}).get("mode", "match") == "match" and "resource" in entry:
                    yield entry["resource"]
            following = [link["url"] for link in bundle.get("link", []) if link["relation"] == "next"]
            if not following:
                return
            answer = self.http.get(urljoin(self.base + "/", following[0]), timeout=60)

    def everything(self) -> dict[str, int]:
        """The server's whole history: "Type/id" → how many versions, deletions included, of all types."""
        found: dict[str, int] = {}
        answer, total = self.ask("GET", "_history", params={"_count": "500"}), 0
        while True:
            assert answer.status_code == 200, (answer.status_code, answer.text[:500])
            bundle = answer.json()
            for entry in bundle.get("entry", []):
                name = "/".join(entry["fullUrl"].split("/_history/")[0].split("/")[-2:])
                found[name], total = found.get(name, 0) + 1, total + 1
            following = [link["url"] for link in bundle.get("link", []) if link["relation"] == "next"]
            if not following:
                assert total == bundle["total"]
                return found
            answer = self.http.get(urljoin(self.base + "/", following[0]), timeout=60)

    def clock_passes(self) -> None:
        """Wait until the server's Date header is past this moment: what it stamps later moves no watermark (D-5).

        The header has whole seconds, and some servers renew it once in a second only.
        """
        now = datetime.now(UTC)
        while parsedate_to_datetime(self.ask("GET", "metadata").headers["Date"]) <= now:
            time.sleep(0.05)

    def observations(self, patient: str, scale: str = "") -> list[Json]:
        """Our Observations of a patient (of one scale: "srs-v3-total"), oldest first, by what FHIR alone tells."""
        found = self.search("Observation", patient=patient)
        return sorted(
            (o for o in found if _about(o, patient) and _ours(o, scale)), key=lambda o: o["effectiveDateTime"]
        )

    def tasks(self, patient: str) -> list[Json]:
        """Our Tasks about a patient, oldest first."""
        found = [t for t in self.search("Task", patient=patient) if reference(t, "for") == f"Patient/{patient}"]
        assert all(any(i.get("system") == f"{NS}/alert" for i in t["identifier"]) for t in found)
        return sorted(found, key=lambda t: t["authoredOn"])


def _about(resource: Json, patient: str) -> bool:
    return reference(resource, "subject") == f"Patient/{patient}"


def _ours(observation: Json, scale: str) -> bool:
    coding = observation["code"]["coding"][0]
    return coding["system"] == f"{NS}/CodeSystem/alliance-score" and scale in {"", coding["code"]}


def reference(resource: Json, element: str) -> str:
    """ "Type/id" of a reference, however the server writes it; "" without one."""
    found = resource.get(element) or {}
    found = found[0] if isinstance(found, list) else found
    return "/".join(found.get("reference", "").split("/_history/")[0].split("/")[-2:])


def value(observation: Json) -> float:
    return float(observation["valueQuantity"]["value"])


def state(task: Json) -> str:
    """Where the strain stands, by the Task's businessStatus."""
    return str(task["businessStatus"]["coding"][0]["code"])


def versions(resources: list[Json]) -> dict[str, str]:
    """ "Type/id" → version, to tell whether anything was written."""
    return {f"{r['resourceType']}/{r['id']}": r["meta"]["versionId"] for r in resources}
