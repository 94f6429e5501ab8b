"""The chart of one series: scores, the client's usual score, the limit, and strains as bands.

One Vega-Lite specification, drawn to SVG or PNG without a network. Labels stand beside what they
name, so colour never carries a meaning alone (hues after Okabe & Ito, told apart by colour-blind
readers).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from xml.sax.saxutils import quoteattr

from .chart_view import USUAL, Row, View, describe
from .model import Change, Detection, EpisodeState, Point
from .sparkline import inline, marks, sparkline

if TYPE_CHECKING:
    import altair as alt

__all__ = ["inline", "marks", "series_chart", "sparkline", "to_pdf", "to_png", "to_svg"]

WIDTH, HEIGHT = 640, 280
_STATES = [str(state) for state in EpisodeState]
_FONT = "Helvetica, Arial, Liberation Sans, DejaVu Sans, sans-serif"


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours of a chart."""

    paper: str
    ink: str
    quiet: str
    grid: str
    usual: str
    alarm: str
    band: float


THEMES = {
    "light": Theme("#ffffff", "#1f2933", "#5b6670", "#e9ecef", "#0072b2", "#c44f00", 0.12),
    "dark": Theme("#14181d", "#eef1f4", "#9aa5b1", "#262d35", "#56b4e9", "#ff9152", 0.20),
}


def series_chart(
    title: str,
    points: Sequence[Point],
    detection: Detection,
    change: Change,
    *,
    scale_title: str,
    theme: Literal["light", "dark"] = "light",
    places: int = 2,
    compared: str = USUAL,
) -> dict[str, Any]:
    """The Vega-Lite specification, 640 x 280, of a series and what the policy says of it.

    `scale_title` names the scale with its unit and range ("WAI-SR, mean item, 1-5"); `places` are
    the decimals of its scores; `compared` is the word for what the policy compares them with.
    """
    import altair as alt

    look = THEMES[theme]
    view = View(points, detection, change, places, compared)
    layers = [_grid(view, look), *_bands(view, look), *_levels(view, look), *_scores(view, look)]
    heading = alt.TitleParams(
        _line(title),
        subtitle=_line(scale_title),
        anchor="start",
        frame="group",
        color=look.ink,
        subtitleColor=look.quiet,
        fontSize=14,
        subtitleFontSize=11.5,
        subtitlePadding=4,
        offset=8,
    )
    chart = alt.layer(*layers).properties(
        width=WIDTH,
        height=HEIGHT,
        autosize=alt.AutoSizeParams(type="fit", contains="padding"),
        padding={"left": 8, "right": 8, "top": 8, "bottom": 8},
        background=look.paper,
        title=heading,
        description=describe(_line(title), points, detection, _line(scale_title)),
    )
    spec: dict[str, Any] = chart.configure(font=_FONT).configure_view(stroke=None).configure_mark(aria=False).to_dict()
    return spec


def to_svg(spec: dict[str, Any]) -> str:
    """The specification drawn as SVG. Nothing is fetched."""
    import vl_convert

    svg: str = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
    # The renderer drops the description; a reader who cannot see the picture needs it.
    label = quoteattr(str(spec.get("description", "")))
    return svg.replace("<svg ", f'<svg role="img" aria-label={label} ', 1)


def to_png(spec: dict[str, Any], scale: float = 2) -> bytes:
    """The specification drawn as PNG, `scale` pixels to a unit. Nothing is fetched."""
    import vl_convert

    png: bytes = vl_convert.vegalite_to_png(spec, scale=scale, allowed_base_urls=[])
    return png


def to_pdf(spec: dict[str, Any]) -> bytes:
    """The specification drawn as PDF, one page of the chart's size. Nothing is fetched."""
    import vl_convert

    pdf: bytes = vl_convert.vegalite_to_pdf(spec, allowed_base_urls=[])
    return pdf


# -- layers --------------------------------------------------------------------------------------


def _base(rows: Sequence[Row]) -> alt.Chart:
    import altair as alt

    return alt.Chart(alt.InlineData(values=list(rows)))


