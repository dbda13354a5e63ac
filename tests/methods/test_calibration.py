"""Scores as probabilities: against scikit-learn and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from auditkit.methods import calibration, intervals

ROWS = st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), min_size=1, max_size=60)


@settings(deadline=None)
@given(ROWS)
def test_the_brier_score_equals_that_of_scikit_learn(rows: list[tuple[int, float]]) -> None:
    y, score = zip(*rows, strict=True)
    expected = metrics.brier_score_loss(y, score, pos_label=1)
    assert calibration.brier_score(y, score).value == pytest.approx(expected, abs=1e-12)


def test_calibration_in_the_large_is_positive_where_scores_promise_too_little() -> None:
    y = np.repeat([0, 1], [600, 400])
    found = calibration.calibration_in_the_large(y, np.full(1000, 0.3))
    assert found.value == pytest.approx(0.1)
    assert found.interval is not None
    arm = 1.9623415 * y.std(ddof=1) / np.sqrt(1000)  # t with 999 degrees of freedom
    assert (found.interval.low, found.interval.high) == pytest.approx((0.1 - arm, 0.1 + arm))


def test_scores_that_are_always_right_are_not_certain_to_stay_so() -> None:
    y = np.tile([0, 1], 100)
    for found in (
        calibration.brier_score(y, y),
        calibration.calibration_in_the_large(y, y),
    ):
        assert found.value == 0.0
        assert found.interval is not None
        assert found.interval.method == "empirical Bernstein"
        assert found.interval.high > 0.05


@pytest.mark.parametrize("score", [1.5, -0.1, np.nan])
def test_scores_that_are_no_probabilities_are_not_held_against_outcomes(score: float) -> None:
    for measure in (calibration.brier_score, calibration.calibration_in_the_large):
        assert measure([0, 1], [0.5, score]).reason == calibration.NO_PROBABILITIES


def test_bins_hold_equally_many_rows_and_what_came_of_them() -> None:
    score = np.arange(100) / 100
    y = (np.arange(100) % 4 == 0).astype(int)
    bins = calibration.calibration_bins(y, score, bins=4)
    assert [b.n for b in bins] == [25, 25, 25, 25]
    assert bins[1].mean_score == pytest.approx(np.mean(score[25:50]))
    assert bins[1].observed_rate == pytest.approx(6 / 25)
    assert (bins[1].low, bins[1].high) == pytest.approx(intervals.clopper_pearson(6, 25))


@settings(deadline=None)
@given(ROWS, st.integers(1, 12))
def test_bins_count_every_row_once_and_never_part_equal_scores(
    rows: list[tuple[int, float]], bins: int
) -> None:
    tied = [(y, round(score, 1)) for y, score in rows]
    y, score = map(np.array, zip(*tied, strict=True))
    found = calibration.calibration_bins(y, score, bins)
    assert 1 <= len(found) <= bins
    assert sum(b.n for b in found) == len(rows)
    assert sum(b.n * b.observed_rate for b in found) == pytest.approx(y.sum())
    ends = np.cumsum([b.n for b in found])[:-1]
    ordered = np.sort(score)
    assert (ordered[ends - 1] < ordered[ends]).all()


@settings(deadline=None)
@given(ROWS, st.randoms())
def test_the_order_of_rows_does_not_change_the_bins(
    rows: list[tuple[int, float]], random: np.random.Generator
) -> None:
    mixed = list(rows)
    random.shuffle(mixed)
    (y, score), (y_mixed, score_mixed) = zip(*rows, strict=True), zip(*mixed, strict=True)
    first = calibration.calibration_bins(y, score, bins=5)
    second = calibration.calibration_bins(y_mixed, score_mixed, bins=5)
    assert [(b.n, b.observed_rate) for b in first] == [(b.n, b.observed_rate) for b in second]


def test_the_same_score_for_everyone_is_one_bin() -> None:
    (only,) = calibration.calibration_bins([0, 1, 1, 1], [0.4] * 4)
    assert (only.n, only.mean_score, only.observed_rate) == (4, 0.4, 0.75)


def test_no_rows_give_no_bins() -> None:
    assert calibration.calibration_bins([], []) == ()
    assert calibration.brier_score([], []).reason == "no rows"


def test_weighted_scores_equal_repeated_rows() -> None:
    rng = np.random.default_rng(0)
    y, score, w = rng.integers(0, 2, 50), rng.random(50), rng.integers(1, 5, 50)
    again, scores = np.repeat(y, w), np.repeat(score, w)
    for measure in (calibration.brier_score, calibration.calibration_in_the_large):
        assert measure(y, score, weights=w).value == pytest.approx(measure(again, scores).value)
    (one,), (repeated,) = (
        calibration.calibration_bins(y, score, 1, weights=w),
        calibration.calibration_bins(again, scores, 1),
    )
    assert (one.n, repeated.n) == (50, w.sum())
    assert one.mean_score == pytest.approx(repeated.mean_score)
    assert one.observed_rate == pytest.approx(repeated.observed_rate)
    assert one.high - one.low > repeated.high - repeated.low


def test_the_expected_calibration_error_is_that_of_ten_bins_by_hand() -> None:
    # 0.05 of outcome 0 and 0.15 of outcome 1 lie in two bins: (0.05 + 0.85) / 2.
    found = calibration.expected_calibration_error([0, 1], [0.05, 0.15])
    assert found.value == pytest.approx(0.45)
    # In one bin they make up for each other: |(0 - 0.91) + (1 - 0.93)| / 2 = 0.42.
    found = calibration.expected_calibration_error([0, 1], [0.91, 0.93])
    assert found.value == pytest.approx(0.42)


@pytest.mark.parametrize(("off", "least"), [(0.0, 0.93), (0.1, 0.93)])
def test_the_interval_of_the_calibration_error_holds_0_and_other_truths(
    off: float, least: float
) -> None:
    rng, held = np.random.default_rng(0), 0
    for _ in range(200):
        score = rng.uniform(0.15, 0.85, 150)
        y = rng.random(150) < score + off
        found = calibration.expected_calibration_error(y, score)
        assert found.interval is not None
        held += found.interval.low <= off <= found.interval.high
    assert held / 200 >= least


def test_a_large_calibration_error_is_found_and_weights_count_as_copies() -> None:
    rng = np.random.default_rng(1)
    score = rng.random(2_000)
    y = rng.random(2_000) < score**3
    found = calibration.expected_calibration_error(y, score)
    assert found.interval is not None
    assert found.interval.low > 0.1
    copies = rng.integers(1, 4, 2_000)
    weighed = calibration.expected_calibration_error(y, score, weights=copies)
    twice = calibration.expected_calibration_error(np.repeat(y, copies), np.repeat(score, copies))
    assert weighed.value == pytest.approx(twice.value)
    assert weighed.interval is not None
    assert twice.interval is not None
    assert weighed.interval.low < twice.interval.low  # copies of a row are no more rows


def test_calibration_error_says_why_there_is_none() -> None:
    assert calibration.expected_calibration_error([], []).reason == "no rows"
    assert calibration.expected_calibration_error([1], [2.0]).reason == calibration.NO_PROBABILITIES
    certain = calibration.expected_calibration_error([0, 1], [0.0, 1.0])
    assert (certain.value, certain.interval) == (0, None)
