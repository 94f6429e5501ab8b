"""Which questionnaire is ours, in which version (`fhir.md` 5.5, "Identity and maps")."""

from __future__ import annotations

from typing import Any

import pytest
from response_forms import NOW, RULES, SRS, WAI, code, form, item, items, read, settings, values

from fhir_alliance.errors import ConfigError
from fhir_alliance.fhir.inbound import Rules, rules
from fhir_alliance.model import Outcome

SITE = "https://clinic.example/Questionnaire/our-wai"
URI = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-extension-questionnaire-uri"
LOCAL = "http://127.0.0.1:8080/fhir"


def site(questionnaires: dict[str, Any], endpoint: dict[str, Any] | None = None, name: str | None = None) -> Rules:
    tables: dict[str, Any] = {"questionnaires": questionnaires}
    if endpoint is not None:
        tables["endpoint"] = {"main": {"base_url": LOCAL, "questionnaires": endpoint}}
    return rules(settings(**tables), name, now=NOW)


@pytest.mark.parametrize("canonical", [f"{WAI}|1.0", WAI, f"{WAI}/", f"{WAI}/|1.0", f"{WAI}|"])
def test_the_shipped_canonical_is_recognised_with_its_version_or_none(canonical: str) -> None:
    reading = read(form(questionnaire=canonical))
    assert reading.outcome is Outcome.SCORED
    assert (reading.instrument, reading.version, reading.key) == ("wai-sr-c", "1.0", "wai-sr-c/1")
    assert (reading.flags == ("version_assumed",)) == ("1.0" not in canonical)


@pytest.mark.parametrize("version", ["2.0", "1", "1.0.0", "1.0 ", "1.0|x"])
def test_any_other_version_is_set_aside_never_skipped(version: str) -> None:
    reading = read(form(questionnaire=f"{WAI}|{version}"))
    assert (reading.outcome, reading.code) == (Outcome.SET_ASIDE, "unknown-version")
    assert (reading.instrument, reading.patient) == ("wai-sr-c", "Patient/p1")


@pytest.mark.parametrize(
    "canonical",
    [
        "https://w3id.org/fhir-alliance/Questionnaire/phq-9",
        WAI.upper(),
        WAI.replace("https", "http"),
        f"{WAI}//",
        f" {WAI}",
        "wai-sr-c",
        "Questionnaire/wai-sr-c",
        "urn:uuid:0c0c",
    ],
)
def test_any_other_canonical_is_skipped(canonical: str) -> None:
    reading = read(form(questionnaire=canonical))
    assert (reading.outcome, reading.code) == (Outcome.SKIPPED, "unknown-questionnaire")
    assert reading.instrument is None


def test_nothing_but_the_canonical_identifies_a_form() -> None:
    assert code(form(questionnaire=None, item=items(), text={"div": "WAI-SR"})) == "unknown-questionnaire"
    assert code(form(questionnaire="")) == "unknown-questionnaire"
    assert code(form(questionnaire=7)) == "wrong-type"


def test_the_namespace_setting_does_not_move_the_shipped_canonicals() -> None:
    by = rules(settings(namespace="https://clinic.example/ours"), None, now=NOW)
    assert read(form(), by).outcome is Outcome.SCORED
    assert code(form(questionnaire="https://clinic.example/ours/Questionnaire/wai-sr-c"), by) == "unknown-questionnaire"


def test_a_site_key_with_a_version_accepts_exactly_that_one() -> None:
    by = site({f"{SITE}|2": "wai-sr-c"})
    assert read(form(questionnaire=f"{SITE}|2"), by).flags == ()
    assert read(form(questionnaire=f"{SITE}/|2"), by).outcome is Outcome.SCORED
    assert code(form(questionnaire=f"{SITE}|3"), by) == "unknown-version"
    assert code(form(questionnaire=SITE), by) == "unknown-version"


@pytest.mark.parametrize("key", [SITE, f"{SITE}/", f"{SITE}|"])
def test_a_site_key_without_a_version_accepts_any_and_none(key: str) -> None:
    by = site({key: "wai-sr-c"})
    assert read(form(questionnaire=f"{SITE}|9"), by).flags == ()
    assert read(form(questionnaire=SITE), by).flags == ("version_assumed",)


def test_the_exact_version_goes_before_the_one_for_any() -> None:
    by = site({SITE: "srs-v3", f"{SITE}|2": "wai-sr-c"})
    assert read(form(questionnaire=f"{SITE}|2"), by).instrument == "wai-sr-c"
    assert code(form(questionnaire=f"{SITE}|3"), by) == "licence-not-attested"


