"""One form's answers never get another form's key, however alike the two are: the canonical and its version decide.

The WAI-S and the WAI-SR share a name, twelve items and linkIds, and key them differently; the answers below are
possible on both.
"""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from response_forms import BASE, NOW, RULES, VALUES, form, item, items, read, settings, total, values

from fhir_alliance.errors import ConfigError
from fhir_alliance.fhir.inbound import Rules, rules
from fhir_alliance.instruments import load_all
from fhir_alliance.model import Outcome

SR, S = "wai-sr-c", "wai-s-c"
SITE = "https://clinic.example/Questionnaire/wai"
FAMILY = ("wai-sr-c", "wai-s-c", "wai-36-c")
Json = dict[str, Any]


def canonical(id: str, version: str | None = "1.0") -> str:
    return f"{BASE}/{id}" + ("" if version is None else f"|{version}")


def answered(id: str, **changes: Any) -> Json:
    """The same answers, 1 to 5, to every item that an instrument of the family has."""
    size = len(load_all()[id].items)
    return form(questionnaire=canonical(id), item=items((VALUES * 3)[:size])) | changes


def site(**questionnaires: Any) -> Rules:
    return rules(settings(questionnaires=questionnaires), None, now=NOW)


def test_the_same_answers_score_differently_under_the_two_keys() -> None:
    """So taking the one for the other would not be noticed by its numbers."""
    ours, theirs = read(answered(SR)), read(answered(S))
    assert [r.outcome for r in (ours, theirs)] == [Outcome.SCORED] * 2
    assert (ours.key, theirs.key) == ("wai-sr-c/1", "wai-s-c/1")
    assert values(ours) != values(theirs)
    assert total(ours) != total(theirs)


@pytest.mark.parametrize("id", FAMILY)
@pytest.mark.parametrize("version", ["1.0", None])
def test_the_key_is_that_of_the_canonical(id: str, version: str | None) -> None:
    reading = read(answered(id, questionnaire=canonical(id, version)))
    assert (reading.instrument, reading.key) == (id, load_all()[id].key)
    assert ("version_assumed" in reading.flags) == (version is None)


@pytest.mark.parametrize(("named", "other"), list(permutations(FAMILY, 2)))
def test_nothing_else_in_a_response_turns_it_into_another_form(named: str, other: str) -> None:
    theirs = canonical(other)
    inside = {"resourceType": "Questionnaire", "id": "q", "url": f"{BASE}/{other}", "version": "1.0", "name": other}
    uri = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-extension-questionnaire-uri"
    for misleading in (
        {"contained": [inside]},
        {"_questionnaire": {"extension": [{"url": uri, "valueUri": theirs}]}},
        {"extension": [{"url": uri, "valueUri": theirs}]},
        {"identifier": {"value": other}, "text": {"div": theirs}, "language": other},
        {"basedOn": [{"reference": theirs}], "partOf": [{"reference": theirs}]},
    ):
        assert read(answered(named) | misleading).key == load_all()[named].key
    assert read(answered(named), RULES, lambda _: inside).key == load_all()[named].key


@given(version=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(lambda v: v != "1.0"))
@pytest.mark.parametrize("id", FAMILY)
def test_a_version_that_is_not_known_is_set_aside_with_no_score(id: str, version: str) -> None:
    reading = read(answered(id, questionnaire=canonical(id, version)))
    assert (reading.outcome, reading.code, reading.scores) == (Outcome.SET_ASIDE, "unknown-version", ())


@pytest.mark.parametrize("version", ["1", "1.0.0", "01.0", "1.00", " 1.0", "1.0 ", "v1.0", "1.0|1.0", "|1.0", "2021"])
def test_a_version_is_compared_exactly(version: str) -> None:
    assert read(answered(SR, questionnaire=canonical(SR, version))).code == "unknown-version"


def test_a_version_in_the_contained_questionnaire_counts_like_one_in_the_canonical() -> None:
    inside = {"resourceType": "Questionnaire", "id": "q", "url": f"{BASE}/{SR}", "version": "3"}
    response = answered(SR, questionnaire="#q", contained=[inside])
    assert read(response).code == "unknown-version"
    assert read(response | {"contained": [inside | {"version": "1.0"}]}).key == "wai-sr-c/1"
    assert read(response | {"contained": [inside | {"url": f"{BASE}/{S}", "version": "1.0"}]}).key == "wai-s-c/1"


def test_a_site_whose_form_changed_its_key_between_versions_maps_each_version() -> None:
    by = site(**{f"{SITE}|1": S, f"{SITE}|2": SR})
    for version, key in (("1", "wai-s-c/1"), ("2", "wai-sr-c/1")):
        assert read(answered(SR, questionnaire=f"{SITE}|{version}"), by).key == key
    for unknown in (f"{SITE}|3", f"{SITE}|1.0", SITE, f"{SITE}|"):
        reading = read(answered(SR, questionnaire=unknown), by)
        assert (reading.outcome, reading.code, reading.scores) == (Outcome.SET_ASIDE, "unknown-version", ())
        assert reading.instrument is None, "which of the two it is cannot be told"


def test_answers_that_the_named_form_does_not_have_set_it_aside() -> None:
    """A WAI-S (1-7) filed under the WAI-SR (1-5) shows as soon as anybody answers 6 or 7."""
    made = items(VALUES)
    made[3] = item("4", 6)
    assert read(answered(S, item=made)).outcome is Outcome.SCORED
    reading = read(answered(SR, item=made))
    assert (reading.code, reading.scores) == ("out-of-range", ())
    long = answered("wai-36-c", questionnaire=canonical(S))
    assert (read(long).code, read(long).scores) == ("form-mismatch", ())


@pytest.mark.parametrize(
    ("wrong", "why"), [({canonical(S, None): SR}, "shadows"), ({canonical(S, "7"): SR}, "shadows")]
)
def test_no_map_may_give_a_shipped_canonical_another_key(wrong: dict[str, str], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        site(**wrong)
