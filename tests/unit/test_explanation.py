"""What a clinician reads: headline, sentence, numbers, what happened since, what it cannot tell."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from msgspec import structs
from strain_series import START, detect, points

from fhir_alliance.detection import policy, subscale_drops
from fhir_alliance.explanation import explain_text
from fhir_alliance.figures import figures
from fhir_alliance.instruments import get
from fhir_alliance.model import Episode, EpisodeState, Instrument
from fhir_alliance.wording import PHRASES, describe, evidence, headline, repair_words

WAI_SR, SRS_V3 = get("wai-sr-c"), get("srs-v3")
W1 = "4.00 4.17 4.08 4.25 4.17 3.33 4.17 4.25"
W4 = "4.25 4.17 4.33 4.25 3.42 - 3.33 3.42 3.50"


def explain(series: str, instrument: Instrument = WAI_SR, **options: object) -> str:
    """The explanation with its line breaks taken out."""
    text = explain_text(detect(series, instrument.change), points(series), instrument, **options)  # type: ignore[arg-type]
    return " ".join(text.split())


def episode(series: str, instrument: Instrument = WAI_SR) -> Episode:
    return detect(series, instrument.change).episodes[-1]


# -- the whole text ------------------------------------------------------------------------------


def test_the_sentence_of_the_specification() -> None:
    assert (
        "This score is 0.80 points below this client's average of the last 5 sessions; that is 2.8 times their "
        "usual variation and more than measurement error."
    ) in explain(W1)


@pytest.mark.parametrize(
    "part",
    [
        "Alliance score lower than usual for this client.",
        "3.33 on 2026-02-09 (1 to 5)",
        "4.13, mean of 5 sessions: 2026-01-05 4.00, 2026-01-12 4.17, 2026-01-19 4.08, 2026-01-26 4.25, 2026-02-02 4.17",
        "0.263, this client's own, drawn towards a prior of 0.33 (s0)",
        "2.79; needs 2",
        "0.80; needs 0.50 (reliable change, 90 %)",
        "3.56: a score at or below it fires",
        "alliance-policy/1, preset balanced",
        "2026-02-16 4.17, 100% of the drop regained Recovered. A score that comes back is not proof of repair.",
    ],
)
def test_the_numbers_behind_it(part: str) -> None:
    assert part in explain(W1)


def test_priority_says_why() -> None:
    assert "priority check-in since 2026-02-16, when the score had not come back" in explain(W4)
    assert "priority check-in, because the fall is large" in explain("5 5 5 5 3.8")
    assert "2026-02-16 3.33, lower still 2026-02-23 3.42, 0% of the drop regained" in explain(W4)


def test_unanswered_items_and_missing_forms_are_told() -> None:
    assert "items unanswered 2" in explain(W1, unanswered=2)
    assert "items unanswered" not in explain(W1)
    assert "Forms missing or unusable: 1 of 9." in explain(W4)


def test_an_early_step_does_not_claim_to_know_what_is_usual() -> None:
    told = explain("4.50 3.58")
    assert "This score is 0.92 points below the score before; that is more than measurement error." in told
    assert "too few sessions yet" in told
    assert "0.92; needs 0.80 (reliable change, 99 %)" in told


def test_low_early_never_says_lower_than_usual() -> None:
    told = explain("2.75 2.92 2.83 3.00")
    assert told.startswith("Alliance scores low in the first three sessions. The first 3 scores have a mean of 2.83,")
    assert "lower than usual" not in told


def test_near_the_maximum_it_admits_to_finding_less() -> None:
    found = figures("wai-sr-c")
    assert found
    assert found.found_at_ceiling
    assert found.found_below_ceiling
    there, elsewhere = found.found_at_ceiling.estimate, found.found_below_ceiling.estimate
    told = f"{there:.0%} of simulated falls are found at once, {elsewhere:.0%} elsewhere"
    assert told in explain("5 5 5 5 4.92 3.83")
    assert "near the maximum" not in explain(W1)


@pytest.mark.parametrize("preset", ["sensitive", "balanced", "specific"])
def test_it_says_how_often_this_preset_is_wrong(preset: str) -> None:
    found = figures("wai-sr-c", preset)
    assert found
    told = explain(W1, by=policy(preset=preset))
    assert f"{found.false_checkins.estimate:.1f} of 100 scored sessions without any strain raise a check-in" in told
    assert f"A fall of 1 point is noticed at once in {found.found_at_once.estimate:.0%} of cases" in told
    right = [f"{found.right[n].estimate:.0%}" for n in (2, 5, 10)]
    assert f"in 2, 5 or 10 of 100 sessions, {right[0]}, {right[1]} or {right[2]} of the check-ins are right" in told


def test_figures_are_of_the_instrument_or_none() -> None:
    assert "A fall of 8 points is noticed at once" in explain("38 38 38 31", SRS_V3)
    unmeasured = replace(WAI_SR, id="another")
    assert "has not been measured" in explain(W1, unmeasured)


def test_notices_are_listed_with_the_scale_that_they_are_about() -> None:
    total = "5 5 5 4.9"
    found = detect(total, WAI_SR.change)
    drops = subscale_drops({"goal": points("5 5 5 4")}, found, WAI_SR)
    told = explain(total, notices=drops)
    assert told.startswith("Nothing to review: the latest score is 4.90 (2026-01-26; usual 5.00).")
    assert "2026-01-26 first score below the maximum" in told
    assert "2026-01-26 goal subscale (mean item): 1.00 below its usual 5.00" in told


def test_too_few_scores_are_said() -> None:
    assert explain("4 -").startswith("Nothing to review yet: 1 of the 3 scores that a personal baseline needs.")


def test_the_open_episode_comes_first_and_any_other_on_demand() -> None:
    series = "4 4 4 3.2 4 4 4 3.1"
    found = detect(series)
    assert "3.10 on" in explain(series)
    assert "3.20 on" in explain(series, episode=found.episodes[0])


def test_an_expired_strain_does_not_count_the_score_after_the_gap() -> None:
    told = explain("4 4 4 3.2 > 4.4")
    assert "4.40" not in told
    assert "Ended without a verdict: no score for more than 90 days." in told


@pytest.mark.parametrize("width", [50, 72, 100])
def test_lines_keep_to_the_width(width: int) -> None:
    for series in (W1, W4, "4.5 3.5", "2.5 2.5 2.5", "4", ""):
        text = explain_text(detect(series), points(series), WAI_SR, width=width)
        assert max(map(len, text.splitlines())) <= width


@pytest.mark.parametrize("series", [W1, W4, "4.5 3.5", "2.5 2.5 2.5", "4", "5 5 5 4.9"])
def test_words_that_must_never_appear(series: str) -> None:
    told = explain(series).lower()
    for word in ("rupture", "risk", "dropout", "diagnos", "failed", "your fault"):
        assert word not in told


# -- the short forms -----------------------------------------------------------------------------


def test_headlines() -> None:
    assert headline("drop") == headline("early-step") == "Alliance score lower than usual for this client."
    assert headline("low-early") == "Alliance scores low in the first three sessions."


@pytest.mark.parametrize("series", [W1, W4, "4.5 3.5", "2.5 2.5 2.5", " ".join(["4.1"] * 9) + " 3", "5 5 5 5 3.8"])
def test_evidence_is_short_plain_and_has_the_numbers(series: str) -> None:
    found = episode(series)
    text = evidence(WAI_SR, found)
    assert len(text) <= 600
    assert f"{found.onset.value:.2f} (1 to 5)" in text
    assert "alliance-policy/1" in text
    assert text.isprintable()
    assert "rupture" not in text


def test_evidence_of_a_long_baseline_and_title_still_fits() -> None:
    long = replace(WAI_SR, title="A very long name of a form " * 12)
    assert len(evidence(long, episode(" ".join(["4.1"] * 9) + " 3"))) <= 600


def test_evidence_says_what_made_it_urgent() -> None:
    assert "Priority: it stayed low." in evidence(WAI_SR, episode(W4))
    assert "Priority: the fall is large." in evidence(WAI_SR, episode("5 5 5 5 3.8"))
    assert "Priority" not in evidence(WAI_SR, episode(W1))


@pytest.mark.parametrize(
    ("series", "says"),
    [
        (W1, "Recovered"),
        (W4, "Not recovered after 3 scored sessions"),
        ("4 4 4 3.2 3.6 3.6 3.6", "Partly recovered after 3 scored sessions"),
        ("4 4 4 3.2 3.6 3.6 3.5", "Not recovered after 3 scored sessions"),
        ("4 4 4 3.2 > 4", "Ended without a verdict: no score for more than 90 days"),
        ("4 4 4 3.2", "Open"),
        ("2.5 2.5 2.5", "Open"),
        ("2.5 2.5 2.5 2.5 2.5 2.5", "Ended without a verdict"),
    ],
)
def test_repair_words(series: str, says: str) -> None:
    assert repair_words(episode(series)) == says


def test_repair_words_of_open_and_withdrawn_episodes() -> None:
    still = episode("4 4 4 3.2")
    assert repair_words(still, 3.6) == "Open, partly recovered"
    assert repair_words(still, 3.5) == "Open"
    assert repair_words(replace(still, state=EpisodeState.WITHDRAWN)) == "Withdrawn"


def test_every_kind_has_words_that_need_nothing_more() -> None:
    event = detect("4 4 4 3.2").events[0]
    for kind in PHRASES:
        text = describe(WAI_SR, replace(event, kind=kind, scale="goal" if kind == "subscale-drop" else ""))
        assert text
        assert "{" not in text
        assert len(text) <= 36


def test_dates_are_those_of_the_sessions_own_clock() -> None:
    late = [structs.replace(p, at=p.at + timedelta(hours=13, minutes=30)) for p in points("4 4 4 3.2")]
    found = policy().run(late, WAI_SR.change)
    assert (START + timedelta(weeks=3)).date().isoformat() == "2026-01-26"
    assert "3.20 on 2026-01-26" in explain_text(found, late, WAI_SR)
