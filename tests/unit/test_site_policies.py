"""A site's own policies, from assessments to the words of an alert: each instrument by its own rule."""

from __future__ import annotations

from datetime import timedelta

from strain_series import START

from fhir_alliance.alerting import AlertRules, alert_content
from fhir_alliance.derive import Strain, stories, strains
from fhir_alliance.detection import site_policies
from fhir_alliance.instruments import get
from fhir_alliance.keys import Keys
from fhir_alliance.model import Assessment, Score
from fhir_alliance.plan import AlertContent
from fhir_alliance.wording import sentence

NOW = START + timedelta(weeks=12)


def assessments(instrument: str, scores: str) -> list[Assessment]:
    items = get(instrument).items
    return [
        Assessment(
            response=f"{instrument}-{number}",
            patient="Patient/p",
            practitioner="Practitioner/d",
            instrument=instrument,
            version=get(instrument).version,
            key=get(instrument).key,
            rater="client",
            at=START + timedelta(weeks=number),
            authored_at=START + timedelta(weeks=number),
            effective=(START + timedelta(weeks=number)).isoformat(),
            encounter=None,
            link="none",
            amended=False,
            scores=(Score("total", float(value), float(value), len(items), len(items)),),
            labels=(),
            content=value,
        )
        for number, value in enumerate(scores.split())
    ]


def found(given: list[Assessment], usual: str, **others: str) -> list[Strain]:
    by = site_policies(usual, {id.replace("_", "-"): policy for id, policy in others.items()}, "balanced")
    instruments = {a.instrument: get(a.instrument) for a in given}
    return strains(stories(given, instruments, by, cutoffs={"srs-v3": 36.0}, as_of=NOW))


def content(strain: Strain) -> AlertContent:
    return alert_content(strain, Keys("https://ehr.example/fhir", b"secret"), AlertRules(NOW))


def test_each_instrument_is_judged_by_its_own_policy() -> None:
    both = assessments("wai-sr-c", "4 3.4") + assessments("srs-v3", "38 36.9")
    assert found(both, "alliance-policy/1") == []
    told = found(both, "step-rc/1", srs_v3="openfit-srs/1")
    assert [(s.key.instrument, s.episode.kind, s.policy) for s in told] == [
        ("srs-v3", "step", "openfit-srs/1"),
        ("wai-sr-c", "step", "step-rc/1"),
    ]


def test_an_alert_names_its_policy_and_claims_no_more_than_it_says() -> None:
    (step,) = found(assessments("wai-sr-c", "4 3.4"), "step-rc/1")
    assert sentence(step.instrument, step.episode) == "This score is 0.60 points below the score before, 4.00."
    text = content(step).evidence
    assert "Before: 4.00 (2026-01-05 4.00)." in text
    assert "Rule: step-rc/1." in text
    assert "usual" not in text


def test_an_alert_about_a_cut_off_says_so() -> None:
    (low,) = found(assessments("srs-v3", "35.5"), "absolute/1")
    told = content(low)
    assert told.headline == "Alliance score below the cut-off."
    assert "This score is 0.5 points below the cut-off of 36.0. Cut-off: 36.0. Rule: absolute/1." in told.evidence


def test_a_chart_without_variation_makes_no_claim_about_it() -> None:
    (flat,) = found(assessments("wai-sr-c", "4 4 4 4 4 3.9"), "xmr/1")
    assert flat.episode.onset.z is None
    assert content(flat).headline == "Alliance score lower than usual for this client."
    told = sentence(flat.instrument, flat.episode)
    assert told.startswith("This score is 0.10 points below this client's average, 4.00, and below the natural limit")
    assert "times their usual variation" not in told
