"""Puts the clinic's resources on the server, and reads back what stands there: plain HTTP, plain FHIR."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import requests

from ..errors import EHRError, Refused, Unreachable
from .forms import Resource
from .server import Server, session

BUNDLE = 100
"""Resources per transaction. Small enough that progress is seen to move."""


def load(server: Server, resources: Sequence[Resource], progress: Callable[[int, int], None]) -> None:
    """PUT every resource under its own id, in order: as transactions on the embedded server, else one by one."""
    size = BUNDLE if server.bundles else 1
    with session() as http:
        http.headers["Prefer"] = "return=minimal"
        for done in range(0, len(resources), size):
            progress(done, len(resources))
            part = resources[done : done + size]
            if server.bundles:
                _send(http, "POST", server.url, _transaction(part))
            else:
                _send(http, "PUT", f"{server.url}/{part[0]['resourceType']}/{part[0]['id']}", part[0])
    progress(len(resources), len(resources))


def everything(server: Server, type: str) -> Iterator[Resource]:
    """Every resource of a type that the server holds, page by page."""
    url: str | None = f"{server.url}/{type}?_count=200"
    seen: set[str] = set()
    with session() as http:
        http.headers["Cache-Control"] = "no-cache"
        while url and url not in seen:
            seen.add(url)
            bundle = _send(http, "GET", url)
            for entry in bundle.get("entry") or []:
                if (entry.get("resource") or {}).get("resourceType") == type:
                    yield entry["resource"]
            found = (link["url"] for link in bundle.get("link") or [] if link.get("relation") == "next")
            url = next(found, None)
            if url and not url.startswith(("http://", "https://")):
                url = f"{server.url}/{url.lstrip('/')}"


def _transaction(resources: Sequence[Resource]) -> Resource:
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {"resource": r, "request": {"method": "PUT", "url": f"{r['resourceType']}/{r['id']}"}} for r in resources
        ],
    }


def _send(http: requests.Session, method: str, url: str, body: Resource | None = None) -> dict[str, Any]:
    """One request; the answer's JSON object, {} when it has none. EHRError names the status only."""
    try:
        answer = http.request(method, url, data=None if body is None else json.dumps(body), timeout=120)
    except requests.RequestException:
        raise Unreachable("the demo's FHIR server does not answer") from None
    if answer.status_code >= 500:
        raise Unreachable(f"the demo's FHIR server failed ({answer.status_code})", status=answer.status_code)
    if not answer.ok:
        what = (body or {}).get("resourceType", "search")
        raise Refused(f"the server refused the demo's data ({what}: {answer.status_code})", status=answer.status_code)
    if method != "GET":
        return {}
    try:
        found = json.loads(answer.content)
    except ValueError:
        raise EHRError("the demo's FHIR server sent something else than JSON", status=answer.status_code) from None
    return found if isinstance(found, dict) else {}
