"""`sync` and `retry`: one pass."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import app
from .common import ConfigOption, JsonOption, load_settings, signal_exit, stopping

if TYPE_CHECKING:
    from ..config import Settings
    from ..report import RunReport


@app.command()
def sync(
    config: ConfigOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan; write nothing, move nothing.")] = False,
    patient: Annotated[str | None, typer.Option("--patient", help="Only this patient of the cohort (id).")] = None,
    max_writes: Annotated[int | None, typer.Option("--max-writes", min=1, help="Most writes of this pass.")] = None,
    shadow: Annotated[
        bool, typer.Option("--shadow", help="Write nothing; tell what would have been written on the whole history.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Run one pass: read, score, detect, plan, write."""
    if shadow and dry_run:
        raise typer.BadParameter("--shadow keeps what it reads, --dry-run keeps nothing: give one")
    _run(config, dry_run=dry_run, patient=patient, max_writes=max_writes, shadow=shadow, as_json=as_json)


@app.command()
def retry(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Run one pass over everybody, with what was set aside or refused tried again."""
    _run(config, retry=True, as_json=as_json)


def _run(
    config: Path | None,
    *,
    as_json: bool,
    dry_run: bool = False,
    patient: str | None = None,
    max_writes: int | None = None,
    shadow: bool = False,
    retry: bool = False,
) -> None:
    from .. import sync as program

    settings = load_settings(config)
    if shadow:
        settings = settings.model_copy(update={"write": settings.write.model_copy(update={"shadow": True})})
    with stopping() as stop, progress_bar() as progress:
        report = program.sync(
            settings,
            dry_run=dry_run,
            patient=patient,
            max_writes=max_writes,
            retry=retry,
            stop=stop,
            progress=progress,
        )
    if shadow:
        _print_shadow(settings, report, as_json=as_json)
    else:
        print_report(report, as_json=as_json)
    raise typer.Exit(signal_exit(stop, int(report.exit_code)))


def _print_shadow(settings: Settings, report: RunReport, *, as_json: bool) -> None:
    """The shadow of every endpoint; what the pass has to say goes to stderr."""
    from ..config import now_utc
    from ..opening import open_store
    from ..overview import in_shadow
    from .status import print_shadow

    if not as_json:
        typer.echo(report_text(report))
    for message in report.messages:
        sys.stderr.write(f"fhir-alliance: {message}\n")
    with open_store(settings) as (engine, secret):
        for name in settings.endpoint:
            print_shadow(name, in_shadow(engine, settings, name, secret, now_utc()), as_json=as_json)


@contextmanager
def progress_bar() -> Iterator[Callable[[int, int], None] | None]:
    """A progress bar where stderr is a terminal, else nothing."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("patients"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("patients", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def print_report(report: RunReport, *, as_json: bool) -> None:
    """The run report on stdout, the operator's lines on stderr."""
    if as_json:
        import json

        typer.echo(json.dumps(report.to_json()))
    else:
        for action in report.plan:
            typer.echo(plan_line(action))
        typer.echo(report_text(report))
    for message in report.messages:
        sys.stderr.write(f"fhir-alliance: {message}\n")


def plan_line(action: dict[str, Any]) -> str:
    """One planned action of a dry run; `--json` shows the whole resource."""
    resource = action["resource"] or {}
    code = (resource.get("code") or {}).get("coding") or [{}]
    value = (resource.get("valueQuantity") or {}).get("value")
    what = resource.get("description") or f"{code[0].get('code', '')} {'' if value is None else value}".strip()
    owner = (resource.get("owner") or {}).get("reference")
    parts = [action["target"], what, f"to {owner}" if owner else None, f"from {action['source']}", action["reason"]]
    return f"would {action['op']:<7} {action['type']:<11} {action['patient']}  " + "; ".join(x for x in parts if x)


def report_text(report: RunReport) -> str:
    """A run report for a person, one thing a line."""
    p, o = report.patients, report.outcomes
    lines = [
        f"{'Dry run' if report.dry_run else 'Pass'} {report.run}: "
        f"{'complete' if report.settled else 'not complete'} in {report.seconds:.1f} s (exit {int(report.exit_code)})",
        f"  patients    {p['completed']} of {p['due']} due, {p['cohort']} in the cohort"
        + (f", {p['incomplete']} left for the next pass" if p["incomplete"] else ""),
        f"  responses   {o['scored']} scored, {o['set aside']} set aside ({report.quarantine_new} new), "
        f"{o['waiting']} waiting, {o['skipped']} skipped, {o['retracted']} retracted, {o['superseded']} superseded",
    ]
    if differing := len(report.disagreements):
        lines.append(f"  totals      {differing} stated otherwise than the answers give; ours are written")
    for title, counts in (
        ("written", report.written),
        ("found", report.found),
        ("planned", report.planned),
        ("refused", report.refused),
        ("unknown", report.unknown),
    ):
        if counts:
            lines.append(f"  {title:<11} " + ", ".join(f"{n} {k.replace('.', ' ')}" for k, n in sorted(counts.items())))
    if report.settled and not (report.written or report.planned or report.found):
        lines.append("  written     nothing: the EHR holds what it should")
    lines.append(f"  alerts      {report.pushed} pushed, {report.notices} notices")
    lines += [f"              {n} not raised: {why}" for why, n in sorted(report.silent.items())]
    return "\n".join(lines)
