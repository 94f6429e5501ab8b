"""`instruments`: the scoring keys, their sources and their licences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import app
from .common import JsonOption

if TYPE_CHECKING:
    from ..model import Instrument

group = typer.Typer(name="instruments", no_args_is_help=True, help="The scoring keys, their sources and licences.")
app.add_typer(group)


@group.command("list")
def list_(as_json: JsonOption = False) -> None:
    """The instruments that are built in."""
    from ..instruments import load_all

    found = load_all().values()
    if as_json:
        _print([_summary(i) for i in found])
        return
    width = max(len(i.id) for i in found)
    for i in found:
        gate = "; needs the site's licence" if i.licence_gated else ""
        typer.echo(f"{i.id:<{width}}  {i.title}: {len(i.items)} items, {_span(i)}{gate}")


@group.command()
def show(
    instrument: Annotated[str, typer.Argument(metavar="ID", help="Id of an instrument.")], as_json: JsonOption = False
) -> None:
    """One instrument: keys, ranges, constants with their provenance, licence."""
    from ..instruments import get

    chosen = get(instrument)
    if as_json:
        _print(_whole(chosen))
        return
    for line in _page(chosen):
        typer.echo(line)


@group.command()
def validate(
    file: Annotated[str, typer.Argument(metavar="FILE", help="An instrument definition (TOML).")],
    as_json: JsonOption = False,
) -> None:
    """Is an instrument definition sound, and do its worked examples come out? Exit code 5 when not."""
    from .. import instruments
    from ..errors import Exit

    problems = instruments.validate(file)
    if as_json:
        _print({"file": file, "valid": not problems, "problems": problems})
    else:
        for problem in problems:
            typer.echo(problem)
        typer.echo(f"{file}: {f'{len(problems)} to mend' if problems else 'valid'}", err=True)
    if problems:
        raise typer.Exit(int(Exit.CHECK))


_PLACED = {"items", "scales", "reverse", "completeness", "rc90", "rc95", "rc99", "s0", "low"}


def _print(what: Any) -> None:
    import json

    typer.echo(json.dumps(what, ensure_ascii=False))


def _summary(i: Instrument) -> dict[str, Any]:
    return {
        "id": i.id,
        "version": i.version,
        "title": i.title,
        "rater": i.rater,
        "items": len(i.items),
        "scales": [s.id for s in i.scales],
        "verified": i.verified,
        "licence_gated": i.licence_gated,
    }


def _whole(i: Instrument) -> dict[str, Any]:
    from dataclasses import asdict

    told = asdict(i)
    return {"id": told.pop("id"), "canonical": _canonical(i), "response": told.pop("unit_hint"), **told}


def _canonical(i: Instrument) -> str:
    from ..config import DEFAULT_NAMESPACE

    return f"{DEFAULT_NAMESPACE}/Questionnaire/{i.id}"


def _span(i: Instrument) -> str:
    first = i.items[0]
    return f"answers {first.minimum:g}-{first.maximum:g} in steps of {first.step:g}"


def _page(i: Instrument) -> list[str]:
    sources, change, size = i.provenance, i.change, len(i.items)
    rows: list[tuple[str, str]] = [
        (f"{i.id} {i.version}: {i.title}", ""),
        ("rated by", f"{i.rater}, {i.when}-session"),
        ("items", f"{size}, {_span(i)}. {sources['items']}"),
        ("canonical", f"{_canonical(i)} ({', '.join(i.questionnaire_versions)}, or no version)"),
        ("linkIds", f"1 to {size}; its own total: {', '.join(i.stated_total) or 'none'}"),
        ("key", f"{i.key}, {'verified' if i.verified else 'NOT verified against the form'}"),
        ("licence", f"{i.holder}. {i.terms}"),
        ("gated", "scored only where the site attests its licence" if i.licence_gated else "no"),
        ("Scales", ""),
    ]
    for s in i.scales:
        needs = f", and {', '.join(s.requires)}" if s.requires else ""
        text = f"{s.rule} of {', '.join(map(str, s.items))}; {s.minimum:g}-{s.maximum:g}; from {s.min_answered}"
        rows.append((s.id, f"{text} answered items{needs}"))
    rows += [(name, sources[name]) for name in ("scales", "reverse", "completeness")]
    rows.append((f"Change, in points of the total ({change.minimum:g}-{change.maximum:g})", ""))
    for name in ("rc90", "rc95", "rc99", "s0", "low"):
        value = getattr(change, name)
        rows.append((name, f"{'none' if value is None else f'{value:g}'}  {sources.get(name, '')}"))
    rows += [(name.replace("_", "-"), text) for name, text in sources.items() if name not in _PLACED]
    tags = (
        "[R] read in the source  [R2] in a secondary source",
        "[M-hi] from memory  [C] computed  [A] our assumption",
    )
    return [*_table(rows), "", *tags]


def _table(rows: list[tuple[str, str]]) -> list[str]:
    """Headings (rows without text) and labelled text below them, wrapped to the terminal."""
    import shutil
    import textwrap

    width, column = min(shutil.get_terminal_size().columns, 120), 16
    lines: list[str] = []
    for label, text in rows:
        if not text:
            lines += ["", label] if lines else [label]
            continue
        start = f"  {label:<{column - 2}}"
        lines += textwrap.wrap(
            text, width, initial_indent=start, subsequent_indent=" " * column, break_on_hyphens=False
        )
    return lines
