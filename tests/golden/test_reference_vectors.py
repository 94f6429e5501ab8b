"""Known answers of other people's software, to 1e-6: reliable change, sudden losses, XmR limits."""

from __future__ import annotations

import random
from statistics import NormalDist

import pytest

from fhir_alliance.detection import reliable_change
from fhir_alliance.detection.losses import is_sudden_loss
from fhir_alliance.detection.xmr import xmr_limits

# -- reliable change -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sd", "reliability", "error", "difference", "rc95"),
    [
        (10.5, 0.961, 2.073584, 2.93249, 5.747681),
        (6.396073, 0.931, 1.680111, 2.376036, 4.65703),
    ],
)
def test_reliable_change_as_suddengains(
    sd: float, reliability: float, error: float, difference: float, rc95: float
) -> None:
    """GitHub milanwiedemann/suddengains @802ffa7, tests/testthat/test-define_crit1_cutoff.R (MIT).

    Its expectations are printed to seven digits, the second's SD (of the example data) too.
    """
    found = reliable_change(sd, reliability)
    assert found.error == pytest.approx(error, abs=1e-6)
    assert found.difference == pytest.approx(difference, abs=1e-6)
    assert found.rc95 == pytest.approx(rc95, abs=1e-6)


def test_reliable_change_at_other_confidences() -> None:
    """Clinical specification 1.2.1: SD .75 and alpha .92 on the WAI-SR's mean metric, to two places."""
    found = reliable_change(0.75, 0.92)
    assert [round(v, 2) for v in (found.error, found.rc90, found.rc95, found.rc99)] == [0.21, 0.49, 0.59, 0.77]


@pytest.mark.parametrize(
    ("sd", "reliability"), [(-1, 0.9), (float("nan"), 0.9), (1, 1.1), (1, -0.1), (1, float("nan"))]
)
def test_impossible_reliabilities_are_refused(sd: float, reliability: float) -> None:
    with pytest.raises(ValueError, match="number from 0"):
        reliable_change(sd, reliability)


# -- sudden losses -------------------------------------------------------------------------------

MIRROR = 40
"""The vectors are of a scale where higher is worse; ours are turned round at this value."""


@pytest.mark.parametrize(
    ("scores", "losses"),
    [
        ([10, 11, 12, 30, 28, 33], [0, 1, 0]),
        ([10, 11, 12, 10, 28, 33], [0, 0, 1]),
        ([10, 11, 30, 30, 28, 33], [1, 0, 0]),
        ([35, 37, 34, 23, 24, 21], [0, 0, 0]),
    ],
)
def test_sudden_losses_as_suddengains(scores: list[int], losses: list[int]) -> None:
    """GitHub milanwiedemann/suddengains @d63c92d, tests/testthat/test-identify_sl.R (MIT): cut-off 7, 25 %;
    the columns are the intervals 2 to 3, 3 to 4, 4 to 5."""
    mine = [MIRROR - s for s in scores]
    found = [is_sudden_loss(mine[max(0, i - 3) : i], mine[i : i + 3], 7) for i in (2, 3, 4)]
    assert found == [bool(loss) for loss in losses]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ([35, None, 33], [24, 28, 26], True),  # its own example: 5, NA, 7 then 16, 12, 14
        ([35, 34, None], [24, 28, 26], None),
        ([35, 34, 33], [None, 28, 26], None),
        ([None, None, 33], [24, 28, 26], None),
        ([33], [24, 28, 26], None),
        ([35, 34, 33], [24, None, 35], False),  # does not last
        ([39, 38, 39], [31, 31, 31], False),  # 8 points, but less than a quarter
        ([12, 12, 12], [6, 6, 6], False),  # a half, but less than a reliable change
    ],
)
def test_missing_scores_and_each_criterion(
    before: list[float | None], after: list[float | None], told: bool | None
) -> None:
    assert is_sudden_loss(before, after, 7) is told


@pytest.mark.parametrize(
    ("before", "count", "pooled", "critical"),
    [
        ([8, 8, 8], 3, 0.5**0.5, 2.776),
        ([None, 8, 8], 3, (2 / 3) ** 0.5, 3.182),
        ([8, 8, 8], 2, (2 / 3) ** 0.5, 3.182),
        ([None, 8, 8], 2, 1.0, 4.303),
    ],
)
def test_the_critical_value_grows_with_missing_scores(
    before: list[float | None], count: int, pooled: float, critical: float
) -> None:
    """Scores of 8 before; one below and one above a mean after, and that mean itself where there are three.

    `pooled` SD: the sum of squares is 2, by n1 + n2 - 2.
    """
    for factor, told in [(0.999, False), (1.001, True)]:
        mean = 8 - factor * critical * pooled
        scores: list[float | None] = [mean - 1, mean, mean + 1] if count == 3 else [mean - 1, None, mean + 1]
        assert is_sudden_loss(before, scores, 2) is told


# -- XmR -----------------------------------------------------------------------------------------


def r_rnorm(seed: int, count: int) -> list[float]:
    """What R draws after `set.seed(seed); rnorm(count)` by its default generators.

    R fills the Mersenne Twister's state from a congruential generator (50 steps are thrown away, one
    word is the position), joins two uniform numbers and inverts the normal distribution (Wichura's
    AS 241, which `statistics` has too). R sources, src/main/RNG.c and src/nmath/snorm.c.
    """
    state, words = seed, []
    for step in range(50 + 625):
        state = (69069 * state + 1) % 2**32
        words += [state] if step >= 50 else []
    twister = random.Random()
    twister.setstate((3, (*words[1:], 624), None))

    def uniform() -> float:
        return twister.getrandbits(32) * 2.3283064365386963e-10

    big = 134217728
    return [NormalDist().inv_cdf((int(big * uniform()) + uniform()) / big) for _ in range(count)]


def test_the_numbers_of_r() -> None:
    """As printed in _snaps/ptd_spc_standard.md of NHSRplotthedots @3aefce7, to three digits."""
    printed = (
        "-.560 -.230 1.56 .0705 .129 1.72 .461 -1.27 -.687 -.446 1.22 .360 .401 .111 -.556 1.79 .498 -1.97 .701 -.473"
    )
    assert r_rnorm(123, 20) == pytest.approx([float(p) for p in printed.split()], rel=0.005)


@pytest.mark.parametrize(
    ("spike", "screen", "lower", "upper"),
    [
        (None, True, -3.01138, 3.294627),
        (None, False, -3.01138, 3.294627),
        (10.0, True, -2.383666, 3.722497),
        (10.0, False, -4.596625, 5.935457),
    ],
)
def test_xmr_limits_as_nhsrplotthedots(spike: float | None, screen: bool, lower: float, upper: float) -> None:
    """GitHub nhs-r-community/NHSRplotthedots @050b07d, R/ptd_spc_standard.R and its tests (MIT): 20 standard normal
    values of R (`set.seed(123)`), as they are and with the fifteenth set to 10."""
    scores = r_rnorm(123, 20)
    if spike is not None:
        scores[14] = spike
    found = xmr_limits(scores, screen=screen)
    assert found.lower == pytest.approx(lower, abs=1e-6)
    assert found.upper == pytest.approx(upper, abs=1e-6)
    assert found.mean == pytest.approx(
        0.1416238 if spike is None else 0.1416238 + (spike - r_rnorm(123, 15)[14]) / 20, abs=1e-6
    )


def test_screening_leaves_what_does_not_vary_alone() -> None:
    found = xmr_limits([4.0] * 6)
    assert (found.lower, found.mean, found.upper) == (4, 4, 4)
