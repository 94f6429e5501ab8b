"""A total that the form states itself: compared with ours, which wins (`decisions.md` 7.6)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from ..model import Score

DIFFERS = "stated_total_differs"


def agrees(stated: float, score: Score) -> bool:
    """Is it `value` or `raw`, to the decimals that it is stated with (4.2 says nothing of 4.19)?"""
    exponent = Decimal(repr(stated)).as_tuple().exponent
    decimals = -exponent if isinstance(exponent, int) and exponent < 0 else 0
    half = 0.5 * 10.0**-decimals + 1e-9
    return min(abs(stated - score.value), abs(stated - score.raw)) <= half


def compare(total: Score, stated: Iterable[float]) -> Score:
    """The total, flagged with the first stated number that does not agree, if there is one."""
    for number in stated:
        if not agrees(number, total):
            return replace(total, flags=tuple(sorted({*total.flags, DIFFERS})), stated=number)
    return total
