"""`explain`: the numbers behind an alert, a patient's series, or a series of a file; with a chart."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import app
from .common import (
    ConfigOption,
    EndpointOption,
    JsonOption,
    check_writable,
    find_cutoff,
    find_instrument,
    find_policy,
    load_settings,
    one_endpoint,
    printable,
    writing,
)

if TYPE_CHECKING:
    from ..explaining import Asked, Told

_WIDTH = 80


@app.command()
def explain(
    what: Annotated[
        str,
        typer.Argument(
            metavar="WHAT",
            help="An alert (Task/ID, Flag/ID, Communication/ID, DocumentReference/ID or its identifier), Patient/ID, "
            "or a series file.",
        ),
    ],
    config: ConfigOption = None,
    endpoint: EndpointOption = None,
    instrument: Annotated[
        str | None, typer.Option("--instrument", help="Of a patient: only this one. For a file: its instrument.")
    ] = None,
    practitioner: Annotated[
        str | None, typer.Option("--practitioner", help="Of a patient: only the series with Practitioner/ID.")
    ] = None,
    series: Annotated[str | None, typer.Option("--series", help="For a file: which series.")] = None,
    session: Annotated[
        int | None, typer.Option("--session", min=1, help="Look at this session instead, by its number in the table.")
    ] = None,
    policy: Annotated[
        str | None, typer.Option("--policy", help="For a file: id of the policy [default: the site's].")
    ] = None,
    preset: Annotated[
        str | None, typer.Option("--preset", help="For a file: sensitivity [default: the site's, else balanced].")
    ] = None,
    cut_off: Annotated[
        float | None, typer.Option("--cut-off", "--cutoff", help="For a file: your own cut-off [default: the site's].")
    ] = None,
    chart: Annotated[Path | None, typer.Option("--chart", help="Save the chart here (.svg or .png).")] = None,
    dark: Annotated[bool, typer.Option("--dark", help="Chart for a dark page.")] = False,
    every: Annotated[bool, typer.Option("--all", help="List every session, however many.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Explain an alert, or why there is none: scores, baseline, limit, rule, and what it cannot tell."""
    from ..errors import ConfigError, Exit
    from ..explaining import Asked

    if chart is not None and chart.suffix not in {".svg", ".png"}:
        raise ConfigError("a chart is saved as .svg or .png")
    if chart is not None:
        check_writable(chart)
    if Path(what).is_file():
        if practitioner:
            raise ConfigError("--practitioner is for a patient; a file has series, --series NAME")
        found = _of_file(Path(what), instrument, series, policy, preset, cut_off, session, config)
    else:
        given = {"--series": series, "--policy": policy, "--preset": preset, "--cut-off": cut_off}
        if only := [name for name, value in given.items() if value is not None]:
            raise ConfigError(f"{', '.join(only)}: for a file only, and there is no such file")
        found = _of_store(what, config, endpoint, Asked(instrument, practitioner, session))
    if not found:
        typer.echo("Nothing is known of that patient, or not of such a series; a pass reads it first.")
    _print(found, every=every, as_json=as_json)
    if chart is not None and found:
        _save(chart, found, dark)
    if any(t.problems for t in found):
        raise typer.Exit(int(Exit.PARTIAL))


def _of_file(
    path: Path,
    instrument: str | None,
    series: str | None,
    policy: str | None,
    preset: str | None,
    cutoff: float | None,
    session: int | None,
    config: Path | None,
) -> list[Told]:
    from .. import explaining
    from ..errors import ConfigError

    if instrument is None:
        raise ConfigError("a file needs --instrument")
    chosen = find_instrument(instrument, config, for_strains=True)
    cutoff = find_cutoff(chosen, cutoff, config)
    by = find_policy(chosen.id, policy, preset, config)
    return explaining.of_file(path, chosen, series, by, session=session, cutoff=cutoff)


def _of_store(what: str, config: Path | None, endpoint: str | None, asked: Asked) -> list[Told]:
    from .. import explaining
    from ..config import now_utc
    from ..errors import ConfigError
    from ..opening import open_store

    settings = load_settings(config, logs=False)
    name = one_endpoint(settings, endpoint)
    if not settings.store_path.is_file():
        raise ConfigError("there is no such file, and no pass has run yet")
    with open_store(settings) as (engine, secret):
        return explaining.of_store(engine, settings, name, secret, what, now_utc(), asked)


def _print(found: list[Told], *, every: bool, as_json: bool) -> None:
    import json
    import sys

    from ..explanation import explain_text

    # A terminal that cannot show blocks still gets every word.
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    for i, t in enumerate(found):
        if as_json:
            typer.echo(json.dumps(_json(t)))
            continue
        text = explain_text(t.account, width=_WIDTH, remarks=t.remarks, pictures=True, every=every)
        typer.echo(f"{chr(10) if i else ''}{printable(t.title)}\n{text}", nl=False)
        for problem in t.problems:
            typer.echo(f"set aside: {problem}", err=True)


def _json(t: Told) -> dict[str, Any]:
    from ..explanation import as_json

    where = {"alerts": list(t.alerts), "not_alerted": t.silent, "set_aside": list(t.problems)}
    return {"title": t.title, "about": dict(t.about), **as_json(t.account), **where}


def _save(path: Path, found: list[Told], dark: bool) -> None:
    from ..chart import series_chart, to_png, to_svg
    from ..explanation import comparison

    for i, t in enumerate(found):
        case = t.account.case
        total, change = case.instrument.scale("total"), case.instrument.change
        spec = series_chart(
            t.title,
            case.points,
            case.detection,
            change,
            scale_title=f"{case.instrument.title}, {total.title}, {change.minimum:g} to {change.maximum:g}",
            theme="dark" if dark else "light",
            places=total.places,
            compared=comparison(t.account),
        )
        target = path if len(found) == 1 else path.with_stem(f"{path.stem}-{i + 1}")
        drawn = to_png(spec) if path.suffix == ".png" else to_svg(spec).encode()
        with writing(target):
            target.write_bytes(drawn)
        typer.echo(f"chart saved: {target}", err=True)
