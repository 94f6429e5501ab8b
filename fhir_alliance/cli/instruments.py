"""`instruments`: the scoring keys, their sources and their licences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import app
from .common import ConfigOption, JsonOption, find_instrument, known_instruments

if TYPE_CHECKING:
    from ..model import Instrument

group = typer.Typer(name="instruments", no_args_is_help=True, help="The scoring keys, their sources and licences.")
app.add_typer(group)


@group.command("list")
def list_(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """The instruments that are built in, and the site's own."""
    found = known_instruments(config).values()
    if as_json:
        _print([_summary(i) for i in found])
        return
    width = max(len(i.id) for i in found)
    for i in found:
        typer.echo(f"{i.id:<{width}}  {'; '.join(_line(i))}")


@group.command()
def show(
    instrument: Annotated[str, typer.Argument(metavar="ID", help="Id of an instrument, or a definition file.")],
    config: ConfigOption = None,
    as_toml: Annotated[
        bool, typer.Option("--toml", help="Print a built-in definition file, to begin one of your own with.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """One instrument: keys, ranges, constants with their provenance, licence."""
    chosen = find_instrument(instrument, config)
    if as_toml:
        from ..instruments import text

        typer.echo(text(chosen.id), nl=False)
        return
    if as_json:
        _print(_whole(chosen))
        return
    from .instrument_page import page

    for line in page(chosen, _canonicals(chosen)):
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
        _print({"file": file, "ok": not problems, "problems": problems})
    else:
        for problem in problems:
            typer.echo(problem)
        typer.echo(f"{file}: {f'{len(problems)} to mend' if problems else 'valid'}", err=True)
    if problems:
        raise typer.Exit(int(Exit.CHECK))


@group.command()
def schema() -> None:
    """The JSON Schema of definition files, for editors."""
    from ..instruments.schema import text

    typer.echo(text(), nl=False)


def _print(what: Any) -> None:
    import json

    typer.echo(json.dumps(what, ensure_ascii=False))


def _summary(i: Instrument) -> dict[str, Any]:
    return {
        "id": i.id,
        "version": i.version,
        "title": i.title,
        "rater": i.rater,
        "purpose": i.purpose,
        "items": len(i.items),
        "scales": [s.id for s in i.scales],
        "totals_only": i.totals_only,
        "verified": i.verified,
        "licence_gated": i.licence_gated,
    }


def _line(i: Instrument) -> list[str]:
    total = i.scale("total")
    form = "accepts a finished total only" if i.totals_only else f"{len(i.items)} items"
    told = [f"{i.title}: {form}, total {total.minimum:g}-{total.maximum:g}"]
    told += [] if i.purpose == "alliance" else [i.purpose]
    told += [] if i.verified or i.totals_only else ["key NOT verified"]
    return told + (["needs the site's licence"] if i.licence_gated else [])


def _whole(i: Instrument) -> dict[str, Any]:
    from dataclasses import asdict

    from ..instruments.cautions import alerts, cautions

    told = asdict(i)
    canonicals = _canonicals(i)
    return {
        "id": told.pop("id"),
        "canonical": canonicals[0] if canonicals else None,
        **told,
        "canonicals": canonicals,
        "response": told.pop("unit_hint"),
        "licence": {"gated": i.licence_gated, "holder": i.holder, "terms": i.terms},
        "alerts": alerts(i),
        "cautions": cautions(i),
    }


def _canonicals(i: Instrument) -> list[str]:
    """The questionnaires that are this instrument without any map."""
    from ..config import DEFAULT_NAMESPACE
    from ..instruments import load_all

    return [*([f"{DEFAULT_NAMESPACE}/Questionnaire/{i.id}"] if i.id in load_all() else []), *i.canonicals]
