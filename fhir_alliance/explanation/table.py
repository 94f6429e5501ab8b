"""The sessions as a table: every score and date, what it was compared with, and what was said of it."""

from __future__ import annotations

from collections.abc import Sequence

from ..detection import STRAINS
from ..model import Episode, Event, Instrument
from ..scoring import PRORATED, STRAIGHT_LINING
from ..sparkline import MARKS
from ..wording import LEVELS, day, describe, number, regained
from .case import Account, Row
from .layout import wrap
from .words import BASES, COMPARED, EARLY, NOT_USUAL, comparison, firing

FEW = 15
"""So many sessions are all listed."""

_CLOSING = frozenset({"repaired", "unrepaired", "persisting", "expired"})


def sessions(told: Account, width: int, *, marks: bool, every: bool = False) -> str:
    """From the first score that counts for the one looked at to the newest; all where they are few, or asked for."""
    if not told.rows:
        return ""
    few = every or len(told.rows) <= FEW
    first = 1 if few else min(row.index for row in told.rows if row.base or row.judged)
    shown = [row for row in told.rows if row.index >= first]
    left_out = any(_left_out(row) for row in shown)
    cells = [_cells(told, row, left_out=left_out) for row in shown]
    titles = ["#", "date", "score", comparison(told), "limit", *(["left out"] if left_out else [])]
    widths = [max(len(title), *(len(c[i]) for c in cells)) for i, title in enumerate(titles)]
    lines = [_line(titles, widths, " ", "", width)]
    for row, texts in zip(shown, cells, strict=True):
        lines.append(_line(texts, widths, ">" if row.judged else " ", _what(told, row, marks=marks), width))
    return "\n".join([*lines, *_notes(shown, first, width)])


def _cells(told: Account, row: Row, *, left_out: bool) -> list[str]:
    instrument, step = told.case.instrument, row.step
    value = "-" if step is None else number(instrument, step.value)
    usual = "" if step is None or step.baseline is None else number(instrument, step.baseline)
    if row.kind in EARLY:
        usual = f"({usual})"
    limit = ""
    if step is not None and step.limit is not None and row.reference is not None:
        limit = firing(instrument, step.limit, strict=row.reference.strict)
    # A figure in brackets stands below the others all the same.
    usual = usual if usual.endswith(")") else f"{usual} "
    return [f"{row.index}", day(row.point.at), value, usual, limit, *([_left_out(row)] if left_out else [])]


def _left_out(row: Row) -> str:
    form = row.form
    return f"{form.items - form.answered} of {form.items}" if form and form.answered < form.items else ""


def _line(texts: Sequence[str], widths: Sequence[int], mark: str, what: str, width: int) -> str:
    cells = [text.ljust(w) if i == 1 else text.rjust(w) for i, (text, w) in enumerate(zip(texts, widths, strict=True))]
    start = f"{mark} {'  '.join(cells)}  "
    return wrap(what, width, first=start, rest=" " * len(start)).rstrip() if what else start.rstrip()


def _what(told: Account, row: Row, *, marks: bool) -> str:
    """What a session is and what was said of it, in a few words."""
    if row.step is None:
        return "no form" if row.point.value is None else "outside the scale, not used"
    texts = [_said(told.case.instrument, event, row.kind, marks=marks) for event in row.events]
    if row.strain and row.index > row.strain.onset.index and not {e.kind for e in row.events} & _CLOSING:
        texts.append(_regained(row.strain, row.step.value))
    if row.base:
        kind = told.reference.kind if told.reference else "low-early"
        texts.insert(0, BASES.get(kind, "baseline"))
    if row.form and STRAIGHT_LINING in row.form.flags:
        texts.append("every answer the same")
    return "; ".join(texts)


def _said(instrument: Instrument, event: Event, kind: str, *, marks: bool) -> str:
    mark = f"{MARKS[event.kind]} " if marks and event.kind in MARKS else ""
    scale = f"{instrument.scale(event.scale).title}: " if event.scale else ""
    level = ""
    if event.level >= 2:
        level = f": {LEVELS[event.level]}"
    elif event.kind in STRAINS and event.level == 1:
        level = ": noticed"
    text = describe(instrument, event)
    if kind in NOT_USUAL:
        # "still … below usual 4.2": but it was compared with something else.
        text = text.replace("usual", f"the {COMPARED[kind]}")
    return f"{mark}{scale}{text}{level}"


def _regained(strain: Episode, value: float) -> str:
    """Share of the drop that a score inside a strain makes good."""
    share = regained(strain, value)
    return "lower still" if share < 0 else f"{min(share, 1):.0%} of the drop regained"


def _notes(shown: Sequence[Row], first: int, width: int) -> list[str]:
    notes = []
    if any(row.kind in EARLY for row in shown):
        notes.append("In brackets: there is no usual score yet; compared with the first scores.")
    if any(row.form and PRORATED in row.form.flags for row in shown):
        notes.append("Left out: items without an answer, taken as the mean of the others (prorated).")
    if first > 1:
        notes.append(f"Sessions before number {first} are not shown.")
    return [wrap(note, width, first="  ") for note in notes]
