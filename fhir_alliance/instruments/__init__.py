"""The instruments: one TOML file each, and the loader that checks them.

A definition holds numbers only: which items make which scale, ranges, completeness, constants of
change with the provenance of each, and the licence position. It holds no item wording.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from ..errors import ConfigError
from ..model import Instrument
from .checks import check, on_grid
from .definition import read
from .examples import run

__all__ = ["digest", "get", "load_all", "load_file", "on_grid", "text", "validate", "with_files"]

FOLDER = Path(__file__).parent


class Shipped(Mapping[str, Instrument]):
    """The instruments of a folder by id, which is the name of the file; each is read when first asked for."""

    def __init__(self, folder: Path) -> None:
        self._files = {path.stem: path for path in sorted(folder.glob("*.toml"), key=lambda p: p.stem)}
        self._read: dict[str, Instrument] = {}

    def __getitem__(self, id: str) -> Instrument:
        if id not in self._read:
            self._read[id] = load_file(self._files[id])
        return self._read[id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def __contains__(self, id: object) -> bool:
        return id in self._files


class _Both(Mapping[str, Instrument]):
    """The shipped instruments and a site's, without reading the former."""

    def __init__(self, shipped: Mapping[str, Instrument], site: Mapping[str, Instrument]) -> None:
        self._shipped, self._site = shipped, site

    def __getitem__(self, id: str) -> Instrument:
        return self._site[id] if id in self._site else self._shipped[id]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted([*self._shipped, *self._site]))

    def __len__(self) -> int:
        return len(self._shipped) + len(self._site)

    def __contains__(self, id: object) -> bool:
        return id in self._site or id in self._shipped


@cache
def load_all() -> Mapping[str, Instrument]:
    """The shipped instruments by id, in the order of their ids."""
    return Shipped(FOLDER)


def with_files(paths: Iterable[Path]) -> Mapping[str, Instrument]:
    """The shipped instruments and those of a site's files, by id.

    ConfigError when a file is wrong, or its id is a shipped one or twice: nothing is replaced silently.
    """
    shipped, found = load_all(), {}
    for path in paths:
        instrument = load_file(path)
        if instrument.id in shipped:
            raise ConfigError(f"{path}: {instrument.id} is built in; give your instrument an id of its own")
        if instrument.id in found:
            raise ConfigError(f"{path}: another file defines {instrument.id} too")
        found[instrument.id] = instrument
    return _Both(shipped, MappingProxyType(found)) if found else shipped


def get(name: str, among: Mapping[str, Instrument] | None = None) -> Instrument:
    """The instrument with this id (default: among the shipped), or that of a definition file, named by its path.

    ConfigError when there is none, or the file is wrong.
    """
    known = load_all() if among is None else among
    if name in known:
        return known[name]
    if name.endswith(".toml"):
        return with_files([Path(name)])[load_file(name).id]
    raise ConfigError(f"no instrument {name!r}; there are: {', '.join(known)}")


def text(id: str) -> str:
    """The definition file of a shipped instrument. ConfigError when it is none of them."""
    if id not in load_all():
        raise ConfigError(f"{id} is not built in: its definition is a file of yours")
    return (FOLDER / f"{id}.toml").read_text(encoding="utf-8")


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


def digest(paths: Iterable[Path]) -> str:
    """Changes when any definition does, shipped or of these files."""
    contents = (path.read_bytes() for path in (*sorted(FOLDER.glob("*.toml")), *paths))
    return hashlib.sha256(b"\0".join(hashlib.sha256(content).digest() for content in contents)).hexdigest()


def _load(path: Path) -> tuple[Instrument | None, list[str]]:
    try:
        data = _toml(path)
    except tomllib.TOMLDecodeError as error:
        return None, [f"not valid TOML: {error}"]
    except UnicodeDecodeError:
        return None, ["not UTF-8 text"]
    except ValueError:  # Python converts no more than some thousand digits
        return None, ["a number is too long"]
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
