"""Strains, slides, trends, ceilings, missing forms, new therapists: each does what its parameter says, and no more.

Two settings of one seed share every draw, so the difference between their cohorts is what the setting did.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from fhir_alliance.errors import ConfigError
from fhir_alliance.instruments import load_all
from fhir_alliance.simulate import REPAIR, STRAIN, Cohort, Parameters, generate
from fhir_alliance.simulate.parameters import ABOUT, flag

WAI, SRS = load_all()["wai-sr-c"], load_all()["srs-v3"]
QUIET = Parameters(strain_rate=0, missing=0)
# Lines to mark, no scatter of answers, far from both ends: the total is four times the standing, to the millimetre.
CLEAR = replace(QUIET, mean=5.0, between_sd=0.3, within_sd=0.2, item_sd=0, noise_sd=0)


def draw(parameters: Parameters, instrument: Any = SRS, clients: int = 400, t: int = 16, seed: int = 1) -> Cohort:
    return generate(parameters, instrument, clients, (t, t), seed)


def effect(parameters: Parameters, **keywords: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Item points by which the setting lowers each score."""
    return (draw(CLEAR, **keywords).values - draw(parameters, **keywords).values) / 4


def strained(cohort: Cohort) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """In which sessions a client is in a strain, by the labels alone."""
    found = np.zeros(cohort.truth.shape, bool)
    for row, truth in enumerate(cohort.truth):
        on = False
        for n, label in enumerate(truth[: cohort.length[row]]):
            assert label != STRAIN or not on, "a strain within a strain"
            assert label != REPAIR or on, "a repair of nothing"
            on = label == STRAIN or (on and label != REPAIR)
            found[row, n] = on
    return found


# -- planted -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("lasts", "sessions"), [("once", 1), ("3", 3), ("lasting", 9), ("9", 9), ("20", 9)])
def test_a_planted_strain_lowers_its_sessions_and_no_other(lasts: str, sessions: int) -> None:
    planted = replace(CLEAR, strain_at=8, strain_depth=1.0, strain_lasts=lasts)
    expected = np.zeros(16)
    expected[7 : 7 + sessions] = 1.0
    assert effect(planted) == pytest.approx(np.tile(expected, (400, 1)), abs=1e-9)
    truth = draw(planted).truth
    assert (truth[:, 7] == STRAIN).all()
    if lasts in {"once", "3"}:
        assert (truth[:, 7 + sessions] == REPAIR).all()
    assert np.count_nonzero(truth) == 400 * (2 if lasts in {"once", "3"} else 1)


def test_a_depth_in_points_of_the_scale() -> None:
    """SRS depths of 2.6: 1.5 / 2.0 / 3.0 of an item are 6 / 8 / 12 of the total; a mean has the item's own metric."""
    for item, points in ((1.5, 6), (2.0, 8), (3.0, 12)):
        by_item, by_total = ({"strain_depth": item}, {"strain_points": points})
        one, other = (draw(Parameters(strain_at=8, **by)) for by in (by_item, by_total))
        assert np.array_equal(one.values, other.values, equal_nan=True)
    one, other = (draw(Parameters(strain_at=8, **by), WAI) for by in ({"strain_depth": 1.0}, {"strain_points": 1.0}))
    assert np.array_equal(one.values, other.values, equal_nan=True)


def test_a_client_who_leaves_before_has_no_planted_strain() -> None:
    cohort = generate(Parameters(strain_at=8, strain_depth=1.0), WAI, 300, (4, 12), seed=2)
    assert np.array_equal((cohort.truth == STRAIN).any(axis=1), cohort.length >= 8)


# -- at random -----------------------------------------------------------------------------------


