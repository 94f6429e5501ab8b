"""What a score is compared with, by kind of comparison: only the client's own baseline is called usual."""

from __future__ import annotations

from math import ceil, floor

from ..detection.tolerance import EPSILON
from ..model import Instrument
from ..wording import day, number
from .case import Account

COMPARED = {
    "drop": "usual score",
    "early-step": "score before",
    "early-fall": "first scores",
    "step": "score before",
    "from-best": "best so far",
    "beyond-limits": "mean so far",
    "drift": "first scores",
    "low": "cut-off",
    "low-early": "first scores",
}
"""Label, by kind of reference."""

HEADS = {"step": "before", "from-best": "best", "beyond-limits": "mean", "drift": "first", "low": "cut-off"}
"""Column of a policy's comparisons, by kind; "usual" where there is none."""

BASES = {"early-step": "score before", "step": "score before", "from-best": "best so far"}
"""What a session that the score is compared with is called; "baseline" where there is none."""

NOT_USUAL = frozenset({"early-step", "early-fall", "step", "from-best", "low"})
"""Comparisons with something that is not what a client usually scores."""

EARLY = frozenset({"early-step", "early-fall"})
"""Comparisons while there are too few scores for a usual one."""

ASSUMED = frozenset({*EARLY, "step", "from-best"})
"""Kinds whose spread is the prior alone."""

REASONS = {"RC90": "reliable change, 90 %", "RC95": "reliable change, 95 %", "RC99": "reliable change, 99 %"}


def comparison(told: Account) -> str:
    """What the scores of a series are compared with, in a word: a column's head, a line's name."""
    heads = {HEADS.get(row.kind, "usual") for row in told.rows if row.kind and row.kind not in EARLY}
    if not heads:
        looked_back = any(row.step and row.step.baseline is not None and not row.kind for row in told.rows)
        return "level" if looked_back else "usual"
    return heads.pop() if len(heads) == 1 else "compared"


def compared(told: Account) -> str:
    """What the score was compared with: its value, and which sessions it comes from."""
    instrument, reference, points = told.case.instrument, told.reference, told.compared
    if reference is None:
        scores = ", ".join(number(instrument, p.value) for p in points if p.value is not None)
        return f"{scores} (the first {len(points)})"
    value = number(instrument, reference.mean)
    match reference.kind:
        case "low" if told.case.cutoff is None:
            return f"{value}, the instrument's `low`: our assumption, not a norm"
        case "low":
            return f"{value}, entered by the site"
        case "early-step" | "step" | "from-best":
            return f"{value} on {day(points[-1].at)}"
        case "drift":
            return f"{value}, the mean of the first {len(points)} scores (marked baseline)"
    return f"{value}, the mean of {len(points)} scores (marked baseline)"


def variation(told: Account) -> list[str]:
    """The spread: of this client, to expect of one new score, and the prior that it is drawn towards."""
    reference, terms, s0 = told.reference, told.terms, told.case.instrument.change.s0
    if reference is None or terms is None or not reference.spread:
        return ["plays no part in this rule"]
    spread = f"{reference.spread:.3g}"
    if reference.kind in ASSUMED:
        of = "a difference of two scores" if len(reference.base) == 1 else "a score from that mean"
        why = "not known yet" if reference.kind in EARLY else "not this client's own"
        return [f"{why}: the prior alone is assumed, {s0:.3g} (s0); {spread} for {of}"]
    if terms.prior is None:
        return [f"{spread}, from this client's own scores"]
    own = f"{reference.sigma or reference.spread:.3g} for this client"
    one = f", {spread} for one new score" if reference.sigma is not None else ""
    return [f"{own}{one}", f"drawn towards a prior of {s0:.3g} (s0) that weighs as much as {terms.prior:g} scores"]


def firing(instrument: Instrument, limit: float, *, strict: bool, more: int = 0) -> str:
    """A limit, rounded so that what is said of it is true: a score at or below it (strict: below it) fires.

    more  decimals beyond those of the instrument
    """
    places = instrument.scale("total").places + more
    scaled = limit * 10**places
    whole = ceil(scaled - EPSILON) if strict else floor(scaled + EPSILON)
    return f"{whole / 10**places:.{places}f}"


def apart(value: float, bound: float, places: int) -> tuple[str, str]:
    """Both numbers with these decimals, or with as many more as it takes to see that they differ."""
    for more in range(places, places + 5):
        texts = f"{value:.{more}f}", f"{bound:.{more}f}"
        if texts[0] != texts[1] or abs(value - bound) <= EPSILON:
            return texts
    return texts


def share(of: str) -> str:
    """The constant that a drop must reach, in words: "RC90", "0.95 RC99"."""
    *times, constant = of.split()
    return " ".join([*times, f"{'times the ' if times else ''}{REASONS[constant]}"])
