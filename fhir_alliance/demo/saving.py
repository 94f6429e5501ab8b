"""The demo's charts and series as files."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from ..model import EpisodeState
from . import words
from .run import Outcome, Told
from .screen import sort

SCALES = {"wai-sr-c": "WAI-SR, mean item (1-5)", "srs-v3": "SRS, sum of four lines (0-40)"}


def save(outcome: Outcome, folder: Path, progress: Callable[[int, int], None]) -> None:
    """A chart (SVG and PNG) of every series that the demo names, and every score as CSV, one file per instrument."""
    import vl_convert

    from ..chart import to_svg

    folder.mkdir(parents=True, exist_ok=True)
    open_, closed, _ = sort(outcome)
    named = {t.story.key: t for t in (*open_, *closed)}
    for done, told in enumerate(named.values(), 1):
        svg = to_svg(chart(told))
        stem = f"{words.name(told.story.key.patient)}-{told.story.key.instrument}"
        (folder / f"{stem}.svg").write_text(svg, encoding="utf-8")
        (folder / f"{stem}.png").write_bytes(vl_convert.svg_to_png(svg, scale=2))
        progress(done, len(named))
    for instrument in SCALES:
        _table(outcome, instrument, folder / f"{instrument}.csv")


def chart(told: Told, theme: Literal["light", "dark"] = "light") -> dict[str, Any]:
    """The Vega-Lite specification of one strain's series."""
    from ..chart import series_chart

    key, story, detection = told.story.key, told.story, told.story.detection
    title = f"{words.name(key.patient)} with {words.name(key.practitioner)}"
    if told.state is EpisodeState.WITHDRAWN:
        # The series as it was when the strain was last seen: it was open then.
        title += " (withdrawn: form entered in error)"
        gone = (replace(e, state=told.state) if e.onset.source == told.response else e for e in detection.episodes)
        detection = replace(detection, episodes=tuple(gone))
    change = story.instrument.change
    return series_chart(title, story.points, detection, change, scale_title=SCALES[key.instrument], theme=theme)


def _table(outcome: Outcome, instrument: str, path: Path) -> None:
    """The input of `detect`: series, at, value."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("series", "at", "value"))
        for story in outcome.stories:
            key = story.key
            if key.instrument == instrument:
                series = "-".join(words.name(x) for x in (key.patient, key.practitioner))
                series += "" if key.rater == "client" else f"-{key.rater}"
                rows.writerows((series, p.at.isoformat(), "" if p.value is None else p.value) for p in story.points)
