"""Instrument definitions: what ships is sound, and a wrong file is told exactly what is wrong."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from fhir_alliance import instruments
from fhir_alliance.errors import ConfigError

FOLDER = Path(instruments.__file__).parent
WAI = (FOLDER / "wai-sr-c.toml").read_text(encoding="utf-8")
ITEMS = "[items]\ncount = 12\nminimum = 1\nmaximum = 5\nstep = 1"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda p: p.stem)
def test_every_shipped_file_is_valid_and_named_after_its_id(path: Path) -> None:
    assert instruments.validate(path) == []
    assert instruments.load_file(path).id == path.stem
    assert instruments.get(path.stem) == instruments.load_file(path)


def test_the_shipped_keys_are_those_of_the_specification() -> None:
    wai, srs = instruments.get("wai-sr-c"), instruments.get("srs-v3")
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


def test_what_is_shipped_is_what_the_specification_names() -> None:
    named = """
        ahs arm-12 arm-28 arm-28-t arm-5 bai-brief-alliance calpas-p care casf-p cgsrs cors csrs gsrs haq2-p haq2-t
        oq-asc ors sai shs srs-v3 star-c star-p tasc-r-c tasc-r-p vtas wai-36-c wai-36-o wai-36-t wai-s-c wai-sr-c
        wai-srt
    """
    assert list(instruments.load_all()) == named.split()


@pytest.mark.parametrize(
    ("id", "rater", "items", "answers", "total", "reverse", "subscales"),
    [
        (
            "wai-s-c",
            "client",
            12,
            (1, 7),
            (12, 84),
            "4 10",
            {"task": "1 2 8 12", "goal": "4 6 10 11", "bond": "3 5 7 9"},
        ),
        ("haq2-p", "client", 19, (1, 6), (19, 114), "4 8 11 16 19", {}),
        ("haq2-t", "therapist", 19, (1, 6), (19, 114), "4 8 11 16 19", {}),
        ("sai", "client", 6, (0, 5), (0, 5), "", {}),
        ("tasc-r-c", "client", 12, (1, 4), (12, 48), "2 5 7 8 11", {}),
        ("tasc-r-p", "caregiver", 12, (1, 4), (12, 48), "2 5 7 8 11", {}),
        ("care", "client", 10, (1, 5), (10, 50), "", {}),
        ("ahs", "client", 12, (1, 8), (8, 64), "", {"agency": "2 9 10 12", "pathways": "1 4 6 8"}),
        ("shs", "client", 6, (1, 8), (6, 48), "", {"pathways": "1 3 5", "agency": "2 4 6"}),
        *((id, "client", 4, (0, 10), (0, 40), "", {}) for id in ("ors", "csrs", "cors", "gsrs", "cgsrs")),
        *(
            (
                id,
                rater,
                36,
                (1, 7),
                (36, 252),
                "1 3 7 9 10 11 12 15 20 27 29 31 33 34",
                {
                    "task": "2 4 7 11 13 15 16 18 24 31 33 35",
                    "goal": "3 6 9 10 12 14 22 25 27 30 32 34",
                    "bond": "1 5 8 17 19 20 21 23 26 28 29 36",
                },
            )
            for id, rater in (("wai-36-c", "client"), ("wai-36-t", "therapist"), ("wai-36-o", "observer"))
        ),
    ],
)
def test_keys_are_those_of_the_clinical_specification(
    id: str,
    rater: str,
    items: int,
    answers: tuple[float, float],
    total: tuple[float, float],
    reverse: str,
    subscales: dict[str, str],
) -> None:
    i = instruments.get(id)
    assert (i.rater, len(i.items)) == (rater, items)
    assert {(n.minimum, n.maximum) for n in i.items} == {answers}
    assert (i.scale("total").minimum, i.scale("total").maximum) == total
    assert [n.number for n in i.items if n.reverse] == [int(n) for n in reverse.split()]
    assert {s.id: s.items for s in i.scales if s.id != "total"} == {
        scale: tuple(int(n) for n in numbers.split()) for scale, numbers in subscales.items()
    }


def test_keys_from_general_knowledge_say_so() -> None:
    from_memory = {"wai-s-c", "wai-36-c", "wai-36-t", "wai-36-o", "sai", "ahs", "care"}
    known = instruments.load_all().values()
    assert {i.id for i in known if not i.verified and not i.totals_only} == from_memory
    assert not any(i.verified for i in known if i.totals_only)
    for i in known:
        memory = any(
            text.startswith("[M-") for name, text in i.provenance.items() if name in {"items", "scales", "total"}
        )
        assert not (memory and i.verified), i.id


def test_the_srs_family_alone_is_gated_and_has_codes() -> None:
    family = {"srs-v3", "ors", "csrs", "cors", "gsrs", "cgsrs"}
    known = instruments.load_all().values()
    assert {i.id for i in known if i.licence_gated} == family
    codes = {i.id: (i.snomed, *i.snomed_retired) for i in known if i.snomed}
    assert codes == {
        "srs-v3": ("720482000", "960451000000101"),
        "csrs": ("718762000", "1036271000000108"),
        "gsrs": ("718441000", "960711000000108"),
        "cgsrs": ("718431003", "960771000000103"),
        "ors": ("716613004", "960251000000100"),
        "cors": ("718458005", "960321000000103"),
    }


def test_constants_of_change_are_published_ones_or_generic() -> None:
    ors, cors, sai = (instruments.get(id) for id in ("ors", "cors", "sai"))
    assert (ors.change.rc95, cors.change.rc95) == (6.6, 10.0)
    assert ors.generic == cors.generic == ("s0",)
    assert (sai.change.rc90, sai.change.rc95, sai.change.rc99, sai.change.s0) == (0.625, 0.75, 1.0, 0.4)
    assert sai.change.low is None
    assert sai.generic == ("rc90", "rc95", "rc99", "s0")
    assert sai.provenance["rc90"].startswith("[A] generic")
    assert instruments.get("wai-sr-c").generic == instruments.get("srs-v3").generic == ()


def test_only_what_a_client_says_of_an_alliance_may_alert() -> None:
    levels = {i.id: i.highest_level(i.rater) for i in instruments.load_all().values()}
    assert {id for id, level in levels.items() if level == 0} == {"ors", "cors", "ahs", "shs", "care", "oq-asc"}
    quiet = {"gsrs", "cgsrs", "haq2-t", "wai-36-t", "wai-36-o", "wai-srt", "star-c", "arm-28-t", "vtas", "tasc-r-p"}
    assert {id for id, level in levels.items() if level == 1} == quiet
    assert instruments.get("wai-sr-c").highest_level("proxy") == 1


def test_a_shipped_constant_names_its_provenance() -> None:
    for instrument in instruments.load_all().values():
        assert {"rc90", "rc95", "rc99", "s0"} <= set(instrument.provenance)
        assert instrument.change.low is None or "low" in instrument.provenance


def test_an_unknown_instrument_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"srs-v3, star-c.*, wai-sr-c"):
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
        (
            'purpose = "alliance"',
            'purpose = "fun"',
            "purpose: give one of alliance, group, outcome, hope, consultation",
        ),
        (
            'purpose = "alliance"',
            'purpose = "alliance"\nhigher = "worse"',
            "higher: of an alliance, a higher score is better",
        ),
        ("verified = true", 'verified = true\nsnomed = "720482001"', "snomed: 720482001 is no SNOMED CT concept id"),
        ("verified = true", 'verified = true\nsnomed = "720482000"', "provenance.snomed: missing"),
        (
            "verified = true",
            'verified = true\nsnomed_retired = ["720482000"]',
            "snomed_retired: give the code of today",
        ),
        ("verified = true", 'verified = true\ncanonicals = ["Questionnaire/7"]', "holds on one server only"),
        ("verified = true", 'verified = true\ncanonicals = ["http://a/", "http://a"]', "'http://a|' twice"),
        ("verified = true", "verified = true\nmissing_answers = [7]", "missing_answers: give a list of texts"),
        ("[items]\n", '[answers]\n"a" = 6\n\n[items]\n', "answers: 6 is no answer of this instrument"),
        ("[items]\n", "[answers]\n\n[items]\n", "answers: is empty"),
        ("[items]\n", "[total]\n\n[items]\n", "items: a file with [total] has none"),
        ("step = 1\n", 'step = 1\nlink_ids = ["a"]\n', "items.link_ids: give 12, one per item"),
        ("step = 1\n", f"step = 1\nlink_ids = {[str(n % 11) for n in range(12)]}\n", "items.link_ids: '0' twice"),
        ("step = 1\n", "step = 1\nfillers = [12]\n", "items.fillers: item 12 is in a scale"),
        ("step = 1\n", "step = 1\nfillers = [13]\n", "items.fillers: item 13 does not exist"),
        ("reverse = []", "reverse = [13]", "items.reverse: item 13 does not exist"),
        ("maximum = 5\nstep", "maximum = [5, 5]\nstep", "items.maximum: give 12, one per item"),
        (
            "maximum = 5\nstep",
            f"maximum = {[5] * 11 + [6]}\nstep",
            "items of different ranges cannot stand in for each other",
        ),
        ("count = 12", "count = 13", "item 13: in no scale"),
        ("count = 12", "count = 11", "item 12 does not exist"),
        ("count = 12", "count = 12.0", "items.count: give a whole number"),
        ("count = 12", "count = 100000000", "items.count: give 1 to 500"),
        ("step = 1", "step = 0", "items.step: must be above 0"),
        ("step = 1", "step = 0.3", "items.step: must divide the range"),
        ("step = 1", "step = nan", "items.step: give a number"),
        ("step = 1", "step = 1e-320", "items.step: give a number"),
        ("step = 1", "step = 1e-7", "items.step: must divide the range into 100,000 steps at most"),
        ("step = 1", f"step = {'9' * 400}", "items.step: give a number"),
        ("count = 12", f"count = {'9' * 400}", "items.count: give a whole number"),
        ("count = 12", f"count = 0x{'f' * 5000}", "items.count: give a whole number"),
        ("maximum = 5\nstep", "maximum = 1e308\nstep", "items.maximum: give a number"),
        ("rc90 = 0.50", "rc90 = 1e-320", "change.rc90: give a number"),
        ("s0 = 0.33", f"s0 = {'9' * 400}", "change.s0: give a number"),
        (ITEMS, f'[answers]\n"a" = 4\n\n{ITEMS[:-1]}0', "items.step: must be above 0"),
        (
            "value = 4.166666666666667, raw = 50",
            f"value = {'9' * 400}, raw = 50",
            "example 1: scores.total.value: give a number",
        ),
        ("1 = 4, 2 = 5, 3 = 4", "1 = 1e-320, 2 = 5, 3 = 4", "example 1: answers: item 1 is not on the grid"),
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
        ("rc90 = 0.50\n", "", "change: give rc90, rc95 and rc99, or none of them"),
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


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"id = ", "not valid TOML"),
        (b"\xff\xfe", "not UTF-8 text"),
        (b"id = " + b"9" * 5000, "a number is too long"),
    ],
)
def test_what_is_not_toml_is_a_problem(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "broken.toml"
    path.write_bytes(content)
    assert problem in instruments.validate(path)[0]


def test_a_file_that_cannot_be_opened_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be opened"):
        instruments.validate(tmp_path / "absent.toml")
