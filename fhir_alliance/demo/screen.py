"""What a person sees at the end of the demo. Fits 80 columns; shows more from 116 on."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ..model import EpisodeState
from ..sparkline import inline
from . import words
from .run import TITLES, Outcome, Told

WIDE = 116
_MARKS = "▼▽!▲×|"
_MEANING = "Lower than usual, or low from the start: a reason to ask, not a finding."
_LEGEND = "▼ begins   ! still low   ▲ recovered   ▽ low start"


@dataclass(frozen=True, slots=True)
class Next:
    """A command to try, and what for."""

    command: str
    purpose: str


def show(console: Console, outcome: Outcome, charts: str | None, following: Sequence[Next]) -> None:
    """Print everything. `charts` is the folder that they were saved in, as it may be typed."""
    wide = console.width >= WIDE
    open_, closed, past = sort(outcome)
    console.print(_title(outcome))
    _section(console, "Possible strains, open now", _strains(open_, outcome, wide), Text(_MEANING, style="dim"))
    _section(console, "No longer open", _strains(closed, outcome, wide), Text(_LEGEND, style="dim"))
    _section(console, "Only recorded", _recorded(outcome, past))
    _section(console, "Set aside, with the reason", _aside(outcome))
    _section(console, f"Written to {outcome.server.url}", _written(outcome), _quiet_pass(outcome), _held(outcome))
    if charts:
        drawn = len({t.story.key for t in (*open_, *closed)})
        _section(console, "Charts", Text(f"{drawn} series as SVG and PNG, and all scores as CSV: {charts}"))
    _section(console, "Try next")
    for step in following:
        console.print(Text(f"  {step.command}", style="cyan"), soft_wrap=True)  # never broken: it is there to be copied
        console.print(Text(f"      {step.purpose}", style="dim"))
    console.print(_verdict(outcome))


def sort(outcome: Outcome) -> tuple[list[Told], list[Told], list[Told]]:
    """Strains that are open, those that had an alert and ended, and those that never called anybody."""
    open_ = [t for t in outcome.told if t.state is EpisodeState.OPEN]
    closed = [t for t in outcome.told if t.state is not EpisodeState.OPEN and t.alert]
    past = [t for t in outcome.told if t.state is not EpisodeState.OPEN and not t.alert]
    worst = {t.strain.dyad: max(o.strain.episode.level for o in open_ if o.strain.dyad == t.strain.dyad) for t in open_}
    open_.sort(key=lambda t: (-worst[t.strain.dyad], t.strain.dyad, -t.strain.episode.level))
    return open_, closed, past


def course(told: Told) -> Text:
    """The series in one line: sessions of a strain in red, the one that ends it in green, like their marks."""
    text, style = Text(), "cyan"
    line = inline(told.story.points, told.story.detection, told.strain.instrument.change)
    for block, marks in re.findall(rf"([^{_MARKS}])([{_MARKS}]*)", line):
        if set(marks) & set("▼▽!"):
            style = "red"
        text.append(block, style="green" if "▲" in marks else style)
        text.append(marks, style="bold green" if "▲" in marks else "bold red")
        if set(marks) & set("▲×▽"):
            style = "cyan"
    return text


@dataclass(frozen=True, slots=True)
class _Column:
    """Of a table of strains. `wide`: only on a wide screen, only on a narrow one, or (None) on both."""

    title: str
    cell: Callable[[Told], RenderableType]
    justify: str = "left"
    wide: bool | None = None


_COLUMNS = (
    _Column("client", lambda t: words.name(t.strain.key.patient)),
    _Column("with", words.clinician),
    _Column("form", words.form, wide=True),
    _Column("since", words.since, "right", wide=True),
    _Column("scores", course),
    _Column("what was seen", words.why, wide=False),
    _Column("what was seen", words.fall, wide=True),
    _Column("× usual variation", words.unusual, wide=True),
    _Column("later", words.later, wide=True),
)


def _section(console: Console, title: str, *body: RenderableType) -> None:
    console.print(Text(f"\n{title}", style="bold"))
    if body:
        console.print(Padding(Group(*body), (0, 0, 0, 2), expand=False))


def _title(outcome: Outcome) -> RenderableType:
    held, server = outcome.held, outcome.server
    clinicians = len({s.key.practitioner for s in outcome.stories if s.key.practitioner.startswith("Practitioner/")})
    return Group(
        Text("A synthetic clinic on a FHIR server of this machine", style="bold"),
        Text(
            f"{server.name} {server.version}".strip() + f": {held['Patient']} clients, {clinicians} clinicians, "
            f"{held['Encounter']} sessions, {held['QuestionnaireResponse']} forms."
        ),
        Text("Nobody in it exists, and nothing leaves this machine.", style="dim"),
    )


def _grid(*columns: tuple[str, str]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for title, justify in columns:
        table.add_column(title, justify="right" if justify == "right" else "left", no_wrap=justify != "wrap")
    return table


def _strains(told: Sequence[Told], outcome: Outcome, wide: bool) -> RenderableType:
    """One line each."""
    columns = [c for c in _COLUMNS if c.wide in (None, wide)]
    table = _grid(*((c.title, c.justify) for c in columns), ("alert", "left"))
    for t in told:
        state = words.alert(t, outcome.tasks)
        table.add_row(*(c.cell(t) for c in columns), Text(state, style=_alert_style(state)))
    return table


def _alert_style(state: str) -> str:
    if state.startswith("urgent"):
        return "bold red"
    return "green" if state == "repaired" else "" if state == "Task" else "dim"


def _recorded(outcome: Outcome, past: Sequence[Told]) -> RenderableType:
    notices = Counter(e.kind for s in outcome.stories for e in s.notices)
    return Group(
        Text(f"{len(past)} strains of earlier weeks: {words.past(past)}. Nobody is called for the past."),
        Text(f"{notices.total()} notices for the chart: {words.counted(notices, words.NOTICES)}."),
    )


def _aside(outcome: Outcome) -> RenderableType:
    table = _grid(("form", "left"), ("reason", "wrap"))
    for line in outcome.aside:
        table.add_row(words.name(line.source), words.reason(line.reason))
    last = outcome.reports[3].outcomes
    rest = (
        f"Not scored either: {last['skipped']} of a questionnaire that nobody mapped, "
        f"{last['waiting']} never finished, {last['retracted']} entered in error."
    )
    return Group(table, Text(rest, style="dim"))


def _written(outcome: Outcome) -> RenderableType:
    """Six counts for each pass; the last pass is the one that matters."""
    columns = [(type, op) for type in ("Observation", "Task") for op in ("create", "update", "retract")]
    heads = ["Observations\nnew", "\nchanged", "\nwithdrawn", "Tasks\nnew", "\nchanged", "\nwithdrawn"]
    table = _grid(("\npass", "left"), *((head, "right") for head in heads))
    for number, report in outcome.reports.items():
        counts = [report.written[f"{type}.{op}"] for type, op in columns]
        table.add_row(f"{number} {TITLES[number]}", *(f"{n:,}" if n else Text("-", style="dim") for n in counts))
    return table


def _quiet_pass(outcome: Outcome) -> Text:
    writes = outcome.reports[4].writes
    return Text(f"The second pass over the same data wrote {writes}.", style="bold red" if writes else "bold green")


def _held(outcome: Outcome) -> Text:
    states = Counter(t["businessStatus"]["coding"][0]["code"] for t in outcome.tasks.values())
    tasks = ", ".join(f"{n} {state}" for state, n in states.most_common())
    return Text(
        f"Read back: {outcome.held['Observation']:,} Observations and {outcome.held['Task']} Tasks ({tasks}).",
        style="dim",
    )


def _verdict(outcome: Outcome) -> RenderableType:
    if outcome.as_planned:
        events = sum(len(s.detection.events) + len(s.subscale_notices) for s in outcome.stories)
        text = f"As planned: all {events} planted events came out, and no other. {outcome.seconds:.0f} seconds."
        return Text(f"\n{text}", style="bold green")
    lines = [Text("\nNot as planned:", style="bold red"), *(Text(f"  {line}") for line in outcome.differences)]
    return Group(*lines)
