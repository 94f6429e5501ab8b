"""What several commands share: the options, the settings, and stop signals."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..config import Settings
    from ..detection import Policy
    from ..model import Instrument

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", help="Configuration file [default: $FHIR_ALLIANCE_CONFIG, ./fhir-alliance.toml, …]."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
EndpointOption = Annotated[
    str | None, typer.Option("--endpoint", help="Name of the endpoint, when several are configured.")
]


def load_settings(path: Path | None, *, logs: bool = True) -> Settings:
    """Settings from the given or found file; logging set up as they say. ConfigError when there is none."""
    from ..config import find_config, load
    from ..errors import ConfigError

    found = find_config(path)
    settings = load(found)
    if found is None and not settings.endpoint:
        raise ConfigError("no configuration found; make one with: fhir-alliance init")
    if logs:
        from ..log import configure

        configure(settings.log.level, settings.log.format)
    return settings


def one_endpoint(settings: Settings, name: str | None) -> str:
    """The endpoint that a command is about."""
    from ..errors import ConfigError

    if name is None and len(settings.endpoint) == 1:
        return next(iter(settings.endpoint))
    if name not in settings.endpoint:
        raise ConfigError(f"say which endpoint: --endpoint {' | '.join(settings.endpoint) or 'NAME'}")
    return name


def known_instruments(config: Path | None) -> Mapping[str, Instrument]:
    """The built-in instruments and those of the configuration, if there is one. ConfigError when a file is wrong."""
    from ..catalogue import catalogue
    from ..config import find_config, load

    found = find_config(config)
    return catalogue(load(found) if found else None)


def find_instrument(name: str, config: Path | None = None, *, for_strains: bool = False) -> Instrument:
    """The instrument that `--instrument` names: its id, built in or of the configuration, or a definition file.

    for_strains  ConfigError where a higher score is worse: a fall would be good news
    """
    from ..errors import ConfigError
    from ..instruments import get, load_all

    given = config is None and (name in load_all() or name.endswith(".toml"))
    chosen = get(name) if given else get(name, known_instruments(config))
    if for_strains and chosen.higher == "worse":
        raise ConfigError(f"{chosen.id}: a higher score is worse; strains are falls, and are not looked for in it")
    return chosen


def find_policy(instrument: str, policy: str | None, preset: str | None, config: Path | None) -> Policy:
    """The policy asked for, else the site's, where it may run on this instrument."""
    from ..detection import info
    from ..errors import ConfigError

    if policy is None:
        from ..config import find_config, load

        site = load(find_config(config)).detection
        policy = site.policies.get(instrument, site.policy)
        preset = preset or site.preset
    told = info(policy)
    if why := told.refuses(instrument):
        raise ConfigError(f"{why}; `fhir-alliance policies list` names the others")
    if told.looks_ahead:
        typer.echo(f"{policy} looks ahead: later scores place its marks. For reports, never for alerts.", err=True)
    return told.policy(preset or "balanced")


def find_cutoff(instrument: Instrument, given: float | None, config: Path | None) -> float | None:
    """The cut-off asked for, else the site's, if it has one. ConfigError where it is no score of the scale."""
    from ..detection import valid
    from ..errors import ConfigError

    name, cutoff, change = "--cut-off", given, instrument.change
    if cutoff is None:
        from ..config import find_config, load

        cutoffs = load(find_config(config)).detection.cutoffs
        name, cutoff = f"detection.cutoffs: {instrument.id}", cutoffs.get(instrument.id)
    if cutoff is not None and not valid(cutoff, change.minimum, change.maximum):
        raise ConfigError(f"{name}: give a score from {change.minimum:g} to {change.maximum:g}")
    return cutoff


def say_cautions(instrument: Instrument) -> None:
    """On stderr, what a reader of its scores should know; nothing where there is nothing to say."""
    from ..instruments.cautions import cautions

    for text in cautions(instrument):
        typer.echo(f"note: {text}", err=True)


def printable(text: str) -> str:
    """A name as it may stand on a terminal."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


@contextmanager
def writing(path: Path | str) -> Iterator[None]:
    """While the file or folder that the user named is written: ConfigError when it cannot be."""
    from ..errors import ConfigError

    try:
        yield
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None


def check_writable(file: Path) -> None:
    """ConfigError when this file cannot be written: found out before the work for it, and nothing is left of that."""
    new = not file.exists()
    with writing(file):
        file.open("ab").close()
        if new:
            file.unlink()


@contextmanager
def stopping() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set; `.signal` on the event holds the number."""
    event = threading.Event()
    before = {}

    def note(number: int, _: object) -> None:
        event.number = number  # type: ignore[attr-defined]
        event.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        before[number] = signal.signal(number, note)
    try:
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def signal_exit(event: threading.Event, code: int) -> int:
    """The exit code of a command that a signal cut short: 128 + n."""
    return 128 + int(getattr(event, "number", signal.SIGTERM)) if event.is_set() else code