def test_random_strains_have_the_rate_and_the_lengths_that_were_asked_for() -> None:
    cohort = draw(Parameters(strain_rate=0.04), WAI, clients=20_000, t=20)
    on = strained(cohort)
    free = ~on
    free[:, 0] = False  # none begins at the first session
    begun = cohort.truth == STRAIN
    eligible = (free & (cohort.truth != REPAIR)) | begun
    assert begun.sum() / eligible.sum() == pytest.approx(0.04, abs=0.001)
    assert not begun[:, 0].any()
    lengths = [ends(cohort, row, n) for row, n in zip(*np.nonzero(begun[:, :16]), strict=True)]
    shares = np.bincount([length or 0 for length in lengths], minlength=4) / len(lengths)
    assert shares[:4] == pytest.approx([0.25, 0.5, 0.125, 0.125], abs=0.02)  # lasting, one, two, three sessions
    assert len(shares) == 4


def ends(cohort: Cohort, row: int, n: int) -> int | None:
    """Sessions from a strain's beginning to its repair."""
    back = np.nonzero(cohort.truth[row, n:] == REPAIR)[0]
    return int(back[0]) if back.size else None


def test_random_strains_are_as_deep_as_was_asked_for_and_only_where_the_labels_say() -> None:
    busy = replace(CLEAR, strain_rate=0.1)
    deep, on = effect(busy), strained(draw(busy))
    assert deep[~on] == pytest.approx(0, abs=1e-9)
    depths = deep[draw(busy).truth == STRAIN] / 0.2
    assert depths.size > 300
    assert depths.min() >= 1.5 - 0.3  # a tenth of a point in four lines, rounded
    assert depths.max() <= 4.5 + 0.3
    assert depths.mean() == pytest.approx(3, abs=0.15)


# -- slow changes --------------------------------------------------------------------------------


def test_a_trend_lifts_everybody() -> None:
    assert effect(replace(CLEAR, trend=0.1)) == pytest.approx(np.tile(-0.1 * np.arange(16), (400, 1)), abs=1e-9)


def test_a_slide_goes_down_step_by_step_and_stays() -> None:
    sliding = replace(CLEAR, slide_share=0.5, slide_step=0.5, slide_depth=2.0)  # of .2: .1 a session, down to .4
    deep, cohort = effect(sliding), draw(sliding)
    slid = (cohort.truth == STRAIN).any(axis=1)
    assert slid.mean() == pytest.approx(0.5, abs=0.08)
    assert (deep[~slid] == pytest.approx(0, abs=1e-9)) is True
    for row in np.nonzero(slid)[0]:
        begins = int(np.argmax(cohort.truth[row] == STRAIN))
        assert begins >= 4
        expected = np.clip(0.1 * (np.arange(16) - begins + 1), 0, 0.4)
        assert deep[row] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("instrument", "half"), [(WAI, 0.38), (SRS, 0.51)], ids=["wai-sr-c", "srs-v3"])
def test_more_clients_at_the_ceiling(instrument: Any, half: float) -> None:
    top = instrument.change.maximum
    shares = [
        (draw(replace(QUIET, ceiling_share=s), instrument, 2000).values == top).mean() for s in (0, 0.25, 0.5, 0.75)
    ]
    assert shares == sorted(shares)
    assert shares[2] == pytest.approx(half, abs=0.03)
    assert shares[3] > 0.52  # clinical.md 5.2 sweeps to 54 %


# -- forms and therapists ------------------------------------------------------------------------


def test_missing_forms_and_those_of_strains() -> None:
    cohort = draw(Parameters(missing=0.12, missing_in_strain=2.5, strain_rate=0.1), WAI, 5000)
    gone, on = np.isnan(cohort.values), strained(cohort)
    assert gone[~on].mean() == pytest.approx(0.12, abs=0.006)
    assert gone[on].mean() == pytest.approx(0.30, abs=0.012)


