"""Where the results go: results.json here, tables and pictures into the documents, figures into the package."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from fhir_alliance.calibrate.curve import Curve, CurvePoint
from fhir_alliance.calibrate.picture import TITLE, Panel, picture
from fhir_alliance.calibrate.ratio import Figure
from fhir_alliance.chart import to_svg

from . import rivals, specified, tables
from .figures import figures
from .protocol import FOLDER

ROOT = FOLDER.parents[1]
RESULTS = FOLDER / "results.json"
FIGURES = ROOT / "fhir_alliance/figures.json"
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
COMPARED = ("alliance-policy/1", "alliance-policy/2", "xmr/1", "step-rc/1", "ewma/1", "openfit-srs/1")

TABLES: dict[str, Callable[[Any], Iterable[str]]] = {
    "policies": tables.policies,
    "default": specified.default,
    "short": tables.short,
    "onset": tables.by_onset,
    "published": tables.published,
    "against": rivals.against,
    "againstshort": rivals.against_short,
    "ideas": rivals.ideas,
    "variants": lambda results: tables.variants(results, COMPARED),
}
"""Name of the marks in a document → the table that stands between them."""

DOCUMENTS = (FOLDER / "README.md", ROOT / "docs/reference/calibrate.md", ROOT / "docs/reference/policy.md")
_MARKS = re.compile(r"(<!-- strain: (\w+) -->\n).*?(<!-- /strain -->)", re.DOTALL)


def save(results: Any) -> None:
    """Write the results, one line for each row, so that a change can be read."""
    RESULTS.write_text(_lines(_rounded(results)) + "\n", encoding="utf-8")


def saved() -> Any:
    """The committed results."""
    return json.loads(RESULTS.read_text(encoding="utf-8"))


def publish(results: Any) -> Iterator[Path]:
    """Write everything that is made from the results; the files one by one."""
    FIGURES.write_text(figures_text(results), encoding="utf-8")
    yield FIGURES
    for document in DOCUMENTS:
        document.write_text(filled(document.read_text(encoding="utf-8"), results), encoding="utf-8")
        yield document
    for theme in THEMES:
        path = ROOT / f"docs/images/strain-{theme}.svg"
        path.write_text(to_svg(drawn(results, theme)) + "\n", encoding="utf-8")
        yield path


def figures_text(results: Any) -> str:
    """What `fhir_alliance/figures.json` says."""
    return _lines(figures(results), depth=3) + "\n"


def filled(text: str, results: Any) -> str:
    """A document with its tables made anew."""
    return _MARKS.sub(lambda m: m[1] + "\n".join(TABLES[m[2]](results)).rstrip() + "\n" + m[3], text)


def drawn(results: Any, theme: Literal["light", "dark"]) -> dict[str, Any]:
    """The picture of both instruments."""
    told = results["instruments"].items()
    rows = [
        [Panel(f"{id}: {_points(t)} below usual from session 8", _curves(t), "seen_at_onset") for id, t in told],
        [Panel(f"{id}: the same, lasting", _curves(t), "seen_by_2") for id, t in told],
        [Panel(f"{id}: strains at random, from session 2 on", _curves(t["random"]), "seen_by_2") for id, t in told],
    ]
    p = results["protocol"]
    subtitle = [
        f"{p['clients']:,} simulated clients, {p['sessions']} sessions, 12 % of forms missing. Lines: every threshold "
        "of a policy. Large marks: its presets; their 95 % intervals are about as wide as the marks.",
        "Better is further up and to the left. Policies that are silent in the first sessions look better in the first "
        "two rows, whose strains begin late, than in the third.",
    ]
    return picture(rows, title=TITLE, subtitle=subtitle, theme=theme, bold=("alliance-policy/1", "alliance-policy/2"))


def _points(told: Any) -> str:
    points = told["setting"]["seen_strain"]["points"]
    return f"{points:g} {'point' if points == 1 else 'points'}"


def _curves(told: Any) -> list[Curve]:
    return [
        Curve(
            c["policy"],
            c["swept"],
            [
                CurvePoint(
                    p["threshold"],
                    p["preset"],
                    Figure(**p["false_l2_per_100"]),
                    Figure(**p["seen_at_onset"]),
                    Figure(**p["seen_by_2"]),
                )
                for p in c["points"]
            ],
        )
        for c in told["curves"]
    ]


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_rounded(v) for v in value]
    return round(value, 4) if isinstance(value, float) else value


def _lines(value: Any, depth: int = 4, indent: str = "") -> str:
    """JSON with a line for each value at some depth."""
    if depth == 0 or not isinstance(value, dict | list) or not value:
        return json.dumps(value, ensure_ascii=False)
    inner = indent + " "
    if isinstance(value, dict):
        parts = [f"{inner}{json.dumps(k)}: {_lines(v, depth - 1, inner)}" for k, v in value.items()]
        return "{\n" + ",\n".join(parts) + f"\n{indent}}}"
    return "[\n" + ",\n".join(inner + _lines(v, depth - 1, inner) for v in value) + f"\n{indent}]"
