"""A total that the form states itself is compared with ours, and ours wins."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from response_forms import ATTESTED, RULES, VALUES, WAI, form, item, items, read, ruled, srs, total

from fhir_alliance.fhir.stated import Stated, agrees, counted, stated_by
from fhir_alliance.instruments import load_all
from fhir_alliance.model import Score
from fhir_alliance.scoring import score

NS = "https://w3id.org/fhir-alliance"
CALCULATED = {
    "url": "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-calculatedExpression",
    "valueExpression": {"language": "text/fhirpath", "expression": "%a + %b"},
}


def stating(answer: object, link: str = "total", **changes: Any) -> dict[str, Any]:
    return form(item=[*items(), item(link, answer)], **changes)


@pytest.mark.parametrize(
    "answer",
    [
        50,
        {"valueDecimal": 50},
        {"valueDecimal": 4.2},
        {"valueDecimal": 4.17},
        {"valueDecimal": 4.166667},
        4,
        {"valueQuantity": {"value": 4.17}},
    ],
)
def test_value_or_raw_to_its_own_decimals_agrees(answer: object) -> None:
    reading = read(stating(answer))
    assert (reading.flags, reading.scores[0].stated) == ((), None)


@pytest.mark.parametrize(
    ("answer", "stated"), [(49, 49), (5, 5), ({"valueDecimal": 4.16}, 4.16), ({"valueDecimal": 50.4}, 50.4), (-1, -1)]
)
def test_a_total_that_differs_is_flagged_and_ours_wins(answer: object, stated: float) -> None:
    reading = read(stating(answer))
    head, *rest = reading.scores
    assert (head.scale, head.value, head.stated) == ("total", 50 / 12, stated)
    assert head.flags == reading.flags == ("stated_total_differs",)
    assert {(s.flags, s.stated) for s in rest} == {((), None)}


@pytest.mark.parametrize(
    "answer",
    [{"valueString": "51"}, {"valueBoolean": True}, {"valueDecimal": "51"}, {}, {"valueCoding": {"code": "51"}}],
)
def test_what_is_no_number_states_nothing(answer: object) -> None:
    reading = read(stating(answer))
    assert (total(reading), reading.flags) == (50 / 12, ())


def test_numeric_strings_state_totals_where_the_site_reads_them() -> None:
    by = ruled(numeric_strings=True)
    assert read(stating({"valueString": "51"}), by).scores[0].stated == 51
    assert read(stating({"valueString": "50"}), by).flags == ()
    assert read(stating({"valueString": "4.2"}), by).flags == ()


def test_srs_totals_are_sums() -> None:
    made = srs()
    made["item"].append(item("total", {"valueDecimal": 37.2}))
    assert read(made, ATTESTED).flags == ("version_assumed",)
    made["item"][-1] = item("total", {"valueDecimal": 37.3})
    assert read(made, ATTESTED).scores[0].stated == 37.3


def test_without_a_read_only_one_the_only_calculated_number_states_the_total() -> None:
    """As in SDC's own PHQ-9, whose total may be edited; what is no number, or one of several, states nothing."""

    def questionnaire(*types: str) -> dict[str, Any]:
        made = [{"linkId": f"c{n}", "type": type, "extension": [CALCULATED]} for n, type in enumerate(types)]
        return {"resourceType": "Questionnaire", "url": WAI, "item": made}

    for number in ("integer", "decimal", "quantity"):
        assert read(stating(49, "c0"), RULES, lambda _, n=number: questionnaire(n)).scores[0].stated == 49
        assert read(stating(49, "c1"), RULES, lambda _, n=number: questionnaire("string", n)).scores[0].stated == 49
    for types in (("string",), ("choice",), ("decimal", "integer")):
        assert read(stating(49, "c0"), RULES, lambda _, t=types: questionnaire(*t)).flags == ("extra_items",)
    both = questionnaire("decimal", "decimal")
    both["item"][1]["readOnly"] = True
    assert read(stating(49, "c0"), RULES, lambda _: both).scores[0].stated is None
    assert read(stating(49, "c1"), RULES, lambda _: both).scores[0].stated == 49


