"""The published rules, each at its boundary, worked by hand; and what the common course makes of them."""

from __future__ import annotations

from math import sqrt

import pytest
from strain_series import SRS, WAI, points

from fhir_alliance.detection import SitePolicies, policies, policy, site_policies, unfit
from fhir_alliance.detection.policy import RulePolicy
from fhir_alliance.detection.segments import cut
from fhir_alliance.detection.xmr import Xmr
from fhir_alliance.errors import ConfigError
from fhir_alliance.model import Change


def events(
    id: str, series: str, change: Change = WAI, *, preset: str = "balanced", cutoff: float | None = None
) -> list[tuple[str, int, int]]:
    found = policy(id, preset=preset).run(points(series), change, cutoff=cutoff)
    return [(e.kind, e.index, e.level) for e in found.events]


SIGMA = 0.33 * sqrt(8 / 11)
"""EWMA and CUSUM: four equal scores, s0 .33 with the weight of eight."""


@pytest.mark.parametrize(
    ("id", "preset", "before", "limit", "strict"),
    [
        ("step-rc/1", "balanced", "4.5 4", 3.4, False),
        ("step-rc/1", "sensitive", "4", 4 - 0.6 * 1.645 / 1.96, False),
        ("step-rc/1", "specific", "4", 4 - 0.6 * 2.576 / 1.96, False),
        ("from-best/1", "balanced", "4.5 4.2 4.1", 3.9, False),
        # Mean 4.08, moving ranges .2 .2 .2 .2.
        ("xmr/1", "balanced", "4 4.2 4 4.2 4", 4.08 - 2.66 * 0.2, True),
        ("xmr/1", "sensitive", "4 4.2 4 4.2 4", 4.08 - 2.66 * 0.2 * 2 / 3, True),
        # The range of 1 is more than 3.267 times their mean of .2125 and is left out; the mean is 4.1.
        ("xmr/1", "balanced", "4 4.1 4 4.1 4 4.1 4 5 4.9", (4 * 4 + 3 * 4.1 + 5 + 4.9) / 9 - 2.66 * 0.7 / 7, True),
        ("xmr/1", "balanced", "4 4 4 4 4", 4, True),
        ("xmr-floor/1", "balanced", "4 4 4 4 4", 4 - 2.66 * 0.75 * 0.33 * 1.128, True),
        ("xmr-floor/1", "balanced", "4 4.6 4 4.6 4", 4.24 - 2.66 * 0.6, True),
        ("ewma/1", "balanced", "4 4 4 4", 4 - 2.5 * SIGMA, True),
        ("ewma/1", "specific", "4 4 4 4", 4 - 2.7 * SIGMA, True),
        # The average is at 3.88 after 3.6; limit for it 4 - 2.5 sigma sqrt(.3/1.7 (1 - .7^4)).
        (
            "ewma/1",
            "balanced",
            "4 4 4 4 3.6",
            (4 - 2.5 * SIGMA * sqrt(0.3 / 1.7 * (1 - 0.7**4)) - 0.7 * 3.88) / 0.3,
            True,
        ),
        ("cusum/1", "balanced", "4 4 4 4", 4 - 4.5 * SIGMA, True),
        ("cusum/1", "specific", "4 4 4 4", 4 - 5.5 * SIGMA, True),
        ("cusum/1", "balanced", "4 4 4 4 3.6 3.6", 4 - SIGMA * (4.5 - 2 * (0.4 / SIGMA - 0.5)), True),
        # What is above the mean cancels the sum, but not below zero.
        ("cusum/1", "balanced", "4 4 4 4 3.6 5 5", 4 - 4.5 * SIGMA, True),
        ("absolute/1", "balanced", "3.2", 3.0, True),
    ],
)
def test_each_rule_at_its_limit(id: str, preset: str, before: str, limit: float, strict: bool) -> None:
    """A hair: 1e-9 is forgiven, 1e-7 is not."""
    place = len(before.split()) + 1

    def fires(value: float) -> bool:
        found = policy(id, preset=preset).alarms(points(f"{before} {value!r}"), WAI)
        assert not any(found[:-1])
        return found[place - 1]

    assert policy(id, preset=preset).run(points(f"{before} 5"), WAI).steps[-1].limit == pytest.approx(limit, abs=1e-12)
    assert fires(limit - 1e-7)
    assert not fires(limit + 1e-7)
    assert fires(limit) is not strict


def test_a_drift_of_small_steps_is_seen_by_ewma_and_cusum_only() -> None:
    """The average is .304 below 4 after the fourth 3.6 (limit .287); each adds .92 to the sum, the fifth passes 4."""
    series = "4 4 4 4 3.6 3.6 3.6 3.6 3.6 3.6"
    assert events("ewma/1", series)[0] == ("drift", 8, 2)
    assert events("cusum/1", series)[0] == ("drift", 9, 2)
    assert all(events(id, series) == [] for id in ("alliance-policy/1", "step-rc/1", "from-best/1", "xmr-floor/1"))


