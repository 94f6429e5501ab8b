"""`detect`: session scores in a file → possible strains and notices. Offline, nothing is written."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import typer

from . import app
from .common import ConfigOption, find_cutoff, find_instrument, find_policy, printable, say_cautions

if TYPE_CHECKING:
    from rich.console import Console

    from ..detection import Policy
    from ..event_lines import EventLine
    from ..model import Change, Detection, Instrument
    from ..series import Problem, Series

_LEGEND = "▼ below usual  ! still low  ▲ recovered  × not recovered  ▽ low start  · no form"
_LARGE = 1 << 18
"""Bytes of a file from which on reading it as arrays is worth loading numpy, and a table of each series is too long to
be read."""
_AT_ONCE = 10_000
"""Lines that are printed together."""


@app.command()
def detect(
    file: str = typer.Argument(
        help="CSV with the columns series,at,value, or NDJSON with these keys, plain or gzip; - is stdin."
    ),
    instrument: str = typer.Option(..., help="Id or file of the instrument that the scores are totals of."),
    policy: str | None = typer.Option(
        None, help="Id of the policy, as `policies list` names them [default: the site's, else alliance-policy/1]."
    ),
    preset: str | None = typer.Option(
        None, help="Sensitivity: sensitive, balanced or specific [default: the site's, else balanced]."
    ),
    config: ConfigOption = None,
    cut_off: float | None = typer.Option(
        None,
        "--cut-off",
        "--cutoff",
        help="Your own cut-off: a notice, or what the rule asks for [default: the site's].",
    ),
    as_json: bool = typer.Option(False, "--json", help="One JSON object per event, and per row set aside."),
) -> None:
    """Possible strains in series of session scores.

    An empty value is a form that was not returned. Of a file of 256 KiB or more only the events are told, each on a
    line of its own. Exit code 3 when a row had to be set aside.
    """
    from ..errors import Exit
    from ..files import content

    chosen = find_instrument(instrument, config, for_strains=True)
    cutoff = find_cutoff(chosen, cut_off, config)
    by = find_policy(chosen.id, policy, preset, config)
    data = content(file)
    if as_json:
        problems = _print_json(data, chosen.change, by, cutoff)
    else:
        say_cautions(chosen)
        problems = (_print_lines if len(data) >= _LARGE else _print_text)(data, chosen, by, cutoff)
    if problems:
        raise typer.Exit(int(Exit.PARTIAL))


def _events(
    data: bytes, change: Change, by: Policy, cutoff: float | None
) -> tuple[Iterator[EventLine], Sequence[Problem], int]:
    """The events, what was set aside, and how many series there are. Large files are read and judged as arrays, which
    says the same, sooner."""
    from ..detection.policy import RulePolicy
    from ..event_lines import events_of_arrays, events_of_series

    if len(data) >= _LARGE and isinstance(by, RulePolicy):
        from ..detection.array import run_rows
        from ..series_arrays import read_arrays

        arrays = read_arrays(data, change)
        told = run_rows(arrays.values, arrays.at, arrays.starts, change, by, cutoff=cutoff)
        return events_of_arrays(arrays, told), arrays.problems, len(arrays.names)
    from ..series import read_series

    found = read_series(data, change)
    events = events_of_series((s, by.run(s.points, change, cutoff=cutoff)) for s in found.series)
    return events, found.problems, len(found.series)


def _print_json(data: bytes, change: Change, by: Policy, cutoff: float | None) -> Sequence[Problem]:
    """The lines of events and reasons."""
    from ..event_lines import encoded

    events, problems, _ = _events(data, change, by, cutoff)
    for lines in encoded(events, problems):
        typer.echo(lines, nl=False)
    return problems


# -- for people ----------------------------------------------------------------------------------


def _print_lines(data: bytes, instrument: Instrument, by: Policy, cutoff: float | None) -> Sequence[Problem]:
    """A line for each event, and nothing of series without one: a million rows have too many series for tables."""
    from itertools import islice

    events, problems, series = _events(data, instrument.change, by, cutoff)
    _replacing()
    typer.echo(_head(instrument, by, cutoff))
    names: set[str] = set()
    count = 0
    while some := list(islice(events, _AT_ONCE)):
        typer.echo("\n".join(_lines(some, instrument)))
        names.update(e.series for e in some)
        count += len(some)
    if problems:
        typer.echo("\n".join(f"set aside: {p.reason}" for p in problems))
    typer.echo(f"{series:,} series, {count:,} events in {len(names):,} of them, {len(problems):,} set aside")
    return problems


def _lines(events: Iterable[EventLine], instrument: Instrument) -> Iterator[str]:
    from ..model import Event
    from ..wording import LEVELS, day, describe, number

    for e in events:
        at = datetime.fromisoformat(e.at.upper())  # as `series` has read it
        what = describe(instrument, Event(e.index, at, e.level, e.kind, e.value, e.baseline, drop=e.drop))
        yield f"{printable(e.series)}  {e.index}  {day(at)}  {number(instrument, e.value)}  {LEVELS[e.level]}  {what}"


def _head(instrument: Instrument, by: Policy, cutoff: float | None) -> str:
    below = "" if cutoff is None else f", cut-off {cutoff:g}"
    return f"Possible alliance strains · {instrument.id} · {by.id}, preset {by.preset}{below}"


def _replacing() -> None:
    """A terminal that cannot show blocks still gets every word."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")


