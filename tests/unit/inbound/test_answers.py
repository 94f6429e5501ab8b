"""Missing, valid, invalid: one answer at a time (`fhir.md` 5.5, "Answers")."""

from __future__ import annotations

import json
from typing import Any

import pytest
from response_forms import (
    ABSENT,
    ATTESTED,
    NOW,
    RULES,
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
    weigh,
    with_answer,
)

from fhir_alliance.fhir.inbound import decode_response, read_response, rules
from fhir_alliance.model import Outcome

DAR = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
NULL = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"


def one(*answers: object, **more: Any) -> str | None:
    """Why a WAI-SR is set aside whose item 7 is answered like this; the reason names that item."""
    reading = read(with_answer(7, *answers, **more))
    if reading.code is not None:
        assert (reading.outcome, reading.scores) == (Outcome.SET_ASIDE, ())
        assert (reading.reason or "").startswith("set aside: item 7: ")
    return reading.code


@pytest.mark.parametrize("answer", [1, 5, {"valueDecimal": 4}, {"valueDecimal": 4.0}, {"valueInteger": 4.0}])
def test_whole_numbers_in_range_count(answer: object) -> None:
    assert one(answer) is None


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), 10**400, 1e300])
@pytest.mark.parametrize("key", ["valueInteger", "valueDecimal"])
def test_a_number_that_no_scale_holds_is_out_of_range(number: float, key: str) -> None:
    assert read_response(with_answer(7, {key: number}), RULES).code == "out-of-range"
    assert read_response(with_answer(7, coded(number)), RULES).code == "out-of-range"


@pytest.mark.parametrize(
    "missing",
    [
        {},
        {"answer": []},
        {"answer": [{}]},
        {"answer": [{}, {"id": "x"}]},
        {"answer": [{"_valueInteger": {"extension": [ABSENT]}}]},
        {"answer": [{"extension": [ABSENT]}]},
        {"answer": [{"valueCoding": {"system": DAR, "code": "not-asked"}}]},
        {"answer": [{"valueCoding": {"system": NULL, "code": "ASKU"}}]},
        {"answer": [{"extension": [{"url": "http://x.example", "valueString": "?"}]}]},
    ],
)
def test_missing_is_prorated(missing: dict[str, Any]) -> None:
    changed = items()
    changed[6] = {"linkId": "7", **missing}
    reading = read(form(item=changed))
    assert total(reading) == pytest.approx(46 / 11)
    assert [s.flags for s in reading.scores if s.scale in ("total", "bond")] == [("prorated",)] * 2
    assert total(read(form(item=items()[:6] + items()[7:]))) == total(reading)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (0, "out-of-range"),
        (6, "out-of-range"),
        (-3, "out-of-range"),
        (10**400, "out-of-range"),
        ({"valueDecimal": 1e300}, "out-of-range"),
        ({"valueDecimal": 3.5}, "off-grid"),
        ({"valueDecimal": 3.00001}, "off-grid"),
        ({"valueInteger": 3.5}, "wrong-type"),
        ({"valueInteger": "4"}, "not-a-number"),
        ({"valueInteger": True}, "not-a-number"),
        ({"valueInteger": None}, "not-a-number"),
        ({"valueInteger": [4]}, "not-a-number"),
        ({"valueBoolean": True}, "not-a-number"),
        ({"valueString": "4"}, "not-a-number"),
        ({"valueString": "often"}, "not-a-number"),
        ({"valueDate": "2026-01-01"}, "not-a-number"),
        ({"valueWibble": 4}, "not-a-number"),
        ({"value": 4}, "not-a-number"),
        ({"valueInteger": 4, "valueDecimal": 4}, "several-values"),
        ({"valueInteger": 4, "_valueDecimal": {}}, "several-values"),
        (coded(), "no-weight"),
        (coded(code="4"), "no-weight"),
        ({"valueCoding": {}}, "no-weight"),
        ({"valueCoding": "4"}, "wrong-type"),
        ({"valueCoding": {"code": 4}}, "wrong-type"),
        (coded(4, system=["x"]), "wrong-type"),  # type: ignore[arg-type]
        ({"valueQuantity": 4}, "wrong-type"),
        ({"valueQuantity": {}}, "not-a-number"),
        ({"valueQuantity": {"value": "4"}}, "not-a-number"),
        ({"valueQuantity": {"value": 4, "comparator": "<"}}, "comparator"),
        ({"valueQuantity": {"value": 4, "unit": "cm"}}, "unit"),
        ({"valueQuantity": {"value": 4, "code": "%"}}, "unit"),
        ({"valueQuantity": {"value": 4, "code": 1}}, "unit"),
        ({"valueInteger": 4, "extension": "x"}, "wrong-type"),
        ({"valueInteger": 4, "_valueInteger": 4}, "wrong-type"),
        ({"valueInteger": 4, "_valueInteger": {"extension": [None]}}, "wrong-type"),
    ],
)
def test_one_invalid_answer_sets_the_whole_response_aside(answer: object, why: str) -> None:
    assert one(answer) == why


