"""What a fall of scores leads to: a strain only where a client rates the alliance; else a notice, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from msgspec.structs import replace
from strain_series import START

from fhir_alliance import instruments
from fhir_alliance.derive import SeriesStory, stories, strains
from fhir_alliance.detection import SitePolicies, policy
from fhir_alliance.model import Assessment, Score

AS_OF = START + timedelta(weeks=7)


def course(id: str, values: Sequence[float], rater: str | None = None) -> list[Assessment]:
    """Weekly scores of one dyad; values are shares of the range of the total."""
    instrument = instruments.get(id)
    total = instrument.scale("total")
    made = []
    for week, share in enumerate(values):
        at = START + timedelta(weeks=week)
        value = total.minimum + share * (total.maximum - total.minimum)
        made.append(
            Assessment(
                response=f"{id}-{week}", patient="Patient/p", practitioner="Practitioner/d", instrument=id,
                version=instrument.version, key=instrument.key, rater=rater or instrument.rater, at=at,
                authored_at=at, effective=at.isoformat(), encounter=None, link="none", amended=False,
                scores=(Score("total", value, value, 1, 1),), labels=(), content="",
            )
        )  # fmt: skip
    return made


FALL = (0.9, 0.9, 0.92, 0.9, 0.3, 0.3)


def told(assessments: Sequence[Assessment], **cutoffs: float) -> list[SeriesStory]:
    return stories(assessments, instruments.load_all(), SitePolicies(policy()), cutoffs=cutoffs, as_of=AS_OF)


@pytest.mark.parametrize("id", ["wai-sr-c", "wai-s-c", "srs-v3", "haq2-p", "tasc-r-c", "star-p"])
def test_a_client_who_rates_the_alliance_may_raise_a_strain(id: str) -> None:
    (story,) = told(course(id, FALL))
    (strain,) = strains([story])
    assert (strain.episode.kind, strain.episode.level) == ("drop", 3)


@pytest.mark.parametrize(
    ("id", "rater"),
    [
        ("haq2-t", None),
        ("wai-36-t", None),
        ("wai-36-o", None),
        ("tasc-r-p", None),
        ("gsrs", None),
        ("wai-sr-c", "proxy"),
    ],
)
def test_another_raters_or_a_groups_fall_is_a_notice(id: str, rater: str | None) -> None:
    (story,) = told(course(id, FALL, rater))
    assert (story.episodes, strains([story])) == ((), [])
    assert ("drop", 5, 1) in [(e.kind, e.index, e.level) for e in story.notices]
    assert max(e.level for e in story.detection.events) == 1
    assert len(story.detection.steps) == len(FALL)


@pytest.mark.parametrize("id", ["ors", "cors", "ahs", "shs", "care", "oq-asc"])
def test_what_is_no_alliance_measure_is_only_charted(id: str) -> None:
    (story,) = told(course(id, FALL))
    assert (story.episodes, story.notices, strains([story])) == ((), (), [])
    assert [s.value for s in story.detection.steps] == [p.value for p in story.points]
    assert {s.limit for s in story.detection.steps} == {None}
    assert "no alliance" in (story.detection.insufficient or "")


def test_of_an_outcome_the_sites_own_cut_off_is_told() -> None:
    (story,) = told(course("ors", FALL), ors=25.0)
    assert [(e.kind, e.level, e.index) for e in story.notices] == [("cut-off", 1, 5)]


def test_a_therapists_fall_does_not_end_the_clients_low_early() -> None:
    """Only a strain of the dyad takes its place."""
    low = course("wai-sr-c", (0.3, 0.3, 0.3))
    (client,) = told(low)
    assert [e.kind for e in client.episodes] == ["low-early"]
    both = strains(told([*low, *course("haq2-t", FALL)]))
    assert [(s.key.rater, s.episode.kind, s.episode.state) for s in both] == [("client", "low-early", "open")]


def test_an_instrument_that_the_site_no_longer_knows_is_left_out() -> None:
    (one,) = course("wai-sr-c", (0.9,))
    assert told([replace(one, instrument="gone")]) == []
