"""`quarantine`: what was set aside, why, and what to do about it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import app
from .common import ConfigOption, EndpointOption, JsonOption, load_settings, one_endpoint

if TYPE_CHECKING:
    from ..store.quarantine import SetAside

group = typer.Typer(name="quarantine", no_args_is_help=True, help="Forms that were set aside, each with its reason.")
app.add_typer(group)


@group.command("list")
def list_(
    config: ConfigOption = None,
    endpoint: EndpointOption = None,
    reason: Annotated[
        list[str] | None, typer.Option("--reason", help='Only this reason, by its word ("out-of-range"). Repeatable.')
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the forms that are ours and could not be scored safely: since when, why, and how often it was tried."""
    from ..opening import open_store
    from ..store.store import Store

    settings = load_settings(config, logs=False)
    base = settings.endpoint[one_endpoint(settings, endpoint)].base_url
    found: list[SetAside] = []
    if settings.store_path.is_file():
        with open_store(settings) as (engine, _):
            found = Store(engine, base).quarantine()
    if reason:
        found = [line for line in found if line.word in reason]
    typer.echo(json.dumps([line_json(line) for line in found]) if as_json else text(found))


def line_json(line: SetAside) -> dict[str, Any]:
    """One line of `quarantine list --json`."""
    return {
        "key": line.key,
        "source": line.source,
        "scale": line.scale or None,
        "patient": line.patient,
        "reason": line.reason,
        "word": line.word,
        "since": line.first_seen.isoformat(),
        "attempts": line.attempts,
    }


def text(lines: list[SetAside]) -> str:
    """The same for a person, reason by reason, the most frequent first."""
    if not lines:
        return "Nothing is set aside."
    by_word: dict[str, list[SetAside]] = {}
    for line in lines:
        by_word.setdefault(line.word, []).append(line)
    out = [f"{len(lines)} set aside"]
    for word, group in sorted(by_word.items(), key=lambda item: (-len(item[1]), item[0])):
        out += ["", f"{word} ({len(group)})"]
        for line in group:
            tried = "once" if line.attempts == 1 else f"{line.attempts} times"
            what = f"{line.source}{f', scale {line.scale}' if line.scale else ''}"
            out += [f"  {what}, of {line.patient or 'no patient'}", f"    {line.reason}"]
            out.append(f"    {line.key}  since {line.first_seen:%Y-%m-%d %H:%M} UTC, tried {tried}")
    out += [
        "",
        "A form stays here until it is corrected in the EHR. Where the cause is a setting, change it, then run:",
    ]
    return "\n".join([*out, "  fhir-alliance retry", "What to do about each reason: docs/howto/set-aside.md"])
