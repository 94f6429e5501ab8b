"""SMART scopes: what we may do, as rights by resource type; read and written in both grammars.

v2: `system/Task.crus`, letters in the order of "cruds". v1: `.read` is rs, `.write` is cud, `.*` is all
(SMART App Launch 2, scopes-and-launch-context).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote

Rights = Mapping[str, str]
"""Resource type, or "*", → letters of "cruds" (create, read, update, delete, search)."""
Grammar = Literal["v1", "v2"]

LETTERS = "cruds"
SURVEY = "category=http://terminology.hl7.org/CodeSystem/observation-category|survey"
_SCOPE = re.compile(r"(?:system|user)/(\*|[A-Z][A-Za-z]{1,60})\.(\*|read|write|[cruds]{1,5})(\?\S{1,300})?")
_V1 = {"read": "rs", "write": "cud", "*": LETTERS}


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token permits. `texts`: the scopes that could be read, as granted; `grammar`: in which we asked."""

    texts: tuple[str, ...]
    rights: Rights
    grammar: Grammar = "v1"

    def permits(self, type: str, letters: str) -> bool:
        """All of these letters, on this type?"""
        return not lacking({type: letters}, self.rights)


def read_grant(text: str, grammar: Grammar = "v1") -> Grant:
    """A `scope` value. Words that are no SMART scopes of a system are left out."""
    found = [(word, match) for word in text.split() if (match := _SCOPE.fullmatch(word))]
    rights: dict[str, str] = {}
    for _, match in found:
        type, letters, query = match[1], match[2], match[3]
        # A scope that is narrowed to some of a type's resources permits ours only when it is the one that we know.
        if query is None or (type == "Observation" and unquote(query[1:]) == SURVEY):
            rights = joined(rights, {type: _V1.get(letters, letters)})
    return Grant(tuple(sorted({word for word, _ in found})), rights, grammar)


def joined(*several: Rights) -> dict[str, str]:
    """All of these rights together."""
    types = dict.fromkeys(type for rights in several for type in rights)
    return {t: "".join(x for x in LETTERS if any(x in rights.get(t, "") for rights in several)) for t in types}


def lacking(needed: Rights, granted: Rights) -> dict[str, str]:
    """What of the needed is not granted."""
    everywhere = granted.get("*", "")
    left = {t: "".join(x for x in letters if x not in granted.get(t, "") + everywhere) for t, letters in needed.items()}
    return {type: letters for type, letters in left.items() if letters}


def spelled(rights: Rights, grammar: Grammar, *, narrowed: bool = False) -> list[str]:
    """The scopes to ask for.

    narrowed  ask for Observations of category survey only (v2)
    """
    if grammar == "v2":
        return [
            f"system/{type}.{letters}" + (f"?{SURVEY}" if narrowed and type == "Observation" else "")
            for type, letters in sorted(joined(rights).items())
        ]
    return [
        f"system/{type}.{word}"
        for type, letters in sorted(rights.items())
        for word in ("read", "write")
        if set(_V1[word]) & set(letters)
    ]


def narrowing_offered(supported: Iterable[object]) -> bool:
    """Does a list of supported scopes hold Observations of category survey?"""
    return any(isinstance(s, str) and "/Observation." in s and unquote(s).endswith(f"?{SURVEY}") for s in supported)
