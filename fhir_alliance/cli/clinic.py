"""Commands that simulate a clinic: one option for each parameter of the generator, made from its definition.

There are many of them: they are made when such a command runs, not whenever the program starts.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any

import typer

from ..errors import ConfigError
from . import app

if TYPE_CHECKING:
    import inspect

Command = Callable[..., None]
_COMMANDS: dict[str, Command] = {}


def clinic_command(command: Command) -> Command:
    """Registers a command that has, beside its own options, one for each parameter of the generator.

    Its argument `clinic` gets what was given of them, to be passed to `Parameters`.
    """
    name = command.__name__
    _COMMANDS[name] = command

    @app.command(
        name,
        help=command.__doc__,
        add_help_option=False,
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )
    def run(context: typer.Context) -> None:
        code = full(name).main(context.args, prog_name=context.command_path, standalone_mode=False)
        if isinstance(code, int) and code:
            raise typer.Exit(code)

    return command


def clinic_commands() -> list[str]:
    """Names of the commands that were registered so."""
    return list(_COMMANDS)


def full(name: str) -> Any:
    """Such a command with all its options."""
    alone = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    alone.command(name)(_with_options(_COMMANDS[name]))
    return typer.main.get_command(alone)


def session_range(text: str) -> tuple[int, int]:
    """ "16" is (16, 16), "6-20" is (6, 20). ConfigError for anything else."""
    low, dash, high = text.partition("-")
    numbers = (low, high) if dash else (low, low)
    if not all(n.isascii() and n.isdigit() and len(n) < 10 for n in numbers):
        raise ConfigError("--sessions: give a number like 16, or a range like 6-20")
    return int(numbers[0]), int(numbers[1])


def _with_options(command: Command) -> Command:
    import inspect
    from dataclasses import fields
    from functools import wraps

    from ..simulate.parameters import Parameters

    names = [f.name for f in fields(Parameters)]

    @wraps(command)
    def run(**options: Any) -> None:
        given = {name: value for name in names if (value := options.pop(name)) is not None}
        if "start" in given:
            given["start"] = _day(given["start"])
        command(clinic=given, **options)

    own = inspect.signature(command, eval_str=True)
    parameters = [p for p in own.parameters.values() if p.name != "clinic"]
    parameters += [_option(f.name, str(f.type), f.default) for f in fields(Parameters)]
    run.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    return run


def _option(name: str, kind: str, default: object) -> inspect.Parameter:
    import inspect

    from ..simulate.parameters import ABOUT, flag

    about = ABOUT[name]
    unit = f" ({about.unit})" if about.unit else ""
    shown = "" if default is None else f" [default: {default}]"
    types: dict[str, Any] = {"float": float, "int": int, "str": str, "date": str}
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=typer.Option(None, flag(name), help=f"{about.what}{unit}{shown}"),
        annotation=types[kind.removesuffix(" | None")] | None,
    )


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError("--start: give a date like 2025-01-06") from None
