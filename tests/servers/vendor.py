"""A real server that refuses what a vendor's EHR refuses: the profiles of `fhir_alliance/vendors` between it and us.

What is allowed is the real server's own answer. The statement on /metadata is the vendor's, and so are the missing
parameters, the answers to a create, the refusals.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from fhir_alliance.vendors import Refusal, Takes, Type, Vendor

from .dialect import Dialect
from .proxy import Answer, Call, Proxy

FHIR = {"Content-Type": "application/fhir+json"}
ALWAYS = {"_count", "_format", "_summary"}
WRITES = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
Json = dict[str, Any]


class VendorProxy(Proxy):
    """Listens like a vendor's EHR; rules of a test (`fault`) come before it."""

    def __init__(self, upstream: str, vendor: Vendor):
        self.vendor = vendor
        self.racing = 0
        """How many of the next conditional creates a twin of ours sends at the same moment, too (`races`)."""
        self._filed: set[str] = set()
        self.ways = Dialect(vendor.server)
        super().__init__(upstream)

    def ask(self, call: Call) -> Answer:
        """The vendor's refusal, else the real server's answer as the vendor would give it."""
        if call.path == "metadata":
            return self._statement(super().ask(call))
        if busy := self.ways.busy():
            return busy
        if {*self.vendor.server.requires} - {name for name, _ in call.query}:
            return _outcome(400, "required")
        sent, call = call, self.ways.understood(call.without(parameters=self.vendor.server.requires))
        if self.vendor.types and call.type and (refused := self._refuses(call)):
            return refused
        asked = self._as_understood(call)
        if answer := self.ways.before(asked):
            return answer
        return self._as_told(call, self.ways.after(sent, asked, self._raced(asked)))

    def _raced(self, call: Call) -> Answer:
        """Where conditional creates race, neither of two sees the other."""
        if self.racing and self.vendor.server.races and call.method == "POST":
            self.racing -= 1
            call = call.without(headers=("if-none-exist",))
            super().ask(call)
        return super().ask(call)

    # -- what it says of itself

    def _statement(self, answer: Answer) -> Answer:
        vendor = self.vendor
        statement = answer.json()
        statement["software"] = {"name": vendor.software[0] if vendor.software else vendor.name, "version": "profile"}
        statement["publisher"] = vendor.publisher[0] if vendor.publisher else vendor.name
        flags = {
            "conditionalCreate": vendor.server.conditional_create,
            "readHistory": vendor.server.read_history,
            "versioning": "versioned" if vendor.server.etag else "no-version",
        }
        if vendor.types:
            statement["rest"][0]["resource"] = [_declared(name, type) | flags for name, type in vendor.types.items()]
        return answer.having(statement)

    # -- what it refuses

    def _refuses(self, call: Call) -> Answer | None:
        type, search = self.vendor.types.get(call.type), call.path in {call.type, f"{call.type}/_search"}
        searched = search and (call.method == "GET" or call.path.endswith("_search"))
        interaction = "search-type" if searched else WRITES.get(call.method, "read")
        if type is None or interaction not in type.interactions:
            status = self.vendor.server.unregistered
            return Answer(status) if status else _outcome(405, "not-supported")
        if searched and not call.is_page:
            given = call.query + (parse_qsl(call.body.decode()) if call.method == "POST" else [])
            asked = {name.split(":")[0].casefold(): value for name, value in given}
            if type.needs and not {*asked} & {name.casefold() for name in type.needs}:
                return _outcome(400, "required")
            if self.vendor.server.last_updated == "days" and "T" in asked.get("_lastupdated", ""):
                return _outcome(400, "value")
        if interaction == "create":
            return self._refuses_create(call)
        return None

    def _refuses_create(self, call: Call) -> Answer | None:
        resource = json.loads(call.body)
        for takes in self.vendor.takes:
            if takes.type != call.type:
                continue
            if not _fits(takes, resource):
                return _refused(takes.refusal)
            if takes.encounter and self._session(resource) not in takes.encounter:
                return _refused(takes.refusal)
            if takes.repeated and _what(resource) in self._filed:
                return _refused(takes.repeated)
        return None

    def _session(self, resource: Mapping[str, Any]) -> str:
        """Status of its encounter, "" without one."""
        reference = resource.get("encounter", {}).get("reference")
        if not reference:
            return ""
        found = super().ask(Call("GET", f"{self.prefix}/{reference}", {"Authorization": "Bearer x"}, b"", self)).json()
        return str(found.get("status", ""))

    # -- what it makes of a request, and of an answer

    def _as_understood(self, call: Call) -> Call:
        """Without what it ignores: undeclared search parameters, conditional headers, large pages."""
        server, type = self.vendor.server, self.vendor.types.get(call.type)
        gone = [] if server.conditional_create else ["if-none-exist"]
        gone += [] if server.etag else ["if-match"]
        call = call.without(headers=tuple(gone))
        if call.method != "GET" or not call.is_search or call.is_page:
            return call
        query = [(name, value) for name, value in call.query if type is None or _known(type, name)]
        most = server.page_max
        query = [(n, str(min(int(v), most)) if n == "_count" and most else v) for n, v in query]
        call.target = urlsplit(call.target)._replace(query=urlencode(query)).geturl()
        return call

    def _as_told(self, call: Call, answer: Answer) -> Answer:
        server = self.vendor.server
        headers = {name.lower(): value for name, value in answer.headers.items()}
        if answer.status == 412 and call.method == "PUT":
            return Answer(server.conflict, answer.body, headers)
        body = answer.body
        if not server.etag:
            headers.pop("etag", None)
            body = _without_versions(body)
        if call.method == "POST" and answer.status == 201:
            self._filed.add(_what(json.loads(call.body)))
            place = headers.get("location", "")
            if server.location == "relative":
                headers["location"] = urlsplit(place).path.removeprefix(self.prefix).strip("/").split("/_history")[0]
                headers["location"] = self.ways.placed(headers["location"])
            body = body if server.created_body else b""
        return Answer(answer.status, body, headers, answer.cut)


