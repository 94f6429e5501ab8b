"""SNOMED CT concept ids: is this one at all? A spreadsheet rounds long ones, and then nothing says so but this.

Verhoeff's check digit over the dihedral group D5, and the partition of a concept ("00", or "10" for an extension's):
SNOMED CT Technical Implementation Guide, "SNOMED CT identifiers".
"""

from __future__ import annotations

import re

SYSTEM = "http://snomed.info/sct"


def _product(a: int, b: int) -> int:
    """a·b in D5: rotations are 0-4, reflections 5-9."""
    rotation = (a + b if a < 5 else a - b) % 5
    return rotation if (a < 5) == (b < 5) else rotation + 5


_PERMUTATION = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def verhoeff(digits: str) -> bool:
    """Is the last digit the check digit of those before it?"""
    check = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit)
        for _ in range(place % 8):
            value = _PERMUTATION[value]
        check = _product(check, value)
    return check == 0


def is_concept(code: str) -> bool:
    """Could it be the id of a concept: 6 to 18 digits, its partition and check digit right?"""
    shape = re.fullmatch(r"[1-9]\d{3,15}[01]0\d", code, re.ASCII)
    return shape is not None and verhoeff(code)
