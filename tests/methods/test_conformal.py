from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from auditkit.methods.conformal import coverage_p_value, has_ties, rank


@pytest.mark.parametrize(
    ("n", "risk", "k"),
    [(9, 0.1, 9), (8, 0.1, None), (19, 0.05, 19), (99, 0.01, 99), (500, 0.1, 451)],
)
def test_the_limit_is_the_score_of_this_rank(n: int, risk: float, k: int | None) -> None:
    assert rank(n, risk) == k


def test_the_region_of_correct_sets_is_that_of_the_notes() -> None:
    """At n 500, m 2,000 and risk 0.1: shares from .869 to .928 are no surprise."""
    for share, chance in ((0.868, False), (0.870, True), (0.927, True), (0.929, False)):
        p = coverage_p_value(round(share * 2_000), 2_000, 500, 0.1, ties=False)
        assert p is not None
        assert (p > 0.05) == chance, share


def test_with_ties_only_too_little_coverage_counts() -> None:
    assert coverage_p_value(2_000, 2_000, 500, 0.1, ties=True) == 1.0
    low = coverage_p_value(1_700, 2_000, 500, 0.1, ties=True)
    assert low is not None
    assert low < 0.01


def test_nothing_to_test_gives_no_number() -> None:
    assert coverage_p_value(0, 0, 500, 0.1, ties=False) is None
    assert coverage_p_value(5, 10, 8, 0.1, ties=False) is None


def test_ties_are_seen() -> None:
    assert has_ties([0.5] * 10)
    assert not has_ties(np.random.default_rng(0).random(100))


def test_a_plain_binomial_interval_would_reject_correct_sets() -> None:
    """The figures of the notes for n 500, m 2,000: .368 wrongly failed by Clopper-Pearson."""
    rng = np.random.default_rng(0)
    wrong = {"binomial": 0, "beta-binomial": 0}
    for _ in range(2_000):
        coverage = rng.beta(451, 50)
        covered = rng.binomial(2_000, coverage)
        p = coverage_p_value(covered, 2_000, 500, 0.1, ties=False)
        assert p is not None
        wrong["beta-binomial"] += p < 0.05
        low, high = stats.binomtest(covered, 2_000).proportion_ci(method="exact")
        wrong["binomial"] += not low <= 0.9 <= high
    assert 0.03 < wrong["beta-binomial"] / 2_000 < 0.07
    assert wrong["binomial"] / 2_000 > 0.3