def _declared(name: str, type: Type) -> Json:
    params = [{"name": param, "type": "string"} for param in type.search]
    return {"type": name, "interaction": [{"code": code} for code in type.interactions], "searchParam": params}


def _known(type: Type, name: str) -> bool:
    bare = name.split(":")[0]
    return bare in ALWAYS or (bare in type.search and bare not in type.ignores)


def _fits(takes: Takes, resource: Mapping[str, Any]) -> bool:
    codes = {coding.get("code") for concept in resource.get("category", []) for coding in concept.get("coding", [])}
    if takes.category and not codes & set(takes.category.split("|")):
        return False
    if takes.status and resource.get("status") not in takes.status:
        return False
    kinds = {content.get("attachment", {}).get("contentType") for content in resource.get("content", [])}
    if takes.content and not {str(kind).split(";")[0] for kind in kinds} <= set(takes.content):
        return False
    who = {str(one.get("reference")).split("/")[0] for one in resource.get("recipient", [])}
    return not takes.recipient or bool(who and who <= set(takes.recipient))


def _what(resource: Mapping[str, Any]) -> str:
    """By what a vendor knows a row that it has already."""
    return json.dumps([resource.get(name) for name in ("subject", "code", "effectiveDateTime")])


def _refused(refusal: Refusal) -> Answer:
    return _outcome(refusal.status, refusal.code)


def _outcome(status: int, code: str) -> Answer:
    """As vendors do it: a code of their own in `details`, and a text that must go nowhere."""
    issue = {"severity": "error", "code": "processing", "details": {"coding": [{"code": code}], "text": "no"}}
    return Answer(status, json.dumps({"resourceType": "OperationOutcome", "issue": [issue]}).encode(), FHIR)


def _without_versions(body: bytes) -> bytes:
    try:
        told = json.loads(body)
    except ValueError:
        return body
    entries = [entry.get("resource", {}) for entry in told.get("entry", [])] if isinstance(told, dict) else []
    for resource in [told, *entries]:
        if isinstance(resource, dict):
            resource.get("meta", {}).pop("versionId", None)
    return json.dumps(told).encode()