def test_the_best_score_is_the_newest_of_the_best() -> None:
    step = policy("from-best/1").run(points("4.5 4.2 4.5 4.1"), WAI).steps[-1]
    assert (step.baseline, [p.source for p in step.base]) == (4.5, ["response-3"])


def test_cusum_begins_anew_after_an_alarm() -> None:
    """Two such scores would alarm again if the sum went on."""
    alarms = policy("cusum/1").alarms(points("4 4 4 4 2 3.9 3.9"), WAI)
    assert alarms == (False, False, False, False, True, False, False)


def test_xmr_needs_no_screening_to_be_asked_for() -> None:
    loose = RulePolicy("xmr/1", Xmr(screen=False), 2.66)
    series = points("4 4.1 4 4.1 4 4.1 4 5 4.9 3.8")
    assert policy("xmr/1").alarms(series, WAI)[-1]
    assert not loose.alarms(series, WAI)[-1]


# -- cut-offs ------------------------------------------------------------------------------------


def test_absolute_takes_the_sites_cut_off_and_says_it_once() -> None:
    assert events("absolute/1", "3.6 3.4", cutoff=3.5) == [("low", 2, 2)]
    assert events("absolute/1", "3.5 2.9", cutoff=2.5) == []
    assert events("absolute/1", "29.9", SRS) == [("low", 1, 2)]


def test_absolute_without_any_cut_off_says_nothing() -> None:
    bare = Change(rc90=0.5, rc95=0.6, rc99=0.8, s0=0.33, low=None, minimum=1, maximum=5)
    assert events("absolute/1", "1 1 1 1", bare) == []
    assert events("absolute/1", "1 1", bare, cutoff=2) == [("low", 1, 2), ("persisting", 2, 3)]


def test_the_threshold_of_absolute_shifts_the_cut_off() -> None:
    made = policy("absolute/1", threshold=2.0)
    assert made.alarms(points("3.7 3.6"), WAI) == (False, True)  # 3 + 2 * .33
    assert made.alarms(points("3.2 3.1"), WAI, cutoff=2.5) == (False, True)


@pytest.mark.parametrize(
    ("series", "cutoff", "expected"),
    [
        ("38 37", None, [("step", 2, 2)]),
        ("38 37.1", None, []),
        ("30 30 30", None, []),  # without a cut-off a low level says nothing
        ("35.9", 36, [("low", 1, 2)]),
        ("36", 36, []),  # the published inequality is strict
        ("36.5 35.6", 36, [("low", 2, 2)]),
        ("37 36", 36, [("step", 2, 2)]),
        ("39 36.5", 36, [("step", 2, 2)]),
        ("39 35", 36, [("step", 2, 2)]),  # the higher of the two limits is told
    ],
)
def test_openfit(series: str, cutoff: float | None, expected: list[tuple[str, int, int]]) -> None:
    assert events("openfit-srs/1", series, SRS, cutoff=cutoff) == expected


def test_openfit_is_for_the_session_rating_scales_only() -> None:
    info = policies()["openfit-srs/1"]
    assert info.refuses("srs-v3") is None
    assert info.refuses("wai-sr-c") == "openfit-srs/1 is for srs-v3, csrs, gsrs only, not for wai-sr-c"
    assert policies()["xmr/1"].refuses("wai-sr-c") is None


# -- the common course ---------------------------------------------------------------------------


def test_the_course_is_the_same_for_every_rule() -> None:
    opened = [("step", 2, 2)]
    assert events("step-rc/1", "4 3.4 3.85") == [*opened, ("repaired", 3, 0)]
    assert events("step-rc/1", "4 3.4 3.84") == opened
    assert events("step-rc/1", "4 3.4 3.4") == [*opened, ("persisting", 3, 3)]
    assert events("step-rc/1", "4 3.4 3.5 3.5 3.5") == [*opened, ("unrepaired", 5, 0)]
    assert events("step-rc/1", "4 3.4 > 3.4") == [*opened, ("expired", 3, 0)]
    assert events("step-rc/1", "4 3.4 4 3.4 3.9 3.3") == [
        *opened,
        ("repaired", 3, 0),
        ("cooldown", 4, 1),
        ("step", 6, 2),
    ]
    assert events("step-rc/1", "4 3.8 3.6 3.4") == [("slow-fall", 4, 1)]
    assert events("step-rc/1", "3.6 3.4", cutoff=3.5) == [("cut-off", 2, 1)]


def test_a_low_start_is_looked_for_by_our_own_policy_only() -> None:
    assert events("alliance-policy/1", "2.5 2.6 2.5") == [("low-early", 3, 2)]
    assert all(events(id, "2.5 2.6 2.5") == [] for id in ("step-rc/1", "xmr/1", "ewma/1", "cusum/1"))


def test_numbers_that_do_not_exist_are_not_made_up() -> None:
    (fall,) = policy("xmr/1").run(points("4 4 4 4 4 3.9"), WAI).events
    assert (fall.baseline, fall.spread, fall.z) == (4, 0, None)
    (low,) = policy("absolute/1").run(points("2.5"), WAI).events
    assert (low.baseline, low.spread, low.z, low.drop) == (3, None, None, 0.5)


