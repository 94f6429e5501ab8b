"""`policies`: the rules that can raise an alert, or describe a series in a report."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import app
from .common import JsonOption

if TYPE_CHECKING:
    from ..detection import PolicyInfo

group = typer.Typer(name="policies", no_args_is_help=True, help="The alert rules, what each says and where it is from.")
app.add_typer(group)

_LABEL = 14
_WIDTH = 100


@group.command("list")
def list_(as_json: JsonOption = False) -> None:
    """The policies that there are, the default first."""
    from ..detection import policies

    found = policies().values()
    if as_json:
        _print([_whole(p) for p in found])
        return
    width = max(len(p.id) for p in found)
    for p in found:
        text = f"{p.sentence}{'' if p.push else ' For reports only.'}"
        head = f"{p.id:<{width}}  "
        typer.echo(textwrap.fill(text, _WIDTH, initial_indent=head, subsequent_indent=" " * len(head)))


@group.command()
def show(
    policy: Annotated[str, typer.Argument(metavar="ID", help="Id of a policy.")], as_json: JsonOption = False
) -> None:
    """One policy: what it says, on what it may run, its sensitivities and its source."""
    from ..detection import info

    chosen = info(policy)
    if as_json:
        _print(_whole(chosen))
        return
    for label, text in _page(chosen):
        head = f"{label:<{_LABEL}}"
        typer.echo(textwrap.fill(text, _WIDTH, initial_indent=head, subsequent_indent=" " * _LABEL))


def _whole(p: PolicyInfo) -> dict[str, Any]:
    from ..instruments import load_all

    shipped = sorted(load_all())
    return {
        "id": p.id,
        "instruments": [id for id in shipped if not p.refuses(id)],
        "any_instrument": p.instruments is None,
        "min_sessions": p.min_sessions,
        "sentence": p.sentence,
        "source": p.source,
        "push": p.push,
        "looks_ahead": p.looks_ahead,
        "swept": p.swept,
        "thresholds": list(p.thresholds),
        "presets": dict(p.presets),
    }


def _page(p: PolicyInfo) -> list[tuple[str, str]]:
    return [
        ("policy", p.id),
        ("says", p.sentence),
        ("instruments", "all" if p.instruments is None else ", ".join(p.instruments)),
        ("from score", str(p.min_sessions)),
        ("alerts", "may alert" if p.push else "never: it looks back over a whole series, for reports"),
        ("threshold", p.swept),
        ("presets", ", ".join(f"{name} {value:.4g}" for name, value in p.presets.items())),
        ("source", p.source),
    ]


def _print(found: object) -> None:
    import json

    typer.echo(json.dumps(found, ensure_ascii=False))
