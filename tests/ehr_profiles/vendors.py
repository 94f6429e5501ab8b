"""EHRs that refuse what the vendors' own statements and documents say that they refuse."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

import requests
import responses

BASE = "https://ehr.example.org/fhir/r4"
FHIR = "application/fhir+json"
Sent = tuple[int, Mapping[str, str], str]


def outcome(code: str, detail: str = "") -> str:
    details = {"details": {"coding": [{"code": detail}]}} if detail else {}
    return json.dumps({"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": code, **details}]})


class Ehr:
    """Serves one patient's responses in pages; subclasses say no as their vendor does."""

    cap = 3
    media = FHIR
    statement: ClassVar[Mapping[str, Any]] = {"type": "QuestionnaireResponse"}

    def __init__(self, count: int = 7) -> None:
        self.rows = [{"resourceType": "QuestionnaireResponse", "id": f"r{n}" + "x" * 80} for n in range(count)]
        self.seen: list[requests.PreparedRequest] = []

    def install(self, mock: responses.RequestsMock) -> None:
        for method in ("GET", "POST", "PUT"):
            mock.add_callback(method, re.compile(re.escape(BASE)), self._answer)

    def _answer(self, request: requests.PreparedRequest) -> Sent:
        self.seen.append(request)
        url = urlsplit(str(request.url))
        path = url.path.removeprefix(urlsplit(BASE).path).strip("/")
        status, headers, body = self.answer(str(request.method), path, dict(parse_qsl(url.query)), request)
        return status, {"Content-Type": self.media, **headers}, body

    def answer(self, method: str, path: str, query: dict[str, str], request: requests.PreparedRequest) -> Sent:
        if path == "metadata":
            rest = [{"mode": "server", "resource": [self.statement]}]
            return 200, {}, json.dumps({"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1", "rest": rest})
        if method == "GET":
            return self.search(path, query)
        return 403, {}, ""

    def search(self, path: str, query: dict[str, str]) -> Sent:
        if "patient" not in query and "cursor" not in query:
            return 400, {}, outcome("required")
        start = int(query.get("cursor", "0"))
        size = min(self.cap, int(query.get("_count", "50")))
        bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "link": []}
        bundle["entry"] = [{"resource": r, "search": {"mode": "match"}} for r in self.rows[start : start + size]]
        if start + size < len(self.rows):
            bundle["link"] = [{"relation": "next", "url": self.next(path, start + size)}]
        return 200, {}, json.dumps(bundle)

    def next(self, path: str, start: int) -> str:
        return f"{BASE}/{path}?cursor={start}"


class Epic(Ehr):
    """No `_lastUpdated` but a misspelt one, no ETag, long ids, an empty 201, duplicates told by a number."""

    statement: ClassVar[Mapping[str, Any]] = {
        "type": "QuestionnaireResponse",
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "searchParam": [{"name": "patient"}, {"name": "_lastupdated"}],
        "conditionalCreate": False,
    }

    def __init__(self) -> None:
        super().__init__()
        self.filed = 0

    def answer(self, method: str, path: str, query: dict[str, str], request: requests.PreparedRequest) -> Sent:
        if method == "POST" and path == "Observation":
            self.filed += 1
            if self.filed > 1:
                return 400, {}, outcome("business-rule", "59189")
            return 201, {"Location": "Observation/" + "e" * 70}, ""
        if path.startswith("Flag"):
            return 403, {}, ""
        return super().answer(method, path, query, request)


class Oracle(Ehr):
    """A cap on `_count`, its own media type, 409 for a stale If-Match, 422 for what it does not file."""

    media = "application/json+fhir"

    def answer(self, method: str, path: str, query: dict[str, str], request: requests.PreparedRequest) -> Sent:
        if method == "POST":
            return 422, {}, outcome("business-rule")
        if method == "PUT":
            if request.headers.get("If-Match") != 'W/"2"':
                return 409, {}, outcome("conflict")
            return 200, {"ETag": 'W/"3"'}, ""
        return super().answer(method, path, query, request)


class Ecw(Ehr):
    """`page` paging by relative links, no writes, 429 without a word about when."""

    def __init__(self) -> None:
        super().__init__()
        self.blocked = 2

    def search(self, path: str, query: dict[str, str]) -> Sent:
        self.blocked -= 1
        if self.blocked >= 0:
            return 429, {}, ""
        if "page" in query:
            query["cursor"] = str((int(query.pop("page")) - 1) * self.cap)
        return super().search(path, query)

    def next(self, path: str, start: int) -> str:
        return f"{path}?page={start // self.cap + 1}"