def test_what_is_lacking_is_said() -> None:
    def lacks(id: str, series: str) -> str | None:
        return policy(id).run(points(series), WAI).insufficient

    assert lacks("xmr/1", "4 4") == "2 of the 5 scores that a personal baseline needs"
    assert lacks("ewma/1", "4 4 4 4") is None
    assert lacks("absolute/1", "") is None
    assert lacks("change-point/1", "4 - 4") == "2 of the 12 scores that a look back needs"
    assert lacks("sudden-loss/1", "4 4 > 4 4 4 4") is None


# -- looking back --------------------------------------------------------------------------------


def test_shifts_of_level() -> None:
    series = "4.2 4.1 4.3 4.2 4.1 4.2 3.1 3 3.2 3.1 3 3.1 3.1 4.2 4.1 4.2 4.3 4.2 4.1"
    assert events("change-point/1", series) == [("shift-down", 7, 1), ("shift-up", 14, 1)]
    steps = policy("change-point/1").run(points(series), WAI).steps
    assert [len(s.base) for s in steps] == [6] * 6 + [7] * 7 + [6] * 6
    assert steps[0].baseline == pytest.approx(25.1 / 6)


def test_a_stretch_has_six_scores_at_least() -> None:
    assert events("change-point/1", "4.2 4.1 4.3 4.2 4.1 4.2 3 3 3 3 3") == []
    assert events("change-point/1", "4.2 4.1 4.3 4.2 4.1 4.2 3 3 3 3 3 3") == [("shift-down", 7, 1)]


def test_a_long_gap_begins_anew() -> None:
    assert events("change-point/1", "4 4 4 4 4 4 > 3 3 3 3 3 3") == []


@pytest.mark.parametrize(
    ("scores", "penalty"),
    [
        ([0.0] * 7 + [3.0] * 6 + [0.5] * 8, 2.0),
        ([0.0, 1, 0, 2, 1, 0, 2, 3, 2, 4, 3, 2, 5, 1, 0, 1, 2], 0.5),
        ([1.0, 5, 2, 4, 3, 3, 2, 4, 1, 5, 0, 6, 3, 3], 1.0),
    ],
)
def test_the_cuts_are_the_best_that_there_are(scores: list[float], penalty: float) -> None:
    """Against every way to cut the series into stretches of two and more."""
    from itertools import combinations, pairwise
    from math import log

    def total(cuts: tuple[int, ...]) -> float:
        cost = penalty * log(len(scores)) * len(cuts)
        for a, b in pairwise((0, *cuts, len(scores))):
            mean = sum(scores[a:b]) / (b - a)
            cost += sum((x - mean) ** 2 for x in scores[a:b])
        return cost

    ways = [
        cuts
        for count in range(5)
        for cuts in combinations(range(2, len(scores) - 1), count)
        if all(b - a >= 2 for a, b in pairwise((0, *cuts, len(scores))))
    ]
    found = tuple(cut(scores, 1.0, penalty, shortest=2))
    assert found in ways
    assert total(found) == pytest.approx(min(map(total, ways)))


def test_a_sudden_loss_lasts() -> None:
    assert events("sudden-loss/1", "4 4.1 4.2 3 2.9 3 4.2") == [("sudden-loss", 4, 1)]
    assert events("sudden-loss/1", "4 4.1 4.2 3 4.1 4.2") == []
    assert events("sudden-loss/1", "4 4.1 - 4.2 3 - 2.9") == [("sudden-loss", 5, 1)]


# -- a site's choice -----------------------------------------------------------------------------


def test_a_site_may_take_another_policy_for_one_instrument() -> None:
    chosen = site_policies("xmr/1", {"srs-v3": "openfit-srs/1"}, "balanced")
    assert (chosen.of("wai-sr-c").id, chosen.of("srs-v3").id) == ("xmr/1", "openfit-srs/1")
    assert SitePolicies(policy()).of("srs-v3").id == "alliance-policy/1"


@pytest.mark.parametrize(
    ("usual", "others", "preset", "why"),
    [
        ("nonsense/1", {}, "balanced", "there are: alliance-policy/1"),
        ("change-point/1", {}, "balanced", "never for alerts"),
        ("alliance-policy/1", {"srs-v3": "sudden-loss/1"}, "balanced", "never for alerts"),
        ("openfit-srs/1", {}, "balanced", r"\[detection.policies\]"),
        ("alliance-policy/1", {"wai-sr-c": "openfit-srs/1"}, "balanced", "not for wai-sr-c"),
        ("absolute/1", {}, "specific", "absolute/1 has: balanced"),
    ],
)
def test_a_policy_that_may_not_alert_is_refused(usual: str, others: dict[str, str], preset: str, why: str) -> None:
    assert unfit(usual, others, preset)
    with pytest.raises(ConfigError, match=why):
        site_policies(usual, others, preset)