def _x(view: View, look: Theme) -> alt.X:
    import altair as alt

    dates = view.dates()
    texts = {row["t"]: [row["text"], row["year"]] for row in dates}
    label = "".join(f"datum.value == {t} ? {text!r} : " for t, text in texts.items())
    return alt.X(
        "t:Q",
        title=None,
        scale=alt.Scale(domain=view.times(), nice=False, zero=False),
        axis=alt.Axis(
            aria=False,
            values=[row["t"] for row in dates],
            labelExpr=f"{label}''",
            labelColor=look.quiet,
            labelFontSize=11,
            labelOverlap=False,
            labelFlush=False,
            grid=False,
            domainColor=look.quiet,
            tickColor=look.quiet,
        ),
    )


def _y(view: View, look: Theme) -> alt.Y:
    import altair as alt

    return alt.Y(
        "v:Q",
        title=None,
        scale=alt.Scale(domain=view.values(), nice=False, zero=False),
        axis=alt.Axis(
            aria=False,
            values=view.ticks(),
            labelColor=look.quiet,
            labelFontSize=11,
            grid=False,
            domain=False,
            ticks=False,
            labelPadding=6,
        ),
    )


def _grid(view: View, look: Theme) -> alt.Chart:
    """Quiet rules that end where the labels begin."""
    rules = _base(view.grid()).mark_line(color=look.grid, strokeWidth=1)
    return rules.encode(x=_x(view, look), y=_y(view, look), detail="run:N")


def _bands(view: View, look: Theme) -> list[alt.Chart]:
    """Strains: a tinted band each, and above it the word for how it stands."""
    import altair as alt

    rows = view.bands()
    hues = {"open": look.alarm, "repaired": look.usual}
    hue = alt.Color(
        "state:N", legend=None, scale=alt.Scale(domain=_STATES, range=[hues.get(s, look.quiet) for s in _STATES])
    )
    x, x2 = alt.X("from:Q", scale=alt.Scale(domain=view.times())), alt.X2("to:Q")
    band = _base(rows).mark_rect(opacity=look.band).encode(x=x, x2=x2, color=hue)
    word = (
        _base(rows)
        .transform_calculate(mid="(datum.from + datum.to) / 2")
        .mark_text(fontSize=11, baseline="top", fontWeight=600)
        .encode(x=alt.X("mid:Q"), y=alt.value(5), text="word:N", color=hue)
    )
    return [band, word]


def _levels(view: View, look: Theme) -> list[alt.Chart]:
    """What scores are compared with, and the limit, named at their right ends."""
    x, y = _x(view, look), _y(view, look)
    found = []
    for rows, hue, dash, name in (
        (view.usual(), look.usual, [1, 0], view.compared),
        (view.limit(), look.alarm, [4, 3], "cut-off" if view.compared == "cut-off" else "limit"),
    ):
        line = _base(rows).mark_line(color=hue, strokeWidth=1.5, strokeDash=dash)
        found.append(line.encode(x=x, y=y, detail="run:N"))
        end = _base(rows[-1:]).mark_text(align="left", dx=6, fontSize=11, color=hue, text=name)
        found.append(end.encode(x=x, y=y))
    return found


def _scores(view: View, look: Theme) -> list[alt.Chart]:
    """The scores with gaps where forms are missing; onsets and recoveries marked by shape."""
    import altair as alt

    x, y = _x(view, look), _y(view, look)
    rows = view.scores()
    line = _base(rows).mark_line(color=look.ink, strokeWidth=1.75).encode(x=x, y=y, detail="run:N")
    faint = _base(view.bridges()).mark_line(color=look.quiet, strokeWidth=1, strokeDash=[1, 3])
    dots = _base(view.dots()).mark_point(filled=True, size=46, color=look.ink, opacity=1).encode(x=x, y=y)
    absent = _base(view.missing()).mark_text(
        text="no form", fontSize=9, color=look.quiet, angle=270, align="left", baseline="middle", dx=4
    )
    found = [faint.encode(x=x, y=y, detail="run:N"), line, dots, absent.encode(x=x, y=alt.value("height"))]
    for what, shape, hue in (("fall", "triangle-down", look.alarm), ("recovery", "triangle-up", look.usual)):
        marked = [row for row in view.marks() if row["what"] == what]
        base = _base(marked).encode(x=x, y=y)
        found.append(base.mark_point(shape=shape, filled=True, size=110, color=hue, opacity=1))
        text = base.encode(text="text:N")
        found.append(text.mark_text(dy=15, fontSize=11, fontWeight=600, color=hue))
    return found


def _line(text: str) -> str:
    """One line of printable text."""
    return re.sub(r"[\x00-\x1f\x7f]+", " ", text)
