"""`calibrate`: how often policies cry wolf and how often they see, simulated or on a site's own scores. Offline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .clinic import clinic_command, session_range
from .common import ConfigOption, JsonOption, check_writable, find_cutoff, find_instrument, writing

if TYPE_CHECKING:
    from ..calibrate.trying import Tried
    from ..detection import PolicyInfo
    from ..model import Instrument


@clinic_command
def calibrate(
    clinic: dict[str, Any],
    instrument: Annotated[str, typer.Option(help="Id of the instrument, or its definition file.")],
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FILE …]", help="Your own series, as `detect` reads them; - is stdin."),
    ] = None,
    policy: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="Id of a policy; repeat the option for each [default: the site's]."),
    ] = None,
    preset: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A sensitivity of these policies; may be repeated [default: balanced]."),
    ] = None,
    cut_off: Annotated[
        float | None,
        typer.Option("--cut-off", "--cutoff", help="Your own cut-off, for rules that need one [default: the site's]."),
    ] = None,
    design: Annotated[
        str | None,
        typer.Option(
            metavar="planted|mixed", help="One strain in each client, or strains at random [default: planted]."
        ),
    ] = None,
    clients: Annotated[int | None, typer.Option(help="How many clients [default: 4000].")] = None,
    sessions: Annotated[str | None, typer.Option(metavar="A-B", help="Sessions of each [default: 16].")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same figures [default: 1].")] = None,
    bands: Annotated[
        str | None, typer.Option(metavar="X,Y…", help="Scores that part the clients into further strata.")
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(help="Draw detection against false alarms into this .svg or .png file.")
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """How often policies cry wolf, and how often they see.

    Simulated clients by default, or your own series with files: with a column truth (strain, repair or empty) the
    same figures; without one only how often each policy alerts. Exit code 3 when a row had to be set aside.
    """
    from ..calibrate.trying import Asked, on_files, simulated
    from ..errors import ConfigError, Exit
    from ..files import content

    chosen = find_instrument(instrument, config, for_strains=True)
    cutoff = find_cutoff(chosen, cut_off, config)
    infos = _infos(chosen, policy, config)
    policies = [info.policy(name) for info in infos for name in preset or ("balanced",)]
    edges = _scores(bands)
    if picture is not None and picture.suffix not in {".svg", ".png"}:
        raise ConfigError("--picture: give the name of an .svg or .png file")
    if picture is not None:
        check_writable(picture)
    curves = infos if picture else []
    asked = Asked(design, clients, session_range(sessions) if sessions else None, seed, clinic)
    if files:
        _no_policies(files)
        asked.nothing()
        tried = on_files(chosen, [(name, content(name)) for name in files], policies, edges, curves, cutoff)
    else:
        tried = simulated(asked.setting(chosen, edges, cutoff), policies, curves)
    if picture is not None:
        _draw(picture, tried)
    if as_json:
        import msgspec

        typer.echo(msgspec.json.encode(tried.to_json()))
    else:
        typer.echo("\n".join(tried.text()))
    if tried.problems:
        raise typer.Exit(int(Exit.PARTIAL))


def _infos(instrument: Instrument, ids: list[str] | None, config: Path | None) -> list[PolicyInfo]:
    """The policies asked for, else the site's. ConfigError for one that may not run on this instrument."""
    from ..config import find_config, load
    from ..detection import info
    from ..errors import ConfigError

    if not ids:
        site = load(find_config(config)).detection
        ids = [site.policies.get(instrument.id, site.policy)]
    infos = [info(id) for id in dict.fromkeys(ids)]
    for told in infos:
        if why := told.refuses(instrument.id):
            raise ConfigError(f"{why}; `fhir-alliance policies list` names the others")
        if not told.push:
            typer.echo(f"{told.id} is for reports only: it raises no alert, so it sees nothing here.", err=True)
    return infos


def _no_policies(files: list[str]) -> None:
    """ConfigError where a policy stands in the place of a file: an option takes one value."""
    from ..detection.registry import HOMES
    from ..errors import ConfigError

    for name in files:
        if name in HOMES and not Path(name).exists():
            raise ConfigError(f"{name} is a policy, not a file; give each its own option: --policy {name}")


def _scores(text: str | None) -> tuple[float, ...]:
    from ..errors import ConfigError

    try:
        return tuple(float(part) for part in text.split(",")) if text else ()
    except ValueError:
        raise ConfigError("--bands: give scores like 3.3,4,4.4,4.8") from None


def _draw(file: Path, tried: Tried) -> None:
    from ..calibrate.picture import TITLE, Panel, picture
    from ..chart import to_png, to_svg

    curves, name = tried.curves, tried.instrument.title
    rows = [[Panel(name, curves, "seen_at_onset")], [Panel(name, curves, "seen_by_2")]]
    spec = picture(rows, title=TITLE, subtitle=tried.heading)
    drawn = to_png(spec) if file.suffix == ".png" else to_svg(spec).encode()
    with writing(file):
        file.write_bytes(drawn)