def test_a_read_only_calculated_item_of_the_questionnaire_states_the_total() -> None:
    def questionnaire(*links: str, **element: Any) -> dict[str, Any]:
        made = [{"linkId": link, "readOnly": True, "extension": [CALCULATED], **element} for link in links]
        return {"resourceType": "Questionnaire", "url": WAI, "item": [{"linkId": "g", "item": made}]}

    response = stating(49, "13")
    assert read(response).code == "form-mismatch"
    assert read(response, RULES, lambda _: questionnaire("13")).scores[0].stated == 49
    assert read(response, RULES, lambda _: questionnaire("13", readOnly=False)).code == "form-mismatch"
    assert read(response, RULES, lambda _: questionnaire("13", extension=[])).code == "form-mismatch"
    both = read(stating(49, "sum"), RULES, lambda _: questionnaire("sum", "mean"))
    assert both.flags == ("extra_items",), "which of two is the total cannot be told"


@pytest.mark.parametrize(
    ("stated", "value", "raw", "same"),
    [
        (4.2, 4.16, 50, True),
        (4.2, 4.25, 51, True),
        (4.2, 4.26, 51, False),
        (37.0, 37.04, 37.04, True),
        (37, 37.4, 37.4, True),
        (37, 37.6, 37.6, False),
        (1e300, 4.0, 48, False),
        (10**400, 4.0, 48, False),
        (-4, 4.0, 48, False),
    ],
    ids=lambda x: f"{float(min(x, 1e300)):g}",
)
def test_agreement(stated: float, value: float, raw: float, same: bool) -> None:
    assert agrees(stated, Score("total", value, raw, 12, 12)) is same


@pytest.mark.parametrize("vast", [10**400, -(10**400), 1e300])
def test_any_number_that_json_can_hold_can_be_kept_and_read_again(vast: float) -> None:
    (head, *_) = read(stating({"valueDecimal": vast})).scores
    assert head.flags == ("stated_total_differs",)
    assert msgspec.json.decode(msgspec.json.encode(head), type=Score) == head


def test_the_answers_that_were_counted_add_up_to_the_sum() -> None:
    reading = read(stating(44))
    assert counted(load_all()["wai-sr-c"], reading.answers) == dict(enumerate(VALUES, 1))
    turned = replace(
        load_all()["wai-sr-c"], items=tuple(replace(i, reverse=i.number == 4) for i in load_all()["wai-sr-c"].items)
    )
    assert counted(turned, reading.answers)[4] == 3
    scores, _ = score(turned, reading.answers)
    assert sum(counted(turned, reading.answers).values()) == scores[0].raw


def observation(**changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": f"{NS}/CodeSystem/alliance-score", "code": "wai-sr-c-total"}]},
        "valueQuantity": {"value": 4.17},
        "derivedFrom": [{"reference": "QuestionnaireResponse/q1"}],
    } | changes


def test_an_observation_with_our_code_states_the_total_of_its_response() -> None:
    assert stated_by(observation(), {NS}) == Stated("QuestionnaireResponse/q1", "wai-sr-c", 4.17)
    own = {"coding": [{"system": "https://clinic.example/CodeSystem/alliance-score", "code": "srs-v3-total"}]}
    assert stated_by(observation(code=own), {NS}) is None
    assert stated_by(observation(code=own), {NS, "https://clinic.example"}) is not None


@pytest.mark.parametrize(
    "change",
    [
        {"status": "entered-in-error"},
        {"status": []},
        {"code": {"coding": [{"system": f"{NS}/CodeSystem/alliance-score", "code": "wai-sr-c-task"}]}},
        {"code": {"coding": [{"system": "http://loinc.org", "code": "wai-sr-c-total"}]}},
        {"code": "wai-sr-c-total"},
        {"valueQuantity": {"value": "4.17"}},
        {"valueQuantity": None},
        {"derivedFrom": []},
        {"derivedFrom": [{"reference": "Observation/1"}]},
        {"derivedFrom": [{"reference": "QuestionnaireResponse/1"}, {"reference": "QuestionnaireResponse/2"}]},
        {"derivedFrom": "QuestionnaireResponse/q1"},
    ],
)
def test_any_other_observation_states_nothing(change: dict[str, Any]) -> None:
    assert stated_by(observation(**change), {NS}) is None
