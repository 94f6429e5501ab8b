"""The instruments that a site knows: those that are built in, and those of its own files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .config import Settings
from .instruments import load_all, with_files
from .model import Instrument


def catalogue(settings: Settings | None) -> Mapping[str, Instrument]:
    """Every instrument by id (None: the shipped ones). ConfigError when one of the site's files is wrong."""
    paths = files(settings) if settings else []
    return with_files(paths) if paths else load_all()


def files(settings: Settings) -> list[Path]:
    """The site's definition files."""
    return [settings.root / path.expanduser() for path in settings.instruments.files]


def own(instruments: Mapping[str, Instrument]) -> list[Instrument]:
    """Those of them that are the site's."""
    shipped = load_all()
    return [instruments[id] for id in instruments if id not in shipped]
