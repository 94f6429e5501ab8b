"""What a rule asks of a fall, in its own numbers: so that an explanation shows what decided, not a copy of it."""

from __future__ import annotations

from msgspec import Struct


class Terms(Struct, frozen=True, gc=False):
    """Smallest fall that fires. None: the rule does not ask for that.

    drop                    points below what a score is compared with
    of                      the instrument's constant that `drop` is: "RC90", "0.95 RC99"; "" where it is none
    z                       drop in units of the spread
    severe_drop, severe_z   the same for a priority check-in at once
    prior                   weight of the prior spread s0, in scores
    first                   the mean is of so many scores, the oldest of the base; None: of all
    """

    drop: float
    of: str = ""
    z: float | None = None
    severe_drop: float | None = None
    severe_z: float | None = None
    prior: float | None = None
    first: int | None = None
