"""Finding the instrument's items in any shape of form, within limits."""

from __future__ import annotations

import json
from typing import Any

import pytest
from response_forms import (
    RULES,
    SYNC,
    VALUES,
    code,
    coded,
    form,
    item,
    items,
    read,
    ruled,
    srs,
    total,
    values,
    with_answer,
)

from fhir_alliance.fhir.content import SIZE_LIMIT
from fhir_alliance.fhir.inbound import decode_response, read_response
from fhir_alliance.model import Outcome

Json = dict[str, Any]


def nested(levels: int, innermost: list[Json], *, below_answers: bool = False) -> list[Json]:
    """The items at this level of `item` (1 = not nested)."""
    for n in range(levels - 1):
        inner: Json = {"answer": [{"item": innermost}]} if below_answers else {"item": innermost}
        innermost = [{"linkId": f"g{n}", **inner}]
    return innermost


@pytest.mark.parametrize("levels", [1, 2, 5, 40, 200])
@pytest.mark.parametrize("below_answers", [False, True])
def test_items_are_found_wherever_they_nest(levels: int, below_answers: bool) -> None:
    reading = read(form(item=nested(levels, items(), below_answers=below_answers)))
    assert (total(reading), reading.flags) == (50 / 12, ())


def test_items_below_an_answer_of_the_instrument_s_own_are_found() -> None:
    rest = items()[6:]
    made = [*items()[:5], {"linkId": "6", "answer": [{"valueInteger": 4, "item": rest}]}]
    assert total(read(form(item=made))) == 50 / 12


@pytest.mark.parametrize("levels", [201, 300, 1000, 20_000])
@pytest.mark.parametrize("below_answers", [False, True])
def test_more_than_200_levels_are_too_deep(levels: int, below_answers: bool) -> None:
    opening, closing = (
        ('{"linkId":"g","answer":[{"item":[', "]}]}") if below_answers else ('{"linkId":"g","item":[', "]}")
    )
    innermost = json.dumps(items())[1:-1]
    deep = f"[{opening * (levels - 1)}{innermost}{closing * (levels - 1)}]"
    raw = json.dumps(form(item="@")).replace('"@"', deep).encode()
    reading = decode_response(raw, RULES)
    assert (reading.outcome, reading.code) == (Outcome.SET_ASIDE, "too-deep")


def test_deep_nesting_elsewhere_never_crashes() -> None:
    for brackets in (300, 5_000, 100_000):
        raw = json.dumps(form(text="@")).replace('"@"', "[" * brackets + "]" * brackets).encode()
        reading = decode_response(raw, RULES)
        assert reading.outcome is Outcome.SCORED if brackets == 300 else reading.code == "too-deep"
    assert decode_response(b"[" * 100_000, RULES).code in ("too-deep", "not-json")
    deep: list[Any] = []
    for _ in range(5_000):
        deep = [deep]
    assert read_response(form(extension=deep), RULES).code == "too-deep"


def test_more_than_16_megabytes_are_too_large() -> None:
    below = form(text="x" * (SIZE_LIMIT - 5_000))
    assert read(below).outcome is Outcome.SCORED
    many = [item(f"x{n}", {"valueString": "y" * 60}) for n in range(200_000)]
    above = read(form(item=[*items(), *many]))
    assert (above.outcome, above.code, above.patient) == (Outcome.SET_ASIDE, "too-large", "Patient/p1")
    assert above.reason == "set aside: larger than 16 MB (too-large)"


def test_many_other_items_below_the_limit_are_ignored() -> None:
    many = [item(f"x{n}", {"valueString": "y"}) for n in range(50_000)]
    assert read(form(item=[*many, *items()])).flags == ("extra_items",)


@pytest.mark.parametrize("second", [item("7", 4), item("7", 5), item("7", {"valueString": "?"}), item("7", coded())])
def test_an_item_that_is_answered_twice_sets_the_response_aside(second: Json) -> None:
    for made in ([*items(), second], [{"linkId": "g", "item": items()}, {"linkId": "h", "item": [second]}]):
        reading = read(form(item=made))
        assert reading.reason == "set aside: item 7: answered more than once (duplicate-item)"
    below = [*items()[:11], {"linkId": "12", "answer": [{"valueInteger": 5, "item": [second]}]}]
    assert code(form(item=below)) == "duplicate-item"


@pytest.mark.parametrize(
    "second", [{"linkId": "7"}, {"linkId": "7", "answer": []}, item("7", {}), {"linkId": "7", "text": "?"}]
)
def test_a_linkid_that_comes_again_without_an_answer_is_no_duplicate(second: Json) -> None:
    assert total(read(form(item=[second, *items()]))) == 50 / 12
    assert total(read(form(item=[*items(), second]))) == 50 / 12


