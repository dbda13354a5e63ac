"""Testing subgroups on the other half: intervals, direction, weights, calibration."""

from __future__ import annotations

import numpy as np
import pytest

from auditkit.methods import gaps, intervals
from auditkit.methods.subgroup_tests import calibrate, compare, halve, times_share
from auditkit.methods.subgroups import Halves, Number, Subgroup

SEARCHED = np.arange(400) % 2 == 0
INSIDE = Subgroup(("sex",), ("F",), np.arange(400) < 120)


def number(values: np.ndarray, worse: int = 0) -> Number:
    return Number(values.astype(float), np.ones(400, dtype=bool), worse)


def won(inside: int, rest: int) -> np.ndarray:
    """Shares on the rows to test: so many of the 60 inside and of the 140 others; 1 elsewhere."""
    values = np.ones(400)
    values[~SEARCHED] = [*([1.0] * inside), *([0.0] * (60 - inside)), *([1.0] * rest),
                         *([0.0] * (140 - rest))]  # fmt: skip
    return values


def test_a_share_is_compared_by_newcombe_on_the_rows_to_test_only() -> None:
    found = compare(INSIDE, number(won(12, 70)), Halves(SEARCHED, 1), 0.95, share=True)
    low, high = intervals.newcombe(12, 60, 70, 140, 0.95, limits=intervals.clopper_pearson)
    assert (found.n, found.others) == (60, 140)
    assert (found.mean, found.rest) == (0.2, 0.5)
    assert found.low == pytest.approx(float(low))
    assert found.high == pytest.approx(float(high))
    assert found.established


def test_weights_that_are_all_equal_change_nothing_but_the_test() -> None:
    halves = Halves(SEARCHED, 1, np.full(400, 1.0))
    found = compare(INSIDE, number(won(12, 70)), halves, 0.95, share=True)
    plain = compare(INSIDE, number(won(12, 70)), Halves(SEARCHED, 1), 0.95, share=True)
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high))
    assert found.method == "Newcombe of Clopper-Pearson limits, effective n"


def test_unequal_weights_widen_the_interval() -> None:
    weights = np.where(np.arange(400) % 3 == 0, 5.0, 0.5)
    heavy = compare(INSIDE, number(won(30, 70)), Halves(SEARCHED, 1, weights), 0.95, share=True)
    plain = compare(INSIDE, number(won(30, 70)), Halves(SEARCHED, 1), 0.95, share=True)
    assert heavy.low is not None
    assert heavy.high is not None
    assert plain.low is not None
    assert plain.high is not None
    assert heavy.high - heavy.low > plain.high - plain.low


def test_numbers_are_compared_by_welch() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=400) + 2.0 * INSIDE.rows
    found = compare(INSIDE, number(values), Halves(SEARCHED, 1), 0.95, share=False)
    assert found.difference == pytest.approx(
        values[INSIDE.rows & ~SEARCHED].mean() - values[~INSIDE.rows & ~SEARCHED].mean()
    )
    assert found.low is not None
    assert 0 < found.low < found.difference


@pytest.mark.parametrize(
    ("worse", "inside", "established"),
    [(0, 12, True), (0, 58, True), (-1, 12, True), (-1, 58, False), (1, 58, True), (1, 12, False)],
)
def test_only_a_difference_for_the_worse_is_established(
    worse: int,
    inside: int,
    established: bool,  # noqa: FBT001 - of the parametrisation
) -> None:
    values = number(won(inside, 70), worse)
    found = compare(INSIDE, values, Halves(SEARCHED, 1), 0.95, share=True)
    assert found.established is established
    assert found.gap(0.95).value == pytest.approx(abs(inside / 60 - 0.5))


def test_the_interval_of_a_gap_without_sign_starts_at_0_where_the_difference_may_be_0() -> None:
    found = compare(INSIDE, number(won(28, 70)), Halves(SEARCHED, 1), 0.95, share=True)
    gap = found.gap(0.95)
    assert gap.interval is not None
    assert gap.interval.low == 0
    assert gap.interval.high == pytest.approx(-float(found.low or 0))


def test_calibration_is_the_exact_interval_of_the_rate_less_the_mean_score() -> None:
    y = won(12, 70)
    score = np.full(400, 0.3)
    found = calibrate(INSIDE, y, score, Halves(SEARCHED, 1), 0.95)
    low, high = intervals.clopper_pearson(12, 60)
    assert found.difference == pytest.approx(0.2 - 0.3)
    assert found.low == pytest.approx(float(low) - 0.3)
    assert found.high == pytest.approx(float(high) - 0.3)
    weighed = times_share(found, Halves(SEARCHED, 1))
    assert weighed.difference == pytest.approx(0.3 * (0.2 - 0.3))


def test_a_cell_in_which_nothing_came_true_has_an_interval_of_some_width() -> None:
    found = calibrate(INSIDE, np.zeros(400), np.full(400, 0.01), Halves(SEARCHED, 1), 0.95)
    assert found.low == pytest.approx(-0.01)
    assert found.high is not None
    assert found.high > 0.04


def test_half_of_the_rows_is_searched() -> None:
    assert halve(np.random.default_rng(3), 101).sum() == 50


@pytest.mark.slow
def test_calibrated_outcomes_are_seldom_called_uncalibrated() -> None:
    rng = np.random.default_rng(0)
    score = np.clip(rng.normal(0.2, 0.15, 400), 0.01, 0.99)
    wrong = sum(
        calibrate(
            INSIDE, (rng.random(400) < score).astype(float), score, Halves(SEARCHED, 1), 0.95
        ).established
        for _ in range(2_000)
    )
    assert wrong <= 100 + 30


def test_levels_are_shared_by_bonferroni() -> None:
    values, halves = number(won(12, 70)), Halves(SEARCHED, 1)
    wide = compare(INSIDE, values, halves, gaps.shared_level(0.95, 10), share=True)
    narrow = compare(INSIDE, values, halves, 0.95, share=True)
    assert wide.low is not None
    assert narrow.low is not None
    assert wide.low < narrow.low
