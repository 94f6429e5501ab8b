"""The short cut is taken by ordinary forms, and left to the long way by all others."""

from __future__ import annotations

import json
from typing import Any

import pytest
from response_forms import ATTESTED, RULES, VALUES, WAI, coded, form, item, items, srs, weigh

from fhir_alliance.fhir.inbound import read_response
from fhir_alliance.fhir.plain import read_plain

OPTIONS = [{"valueCoding": {"code": c}, "extension": [weigh(n)]} for n, c in enumerate("abcde", 1)]
OFFER = {
    "resourceType": "Questionnaire",
    "url": WAI,
    "item": [{"linkId": str(n), "answerOption": OPTIONS} for n in range(1, 13)],
}

ORDINARY: dict[str, dict[str, Any]] = {
    "integers": form(),
    "decimals": form(item=items({"valueDecimal": v} for v in VALUES)),
    "weighted codes": form(item=items(coded(v) for v in VALUES)),
    "marks": srs(),
    "a group": form(item=[{"linkId": "page", "text": "x", "item": items()}]),
    "partly answered": form(item=items()[:11]),
    "an unanswered item": form(item=[*items()[:11], {"linkId": "12", "text": "x"}]),
    "a comment": form(item=[*items(), item("comment", {"valueString": "x"})]),
    "no version": form(questionnaire=WAI),
    "an offset": form(authored="2026-03-04T15:20:00-05:00"),
    "people": form(
        subject={"reference": "Patient/p1", "type": "Patient"},
        source={"reference": "Patient/p1", "type": "Patient"},
        author={"reference": "Practitioner/d1"},
        encounter={"reference": "Encounter/e1"},
    ),
    "a label": form(meta={"security": [{"system": "http://x.example", "code": "R"}]}),
    "amended": form(status="amended"),
}


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_forms_take_the_short_cut(name: str) -> None:
    reading = read_plain(json.dumps(ORDINARY[name]).encode(), ATTESTED, None)
    assert reading is not None
    assert reading == read_response(ORDINARY[name], ATTESTED)


def test_codes_that_only_a_questionnaire_weighs_take_it_too() -> None:
    resource = form(item=items(coded(code="abcde"[v - 1], system=None) for v in VALUES))
    reading = read_plain(json.dumps(resource).encode(), RULES, lambda _: OFFER)
    assert reading is not None
    assert reading == read_response(resource, RULES, lambda _: OFFER)


@pytest.mark.parametrize(
    "resource",
    [
        form(status="in-progress"),
        form(questionnaire="https://x.example/q"),
        form(subject={"reference": "Group/g"}),
        form(source={"reference": "RelatedPerson/r"}),
        form(authored="2026-03-04"),
        form(authored="2027-03-04T15:20:00Z"),
        form(contained=[]),
        form(modifierExtension=[]),
        form(item=[*items(), item("7", 4)]),
        form(item=[*items(), item("total", 50)]),
        form(item=[*items(), item("13", 5)]),
        form(item=items([9] * 12)),
        form(item=[]),
        srs(),
    ],
)
def test_what_is_less_than_ordinary_is_left_to_the_long_way(resource: dict[str, Any]) -> None:
    assert read_plain(json.dumps(resource).encode(), RULES, None) is None
