"""Falls along a feature, held against hand computation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from auditkit.methods.monotone import (
    NO_SPREAD,
    largest_falls,
    reversed_fall,
    unseen,
    worst_fall,
)


def test_a_slow_fall_over_many_steps_counts_whole() -> None:
    slow = np.linspace(0.5, 0.3, 21)[None, :]
    assert largest_falls(slow)[0] == pytest.approx(0.2)


@given(arrays(float, (3, 6), elements=st.floats(-1, 1)))
def test_the_largest_fall_is_that_of_all_pairs(answers: np.ndarray) -> None:
    pairs = [(i, j) for i in range(6) for j in range(i + 1, 6)]
    brute = [max(0.0, *(row[i] - row[j] for i, j in pairs)) for row in answers]
    assert largest_falls(answers).tolist() == pytest.approx(brute)


def test_the_worst_pair_has_the_largest_sum_of_falls_and_an_interval_for_all_pairs() -> None:
    rng = np.random.default_rng(0)
    answers = np.column_stack([np.zeros(50), np.full(50, 0.5), 0.2 + 0.1 * rng.random(50)])
    fall = worst_fall(answers, 0.01)
    assert (fall.first, fall.second, fall.n) == (1, 2, 50)
    change = answers[:, 2] - answers[:, 1]
    assert fall.change.value == pytest.approx(change.mean())
    low, high = stats.t.interval(1 - 0.05 / 3, 49, change.mean(), stats.sem(change))
    assert fall.change.interval is not None
    assert (fall.change.interval.low, fall.change.interval.high) == pytest.approx((low, high))
    assert fall.change.interval.method == "Student's t, Bonferroni over 3 pairs of values"


def test_a_fall_of_negated_answers_is_a_rise() -> None:
    rising = np.array([[0.1, 0.2], [0.2, 0.5], [0.3, 0.4]])
    back = reversed_fall(worst_fall(-rising, 0.01))
    assert back.n == 3
    assert back.change.value is not None
    assert back.change.value == pytest.approx(0.5 / 3)
    assert back.change.interval is not None
    assert back.change.interval.low < back.change.value < back.change.interval.high


def test_rows_that_change_alike_have_no_interval() -> None:
    fall = worst_fall(np.tile([1.0, 0.5], (4, 1)), 0.01)
    assert fall.change.value == -0.5
    assert fall.change.reason == NO_SPREAD
    assert reversed_fall(fall).change.value == 0.5


def test_what_was_not_drawn_is_bounded() -> None:
    # 0 of 59 rows: at most 5 % of all.
    assert unseen(59) == pytest.approx(0.05, abs=0.001)
    assert unseen(1) == pytest.approx(0.95)
