"""What is known of an item by its bytes holds for its own form only, and never grows without end."""

from __future__ import annotations

import json
from typing import Any

import pytest
from response_forms import NOW, VALUES, WAI, Json, coded, form, item, items, read, settings, values, weigh

from fhir_alliance.fhir import collect
from fhir_alliance.fhir.inbound import Rules, rules
from fhir_alliance.fhir.plain import read_plain

URL = "https://clinic.example/Questionnaire/turned"
TURNED = {str(n): 13 - n for n in range(1, 13)}


def fresh(**tables: Any) -> Rules:
    return rules(settings(**tables), None, now=NOW)


def short(resource: Json, by: Rules, resolve: Any = None) -> dict[str, float]:
    """The scores by the short cut, which must be taken and agree with the long way."""
    reading = read_plain(json.dumps(resource).encode(), by, resolve)
    assert reading is not None
    assert reading == read(resource, by, resolve)
    return values(reading)


def test_the_same_items_mean_something_else_under_another_questionnaire() -> None:
    by = fresh(questionnaires={URL: {"instrument": "wai-sr-c", "items": TURNED}})
    third, tenth = (items([5 if n == odd else 1 for n in range(1, 13)]) for odd in (3, 10))  # bond, task
    straight = short(form(item=third), by)
    turned = short(form(questionnaire=URL, item=third), by)
    assert straight != turned == short(form(item=tenth), by)
    assert short(form(item=third), by) == straight


def test_the_same_codes_weigh_something_else_once_their_questionnaire_does() -> None:
    def offering(weight: int) -> Any:
        options = [{"valueCoding": {"code": "a"}, "extension": [weigh(weight)]}]
        made = [{"linkId": str(n), "answerOption": options} for n in range(1, 13)]
        return {"resourceType": "Questionnaire", "url": WAI, "item": made}

    by, three, four = fresh(), offering(3), offering(4)
    codes = form(item=items(coded(code="a", system=None) for _ in VALUES))
    assert short(codes, by, lambda _: three)["total"] == 3
    assert short(codes, by, lambda _: four)["total"] == 4
    assert short(codes, by, lambda _: three)["total"] == 3


def test_an_item_that_is_known_still_counts_once_only() -> None:
    by = fresh()
    assert short(form(), by)
    assert read_plain(json.dumps(form(item=[*items(), items()[0]])).encode(), by, None) is None


def test_what_is_kept_is_bounded_and_holds_no_text_of_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect, "MOST_ITEMS", 20)
    by = fresh()
    for n in range(30):
        note = item("note", {"valueString": f"secret {n}"})
        assert short(form(item=[*items([1 + n % 5] * 12), item(f"q{n}", n), note]), by)["total"] == 1 + n % 5
    (kept,) = by.collectors.values()
    assert 0 < len(kept.known) <= 20
    assert not any(b"secret" in raw or len(raw) > collect.LONGEST for raw in kept.known)


@pytest.mark.parametrize("depth", [1, 5])
def test_groups_of_known_items_are_told_apart(depth: int) -> None:
    by, seen = fresh(), set()
    for answer in (1, 4, 1):
        made = items([answer] * 12)
        for level in range(depth):
            made = [{"linkId": f"g{level}", "item": made}]
        assert short(form(item=made), by)["total"] == answer
        seen.add(read(form(item=made), by).content)
    assert len(seen) == 2


def test_a_text_that_changes_changes_the_content_and_not_the_score() -> None:
    by = fresh()
    one, two = (form(item=[i | {"text": text} for i in items()]) for text in ("x", "y"))
    assert short(one, by) == short(two, by)
    assert read(one, by).content != read(two, by).content
