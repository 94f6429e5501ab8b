"""SNOMED CT ids: the check digit finds what a spreadsheet rounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
