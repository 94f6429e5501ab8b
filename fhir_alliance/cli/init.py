"""`init`: a commented configuration file."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from ..errors import ConfigError
from . import app


@app.command()
def init(
    file: Path | None = typer.Argument(None, help="Where to write it; else ./fhir-alliance.toml."),
    base_url: str | None = typer.Option(
        None, "--base-url", help="FHIR base of the server, like https://ehr.example.org/fhir/r4."
    ),
    force: bool = typer.Option(False, "--force", help="Overwrite the file if it exists."),
) -> None:
    """Write a commented configuration file.

    It holds every setting with its default, and only its owner may read it (mode 0600).
    """
    from ..config import CONFIG_NAME
    from ..config_types import base_url as checked
    from ..configdoc import EXAMPLE_URL, example

    file = file or Path(CONFIG_NAME)
    try:
        text = example(checked(base_url or EXAMPLE_URL))
    except ValueError as error:
        raise ConfigError(f"--base-url: {error}") from None
    _write(file, text, force=force)
    typer.echo(
        f"{file} is written; nothing is written to the EHR until write.enabled and write.types say so.", err=True
    )
    typer.echo(f"Name the patients under [cohort], then: fhir-alliance check --config {file}", err=True)


def _write(file: Path, text: str, *, force: bool) -> None:
    """Only its owner may read it, from the first byte on: it says where secrets are."""
    try:
        if force:
            file.unlink(missing_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ConfigError(f"{file} exists; --force overwrites it") from None
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)
