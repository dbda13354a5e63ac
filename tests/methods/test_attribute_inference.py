"""The arithmetic of attribute inference, by hand and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from auditkit.methods.attribute_inference import Guesses, log_likelihoods, posteriors, told
from auditkit.methods.intervals import paired_difference

BOTH = (np.arange(2), np.ones(2))


def test_likelihoods_of_two_outcomes_are_the_chance_of_the_true_one() -> None:
    found = np.exp(log_likelihoods([[0.9, 0.9], [0.6, 0.6]], [1, 0]))
    np.testing.assert_allclose(found, [[0.9, 0.6], [0.1, 0.4]])


def test_likelihoods_of_classes_are_the_chance_of_the_true_class() -> None:
    answers = [[[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]], [[0.1, 0.1, 0.8], [0.25, 0.5, 0.25]]]
    found = np.exp(log_likelihoods(answers, [2, 1]))
    np.testing.assert_allclose(found, [[0.5, 0.8], [0.0, 0.5]], atol=1e-300)


def test_likelihoods_of_numbers_are_normal_up_to_what_all_candidates_share() -> None:
    answers = np.array([[1.0, 2.0], [4.0, 2.5]])
    found = log_likelihoods(answers, [3.0, 2.0], deviation=2.0)
    wanted = stats.norm.logpdf(np.array([3.0, 2.0]), answers, 2.0).T
    np.testing.assert_allclose(found[:, 0] - found[:, 1], wanted[:, 0] - wanted[:, 1])


def test_a_posterior_is_prior_times_likelihood_by_hand() -> None:
    found = posteriors(np.log([[0.2, 0.8]]), np.array([[0.9, 0.1]]), *BOTH)
    np.testing.assert_allclose(found, [[0.18 / 0.26, 0.08 / 0.26]])


def test_a_group_of_several_values_counts_by_their_shares() -> None:
    group, mass = np.array([0, 0, 1]), np.array([0.25, 0.75, 1.0])
    found = posteriors(np.log([[0.4, 0.8, 0.3]]), np.array([0.5, 0.5]), group, mass)
    np.testing.assert_allclose(found, [[0.7, 0.3]])


def test_a_group_without_a_chance_is_not_guessed() -> None:
    found = posteriors(np.log([[1e-9, 1.0]]), np.array([1.0, 0.0]), *BOTH)
    assert found.tolist() == [[1.0, 0.0]]


def test_a_model_that_says_nothing_leaves_majority_and_baseline_as_they_are() -> None:
    rng = np.random.default_rng(0)
    before, outcome = rng.dirichlet([1, 1], 50), rng.dirichlet([1, 1], 50)
    found = Guesses.of(np.full((50, 2), -0.3), BOTH, np.array([0.4, 0.6]), before, outcome)
    assert found.alone.tolist() == found.majority.tolist() == [1] * 50
    assert found.attack.tolist() == found.baseline.tolist()


def test_the_leak_is_a_difference_of_differences_with_a_mover_interval() -> None:
    def right(n: int, of: int) -> np.ndarray:
        return np.arange(of) < n

    found = told((right(80, 100), right(60, 100)), (right(130, 200), right(120, 200)))
    (l1, u1), (l2, u2) = paired_difference(20, 0, 100), paired_difference(10, 0, 200)
    assert found.leak.value == pytest.approx(0.2 - 0.05)
    assert found.leak.interval is not None
    assert found.leak.interval.low == pytest.approx(0.15 - np.hypot(0.2 - l1, u2 - 0.05))
    assert found.leak.interval.high == pytest.approx(0.15 + np.hypot(u1 - 0.2, 0.05 - l2))


def test_without_rows_of_a_kind_there_is_no_leak() -> None:
    none, some = np.zeros(0, dtype=bool), np.ones(5, dtype=bool)
    found = told((none, none), (some, some))
    assert found.leak.value is None
    assert found.leak.reason == "no rows"


def test_the_interval_of_the_leak_holds_0_where_nothing_leaks() -> None:
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(1_000):
        drawn = [rng.random(size) for size in (300, 300, 200, 200)]
        attack, baseline, other_attack, other_baseline = (one < 0.7 for one in drawn)
        leak = told((attack, baseline), (other_attack, other_baseline)).leak
        assert leak.interval is not None
        held += leak.interval.low <= 0 <= leak.interval.high
    assert held >= 935
