"""Means over rows that share draws: hand computation and coverage."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from auditkit.methods.explanation_crossed import crossed_mean, mean_of_equals, mean_of_shares


def test_both_variances_are_added() -> None:
    values = np.array([[0.0, 0.2, 0.4], [0.4, 0.6, 0.8]])
    found = crossed_mean(values, "networks")
    rows, draws = np.array([0.2, 0.6]).var(ddof=1) / 2, np.array([0.2, 0.4, 0.6]).var(ddof=1) / 3
    freedom = (rows + draws) ** 2 / (rows**2 / 1 + draws**2 / 2)
    arm = stats.t.ppf(0.975, freedom) * np.sqrt(rows + draws)
    assert found.interval is not None
    assert found.value == pytest.approx(0.4)
    assert found.interval.high == pytest.approx(0.4 + arm)
    assert found.interval.low == pytest.approx(0.4 - arm)


def test_draws_that_depend_on_each_other_are_not_averaged_away() -> None:
    values = np.random.default_rng(0).normal(size=(30, 25))
    wide = crossed_mean(values, "splits", independent=False).interval
    narrow = crossed_mean(values, "splits").interval
    assert wide is not None
    assert narrow is not None
    assert wide.high - wide.low > narrow.high - narrow.low


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_nothing_gives_a_reason(shape: tuple[int, int]) -> None:
    assert crossed_mean(np.empty(shape), "networks").reason == "no rows or no networks"


def test_one_row_or_one_draw_gives_the_whole_range_or_a_reason() -> None:
    bounded = crossed_mean(np.full((1, 3), 0.5), "networks", low=0.0, high=1.0)
    assert bounded.interval is not None
    assert (bounded.interval.low, bounded.interval.high) == (0.0, 1.0)
    free = crossed_mean(np.full((3, 1), 0.5), "networks")
    assert free.interval is None
    assert "1 of the networks only" in str(free.reason)


def test_equal_numbers_have_no_interval_or_one_with_a_width() -> None:
    assert "no spread" in str(crossed_mean(np.full((3, 3), 0.5), "networks").reason)
    bounded = crossed_mean(np.full((30, 3), 1.0), "networks", low=0.0, high=1.0)
    assert bounded.interval is not None
    assert bounded.interval.low == pytest.approx(0.025 ** (1 / 30))
    assert bounded.interval.high == 1.0


def test_at_an_end_of_the_range_the_bound_is_that_of_a_share() -> None:
    low, high = (mean_of_equals(20, value, 0.95, -1.0, 1.0).interval for value in (-1.0, 1.0))
    assert low is not None
    assert high is not None
    assert low.high == pytest.approx(-high.low)
    assert high.low == pytest.approx(2 * 0.025 ** (1 / 20) - 1)
    inside = mean_of_equals(20, 0.5, 0.95, 0.0, 1.0).interval
    assert inside is not None
    assert inside.method == "empirical Bernstein"


def test_shares_that_differ_have_students_interval() -> None:
    values = np.array([0.0, 0.5, 1.0])
    found = mean_of_shares(values).interval
    assert found is not None
    assert found.method == "Student's t"
    assert mean_of_shares(np.empty(0)).value is None


def test_the_interval_covers_a_mean_over_rows_and_draws() -> None:
    rng, covered = np.random.default_rng(0), 0
    for _ in range(400):
        effects = rng.normal(size=(30, 1)) + rng.normal(size=(1, 8)) + rng.normal(size=(30, 8))
        interval = crossed_mean(effects, "networks").interval
        assert interval is not None
        covered += interval.low <= 0 <= interval.high
    assert 0.92 <= covered / 400 <= 0.995
