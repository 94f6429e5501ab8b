"""The finished total of an instrument whose key is not known (`fhir.md` 5.5, `decisions.md` 7.6): taken, never guessed.

Of such a form nothing but its stated total is looked at; its items stay uncounted.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..model import Instrument, Score, Unscored
from ..scoring import finished
from .stop import set_aside


def finished_total(
    instrument: Instrument, stated: Sequence[float | int]
) -> tuple[tuple[Score, ...], tuple[Unscored, ...]]:
    """The one total that a form states, as a score. Stop when it states none, two that differ, or one out of range."""
    if not stated:
        raise set_aside("no-total", "its key is not known, and the form states no finished total")
    if len(set(stated)) > 1:
        raise set_aside("sources-disagree", "the form states totals that differ")
    total = finished(instrument, _float(stated[0]))
    if isinstance(total, Unscored):
        scale = instrument.scale("total")
        raise set_aside("out-of-range", f"the form's own total is not within {scale.minimum:g}-{scale.maximum:g}")
    return (total,), ()


def _float(number: float | int) -> float:
    try:
        return float(number)
    except OverflowError:  # a whole number may be too large for a float
        return float("inf")