def test_a_site_map_names_its_linkids_and_other_numbers_are_extra_items() -> None:
    links = {f"SH-{n}": n for n in range(1, 13)}
    by = site({SITE: {"instrument": "wai-sr-c", "items": links}})
    named = [item(f"SH-{n}", value) for n, value in enumerate([4, 5, 4, 3, 5, 4, 4, 5, 3, 4, 4, 5], 1)]
    plain = read(form(questionnaire=f"{SITE}|1", item=named), by)
    assert values(read(form(questionnaire=f"{SITE}|1", item=named[::-1]), by)) == values(plain)
    assert values(plain)["goal"] == 4.0
    more = read(form(questionnaire=f"{SITE}|1", item=[*named, item("99", 3), item("1", 1)]), by)
    assert (values(more), more.flags) == (values(plain), ("extra_items",))


def test_linkids_are_case_sensitive() -> None:
    by = site({SITE: {"instrument": "wai-sr-c", "items": {f"q{n}": n for n in range(1, 13)}}})
    shouted = [item(f"Q{n}", 3) for n in range(1, 13)]
    assert code(form(questionnaire=SITE, item=shouted), by) == "form-mismatch"


def test_a_relative_key_holds_for_its_endpoint() -> None:
    by = site({}, {"Questionnaire/123": "wai-sr-c"})
    assert read(form(questionnaire="Questionnaire/123"), by).flags == ("version_assumed",)
    assert code(form(questionnaire="Questionnaire/124"), by) == "unknown-questionnaire"


def test_with_several_endpoints_a_relative_key_needs_the_name() -> None:
    two = settings(
        endpoint={
            "a": {"base_url": LOCAL, "questionnaires": {"Questionnaire/1": "wai-sr-c"}},
            "b": {"base_url": "http://127.0.0.1:9090/fhir", "timezone": "Europe/Berlin"},
        }
    )
    relative = form(questionnaire="Questionnaire/1")
    assert code(relative, rules(two, None, now=NOW)) == "unknown-questionnaire"
    assert code(relative, rules(two, "a", now=NOW)) is None
    assert code(relative, rules(two, "b", now=NOW)) == "unknown-questionnaire"
    with pytest.raises(ConfigError, match="no endpoint 'c'; there are: a, b"):
        rules(two, "c", now=NOW)


@pytest.mark.parametrize(
    ("questionnaires", "wrong"),
    [
        ({SITE: "wai"}, "no instrument 'wai'"),
        ({WAI: "wai-sr-c"}, "shadows a canonical that is built in"),
        ({f"{SRS}/|7": "wai-sr-c"}, "shadows a canonical that is built in"),
        ({"Questionnaire/1": "wai-sr-c"}, "a relative key belongs to its endpoint"),
        ({"": "wai-sr-c"}, "give a canonical URL"),
        ({"|1": "wai-sr-c"}, "give a canonical URL"),
        ({SITE: "wai-sr-c", f"{SITE}/": "srs-v3"}, "mapped twice"),
        ({SITE: {"instrument": "srs-v3", "items": {"a": 0}}}, "srs-v3 has items 1 to 4, not 0"),
        ({SITE: {"instrument": "srs-v3", "items": {"a": 5}}}, "srs-v3 has items 1 to 4, not 5"),
        ({SITE: {"instrument": "srs-v3", "items": {"a": 1, "b": 1}}}, "item 1 has two linkIds, 'a' and 'b'"),
        ({SITE: {"instrument": "srs-v3", "items": {"": 1}}}, "an empty linkId"),
        ({SITE: {"instrument": "srs-v3", "items": {"a": 1, "b": 2}}}, "too few items are mapped"),
    ],
)
def test_a_wrong_map_is_a_configuration_error(questionnaires: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ConfigError, match=wrong):
        site(questionnaires)


def test_a_wrong_map_under_another_endpoint_is_an_error_too() -> None:
    two = settings(
        endpoint={
            "a": {"base_url": LOCAL},
            "b": {"base_url": "http://127.0.0.1:9090/fhir", "questionnaires": {"Questionnaire/1": "nothing"}},
        }
    )
    with pytest.raises(ConfigError, match=r"\[endpoint\.b\.questionnaires\] \"Questionnaire/1\": no instrument"):
        rules(two, "a", now=NOW)


def test_an_unknown_attested_instrument_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="no instrument 'srs'"):
        rules(settings(licences={"attested": ["srs"]}), None, now=NOW)


@pytest.mark.parametrize("place", ["_questionnaire", "extension"])
@pytest.mark.parametrize("key", ["valueUri", "valueUrl", "valueCanonical"])
def test_the_us_core_extension_stands_in_for_an_absent_questionnaire(place: str, key: str) -> None:
    extension = [{"url": URI, key: f"{WAI}|1.0"}]
    given = {place: {"extension": extension} if place == "_questionnaire" else extension}
    assert read(form(questionnaire=None, **given)).flags == ()
    version = [{"url": URI, key: f"{WAI}|7"}]
    given = {place: {"extension": version} if place == "_questionnaire" else version}
    assert code(form(questionnaire=None, **given)) == "unknown-version"
    assert code(form(questionnaire=WAI, **given)) is None, "questionnaire decides when both are there"


