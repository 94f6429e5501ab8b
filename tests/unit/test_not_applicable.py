"""CARE: "does not apply" is missing, whichever way the form says so; up to two are made up for by the others."""

from __future__ import annotations

from typing import Any

import pytest
from response_forms import BASE, code, coded, form, item, read

ANSWERS = (5, 4, 5, 4, 5, 4, 3, 5, 4, 5)
ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
FLAVOUR = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"
WAYS: dict[str, list[Any]] = {
    "a code of the form": [coded(code="does-not-apply", system="http://c.example/care")],
    "the same without a system": [coded(code="does-not-apply", system=None)],
    "with a weight of nothing": [coded(0, code="does-not-apply")],
    "a reason as code": [coded(code="not-applicable", system=ABSENT)],
    "a flavour of null": [coded(code="NA", system=FLAVOUR)],
    "a reason as extension": [
        {
            "extension": [
                {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "not-applicable"}
            ]
        }
    ],
    "nothing": [],
}


def care(missing: dict[int, list[Any]]) -> dict[str, Any]:
    made = [item(str(n), *missing.get(n, [answer])) for n, answer in enumerate(ANSWERS, 1)]
    return form(questionnaire=f"{BASE}/care|1.0", item=made)


@pytest.mark.parametrize("way", WAYS)
def test_two_that_do_not_apply_are_prorated(way: str) -> None:
    (score,) = read(care({7: WAYS[way], 10: WAYS[way]})).scores
    assert (score.value, score.answered, score.items) == (45, 8, 10)
    assert score.flags == ("prorated", "unverified_key")


def test_three_leave_no_total() -> None:
    assert code(care(dict.fromkeys((1, 7, 10), WAYS["a code of the form"]))) == "incomplete"


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (coded(code="does-not-Apply"), "no-weight"),
        (coded(code="na"), "no-weight"),
        ({"valueString": "does-not-apply"}, "not-a-number"),
        ({"valueInteger": 0}, "out-of-range"),
        ({"valueInteger": 9}, "out-of-range"),
    ],
)
def test_anything_else_is_invalid_not_missing(answer: dict[str, Any], word: str) -> None:
    assert code(care({7: [answer]})) == word


def test_no_other_instrument_knows_the_code() -> None:
    wai = form(item=[item(str(n), *(WAYS["a code of the form"] if n == 7 else [4])) for n in range(1, 13)])
    assert code(wai) == "no-weight"
