"""Forms that others publish with a known total, through the command line: `score FILE --config SITE.toml`.

Sources are named beside each form in `published_forms.py`. PHQ-9 and the Glasgow scale are no alliance measures: the
site adds them here with one definition file each, which is also what these tests show.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from published_forms import (
    GCS,
    HIDDEN,
    LFORMS,
    LFORMS_LINKS,
    LOINC,
    ORDINAL,
    SDC_CODES,
    SDC_LINKS,
    SDC_PHQ9,
    SDC_TOTAL,
    SDC_WEIGHTS,
    US_LINKS,
    US_PHQ9,
    US_WEIGHTS,
    WEIGHT,
    Json,
    answer,
    bundle,
    instrument,
    lforms_questionnaire,
    lforms_response,
    response,
    sdc_code_system,
    sdc_phq9,
    sdc_questionnaire,
    us_core_glasgow,
    us_core_phq9,
    us_core_questionnaire,
)

from fhir_alliance.cli import main

Score = Callable[..., Json]

FILES = {
    "phq-9": instrument("phq-9", [US_PHQ9], US_LINKS, 0, 3, total=(0, 27), stated_total=["/44261-6"]),
    "phq-9-sdc": instrument("phq-9-sdc", [SDC_PHQ9], SDC_LINKS, 0, 3, total=(0, 27)),
    "gcs": instrument("gcs", [GCS], ["1", "2", "3"], [1, 1, 1], [4, 5, 6], total=(3, 15)),
    "lforms": instrument("lforms", [LFORMS], LFORMS_LINKS, 0, 20, total=(0, 40)),
}


@pytest.fixture
def score(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Score:
    """The one line of `score --json` for a file, at a site with the four instruments above."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name, text in FILES.items():
        Path(f"{name}.toml").write_text(text, encoding="utf-8")
    Path("site.toml").write_text(f"[instruments]\nfiles = {[f'{n}.toml' for n in FILES]!r}\n", encoding="utf-8")

    def run(*resources: Json) -> Json:
        names = [f"{n}.json" for n in range(len(resources))]
        for name, resource in zip(names, resources, strict=True):
            Path(name).write_text(json.dumps(resource), encoding="utf-8")
        asked = ["fhir-alliance", "score", *names, "--config", "site.toml", "--json"]
        monkeypatch.setattr(sys, "argv", asked)
        with pytest.raises(SystemExit):
            main()
        lines = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
        (line,) = [line for line in lines if "(no-response)" not in line.get("reason", "")]
        return dict(line)

    return run


def told(line: Json) -> tuple[str, float, int, list[str]]:
    assert "reason" not in line, line
    assert (line["scale"], line["items"]) == ("total", line["answered"])
    return line["instrument"], line["raw"], line["answered"], line["flags"]


# -- US Core ---------------------------------------------------------------------------------------


def test_us_core_phq9_is_12(score: Score) -> None:
    """Total and difficulty item are not added: 12 of nine items, as the published total states."""
    line = score(bundle(us_core_phq9(), us_core_questionnaire()))
    assert told(line) == ("phq-9", 12, 9, ["extra_items", "version_assumed"])
    assert "stated" not in line, "the published total, 12, agrees"
    assert line["patient"] == "Patient/example"


@pytest.mark.parametrize("order", [0, 1])
def test_its_questionnaire_may_stand_in_a_file_of_its_own(score: Score, order: int) -> None:
    files = [us_core_phq9(), us_core_questionnaire()]
    assert told(score(*files[order:], *files[:order]))[1] == 12


def test_without_its_questionnaire_the_codes_weigh_nothing(score: Score) -> None:
    """LOINC's answer codes carry no number, and none is guessed."""
    assert score(us_core_phq9())["reason"] == "set aside: item 1: a coded answer without a weight (no-weight)"


def test_a_published_total_that_were_another_one_is_told(score: Score) -> None:
    changed = us_core_phq9()
    changed["item"][9] = answer("/44261-6", valueDecimal=13)
    line = score(bundle(changed, us_core_questionnaire()))
    assert (line["raw"], line["stated"]) == (12, 13)
    assert line["flags"] == ["extra_items", "stated_total_differs", "version_assumed"]
    assert line["counted"] == dict(zip("123456789", (2, 2, 2, 2, 1, 1, 2, 0, 0), strict=True))


