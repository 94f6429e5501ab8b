"""`simulate`: a synthetic clinic whose strains are known, as series or as FHIR resources. Offline."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from .clinic import clinic_command, session_range
from .common import find_instrument, writing


@clinic_command
def simulate(
    clinic: dict[str, Any],
    instrument: Annotated[str, typer.Option(help="Id of the instrument.")],
    clients: Annotated[int, typer.Option(help="How many clients.")] = 100,
    sessions: Annotated[str, typer.Option(metavar="A-B", help="Sessions of each client: a number, or a range.")] = "16",
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 1,
    format: Annotated[str, typer.Option(metavar="csv|ndjson|fhir", help="Series, or FHIR resources.")] = "csv",
    out: Annotated[
        str, typer.Option(metavar="PATH", help="File; for fhir a new folder. - is stdout (fhir: NDJSON).")
    ] = "-",
) -> None:
    """Make a synthetic clinic whose strains are known.

    Columns series,at,value,truth: truth is strain where a strain begins, repair at the first session back, else empty.
    An empty value is a form that was not returned. `detect` reads the file as it is.
    """
    from ..errors import ConfigError
    from ..simulate import clinic as fhir
    from ..simulate import folder, rows
    from ..simulate.generator import blocks, check
    from ..simulate.parameters import Parameters

    if format not in {"csv", "ndjson", "fhir"}:
        raise ConfigError("--format: give csv, ndjson or fhir")
    parameters, chosen = Parameters(**clinic), find_instrument(instrument)
    drawn = (chosen, clients, session_range(sessions), seed)
    check(*drawn[1:])

    def series() -> Iterable[bytes]:
        cohorts = (block.cohort for block in blocks(parameters, *drawn, answers=False))
        return (rows.ndjson if format == "ndjson" else rows.csv)(cohorts, parameters.start)

    if format != "fhir":
        _write(out, series())
        return
    resources = fhir.filed(blocks(parameters, *drawn), chosen, parameters)
    if out == "-":
        _write(out, folder.lines(resources))
        return
    with writing(out):
        folder.write(Path(out), resources, series(), before=bool(parameters.late or parameters.amended))


def _write(out: str, pieces: Iterable[bytes]) -> None:
    if out == "-":
        for piece in pieces:
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
        return
    with writing(out), Path(out).open("wb") as file:
        file.writelines(pieces)
