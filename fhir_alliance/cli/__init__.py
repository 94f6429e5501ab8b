"""The command line: thin skins over public functions. Data on stdout, logs and messages on stderr.

Start-up stays light: a command module imports what it needs inside the command.
"""

from __future__ import annotations

import os
import sys

import typer

from ..errors import AllianceError, Exit, bug

app = typer.Typer(
    name="fhir-alliance",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Alliance scores and strain alerts beside an EHR, over FHIR R4.",
)


def _version(show: bool) -> None:
    if show:
        from .. import __version__

        typer.echo(f"fhir-alliance {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Alliance scores and strain alerts beside an EHR, over FHIR R4."""


def main() -> None:
    """Entry point: every expected failure becomes one clear line and its exit code."""
    import gc

    gc.set_threshold(100_000, 20, 20)  # starting up makes many objects and hardly any garbage
    from . import commands  # noqa: F401  registers the commands

    try:
        app()
    except AllianceError as error:
        sys.stderr.write(f"fhir-alliance: {error}\n")
        sys.exit(int(error.exit_code))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + 13)
    except Exception as error:
        # The text of an unforeseen exception may carry input values: name its type and place only.
        if os.environ.get("FHIR_ALLIANCE_TRACEBACK"):
            raise
        sys.stderr.write(f"fhir-alliance: a bug ({bug(error)}); please report it\n")
        sys.exit(int(Exit.BUG))
