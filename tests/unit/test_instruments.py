"""Instrument definitions: what ships is sound, and a wrong file is told exactly what is wrong."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from fhir_alliance import instruments
from fhir_alliance.errors import ConfigError

FOLDER = Path(instruments.__file__).parent
WAI = (FOLDER / "wai-sr-c.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda p: p.stem)
def test_every_shipped_file_is_valid_and_named_after_its_id(path: Path) -> None:
    assert instruments.validate(path) == []
    assert instruments.load_file(path).id == path.stem
    assert instruments.get(path.stem) == instruments.load_file(path)


def test_the_shipped_keys_are_those_of_the_specification() -> None:
    wai, srs = instruments.get("wai-sr-c"), instruments.get("srs-v3")
    assert list(instruments.load_all()) == ["srs-v3", "wai-sr-c"]
    assert {s.id: s.items for s in wai.scales} == {
        "total": tuple(range(1, 13)),
        "task": (1, 2, 10, 12),
        "goal": (4, 6, 8, 11),
        "bond": (3, 5, 7, 9),
    }
    assert [(i.minimum, i.maximum, i.step) for i in wai.items] == [(1, 5, 1)] * 12
    assert [(i.minimum, i.maximum, i.step) for i in srs.items] == [(0, 10, 0.1)] * 4
    assert (wai.change.rc90, wai.change.rc95, wai.change.rc99, wai.change.s0, wai.change.low) == (
        0.5,
        0.6,
        0.8,
        0.33,
        3,
    )
    assert (srs.change.rc90, srs.change.rc95, srs.change.rc99, srs.change.s0, srs.change.low) == (4, 5, 6.5, 2.2, 30)
    assert (wai.scale("total").places, srs.scale("total").places) == (2, 1)
    assert (wai.licence_gated, srs.licence_gated) == (False, True)
    assert wai.rater == srs.rater == "client"
    assert wai.when == srs.when == "post"
    assert wai.questionnaire_versions == srs.questionnaire_versions == ("1.0",)
    assert wai.stated_total == ("total",)
    assert [s.notice_drop for s in wai.scales] == [None, 0.75, 0.75, 0.75]


def test_a_shipped_constant_names_its_provenance() -> None:
    for instrument in instruments.load_all().values():
        assert {"items", "scales", "completeness", "rc90", "rc95", "rc99", "s0", "low"} <= set(instrument.provenance)


def test_an_unknown_instrument_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"srs-v3, wai-sr-c"):
        instruments.get("wai")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('id = "wai-sr-c"', 'id = "WAI"', "id: small letters"),
        ('id = "wai-sr-c"', "id = 7", "id: give text"),
        ('id = "wai-sr-c"\n', "", "id: missing"),
        ('rater = "client"', 'rater = "anybody"', "rater: give one of client, therapist, caregiver, observer"),
        ("verified = true", 'verified = "yes"', "verified: give true or false"),
        ("verified = true", "verified = true\nwording = 1", "wording: unknown key"),
        ("gated = false", "gated = false\nprice = 3", "licence.price: unknown key"),
        ('questionnaire_versions = ["1.0"]', 'questionnaire_versions = "1.0"', "give a list of texts"),
        ('questionnaire_versions = ["1.0"]', 'questionnaire_versions = ["1", "1"]', "'1' twice"),
        ('stated_total = ["total"]', 'stated_total = ["3"]', "stated_total: '3' is an item"),
        ("count = 12", "count = 13", "item 13: in no scale"),
        ("count = 12", "count = 11", "item 12 does not exist"),
        ("count = 12", "count = 12.0", "items.count: give a whole number"),
        ("count = 12", "count = 100000000", "items.count: give 1 to 500"),
        ("step = 1", "step = 0", "items.step: must be above 0"),
        ("step = 1", "step = 0.3", "items.step: must divide the range"),
        ("step = 1", "step = nan", "items.step: give a number"),
        ("[items]\ncount = 12\nminimum = 1", "[items]\ncount = 12\nminimum = 5", "minimum must be below maximum"),
        ("items = [4, 6, 8, 11]", "items = [4, 6, 8, 10]", "item 10: in more than one subscale"),
        ("items = [4, 6, 8, 11]", "items = [4, 6, 8, 8]", "scale 'goal': item 8 twice"),
        ("items = [4, 6, 8, 11]", "items = []", "scale 'goal': has no items"),
        ("min_answered = 10", "min_answered = 13", "scale 'total': min_answered must be 1 to 12"),
        ("min_answered = 10", "min_answered = 0", "scale 'total': min_answered must be 1 to 12"),
        ('requires = ["task", "goal", "bond"]', 'requires = ["tusk"]', "requires 'tusk', which is no other scale"),
        ('requires = ["task", "goal", "bond"]', 'requires = ["total"]', "requires 'total', which is no other scale"),
        ('id = "total"', 'id = "all"', "scale 'total': missing"),
        ('id = "goal"', 'id = "task"', "scale 'task': defined twice"),
        ('rule = "mean"', 'rule = "median"', "rule: give one of mean, sum"),
        ('rule = "mean"\nminimum = 1', 'rule = "sum"\nminimum = 1', "range must be 12 to 60"),
        ("notice_drop = 0.75", "notice_drop = -1", "notice_drop is for subscales and above 0"),
        ("rc95 = 0.60", "rc95 = 0.90", "rc90, rc95 and rc99 must rise"),
        ("rc90 = 0.50", "rc90 = 0", "rc90, rc95 and rc99 must rise"),
        ("rc90 = 0.50", 'rc90 = "0.5"', "change.rc90: give a number"),
        ("s0 = 0.33", "s0 = 0", "change.s0: must be above 0"),
        ("low = 3.0", "low = 9.0", "change.low: must lie within the range"),
        ('rc90 = "[A] ', 'rc90 = "', "provenance.rc90: begin with a tag"),
        ("s0 = 0.33", "s0 = 0.33\nspread = 1", "change.spread: unknown key"),
        ('scales = "[R2] ', 'scales = "[M-lo] ', "verified: must be false while provenance.scales is from memory"),
        (
            "value = 4.166666666666667, raw = 50",
            "value = 4.2, raw = 50",
            "example 1: total: value is 4.166666666666667",
        ),
        ('flags = ["straight_lining"]', "flags = []", "example 4: total: flags are ['straight_lining']"),
        ("1 = 4, 2 = 5, 3 = 4", "1 = 9, 2 = 5, 3 = 4", "example 1: answers: item 1 is not on the grid"),
        ("1 = 4, 2 = 5, 3 = 4", "0 = 4, 2 = 5, 3 = 4", "example 1: answers: there is no item 0"),
        ('unscored = ["task", "total"]', 'unscored = ["task"]', "example 3: scores and unscored together must name"),
    ],
)
def test_a_wrong_definition_is_told_what_is_wrong(tmp_path: Path, old: str, new: str, problem: str) -> None:
    assert old in WAI
    path = tmp_path / "wrong.toml"
    path.write_text(WAI.replace(old, new, 1), encoding="utf-8")
    problems = instruments.validate(path)
    assert any(problem in p for p in problems), problems
    if "example" not in problem:
        with pytest.raises(ConfigError, match="not a usable instrument definition"):
            instruments.load_file(path)


def test_all_problems_come_at_once(tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    text = WAI.replace("rc95 = 0.60", "rc95 = 0.10").replace("min_answered = 10", "min_answered = 99")
    path.write_text(text.replace("items = [4, 6, 8, 11]", "items = [4, 6, 8]"), encoding="utf-8")
    assert len(instruments.validate(path)) == 2
    assert "example" in tomllib.loads(WAI)


def test_a_definition_without_examples_is_not_valid(tmp_path: Path) -> None:
    path = tmp_path / "bare.toml"
    path.write_text(WAI[: WAI.index("[[example]]")], encoding="utf-8")
    assert instruments.validate(path) == ["example: give one worked example or more"]


@pytest.mark.parametrize(("content", "problem"), [(b"id = ", "not valid TOML"), (b"\xff\xfe", "not UTF-8 text")])
def test_what_is_not_toml_is_a_problem(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "broken.toml"
    path.write_bytes(content)
    assert problem in instruments.validate(path)[0]


def test_a_file_that_cannot_be_opened_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be opened"):
        instruments.validate(tmp_path / "absent.toml")