def test_two_different_extensions_decide_nothing() -> None:
    both = {"extension": [{"url": URI, "valueUri": WAI}, {"url": URI, "valueUri": SRS}]}
    assert code(form(questionnaire=None, _questionnaire=both)) == "ambiguous-questionnaire"
    same = {"extension": [{"url": URI, "valueUri": WAI}] * 2}
    assert code(form(questionnaire=None, _questionnaire=same)) is None


def test_a_contained_questionnaire_tells_its_canonical() -> None:
    inside = {"resourceType": "Questionnaire", "id": "q", "url": WAI}
    assert read(form(questionnaire="#q", contained=[inside])).flags == ("version_assumed",)
    assert read(form(questionnaire="#q", contained=[{**inside, "version": "1.0"}])).flags == ()
    assert code(form(questionnaire="#q", contained=[{**inside, "version": "8"}])) == "unknown-version"
    for useless in ([], [{**inside, "id": "r"}], [{**inside, "url": None}], [{**inside, "resourceType": "Basic"}], [7]):
        assert code(form(questionnaire="#q", contained=useless)) == "unknown-questionnaire"
    assert code(form(questionnaire="#q", contained=[inside, inside])) == "unknown-questionnaire"
    assert code(form(questionnaire="#q")) == "unknown-questionnaire"


def versioned(url: str, version: object) -> dict[str, Any]:
    return {"resourceType": "Questionnaire", "url": url, "version": version}


@pytest.mark.parametrize(
    ("version", "why"),
    [
        ("1.0", None),
        ("", None),
        (None, None),
        ("2.0", "unknown-version"),
        ("1", "unknown-version"),
        (1.0, "unknown-version"),
    ],
)
def test_the_version_of_its_questionnaire_is_checked_where_the_response_names_none(version: object, why: str) -> None:
    resolve = {WAI: versioned(WAI, version)}.get
    reading = read(form(questionnaire=WAI), resolve=resolve)
    assert reading.code == why
    assert reading.instrument == "wai-sr-c"
    assert reading.flags == (() if why else ("version_assumed",))
    assert code(form(questionnaire=WAI, contained=[versioned(WAI, version)])) == why
    # Another questionnaire, or a response that names its version, is not concerned.
    assert code(form(questionnaire=WAI), resolve={WAI: versioned(SITE, "2.0")}.get) is None
    assert code(form(questionnaire=f"{WAI}|1.0"), resolve={f"{WAI}|1.0": versioned(WAI, version)}.get) is None


def test_the_version_of_its_questionnaire_decides_as_if_it_were_named() -> None:
    by = site({SITE: "wai-s-c", f"{SITE}|2": "wai-sr-c"})
    for version, instrument in (("2", "wai-sr-c"), ("3", "wai-s-c"), (None, "wai-s-c")):
        reading = read(form(questionnaire=SITE), by, {SITE: versioned(SITE, version)}.get)
        assert reading.instrument == instrument
        assert "version_assumed" in reading.flags
    gated = site({SITE: "wai-sr-c", f"{SITE}|2": "srs-v3"})
    reading = read(form(questionnaire=SITE), gated, {SITE: versioned(SITE, "2")}.get)
    assert (reading.instrument, reading.code) == ("srs-v3", "licence-not-attested")
    any_version = site({SITE: "wai-sr-c"}, {"Questionnaire/7": "wai-sr-c"})
    assert code(form(questionnaire=SITE), any_version, {SITE: versioned(SITE, "9")}.get) is None
    relative = {"Questionnaire/7": versioned(WAI, "9") | {"id": "7"}}
    assert code(form(questionnaire="Questionnaire/7"), any_version, relative.get) is None


def test_other_contained_resources_are_not_looked_at() -> None:
    weird = [{"resourceType": "Wibble", "id": [], "item": {"a": object.__name__}}]
    assert read(form(contained=weird)).outcome is Outcome.SCORED
    assert code(form(contained={"resourceType": "Questionnaire"})) == "wrong-type"


def test_retracted_goes_before_the_questionnaire_and_that_before_the_status() -> None:
    assert code(form(status="entered-in-error", questionnaire="Questionnaire/unknown", item=None)) == "entered-in-error"
    assert code(form(status="in-progress", questionnaire=f"{WAI}|9")) == "unknown-version"
    assert code(form(status="in-progress", questionnaire="https://other.example/q")) == "unknown-questionnaire"
    assert code(form(status="in-progress", subject=None, authored=None)) == "in-progress"


@pytest.mark.parametrize("resource", [None, [], "x", 7, True, {}, {"resourceType": "Patient"}, {"resourceType": []}])
def test_what_is_no_response_is_set_aside(resource: object) -> None:
    assert code(resource, RULES) == "not-a-response"
