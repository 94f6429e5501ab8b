"""`check`: is the configuration right? Offline."""

from __future__ import annotations

import json
from dataclasses import asdict

import typer

from ..errors import Exit
from . import app
from .common import ConfigOption, JsonOption


@app.command()
def check(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Is the configuration right? Offline.

    Prints the settings in force, secrets masked, and where each value is from. Exit code 2 when something is to mend.
    """
    from ..config import find_config, load
    from ..configcheck import notes, problems
    from ..configdoc import effective

    path = find_config(config)
    settings = load(path)
    found, wrong, said = effective(settings), problems(settings), notes(settings)
    if as_json:
        report = {"file": str(path) if path else None, "settings": [asdict(e) for e in found]}
        typer.echo(json.dumps(report | {"problems": wrong, "notes": said}))
    else:
        width = max(min(len(f"{e.path} = {e.value}"), 64) for e in found)
        for e in found:
            typer.echo(f"{f'{e.path} = {e.value}':<{width}}  # {e.origin}")
    for line in said:
        typer.echo(f"note: {line}", err=True)
    for line in wrong:
        typer.echo(f"to mend: {line}", err=True)
    typer.echo(f"{path or 'no file, environment only'}: {f'{len(wrong)} to mend' if wrong else 'right'}", err=True)
    if wrong:
        raise typer.Exit(Exit.USAGE)