@pytest.mark.parametrize(
    "answers",
    [
        [{"valueInteger": 4, "extension": [ABSENT]}],
        [{"valueInteger": 4, "_valueInteger": {"extension": [ABSENT]}}],
        [4, {"extension": [ABSENT]}],
        [4, {"valueCoding": {"system": DAR, "code": "unknown"}}],
        [{"valueCoding": {"system": DAR, "code": "unknown", "extension": [weigh(3)]}}],
        [{"valueCoding": {"code": "a", "extension": [weigh(3), ABSENT]}}],
    ],
)
def test_a_value_together_with_a_reason_for_its_absence_is_invalid(answers: list[object]) -> None:
    assert one(*answers) == "value-and-absent"
    assert one(4, extension=[ABSENT]) == "value-and-absent"


def test_more_than_one_answer_with_a_value_is_invalid() -> None:
    assert one(4, 4) == one(4, coded()) == "several-answers"
    assert one(4, {}) is None


def test_reasons_name_the_item_and_the_rule_and_nothing_that_was_answered() -> None:
    assert read(with_answer(7, 77)).reason == "set aside: item 7: answer out of range 1-5 (out-of-range)"
    assert read(with_answer(7, {"valueDecimal": 2.25})).reason == (
        "set aside: item 7: answer not in steps of 1 from 1 (off-grid)"
    )
    assert read(srs([9, 9, 9, 10.05]), ATTESTED).reason == (
        "set aside: item 4: answer out of range 0-10 (out-of-range)"
    )


@pytest.mark.parametrize(("mark", "point"), [(9.3000001, 9.3), (0, 0), (10, 10), (9.9999995, 10), (0.1 * 3, 0.3)])
def test_on_the_grid_is_within_a_millionth_and_the_grid_point_is_used(mark: float, point: float) -> None:
    assert total(read(srs([mark, 0, 0, 0]), ATTESTED)) == point


@pytest.mark.parametrize("mark", [9.31, 9.35, 9.300002, 0.05])
def test_a_mark_between_two_millimetres_is_off_the_grid(mark: float) -> None:
    assert code(srs([mark, 9, 9, 9]), ATTESTED) == "off-grid"


@pytest.mark.parametrize(
    "quantity",
    [
        {"value": 9.1},
        {"value": 9.1, "unit": "{score}"},
        {"value": 9.1, "unit": "1"},
        {"value": 9.1, "unit": "cm"},
        {"value": 9.1, "code": "cm", "system": "http://unitsofmeasure.org", "unit": "centimetres"},
        {"value": 9.1, "code": "{score}", "unit": "points"},
    ],
)
def test_quantities_without_a_unit_or_with_the_instrument_s_own(quantity: dict[str, Any]) -> None:
    assert total(read(srs([{"valueQuantity": quantity}, 8.7, 9.4, 10]), ATTESTED)) == 37.2


@pytest.mark.parametrize("quantity", [{"value": 91, "unit": "mm"}, {"value": 9.1, "unit": "cm", "code": "mm"}])
def test_nothing_is_converted(quantity: dict[str, Any]) -> None:
    assert code(srs([{"valueQuantity": quantity}, 9, 9, 9]), ATTESTED) == "unit"


def test_numeric_strings_are_the_site_s_choice() -> None:
    by = ruled(numeric_strings=True)
    assert total(read(with_answer(7, {"valueString": "4"}), by)) == 50 / 12
    for text in ("often", "4 ", "4,0", "", "٤", "1e0", "0x4", "NaN", None, 4):
        assert code(with_answer(7, {"valueString": text}), by) == "not-a-number"
    assert code(with_answer(7, {"valueString": "6"}), by) == "out-of-range"
    assert code(with_answer(7, {"valueString": "4", "extension": [weigh(4)]}), by) is None
    assert code(with_answer(7, {"valueString": "4", "extension": [weigh(3)]}), by) == "sources-disagree"
    assert code(with_answer(7, {"valueString": "4", "extension": [weigh(4)]}), RULES) == "not-a-number"


def test_five_point_zero_is_five_whatever_its_type_says() -> None:
    assert values(read(with_answer(7, {"valueDecimal": 4.0}))) == values(read(form()))


def test_a_doubled_json_key_counts_by_its_last_value() -> None:
    raw = json.dumps(form()).replace('"valueInteger": 3', '"valueInteger": 9, "valueInteger": 3')
    assert decode_response(raw.encode(), RULES).scores == read(form()).scores


def test_in_progress_counts_only_where_the_site_says_so_and_only_when_complete() -> None:
    by = ruled(accept_in_progress_when_complete=True)
    assert code(form(status="in-progress")) == "in-progress"
    assert code(form(status="in-progress"), by) is None
    assert code(form(status="stopped"), by) == "stopped"
    assert code(form(status="in-progress", item=items()[:11]), by) == "in-progress"
    absent = [*items()[:11], item("12", {"extension": [ABSENT]})]
    assert code(form(status="in-progress", item=absent), by) == "in-progress"
    assert code(form(status="in-progress", item=[item("1", 9)]), by) == "in-progress"
    assert code(with_answer(7, 9) | {"status": "in-progress"}, by) == "out-of-range"
    assert rules(None, None, now=NOW).accept_in_progress_when_complete is False
