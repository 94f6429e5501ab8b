"""A site's own policies, from assessments to the words of an alert: each instrument by its own rule."""

from __future__ import annotations

from datetime import timedelta

from msgspec import structs
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


def test_an_alert_has_the_numbers_that_its_policy_decided_by() -> None:
    """Each in its words, and none that the rule did not ask for."""
    (own,) = found(assessments("wai-sr-c", "4.00 4.17 4.08 4.25 4.17 3.33"), "alliance-policy/1")
    text = content(own).evidence
    assert (
        "Usual variation: 0.29 (assumed before any scores: 0.33). Least change beyond measurement error: 0.50." in text
    )
    assert "items" not in text
    (srs,) = found(assessments("srs-v3", "37.2 38.0 37.6 38.4 31.9"), "alliance-policy/1")
    assert "Usual variation: 2.0 (assumed before any scores: 2.2)." in content(srs).evidence
    (early,) = found(assessments("wai-sr-c", "4.5 3.5"), "alliance-policy/1")
    text = content(early).evidence
    assert "Before: 4.50 (2026-01-05 4.50). Least change beyond measurement error: 0.80. Rule: " in text
    (chart,) = found(assessments("wai-sr-c", "4.1 4.2 4.1 4.2 4.1 3"), "xmr/1")
    text = content(chart).evidence
    assert "Usual variation: 0.09. Rule: " in text
    assert "measurement error" not in text


def test_an_alert_says_what_makes_its_numbers_less_sure() -> None:
    given = assessments("wai-sr-c", "5 5 5 5 4.92 3.83")
    given[-1] = structs.replace(given[-1], scores=(Score("total", 3.83, 46, 10, 12, ("prorated",)),))
    (top,) = found(given, "alliance-policy/1")
    text = content(top).evidence
    assert "10 of 12 items answered, prorated. This client usually scores near the maximum, where falls are " in text
    (below,) = found(assessments("wai-sr-c", "4.7 4.7 4.7 4.7 3.5"), "alliance-policy/1")
    assert "near the maximum" not in content(below).evidence
    # Nobody has simulated this one: the upper twentieth of its scale.
    for usual, says in (("6.8", True), ("6.6", False)):
        (other,) = found(assessments("arm-12", f"{usual} {usual} {usual} {usual} 3"), "alliance-policy/1")
        assert ("near the maximum" in content(other).evidence) == says


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