def test_an_answer_and_a_stated_absence_of_the_same_item_are_two() -> None:
    absent = item("7", {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason"}]})
    assert code(form(item=[*items(), absent])) == "duplicate-item"


def test_unknown_linkids_are_ignored_and_flagged_when_they_are_answered() -> None:
    extra = read(form(item=[*items(), item("comment", {"valueString": "thank you"})]))
    assert (total(extra), extra.flags) == (50 / 12, ("extra_items",))
    assert {s.flags for s in extra.scores} == {("extra_items",)}
    quiet = [{"linkId": "intro", "text": "hello"}, {"linkId": "13"}, item("comment", {})]
    assert read(form(item=[*items(), *quiet])).flags == ()


@pytest.mark.parametrize("link", ["13", "0", "36", "00", "9" * 5000])
def test_an_answered_number_outside_the_instrument_is_another_form(link: str) -> None:
    assert code(form(item=[*items(), item(link, 4)])) == "form-mismatch"
    assert code(form(item=[*items(), item(link, {"valueString": "?"})])) == "form-mismatch"
    assert code(form(item=[item("1", 77), item(link, 4)])) == "form-mismatch", "says more than the range"


@pytest.mark.parametrize("link", ["1.5", "-3", "01", "٣", "13a", "item 13", " 13"])
def test_what_is_no_plain_number_is_an_extra_item(link: str) -> None:
    assert read(form(item=[*items(), item(link, 4)])).flags == ("extra_items",)


def test_a_form_that_answers_none_of_the_items_is_another_form() -> None:
    assert code(form(item=[item(f"q{n}", v) for n, v in enumerate(VALUES, 1)])) == "form-mismatch"
    assert code(form(item=[item("total", 50)])) == "form-mismatch"
    assert code(form(item=[*({"linkId": str(n)} for n in range(1, 13)), item("note", 1)])) == "form-mismatch"


@pytest.mark.parametrize("empty", [None, [], [{"linkId": "1"}], [item("1", {}), {"linkId": "g", "item": [item("2")]}]])
def test_a_form_without_answers_is_waited_for_even_when_more_is_missing(empty: object) -> None:
    assert (read(form(item=empty)).outcome, code(form(item=empty))) == (Outcome.WAITING, "empty")
    assert code(form(item=empty, authored=None, author=None)) == "empty"
    assert read(form(item=empty)).reason == "waiting: the form has no answers yet (empty)"


@pytest.mark.parametrize("link", [None, "", 1, 1.0, True, ["1"], {"a": 1}])
def test_a_linkid_is_text(link: object) -> None:
    made: Json = {"linkId": link, "answer": [{"valueInteger": 4}]}
    assert code(form(item=[*items(), made])) == "bad-link-id"
    assert code(form(item=[*items(), {"text": "no linkId"}])) == "bad-link-id"


@pytest.mark.parametrize(
    "broken",
    [
        {"item": "x"},
        {"item": {"linkId": "1"}},
        {"item": [None]},
        {"item": [*items(), None]},
        {"item": ["1"]},
        {"item": [*items(), []]},
        {"item": [{"linkId": "1", "answer": {"valueInteger": 4}}]},
        {"item": [{"linkId": "1", "answer": None}]},
        {"item": [{"linkId": "1", "answer": [4]}]},
        {"item": [{"linkId": "1", "answer": [None]}]},
        {"item": [{"linkId": "x", "answer": "4"}]},
        {"item": [{"linkId": "g", "item": None}]},
        {"item": [{"linkId": "g", "answer": [{"item": 7}]}]},
        {"authored": 20260304},
        {"subject": "Patient/p1"},
        {"subject": ["Patient/p1"]},
        {"source": "Patient/p1"},
        {"encounter": "Encounter/1"},
        {"status": 1},
        {"status": ["completed"]},
        {"questionnaire": {}},
        {"meta": []},
        {"meta": {"security": "R"}},
        {"meta": {"security": ["R"]}},
        {"meta": {"security": [{"code": 7}]}},
    ],
)
def test_wrong_types_are_set_aside(broken: Json) -> None:
    reading = read(form() | broken)
    assert (reading.outcome, reading.code) == (Outcome.SET_ASIDE, "wrong-type")


@pytest.mark.parametrize("id", [7, 7.5, True, "", "a b", "a/b", "a?b", "ä", "x" * 256, ["q1"], {"a": 1}])
def test_an_id_that_is_none_is_set_aside(id: object) -> None:
    reading = read(form() | {"id": id})
    assert (reading.code, reading.id) == ("bad-id", None)


@pytest.mark.parametrize("id", ["q1", "A-z_0.9", "x" * 255])
def test_ids_are_otherwise_taken_as_they_come(id: str) -> None:
    assert read(form(id=id)).id == id


def test_a_missing_id_matters_only_to_sync() -> None:
    assert (code(form(id=None)), read(form(id=None)).id) == (None, None)
    assert code(form(id=None), SYNC) == "missing-id"


@pytest.mark.parametrize(
    "element",
    [
        {"implicitRules": "http://rules.example"},
        {"_implicitRules": {"extension": []}},
        {"modifierExtension": [{"url": "http://x.example"}]},
        {"modifierExtension": {"url": "http://x.example"}},
        {"item": [*items(), {"linkId": "x", "modifierExtension": [{"url": "http://x.example"}]}]},
        {"item": [*items(), item("x", {"valueInteger": 1, "modifierExtension": [{"url": "http://x.example"}]})]},
        with_answer(7, {"valueInteger": 4, "modifierExtension": [{"url": "http://x.example"}]}),
        with_answer(7, 4, modifierExtension=[{"url": "http://x.example"}]),
    ],
)
def test_unknown_modifiers_forbid_processing(element: Json) -> None:
    assert code(form() | element) == "unknown-modifier"


def test_an_empty_list_of_modifiers_modifies_nothing() -> None:
    assert code(form(modifierExtension=[])) is None


def test_half_a_character_spoils_its_own_response_only() -> None:
    for broken in (form(language="\ud800"), form(item=[*items(), item("x", {"valueString": "\udfff"})])):
        reading = read_response(broken, RULES)
        assert (reading.code, reading.id, reading.patient) == ("bad-text", "q1", "Patient/p1")
        assert decode_response(json.dumps(broken).encode(), RULES) == reading
    assert read(form(language="\U0001f600")).outcome is Outcome.SCORED


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"nonsense", b'{"resourceType":"QuestionnaireResponse"', b"NaN", b'{"a":NaN}']
)
def test_what_is_not_json_is_set_aside(raw: bytes) -> None:
    reading = decode_response(raw, RULES)
    assert (reading.outcome, reading.code, reading.id) == (Outcome.SET_ASIDE, "not-json", None)