def test_a_site_s_answer_map_needs_no_questionnaire(score: Score) -> None:
    table = "\n[answers]\n" + "".join(f'"{LOINC}|{code}" = {weight}\n' for code, weight in US_WEIGHTS.items())
    with Path("phq-9.toml").open("a", encoding="utf-8") as file:
        file.write(table)
    assert told(score(us_core_phq9()))[1] == 12
    other = us_core_phq9()
    other["item"][0]["answer"][0]["valueCoding"]["system"] = "http://other.example"
    assert score(other)["reason"].endswith("(unmapped-answer)"), "system and code are matched exactly"


def test_us_core_glasgow_is_12_without_a_canonical(score: Score) -> None:
    """4 + 4 + 4; each item has a range of its own (1-4, 1-5, 1-6)."""
    line = score(us_core_glasgow())
    assert told(line) == ("gcs", 12, 3, ["straight_lining", "version_assumed"])
    beyond = us_core_glasgow()
    beyond["item"][0] = answer("1", valueDecimal=5)
    assert score(beyond)["reason"] == "set aside: item 1: answer out of range 1-4 (out-of-range)"
    beyond["item"] = [answer("1", valueDecimal=4), answer("2", valueDecimal=5), answer("3", valueDecimal=6)]
    assert told(score(beyond))[1] == 15


# -- SDC -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("system", [True, False])
@pytest.mark.parametrize("contained", [True, False])
def test_sdc_phq9_states_13_and_its_answers_give_10(score: Score, system: bool, contained: bool) -> None:
    """contained: is the code system inside the Questionnaire, or a resource of its own as published?"""
    questionnaire = sdc_questionnaire()
    beside = [sdc_code_system()]
    if contained:
        questionnaire["contained"] += beside
        beside = []
    line = score(bundle(sdc_phq9(system=system), questionnaire, *beside))
    assert told(line) == ("phq-9-sdc", 10, 9, ["stated_total_differs", "version_assumed"])
    assert line["stated"] == 13
    assert line["counted"] == dict(zip("123456789", (0, 0, 0, 1, 2, 1, 3, 2, 1), strict=True))
    assert line["patient"] == "http://example.org/fhir/Patient/proband"


def test_a_definition_names_the_total_where_no_questionnaire_is_to_be_had(score: Score) -> None:
    """Weights on the Codings themselves, as SDC allows, and `stated_total` in the site's file."""
    made = sdc_phq9()
    for item in made["item"][0]["item"][:-1]:
        coding = item["answer"][0]["valueCoding"]
        coding["extension"] = [{"url": WEIGHT, "valueDecimal": SDC_WEIGHTS[coding["code"]]}]
    assert score(made)["flags"] == ["extra_items", "version_assumed"]
    named = instrument("phq-9-sdc", [SDC_PHQ9], SDC_LINKS, 0, 3, total=(0, 27), stated_total=[SDC_TOTAL])
    Path("phq-9-sdc.toml").write_text(named, encoding="utf-8")
    line = score(made)
    assert (line["raw"], line["stated"], line["flags"]) == (10, 13, ["stated_total_differs", "version_assumed"])


def test_the_code_system_s_weights_are_needed(score: Score) -> None:
    assert score(bundle(sdc_phq9(), sdc_questionnaire()))["reason"].endswith("(no-weight)")


@pytest.mark.parametrize("code", ["answer-0", "Answer 0", "ANSWER-0", "Answer-0 "])
def test_sdc_codes_are_matched_exactly(score: Score, code: str) -> None:
    made = sdc_phq9()
    made["item"][0]["item"][0] = answer(SDC_LINKS[0], valueCoding={"system": SDC_CODES, "code": code})
    line = score(bundle(made, sdc_questionnaire(), sdc_code_system()))
    assert line["reason"] == "set aside: item 1: a coded answer without a weight (no-weight)"


