"""Charts and terminal lines: drawn, marked where the policy spoke, and readable at any length."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from typing import Any, Literal
from xml.etree import ElementTree

import pytest
from strain_series import SRS, START, WAI, detect, points

from fhir_alliance.chart import inline, marks, series_chart, sparkline, to_png, to_svg
from fhir_alliance.chart_view import View
from fhir_alliance.detection import policy
from fhir_alliance.model import Change, Point
from fhir_alliance.sparkline import window

W4 = "4.25 4.17 4.33 4.25 3.42 - 3.33 3.42 3.50"
W7 = "5 5 5 5 4.92 3.83 4.92"


def spec(series: str, change: Change = WAI, theme: Literal["light", "dark"] = "light") -> dict[str, Any]:
    found = detect(series, change)
    return series_chart(
        "Client 12", points(series), found, change, scale_title="WAI-SR, mean item, 1 to 5", theme=theme
    )


def words(svg: str) -> set[str]:
    """Every text that the picture shows."""
    return {"".join(e.itertext()) for e in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_picture_names_what_it_shows(theme: Literal["light", "dark"]) -> None:
    svg = to_svg(spec(W4, theme=theme))
    assert words(svg) >= {
        "Client 12",
        "WAI-SR, mean item, 1 to 5",
        "usual",
        "limit",
        "not recovered",
        "no form",
        "3.42",
    }
    root = ElementTree.fromstring(svg)
    assert (root.get("width"), root.get("height")) == ("640", "280")
    assert "http" not in svg.replace("http://www.w3.org/", "")


def test_the_two_themes_differ() -> None:
    assert to_svg(spec(W4, theme="light")) != to_svg(spec(W4, theme="dark"))


@pytest.mark.parametrize(
    ("series", "word"),
    [
        ("4 4 4 3.2", "open"),
        ("4 4 4 3.2 3.1", "open, priority"),
        (W7, "recovered"),
        ("4 4 4 3.2 3.7 3.7 3.7", "partly recovered"),
        ("4 4 4 3.2 > 4", "no verdict"),
        ("2.5 2.5 2.5", "2.50 low start"),
    ],
)
def test_how_a_strain_stands_is_written_beside_it(series: str, word: str) -> None:
    assert word in words(to_svg(spec(series)))


@pytest.mark.parametrize("series", ["", "-", "4", "- - 4 -", "4 4", "4 > 4 > 4", "1 5 1 5", " ".join([W7, W4] * 4)])
def test_any_series_can_be_drawn(series: str) -> None:
    assert to_svg(spec(series)).startswith("<svg")


def test_png() -> None:
    png = to_png(spec(W7), scale=1)
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert (int.from_bytes(png[16:20]), int.from_bytes(png[20:24])) == (640, 280)


def test_the_same_series_gives_the_same_picture() -> None:
    shuffled = series_chart("Client 12", points(W4)[::-1], detect(W4), WAI, scale_title="WAI-SR, mean item, 1 to 5")
    assert to_svg(shuffled) == to_svg(spec(W4))


def test_titles_are_text_not_markup() -> None:
    chart = series_chart("<b>&\nx</b>", points(W7), detect(W7), WAI, scale_title="a < b")
    assert {"<b>& x</b>", "a < b"} <= words(to_svg(chart))


def test_a_description_for_readers_who_cannot_see_it() -> None:
    label = ElementTree.fromstring(to_svg(spec(W7))).get("aria-label") or ""
    assert label.startswith("Client 12. WAI-SR, mean item, 1 to 5. 7 scores of 7 sessions.")
    assert "2026-02-09: score 3.83, recovered." in label


def test_nothing_heavy_is_imported_before_something_is_drawn() -> None:
    code = "import sys, fhir_alliance.chart; print({'altair', 'vl_convert', 'narwhals'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


# -- the rows behind it --------------------------------------------------------------------------


def view(series: str, change: Change = WAI) -> View:
    return View(points(series), detect(series, change), change, 2)


def test_every_onset_and_recovery_is_marked_once_and_replaces_its_dot() -> None:
    shown = view("4 4 4 3.2 4 4 4 3.2 3.1")
    assert [(m["what"], m["text"]) for m in shown.marks()] == [
        ("fall", "3.20"),
        ("recovery", ""),
        ("fall", "3.20"),
        ("fall", ""),
    ]
    assert len(shown.dots()) + len(shown.marks()) == len(shown.scores())


def test_the_line_breaks_at_missing_forms_and_long_gaps() -> None:
    assert [row["run"] for row in view("4 4 - 4 > 4 4").scores()] == [1, 1, 2, 3, 3]
    assert len(view("4 4 - 4 > 4 4").missing()) == 1
    assert len(view("4 4 - 4 > 4 4").bridges()) == 2  # over the missing form, not over the gap


def test_the_usual_line_begins_with_the_personal_baseline_and_breaks_where_it_begins_anew() -> None:
    assert view("4 4 4").usual() == []
    assert {row["v"] for row in view("4 4 4 4").usual()} == {4.0}
    runs = {row["run"] for row in view(W4 + " 3.4 3.4").limit()}
    assert len(runs) == 2


def test_lines_end_where_their_comparison_does() -> None:
    """An early step is compared with one score: that is a limit, but no usual score; the old one does not go on."""
    shown = view("4 4.1 3.9 4 > 4 3")
    assert {row["v"] for row in shown.limit()} == {shown.limit()[0]["v"], 3.2}
    assert max(int(row["t"]) for row in shown.usual()) < min(int(row["t"]) for row in shown.limit() if row["v"] == 3.2)


RULES = [("step-rc/1", "before", False, "limit"), ("from-best/1", "best", True, "limit"),
         ("absolute/1", "cut-off", False, "cut-off"), ("xmr/1", "mean", True, "limit")]  # fmt: skip


@pytest.mark.parametrize(("rule", "compared", "drawn", "limit"), RULES)
def test_other_rules_lines_have_their_own_names(rule: str, compared: str, drawn: bool, limit: str) -> None:
    rows = points("4.2 4.1 4.3 4.2 4.1 4.2 2.9 3.4 - 4.2")
    found = policy(rule).run(rows, WAI)
    drawing = to_svg(series_chart("Client 12", rows, found, WAI, scale_title="WAI-SR", compared=compared))
    assert "usual" not in words(drawing)
    assert limit in words(drawing)
    assert (compared in words(drawing)) == (drawn or compared == limit)
    shown = View(rows, found, WAI, 2, compared)
    assert [row["run"] for row in shown.scores()] == [1] * 8 + [2]
    left, right = shown.times()[0], shown.right()
    assert all(left <= int(row["t"]) <= right for row in [*shown.usual(), *shown.limit()])
    assert all(int(band["from"]) >= left for band in shown.bands())


def test_bands_reach_from_onset_to_close_or_to_now() -> None:
    (closed,) = view("4 4 4 3.2 4 4 4 4").bands()
    (still,) = view("4 4 4 3.2").bands()
    assert closed["state"] == "repaired"
    assert int(closed["from"]) < int(closed["to"]) < view("4 4 4 3.2 4 4 4 4").right()
    assert still["to"] == view("4 4 4 3.2").right()


def test_dates_are_the_sessions_own_days_and_do_not_crowd() -> None:
    late = START.replace(hour=23, minute=30)
    rows = [Point(late + timedelta(weeks=i), 4.0) for i in range(60)]
    dates = View(rows, detect("4"), WAI, 2).dates()
    assert (dates[0]["text"], dates[0]["year"]) == ("5 Jan", "2026")
    assert len(dates) <= 9
    assert [d["year"] for d in dates if d["year"]] == ["2026", "2027"]


def test_the_axis_zooms_to_what_matters() -> None:
    assert view("4.5 4.4 4.6 4.5").ticks() == [5.0, 4.5, 4.0, 3.5]
    assert view("1.2 4").ticks()[-1] == 1.0
    assert View(points("38 38 38 37"), detect("38 38 38 37", SRS), SRS, 1).ticks() == [40, 35, 30, 25]


# -- in the terminal -----------------------------------------------------------------------------


def test_sparkline() -> None:
    assert sparkline([1, 2, 3, 4, 5, 6, 7, 8]) == "▁▂▃▄▅▆▇█"
    assert sparkline([3, None, 5], {0: "▼", 2: "▲"}, low=3, high=5) == "▁▼·█▲"
    assert sparkline([0, 9], low=1, high=5) == "▁█"
    assert sparkline([]) == ""
    assert sparkline([None, 4]) == "·▁"


def test_inline_marks_onsets_and_closes_after_their_session() -> None:
    assert inline(points(W4), detect(W4), WAI) == "▆▅▆▆▂▼·▂!▂▃×"
    assert inline(points(W7)[::-1], detect(W7), WAI) == "█████▄▼█▲"
    assert inline(points("2.5 9 2.5 2.5"), detect("2.5 9 2.5 2.5"), WAI) == "▂·▂▂▽"


def test_a_gap_is_marked_before_the_session_that_revealed_it() -> None:
    assert marks(detect("4 4 4 3.2 > 4")) == {3: "▼|"}
    assert marks(detect("4 4 4 3.2 > - 4")) == {3: "▼", 4: "|"}
    assert marks(detect("4 4 4 3.2", as_of=START + timedelta(days=300))) == {3: "▼|"}


def test_the_window_is_the_scales_not_the_series() -> None:
    assert window(WAI, [4.1, 4.2]) == window(WAI, [4.9]) == (3.0, 5)
    assert window(WAI, [1.0]) == (1.0, 5)
    assert window(SRS, []) == (20.0, 40)
