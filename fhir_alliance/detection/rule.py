"""What a rule is: a limit for the next score, given the scores before it.

What happens around it (episodes, repair, horizon, cooldown, notices) is the same for all rules and
lives in `course.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Self

from msgspec import Struct

from ..model import Change, Point
from .reference import Reference
from .terms import Terms


class Rule(Struct, frozen=True):
    """Subclasses are frozen and say `reference`; the limits in it usually say the rest.

    uses_cutoff: the site's cut-off is part of the rule, so it raises no notice besides.
    """

    uses_cutoff: ClassVar[bool] = False

    @property
    def minimum(self) -> int:
        """Fewest scores in the history for the rule's own reference."""
        raise NotImplementedError

    def reference(self, history: Sequence[Point], change: Change) -> Reference | None:
        """What the next score is compared with; None while there are too few scores.

        Pure: the same history gives the same reference. `history` holds points with valid scores,
        oldest first, none from an open episode. The reference's own base gives the same reference again.
        """
        raise NotImplementedError

    def level(self, reference: Reference, value: float, change: Change) -> int:
        """0 when `value` does not fire, 2 for a check-in, 3 for a priority check-in."""
        if not reference.reaches(value, reference.limit):
            return 0
        return 3 if reference.severe is not None and reference.reaches(value, reference.severe) else 2

    def persists(self, reference: Reference, value: float, change: Change) -> bool:
        """In an episode that began with this reference: is `value` still that low?"""
        return reference.reaches(value, reference.lasting)

    def terms(self, reference: Reference, change: Change) -> Terms:
        """What this rule asks of a fall from `reference`; `level` decides by the same numbers."""
        return Terms(reference.mean - reference.limit)

    def with_cutoff(self, cutoff: float | None) -> Self:
        """The rule with the site's own cut-off in it; itself where that plays no part."""
        return self


def values(points: Sequence[Point]) -> list[float]:
    """The scores of points that have one."""
    return [p.value for p in points if p.value is not None]
