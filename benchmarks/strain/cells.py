"""Cells and rows of Markdown tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Json = Mapping[str, Any]


def titled(told: Json) -> Iterator[str]:
    """The instrument, as a heading."""
    yield from (f"**{told['title']}**", "")


def head(*names: str) -> Iterator[str]:
    """The head of a table."""
    yield row(*names)
    yield f"|{'---|' * len(names)}"


def row(*cells: str) -> str:
    """A row of a table."""
    return f"| {' | '.join(cells)} |"


def one(figure: Json, places: int) -> str:
    """An estimate alone."""
    return "–" if figure["estimate"] is None else f"{figure['estimate']:.{places}f}"


def with_interval(figure: Json, places: int) -> str:
    """3.39 (3.25–3.54)"""
    if figure["estimate"] is None:
        return "–"
    low, high = ("" if v is None else f"{v:.{places}f}" for v in (figure["low"], figure["high"]))
    return f"{figure['estimate']:.{places}f} ({low}–{high})"


def three(result: Json) -> str:
    """False check-ins, seen at onset, seen by +2."""
    figures = (result["false_alarms_per_100"]["L2"], result["seen_at_onset"], result["seen_by_2"])
    return " · ".join(one(f, 2) for f in figures)


def marked(text: str, agrees: bool) -> str:
    """In bold where it does not agree."""
    return text if agrees else f"**{text}**"
