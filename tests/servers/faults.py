"""Faults for `proxy.Proxy.fault`: each makes an action out of its arguments."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from .proxy import Action, Answer, Call

FHIR = "application/fhir+json"


def status(code: int, headers: Mapping[str, str] | None = None, text: str = "no") -> Action:
    """Answer with this status and an OperationOutcome that carries `text`; the real server is not asked."""
    issue = {"severity": "error", "code": "processing", "diagnostics": text, "details": {"text": text}}
    body = json.dumps({"resourceType": "OperationOutcome", "issue": [issue]}).encode()
    return lambda _: Answer(code, body, {"Content-Type": FHIR, **(headers or {})})


def html(code: int, text: str = "Sign in") -> Action:
    """Answer with a web page, as gateways do; the real server is not asked."""
    return lambda _: Answer(code, f"<html><body>{text}</body></html>".encode(), {"Content-Type": "text/html"})


def truncated(call: Call) -> Answer | None:
    """Half of the real JSON, with the length of that half: complete HTTP, broken JSON."""
    answer = call.forward()
    return Answer(answer.status, answer.body[: len(answer.body) // 2], answer.headers)


def cut_off(call: Call) -> Answer | None:
    """Half of the real JSON, although the headers promise all of it."""
    answer = call.forward()
    return Answer(answer.status, answer.body, answer.headers, cut=len(answer.body) // 2)


def reset(_: Call) -> None:
    """Hang up without asking the real server."""


def lost(call: Call) -> None:
    """The real server does it, and the answer gets lost."""
    call.forward()


def slow(seconds: float) -> Action:
    """Answer late (or when the proxy goes down)."""

    def act(call: Call) -> Answer:
        call.proxy.closing.wait(seconds)
        return call.forward()

    return act


def hiding(ids: Collection[str]) -> Action:
    """A lagging index: searches do not know these resource ids yet. `ids` may change meanwhile."""

    def act(call: Call) -> Answer:
        answer = call.forward()
        bundle = answer.json()
        if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
            return answer
        before = bundle.get("entry", [])
        after = [entry for entry in before if entry.get("resource", {}).get("id") not in ids]
        if call.is_page or any(link["relation"] == "next" for link in bundle.get("link", [])):
            bundle.pop("total", None)  # it would count what the other pages hide, too
        elif "total" in bundle:
            bundle["total"] -= len(before) - len(after)
        return answer.having({**bundle, "entry": after})

    return act


def empty(call: Call) -> Answer:
    """A replica that knows nothing: an empty searchset, whatever was asked."""
    self_link = [{"relation": "self", "url": call.proxy.base + "/" + call.path}]
    return Answer(200).having({"resourceType": "Bundle", "type": "searchset", "total": 0, "link": self_link})


def injecting(*resources: object, modes: Sequence[str | None] = ()) -> Action:
    """Real search results, and these resources (JSON values, or raw bytes of one) after them on every page, each with
    its search.mode (match unless given)."""
    raw = [r if isinstance(r, bytes) else json.dumps(r).encode() for r in resources]
    said = modes or ["match"] * len(raw)

    def act(call: Call) -> Answer:
        answer = call.forward()
        bundle = answer.json()
        if "total" in bundle:  # which counts matches only
            bundle["total"] += sum(mode in {"match", None} for mode in said)
        extra = [{"resource": f"@{n}@", **({"search": {"mode": mode}} if mode else {})} for n, mode in enumerate(said)]
        bundle["entry"] = [*bundle.get("entry", []), *extra]
        return _filled(answer, bundle, {f'"@{n}@"': resource for n, resource in enumerate(raw)})

    return act


def _filled(answer: Answer, bundle: dict[str, Any], raw: Mapping[str, bytes]) -> Answer:
    """The bundle as JSON, with raw text in place of the marks."""
    body = json.dumps(bundle).encode()
    for mark, resource in raw.items():
        body = body.replace(mark.encode(), resource)
    return Answer(answer.status, body, answer.headers)


def ignoring(*parameters: str) -> Action:
    """A server that ignores these search parameters without a word."""
    return lambda call: call.without(parameters=parameters).forward()


def foreign_next(base: str) -> Action:
    """Paging links lead to another origin."""

    def elsewhere(link: dict[str, Any]) -> dict[str, Any]:
        parts = urlsplit(link["url"])
        return {**link, "url": f"{base}{parts.path}?{parts.query}"} if link["relation"] == "next" else link

    def act(call: Call) -> Answer:
        answer = call.forward()
        bundle = answer.json()
        if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
            return answer
        return answer.having({**bundle, "link": [elsewhere(link) for link in bundle.get("link", [])]})

    return act


def declaring(edit: Callable[[dict[str, Any]], None]) -> Action:
    """/metadata, changed in place by `edit`. Use with when=is_metadata."""

    def act(call: Call) -> Answer:
        answer = call.forward()
        statement = answer.json()
        edit(statement)
        return answer.having(statement)

    return act


def is_metadata(call: Call) -> bool:
    return call.path == "metadata"


def is_search(call: Call) -> bool:
    return call.is_search


def is_page(call: Call) -> bool:
    return call.is_page


def unconditional(call: Call) -> Answer:
    """A server that ignores If-None-Exist: a repeated create makes a second resource."""
    return call.without(headers=("if-none-exist",)).forward()


def twice(call: Call) -> Answer:
    """A gateway that sends the same write twice at the same time; the later answer is given."""
    answers: list[Answer] = []
    threads = [threading.Thread(target=lambda: answers.append(call.forward())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers[-1]


def doing(act: Callable[[], object], then: Action | None = None) -> Action:
    """Do something first (stop the server, edit a resource), then let the call go on, or play `then`."""

    def action(call: Call) -> Answer | None:
        act()
        return then(call) if then else call.forward()

    return action


def replacing(swap: Mapping[str, Callable[[dict[str, Any]], bytes]]) -> Action:
    """Searchsets in which resources with these ids read as `swap` makes of them: what a validating server refuses."""

    def act(call: Call) -> Answer:
        answer = call.forward()
        bundle = answer.json()
        raw: dict[str, bytes] = {}
        for n, entry in enumerate(bundle.get("entry", [])):
            if make := swap.get(entry.get("resource", {}).get("id")):
                raw[f'"@{n}@"'] = make(entry["resource"])
                entry["resource"] = f"@{n}@"
        return _filled(answer, bundle, raw)

    return act
