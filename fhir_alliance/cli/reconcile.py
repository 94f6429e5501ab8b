"""`reconcile`, `rebuild`, `withdraw`, `forget`: what stands in the EHR against what is known here."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import app
from .common import ConfigOption, EndpointOption, JsonOption, load_settings, one_endpoint, stopping

if TYPE_CHECKING:
    from ..passing import EndpointPass
    from ..reconcile import Drift, TakingBack

TITLES = {
    "missing": "Not in the EHR any more",
    "foreign_edits": "Changed by somebody else",
    "duplicates": "There twice",
    "orphans": "Not known here",
    "stale": "Out of date there, for a person to correct",
}


@app.command()
def reconcile(
    config: ConfigOption = None,
    endpoint: EndpointOption = None,
    apply: Annotated[bool, typer.Option("--apply", help="Do what is proposed.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Compare what the EHR holds of ours with what is known here. Writes nothing without --apply.

    Exit code 5 when something differs (with --apply: still does), 3 when a patient could not be looked at.
    """
    from ..errors import Exit
    from ..reconcile import reconcile as compare

    with _standing(config, endpoint, dry_run=not apply) as one:
        drift = compare(one, apply=apply)
        off = {type for type in one.applier.sinks if not one.applier.may_write(type)}
    _print(drift, as_json=as_json, applied=apply)
    if off := {d.reference.partition("/")[0] for d in drift.duplicates if apply} & off:
        typer.echo(f"fhir-alliance: copies stay: writing is off for {', '.join(sorted(off))}; see [write].", err=True)
    if drift.unread:
        raise typer.Exit(int(Exit.PARTIAL))
    if drift.left if apply else not drift.clean:
        raise typer.Exit(int(Exit.CHECK))


@app.command()
def rebuild(config: ConfigOption = None, endpoint: EndpointOption = None, as_json: JsonOption = False) -> None:
    """Make a new store from what the EHR holds of ours, after the old one was lost. Writes nothing to the EHR."""
    from ..errors import ConfigError, Exit
    from ..reconcile import rebuild as take_in
    from ..store.database import SECRET

    settings = load_settings(config, logs=False)
    if settings.store_path.exists():
        raise ConfigError(f"there is a store at {settings.store_path}; move it away first")
    new_secret = not settings.store_path.with_name(SECRET).exists()
    with _standing(config, endpoint) as one:
        drift = take_in(one, new_secret=new_secret)
    if as_json:
        typer.echo(json.dumps({"patients": drift.patients, "unread": drift.unread, "adopted": drift.applied}))
    else:
        typer.echo(f"{drift.applied} resources of ours about {drift.patients} patients are known again.")
        typer.echo("Next: fhir-alliance sync --dry-run")
    if drift.unread:
        raise typer.Exit(int(Exit.PARTIAL))


@app.command()
def withdraw(
    config: ConfigOption = None,
    endpoint: EndpointOption = None,
    all_: Annotated[bool, typer.Option("--all", help="Everything that we wrote.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Let passes run again after a withdrawal.")] = False,
    confirm: Annotated[
        str | None, typer.Option("--confirm", help="Instead of being asked: how many, as --all tells.")
    ] = None,
) -> None:
    """Withdraw everything that we wrote (entered-in-error, cancelled), and stop. Asks twice.

    What was told once (messages, webhook, log) and who made what (Provenance) stays, and is counted apart. Answering
    no ends it with exit code 0: nothing was withdrawn.
    """
    from ..errors import Exit
    from ..reconcile import resume as let_run
    from ..reconcile import taking_back, withdraw_all

    if all_ == resume:
        raise typer.BadParameter("give --all or --resume")
    with _standing(config, endpoint) as one:
        if resume:
            let_run(one)
            typer.echo("Passes run again. Next: fhir-alliance sync --dry-run")
            return
        plan = taking_back(one)
        off = {action.type for action in plan.actions if not one.applier.may_write(action.type)}
        if off:
            typer.echo(f"Nothing was done: writing is off for {', '.join(sorted(off))}; see [write].", err=True)
            raise typer.Exit(int(Exit.USAGE))
        _tell_what_stays(plan)
        _ask_twice(plan, confirm)
        done, left = withdraw_all(one, (*plan.retract, *plan.tell))
        _, fixed = withdraw_all(one, plan.fixed)
    typer.echo(
        f"{done} withdrawn, {left} not. No pass runs from now on; to begin again: fhir-alliance withdraw --resume"
    )
    if fixed:
        typer.echo(f"{fixed} cannot be changed from here. To correct by hand: fhir-alliance review")
    if left or fixed:
        raise typer.Exit(int(Exit.PARTIAL))


