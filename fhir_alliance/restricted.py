"""Which security labels forbid processing (`fhir.md` 7.5). Pure.

A label is text here: "system|code", or "system||display" where it has no code.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

DENIED = frozenset(
    code.casefold()
    for code in (
        "PSYTHPN",  # psychotherapy notes, 45 CFR 164.501
        "ETH",  # substance use in general; the rest: 42 CFR Part 2
        "ETHUD",
        "SUD",
        "OPIOIDUD",
        "42CFRPart2",
    )
)
UNREADABLE = "||"
"""A label of which not even the words can be told."""


def forbid(labels: Iterable[str], allowed: Collection[str]) -> bool:
    """Does one of these labels forbid processing? One without a code does: nobody can tell what it stands for.

    allowed  what the site allows, in small letters: codes, "system|code", or the words of a label without a code
    """
    for label in labels:
        _, code, words = [*label.casefold().split("|", 2), "", ""][:3]
        if (not code or code in DENIED) and not {label.casefold(), code or words} & set(allowed):
            return True
    return False
