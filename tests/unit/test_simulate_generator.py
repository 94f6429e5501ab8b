"""The generator of labelled clinics: the published figures, what the labels promise, and that a seed is a seed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from fhir_alliance.instruments import load_all
from fhir_alliance.scoring import score
from fhir_alliance.simulate import Cohort, Parameters, generate
from fhir_alliance.simulate.form import form
from fhir_alliance.simulate.generator import blocks

WAI, SRS = load_all()["wai-sr-c"], load_all()["srs-v3"]
QUIET = Parameters(strain_rate=0, missing=0)
EXPECTED = "c4a780364a2816b7b216eb0e0c805f4f686c3d1313121692f1b5f82ad1634f28"


def figures(values: np.ndarray[Any, np.dtype[np.float64]], top: float, low: Callable[[Any], Any]) -> dict[str, float]:
    within = values.var(axis=1, ddof=1).mean()
    between = values.mean(axis=1).var(ddof=1) - within / values.shape[1]
    return {
        "mean": values.mean(),
        "sd": values.std(),
        "within": within**0.5,
        "icc": between / (between + within),
        "top": (values == top).mean(),
        "low": low(values).mean(),
    }


def alpha(answers: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    """Cronbach's, of forms [n, items]."""
    k = answers.shape[1]
    return k / (k - 1) * (1 - answers.var(axis=0, ddof=1).sum() / answers.sum(axis=1).var(ddof=1))


# clinical.md Appendix B, "result". Its own run had some thousand clients, ours 20,000: tolerances are three standard
# errors of both together, and half of the last printed digit.
PUBLISHED = {
    "wai-sr-c": {"mean": (3.98, 0.04), "sd": (0.73, 0.03), "within": (0.33, 0.02), "icc": (0.80, 0.03)}
    | {"top": (0.066, 0.009), "low": (0.097, 0.013)},
    "srs-v3": {"mean": (36.3, 0.25), "sd": (3.7, 0.2), "within": (2.2, 0.12), "icc": (0.64, 0.04)}
    | {"top": (0.18, 0.015), "low": (0.40, 0.025)},
}


@pytest.mark.parametrize("instrument", [WAI, SRS], ids=lambda i: i.id)
def test_the_published_figures_of_the_generator(instrument: Any) -> None:
    cohort = generate(QUIET, instrument, 20_000, (16, 16), seed=1)
    low = (lambda v: v < 3) if instrument is WAI else (lambda v: v <= 36)
    found = figures(cohort.values, instrument.change.maximum, low)
    for name, (expected, tolerance) in PUBLISHED[instrument.id].items():
        assert found[name] == pytest.approx(expected, abs=tolerance), name


@pytest.mark.parametrize("instrument", [WAI, SRS], ids=lambda i: i.id)
def test_the_published_alpha(instrument: Any) -> None:
    drawn = [b.steps[:, 5] for b in blocks(QUIET, instrument, 5120, (6, 6), seed=2)]
    assert alpha(form(instrument).answers(np.concatenate(drawn))) == pytest.approx(0.95, abs=0.012)


@pytest.mark.parametrize("instrument", [i for i in load_all().values() if i.items], ids=lambda i: i.id)
def test_values_are_the_scores_of_the_answers(instrument: Any) -> None:
    """To the last bit, for every instrument that has items."""
    (block,) = blocks(QUIET, instrument, 40, (12, 12), seed=3)
    answers = form(instrument).answers(block.steps)
    for row in range(block.cohort.rows):
        for n in range(12):
            given = {item.number: float(a) for item, a in zip(instrument.items, answers[row, n], strict=True)}
            assert all(i.minimum <= given[i.number] <= i.maximum for i in instrument.items)
            scores, unscored = score(instrument, given)
            assert not unscored
            assert next(s.value for s in scores if s.scale == "total") == block.cohort.values[row, n]


