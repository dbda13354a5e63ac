"""Tests of two proportions and adjustments against scipy; Holm against hand computation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from auditkit.methods import significance

COUNT = st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@settings(deadline=None)
@given(COUNT, COUNT)
def test_fishers_test_equals_scipy(first: tuple[int, int], second: tuple[int, int]) -> None:
    table = [[first[0], first[1] - first[0]], [second[0], second[1] - second[0]]]
    expected = stats.fisher_exact(table).pvalue
    assert significance.fisher_exact(*first, *second) == pytest.approx(expected, rel=1e-9)


def test_fishers_test_of_large_counts_equals_scipy() -> None:
    expected = stats.fisher_exact([[4, 19_996], [15, 29_985]]).pvalue
    assert significance.fisher_exact(4, 20_000, 15, 30_000) == pytest.approx(expected, rel=1e-6)


@settings(deadline=None)
@given(COUNT, COUNT)
def test_the_z_test_equals_scipys_chi_squared_test(
    first: tuple[int, int], second: tuple[int, int]
) -> None:
    ours = significance.pooled_z(*first, *second)
    if first[0] + second[0] in (0, first[1] + second[1]):
        assert ours == 1.0
        return
    table = [[first[0], first[1] - first[0]], [second[0], second[1] - second[0]]]
    assert ours == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue)


@pytest.mark.parametrize(
    ("sample", "test"),
    [
        ((1, 10, 9, 20), "Fisher exact"),  # 10 * 10 / 30 = 3.3 successes expected
        ((5, 10, 10, 20), "pooled z"),  # exactly 5 expected
        ((10, 10, 19, 20), "Fisher exact"),  # 0.3 failures expected
        ((0, 10, 0, 20), "Fisher exact"),
    ],
)
def test_the_exact_test_is_made_where_an_expected_count_is_under_5(
    sample: tuple[int, int, int, int], test: str
) -> None:
    p, made = significance.compare_two(*sample)
    assert made == test
    exact = test == "Fisher exact"
    assert p == (significance.fisher_exact if exact else significance.pooled_z)(*sample)


def test_holm_steps_down_as_by_hand() -> None:
    adjusted = significance.holm([0.01, 0.04, 0.03, 0.005])
    assert adjusted == pytest.approx([0.03, 0.06, 0.06, 0.02])


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_lies_between_the_p_values_and_bonferroni_and_keeps_their_order(
    p_values: list[float],
) -> None:
    p = np.array(p_values)
    adjusted = significance.holm(p)
    assert (adjusted >= p).all()
    assert (adjusted <= np.minimum(1, p * p.size)).all()
    assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0).all()
    assert adjusted.min() == min(1.0, p.min() * p.size)


def test_benjamini_and_hochberg_step_up_as_by_hand() -> None:
    adjusted = significance.benjamini_hochberg([0.01, 0.04, 0.03, 0.005])
    assert adjusted == pytest.approx([0.02, 0.04, 0.04, 0.02])


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_benjamini_and_hochberg_equal_scipy(p_values: list[float]) -> None:
    expected = stats.false_discovery_control(p_values)
    assert significance.benjamini_hochberg(p_values) == pytest.approx(expected, abs=1e-12)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_benjamini_and_hochberg_lie_between_the_p_values_and_holm(p_values: list[float]) -> None:
    adjusted = significance.benjamini_hochberg(p_values)
    assert (adjusted >= np.array(p_values) - 1e-12).all()
    assert (adjusted <= significance.holm(p_values) + 1e-12).all()


def test_no_tests_need_no_adjustment() -> None:
    assert significance.holm([]).size == significance.benjamini_hochberg([]).size == 0
