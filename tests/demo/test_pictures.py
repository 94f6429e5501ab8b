"""The demo's pictures: what they say of a strain, and the committed ones for both themes and widths."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from fhir_alliance.demo import pictures, screen, words
from fhir_alliance.demo.run import Told
from fhir_alliance.demo.saving import chart
from fhir_alliance.derive import stories, strains
from fhir_alliance.detection import site_policies
from fhir_alliance.instruments import get
from fhir_alliance.model import Assessment, EpisodeState, Score

FOLDER = Path(__file__).parents[2] / "docs" / "images"
NAMES = [f"demo-{width}-{theme}.svg" for width in pictures.WIDTHS for theme in pictures.THEMES]
NAMES += [f"chart-{theme}.svg" for theme in pictures.THEMES]


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_is_whole_and_fetches_nothing(name: str) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert ET.fromstring(text).tag.endswith("svg")
    hosts = set(re.findall(r"https?://([^/\"' )<]+)", text))
    assert hosts <= {"www.w3.org", "127.0.0.1:8080"}
    assert "url(http" not in text


@pytest.mark.parametrize("width", pictures.WIDTHS)
def test_the_screen_in_the_pictures_is_one_that_went_as_planned(width: int) -> None:
    text = re.sub(r"<[^>]+>", "", (FOLDER / f"demo-{width}-light.svg").read_text(encoding="utf-8"))
    said = text.replace("&#160;", " ")
    assert "As planned" in said
    assert "The second pass over the same data wrote 0." in said


def told(scores: str, state: EpisodeState, instrument: str = "wai-sr-c") -> Told:
    """The only strain of a series of weekly scores."""
    given = [
        Assessment(
            response=f"q{week}",
            patient="Patient/client-01",
            practitioner="Practitioner/dr-a",
            instrument=instrument,
            version="1.0",
            key=get(instrument).key,
            rater="client",
            at=(at := datetime(2026, 1, 5, tzinfo=UTC) + timedelta(weeks=week)),
            authored_at=at,
            effective=at.isoformat(),
            encounter=None,
            link="none",
            amended=False,
            scores=(Score("total", float(score), float(score), 12, 12),),
            labels=(),
            content=score,
        )
        for week, score in enumerate(scores.split())
    ]
    by, instruments = site_policies("alliance-policy/1", {}, "balanced"), {instrument: get(instrument)}
    (story,) = stories(given, instruments, by, cutoffs={}, as_of=given[-1].at)
    (strain,) = strains([story])
    return Told(strain, story, "Task/1", state)


def test_the_chart_of_a_withdrawn_strain_says_so_throughout() -> None:
    fallen = "4.5 4.5 4.5 4.5 2.5"
    assert "open, priority" in json.dumps(chart(told(fallen, EpisodeState.OPEN)))
    spec = chart(told(fallen, EpisodeState.WITHDRAWN))
    assert "withdrawn" in spec["title"]["text"]
    assert "open" not in json.dumps(spec).replace("opacity", "").replace('"domain": ["open"', "")
    assert '"word": "withdrawn"' in json.dumps(spec)
    assert "score 2.5, withdrawn" in spec["description"]


@pytest.mark.parametrize(
    ("scores", "seen", "times", "later"),
    [
        ("4.5 4.5 4.5 4.5 3.8", "0.70 below 4.50", "2.3", ""),
        ("4.5 4.5 4.5 4.5 2.5", "2.00 below 4.50", "6.6, a large fall", ""),
        ("4.5 4.5 4.5 4.5 3.8 3.7", "0.70 below 4.50", "2.3", "still low"),
        ("4.5 3.5", "1.00 below 4.50", "", ""),
        ("2.5 2.5 2.5", "first 3 average 2.50", "", ""),
    ],
)
def test_what_stands_in_a_column_is_what_its_heading_says(scores: str, seen: str, times: str, later: str) -> None:
    one = told(scores, EpisodeState.OPEN)
    wide = {c.title: c.cell(one) for c in screen._COLUMNS if c.wide is not False}
    assert (wide["what was seen"], wide["× usual variation"], wide["later"]) == (seen, times, later)
    assert words.why(one) == ", ".join(filter(None, (seen, later or words.large(one))))
    assert all(c.title for c in screen._COLUMNS)
