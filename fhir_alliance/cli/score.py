"""`score`: QuestionnaireResponses in files → scores. Offline, nothing is written."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import app
from .common import ConfigOption, EndpointOption, JsonOption

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..documents import Found
    from ..fhir.rules import Rules
    from ..model import Instrument


@app.command()
def score(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE…", help="A QuestionnaireResponse, a Bundle, or NDJSON; plain or gzip; - is stdin."
        ),
    ],
    config: ConfigOption = None,
    endpoint: EndpointOption = None,
    attest: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="The site holds the licence of this instrument, for this call."),
    ] = None,
    ignore_unknown: Annotated[
        bool, typer.Option("--ignore-unknown", help="Leave out responses to questionnaires that are not mapped.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Scores of the alliance forms in files.

    Exit code 3 when a form, or one of its scales, could not be scored: the output says why.
    """
    from ..documents import read_files, unknown
    from ..errors import Exit

    by = _rules(config, endpoint, attest or [])
    found = read_files(files, by)
    if ignore_unknown:
        found = (f for f in found if not unknown(f.reading))
    complete = _print_json(found) if as_json else _print_text(found, by.instruments)
    if not complete:
        raise typer.Exit(int(Exit.PARTIAL))


def _rules(config: Path | None, endpoint: str | None, attest: list[str]) -> Rules:
    from ..config import find_config, load, now_utc
    from ..fhir.rules import rules

    return rules(load(find_config(config)), endpoint, now=now_utc(), attest=attest)


def _print_json(found: Iterable[Found]) -> bool:
    import msgspec

    from ..documents import report

    encode, complete = msgspec.json.Encoder().encode, True
    for one in found:
        for line in report(one):
            complete = complete and "reason" not in line
            sys.stdout.buffer.write(encode(line) + b"\n")
    sys.stdout.buffer.flush()
    return complete


def _print_text(found: Iterable[Found], known: Mapping[str, Instrument]) -> bool:
    from collections import Counter

    from ..instruments.cautions import unverified

    warnings: dict[str, None] = {}
    counts: Counter[str] = Counter()
    complete = True
    for one in found:
        reading = one.reading
        counts[reading.outcome] += 1
        complete = complete and bool(reading.scores) and not reading.unscored
        typer.echo("\n".join(_form(one, known)))
        if reading.scores and (warning := unverified(known[reading.instrument or ""])):
            warnings[warning] = None
    for warning in warnings:
        typer.echo(f"note: {warning}", err=True)
    typer.echo(", ".join(f"{count} {outcome}" for outcome, count in counts.items()) or "nothing left to show", err=True)
    return complete


def _form(found: Found, known: Mapping[str, Instrument]) -> list[str]:
    """The scores of one form as indented lines below where it comes from."""
    from ..fhir.stated import number_text
    from ..model import Outcome

    reading = found.reading
    about = [found.source]
    if reading.outcome is not Outcome.SKIPPED:
        about += [reading.patient or "", reading.authored or ""]
        about += [f"{reading.instrument} {reading.version}"] if reading.version else []
    lines = ["  ".join(word for word in about if word)]
    for s in reading.scores:
        value = f"{s.value:.{known[reading.instrument or ''].scale(s.scale).places}f}"
        stated = "" if s.stated is None else f", the form says {number_text(s.stated)}"
        flags = f"  {', '.join(s.flags)}" if s.flags else ""
        lines.append(f"  {s.scale:<6} {value:>6}   sum {s.raw:g}, {s.answered} of {s.items} items{stated}{flags}")
        if s.stated is not None and found.counted:
            lines.append("  counted " + ", ".join(f"{n}: {value:g}" for n, value in found.counted.items()))
    reasons = [u.reason for u in reading.unscored] or ([reading.reason] if reading.reason else [])
    return lines + [f"  {reason}" for reason in reasons]
