"""Edits of numbers and texts, and what is counted of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from auditkit.methods.perturbing import (
    Numbers,
    Outcome,
    mean_outcome,
    mistyped,
    other_codes,
    rate,
    rate_gap,
)


def test_whole_numbers_stay_whole_and_small_ones_do_not_change() -> None:
    held = Numbers.of(np.array([1.0, 40.0, 60.0, 99.0, np.nan, 120.0]))
    larger = held.scaled(1.01)
    assert larger[:4].tolist() == [1.0, 40.0, 61.0, 100.0]
    assert np.isnan(larger[4])
    assert larger[5] == 120.0, "the largest number observed is the limit"
    assert held.differs(larger).tolist() == [False, False, True, True, False, False]


def test_numbers_stay_in_the_observed_range_but_for_wrong_units() -> None:
    held = Numbers.of(np.array([1.5, 2.5, 10.0]))
    assert held.scaled(0.99).tolist() == pytest.approx([1.5, 2.475, 9.9])
    assert held.scaled(10, inside=False).tolist() == [15.0, 25.0, 100.0]
    shaken = held.shaken(100.0, np.array([-1.0, 0.0, 1.0]))
    assert shaken.tolist() == [1.5, 2.5, 10.0]


def test_the_range_is_that_of_all_rows() -> None:
    held = Numbers.of(np.array([5.0]), np.array([1.0, 5.0, 9.5]))
    assert (held.low, held.high, held.whole) == (1.0, 9.5, False)
    assert held.deviation == pytest.approx(np.std([1.0, 5.0, 9.5]))


def test_noise_is_in_standard_deviations_of_the_column() -> None:
    values = np.linspace(0, 1, 10_001) + 0.25
    held = Numbers.of(values)
    noise = np.random.default_rng(0).normal(size=values.size)
    moved = held.shaken(0.01, noise) - values
    assert moved[1_000:9_000].std() == pytest.approx(0.01 * values.std(), rel=0.03)


def test_an_empty_column_and_one_of_missing_values_change_nothing() -> None:
    for values in (np.array([]), np.array([np.nan, np.nan])):
        held = Numbers.of(values)
        assert not held.differs(held.scaled(1.01)).any()
        assert not held.differs(held.shaken(0.1, np.ones(values.size))).any()


def test_another_category_is_never_the_same_and_each_is_as_likely() -> None:
    codes = np.repeat([0, 1, 2, -1], 3_000)
    drawn = other_codes(codes, 3, np.random.default_rng(0))
    assert (drawn[codes < 0] == -1).all()
    assert (drawn[codes >= 0] != codes[codes >= 0]).all()
    counts = np.bincount(drawn[codes == 0], minlength=3)
    assert counts[0] == 0
    assert stats.binomtest(int(counts[1]), 3_000).pvalue > 0.001


def test_typos_hit_the_share_of_letters_that_was_asked_for() -> None:
    rng = np.random.default_rng(0)
    told = [mistyped("b", 0.2, rng) for _ in range(20_000)]
    # A lone letter cannot be swapped, and one key in 26 is the right one.
    expected = 0.2 * (1 / 4 + 1 / 4 + 1 / 4 * 25 / 26)
    assert np.mean([text != "b" for text in told]) == pytest.approx(expected, abs=0.01)
    assert {len(text) for text in told} == {0, 1, 2}


def test_typos_leave_marks_alone_and_never_put_latin_letters_into_chinese() -> None:
    rng = np.random.default_rng(0)
    assert mistyped("... !? ...", 1.0, rng) == "... !? ..."
    told = mistyped("质量很差" * 50, 1.0, rng)
    assert told != "质量很差" * 50
    assert set(told) <= set("质量很差")


def outcome(flipped: list[float], better: list[float] | None = None) -> Outcome:
    values = np.array(flipped)
    return Outcome(np.ones(values.size), values, None if better is None else np.array(better))


def test_a_row_counts_by_the_share_of_its_draws() -> None:
    found = mean_outcome([outcome([1, 0, 0], [1, 0, 0]), outcome([1, 1, 0], [0, 0, 0])])
    assert found.flipped.tolist() == [1.0, 0.5, 0.0]
    assert found.worse is not None
    assert found.worse.tolist() == [0.5, 0.5, 0.0]
    assert found.rate == pytest.approx(0.5)


def test_the_rate_among_changed_rows_leaves_out_the_others() -> None:
    found = Outcome(np.array([1.0, 1.0, 0.0, 0.0]), np.array([1.0, 0.0, 0.0, 0.0]), None)
    assert (found.rate, found.of_changed) == (0.25, 0.5)
    nothing = Outcome(np.zeros(4), np.zeros(4), None)
    assert nothing.nothing
    assert nothing.of_changed is None


def test_the_interval_is_the_exact_one_of_as_many_rows() -> None:
    values = np.array([1.0] * 3 + [0.0] * 97)
    expected = stats.binomtest(3, 100).proportion_ci(0.95, "exact")
    interval = rate(values, 0.95).interval
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))


def test_intervals_of_rows_with_several_draws_hold_the_truth() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        chances = rng.beta(0.05, 0.95, 200)  # a row hardly ever flips, or nearly always
        values = (rng.random((5, 200)) < chances).mean(axis=0)
        interval = rate(values, 0.95).interval
        assert interval is not None
        held += interval.low <= 0.05 <= interval.high
    assert held >= 380


def test_the_gap_between_groups_needs_two_of_them() -> None:
    values, codes = np.array([1.0, 1.0, 0.0, 0.0]), np.array([0, 0, 1, 1])
    gap = rate_gap(values, codes, [0, 1], 0.95)
    assert gap.value == 1.0
    assert rate_gap(values, codes, [0], 0.95).value is None
