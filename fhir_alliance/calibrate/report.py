"""The figures as text in 80 columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from .ratio import UNKNOWN, Figure
from .result import AlertRates, Result, Seen

R = TypeVar("R")
_LABEL, _CELL = 26, 18
_STRATA = 3
_WEEK = 25
"""Scored sessions of one clinician in a week, for a rate that can be imagined."""


def comparison(results: Sequence[Result]) -> Iterator[str]:
    """A line for each policy, all clients: to be read from top to bottom."""
    width = max(len(_name(r)) for r in results)
    yield f"{'':{width}}  {'false per 100':^18}  {'strains seen':^18}  {'right,':>8}"
    yield f"{'':{width}}" + "".join(f"{name:>10}" for name in ("check-in", "priority", "at onset", "by +2", "if 5 %"))
    for r in results:
        figures = (r.l2, r.l3, r.seen.at_onset, r.seen.by_2, r.ppv["5"])
        yield f"{_name(r):{width}}  " + "  ".join(f"{_one(f):>8}" for f in figures)


def blocks(results: Sequence[Result]) -> Iterator[str]:
    """Every figure of one policy, its strata side by side."""
    if not results:
        return
    rows: list[tuple[str, Callable[[Result], str]]] = [
        ("clients", lambda r: f"{r.who.clients:,}"),
        ("scored sessions", lambda r: f"{r.who.sessions:,}"),
        ("false check-ins per 100", lambda r: shown(r.l2)),
        *((f"  {kind}", _by_kind(kind)) for kind in results[0].by_kind),
        ("false priority per 100", lambda r: shown(r.l3)),
        ("clients with any", lambda r: shown(r.any)),
        ("sessions between", lambda r: shown(r.run_length, 0)),
        ("seen at onset", lambda r: shown(r.seen.at_onset)),
        ("seen by +1", lambda r: shown(r.seen.by_1)),
        ("seen by +2", lambda r: shown(r.seen.by_2)),
        *((f"right, if {p} % begin one", _ppv(p)) for p in results[0].ppv),
        *(
            (f"{truth}, told {end}", _repair(truth, end))
            for truth, ends in results[0].seen.repair.items()
            for end in ends
        ),
    ]
    for some in _side_by_side(results):
        yield _line("", [r.who.stratum for r in some])
        yield from (_line(label, [cell(r) for r in some]) for label, cell in rows)


def strains(result: Result) -> Iterator[str]:
    """The planted strains one by one, or those at random by the session they begin at; all clients."""
    if result.by_strain:
        yield _line("points below usual", ["at onset", "by +2", "told repaired"])
    for strain, seen in result.by_strain:
        how = "one session" if strain.lasts == "once" else strain.lasts
        yield _line(f"  {strain.points:g}, {how}", [shown(seen.at_onset), shown(seen.by_2), shown(_told(seen))])
    if result.by_onset:
        yield _line("strains that begin at", ["at onset", "by +2", "strains"])
    for group in result.by_onset:
        label = f"  session {group.first} to {group.last}" if group.last else f"  session {group.first} or later"
        yield _line(label, [shown(group.at_onset), shown(group.by_2), f"{group.strains:,}"])


def alert_blocks(results: Sequence[AlertRates]) -> Iterator[str]:
    """Rates of alerts where no truth is known."""
    rows: list[tuple[str, Callable[[AlertRates], str]]] = [
        ("series", lambda r: f"{r.who.clients:,}"),
        ("scored sessions", lambda r: f"{r.who.sessions:,}"),
        ("notices per 100", lambda r: shown(r.per_100["L1"])),
        ("check-ins per 100", lambda r: shown(r.per_100["L2"])),
        ("priority check-ins per 100", lambda r: shown(r.per_100["L3"])),
        (f"check-ins in {_WEEK} sessions", lambda r: shown(r.per_100["L2"].times(_WEEK / 100))),
        ("series with a check-in", lambda r: shown(r.with_any)),
        ("sessions between check-ins", lambda r: shown(r.run_length, 0)),
    ]
    for some in _side_by_side(results):
        yield _line("", [r.who.stratum for r in some])
        yield from (_line(label, [cell(r) for r in some]) for label, cell in rows)


def shown(figure: Figure, places: int = 2) -> str:
    """A figure with its interval: 0.67 (0.65-0.68), 16.2 (15.3-17.1); it leaves a space in its column."""
    if figure.estimate is None:
        return "-"
    places = min(places, 1) if figure.estimate >= 10 else places
    low, high = ("" if v is None else f"{v:,.{places}f}" for v in (figure.low, figure.high))
    return f"{figure.estimate:,.{places}f} ({low}-{high})"


def _side_by_side(results: Sequence[R]) -> Iterator[Sequence[R]]:
    yield from (results[first : first + _STRATA] for first in range(0, len(results), _STRATA))


def _one(figure: Figure) -> str:
    if figure.estimate is None or figure.low is None or figure.high is None:
        return "-"
    return f"{figure.estimate:.2f}"


def _name(result: Result) -> str:
    return f"{result.who.policy} {result.who.preset}"


def _line(label: str, cells: Sequence[str]) -> str:
    return f"{label:<{_LABEL}}" + "".join(f"{cell:>{_CELL}}" for cell in cells)


def _by_kind(kind: str) -> Callable[[Result], str]:
    return lambda r: shown(r.by_kind[kind])


def _ppv(percent: str) -> Callable[[Result], str]:
    return lambda r: shown(r.ppv[percent])


def _repair(truth: str, end: str) -> Callable[[Result], str]:
    return lambda r: shown(r.seen.repair[truth][end])


def _told(seen: Seen) -> Figure:
    """Share of the seen strains that were closed as repaired, whatever they were."""
    return next((e["repaired"] for e in seen.repair.values() if e["repaired"].estimate is not None), UNKNOWN)
