"""`demo`: the whole loop on a FHIR server with a synthetic clinic."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import app
from .common import JsonOption, writing

if TYPE_CHECKING:
    from ..demo.run import Outcome
    from ..demo.server import Server

OUT = Path("fhir-alliance-demo")


@app.command()
def demo(
    serve: Annotated[bool, typer.Option("--serve", help="Keep the server up until Ctrl-C.")] = False,
    as_json: JsonOption = False,
    server: Annotated[
        str | None, typer.Option("--server", metavar="URL", help="Use this empty FHIR server on this machine.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help=f"Where charts are saved [default: ./{OUT}].")
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the server's data, the store and the configuration.")
    ] = False,
) -> None:
    """See the whole loop: a FHIR server, a synthetic clinic, four passes, and what came of them.

    Nothing leaves this machine. Exit code 0 when everything went as planned.
    """
    from ..errors import ConfigError, Exit
    from ..log import configure

    if serve and server:
        raise ConfigError("--serve keeps the demo's own server up; yours (--server) stays up anyway")
    configure("warning")
    charts = out or (None if as_json else OUT)
    with _ending(), _saved(charts), _folder(keep) as folder, _server(server, folder) as running:
        outcome = _run(running, folder, charts, quiet=as_json)
        if as_json:
            _print_json(outcome)
        else:
            _print(outcome, charts or OUT, folder if serve or keep else None)
        if serve:
            _serve(running, folder)
    raise typer.Exit(Exit.DONE if outcome.as_planned else Exit.BUG)


@contextmanager
def _ending() -> Iterator[None]:
    """SIGTERM and Ctrl-C end the server and remove the folder like any other end, then exit 128 + n."""

    def leave(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    before = {n: signal.signal(n, leave) for n in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _folder(keep: bool) -> Iterator[Path]:
    """A private folder for everything that the demo leaves; removed unless it is kept."""
    import shutil
    import tempfile

    from ..demo.server import memory

    folder = Path(tempfile.mkdtemp(prefix="fhir-alliance-demo-", dir=None if keep else memory()))
    try:
        yield folder
    finally:
        if keep:
            sys.stderr.write(f"Kept: {folder}\n")
        else:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _saved(folder: Path | None) -> Iterator[None]:
    """The folder of the charts: made before anything runs, and gone again when nothing came into it."""
    from tempfile import TemporaryFile

    if folder is None:
        yield
        return
    new = not folder.exists()
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()
    try:
        yield
    finally:
        if new:
            with suppress(OSError):
                folder.rmdir()


def _server(url: str | None, folder: Path) -> AbstractContextManager[Server]:
    from ..demo.server import embedded, given

    return given(url) if url else embedded(folder / "server")


def _run(server: Server, folder: Path, charts: Path | None, *, quiet: bool) -> Outcome:
    from ..config import now_utc
    from ..demo.progress import progress
    from ..demo.run import run

    with progress(quiet=quiet) as teller:
        outcome = run(server, folder, now_utc(), teller)
        if charts:
            from ..demo.saving import save

            with writing(charts):
                save(outcome, charts, teller.step("Drawing the charts"))
    return outcome


def _print_json(outcome: Outcome) -> None:
    import json

    from ..demo.contract import contract

    sys.stdout.write(json.dumps(contract(outcome)) + "\n")
    sys.stdout.flush()
    for line in outcome.differences:
        sys.stderr.write(f"not as planned: {line}\n")


def _print(outcome: Outcome, charts: Path, stays: Path | None) -> None:
    """`stays`: the folder of configuration and store, if it outlives this screen."""
    from rich.console import Console

    from ..demo.following import following
    from ..demo.screen import show

    show(Console(highlight=False), outcome, f"{charts}/", following(outcome, charts, stays))


def _serve(server: Server, folder: Path) -> None:
    """Until Ctrl-C, SIGTERM, or the server's own end."""
    sys.stderr.write(f"\nFHIR server: {server.url}\n")
    if server.console:
        sys.stderr.write(f"Its console: {server.console} (the page itself loads htmx from unpkg.com)\n")
    sys.stderr.write(f"Configuration and store: {folder}\nCtrl-C ends it.\n")
    try:
        while server.alive():
            time.sleep(0.3)
    except SystemExit:
        sys.stderr.write("\n")