def test_autocorrelation_is_what_was_asked_for() -> None:
    """Nearly no rounding: no item noise, a line to mark. The centred series lose a little, as short ones do."""
    for phi in (0, 0.3, 0.6):
        parameters = replace(QUIET, autocorrelation=phi, within_sd=0.2, mean=5.0, noise_sd=0, within_spread=0)
        values = generate(parameters, SRS, 2000, (100, 100), seed=4).values
        centred = values - values.mean(axis=1, keepdims=True)
        r = (centred[:, 1:] * centred[:, :-1]).mean() / (centred**2).mean()
        assert r == pytest.approx(phi, abs=0.03)


def same(a: Cohort, b: Cohort) -> bool:
    names = [f.name for f in fields(Cohort) if f.name != "instrument"]
    return all(np.array_equal(getattr(a, n), getattr(b, n), equal_nan=n == "values") for n in names)


def test_a_seed_is_a_seed() -> None:
    busy = Parameters(change_share=0.3, slide_share=0.2, jitter=2, missing_in_strain=2.5, ceiling_share=0.2)
    assert same(generate(busy, WAI, 300, (3, 20), seed=5), generate(busy, WAI, 300, (3, 20), seed=5))
    assert not same(generate(busy, WAI, 300, (3, 20), seed=5), generate(busy, WAI, 300, (3, 20), seed=6))
    assert not same(generate(busy, WAI, 300, (3, 20), seed=5), generate(busy, WAI, 300, (3, 20), seed=5 + 2**32))


def test_the_first_clients_stay_when_more_are_asked_for() -> None:
    busy = Parameters(change_share=0.3, slide_share=0.2, jitter=2)
    few, many = (generate(busy, SRS, n, (3, 12), seed=7) for n in (300, 700))
    rows = few.rows
    assert same(few, replace(many, **{n: getattr(many, n)[:rows] for n in ("values", "days", "truth", "length")},
                             client=many.client[:rows], dyad=many.dyad[:rows]))  # fmt: skip


def test_longer_courses_begin_as_shorter_ones() -> None:
    short, long = (generate(Parameters(), WAI, 300, (n, n), seed=7) for n in (8, 20))
    assert np.array_equal(short.values, long.values[:, :8], equal_nan=True)
    assert np.array_equal(short.truth, long.truth[:, :8])


def test_bytes_of_a_small_cohort() -> None:
    """Anyone's machine and numpy must give these."""
    cohort = generate(Parameters(change_share=0.3, slide_share=0.2, jitter=2), WAI, 50, (4, 12), seed=8)
    told = ";".join(",".join(f"{v!r}" for v in row.tolist()) for row in (cohort.values, cohort.days, cohort.truth))
    assert hashlib.sha256(told.encode()).hexdigest() == EXPECTED


def test_a_total_whose_items_are_unknown() -> None:
    star = load_all()["star-p"]
    cohort = generate(QUIET, star, 500, (10, 10), seed=9)
    change = star.change
    assert ((cohort.values >= change.minimum) & (cohort.values <= change.maximum)).all()
    places = star.scale("total").places
    assert np.array_equal(cohort.values, np.round(cohort.values, places))
    within = cohort.values.std(axis=1, ddof=1).mean() / (change.maximum - change.minimum)
    assert 0.05 < within < 0.1  # clinical.md 2.6: s0 = .08 of the range


@pytest.mark.parametrize("id", ["wai-s-c", "haq2-p", "sai", "ors", "tasc-r-p"])
def test_other_instruments_scatter_in_proportion(id: str) -> None:
    """By the range of their items they are the WAI-SR or, with lines to mark, the SRS."""
    instrument = load_all()[id]
    model = SRS if instrument.unit_hint == "vas" else WAI
    means = []
    for one in (instrument, model):
        values = generate(QUIET, one, 1500, (8, 8), seed=10).values
        means.append((values.mean() - one.change.minimum) / (one.change.maximum - one.change.minimum))
    assert means[0] == pytest.approx(means[1], abs=0.02)
