"""What a rule is for many courses at once: the array form of `rule.py` and `reference.py`.

To give a rule an array form, subclass `ArrayRule` and say `references`; where the limits in it do not say
everything, `level` and `persists` too. What happens around it is shared (`array_course.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ..model import Change
from .array_history import Columns, Histories
from .array_sums import Floats
from .tolerance import EPSILON

Mask = NDArray[np.bool_]
Levels = NDArray[np.int8]

ONSETS = ("drop", "early-step", "early-fall", "step", "from-best", "beyond-limits", "drift", "low")
KINDS = (
    "",
    *ONSETS,
    "cooldown",
    "low-early",
    "ceiling",
    "slow-fall",
    "cut-off",
    "persisting",
    "repaired",
    "unrepaired",
    "expired",
)
"""Kinds of events; their place here is their code in arrays."""
CODE = {kind: code for code, kind in enumerate(KINDS)}


@dataclass(slots=True)
class References:
    """What the next scores are compared with, [m] each; the words are those of `Reference`.

    kind    code of the kind, 0 where there is no reference
    spread  NaN where there is none
    severe  NaN where the rule knows no such thing
    strict  only a score below `limit` and `lasting` counts there
    """

    kind: Levels
    mean: Floats
    spread: Floats
    limit: Floats
    lasting: Floats
    severe: Floats
    strict: Mask

    @classmethod
    def none(cls, courses: int) -> Self:
        """No reference for any of so many courses."""
        a, b, c, d, e = (np.full(courses, np.nan) for _ in range(5))
        return cls(np.zeros(courses, np.int8), a, b, c, d, e, np.zeros(courses, np.bool_))

    def take(self, columns: Columns) -> References:
        """Those of some courses."""
        return References(*(getattr(self, f.name)[columns] for f in fields(self)))

    def put(self, columns: Columns, others: References) -> None:
        """Replace those of some courses."""
        for f in fields(self):
            getattr(self, f.name)[columns] = getattr(others, f.name)

    def keep(self, courses: int) -> None:
        """Only the first so many courses go on."""
        for f in fields(self):
            setattr(self, f.name, getattr(self, f.name)[:courses])


class ArrayRule:
    """window  newest scores that the rule looks at; None: all of them"""

    window: int | None = None

    def references(self, histories: Histories, change: Change) -> References:
        """What the next score of each course is compared with. Pure, like `Rule.reference`."""
        raise NotImplementedError

    def level(self, references: References, scores: Floats, change: Change) -> Levels:
        """0 where a score does not fire, 2 for a check-in, 3 for a priority check-in."""
        fires = reaches(scores, references.limit, references.strict)
        level: Levels = fires * np.int8(2) + (fires & reaches(scores, references.severe, references.strict))
        return level

    def persists(self, references: References, scores: Floats, change: Change) -> Mask:
        """In episodes that began with these references: where a score is still that low."""
        return reaches(scores, references.lasting, references.strict)


def reaches(scores: Floats, limits: Floats, strict: Mask) -> Mask:
    """score <= limit within 1e-9, or where strict score < limit by more than that; never where there is no limit."""
    reached: Mask = np.where(strict, scores < limits - EPSILON, scores <= limits + EPSILON)
    return reached


def at_least(values: Floats, threshold: Floats | float) -> Mask:
    """value >= threshold, also when it falls short by no more than 1e-9."""
    enough: Mask = values >= threshold - EPSILON
    return enough


def below(values: Floats, threshold: Floats | float) -> Mask:
    """value < threshold by more than 1e-9."""
    less: Mask = values < threshold - EPSILON
    return less
