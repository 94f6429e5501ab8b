"""`review`: writes that a person must look at, and what the person says of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import app
from .common import ConfigOption, EndpointOption, JsonOption, load_settings, one_endpoint

if TYPE_CHECKING:
    from ..review import Item

group = typer.Typer(name="review", invoke_without_command=True)
app.add_typer(group)
Names = Annotated[list[str], typer.Argument(metavar="KEY...", help="As `review` lists them: Observation/12, or a key.")]


@group.callback()
def review(
    context: typer.Context,
    config: ConfigOption = None,
    endpoint: EndpointOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the writes that a person must look at, each with its reason and what to do. Reads the store only.

    What stands in the EHR and could not be changed or taken back; what was refused; what was edited by somebody else;
    what may or may not have been written.
    """
    if context.invoked_subcommand:
        return
    from ..config import now_utc
    from ..opening import open_store
    from ..review import review as look
    from ..store.store import Store

    settings = load_settings(config, logs=False)
    name = one_endpoint(settings, endpoint)
    items: list[Item] = []
    if settings.store_path.is_file():
        with open_store(settings) as (engine, _):
            items = look(Store(engine, settings.endpoint[name].base_url), settings, now_utc())
    typer.echo(json.dumps([item_json(i) for i in items]) if as_json else text(items))


@group.command()
def done(keys: Names, config: ConfigOption = None, endpoint: EndpointOption = None) -> None:
    """Say that you have corrected these in the EHR. The next pass looks there, and sends nothing."""
    number = _settle(keys, config, endpoint, release=False)
    typer.echo(f"{number} settled. What stands in the EHR is looked at by the next pass, and nothing is made anew.")


@group.command()
def release(keys: Names, config: ConfigOption = None, endpoint: EndpointOption = None) -> None:
    """Have these sent once more by the next pass. What somebody else changed is then written over."""
    number = _settle(keys, config, endpoint, release=True)
    typer.echo(f"{number} released: the next pass plans them again.")


def _settle(keys: list[str], config: Path | None, endpoint: str | None, *, release: bool) -> int:
    import uuid

    from ..config import now_utc
    from ..errors import ConfigError
    from ..opening import opened
    from ..report import RunReport
    from ..review import named
    from ..review import review as look
    from ..store.cases import settle

    settings = load_settings(config)
    name = one_endpoint(settings, endpoint)
    if not settings.store_path.is_file():
        raise ConfigError("no pass has run yet: there is nothing to review")
    now = now_utc()
    with opened(settings, RunReport(uuid.uuid4().hex[:12], now)) as ground:
        one = ground.endpoint(name)
        found = named(look(one.store, settings, now), keys)
        settle(one.ledger, one.store, found, now, release=release)
    return len(found)


def item_json(one: Item) -> dict[str, Any]:
    """One line of `review --json`."""
    case = one.case
    return {
        "key": case.name,
        "reference": case.reference,
        "type": case.type,
        "patient": case.patient or None,
        "source": f"QuestionnaireResponse/{case.response}" if case.response else None,
        "op": case.op,
        "what": case.what,
        "status": case.status,
        "reason": one.reason,
        "since": case.since.isoformat(),
        "do": one.do,
    }


def text(items: list[Item]) -> str:
    """The same for a person."""
    if not items:
        return "Nothing waits for a person."
    out = [f"{len(items)} to look at"]
    for one in items:
        case = one.case
        about = f", of {case.patient}" if case.patient else ""
        out += ["", f"{case.reference or case.type} ({case.op}{about}), since {case.since:%Y-%m-%d %H:%M} UTC"]
        out += [f"  {one.reason}", f"  {one.do}"]
    return "\n".join(out)
