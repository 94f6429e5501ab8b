"""`explain`: the numbers behind an alert, a patient's series, or a series of a file; with a chart."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import app
from .common import ConfigOption, EndpointOption, JsonOption, find_instrument, load_settings, one_endpoint

if TYPE_CHECKING:
    from ..explaining import Told


@app.command()
def explain(
    what: Annotated[
        str, typer.Argument(metavar="WHAT", help="Task/ID, Patient/ID, an alert identifier, or a series file.")
    ],
    config: ConfigOption = None,
    endpoint: EndpointOption = None,
    instrument: Annotated[str | None, typer.Option("--instrument", help="For a file: the instrument.")] = None,
    series: Annotated[str | None, typer.Option("--series", help="For a file: which series.")] = None,
    preset: Annotated[str, typer.Option("--preset", help="For a file: sensitive, balanced or specific.")] = "balanced",
    chart: Annotated[Path | None, typer.Option("--chart", help="Save the chart here (.svg or .png).")] = None,
    dark: Annotated[bool, typer.Option("--dark", help="Chart for a dark page.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Explain an alert or a series: scores, baseline, limit, rule, and what it cannot tell."""
    import json

    from ..explanation import explain_text

    found = _find(what, config, endpoint, instrument, series, preset)
    if not found:
        typer.echo("Nothing is known of that patient; a pass reads it first.")
    for i, t in enumerate(found):
        if as_json:
            typer.echo(json.dumps(_json(t)))
            continue
        text = explain_text(
            t.detection, t.points, t.instrument, episode=t.episode, by=t.by, notices=t.notices, unanswered=t.unanswered
        )
        typer.echo(f"{chr(10) if i else ''}{t.title}\n{text}")
    if chart is not None and found:
        _save(chart, found, dark)


def _find(
    what: str, config: Path | None, endpoint: str | None, instrument: str | None, series: str | None, preset: str
) -> list[Told]:
    from .. import explaining
    from ..config import now_utc
    from ..detection import PRESETS, policy
    from ..errors import ConfigError
    from ..opening import open_store

    if Path(what).is_file():
        if instrument is None or preset not in PRESETS:
            raise ConfigError(f"a file needs --instrument, and --preset is one of {', '.join(PRESETS)}")
        chosen = find_instrument(instrument, config, for_strains=True)
        return explaining.of_file(Path(what), chosen, series, policy(preset=preset))
    settings = load_settings(config, logs=False)
    name = one_endpoint(settings, endpoint)
    if not settings.store_path.is_file():
        raise ConfigError("there is no such file, and no pass has run yet")
    with open_store(settings) as (engine, secret):
        return explaining.of_store(engine, settings, name, secret, what, now_utc())


def _json(t: Told) -> dict[str, Any]:
    from dataclasses import asdict

    from msgspec.structs import asdict as fields_of

    events = [asdict(e) | {"at": e.at.isoformat()} for e in (*t.detection.events, *t.notices)]
    steps = [
        fields_of(s) | {"at": s.at.isoformat(), "base": [p.at.isoformat() for p in s.base]} for s in t.detection.steps
    ]
    return {
        "title": t.title,
        "instrument": t.instrument.id,
        "policy": t.by.id,
        "preset": t.by.preset,
        "insufficient": t.detection.insufficient,
        "events": events,
        "steps": steps,
    }


def _save(path: Path, found: list[Told], dark: bool) -> None:
    from ..chart import series_chart, to_png, to_svg
    from ..errors import ConfigError

    if path.suffix not in {".svg", ".png"}:
        raise ConfigError("a chart is saved as .svg or .png")
    for i, t in enumerate(found):
        target = path if len(found) == 1 else path.with_stem(f"{path.stem}-{i + 1}")
        total = t.instrument.scale("total")
        spec = series_chart(
            t.title,
            t.points,
            t.detection,
            t.instrument.change,
            scale_title=f"{t.instrument.title}, {total.title}",
            theme="dark" if dark else "light",
            places=total.places,
        )
        target.write_bytes(to_png(spec) if path.suffix == ".png" else to_svg(spec).encode())
        typer.echo(f"chart saved: {target}", err=True)