def _tell_what_stays(plan: TakingBack) -> None:
    if plan.fixed:
        types = ", ".join(sorted({action.type for action in plan.fixed}))
        typer.echo(f"{len(plan.fixed)} resources cannot be changed in this EHR ({types}): a person must.", err=True)
    if plan.stays:
        told = ", ".join(f"{number} {type}" for type, number in sorted(plan.stays.items()))
        typer.echo(f"Not taken back, because it was told once or says who made what: {told}.", err=True)


def _ask_twice(plan: TakingBack, confirm: str | None) -> None:
    """Once whether, once how many: a habit of pressing y must not be enough."""
    number = len(plan.retract) + len(plan.tell)
    patients = {action.patient for action in (*plan.retract, *plan.tell) if action.patient}
    told = f"{len(plan.retract)} resources about {len(patients)} patients"
    if plan.tell:
        told = f"{number}: {len(plan.retract)} resources and {len(plan.tell)} messages about {len(patients)} patients"
    if confirm is None:
        try:
            if not typer.confirm(f"Withdraw {told}?"):
                typer.echo("Nothing was withdrawn.", err=True)
                raise typer.Exit(0)
            confirm = typer.prompt(f"This takes back {told}. Type how many that are in all")
        except typer.Abort:
            typer.echo("Nothing was withdrawn: no answer came. In scripts: --confirm NUMBER", err=True)
            raise typer.Exit(2) from None
    if confirm.strip() != str(number):
        typer.echo(f"Nothing was withdrawn: there are {told}.", err=True)
        raise typer.Exit(2)


@app.command()
def forget(
    patient: Annotated[str, typer.Argument(metavar="PATIENT", help="Patient/ID, or the id alone.")],
    config: ConfigOption = None,
    endpoint: EndpointOption = None,
) -> None:
    """Delete what is kept here about a patient who is not in the cohort any more. The EHR keeps what it holds."""
    from ..reconcile import forget as delete

    with _standing(config, endpoint) as one:
        gone, ids = delete(one, f"Patient/{patient.removeprefix('Patient/')}")
    if len(ids) > 1:
        typer.echo(f"One person, merged: {', '.join(ids)}. Keep each of these ids out of the cohort.")
    typer.echo(f"{gone} rows deleted. What was written to the EHR is there still; the audit trail keeps its lines.")


@contextmanager
def _standing(config: Path | None, endpoint: str | None, *, dry_run: bool = False) -> Iterator[EndpointPass]:
    """One endpoint, opened and asked what it can do; nothing read or written yet."""
    import uuid

    from ..config import now_utc
    from ..opening import opened
    from ..report import RunReport

    settings = load_settings(config)
    name = one_endpoint(settings, endpoint)
    report = RunReport(uuid.uuid4().hex[:12], now_utc(), dry_run)
    with stopping() as stop, opened(settings, report, dry_run=dry_run) as ground:
        one = ground.endpoint(name, stop)
        one.max_writes = sys.maxsize  # the cap is for what nobody is watching
        one.prepare()
        yield one
    for message in report.messages:
        typer.echo(f"fhir-alliance: {message}", err=True)


def _print(drift: Drift, *, as_json: bool, applied: bool) -> None:
    if as_json:
        typer.echo(json.dumps(drift.to_json()))
        return
    for name, title in TITLES.items():
        found = getattr(drift, name)
        if found:
            typer.echo(f"{title}:")
        for one in found:
            typer.echo(f"  {one.reference} ({one.patient}): {one.what}\n    {one.do}")
    unread = f", {drift.unread} could not be looked at" if drift.unread else ""
    left = f", {drift.left} left as they are" if drift.left and applied else ""
    verdict = "nothing differs" if drift.clean else f"{drift.applied} applied{left}" if applied else "see above"
    typer.echo(f"{drift.patients} patients{unread}: {verdict}.")
