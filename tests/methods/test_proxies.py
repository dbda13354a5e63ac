"""How well something tells the group: folds, shares out of fold, and the tests."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from auditkit.methods.class_scores import macro_roc_auc
from auditkit.methods.proxies import (
    carried,
    independence,
    permutation_test,
    shares_out_of_fold,
    stratified_folds,
)


def test_every_fold_holds_its_share_of_every_group() -> None:
    rng = np.random.default_rng(0)
    groups = rng.choice(3, 500, p=[0.8, 0.15, 0.05])
    folds = stratified_folds(groups, 5, rng)
    for group in range(3):
        counts = np.bincount(folds[groups == group], minlength=5)
        assert counts.max() - counts.min() <= 1


def test_shares_come_from_the_other_folds_only() -> None:
    rng = np.random.default_rng(0)
    values, groups = rng.integers(0, 4, 200), rng.integers(0, 3, 200)
    folds = stratified_folds(groups, 5, rng)
    shares = shares_out_of_fold(values, groups, 3, folds)
    for i in range(0, 200, 17):
        others = folds != folds[i]
        alike = others & (values == values[i])
        overall = np.bincount(groups[others], minlength=3) / others.sum()
        expected = (np.bincount(groups[alike], minlength=3) + overall) / (alike.sum() + 1)
        assert shares[i] == pytest.approx(expected)
    assert shares.sum(axis=1) == pytest.approx(np.ones(200))


def test_a_value_that_no_other_fold_holds_has_the_shares_of_all() -> None:
    values, groups = np.array([0, 0, 0, 0, 1]), np.array([0, 1, 0, 1, 0])
    shares = shares_out_of_fold(values, groups, 2, np.array([0, 0, 1, 1, 1]))
    assert shares[4].tolist() == [0.5, 0.5]


def test_independence_equals_scipy_and_drops_empty_values() -> None:
    rng = np.random.default_rng(0)
    values, groups = rng.integers(0, 5, 300), rng.integers(0, 3, 300)
    values[values == 2] = 6
    table = np.array([[((values == v) & (groups == g)).sum() for g in range(3)]
                      for v in (0, 1, 3, 4, 6)])  # fmt: skip
    expected = stats.chi2_contingency(table, correction=False).pvalue
    assert independence(values, groups) == pytest.approx(expected)
    assert independence(np.zeros(9, dtype=np.int64), np.arange(9) % 2) == 1.0


def test_the_area_of_a_group_is_the_mann_whitney_statistic() -> None:
    rng = np.random.default_rng(0)
    scores, groups = rng.random(300).round(2), rng.integers(0, 3, 300)
    for one in carried(scores, groups, 3, 10, 0.95):
        inside = groups == one.group
        u = stats.mannwhitneyu(scores[inside], scores[~inside]).statistic
        assert one.area.value == pytest.approx(u / (inside.sum() * (~inside).sum()))
        assert one.n == inside.sum()


def test_a_group_with_few_rows_of_an_outcome_has_a_reason() -> None:
    groups = np.array([0] * 5 + [1] * 50)
    (few, _) = carried(np.linspace(0, 1, 55), groups, 2, 10, 0.95)
    assert few.area.value is None
    assert few.area.reason == "fewer than 10 rows of this outcome in or outside it"


def test_one_outcome_gives_the_p_value_of_kruskal_and_wallis() -> None:
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 3, 150)
    scores = (rng.random(150) + 0.05 * groups).round(2)
    found = permutation_test(scores, groups, np.zeros(150, dtype=np.int64), 4_000, rng)
    expected = stats.kruskal(*(scores[groups == g] for g in range(3))).pvalue
    assert found.value == pytest.approx(expected, abs=0.03)
    assert found.interval is not None
    assert found.interval.low <= expected <= found.interval.high


def test_a_score_that_follows_the_outcome_alone_carries_no_group() -> None:
    rng = np.random.default_rng(3)
    groups = rng.integers(0, 2, 2_000)
    outcome = (rng.random(2_000) < np.where(groups == 0, 0.2, 0.7)).astype(int)
    scores = outcome + rng.normal(size=2_000)
    given = permutation_test(scores, groups, outcome, 199, rng)
    pooled = permutation_test(scores, groups, np.zeros(2_000, dtype=np.int64), 199, rng)
    assert given.value is not None
    assert given.value > 0.05
    assert pooled.value == 1 / 200


def test_scores_that_are_all_equal_carry_no_group() -> None:
    groups = np.arange(40) % 2
    found = permutation_test(
        np.ones(40), groups, np.zeros(40, dtype=np.int64), 99, np.random.default_rng(0)
    )
    assert found.value == 1.0


def test_a_feature_of_chance_is_seldom_called_dependent() -> None:
    rng = np.random.default_rng(0)
    called = sum(
        independence(rng.integers(0, 20, 600), rng.choice(3, 600, p=[0.6, 0.3, 0.1])) < 0.05
        for _ in range(2_000)
    )
    assert called <= 100 + 30


def test_an_interval_of_chance_lies_above_one_half_about_as_seldom_as_it_says() -> None:
    rng = np.random.default_rng(0)
    called = 0
    for _ in range(500):
        groups, values = rng.choice(3, 600, p=[0.6, 0.3, 0.1]), rng.integers(0, 20, 600)
        folds = stratified_folds(groups, 5, rng)
        area = macro_roc_auc(groups, shares_out_of_fold(values, groups, 3, folds))
        assert area.interval is not None
        called += area.interval.low > 0.5
    assert called <= 50
