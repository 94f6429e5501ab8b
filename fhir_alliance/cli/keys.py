"""`keys`: the key pairs of SMART Backend Services."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from . import app

group = typer.Typer(name="keys", no_args_is_help=True, help="Key pairs for SMART Backend Services.")
app.add_typer(group)

KeysOption = Annotated[Path, typer.Option("--keys", metavar="DIR", help="Folder of the keys.")]


class Alg(StrEnum):
    """Algorithms of SMART."""

    ES384 = "ES384"
    RS384 = "RS384"


@group.command()
def generate(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the keys; made with mode 0700.")],
    alg: Annotated[Alg, typer.Option("--alg", help="What the EHR accepts.")] = Alg.ES384,
) -> None:
    """Make the first key pair; prints its key id (kid).

    The private key stays in the folder (mode 0600). Nothing is overwritten.
    """
    from .. import keyfolder

    typer.echo(keyfolder.start(out, alg.value))
    typer.echo(f'In the configuration: key = {{ file = "{out / keyfolder.CURRENT}" }}', err=True)
    typer.echo(f"Then register what this prints: fhir-alliance keys jwks --keys {out}", err=True)


@group.command()
def jwks(keys: KeysOption) -> None:
    """Print the public JWK Set, for the EHR's registration or a URL of yours. Holds nothing private."""
    import json

    from .. import keyfolder

    typer.echo(json.dumps(keyfolder.jwks(keys), indent=2))


@group.command()
def rotate(
    keys: KeysOption,
    use: Annotated[bool, typer.Option("--use", help="Second step: sign with the next key from now on.")] = False,
    retire: Annotated[bool, typer.Option("--retire", help="Third step: delete the keys before it.")] = False,
    after: Annotated[
        str, typer.Option("--after", metavar="SPAN", help="For --use: how old the next key must be, like 24h.")
    ] = "24h",
    alg: Annotated[Alg | None, typer.Option("--alg", help="Of the next key; else as the present one.")] = None,
) -> None:
    """Follow one key by another, in three steps; prints the key ids concerned.

    First: make the next key, which joins the public set. The present one goes on signing, and stays in the set until
    told.
    """
    from .. import keyfolder
    from ..errors import ConfigError

    if use and retire:
        raise ConfigError("--use and --retire are two steps: one at a time")
    if retire:
        for kid in keyfolder.retire(keys):
            typer.echo(kid)
        typer.echo(f"Publish the set anew: fhir-alliance keys jwks --keys {keys}", err=True)
    elif use:
        typer.echo(keyfolder.use(keys, after=_span(after)))
        typer.echo("Try it: fhir-alliance doctor. Then, a day later: keys rotate --retire", err=True)
    else:
        typer.echo(keyfolder.add(keys, alg.value if alg else None))
        typer.echo(f"Publish the set now: fhir-alliance keys jwks --keys {keys}", err=True)
        typer.echo("When the EHR has surely fetched it (a day): keys rotate --use", err=True)


def _span(text: str) -> timedelta:
    from ..config_types import parse_duration
    from ..errors import ConfigError

    try:
        span = parse_duration(text)
    except ValueError as error:
        raise ConfigError(f"--after: {error}") from None
    if not isinstance(span, timedelta):
        raise ConfigError("--after: give a duration like 24h")
    return span
