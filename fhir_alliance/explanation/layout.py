"""Lines of plain text that keep to a width."""

from __future__ import annotations

import textwrap

LABEL = 19


def wrap(text: str, width: int, *, first: str = "", rest: str | None = None) -> str:
    """A paragraph; `first` and `rest` begin its first and its other lines."""
    return textwrap.fill(
        text,
        width,
        initial_indent=first,
        subsequent_indent=first if rest is None else rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def bullet(text: str, width: int) -> str:
    """One point of a list."""
    return wrap(text, width, first="- ", rest="  ")


def row(label: str, text: str, width: int) -> str:
    """A label and what it says, in two columns."""
    return wrap(text, width, first=f"  {label}".ljust(LABEL), rest=" " * LABEL)
