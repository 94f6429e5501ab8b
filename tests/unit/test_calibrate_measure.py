"""What is counted, by hand: windows of strains, false alarms, what was seen, and intervals over clients."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import numpy as np
import pytest

from fhir_alliance.calibrate.alarms import NOT_RECOVERED, Alarms, alarms
from fhir_alliance.calibrate.measure import false_alarms, repair, seen, with_any
from fhir_alliance.calibrate.ratio import Ratio, difference, predictive, wilson
from fhir_alliance.calibrate.sample import Sample
from fhir_alliance.calibrate.strata import members, strata
from fhir_alliance.calibrate.trial import trial
from fhir_alliance.detection import policies, policy
from fhir_alliance.detection.policy import RulePolicy
from fhir_alliance.instruments import get
from fhir_alliance.simulate import Parameters, generate

TRUTH = {".": 0, "S": 1, "R": 2, "_": 0}


def sample(*rows: str, clients: tuple[int, ...] | None = None) -> Sample:
    """A letter for each session: `.` scored, `_` no form, `S` a strain begins, `R` first session back; lower case
    `s` and `r` for those without a form."""
    size = max(map(len, rows))
    values = np.array([[np.nan if c in "_sr " else 4.0 for c in row.ljust(size)] for row in rows])
    truth = np.array([[TRUTH.get(c.upper(), 0) for c in row.ljust(size)] for row in rows], np.int8)
    length = np.array([len(row) for row in rows])
    return Sample.of(values, truth, length, np.array(clients or range(len(rows))))


def said(found: Sample, *cells: tuple[int, int]) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """Check-ins at (series, session from 1)."""
    cube = np.zeros(found.scored.shape, bool)
    for row, session in cells:
        cube[row, session - 1] = True
    return cube


def everyone(found: Sample) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.ones(len(found.level), bool)


@pytest.mark.parametrize(
    ("row", "free"),
    [
        ("........", "11111111"),
        ("...SR...", "11100011"),  # one session: the two after its onset count as just ended
        ("...S....", "11100000"),  # lasting
        ("...S..R.", "11100011"),
        ("...S...R", "11100001"),  # longer than the two
        (".SRSR...", "10000011"),  # two strains
        ("...sR...", "11100011"),  # a form may be missing at the onset
    ],
)
def test_sessions_free_of_strain(row: str, free: str) -> None:
    assert "".join(str(int(f)) for f in sample(row).free[0]) == free


def test_a_false_alarm_is_outside_every_window_and_counted_per_scored_session() -> None:
    found = sample("...SR...", "._......")
    rate = false_alarms(found, said(found, (0, 2), (0, 4), (0, 6), (0, 7), (1, 3)), everyone(found))
    assert (rate.hits, rate.of) == (3, 5 + 7)  # sessions 4 and 6 of the first are about its strain


def test_share_of_clients_with_any_counts_clients_not_series() -> None:
    found = sample("....", "....", "....", clients=(0, 0, 1))
    share = with_any(found, said(found, (0, 1), (0, 3), (1, 2)), everyone(found))
    assert (share.hits, share.of) == (1, 2)


def test_seen_is_by_sessions_and_of_strains_whose_onset_was_scored() -> None:
    found = sample("...S....", "...S_...", "...s....", "...S....")
    check_ins = said(found, (0, 4), (1, 6), (2, 5), (3, 7))
    by = [seen(found, check_ins, everyone(found), n) for n in (0, 1, 2)]
    assert [(r.hits, r.of) for r in by] == [(1, 3), (1, 3), (2, 3)]


def test_seen_of_strains_that_begin_between_two_sessions() -> None:
    found = sample(".S......", "...S....", "....S...")
    check_ins = said(found, (0, 2), (1, 4))
    by_onset = [seen(found, check_ins, everyone(found), 0, onsets) for onsets in ((1, 3), (4, 5), (6, 99))]
    assert [(r.hits, r.of) for r in by_onset] == [(1, 1), (1, 2), (0, 0)]


def test_seeing_does_not_run_past_the_last_session() -> None:
    found = sample("...S")
    assert seen(found, said(found, (0, 4)), everyone(found), 2).hits == 1


def test_repair_is_told_by_the_first_episode_of_the_strain() -> None:
    found = sample("...SR......", "...S.......", "...S...R...", "...SR......")
    ended = np.zeros(found.scored.shape, np.int8)
    ended[0, 3], ended[0, 5] = 1, 2  # its own episode repaired; a later one is another story
    ended[1, 4], ended[2, 3] = 1, 2
    nothing = np.zeros(found.scored.shape, bool)
    told = repair(found, Alarms(ended, nothing, nothing, ended), everyone(found))
    assert told["repaired"]["repaired"].estimate == 1  # the fourth strain was not seen at all
    # Over four sessions after its onset: longer than an episode is followed, so it counts as lasting.
    assert told["lasting"]["repaired"].estimate == 0.5
    assert told["lasting"]["unrepaired"].estimate == 0.5


def test_strata_are_by_usual_score_and_a_series_without_one_is_in_all_only() -> None:
    found = Sample.of(
        np.array([[4.8, 4.8], [4.79, 4.79], [np.nan, np.nan]]),
        np.zeros((3, 2), np.int8),
        np.full(3, 2),
        np.arange(3),
    )
    groups = {name: members(found, name, bounds).tolist() for name, bounds in strata(4.8, (3.0,)).items()}
    assert groups == {
        "all": [True, True, True],
        "ceiling": [True, False, False],
        "below-ceiling": [False, True, False],
        "below 3": [False, False, False],
        "3 and up": [True, True, False],
    }


# -- intervals -----------------------------------------------------------------------------------


def test_wilson_is_the_published_interval() -> None:
    """81 of 263: .2553 to .3662 (Newcombe 1998, Stat Med 17:857-872, table I, method 3)."""
    assert wilson(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)


def test_one_session_for_each_client_gives_the_binomial_interval() -> None:
    hits = np.array([1.0] * 81 + [0.0] * 182)
    figure = Ratio(hits, np.ones(263)).figure()
    assert (figure.low, figure.high) == pytest.approx(wilson(81 / 263, 262), abs=1e-9)


def test_clients_are_the_sample_not_sessions() -> None:
    """Ten sessions of each client that all say the same carry no more than one."""
    hits = np.array([1.0] * 30 + [0.0] * 70)
    one, ten = Ratio(hits, np.ones(100)).figure(), Ratio(10 * hits, np.full(100, 10.0)).figure()
    assert ten == one


@pytest.mark.parametrize(("hits", "estimate"), [(0.0, 0.0), (1.0, 1.0)])
def test_where_nothing_or_everything_is_hit_there_is_still_an_interval(hits: float, estimate: float) -> None:
    figure = Ratio(np.full(50, hits), np.ones(50)).figure()
    assert figure.estimate == estimate
    assert figure.low is not None
    assert figure.high is not None
    assert 0.05 < figure.high - figure.low < 0.10


def test_the_ends_of_nothing_and_everything_are_exact() -> None:
    """So that one over a rate of 0 has no upper end, and not one of 1e16 sessions."""
    assert {wilson(0.0, n)[0] for n in range(1, 3000)} == {0.0}
    assert {wilson(1.0, n)[1] for n in range(1, 3000)} == {1.0}
    rates = [Ratio(np.zeros(n), np.ones(n)).figure() for n in range(1, 300)]
    assert {rate.reciprocal().high for rate in rates} == {None}


def test_nothing_to_divide_by_is_unknown() -> None:
    assert Ratio(np.zeros(3), np.zeros(3)).figure().to_json() == {"estimate": None, "low": None, "high": None}


def test_right_check_ins_by_bayes() -> None:
    """Sensitivity .6 and 3.3 false alarms in 100: .27, .49, .67 (clinical specification 2.6)."""
    clients = 1000
    se = Ratio(np.array([1.0] * 600 + [0.0] * 400), np.ones(clients))
    fa = Ratio(np.array([1.0] * 33 + [0.0] * 967), np.ones(clients))
    right = [predictive(se, fa, p) for p in (0.02, 0.05, 0.10)]
    assert [r.estimate for r in right] == pytest.approx([0.27, 0.49, 0.67], abs=0.002)
    assert all(r.low is not None and r.high is not None and r.estimate is not None for r in right)
    assert [r.low < r.estimate < r.high for r in right] == [True] * 3  # type: ignore[operator]


def test_right_check_ins_without_a_false_alarm_have_no_certainty() -> None:
    se, fa = Ratio(np.ones(20), np.ones(20)), Ratio(np.zeros(20), np.ones(20))
    right = predictive(se, fa, 0.05)
    assert right.estimate == 1
    assert right.low is not None
    assert right.low < 0.5


def test_a_paired_difference_is_surer_than_its_parts() -> None:
    rng = np.random.RandomState(5)
    a = (rng.random_sample(2000) < 0.4).astype(float)
    b = np.where(rng.random_sample(2000) < 0.05, 1 - a, a)
    found = difference(Ratio(a, np.ones(2000)), Ratio(b, np.ones(2000)))
    assert found.estimate == pytest.approx(a.mean() - b.mean())
    assert found.low is not None
    assert found.high is not None
    discordant = float((a != b).mean())
    expected = 1.96 * sqrt((discordant - (a.mean() - b.mean()) ** 2) / 2000)
    assert (found.high - found.low) / 2 == pytest.approx(expected, rel=1e-3)


def test_intervals_cover() -> None:
    """Of 400 cohorts with correlated sessions, about 95 % of the intervals hold the true rate."""
    rng = np.random.RandomState(1)
    inside = 0
    for _ in range(400):
        p = rng.beta(0.5, 9.5, 300)[:, None]  # mean .05, clients differ much
        hits = (rng.random_sample((300, 12)) < p).sum(axis=1).astype(float)
        figure = Ratio(hits, np.full(300, 12.0)).figure()
        assert figure.low is not None
        assert figure.high is not None
        inside += figure.low <= 0.05 <= figure.high
    assert 0.925 <= inside / 400 <= 0.975


# -- policies over a cohort ----------------------------------------------------------------------


class Readable:
    """A policy that is no rule with a course: it takes the readable way."""

    def __init__(self, inner: RulePolicy) -> None:
        self.run, self.id, self.preset, self.threshold = inner.run, inner.id, inner.preset, inner.threshold


@pytest.mark.parametrize("id", [id for id, info in policies().items() if info.push and not info.refuses("srs-v3")])
def test_both_ways_through_a_policy_say_the_same(id: str) -> None:
    instrument = get("srs-v3")
    clinic = Parameters(strain_rate=0.08, jitter=3, interval=20, missing=0.2, change_share=0.3, ceiling_share=0.2)
    on = trial(generate(clinic, instrument, 80, (1, 20), 7))
    rule = policy(id)
    assert isinstance(rule, RulePolicy)
    one, other = (alarms(p, on, instrument.change) for p in (rule, Readable(rule)))  # type: ignore[arg-type]
    for name in ("onset", "priority", "notice", "ended"):
        assert (getattr(one, name) == getattr(other, name)).all(), name
    assert one.check_in.any()
    assert one.priority.any()


def test_two_events_at_one_score_are_both_kept() -> None:
    """The score that is still low and the one that closes the episode can be the same."""
    values = np.array([[4.0, 4.0, 4.0, 4.0, 3.3, 3.6, 3.6, 3.35]])
    instrument = get("wai-sr-c")
    made = generate(Parameters(strain_rate=0, missing=0), instrument, 1, (8, 8), 1)
    on = trial(replace(made, values=values))
    last = [e.kind for e in policy().run(on.points()[0], instrument.change).events if e.index == 8]
    assert last == ["persisting", "unrepaired"]
    found = alarms(policy(), on, instrument.change)
    assert np.flatnonzero(found.priority[0]).tolist() == [7]
    assert np.flatnonzero(found.check_in[0]).tolist() == [4]
    assert found.ended[0, 4] == NOT_RECOVERED
