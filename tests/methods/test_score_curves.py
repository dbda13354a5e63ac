"""What follows from scores by bin, against scikit-learn, scipy and the rows themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp
from sklearn.metrics import roc_auc_score, roc_curve

from auditkit.methods.estimates import FloatArray, IntArray
from auditkit.methods.histogram import bin_scores, parts_of
from auditkit.methods.score_curves import (
    Histogram,
    abroca,
    auc,
    calibration_error,
    distinct_scores,
    ks,
    roc,
)

Scored = tuple[IntArray, FloatArray]


@st.composite
def scored(draw: st.DrawFn) -> Scored:
    """Outcomes, both there, and scores: spread, tied, or piled near an end."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n = draw(st.integers(4, 300))
    y = rng.random(n) < draw(st.sampled_from([0.1, 0.5, 0.9]))
    y[:4] = True, False, True, False  # scipy needs two of each
    a, b = draw(st.sampled_from([(1, 1), (0.05, 2), (2, 0.1), (8, 8)]))
    score = rng.beta(a * (1 + y), b)
    ties = draw(st.sampled_from([0, 3, 50]))
    return y.astype(np.int64), np.round(score * ties) / ties if ties else score


@settings(deadline=None)
@given(scored(), st.sampled_from([4, 16, 256, 4096]))
def test_the_true_area_under_the_curve_lies_within_the_bound(rows: Scored, bins: int) -> None:
    found = auc(bin_scores({}, {}, *rows, bins).histogram({}))
    assert abs(roc_auc_score(*rows) - found.value) <= found.bound + 1e-12


@settings(deadline=None)
@given(scored(), st.sampled_from([4, 16, 256, 4096]))
def test_the_true_ks_lies_between_the_value_and_its_bound(rows: Scored, bins: int) -> None:
    y, score = rows
    found = ks(bin_scores({}, {}, *rows, bins).histogram({}))
    true = ks_2samp(score[y == 1], score[y == 0], method="asymp").statistic
    assert -1e-12 <= true - found.value <= found.bound + 1e-12


@settings(deadline=None)
@given(scored(), scored(), st.sampled_from([4, 16, 256, 4096]))
def test_the_true_area_between_curves_lies_within_the_bound(
    first: Scored, second: Scored, bins: int
) -> None:
    found = abroca(*(bin_scores({}, {}, *rows, bins).histogram({}) for rows in (first, second)))
    true = abroca(*(distinct_scores(*rows) for rows in (first, second)))
    assert abs(true.value - found.value) <= found.bound + 1e-12


@settings(deadline=None)
@given(scored())
def test_distinct_scores_are_exact(rows: Scored) -> None:
    y, score = rows
    held = distinct_scores(*rows)
    assert auc(held).value == pytest.approx(roc_auc_score(*rows), abs=1e-12)
    true = ks_2samp(score[y == 1], score[y == 0], method="asymp").statistic
    assert ks(held).value == pytest.approx(true, abs=1e-12)
    assert auc(held).bound == ks(held).bound == 0


@settings(deadline=None)
@given(scored(), scored())
def test_the_area_between_curves_is_that_of_scikit_learns_curves(
    first: Scored, second: Scored
) -> None:
    at = (np.arange(40_000) + 0.5) / 40_000
    curves = [roc_curve(*rows, drop_intermediate=False)[:2] for rows in (first, second)]
    one, other = (np.interp(at, *curve) for curve in curves)
    expected = float(np.abs(one - other).mean())
    found = abroca(distinct_scores(*first), distinct_scores(*second)).value
    assert found == pytest.approx(expected, abs=2e-3)


@given(scored())
def test_a_curve_is_no_area_away_from_itself(rows: Scored) -> None:
    assert abroca(distinct_scores(*rows), distinct_scores(*rows)).value == 0


def test_curves_that_cross_do_not_make_up_for_each_other() -> None:
    # One rises to 1/2 at once and then at the end, the other goes straight: two triangles of 1/8.
    stepped = distinct_scores([1, 0, 1], [0.9, 0.5, 0.1])
    straight = distinct_scores([1, 0], [0.5, 0.5])
    assert abroca(stepped, straight).value == pytest.approx(0.25)
    assert auc(stepped).value == auc(straight).value == 0.5


def test_weights_count_as_copies() -> None:
    y, score = np.array([0, 1, 1, 0]), np.array([0.1, 0.4, 0.4, 0.8])
    twice = distinct_scores(np.repeat(y, [1, 2, 3, 1]), np.repeat(score, [1, 2, 3, 1]))
    weighed = distinct_scores(y, score, [1, 2, 3, 1])
    np.testing.assert_array_equal(weighed.positives, twice.positives)
    assert weighed.mean_score == pytest.approx(twice.mean_score)


def test_the_curve_passes_through_the_points_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    y, score = rng.integers(0, 2, 200), np.round(rng.random(200), 1)
    fpr, tpr = roc(distinct_scores(y, score))
    expected = roc_curve(y, score, drop_intermediate=False)
    np.testing.assert_allclose(fpr, expected[0])
    np.testing.assert_allclose(tpr, expected[1])


def test_calibration_error_of_wide_bins_is_exact_whatever_the_narrow_ones() -> None:
    rng = np.random.default_rng(0)
    score = rng.random(3_000)
    y = (rng.random(3_000) < score**2).astype(np.int64)
    cells = bin_scores({}, {}, y, score)
    parts = parts_of(cells.bins)
    place = parts[np.searchsorted(cells.edges[1:-1], score, side="right")]
    expected = sum(abs((y - score)[place == part].sum()) for part in range(10)) / 3_000
    assert calibration_error(cells.histogram({}), parts) == pytest.approx(expected)


def test_without_both_outcomes_there_is_no_curve() -> None:
    one_class = Histogram(np.array([1.0]), np.array([0.0]), np.array([0.5]), exact=True)
    for of in (auc, ks, roc):
        with pytest.raises(ValueError, match="both outcomes"):
            of(one_class)