def test_a_new_therapist_is_a_new_series() -> None:
    parameters = replace(CLEAR, between_sd=1.0, change_share=0.4, change_first=3, change_kept=0.5)
    cohort = draw(parameters, clients=3000)
    changed = np.nonzero(cohort.dyad == 1)[0]
    assert len(changed) / 3000 == pytest.approx(0.4, abs=0.03)
    assert cohort.rows == 3000 + len(changed)
    assert cohort.sessions == 3000 * 16
    before, after = cohort.values[changed - 1], cohort.values[changed]
    assert (cohort.client[changed - 1] == cohort.client[changed]).all()
    assert (cohort.length[changed - 1] + cohort.length[changed] == 16).all()
    assert (cohort.length[changed - 1] >= 2).all()
    assert (cohort.length[changed] >= 1).all()
    r = np.corrcoef(np.nanmean(before, axis=1), np.nanmean(after, axis=1))[0, 1]
    assert r == pytest.approx(0.5, abs=0.08)
    for row in changed[:200]:
        last = cohort.days[row - 1, cohort.length[row - 1] - 1]
        assert cohort.days[row, 0] == last + 7
        assert cohort.name(row).rpartition("-")[0] == cohort.name(row - 1).rpartition("-")[0]
        assert (cohort.name(row - 1)[-2:], cohort.name(row)[-2:]) == ("-1", "-2")
    assert len({cohort.name(row) for row in range(cohort.rows)}) == cohort.rows


def test_a_strain_ends_with_its_dyad() -> None:
    parameters = replace(CLEAR, change_share=1, change_first=9, strain_at=8, strain_depth=1.0, strain_lasts="lasting")
    calm = replace(parameters, strain_at=None, strain_depth=None, strain_lasts="once")
    with_strain, without = draw(parameters), draw(calm)
    assert not with_strain.truth[with_strain.dyad == 1].any()
    second = with_strain.dyad == 1
    assert np.array_equal(with_strain.values[second], without.values[second], equal_nan=True)


def test_beyond_its_length_a_row_is_empty_and_days_rise() -> None:
    cohort = generate(Parameters(change_share=0.5, jitter=3), WAI, 600, (3, 20), seed=3)
    beyond = np.arange(20) >= cohort.length[:, None]
    assert np.isnan(cohort.values[beyond]).all()
    assert not cohort.truth[beyond].any()
    assert (np.diff(cohort.days, axis=1) > 0).all()
    assert not np.isnan(cohort.values[~beyond]).all()


def test_lengths_cover_their_range() -> None:
    cohort = generate(Parameters(), WAI, 3000, (6, 20), seed=4)
    assert set(cohort.length.tolist()) == set(range(6, 21))
    assert cohort.length.mean() == pytest.approx(13, abs=0.3)


# -- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", [n for n, about in ABOUT.items() if about.low == about.low])
def test_a_number_out_of_range_is_refused_by_its_flag(name: str) -> None:
    for wrong in (ABOUT[name].low - 1, ABOUT[name].high + 1, float("nan")):
        with pytest.raises(ConfigError, match=f"^{flag(name)}: give a "):
            Parameters(**{name: wrong})


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"depth_low": 3.0, "depth_high": 2.0}, "--depth-low"),
        ({"once_share": 0.8, "short_share": 0.3}, "--once-share"),
        ({"jitter": 4}, "--jitter"),
        ({"strain_at": 8}, "--strain-depth or --strain-points"),
        ({"strain_at": 8, "strain_depth": 1.0, "strain_points": 4.0}, "one of them"),
        ({"strain_depth": 1.0}, "--strain-at"),
        ({"strain_lasts": "lasting"}, "--strain-at"),
        ({"strain_at": 8, "strain_depth": 1.0, "strain_lasts": "ever"}, "--strain-lasts"),
        ({"strain_at": 8, "strain_depth": 1.0, "strain_lasts": "0"}, "--strain-lasts"),
        ({"caseload": 2.5}, "--caseload: give a whole number"),
    ],
)
def test_what_does_not_go_together_is_refused(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        Parameters(**given)


@pytest.mark.parametrize(
    ("clients", "sessions", "seed", "told"),
    [
        (0, (4, 4), 1, "--clients"),
        (10_000_000, (4, 4), 1, "--clients"),
        (5, (0, 4), 1, "--sessions"),
        (5, (6, 4), 1, "--sessions"),
        (5, (6, 1001), 1, "--sessions"),
        (5, (4, 4), -1, "--seed"),
        (5, (4, 4), 2**64, "--seed"),
    ],
)
def test_sizes_out_of_range_are_refused(clients: int, sessions: tuple[int, int], seed: int, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        generate(Parameters(), WAI, clients, sessions, seed)