def test_two_code_systems_that_weigh_differently_decide_nothing(score: Score) -> None:
    other = sdc_code_system()
    other["concept"][3]["property"][0]["valueDecimal"] = 4.0
    questionnaire = sdc_questionnaire()
    questionnaire["contained"] += [sdc_code_system(), other]
    assert score(bundle(sdc_phq9(), questionnaire))["reason"] == (
        "set aside: item 7: its weights and value disagree (sources-disagree)"
    )


# -- lforms ----------------------------------------------------------------------------------------

R4 = {(1, 1): WEIGHT, (1, 2): ORDINAL, (2, 1): ORDINAL, (2, 2): WEIGHT}
R5 = {place: {WEIGHT: ORDINAL, ORDINAL: WEIGHT}[url] for place, url in R4.items()}


@pytest.mark.parametrize(
    "questionnaire",
    [
        lforms_questionnaire(R4),
        lforms_questionnaire(R5),
        lforms_questionnaire(dict.fromkeys(R4, ORDINAL), compose=True),
    ],
    ids=["R4 expansion", "R5 expansion", "R4 compose"],
)
@pytest.mark.parametrize(("chosen", "total"), [(((1, 2), (2, 1)), 12), (((1, 1), (2, 2)), 21)])
def test_lforms_value_sets_give_12_and_21(
    score: Score, questionnaire: Json, chosen: tuple[tuple[int, int], ...], total: int
) -> None:
    """test/cypress/integration/calculatedExpression.cy.js and test/karma/expression.spec.js: the second and third
    choice give 12, the first and fourth 21; each with both extensions."""
    line = score(bundle(lforms_response(*chosen, total=total), questionnaire))
    assert told(line) == ("lforms", total, 2, ["version_assumed"])
    wrong = score(bundle(lforms_response(*chosen, total=total + 1), questionnaire))
    assert (wrong["raw"], wrong["stated"]) == (total, total + 1)


def test_the_same_code_of_two_systems_needs_its_system(score: Score) -> None:
    made = lforms_response((1, 2), (2, 1), total=12)
    del made["item"][0]["item"][0]["item"][0]["answer"][0]["valueCoding"]["system"]
    assert score(bundle(made, lforms_questionnaire(R4)))["reason"].endswith("(no-weight)")


# -- nested and hidden items -----------------------------------------------------------------------


def test_nothing_is_counted_twice_wherever_it_nests_or_hides(score: Score) -> None:
    """The US Core form again: items below an answer, groups in groups, and hidden helpers that repeat the scores, as
    SDC forms carry them. 12 all the same."""
    asked, made = us_core_questionnaire(), us_core_phq9()
    first, *rest = made["item"]
    first["answer"][0]["item"] = [{"linkId": "g", "item": [{"linkId": "h", "item": rest[:4]}]}]
    helpers = [answer(f"score{link}", valueDecimal=2) for link in US_LINKS]
    made["item"] = [first, *rest[4:], {"linkId": "hidden", "item": [*helpers, answer("sum", valueDecimal=12)]}]
    asked["item"].append(
        {
            "linkId": "hidden",
            "type": "group",
            "extension": [{"url": HIDDEN, "valueBoolean": True}],
            "item": [{"linkId": i["linkId"], "type": "decimal"} for i in [*helpers, answer("sum")]],
        }
    )
    assert told(score(bundle(made, asked))) == ("phq-9", 12, 9, ["extra_items", "version_assumed"])
    made["item"].append({"linkId": "again", "item": [rest[0]]})
    assert score(bundle(made, asked))["reason"] == "set aside: item 2: answered more than once (duplicate-item)"


def test_an_item_of_the_instrument_counts_when_the_form_hides_it(score: Score) -> None:
    asked = us_core_questionnaire()
    asked["item"][0]["extension"] = [{"url": HIDDEN, "valueBoolean": True}]
    assert told(score(bundle(us_core_phq9(), asked)))[1] == 12


def test_a_published_form_is_nobody_s_without_the_site_s_file(score: Score) -> None:
    Path("site.toml").write_text("", encoding="utf-8")
    for made in (us_core_phq9(), us_core_glasgow(), sdc_phq9(), response(LFORMS, [])):
        assert score(made)["reason"].endswith("(unknown-questionnaire)")
