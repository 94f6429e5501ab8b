"""The instruments: one TOML file each, and the loader that checks them.

A definition holds numbers only: which items make which scale, ranges, completeness, constants of
change with the provenance of each, and the licence position. It holds no item wording.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from ..errors import ConfigError
from ..model import Instrument
from .checks import check
from .definition import read
from .examples import run

__all__ = ["get", "load_all", "load_file", "validate"]


@cache
def load_all() -> Mapping[str, Instrument]:
    """The shipped instruments by id, in the order of their ids."""
    folder = Path(__file__).parent
    shipped = [load_file(path) for path in sorted(folder.glob("*.toml"))]
    return MappingProxyType({instrument.id: instrument for instrument in shipped})


def get(id: str) -> Instrument:
    """The shipped instrument with this id. ConfigError when there is none."""
    try:
        return load_all()[id]
    except KeyError:
        raise ConfigError(f"no instrument {id!r}; there are: {', '.join(load_all())}") from None


def load_file(path: Path | str) -> Instrument:
    """The instrument of a definition file, with a sound structure; its worked examples are left to
    `validate`. ConfigError names every problem."""
    instrument, problems = _load(Path(path))
    if instrument is None or problems:
        raise ConfigError("\n".join([f"{path}: not a usable instrument definition", *(f"  {p}" for p in problems)]))
    return instrument


def validate(path: Path | str) -> list[str]:
    """What is wrong with a definition file, worked examples included; empty when it is right.

    ConfigError when the file cannot be opened.
    """
    path = Path(path)
    instrument, problems = _load(path)
    if instrument is None or problems:
        return problems
    return run(instrument, _toml(path).get("example"))


def _load(path: Path) -> tuple[Instrument | None, list[str]]:
    try:
        data = _toml(path)
    except tomllib.TOMLDecodeError as error:
        return None, [f"not valid TOML: {error}"]
    except UnicodeDecodeError:
        return None, ["not UTF-8 text"]
    instrument, problems = read(data)
    if instrument is None:
        return None, problems
    return instrument, problems + check(instrument)


def _toml(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be opened: {error.strerror}") from None
    except RecursionError:
        raise ConfigError(f"{path} is nested too deeply") from None
