"""Intervals of quantiles by order statistics, against the binomial and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from auditkit.methods.medians import median
from auditkit.methods.quantiles import drift, least_count, quantile, quantile_ranks


@pytest.mark.parametrize("share", [0.5, 0.95, 0.99])
@pytest.mark.parametrize("count", [80, 400, 1000])
def test_the_ranks_hold_the_quantile_and_closer_ones_would_not(share: float, count: int) -> None:
    ranks = quantile_ranks(count, share)
    if ranks is None:
        assert count < least_count(share)
        return
    below = stats.binom(count, share)
    low, high = ranks
    assert below.cdf(low - 1) <= 0.025 < below.cdf(low)
    assert below.sf(high - 1) <= 0.025 < below.sf(high - 2)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95, 0.99])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_the_least_count_is_the_first_that_has_ranks(share: float, level: float) -> None:
    least = least_count(share, level)
    assert quantile_ranks(least, share, level) is not None
    assert quantile_ranks(least - 1, share, level) is None


def test_the_median_has_the_bounds_that_the_median_of_rows_has() -> None:
    values = np.random.default_rng(0).exponential(size=101)
    ours, theirs = quantile(values, 0.5), median(values)
    assert ours.value == theirs.value
    assert ours.interval is not None
    assert theirs.interval is not None
    assert (ours.interval.low, ours.interval.high) == (theirs.interval.low, theirs.interval.high)


def test_the_value_is_the_least_that_the_share_does_not_exceed() -> None:
    values = np.arange(1, 401)
    assert [quantile(values, share).value for share in (0.5, 0.95, 0.99)] == [200, 380, 396]


def test_a_quantile_beyond_all_values_is_undefined() -> None:
    found = quantile(range(99), 0.99)
    assert found.value is None
    assert found.reason == "99 values do not reach it; it takes 100"
    assert quantile([], 0.5).value is None


def test_too_few_values_have_a_quantile_and_no_interval() -> None:
    found = quantile(range(367), 0.99)
    assert found.value == 363.0
    assert found.interval is None
    assert found.reason == "an interval takes 368 values; there are 367"


def test_the_grain_of_the_clock_widens_the_interval_and_never_below_nothing() -> None:
    equal = quantile([2.0] * 10, 0.5)
    assert (equal.interval, equal.reason) == (None, "the values around it are all equal")
    wide = quantile([2.0] * 10, 0.5, grain=0.25).interval
    assert wide is not None
    assert (wide.low, wide.high) == (1.75, 2.25)
    coarse = quantile([0.0] * 10, 0.5, grain=1.0).interval
    assert coarse is not None
    assert (coarse.low, coarse.high) == (0.0, 1.0)


@pytest.mark.parametrize(("share", "count"), [(0.5, 400), (0.95, 400), (0.99, 400), (0.95, 80)])
def test_intervals_cover_as_often_as_they_say(share: float, count: int) -> None:
    rng, runs = np.random.default_rng(1), 2000
    true = stats.expon.ppf(share)
    ranks = quantile_ranks(count, share)
    assert ranks is not None
    drawn = np.sort(rng.exponential(size=(runs, count)), axis=1)
    covered = (drawn[:, ranks[0] - 1] <= true) & (true <= drawn[:, ranks[1] - 1])
    assert 0.94 <= covered.mean() <= 0.995


def test_what_becomes_twice_as_slow_is_found_to_drift() -> None:
    steady = np.random.default_rng(2).uniform(1, 1.2, size=200)
    found = drift([*steady, *2 * steady])
    assert found.value == pytest.approx(2.0)
    assert found.interval is not None
    assert 1.8 < found.interval.low < 2 < found.interval.high < 2.2


def test_what_is_steady_rarely_seems_to_drift() -> None:
    rng = np.random.default_rng(3)
    intervals = [drift(rng.exponential(size=60)).interval for _ in range(300)]
    alarms = sum(not i.low <= 1 <= i.high for i in intervals if i is not None)
    assert len(intervals) == 300
    assert alarms <= 15


@pytest.mark.parametrize("values", [[], [1.0], [0.0] * 8])
def test_there_is_no_drift_of_nothing(values: list[float]) -> None:
    assert drift(values).value is None


def test_a_drift_of_few_values_has_no_interval() -> None:
    found = drift([1.0, 1.0, 3.0, 3.0])
    assert (found.value, found.interval) == (3.0, None)
