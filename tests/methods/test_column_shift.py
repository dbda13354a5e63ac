"""Distances of columns and their tests, against scipy and against the truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from auditkit.methods.column_shift import categories, numbers


def test_the_distance_and_the_test_of_numbers_are_those_of_scipy() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=400), rng.normal(0.15, 1, size=600)
    found = numbers(first, second, 0.95)
    reference = stats.ks_2samp(first, second, method="exact")
    assert found.distance.value == pytest.approx(reference.statistic)
    assert found.p_value == pytest.approx(reference.pvalue, rel=0.15)


def test_the_test_of_categories_is_that_of_scipy() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 4, 300), rng.integers(0, 4, 500)
    found = categories(first, second, 0.95)
    counts = np.stack([np.bincount(x, minlength=4) for x in (first, second)])
    reference = stats.chi2_contingency(counts, correction=False)
    assert found.p_value == pytest.approx(reference.pvalue)
    shares = counts / counts.sum(axis=1, keepdims=True)
    assert found.distance.value == pytest.approx(np.abs(shares[0] - shares[1]).sum() / 2)


@pytest.mark.parametrize("kind", ["numbers", "categories"])
def test_an_interval_without_0_has_a_test_that_rejects(kind: str) -> None:
    rng = np.random.default_rng(1)
    for _ in range(300):
        if kind == "numbers":
            found = numbers(rng.normal(size=80), rng.normal(0.4, 1, size=90), 0.95)
        else:
            found = categories(rng.integers(0, 3, 80), rng.choice(3, 90, p=[0.5, 0.3, 0.2]), 0.95)
        assert found.distance.interval is not None
        assert found.p_value is not None
        if found.distance.interval.low > 0:
            assert found.p_value < 0.05


def test_intervals_hold_the_true_distance_and_clean_columns_are_left_in_peace() -> None:
    rng = np.random.default_rng(2)
    held, alarms, shares = 0, 0, np.array([0.5, 0.3, 0.2])
    true = (2 * stats.norm.cdf(0.2) - 1, 1 / 6)
    for _ in range(300):
        far = numbers(rng.normal(size=200), rng.normal(0.4, 1, size=300), 0.95).distance
        kinds = categories(rng.integers(0, 3, 200), rng.choice(3, 300, p=shares), 0.95).distance
        for found, truth in zip((far, kinds), true, strict=True):
            assert found.interval is not None
            held += found.interval.low <= truth <= found.interval.high
        clean = numbers(rng.normal(size=200), rng.normal(size=300), 0.95).p_value
        same = categories(rng.choice(3, 200, p=shares), rng.choice(3, 300, p=shares), 0.95).p_value
        assert clean is not None
        assert same is not None
        alarms += (clean < 0.05) + (same < 0.05)
    assert held >= 0.95 * 600
    assert alarms <= 45  # 30 are due


def test_rare_categories_stand_together() -> None:
    first, second = np.repeat([0, 1, 2, 3], [50, 46, 2, 2]), np.repeat([0, 1, 4], [50, 40, 10])
    counts = np.array([[50, 46, 4], [50, 40, 10]])  # 2, 3 and 4 together have 7 rows a table
    reference = stats.chi2_contingency(counts, correction=False)
    assert categories(first, second, 0.95).p_value == pytest.approx(reference.pvalue)


def test_what_cannot_be_tested_has_a_reason() -> None:
    none, flat = np.empty(0), np.ones(10)
    for found in (
        numbers(none, flat, 0.95),
        numbers(flat, flat, 0.95),
        categories(np.zeros(9, dtype=np.int64), np.zeros(9, dtype=np.int64), 0.95),
        categories(np.empty(0, dtype=np.int64), np.zeros(9, dtype=np.int64), 0.95),
        categories(np.arange(4), np.arange(4), 0.95),
    ):
        assert found.distance.value is None
        assert found.distance.reason
        assert found.p_value is None