def test_what_is_not_utf_8_is_set_aside() -> None:
    raw = json.dumps(form(language="ä"), ensure_ascii=False).encode("latin-1")
    assert decode_response(raw, RULES).code == "not-utf-8"


@pytest.mark.parametrize("odd", [{1: 2}, {"a": object()}, {"a": float("nan")}, {("x",): 1}])
def test_python_objects_that_are_no_json_are_set_aside_or_harmless(odd: dict[Any, Any]) -> None:
    reading = read_response(form(text=odd), RULES)
    assert reading.code == "not-json" or "nan" in repr(odd)
    assert read_response(with_answer(7, {"valueDecimal": float("nan")}), RULES).code == "not-a-number"


def test_the_content_is_the_same_whatever_the_order_and_white_space() -> None:
    plain = read(form())
    turned = dict(reversed(form().items()))
    turned["item"] = [dict(reversed(i.items())) for i in turned["item"]]
    assert decode_response(json.dumps(turned, indent=4).encode(), RULES).content == plain.content
    assert read(form(meta={"versionId": "9"})).content == read(form(meta=None)).content == plain.content
    unusual = form(contained=[], item=[*items(), item("x", {"valueDate": "2026-01-01"})])
    assert (
        decode_response(json.dumps(unusual, indent=1).encode(), RULES).content == read_response(unusual, RULES).content
    )


@pytest.mark.parametrize("change", [{"id": "q2"}, {"status": "amended"}, {"language": "de"}, {"item": items([1] * 12)}])
def test_any_other_change_of_content_is_one(change: Json) -> None:
    assert read(form(**change)).content != read(form()).content


def test_partly_answered_forms_say_which_scales_lack_what() -> None:
    reading = read(form(item=[i for i in items() if i["linkId"] not in ("4", "6")]))
    assert values(reading) == {"task": 4.5, "bond": 4.0}
    assert [u.scale for u in reading.unscored] == ["total", "goal"]
    assert (reading.outcome, reading.code) == (Outcome.SCORED, None)
    nothing = read(form(item=items()[:2]))
    assert (nothing.outcome, nothing.code, nothing.scores) == (Outcome.SET_ASIDE, "incomplete", ())
    assert nothing.reason == nothing.unscored[0].reason
    by = ruled(attested=frozenset({"srs-v3"}))
    assert read(srs([9, 9, 9]), by).reason == ("set aside: total: item 4 not answered, all 4 items needed (incomplete)")
