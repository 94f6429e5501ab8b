"""What is not processed: retracted, unfinished, labelled, unlicensed; and in which order this is tested."""

from __future__ import annotations

from typing import Any

import pytest
from response_forms import ATTESTED, NOW, RULES, SRS, SYNC, code, form, read, settings, srs

from fhir_alliance.fhir.inbound import rules
from fhir_alliance.model import Outcome

ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"


def labelled(*labels: tuple[str | None, str | None]) -> dict[str, Any]:
    codings = [{k: v for k, v in (("system", s), ("code", c)) if v is not None} for s, c in labels]
    return {"meta": {"security": codings, "lastUpdated": "2026-03-04T15:21:00Z"}}


@pytest.mark.parametrize("status", ["completed", "amended"])
def test_completed_and_amended_forms_are_scored(status: str) -> None:
    reading = read(form(status=status))
    assert (reading.outcome, reading.status) == (Outcome.SCORED, status)


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ("in-progress", "in-progress"),
        ("stopped", "stopped"),
        ("draft", "unknown-status"),
        ("Completed", "unknown-status"),
        ("", "unknown-status"),
        (None, "unknown-status"),
    ],
)
def test_unfinished_forms_and_unknown_statuses_wait(status: str | None, why: str) -> None:
    reading = read(form(status=status))
    assert (reading.outcome, reading.code, reading.scores) == (Outcome.WAITING, why, ())
    assert (reading.reason or "").startswith("waiting: ")
    assert reading.status in ("in-progress", "stopped", None)


def test_a_retraction_needs_nothing_but_id_and_status() -> None:
    reduced = {"resourceType": "QuestionnaireResponse", "id": "q1", "status": "entered-in-error"}
    reading = read(reduced, SYNC)
    assert (reading.outcome, reading.id, reading.instrument) == (Outcome.RETRACTED, "q1", None)
    assert reading.reason == "retracted: entered in error (entered-in-error)"
    whole = read(form(status="entered-in-error"))
    assert (whole.patient, whole.instrument, whole.authored) == ("Patient/p1", "wai-sr-c", "2026-03-04T15:20:00Z")
    for broken in ({"item": 7}, {"subject": 7}, {"authored": []}, {"meta": 7}, {"implicitRules": "x"}):
        assert code(form(status="entered-in-error") | broken) == "entered-in-error"


@pytest.mark.parametrize("label", ["PSYTHPN", "ETH", "ETHUD", "SUD", "OPIOIDUD", "42CFRPart2", "psythpn"])
@pytest.mark.parametrize("system", [ACT, None, "http://other.example"])
def test_psychotherapy_notes_and_part_2_are_skipped(label: str, system: str | None) -> None:
    reading = read(form(**labelled((CONFIDENTIALITY, "R"), (system, label))))
    assert (reading.outcome, reading.code) == (Outcome.SKIPPED, "security-label")
    assert label not in (reading.reason or "").replace("security-label", "")


def test_a_site_may_allow_a_label() -> None:
    def by(*allowed: str) -> Any:
        return rules(settings(read={"allow_labels": list(allowed)}), None, now=NOW)

    marked = form(**labelled((ACT, "PSYTHPN")))
    assert read(marked, by("PSYTHPN")).labels == (f"{ACT}|PSYTHPN",)
    assert code(marked, by(f"{ACT}|PSYTHPN")) is None
    assert code(marked, by("SUD")) == "security-label"
    assert code(form(**labelled((ACT, "PSYTHPN"), (ACT, "SUD"))), by("PSYTHPN")) == "security-label"


def test_other_labels_are_kept_to_be_copied_outward() -> None:
    marked = form(**labelled((CONFIDENTIALITY, "R"), (ACT, "MH"), (None, "X"), (ACT, "MH")))
    reading = read(marked)
    assert reading.outcome is Outcome.SCORED
    assert reading.labels == (f"{CONFIDENTIALITY}|R", f"{ACT}|MH", "|X")


@pytest.mark.parametrize(
    "label", [{"system": ACT, "display": "42 CFR Part 2"}, {"display": "Notes"}, {"system": ACT}, {}]
)
def test_a_label_without_a_code_forbids_processing(label: dict[str, str]) -> None:
    """Nobody can tell what it stands for; a site may allow its words."""
    marked = form(meta={"security": [label]})
    assert code(marked) == "security-label"
    words = label.get("display", "")
    allowing = rules(settings(read={"allow_labels": [words.upper()]}), None, now=NOW)
    if words:
        assert read(marked, allowing).labels == (f"{label.get('system', '')}||{words}",)


def test_labels_are_no_part_of_the_content() -> None:
    assert read(form(**labelled((ACT, "MH")))).content == read(form()).content


def test_a_gated_instrument_needs_its_licence_attested() -> None:
    reading = read(srs())
    assert (reading.outcome, reading.code, reading.instrument) == (Outcome.SKIPPED, "licence-not-attested", "srs-v3")
    assert read(srs(), ATTESTED).scores[0].value == 37.2
    by = rules(settings(licences={"attested": ["srs-v3"]}), None, now=NOW)
    assert read(srs(), by).flags == ("version_assumed",)
    assert code(form(), RULES) is None, "the others need none"


@pytest.mark.parametrize(
    ("resource", "why"),
    [
        (form(status="entered-in-error", **labelled((ACT, "SUD"))), "entered-in-error"),
        (form(questionnaire="http://x.example/q", **labelled((ACT, "SUD"))), "unknown-questionnaire"),
        (form(status="stopped", **labelled((ACT, "SUD"))), "stopped"),
        (form(subject=None, item=7, **labelled((ACT, "SUD"))), "security-label"),
        (srs(subject=None, item=7), "licence-not-attested"),
        (srs(questionnaire=f"{SRS}|4"), "unknown-version"),
        (form(modifierExtension=[{}], item=[]), "unknown-modifier"),
        (form(item=[], id=7), "empty"),
        (form(id=7, subject=None), "bad-id"),
        (form(subject=None, authored=None), "subject-unresolved"),
        (form(source={"reference": "Patient/x"}, authored=None), "rater-conflict"),
        (form(authored="2026", item=[{"linkId": "1", "answer": [{"valueInteger": 9}]}]), "authored-imprecise"),
    ],
)
def test_the_order_of_tests(resource: dict[str, Any], why: str) -> None:
    assert code(resource) == why


def test_reasons_repeat_nothing_of_the_response() -> None:
    canary = "Zebulon Quixote"
    spoilt = [
        form(status=canary),
        form(questionnaire=canary),
        form(questionnaire=f"{SRS}|{canary}"),
        form(id=canary),
        form(subject={"display": canary, "reference": canary}),
        form(source={"display": canary}),
        form(authored=canary),
        form(item=[{"linkId": canary, "answer": [{"valueString": canary}]}]),
        form(item=[{"linkId": "1", "answer": [{"valueString": canary}]}]),
        form(item=[{"linkId": "1", "answer": [{"valueCoding": {"code": canary, "display": canary}}]}]),
        form(item=[{"linkId": "1", "answer": [{"valueQuantity": {"value": 1, "unit": canary}}]}]),
        form(item=canary),
        form(meta=canary),
        form(**labelled((canary, "SUD"))),
    ]
    for resource in spoilt:
        reading = read(resource)
        assert reading.reason is not None
        assert canary not in repr((reading.reason, reading.code, reading.id, reading.authored, reading.status))
