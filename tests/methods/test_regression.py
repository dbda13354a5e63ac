"""Errors of predicted numbers: scikit-learn for values, simulation for intervals."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from auditkit.methods import means, regression
from auditkit.methods.estimates import Estimate

RNG = np.random.default_rng(0)
Y = RNG.normal(50, 10, 400)
YHAT = Y + RNG.normal(1, 4, 400)


def test_values_equal_those_of_scikit_learn() -> None:
    found = {m.metric: m.value for m in regression.measure_numbers(Y, YHAT)}
    mean = np.full_like(Y, Y.mean())
    assert found == pytest.approx(
        {
            "mean_absolute_error": metrics.mean_absolute_error(Y, YHAT),
            "root_mean_squared_error": metrics.root_mean_squared_error(Y, YHAT),
            "median_absolute_error": metrics.median_absolute_error(Y, YHAT),
            "mean_error": np.mean(YHAT - Y),
            "r2_score": metrics.r2_score(Y, YHAT),
            "trivial_mean_absolute_error": metrics.mean_absolute_error(Y, mean),
            "trivial_root_mean_squared_error": metrics.root_mean_squared_error(Y, mean),
        },
        rel=1e-12,
    )


def test_every_interval_holds_its_value_and_says_how_it_was_made() -> None:
    methods = set()
    for m in regression.measure_numbers(Y, YHAT):
        assert m.interval is not None
        assert m.value is not None
        assert m.interval.low < m.value < m.interval.high
        methods.add(m.interval.method)
    assert methods == {"Student's t", regression.DELTA, "order statistics"}


def coverage(estimate: object, truth: float, draws: int = 1500) -> float:
    assert callable(estimate)
    rng, held = np.random.default_rng(1), []
    for _ in range(draws):
        y = rng.normal(0, 2, 60)
        found = estimate(y, y + rng.normal(0.5, 1, 60))
        held.append(found.interval.low <= truth <= found.interval.high)
    return float(np.mean(held))


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    # True errors are normal around 0.5 with spread 1; outcomes have spread 2.
    squared = 1 + 0.5**2
    rmse = lambda y, yhat: regression.root_mean_square(yhat - y)  # noqa: E731 - named for the table
    assert coverage(rmse, np.sqrt(squared)) >= 0.92  # a little short at 60 rows, as is R2
    assert coverage(regression.r2, 1 - squared / 4) >= 0.92
    assert coverage(regression.mean_error, 0.5) >= 0.93
    assert coverage(regression.mean_absolute_error, 0.8956) >= 0.93
    median = np.median(np.abs(np.random.default_rng(2).normal(0.5, 1, 2_000_000)))
    assert coverage(regression.median_absolute_error, float(median)) >= 0.93
    trivial = lambda y, _: regression.trivial_absolute_error(y)  # noqa: E731
    assert coverage(trivial, 2 * np.sqrt(2 / np.pi)) >= 0.925


def test_a_model_that_is_always_right_has_no_spread_to_make_an_interval_of() -> None:
    assert regression.r2([1.0, 2.0], [1.0, 2.0]) == Estimate(1.0, None, means.NO_SPREAD)
    assert regression.root_mean_square([0.0, 0.0]) == Estimate(0.0, None, means.NO_SPREAD)


def test_outcomes_that_are_all_the_same_have_no_r2() -> None:
    assert regression.r2([2.0, 2.0], [1.0, 3.0]).reason == regression.ALL_THE_SAME


@pytest.mark.parametrize("rows", [0, 1])
def test_no_row_and_one_row_say_so(rows: int) -> None:
    for m in regression.measure_numbers([1.0] * rows, [2.0] * rows):
        assert m.interval is None
        assert m.reason
        assert (m.value is None) or rows == 1


def test_numbers_too_large_to_square_are_said_to() -> None:
    found = {m.metric: m for m in regression.measure_numbers([1e200, -1e200], [0.0, 1e180])}
    assert found["root_mean_squared_error"].reason == means.TOO_LARGE
    assert found["r2_score"].value is None


def test_a_median_of_few_rows_has_no_interval() -> None:
    found = regression.median_absolute_error([0.0] * 5, [1, 2, 3, 4, 5])
    assert found.value == 3
    assert "too few rows" in str(found.reason)


def test_heavy_tails_are_told() -> None:
    y = np.zeros(500)
    yhat = np.append(RNG.normal(size=499), 1000.0)
    told = {m.metric: m.source for m in regression.measure_numbers(y, yhat)}
    assert "heavy tails" in told["mean_error"]
    assert "heavy tails" in told["root_mean_squared_error"]
    assert "heavy tails" not in told["median_absolute_error"]


def test_a_whole_weight_gives_the_value_of_so_many_rows() -> None:
    y, yhat, weights = Y[:40], YHAT[:40], np.arange(40) % 3
    for of in (regression.mean_error, regression.mean_absolute_error, regression.r2):
        weighted, repeated = (
            of(y, yhat, weights=weights),
            of(y.repeat(weights), yhat.repeat(weights)),
        )
        assert weighted.value == pytest.approx(repeated.value)
        assert weighted.interval is not None
        assert repeated.interval is not None
        assert weighted.interval.high > repeated.interval.high  # Kish: fewer rows than they weigh
    found = regression.root_mean_square(yhat - y, weights=weights)
    assert found.value == pytest.approx(
        metrics.root_mean_squared_error(y, yhat, sample_weight=weights)
    )
