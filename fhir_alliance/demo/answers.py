"""From a literal total to the answers of a form that score exactly to it. Pure.

No answer pattern here means anything: only the sums are planted. A little unevenness keeps forms
from looking filled in by ruler; it never moves a subscale.
"""

from __future__ import annotations

from collections.abc import Sequence

SUBSCALES = {"task": (1, 2, 10, 12), "goal": (4, 6, 8, 11), "bond": (3, 5, 7, 9)}
_ITEMS = tuple(n for trio in zip(*SUBSCALES.values(), strict=True) for n in trio)
_SKIPPED = (11, 12)  # one of goal, one of task: each subscale keeps three answers
_LINES = (1, 2, 3, 4)


def wai_sr(total: float, session: int, *, answered: int | None = None, bond: float | None = None) -> dict[int, float]:
    """Twelve answers from 1 to 5 with this mean (two decimals), or ten. `bond`: the mean of the four bond items."""
    if answered is not None:
        given = [n for n in _ITEMS if n not in _SKIPPED]
        return _as_floats(_spread(round(total * answered), given, session))
    if bond is not None:
        of_bond = _spread(round(bond * 4), SUBSCALES["bond"], session)
        rest = [n for n in _ITEMS if n not in of_bond]
        return _as_floats(of_bond | _spread(round(total * 12) - sum(of_bond.values()), rest, session))
    answers = _spread(round(total * 12), _ITEMS, session)
    for shift, items in enumerate(SUBSCALES.values()):
        up, down = items[(session + shift) % 4], items[(session + shift + 1) % 4]
        if answers[up] < 5 and answers[down] > 1:
            answers[up] += 1
            answers[down] -= 1
    return _as_floats(answers)


def srs(total: float, session: int, *, answered: int = 4) -> dict[int, float]:
    """Four marks from 0.0 to 10.0 with this sum (one decimal); of three, the last line stays unmarked."""
    tenths = _spread(round(total * 10), _LINES, session)
    for up, down, tilt in ((1, 2, 3 + session % 5), (4, 3, 2 + session % 3)):
        by = max(0, min(tilt, 100 - tenths[up], tenths[down]))
        tenths[up] += by
        tenths[down] -= by
    return {n: tenths[n] / 10 for n in _LINES[:answered]}


def _spread(total: int, items: Sequence[int], turn: int) -> dict[int, int]:
    """Whole numbers that sum to `total`, as even as can be; whose turn it is to get one more changes."""
    low, more = divmod(total, len(items))
    start = (turn * 5) % len(items)
    order = [*items[start:], *items[:start]]
    return {n: low + (i < more) for i, n in enumerate(order)}


def _as_floats(answers: dict[int, int]) -> dict[int, float]:
    return {n: float(v) for n, v in sorted(answers.items())}