def _print_text(data: bytes, instrument: Instrument, by: Policy, cutoff: float | None) -> Sequence[Problem]:
    from rich.console import Console
    from rich.text import Text

    from ..series import read_series

    found = read_series(data, instrument.change)
    _replacing()
    console = Console(highlight=False)
    console.print(Text(_head(instrument, by, cutoff), style="bold"))
    strained = 0
    for series in found.series:
        detection = by.run(series.points, instrument.change, cutoff=cutoff)
        strained += any(e.state == "open" for e in detection.episodes)
        _print_series(console, series, detection, instrument)
    for problem in found.problems:
        console.print(Text(f"set aside: {problem.reason}", style="yellow"))
    if found.series:
        console.print(Text(_LEGEND, style="dim"))
    counts = f"{len(found.series)} series, {strained} with something open, {len(found.problems)} set aside"
    console.print(Text(counts, style="bold"))
    return found.problems


def _print_series(console: Console, series: Series, detection: Detection, instrument: Instrument) -> None:
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    from ..sparkline import inline
    from ..wording import LEVELS, day, describe, number

    head = Text(printable(series.name), style="bold").append(f"  {_standing(detection)}", style="dim")
    console.print()
    console.print(head)
    console.print(Padding(Text(inline(series.points, detection, instrument.change)), (0, 0, 0, 2), expand=False))
    table = Table.grid(padding=(0, 2))
    for justify in ("right", "left", "right", "left", "left"):
        table.add_column(justify=justify, no_wrap=justify != "left")
    for e in detection.events:
        style = {3: "bold red", 2: "red", 0: "green" if e.kind == "repaired" else ""}.get(e.level, "dim")
        cells = (f"{e.index}", day(e.at), number(instrument, e.value), LEVELS[e.level], describe(instrument, e))
        table.add_row(*cells, style=style)
    if detection.events:
        console.print(Padding(table, (0, 0, 0, 2), expand=False))


def _standing(detection: Detection) -> str:
    """How the series stands today, in a few words."""
    scores = f"{len(detection.steps)} scores"
    still = [e for e in detection.episodes if e.state == "open"]
    if still:
        return (
            f"{scores}, {'low start' if still[-1].kind == 'low-early' else 'open'} since {still[-1].onset.at:%Y-%m-%d}"
        )
    if detection.insufficient:
        return f"{scores}, {detection.insufficient}"
    return scores
