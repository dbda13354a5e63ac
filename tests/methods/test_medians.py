"""The median: against numpy and scikit-learn, its order statistics, and how often they cover."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import median_absolute_error

from auditkit.methods.medians import median

ROWS = st.lists(st.tuples(st.integers(0, 9), st.integers(1, 5)), min_size=1, max_size=40)


@settings(deadline=None)
@given(ROWS)
def test_a_weighted_median_equals_that_of_scikit_learn_and_of_repeated_rows(
    rows: list[tuple[int, int]],
) -> None:
    values, weights = np.array(rows, dtype=float).T
    found = median(values, weights=weights)
    theirs = median_absolute_error(np.zeros(len(rows)), values, sample_weight=weights)
    assert found.value == pytest.approx(theirs, abs=1e-12)
    assert found.value == np.median(values.repeat(weights.astype(int)))


@pytest.mark.parametrize("n", [6, 9, 50, 51, 400])
@pytest.mark.parametrize("weight", [1, 0.1, 7])
def test_equal_weights_give_the_interval_without_weights(n: int, weight: float) -> None:
    values = np.random.default_rng(n).normal(size=n)
    plain, same = median(values), median(values, weights=np.full(n, weight))
    assert plain.interval == same.interval
    assert plain.value == pytest.approx(same.value, abs=1e-15)


def test_the_bounds_are_those_of_a_binomial_test_of_the_median() -> None:
    values = np.random.default_rng(0).normal(size=50)
    theirs = stats.quantile_test(values, q=0, p=0.5).confidence_interval(0.95)
    found = median(values).interval
    assert found is not None
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high))


def test_uneven_weights_widen_the_interval_and_too_few_leave_none() -> None:
    values, rng = np.arange(100.0), np.random.default_rng(0)
    plain, uneven = median(values), median(values, weights=np.exp(rng.normal(size=100)))
    assert plain.interval is not None
    assert uneven.interval is not None
    assert uneven.interval.high - uneven.interval.low > plain.interval.high - plain.interval.low
    alone = median(values, weights=[1e6, *[1] * 99])
    assert (alone.value, alone.interval) == (0, None)
    assert str(alone.reason).startswith("too few rows for an interval of the median: effective n 1")


@pytest.mark.slow
@pytest.mark.parametrize("slope", [0, 1, -1])
def test_intervals_of_a_weighted_median_cover(slope: float) -> None:
    rng, spread, draws, held = np.random.default_rng(0), 1.0, 1000, 0
    for _ in range(draws):
        x = rng.normal(size=300)
        found = median(slope * x + rng.normal(size=300), weights=np.exp(spread * x)).interval
        assert found is not None
        held += found.low <= slope * spread <= found.high
    assert held / draws >= 0.93
