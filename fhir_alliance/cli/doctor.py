"""`doctor`: will a pass work? Online, read-only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from . import app
from .common import ConfigOption, EndpointOption, JsonOption, load_settings, one_endpoint, signal_exit, stopping

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from ..doctor import Diagnosis, Section

_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


@app.command()
def doctor(config: ConfigOption = None, endpoint: EndpointOption = None, as_json: JsonOption = False) -> None:
    """Ask the EHR what it can do, and say what to mend. Reads only.

    Exit code 0 when a pass can work, 5 when something fails, 4 when the EHR cannot be reached or does not let us in.
    """
    from ..doctor import examine

    settings = load_settings(config)
    if endpoint is not None:
        name = one_endpoint(settings, endpoint)
        settings = settings.model_copy(update={"endpoint": {name: settings.endpoint[name]}})
    with stopping() as stop:
        found = examine(settings, stop=stop)
    if as_json:
        import json

        typer.echo(json.dumps(found.to_json()))
    else:
        from rich.console import Console

        show(Console(highlight=False, soft_wrap=False), found)
    raise typer.Exit(signal_exit(stop, int(found.exit_code)))


def show(console: Console, found: Diagnosis) -> None:
    """Print the findings for a person. Made for 80 columns."""
    from rich.padding import Padding
    from rich.text import Text

    width = min(console.width, 100)
    for section in found.sections:
        console.print(Text(f"{section.title}", style="bold"), overflow="fold")
        for part in _section(section):
            console.print(Padding(part, (0, 0, 0, 2)), width=width)
        console.print()
    console.print(_verdict(found))


def _section(section: Section) -> Iterator[RenderableType]:
    from rich.table import Table
    from rich.text import Text

    lines = Table.grid(padding=(0, 2, 0, 0))
    lines.add_column(width=4)
    lines.add_column(min_width=16, no_wrap=True)
    lines.add_column(ratio=1, overflow="fold")
    for f in section.findings:
        lines.add_row(Text(str(f.level), _STYLES[str(f.level)]), f.check, Text(" ".join(filter(None, (f.what, f.why)))))
        if f.do:
            lines.add_row("", "", Text(f"> {f.do}", "bold"))
    yield lines
    if section.fits:
        yield Text("\nWhere scores and alerts can go", style="bold")
        yield _fits(section)
    if section.vendor and (section.advice or section.screens):
        yield Text(f"\nKnown about {section.vendor.name}, as of {section.vendor.as_of}", style="bold")
        yield _known(section)
    if section.matrix:
        yield Text("\nDeclared in /metadata, of what we use", style="bold")
        yield _matrix(section)
    if section.forms:
        yield Text("\nQuestionnaires met with one patient, and what they map to", style="bold")
        yield _forms(section)


def _matrix(section: Section) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    from ..doctor import COLUMNS

    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="dim")
    for heading in ("", *COLUMNS):
        table.add_column(heading)
    styles = {"yes": "green", "no": "red", "unknown": "yellow"}
    for kind, cells in section.matrix.items():
        texts = [cells.get(name, "") for name in COLUMNS]
        table.add_row(kind, *(Text(t or "·", styles.get(t.rstrip("*"), "dim")) for t in texts))
    if any(cell.endswith("*") for cells in section.matrix.values() for cell in cells.values()):
        table.caption = "* corrected by the configuration"
        table.caption_justify = "left"
    return table


def _fits(section: Section) -> RenderableType:
    """Every sink: is it chosen, does /metadata declare what it creates, is it known to work with the product."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="dim")
    known = [f"known for {section.vendor.name}"] if section.vendor else []
    for heading in ("", "", "creates", "declared", *known, "chosen"):
        table.add_column(heading)
    words = {True: Text("yes", "green"), False: Text("no", "red"), None: Text("unknown", "yellow")}
    purpose = ""
    for fit in section.fits:
        said = words[fit.declared] if fit.type else Text("·", "dim")
        vendor = [words[fit.known]] if known else []
        chosen = Text("on" if fit.on else "yes, off", "bold") if fit.chosen else Text("")
        first, purpose = fit.purpose if fit.purpose != purpose else "", fit.purpose
        table.add_row(first, fit.sink, fit.type or Text("·", "dim"), said, *vendor, chosen)
    return table


def _known(section: Section) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    from ..vendors import TAGS

    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(ratio=1, overflow="fold")
    # What names settings that would settle it is something to do.
    told: list[tuple[str, str]] = [(a.about, f"> {a.says}" if a.unless else a.says) for a in section.advice]
    told += [("on screen", f"{s.resource}: {s.where}. {s.source}") for s in section.screens]
    for about, says in told:
        table.add_row(about, Text(says, "bold" if says.startswith(">") else ""))
    tags = [f"{tag} {means}" for tag, means in TAGS.items() if any(tag in says for _, says in told)]
    table.add_row("", Text("; ".join(tags) + ". A customer's build may differ.", "dim"))
    return table


def _forms(section: Section) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(justify="right")
    table.add_column(no_wrap=True)
    table.add_column(ratio=1, overflow="fold")
    for form in section.forms:
        name = form.instrument or "unmapped"
        read = form.instrument is not None and form.code is None
        count = str(form.seen) if form.in_all is None else f"{form.seen} (of {form.in_all})"
        table.add_row(count, Text(name if read else f"({name})", "" if read else "dim"), Text(form.canonical))
    return table


def _verdict(found: Diagnosis) -> RenderableType:
    from rich.text import Text

    from ..doctor import Level

    ok, warn, fail = (found.count(level) for level in (Level.OK, Level.WARN, Level.FAIL))
    counts = f"{ok} ok, {warn} to look at, {fail} to mend."
    if fail:
        return Text(f"{counts} Mend what fails, then ask again.", style="bold")
    first = "Look at these first. " if warn else ""
    return Text(f"{counts} {first}Next: fhir-alliance sync --dry-run", style="bold")
