"""The picture of the benchmark: detection against false alarms, one curve for each policy over its threshold.

A reader of control charts looks for the curve furthest to the upper left. The false alarms are on a log axis,
because the published rules lie between one and forty in a hundred sessions. Large marks are the presets (with
95 % intervals as crosses), small ones the other thresholds; each curve is named at its end or in the legend, and
told apart by hue, dash and shape, never by colour alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..chart import THEMES, Theme
from .curve import Curve, CurvePoint
from .ratio import Figure

if TYPE_CHECKING:
    import altair as alt

Row = dict[str, float | str | None]

TITLE = "Strains seen, against false check-ins"
WIDTH, HEIGHT = 380, 270
X_DOMAIN = (0.2, 30.0)
_X_TICKS = (0.2, 0.5, 1, 2, 5, 10, 20)
_FONT = "Helvetica, Arial, Liberation Sans, DejaVu Sans, sans-serif"

# Marks beyond those that Vega has a name for, as paths; those from -1 to 1 look smaller.
_STAR = (
    "M0,-1.5L0.435,-0.6L1.425,-0.465L0.72,0.225L0.885,1.215L0,0.75L-0.885,1.215L-0.72,0.225L-1.425,-0.465L-0.435,-0.6Z"
)
_HOURGLASS = "M-1,-1L1,-1L-1,1L1,1Z"

# Okabe & Ito, the yellow left out, darkened for white paper where needed; then browns and greys. Ten of each, and
# no two policies alike in any, for as many as may run on one instrument.
_HUES = {
    "light": (
        *("#0072b2", "#c44f00", "#00795a", "#a3477f", "#8a6d00"),
        *("#3a87b8", "#5b6670", "#7a4b2a", "#444444", "#5a4fa2"),
    ),
    "dark": (
        *("#56b4e9", "#ff9152", "#2fc59b", "#dd8fbd", "#e6b93a"),
        *("#9ad0f0", "#aeb8c2", "#c99a78", "#d0d0d0", "#a79bf0"),
    ),
}
_SHAPES = (
    *("circle", "square", "triangle-up", "diamond", "triangle-down"),
    *("cross", "triangle-right", "triangle-left", _STAR, _HOURGLASS),
)
_DASHES = ([1, 0], [6, 2], [2, 2], [8, 2, 2, 2], [4, 4], [1, 3], [10, 3], [6, 2, 1, 2], [3, 1], [12, 3, 2, 3, 2, 3])


Seen = Literal["seen_at_onset", "seen_by_2"]
_SEEN: Mapping[Seen, str] = {"seen_at_onset": "seen at the onset session", "seen_by_2": "seen by two sessions later"}


@dataclass(frozen=True, slots=True)
class Panel:
    """The curves of one instrument and design, by one measure of detection."""

    title: str
    curves: Sequence[Curve]
    seen: Seen


def picture(
    rows: Sequence[Sequence[Panel]],
    *,
    title: str,
    subtitle: Sequence[str] = (),
    theme: Literal["light", "dark"] = "light",
    bold: Sequence[str] = (),
) -> dict[str, Any]:
    """The Vega-Lite specification of rows of panels; `bold`: policies whose lines are drawn stronger."""
    import altair as alt

    look = THEMES[theme]
    panels = [panel for row in rows for panel in row]
    scales = _scales(list(dict.fromkeys(c.policy for panel in panels for c in panel.curves)), theme)
    drawn = [alt.hconcat(*(_panel(panel, look, scales, bold) for panel in row), spacing=28) for row in rows]
    heading = alt.TitleParams(
        title,
        subtitle=list(subtitle),
        anchor="start",
        color=look.ink,
        subtitleColor=look.quiet,
        fontSize=15,
        subtitleFontSize=11.5,
        subtitlePadding=5,
        offset=12,
    )
    chart = alt.vconcat(*drawn, spacing=24).properties(
        title=heading,
        background=look.paper,
        padding=12,
        description=_description(panels, title),
    )
    spec: dict[str, Any] = (
        chart.configure(font=_FONT)
        .configure_view(stroke=None)
        .configure_mark(aria=False)
        .configure_legend(
            labelColor=look.ink,
            titleColor=look.quiet,
            symbolSize=80,
            symbolStrokeWidth=0,
            labelFontSize=12,
            titleFontSize=11,
            titleFontWeight="normal",
            rowPadding=5,
        )
        .to_dict()
    )
    return spec


def _scales(names: Sequence[str], theme: str) -> Mapping[str, alt.Scale]:
    import altair as alt

    def of(values: Sequence[Any]) -> alt.Scale:
        return alt.Scale(domain=list(names), range=[values[i % len(values)] for i in range(len(names))])

    return {"hue": of(_HUES[theme]), "shape": of(_SHAPES), "dash": of(_DASHES)}


def _panel(panel: Panel, look: Theme, scales: Mapping[str, alt.Scale], bold: Sequence[str]) -> alt.LayerChart:
    import altair as alt

    rows = [row for curve in panel.curves for row in _rows(curve, panel.seen)]
    base = alt.Chart(alt.InlineData(values=rows))
    marked = alt.Chart(alt.InlineData(values=[row for row in rows if row["preset"]]))
    legend = alt.Legend(title="policy; large marks: its presets")
    hue = alt.Color("policy:N", scale=scales["hue"], legend=legend)
    shape = alt.Shape("policy:N", scale=scales["shape"], legend=legend)
    dash = alt.StrokeDash("policy:N", scale=scales["dash"], legend=None)
    width = alt.condition(alt.FieldOneOfPredicate("policy", list(bold)), alt.value(3), alt.value(1.5))
    x, y = _x(look), _y(panel.seen, look)
    line = base.mark_line(clip=True).encode(
        x=x, y=y, color=hue, strokeDash=dash, strokeWidth=width, order=alt.Order("order:Q")
    )
    small = base.mark_point(filled=True, size=14, opacity=1, clip=True).encode(x=x, y=y, color=hue)
    large = marked.mark_point(filled=True, size=60, opacity=1, clip=True).encode(x=x, y=y, color=hue, shape=shape)
    across = marked.mark_rule(strokeWidth=1.25, clip=True).encode(x=alt.X("x_low:Q"), x2="x_high:Q", y=y, color=hue)
    up = marked.mark_rule(strokeWidth=1.25, clip=True).encode(x=x, y=alt.Y("y_low:Q"), y2="y_high:Q", color=hue)
    heading = alt.TitleParams(panel.title, anchor="start", color=look.ink, fontSize=12, fontWeight=600, offset=6)
    return alt.layer(line, small, across, up, large).properties(width=WIDTH, height=HEIGHT, title=heading)


def _x(look: Theme) -> alt.X:
    import altair as alt

    return alt.X(
        "x:Q",
        title="false check-ins per 100 scored sessions (log scale)",
        scale=alt.Scale(type="log", domain=list(X_DOMAIN), nice=False),
        axis=alt.Axis(values=list(_X_TICKS), format="~g", labelFlush=False, labelBound=False, **_axis(look)),
    )


def _y(seen: Seen, look: Theme) -> alt.Y:
    import altair as alt

    return alt.Y(
        "y:Q",
        title=_SEEN[seen],
        scale=alt.Scale(domain=[0, 1], nice=False),
        axis=alt.Axis(format=".0%", values=[0, 0.2, 0.4, 0.6, 0.8, 1], **_axis(look)),
    )


def _axis(look: Theme) -> dict[str, Any]:
    return {
        "labelColor": look.quiet,
        "titleColor": look.ink,
        "titleFontWeight": "normal",
        "titleFontSize": 11.5,
        "labelFontSize": 11,
        "gridColor": look.grid,
        "domainColor": look.quiet,
        "aria": False,
        "tickColor": look.quiet,
    }


def _rows(curve: Curve, seen: Seen) -> list[Row]:
    return [row for order, point in enumerate(curve.points) if (row := _row(curve, point, seen, order))]


def _row(curve: Curve, point: CurvePoint, seen: Seen, order: int) -> Row | None:
    """None for a point that a log axis cannot show: no false alarm at all, or nothing to see."""
    x, y = point.false, getattr(point, seen)
    if not x.estimate or y.estimate is None:
        return None
    return {
        "policy": curve.policy,
        "preset": point.preset,
        "order": order,
        "x": x.estimate,
        "x_low": _at_least(x, X_DOMAIN[0]),
        "x_high": x.high,
        "y": y.estimate,
        "y_low": y.low,
        "y_high": y.high,
    }


def _at_least(figure: Figure, low: float) -> float:
    return max(figure.low or 0.0, low)


def _description(panels: Sequence[Panel], title: str) -> str:
    """The presets in words, for readers who cannot see the picture."""
    words = [f"{title}."]
    for panel in panels:
        presets = [(c.policy, p, getattr(p, panel.seen)) for c in panel.curves for p in c.points if p.preset]
        words.append(f"{panel.title}, {_SEEN[panel.seen]}:")
        words += [
            f"{policy} {p.preset} {100 * seen.estimate:.0f} % at {p.false.estimate:.1f} false check-ins per 100;"
            for policy, p, seen in presets
            if p.false.estimate is not None and seen.estimate is not None
        ]
    return " ".join(words)
