"""The explanation for a person: the first sentence, the sessions, the numbers, what they cannot tell."""

from __future__ import annotations

from collections.abc import Sequence

from ..instruments.cautions import cautions
from ..model import Instrument
from ..sparkline import inline
from .case import Account
from .layout import wrap
from .limits import limits
from .numbers import numbers
from .table import sessions
from .verdict import verdict

_LEGEND = {
    "▼": "a fall",
    "▽": "low start",
    "!": "still low",
    "▲": "recovered",
    "×": "not recovered",
    "|": "long gap",
    "·": "no form",
}


def explain_text(
    told: Account, *, width: int = 72, remarks: Sequence[str] = (), pictures: bool = False, every: bool = False
) -> str:
    """The whole explanation, at most `width` (60 or more) columns wide.

    remarks   to stand right after the first sentences
    pictures  with the line of the chart and its marks, for a terminal
    every     list every session, not only from the first that counts
    """
    found = verdict(told)
    parts = [
        "\n".join(wrap(text, width) for text in [found.headline, *found.text, *remarks]),
        "\n".join(wrap(f"Note: {text}.", width) for text in cautions(told.case.instrument)),
        _line(told, told.case.instrument, width) if pictures else "",
        sessions(told, width, marks=pictures, every=every),
        numbers(told, width),
        limits(told, width),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _line(told: Account, instrument: Instrument, width: int) -> str:
    """The series in one line, with those marks explained that stand in it."""
    drawn = inline(told.case.points, told.case.detection, instrument.change)
    legend = "  ".join(f"{mark} {word}" for mark, word in _LEGEND.items() if mark in drawn)
    # The blocks have no spaces to break at, so a long series is cut by hand.
    room = width - 2
    lines = [f"  {drawn[i : i + room]}" for i in range(0, len(drawn), room)]
    return "\n".join([*lines, *([wrap(legend, width, first="  ")] if legend else [])])
