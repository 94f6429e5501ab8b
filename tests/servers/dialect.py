"""How a vendor's EHR pages, caches, sorts, names and fails: what of a profile is neither a refusal nor a statement.

Nothing here waits or throws dice: what comes "at times" comes at a count of requests.
"""

from __future__ import annotations

import re
import threading
from typing import Any
from urllib.parse import urlencode, urlsplit

from fhir_alliance.vendors import Server

from .proxy import Answer, Call

Json = dict[str, Any]
Key = tuple[str, tuple[tuple[str, str], ...]]
_FAILED = {400, 404, 410}


class Dialect:
    """The ways of one EHR. `before` changes the call, or answers it; `after` makes its answer of the real server's."""

    def __init__(self, server: Server):
        self.server = server
        self.tail = "-" + "e" * (27 + server.long_ids) if server.long_ids else ""
        self._pages: dict[Key, tuple[str, int]] = {}  # what leads to a page → the real server's address of it, number
        self._cache: dict[str, Answer] = {}
        self._asked = 0
        self._expired = False
        self._lock = threading.Lock()

    def busy(self) -> Answer | None:
        """Asked too often. The minute is over when this was told once: nobody here waits for one."""
        with self._lock:
            self._asked += 1
            if self.server.per_minute is None or self._asked <= self.server.per_minute:
                return None
            self._asked = 0
            return Answer(429, b"", {})

    def understood(self, call: Call) -> Call:
        """With the ids that the real server knows."""
        if self.tail:
            call.target = call.target.replace(self.tail, "")
            call.body = call.body.replace(self.tail.encode(), b"")
        return call

    def before(self, call: Call) -> Answer | None:
        """A page that has expired, or a search from the cache. A page that is there: its real address."""
        if page := self._pages.get(self._key(call)):
            call.target, number = page
            with self._lock:
                if number == self.server.pages_expire and not self._expired:
                    self._expired = True
                    return Answer(410, b"", {})
        if self.server.caches and call.is_search and "no-cache" not in _header(call, "Cache-Control"):
            return self._cache.get(call.target)
        return None

    def after(self, call: Call, asked: Call, answer: Answer) -> Answer:
        """`call` as the client sent it, `asked` as the real server was asked."""
        if call.method == "GET" and answer.status in _FAILED and self.server.fails_as:
            return Answer(self.server.fails_as, b"", {})
        told = answer.json()
        if call.is_search and isinstance(told, dict) and told.get("resourceType") == "Bundle":
            self._arrange(call, asked, told)
            answer = answer.having(told)
            if self.server.caches:
                self._cache[asked.target] = answer
        if self.tail and isinstance(told, dict):
            answer = answer.having(_longer(told, self.tail))
        return answer

    def placed(self, location: str) -> str:
        """A Location with the id as it is told."""
        return location + self.tail

    def _arrange(self, call: Call, asked: Call, bundle: Json) -> None:
        entries = bundle.get("entry", [])
        number = next((n for target, n in self._pages.values() if target == asked.target), 1)
        if self.server.shells and call.type == "QuestionnaireResponse" and number == 1 and entries:
            bundle["entry"] = entries = [*entries, {**entries[0], "resource": _shell(entries[0]["resource"])}]
            bundle["total"] = bundle.get("total", len(entries) - 1) + 1
        if self.server.unsorted:
            entries.reverse()
        for link in bundle.get("link", []):
            if link["relation"] == "next":
                link["url"] = self._leading_to(call, link["url"], number + 1)

    def _leading_to(self, call: Call, url: str, number: int) -> str:
        """The link to a page, in this EHR's way."""
        parts = urlsplit(url)
        real = f"{parts.path}?{parts.query}"
        kept = [(name, value) for name, value in call.query if name in self.server.requires]
        if self.server.paging == "page":
            kept = [(name, value) for name, value in call.query if name != "page"]
            told = f"{call.path}?{urlencode([*kept, ('page', str(number))])}"  # relative
        elif self.server.paging == "cursor":
            told = f"{call.proxy.base}/{call.path}?{urlencode([*kept, ('cursor', f'c{len(self._pages)}')])}"
        else:
            told = url
        leading = Call(
            "GET", f"{call.proxy.prefix}/{told}" if told.startswith(call.path) else told, {}, b"", call.proxy
        )
        self._pages[self._key(leading)] = (real, number)
        return told

    def _key(self, call: Call) -> Key:
        return call.path, tuple(sorted(pair for pair in call.query if pair[0] not in self.server.requires))


def _header(call: Call, name: str) -> str:
    return next((value for header, value in call.headers.items() if header.lower() == name.lower()), "")


def _shell(response: Json) -> Json:
    """A response of the same kind that the system made and nobody has filled in."""
    kept = ("resourceType", "questionnaire", "subject", "authored", "meta")
    return {name: response[name] for name in kept if name in response} | {
        "id": "shell-" + response["subject"]["reference"].rpartition("/")[2],
        "status": "completed",
    }


_REFERENCE = re.compile(r"((?:.*/)?(?!Patient/)[A-Z][A-Za-z]+/[A-Za-z0-9.-]+)((?:/_history/.*)?)")


def _longer(value: Any, tail: str) -> Any:
    """The same with longer ids. Those of patients stay: a cohort names them as the tests know them."""
    if isinstance(value, list):
        return [_longer(one, tail) for one in value]
    if not isinstance(value, dict):
        return value
    made = {name: part if name == "contained" else _longer(part, tail) for name, part in value.items()}
    if value.get("resourceType") not in {None, "Patient", "Bundle"} and "id" in value:
        made["id"] = value["id"] + tail
    if isinstance(value.get("reference"), str) and (found := _REFERENCE.fullmatch(value["reference"])):
        made["reference"] = found[1] + tail + found[2]
    return made
