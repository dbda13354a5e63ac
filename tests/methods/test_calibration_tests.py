"""Tests of calibration: hand computation, their size on right scores, their power on wrong ones."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from auditkit.methods.calibration_tests import (
    binned_error,
    brownian_tail,
    certain_and_wrong,
    kolmogorov_smirnov,
    logistic_refit,
    spiegelhalter,
)


def right(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes that come true as often as their scores say."""
    rng = np.random.default_rng(seed)
    p = rng.beta(1, 3, n)
    return (rng.random(n) < p).astype(float), p


def distorted(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The same with scores that are too extreme."""
    y, p = right(n, seed)
    return y, special.expit(1.8 * special.logit(p))


def p_values(y: np.ndarray, p: np.ndarray, seed: int = 0) -> tuple[float, float, float]:
    drawn = binned_error(y, p, np.random.default_rng(seed)).p_value
    return drawn, kolmogorov_smirnov(y, p), spiegelhalter(y, p)


def test_spiegelhalter_is_what_is_computed_by_hand() -> None:
    y, p = np.array([1.0, 0.0, 1.0]), np.array([0.8, 0.3, 0.4])
    top = 0.2 * -0.6 + -0.3 * 0.4 + 0.6 * 0.2
    under = (0.36 * 0.16 + 0.16 * 0.21 + 0.04 * 0.24) ** 0.5
    assert spiegelhalter(y, p) == pytest.approx(2 * stats.norm.sf(abs(top / under)))


def test_spiegelhalter_is_blind_at_one_half_and_the_others_are_not() -> None:
    y, p = np.repeat([1.0, 0.0], [700, 300]), np.full(1000, 0.5)
    assert np.isnan(spiegelhalter(y, p))
    drawn, ks, _ = p_values(y, p)
    assert drawn == 1 / 200
    assert ks < 1e-6


def test_the_critical_values_are_those_of_brownian_motion() -> None:
    assert brownian_tail(2.2414) == pytest.approx(0.05, abs=1e-5)
    assert brownian_tail(2.8070) == pytest.approx(0.01, abs=1e-5)
    assert brownian_tail(0.0) == 1.0
    assert brownian_tail(3.999) == pytest.approx(brownian_tail(4.001), rel=0.01)
    assert 0 < brownian_tail(9.0) < 1e-15


def test_ties_make_no_test_depend_on_the_order_of_rows() -> None:
    rng = np.random.default_rng(1)
    p = rng.choice([0.2, 0.5, 0.8], 300)
    y = (rng.random(300) < p).astype(float)
    order = rng.permutation(300)
    assert kolmogorov_smirnov(y, p) == pytest.approx(kolmogorov_smirnov(y[order], p[order]))
    first, second = (binned_error(a, b, np.random.default_rng(0)) for a, b in
                     ((y, p), (y[order], p[order])))  # fmt: skip
    assert first.raw == pytest.approx(second.raw)
    assert first.p_value == second.p_value


def test_certain_scores_that_are_wrong_are_counted_and_leave_no_test() -> None:
    y, p = np.array([1.0, 0.0, 1.0]), np.array([0.0, 0.0, 1.0])
    assert certain_and_wrong(y, p) == 1
    assert np.isnan(kolmogorov_smirnov(y, p))
    assert np.isnan(spiegelhalter(y, p))


def test_the_error_less_what_chance_adds_is_nothing_for_right_scores() -> None:
    found = [binned_error(*right(1000, seed), np.random.default_rng(seed)) for seed in range(40)]
    assert np.mean([one.raw for one in found]) > 0.02  # what a cut-off would hold against it
    over = [one.raw - one.by_chance for one in found]
    assert abs(np.mean(over)) < 2.5 * np.std(over) / 40**0.5
    held = [one.estimate.interval for one in found]
    assert sum(one is not None and one.low == 0 for one in held) >= 37


def test_the_interval_holds_the_error_of_scores_that_are_off() -> None:
    inside = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        p = rng.uniform(0.2, 0.7, 1000)
        y = (rng.random(1000) < p + 0.1).astype(float)
        held = binned_error(y, p, rng).estimate.interval
        inside += held is not None and held.low <= 0.1 <= held.high
    assert inside >= 37


def test_the_refit_is_that_of_scikit_learn() -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    y, p = distorted(500, 3)
    made = linear.LogisticRegression(C=1e10, tol=1e-10, max_iter=1000)
    made.fit(special.logit(p)[:, None], y)
    refit, (slope, intercept) = logistic_refit(y, p)
    assert slope == pytest.approx(made.coef_[0, 0], abs=1e-4)
    assert intercept == pytest.approx(made.intercept_[0], abs=1e-4)
    assert refit.slope.interval is not None
    assert refit.slope.interval.high < 1


@pytest.mark.parametrize(
    ("y", "p", "reason"),
    [
        ([1, 1], [0.2, 0.8], "all true outcomes are the same"),
        ([0, 1], [0.5, 0.5], "all scores are the same"),
        ([], [], "no rows"),
        ([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], "the scores part the outcomes, so the fit does not"),
    ],
)
def test_without_a_refit_there_is_a_reason(y: list[int], p: list[float], reason: str) -> None:
    refit, both = logistic_refit(y, p)
    assert refit.slope.value is None
    assert (refit.intercept.reason or "").startswith(reason)
    assert np.isnan(both).all()


def test_no_rows_have_no_error() -> None:
    assert binned_error([], [], np.random.default_rng(0)).estimate.reason == "no rows"


@pytest.mark.slow
@pytest.mark.parametrize("n", [100, 1000])
def test_each_test_rejects_right_scores_about_as_often_as_it_says(n: int) -> None:
    found = np.array([p_values(*right(n, seed), seed) for seed in range(200)])
    share = (found < 0.05).mean(axis=0)
    assert (share <= 0.09).all()  # 0.05 with 200 runs: up to 0.09 in 99 of 100
    assert (share >= 0.01).all()


@pytest.mark.slow
def test_each_test_finds_scores_that_are_too_extreme() -> None:
    found = np.array([p_values(*distorted(1000, seed), seed) for seed in range(50)])
    assert ((found < 0.05).mean(axis=0) >= 0.9).all()
