"""A series in one line of a terminal: ▆▇▆▇▇▂▼·▆▲

The range is fixed by the scale, not by the series, so that a steady client looks steady. Marks
stand right after the session that they belong to; a form that was not returned is a dot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor

from .detection import STRAINS, time_order, valid
from .model import Change, Detection, Point

BLOCKS = "▁▂▃▄▅▆▇█"
GAP = "·"
MARKS = {
    **dict.fromkeys(STRAINS, "▼"),
    "low-early": "▽",
    "persisting": "!",
    "repaired": "▲",
    "unrepaired": "×",
    "expired": "|",
}
"""What follows the session of an event. Notices have no mark."""


def window(change: Change, values: Sequence[float], share: float = 0.5) -> tuple[float, float]:
    """The part of the scale to show: this upper share of it, and more below where a value needs it."""
    span = change.maximum - change.minimum
    step = span / 8
    lowest = min(values, default=change.maximum)
    foot = change.minimum + floor((lowest - change.minimum) / step - 0.2) * step
    return max(change.minimum, min(foot, change.maximum - share * span)), change.maximum


def sparkline(
    values: Sequence[float | None],
    marks: Mapping[int, str] | None = None,
    *,
    low: float | None = None,
    high: float | None = None,
) -> str:
    """Blocks for values between `low` and `high` (default: of the values), dots for None.

    `marks` maps a position in `values`, from 0, to the text that follows its block.
    """
    known = [v for v in values if v is not None]
    low = min(known, default=0.0) if low is None else low
    high = max(known, default=1.0) if high is None else high
    step = (high - low) / len(BLOCKS) or 1.0
    top = len(BLOCKS) - 1
    drawn = [GAP if v is None else BLOCKS[min(top, max(0, floor((v - low) / step)))] for v in values]
    return "".join(block + (marks or {}).get(i, "") for i, block in enumerate(drawn))


def marks(detection: Detection) -> dict[int, str]:
    """Marks of a detection's events by position of the session, from 0."""
    found: dict[int, str] = {}
    scored = {(s.index, s.at) for s in detection.steps}
    for event in detection.events:
        if mark := MARKS.get(event.kind):
            # A long gap lies before the session that revealed it, or after the last one.
            before = event.kind == "expired" and (event.index, event.at) in scored
            position = event.index - 2 if before else event.index - 1
            found[position] = found.get(position, "") + mark
    return found


def inline(points: Sequence[Point], detection: Detection, change: Change) -> str:
    """The series of `points`, in order of time, with its onsets and closes marked."""
    values = [
        p.value if p.value is not None and valid(p.value, change.minimum, change.maximum) else None
        for p in sorted(points, key=time_order)
    ]
    low, high = window(change, [v for v in values if v is not None])
    return sparkline(values, marks(detection), low=low, high=high)
