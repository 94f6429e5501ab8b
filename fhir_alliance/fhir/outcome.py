"""OperationOutcome: only its codes and element paths; its texts may hold what a person wrote."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_PATH = re.compile(r"[A-Z][A-Za-z]*(?:\.[A-Za-z][A-Za-z0-9]*(?:\[[0-9x]+\])?)*")
_HAPI = re.compile(r"HAPI-\d{4}(?=:)")
_MOST = 8


def codes(body: bytes) -> tuple[str, ...]:
    """Issue codes, detail codes and element paths, in order, without repetition, at most 8; () for anything else."""
    try:
        outcome = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return ()
    return tuple(dict.fromkeys(_all(outcome)))[:_MOST]


def _all(outcome: object) -> Iterator[str]:
    if not isinstance(outcome, dict) or outcome.get("resourceType") != "OperationOutcome":
        return
    for issue in _objects(outcome.get("issue")):
        details = issue.get("details")
        codings = _objects(details.get("coding")) if isinstance(details, dict) else []
        for code in [issue.get("code"), *(c.get("code") for c in codings)]:
            if isinstance(code, str) and _CODE.fullmatch(code):
                yield code
        for path in [*_list(issue.get("expression")), *_list(issue.get("location"))]:
            if isinstance(path, str) and len(path) <= 120 and _PATH.fullmatch(path):
                yield path
        # HAPI puts its message number, a code in all but name, at the head of the text.
        if isinstance(text := issue.get("diagnostics"), str) and (number := _HAPI.match(text)):
            yield number[0]


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _objects(value: object) -> list[dict[str, object]]:
    return [v for v in _list(value) if isinstance(v, dict)]
