"""The committed pictures: there, for both themes and widths, and without anything to fetch."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from fhir_alliance.demo import pictures

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
