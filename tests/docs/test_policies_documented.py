"""Every policy has its section in the reference, and every kind of event its row and its words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fhir_alliance.detection import STRAINS, PolicyInfo, policies
from fhir_alliance.wording import PHRASES, SENTENCES

DOCS = Path(__file__).parents[2] / "docs/reference"
PAGE = (DOCS / "policy.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^#+ .*?`([a-z-]+/\d+)`\n(.*?)(?=^#+ .*`[a-z-]+/\d+`|\Z)", PAGE, re.DOTALL | re.MULTILINE))


@pytest.mark.parametrize("info", policies().values(), ids=lambda p: p.id)
def test_a_policy_has_its_section(info: PolicyInfo) -> None:
    section = " ".join(SECTIONS[info.id].split())
    if info.instruments is not None:
        assert all(f"`{id}`" in section for id in info.instruments)
    if not info.push:
        assert "**For reports only" in section


@pytest.mark.parametrize("info", list(policies().values())[1:], ids=lambda p: p.id)
def test_the_sentence_and_the_weakness_of_a_policy_are_told(info: PolicyInfo) -> None:
    section = " ".join(SECTIONS[info.id].split())
    assert info.sentence in section or info.sentence.split(", ")[-1].rstrip(".") in section
    assert "*Weak:*" in section


def test_every_kind_of_event_is_documented() -> None:
    page = (DOCS / "detect.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.+?) \| [\d or]+ \|", page, re.MULTILINE)
    assert {kind for row in rows for kind in re.findall(r"`([a-z-]+)`", row)} == set(PHRASES) - {"subscale-drop"}


def test_every_strain_has_its_words() -> None:
    assert set(SENTENCES) == STRAINS
    assert set(PHRASES) >= STRAINS
