"""Planted texts and numbers that occur nowhere else, and the check that none of them comes out again.

Every scenario plants them in what the EHR holds or answers: names, answers, free text, tokens, server text.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

PLANTED: Mapping[str, str] = {
    "patient name": "Quillfeather",
    "practitioner name": "Ravensworth",
    "birth date": "1961-07-13",
    "free text of a form": "the ferryman hums",
    "text answer": "marzipan-velvet",
    "coding display": "Obsidian Teapot",
    "text of an encounter": "gooseberry dispute",
    "bearer token": "tok-9vKqXzPLmWc7",
    "password": "pw-Hr4tJbNs2DyE",
    "client secret": "cs-Wy6pLmQe3RfT",
    "signed token": "eyJhbGciOi",  # how each begins: assertions, and access tokens of sekmet
    "private key": "BEGIN PRIVATE KEY",
    "server text": "heliotrope stack trace",
    "answer": "0082917364",  # the tail of every answer, below
    "wrong answer": "6174.31337",
}
"""What it stands for → text to look for."""

TAIL = 0.00000082917364
"""Added to answers, so that they can be told from any other number: 9.3 becomes 9.30000082917364, which is within the
tolerance of grid point 9.3."""


def leaks(text: str, also: Collection[str] = ()) -> list[str]:
    """What of the planted (and of `also`, like patient ids) is in a text; names the kind, not the text itself."""
    folded = text.casefold()
    found = [kind for kind, canary in PLANTED.items() if canary.casefold() in folded]
    return found + ["id"] * any(one.casefold() in folded for one in also)
