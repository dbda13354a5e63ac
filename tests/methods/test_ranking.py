"""The area under the ROC curve against scikit-learn and against DeLong by brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats
from sklearn import metrics

from auditkit.methods import ranking
from auditkit.methods.estimates import FloatArray, IntArray

ROWS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 12)), min_size=4, max_size=60).filter(
    lambda rows: 0 < sum(y for y, _ in rows) < len(rows)
)


def arrays(rows: list[tuple[int, int]]) -> tuple[list[int], list[float]]:
    return [y for y, _ in rows], [score / 10 for _, score in rows]


def delong_by_pairs(y: IntArray, score: FloatArray) -> tuple[float, float]:
    """Area and standard error from every pair of a positive and a negative."""
    positive, negative = score[y == 1], score[y == 0]
    wins = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    above, below = wins.mean(axis=1), wins.mean(axis=0)
    variance = above.var(ddof=1) / above.size + below.var(ddof=1) / below.size
    return float(wins.mean()), float(np.sqrt(variance))


@settings(deadline=None)
@given(ROWS)
def test_the_area_equals_that_of_scikit_learn_with_ties(rows: list[tuple[int, int]]) -> None:
    y, score = arrays(rows)
    found = ranking.auc(y, score)
    assert found.value == pytest.approx(metrics.roc_auc_score(y, score), abs=1e-12)


@settings(deadline=None)
@given(ROWS)
def test_the_interval_has_a_width_inside_0_and_1(rows: list[tuple[int, int]]) -> None:
    found = ranking.auc(*arrays(rows))
    assert found.interval is not None
    assert found.value is not None
    assert 0 <= found.interval.low < found.interval.high <= 1
    assert found.interval.low - 1e-12 <= found.value <= found.interval.high + 1e-12


def test_the_interval_is_delongs_on_the_logit_scale() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 120)
    score = np.round(rng.normal(y, 1.2), 1)
    value, error = delong_by_pairs(y, score)
    arm = 1.959964 * error / (value * (1 - value))
    found = ranking.auc(y, score)
    assert found.value == pytest.approx(value)
    assert found.interval is not None
    expected = special.expit([special.logit(value) - arm, special.logit(value) + arm])
    assert [found.interval.low, found.interval.high] == pytest.approx(expected, abs=1e-7)
    assert found.interval.method == "DeLong, logit"


@settings(deadline=None)
@given(ROWS)
def test_only_the_order_of_scores_matters(rows: list[tuple[int, int]]) -> None:
    y, score = arrays(rows)
    assert ranking.auc(y, np.exp(score) * 7 - 3) == ranking.auc(y, score)


@settings(deadline=None)
@given(ROWS)
def test_scores_turned_over_give_the_area_turned_over(rows: list[tuple[int, int]]) -> None:
    y, score = arrays(rows)
    area, over = ranking.auc(y, score), ranking.auc(y, -np.array(score))
    assert area.value == pytest.approx(1 - (over.value or 0))
    assert area.interval is not None
    assert over.interval is not None
    assert area.interval.low == pytest.approx(1 - over.interval.high)


def test_scores_that_part_the_classes_are_not_certain_to_do_so_again() -> None:
    found = ranking.auc([0] * 80 + [1] * 50, np.arange(130))
    assert found.value == 1.0
    assert found.interval is not None
    # 50 independent pairs, all won: the exact binomial bound.
    assert found.interval.low == pytest.approx(stats.binomtest(50, 50).proportion_ci(0.95).low)
    assert found.interval.high == 1.0
    assert "Clopper-Pearson over 50" in found.interval.method


def test_scores_that_are_all_the_same_say_nothing_and_not_for_certain() -> None:
    found = ranking.auc([0, 1] * 50, np.ones(100))
    assert found.value == 0.5
    assert found.interval is not None
    arm = np.sqrt(np.log(40) / 100)
    assert (found.interval.low, found.interval.high) == pytest.approx((0.5 - arm, 0.5 + arm))
    assert "Hoeffding over 50" in found.interval.method


def test_a_single_positive_leaves_the_area_open() -> None:
    found = ranking.auc([0, 0, 0, 1], [1, 2, 4, 3])
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == (0.0, 1.0)


@pytest.mark.parametrize("y", [[], [1, 1], [0, 0]])
def test_one_class_has_no_area(y: list[int]) -> None:
    assert ranking.auc(y, np.arange(len(y))).reason == "all true outcomes are the same"


def test_scores_that_are_not_finite_are_counted_not_ranked() -> None:
    assert ranking.auc([0, 1, 1], [0.1, np.nan, np.inf]).reason == "2 scores are not finite"


def test_outcomes_and_scores_that_do_not_fit_are_refused() -> None:
    for y, score in (([0, 2], [0.1, 0.2]), ([0, 1], [0.1])):
        with pytest.raises(ValueError, match="one outcome"):
            ranking.auc(y, score)


def test_the_interval_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    truth = float(special.ndtr(1 / np.sqrt(2)))  # of normal scores, one unit apart
    y = np.repeat([0, 1], [60, 40])
    covered = 0
    for _ in range(600):
        interval = ranking.auc(y, rng.normal(y)).interval
        covered += interval is not None and interval.low <= truth <= interval.high
    assert covered / 600 >= 0.923  # 0.95 less 3 Monte-Carlo errors


def test_a_large_table_is_ranked_without_pairing_its_rows() -> None:
    rng = np.random.default_rng(2)
    y = rng.integers(0, 2, 200_000)  # 1e10 pairs
    found = ranking.auc(y, rng.normal(y))
    assert found.value == pytest.approx(special.ndtr(1 / np.sqrt(2)), abs=0.005)


@settings(deadline=None)
@given(ROWS)
def test_the_curve_equals_that_of_scikit_learn(rows: list[tuple[int, int]]) -> None:
    y, score = arrays(rows)
    theirs = metrics.roc_curve(y, score, drop_intermediate=False)
    ours = ranking.roc_curve(y, score, points=2000)
    for a, b in zip(ours, theirs, strict=True):
        assert a == pytest.approx(b)


def test_a_long_curve_is_thinned_and_keeps_its_ends_and_area() -> None:
    rng = np.random.default_rng(3)
    y = rng.integers(0, 2, 5000)
    score = rng.normal(y)
    fpr, tpr, thresholds = ranking.roc_curve(y, score, points=60)
    assert 50 <= fpr.size <= 60
    assert (fpr[0], tpr[0], thresholds[0]) == (0.0, 0.0, np.inf)
    assert (fpr[-1], tpr[-1], thresholds[-1]) == (1.0, 1.0, score.min())
    assert np.trapezoid(tpr, fpr) == pytest.approx(metrics.roc_auc_score(y, score), abs=2e-3)
    assert fpr[30] == pytest.approx((score[y == 0] >= thresholds[30]).mean())


def test_one_class_has_no_curve() -> None:
    with pytest.raises(ValueError, match="both outcomes"):
        ranking.roc_curve([1, 1], [0.1, 0.2])


WEIGHTED = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 12), st.floats(0.01, 100)), min_size=4, max_size=40
).filter(lambda rows: 0 < sum(row[0] for row in rows) < len(rows))


@settings(deadline=None)
@given(WEIGHTED)
def test_a_weighted_area_equals_that_of_scikit_learn(rows: list[tuple[int, int, float]]) -> None:
    y, score, w = map(np.array, zip(*rows, strict=True))
    found = ranking.auc(y, score, weights=w)
    theirs = metrics.roc_auc_score(y, score, sample_weight=w)
    assert found.value == pytest.approx(theirs, abs=1e-12)
    assert found.interval is not None
    assert 0 <= found.interval.low < found.interval.high <= 1
    assert found.interval.low - 1e-12 <= theirs <= found.interval.high + 1e-12


def test_a_weighted_area_has_delongs_variance_of_weighted_placements() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 120)
    score, w = np.round(rng.normal(y, 1.2), 1), rng.lognormal(size=120)
    positive, negative, u, v = score[y == 1], score[y == 0], w[y == 1], w[y == 0]
    u, v = u / u.sum(), v / v.sum()
    wins = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    value, variance = u @ wins @ v, 0.0
    for placed, part in ((wins @ v, u), (u @ wins, v)):
        squares = (placed - value) ** 2
        larger = max(part**2 @ squares, (part @ squares) * (part**2).sum())
        variance += larger * part.size / (part.size - 1)
    arm = 1.959964 * np.sqrt(variance) / (value * (1 - value))
    found = ranking.auc(y, score, weights=w)
    assert found.value == pytest.approx(value)
    assert found.interval is not None
    expected = special.expit([special.logit(value) - arm, special.logit(value) + arm])
    assert (found.interval.low, found.interval.high) == pytest.approx(expected)
    assert found.interval.method == "DeLong, weighted, logit"


def test_equal_weights_give_the_interval_without_weights() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 80)
    score = np.round(rng.normal(y), 1)
    plain, same = ranking.auc(y, score), ranking.auc(y, score, weights=np.full(80, 3.0))
    assert plain.interval is not None
    assert same.interval is not None
    bounds = [(found.low, found.high) for found in (plain.interval, same.interval)]
    assert bounds[1] == pytest.approx(bounds[0], abs=1e-12)


@pytest.mark.parametrize(
    ("score", "value", "method"),
    [
        ([0.1, 0.2, 0.8, 0.9], 1.0, "Clopper-Pearson over 0.9 effective pairs"),
        ([0.9, 0.8, 0.2, 0.1], 0.0, "Clopper-Pearson over 0.9 effective pairs"),
        ([0.5, 0.5, 0.5, 0.5], 0.5, "McDiarmid over 0.9 effective pairs"),
    ],
)
def test_a_weighted_area_without_spread_is_not_certain(
    score: list[float], value: float, method: str
) -> None:
    found = ranking.auc([0, 0, 1, 1], score, weights=[1, 2, 1, 2])  # Kish 1.8 in either class
    assert found.value == value
    assert found.interval is not None
    assert found.interval.method.startswith(method)
    assert found.interval.high - found.interval.low > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("n", [30, 300])
@pytest.mark.parametrize("slope", [0, 1, -1])
def test_the_weighted_area_covers(n: int, slope: float) -> None:
    rng = np.random.default_rng(0)

    def drawn(size: int) -> tuple[IntArray, FloatArray, FloatArray]:
        x = rng.normal(size=size)
        y = (rng.random(size) < special.expit(-0.85 + slope * x)).astype(np.int64)
        return y, rng.normal(y + 0.5 * slope * x), np.exp(x)

    y, score, w = drawn(1_000_000)
    true = ranking.auc(y, score, weights=w).value
    assert true is not None
    hits = []
    for _ in range(2000):
        y, score, w = drawn(n)
        interval = ranking.auc(y, score, weights=w).interval
        if interval is not None:
            hits.append(interval.low <= true <= interval.high)
    assert np.mean(hits) >= 0.935


def test_the_ks_statistic_and_its_bands_are_those_by_hand() -> None:
    y, score = np.repeat([1, 0], [50, 200]), np.r_[np.arange(50) + 100.0, np.arange(200) / 1.0]
    found = ranking.kolmogorov_smirnov(y, score)
    assert found.value == stats.ks_2samp(score[y == 1], score[y == 0]).statistic
    arm = np.sqrt(np.log(80) / 100) + np.sqrt(np.log(80) / 400)
    assert found.interval is not None
    assert found.interval.low == pytest.approx((found.value or 0) - arm)


def test_the_bands_of_ks_hold_no_difference() -> None:
    rng = np.random.default_rng(0)
    y = np.repeat([1, 0], [15, 60])
    found = [ranking.kolmogorov_smirnov(y, rng.random(75)).interval for _ in range(200)]
    assert sum(one is not None and one.low == 0 for one in found) >= 190


@pytest.mark.parametrize("score", [[0.1, np.nan], [np.inf, 0.1]])
def test_ks_says_why_there_is_none(score: list[float]) -> None:
    assert ranking.kolmogorov_smirnov([0, 1], score).reason == "some scores are not finite"
    assert ranking.kolmogorov_smirnov([1, 1], [0, 1]).reason == "all true outcomes are the same"
