"""The reference page of the command line, from the commands themselves.

Run as `python -m fhir_alliance.clidoc REFERENCE.md` it writes the page.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

_INTRO = """\
# Commands

<!-- Generated from the commands' own help by `make docs`: change the help there. -->

Data go to stdout, logs and messages to stderr. `--json` prints what a script may read. Each command ends with one of
the [exit codes](exit-codes.md). `fhir-alliance COMMAND --help` says the same as this page.
"""


def reference() -> str:
    """docs/reference/cli.md."""
    found = _every_command()
    index = ["| command | what it does |", "|---|---|"]
    index += [f"| [`{name}`](#{_anchor(name)}) | {_summary(command)} |" for name, command in found]
    return "\n".join([_INTRO, *index, ""]) + "".join(_section(name, command) for name, command in found)


def command_names() -> list[str]:
    """Every command, like "instruments show"."""
    return [name.removeprefix("fhir-alliance ") for name, _ in _every_command()]


def _every_command() -> list[tuple[str, Any]]:
    from .cli import app, commands  # noqa: F401  the second registers the commands
    from .cli.clinic import clinic_commands, full

    whole = {f"fhir-alliance {name}": full(name) for name in clinic_commands()}
    return [
        (name, whole.get(name, command)) for name, command in _commands(typer.main.get_command(app), ("fhir-alliance",))
    ]


def _commands(group: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """The commands of a group, those of groups inside it in its place."""
    for name, command in group.commands.items():
        if command.hidden:
            continue
        if hasattr(command, "commands"):
            if command.invoke_without_command:
                yield " ".join((*path, name)), command
            yield from _commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


def _anchor(heading: str) -> str:
    return heading.replace(" ", "-").lower()


def _help(command: Any) -> str:
    return inspect.cleandoc(command.help or "")


def _summary(command: Any) -> str:
    return _cell(_help(command).split("\n\n")[0])


def _section(name: str, command: Any) -> str:
    context = command.context_class(command, info_name=name)
    usage = " ".join([name, *(piece.strip("{}") for piece in command.collect_usage_pieces(context))])
    records = (p.get_help_record(context) for p in command.params)
    rows = [f"| `{_cell(flags)}` | {_cell(text)} |" for flags, text in filter(None, records)]
    table = ["", "| | |", "|---|---|", *rows] if rows else []
    return "\n".join(["", f"## {name}", "", _help(command), "", "```", usage, "```", *table, ""])


def _cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference(), encoding="utf-8")
