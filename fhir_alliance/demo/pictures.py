"""Pictures for the documentation: `python -m fhir_alliance.demo.pictures FOLDER` runs the demo and draws it.

The demo's screen in 80 and 120 columns and one chart, each light and dark. Dated by the day they are made.
"""

from __future__ import annotations

import io
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.terminal_theme import TerminalTheme

from ..chart import to_svg
from ..config import now_utc
from ..log import configure
from .following import following
from .progress import progress
from .run import Outcome, Told, run
from .saving import chart
from .screen import show, sort
from .server import embedded

Theme = Literal["light", "dark"]
WIDTHS = (80, 120)
SHOWN_URL = "http://127.0.0.1:8080/fhir"
"""In place of the free port that the server really had."""

THEMES = {
    "light": TerminalTheme(
        (255, 255, 255),
        (31, 41, 51),
        [
            *((31, 41, 51), (184, 44, 32), (22, 118, 66), (140, 94, 0)),
            *((0, 92, 158), (136, 56, 140), (0, 112, 124), (110, 120, 130)),
        ],
        [
            *((91, 102, 112), (184, 44, 32), (22, 118, 66), (140, 94, 0)),
            *((0, 92, 158), (136, 56, 140), (0, 112, 124), (31, 41, 51)),
        ],
    ),
    "dark": TerminalTheme(
        (20, 24, 29),
        (230, 235, 240),
        [
            *((20, 24, 29), (255, 123, 107), (96, 211, 148), (235, 190, 90)),
            *((110, 176, 255), (220, 150, 230), (96, 208, 220), (154, 165, 177)),
        ],
        [
            *((154, 165, 177), (255, 123, 107), (96, 211, 148), (235, 190, 90)),
            *((110, 176, 255), (220, 150, 230), (96, 208, 220), (255, 255, 255)),
        ],
    ),
}

_FORMAT = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img">
<title>fhir-alliance demo</title>
<style>
.{unique_id}-matrix {{
  font-family: "Fira Code", "DejaVu Sans Mono", Menlo, Consolas, "Liberation Mono", monospace;
  font-size: {char_height}px; line-height: {line_height}px; font-variant-ligatures: none;
}}
.{unique_id}-title {{ font-size: 16px; font-weight: 600; font-family: Helvetica, Arial, sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
"""rich's frame without its web fonts: a picture that fetches nothing."""


def draw(outcome: Outcome, folder: Path) -> None:
    """Write every picture into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    shown = replace(outcome, server=replace(outcome.server, url=SHOWN_URL))
    told = _told_best(outcome)
    for theme in THEMES:
        for width in WIDTHS:
            (folder / f"demo-{width}-{theme}.svg").write_text(terminal(shown, width, theme), encoding="utf-8")
        kind: Theme = "dark" if theme == "dark" else "light"
        (folder / f"chart-{theme}.svg").write_text(to_svg(chart(told, kind)) + "\n", encoding="utf-8")


def terminal(outcome: Outcome, width: int, theme: str) -> str:
    """The demo's screen as SVG."""
    console = Console(record=True, width=width, file=io.StringIO(), force_terminal=True, highlight=False)
    console.print("[bold cyan]$[/] fhir-alliance demo\n")
    out = Path("fhir-alliance-demo")
    show(console, outcome, f"{out}/", following(outcome, out, None))
    return console.export_svg(
        title="fhir-alliance demo", theme=THEMES[theme], code_format=_FORMAT, unique_id=f"demo-{width}-{theme}"
    )


def _told_best(outcome: Outcome) -> Told:
    """The strain of the chart: one that was seen to recover, with the longest series."""
    _, closed, _ = sort(outcome)
    return max((t for t in closed if t.state == "repaired"), key=lambda t: len(t.story.points))


def main(folder: Path) -> int:
    """Run the demo, draw it; 0 when it went as planned."""
    configure("warning")
    with tempfile.TemporaryDirectory() as work, embedded(Path(work) / "server") as server:
        with progress(quiet=True) as teller:
            outcome = run(server, Path(work), now_utc(), teller)
        draw(outcome, folder)
    for line in outcome.differences:
        sys.stderr.write(f"not as planned: {line}\n")
    return 0 if outcome.as_planned else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
