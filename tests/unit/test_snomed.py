"""SNOMED CT ids: the check digit finds what a spreadsheet rounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from response_forms import srs
from score_runs import Cli, bundle, write

from fhir_alliance.instruments.snomed import is_concept, verhoeff


@pytest.mark.parametrize("code", ["720482000", "716613004", "960451000000101", "1036271000000108", "138875005"])
def test_ids_of_concepts(code: str) -> None:
    assert is_concept(code)


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("960451000000100", "a spreadsheet rounded it: clinical specification 1.4"),
        ("720482001", "its check digit is another"),
        ("3306867017", "the id of a description"),
        ("72048200", "a digit is missing"),
        ("0720482000", "begins with 0"),
        ("720482000 ", "a space"),
        ("٧٢٠٤٨٢٠٠٠", "digits of another script"),
        ("", "nothing"),
    ],
)
def test_what_is_no_concept(code: str, why: str) -> None:
    assert not is_concept(code), why


@given(st.integers(0, 10**12), st.data())
def test_one_wrong_digit_or_two_swapped_are_always_found(number: int, data: st.DataObject) -> None:
    """What Verhoeff's scheme is for; the check digit itself is found by trying the ten."""
    body = str(number)
    code = next(f"{body}{d}" for d in range(10) if verhoeff(f"{body}{d}"))
    place = data.draw(st.integers(0, len(code) - 1))
    other = data.draw(st.sampled_from([d for d in "0123456789" if d != code[place]]))
    assert not verhoeff(code[:place] + other + code[place + 1 :])
    if place and code[place] != code[place - 1]:
        assert not verhoeff(code[: place - 1] + code[place] + code[place - 1] + code[place + 1 :])


@pytest.mark.parametrize(
    ("code", "system", "read"),
    [
        ("720482000", "http://snomed.info/sct", True),
        ("960451000000101", "http://snomed.info/sct", True),
        ("716613004", "http://snomed.info/sct", False),  # the ORS, of which the edition makes the GSRS a child
        ("720482000", "http://loinc.org", False),
    ],
)
def test_a_total_by_its_code_is_compared_exactly(cli: Cli, code: str, system: str, read: bool) -> None:
    """An Observation derived from a response states its total, by the code of today or the one before."""
    stated = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": system, "code": code}]},
        "valueQuantity": {"value": 30.1},
        "derivedFrom": [{"reference": "QuestionnaireResponse/q1"}],
    }
    write("b.json", bundle(srs(), stated))
    (line,) = cli.lines("b.json", "--attest", "srs-v3", code=0)
    assert line.get("stated") == (30.1 if read else None)
    assert ("stated_total_differs" in line["flags"]) is read
