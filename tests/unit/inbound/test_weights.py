"""Coded answers: weights, answer options, value sets, a site's own map."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from response_forms import (
    EXTENSION,
    NOW,
    RULES,
    VALUES,
    WAI,
    code,
    coded,
    form,
    items,
    read,
    settings,
    total,
    weigh,
    with_answer,
)

from fhir_alliance.errors import ConfigError
from fhir_alliance.fhir.inbound import rules
from fhir_alliance.fhir.rules import Rules

SCALE = "http://c.example/s"
Json = dict[str, Any]


def codes() -> list[Json]:
    """Every answer as a code that says nothing of its number: a for 1, b for 2, …"""
    return items(coded(code="abcde"[v - 1]) for v in VALUES)


def questionnaire(**each: Any) -> Json:
    """A Questionnaire of twelve items that are all like this, in a group."""
    group = {"linkId": "g", "type": "group", "item": [{"linkId": str(n), **each} for n in range(1, 13)]}
    return {"resourceType": "Questionnaire", "url": WAI, "version": "1.0", "item": [group]}


def options(system: str | None = SCALE, weights: str = "abcde") -> list[Json]:
    return [
        {"valueCoding": {"code": c} | ({"system": system} if system else {}), "extension": [weigh(n)]}
        for n, c in enumerate(weights, 1)
    ]


def found(resource: Json) -> Callable[[str], Json | None]:
    return lambda canonical: resource if canonical == f"{WAI}|1.0" else None


@pytest.mark.parametrize("name", ["itemWeight", "ordinalValue", "questionnaire-ordinalValue"])
@pytest.mark.parametrize("key", ["valueDecimal", "valueInteger"])
def test_every_name_and_place_of_a_weight(name: str, key: str) -> None:
    extension = [weigh(4, name, key)]
    bare = {"valueCoding": {"code": "x"}}
    for answer in (
        {"valueCoding": {"code": "x", "extension": extension}},
        {**bare, "extension": extension},
        {**bare, "_valueCoding": {"extension": extension}},
    ):
        assert total(read(with_answer(7, answer))) == 50 / 12


def test_a_whole_form_of_weighted_codes() -> None:
    assert total(read(form(item=items(coded(v) for v in VALUES)))) == 50 / 12


@pytest.mark.parametrize(
    "bad", [weigh("4"), weigh(True), weigh(None), weigh(4, key="valueString"), {"url": f"{EXTENSION}/itemWeight"}]
)
def test_a_weight_that_is_no_number_is_invalid(bad: Json) -> None:
    assert code(with_answer(7, {"valueCoding": {"code": "x", "extension": [bad]}})) == "bad-weight"
    assert code(with_answer(7, {"valueInteger": 4, "extension": [bad]})) == "bad-weight"


def test_other_extensions_are_no_weights() -> None:
    other = {"url": "http://x.example/itemWeight", "valueDecimal": 4}
    assert code(with_answer(7, {"valueCoding": {"code": "x", "extension": [other]}})) == "no-weight"
    assert code(with_answer(7, {"valueInteger": 4, "extension": [other | {"valueDecimal": 1}]})) is None


def test_weights_obey_range_and_grid() -> None:
    assert code(with_answer(7, coded(6))) == "out-of-range"
    assert code(with_answer(7, coded(0))) == "out-of-range"
    assert code(with_answer(7, coded(2.5))) == "off-grid"


@pytest.mark.parametrize(
    "answer",
    [
        {"valueInteger": 4, "extension": [weigh(3)]},
        {"valueInteger": 4, "_valueInteger": {"extension": [weigh(3)]}},
        {"valueDecimal": 4, "extension": [weigh(3)]},
        {"valueQuantity": {"value": 4}, "extension": [weigh(3)]},
        {**coded(4), "extension": [weigh(3)]},
        {"valueCoding": {"code": "x", "extension": [weigh(4), weigh(3, "itemWeight")]}},
    ],
)
def test_sources_that_differ_set_the_response_aside(answer: Json) -> None:
    assert code(with_answer(7, answer)) == "sources-disagree"


def test_sources_that_agree_are_one() -> None:
    agreed = {**coded(4), "extension": [weigh(4.0, "itemWeight")]}
    assert total(read(with_answer(7, agreed))) == 50 / 12
    assert code(with_answer(7, {"valueInteger": 4, "extension": [weigh(4)]})) is None


def test_answer_options_of_a_resolved_questionnaire_give_the_weight() -> None:
    resolve = found(questionnaire(answerOption=options()))
    assert total(read(form(item=codes()), RULES, resolve)) == 50 / 12
    assert code(form(item=codes())) == "no-weight"
    assert code(with_answer(7, coded(3, code="d")), RULES, resolve) == "sources-disagree"


@pytest.mark.parametrize("place", ["option", "coding", "sibling"])
def test_every_place_of_an_option_s_weight(place: str) -> None:
    def option(n: int, c: str) -> Json:
        coding: Json = {"system": SCALE, "code": c}
        extension = [weigh(n, "itemWeight")]
        if place == "coding":
            return {"valueCoding": coding | {"extension": extension}}
        where = "extension" if place == "option" else "_valueCoding"
        return {"valueCoding": coding, where: extension if place == "option" else {"extension": extension}}

    made = [option(n, c) for n, c in enumerate("abcde", 1)]
    assert total(read(form(item=codes()), RULES, found(questionnaire(answerOption=made)))) == 50 / 12


def test_weights_are_the_item_s_own() -> None:
    other = questionnaire()
    other["item"][0]["item"][0]["answerOption"] = options()  # item 1 only
    assert code(form(item=codes()), RULES, found(other)) == "no-weight"


@pytest.mark.parametrize(
    ("theirs", "ours", "why"),
    [
        (SCALE, SCALE, None),
        (SCALE, None, None),  # by code alone, exactly one concept has it
        (None, SCALE, None),  # the option has no system
        (None, None, None),
        (SCALE, "http://other.example", "no-weight"),
    ],
)
def test_options_match_by_system_where_they_have_one(theirs: str | None, ours: str | None, why: str | None) -> None:
    resolve = found(questionnaire(answerOption=options(theirs)))
    assert code(with_answer(7, coded(code="d", system=ours)), RULES, resolve) == why


def test_a_code_alone_must_point_at_exactly_one_concept() -> None:
    twice = found(questionnaire(answerOption=[*options(SCALE), *options("http://two.example")]))
    assert code(with_answer(7, coded(code="d", system=None)), RULES, twice) == "no-weight"
    assert code(with_answer(7, coded(code="d", system=SCALE)), RULES, twice) is None


def test_an_option_that_weighs_a_number_differently_disagrees() -> None:
    turned = [{"valueInteger": n, "extension": [weigh(6 - n)]} for n in range(1, 6)]
    straight = [{"valueInteger": n, "extension": [weigh(n)]} for n in range(1, 6)]
    assert code(form(), RULES, found(questionnaire(answerOption=turned))) == "sources-disagree"
    assert code(form(), RULES, found(questionnaire(answerOption=straight))) is None


def value_set(**compose: Any) -> Json:
    return {"resourceType": "ValueSet", "id": "vs", "url": "http://c.example/vs", "compose": compose}


def code_system(weighed: str = "property") -> Json:
    def concept(n: int, c: str) -> Json:
        if weighed == "extension":
            return {"code": c, "extension": [weigh(n)]}
        return {"code": c, "property": [{"code": "w", "valueDecimal": n}]}

    deep = concept(1, "a") | {"concept": [concept(n, c) for n, c in enumerate("abcde", 1) if n > 1]}
    uri = "http://hl7.org/fhir/concept-properties#itemWeight"
    return {"resourceType": "CodeSystem", "url": SCALE, "property": [{"code": "w", "uri": uri}], "concept": [deep]}


CONCEPTS = [{"code": c, "extension": [weigh(n)]} for n, c in enumerate("abcde", 1)]


@pytest.mark.parametrize(
    "contained",
    [
        [value_set(include=[{"system": SCALE, "concept": CONCEPTS}])],
        [value_set(include=[{"system": SCALE}]), code_system("extension")],
        [value_set(include=[{"system": SCALE}]), code_system()],
        [value_set(include=[{"system": SCALE, "concept": [{"code": c} for c in "abcde"]}]), code_system()],
        [
            {
                "resourceType": "ValueSet",
                "id": "vs",
                "expansion": {"contains": [{"system": SCALE, **c} for c in CONCEPTS]},
            }
        ],
    ],
    ids=["concepts", "system-extension", "system-property", "both", "expansion"],
)
@pytest.mark.parametrize("system", [SCALE, None])
def test_a_contained_value_set_gives_the_weight(contained: list[Json], system: str | None) -> None:
    bound = questionnaire(answerValueSet="#vs") | {"contained": contained}
    answers = items(coded(code="abcde"[v - 1], system=system) for v in VALUES)
    assert total(read(form(item=answers), RULES, found(bound))) == 50 / 12
    inside = questionnaire(answerValueSet="#vs") | {"id": "q"}
    response = form(questionnaire="#q", contained=[inside, *contained], item=answers)
    assert total(read(response)) == 50 / 12


def test_what_a_value_set_leaves_out_has_no_weight() -> None:
    left_out = value_set(
        include=[{"system": SCALE, "concept": CONCEPTS}], exclude=[{"system": SCALE, "concept": [{"code": "d"}]}]
    )
    filtered = value_set(include=[{"system": SCALE, "filter": [{"property": "x"}], "concept": CONCEPTS}])
    for one in (left_out, filtered):
        bound = questionnaire(answerValueSet="#vs") | {"contained": [one]}
        assert code(with_answer(7, coded(code="d")), RULES, found(bound)) == "no-weight"


def test_a_contained_code_system_weighs_its_own_codes() -> None:
    assert total(read(form(item=codes(), contained=[code_system()]))) == 50 / 12


@pytest.mark.parametrize("spoilt", [{"implicitRules": "http://x"}, {"modifierExtension": [{"url": "http://x"}]}])
def test_a_questionnaire_that_may_not_be_processed_adds_nothing(spoilt: Json) -> None:
    whole = questionnaire(answerOption=options()) | spoilt
    assert code(form(item=codes()), RULES, found(whole)) == "no-weight"
    one = questionnaire(answerOption=options(), **({} if "implicitRules" in spoilt else spoilt))
    assert (code(form(item=codes()), RULES, found(one)) == "no-weight") == ("modifierExtension" in spoilt)


@pytest.mark.parametrize(
    "wrong",
    [
        {"resourceType": "ValueSet", "url": WAI},
        questionnaire(answerOption=options()) | {"url": "http://other.example"},
        questionnaire(answerOption=options()) | {"version": "2.0"},
        "text",
        None,
    ],
)
def test_a_resolver_that_gives_something_else_is_not_believed(wrong: Any) -> None:
    assert code(form(item=codes()), RULES, lambda _: wrong) == "no-weight"


@pytest.mark.parametrize(
    "broken",
    [
        {"item": 7},
        {"item": [None, {"linkId": 3}, {"linkId": "7", "answerOption": "x"}]},
        {"item": [{"linkId": "7", "answerOption": [{"valueCoding": {"code": []}}, {"valueCoding": 3}, 9]}]},
        {"item": [{"linkId": "7", "answerValueSet": ["#vs"]}], "contained": "x"},
        {"contained": [{"resourceType": "ValueSet", "id": "vs", "compose": [], "expansion": 4}, None]},
        {"item": [{"linkId": "7", "answerOption": [{"valueCoding": {"code": "d"}, "extension": [weigh("4")]}]}]},
    ],
)
def test_a_malformed_questionnaire_adds_nothing_and_fails_nothing(broken: Json) -> None:
    resolve = found(questionnaire() | broken)
    assert code(form(), RULES, resolve) is None
    assert code(with_answer(7, coded(code="d")), RULES, resolve) == "no-weight"


SITE = "https://clinic.example/Questionnaire/our-wai"


def mapped(answers: dict[str, float]) -> Rules:
    return rules(settings(questionnaires={SITE: {"instrument": "wai-sr-c", "answers": answers}}), None, now=NOW)


def site_form(answer: object) -> Json:
    return with_answer(7, answer) | {"questionnaire": SITE}


def test_a_site_s_own_answers_decide_alone() -> None:
    by = mapped({f"{SCALE}|d": 4, "d": 1, "Very Often": 2})
    assert total(read(site_form(coded(code="d")), by)) == 50 / 12
    assert total(read(site_form(coded(2, code="d")), by)) == 50 / 12, "weights are not asked"
    assert total(read(site_form(coded(code="d", system="http://other.example")), by)) == 47 / 12
    assert total(read(site_form(coded(code="zz", display=" very  often")), by)) == 48 / 12
    assert code(site_form(coded(4, code="x", display="x")), by) == "unmapped-answer"
    assert total(read(form(questionnaire=SITE), by)) == 50 / 12, "numbers need no map"


@pytest.mark.parametrize(
    ("answers", "wrong"),
    [
        ({"a": 9}, "answers of wai-sr-c are 1 to 5 in steps of 1"),
        ({"a": 1, "b": 2.5}, "answers of wai-sr-c are 1 to 5 in steps of 1"),
        ({}, "answers is empty"),
    ],
)
def test_a_site_s_answers_lie_on_the_grid(answers: dict[str, float], wrong: str) -> None:
    with pytest.raises(ConfigError, match=wrong):
        mapped(answers)
