"""Intervals against scipy, published values and hand computation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from auditkit.methods import intervals
from auditkit.methods.estimates import Bounds

LEVELS = st.sampled_from([0.8, 0.9, 0.95, 0.99, 0.9999])


@st.composite
def counts(draw: st.DrawFn, most: int = 300) -> tuple[int, int]:
    total = draw(st.integers(1, most))
    return draw(st.integers(0, total)), total


def rounded(bounds: Bounds, digits: int = 4) -> tuple[float, float]:
    return round(float(bounds[0]), digits), round(float(bounds[1]), digits)


@settings(deadline=None)
@given(counts(), LEVELS)
def test_wilson_equals_scipy(sample: tuple[int, int], level: float) -> None:
    ours = intervals.wilson(*sample, level)
    theirs = stats.binomtest(*sample).proportion_ci(level, method="wilson")
    assert ours == pytest.approx((theirs.low, theirs.high), abs=1e-12)


@settings(deadline=None)
@given(counts(), LEVELS)
def test_clopper_pearson_equals_scipy(sample: tuple[int, int], level: float) -> None:
    ours = intervals.clopper_pearson(*sample, level)
    theirs = stats.binomtest(*sample).proportion_ci(level, method="exact")
    assert ours == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_no_success_among_few_still_leaves_room() -> None:
    assert rounded(intervals.wilson(0, 3)) == (0.0, 0.5615)
    assert rounded(intervals.wilson(0, 14)) == (0.0, 0.2153)
    assert rounded(intervals.wilson(3, 3)) == (0.4385, 1.0)


def test_no_flip_in_72_rows_proves_less_than_5_per_cent_and_in_71_does_not() -> None:
    assert intervals.clopper_pearson(0, 72)[1] < 0.05 < intervals.clopper_pearson(0, 71)[1]


@pytest.mark.parametrize("total", [5, 20, 60])
def test_clopper_pearson_covers_at_every_true_rate(total: int) -> None:
    k = np.arange(total + 1)
    low, high = intervals.clopper_pearson(k, total)
    for p in np.linspace(0.001, 0.999, 101):
        covered = stats.binom.pmf(k, total, p)[(low <= p) & (p <= high)].sum()
        assert covered >= 0.95 - 1e-12


def test_newcombe_gives_the_published_values() -> None:
    sample = (56, 70, 48, 80)
    assert rounded(intervals.newcombe(*sample)) == (0.0524, 0.3339)


def test_women_and_men_of_the_census_differ_by_the_published_interval() -> None:
    sample = (1769, 16192, 9918, 32650)
    assert rounded(intervals.newcombe(*sample), 6) == (-0.201395, -0.187541)


@settings(deadline=None)
@given(counts(), counts(), LEVELS)
def test_a_ratio_holds_1_exactly_where_the_difference_holds_0(
    first: tuple[int, int], second: tuple[int, int], level: float
) -> None:
    low, high = intervals.newcombe(*first, *second, level)
    low_ratio, high_ratio = intervals.ratio(*first, *second, level)
    if min(abs(low), abs(high)) > 1e-9:
        assert (low <= 0 <= high) == (low_ratio <= 1 <= high_ratio)


@settings(deadline=None)
@given(counts(), counts(), LEVELS)
def test_a_ratio_turned_over_has_the_bounds_turned_over(
    first: tuple[int, int], second: tuple[int, int], level: float
) -> None:
    low, high = intervals.ratio(*first, *second, level)
    low_over, high_over = intervals.ratio(*second, *first, level)
    with np.errstate(divide="ignore"):  # 1 / 0 is infinity here
        assert high_over == pytest.approx(1 / low)
        assert low_over == pytest.approx(1 / high)


def test_the_bounds_of_a_ratio_solve_newcombes_equation() -> None:
    p, q = 56 / 70, 48 / 80
    (p_low, p_high), (q_low, q_high) = intervals.wilson(56, 70), intervals.wilson(48, 80)
    low, high = intervals.ratio(56, 70, 48, 80)
    assert p - low * q == pytest.approx(np.hypot(p - p_low, low * (q_high - q)))
    assert high * q - p == pytest.approx(np.hypot(p_high - p, high * (q - q_low)))


def test_a_ratio_of_large_samples_is_close_to_scipys() -> None:
    theirs = stats.contingency.relative_risk(5600, 7000, 4800, 8000).confidence_interval(0.95)
    ours = intervals.ratio(5600, 7000, 4800, 8000)
    assert ours == pytest.approx((theirs.low, theirs.high), abs=2e-4)


def test_a_ratio_over_nothing_has_no_upper_bound() -> None:
    assert np.isinf(intervals.ratio(3, 10, 0, 10)[1])
    assert rounded(intervals.ratio(0, 10, 0, 10)) == (0.0, np.inf)


def test_a_share_has_scipys_exact_interval_or_the_reason_for_none() -> None:
    theirs = stats.binomtest(8, 10).proportion_ci(0.9, method="exact")
    found = intervals.share(8, 10, 0.9)
    assert found.interval is not None
    assert (found.value, found.interval.method) == (0.8, "Clopper-Pearson")
    assert (found.interval.low, found.interval.high) == pytest.approx((theirs.low, theirs.high))
    assert intervals.share(0, 0, nothing="nobody").reason == "nobody"


@pytest.mark.parametrize("n", [20, 50, 500])
def test_the_interval_of_a_share_never_covers_less_often_than_it_says(n: int) -> None:
    # Wilson's cover in as few as 89.5 % at 50 rows.
    low, high = intervals.clopper_pearson(np.arange(n + 1), n)
    rates = np.linspace(0.01, 0.99, 99)[:, None]
    chances = stats.binom.pmf(np.arange(n + 1), n, rates)
    assert (chances * ((low <= rates) & (rates <= high))).sum(axis=1).min() >= 0.95


def test_the_mean_of_two_rates_recovers_the_variance_of_each() -> None:
    (a, b), (c, d) = intervals.clopper_pearson(40, 50), intervals.clopper_pearson(90, 100)
    expected = (0.85 - np.hypot(0.8 - a, 0.9 - c) / 2, 0.85 + np.hypot(b - 0.8, d - 0.9) / 2)
    assert intervals.mean_of_two(40, 50, 90, 100) == pytest.approx(expected)


def test_f1_has_the_mapped_interval_of_the_jaccard_index() -> None:
    low, high = intervals.clopper_pearson(6, 10)
    assert intervals.f1(6, 4) == pytest.approx((2 * low / (1 + low), 2 * high / (1 + high)))
    assert intervals.f1(0, 5)[0] == 0.0
    assert intervals.f1(5, 0)[1] == 1.0


def test_a_paired_difference_is_computed_as_by_hand() -> None:
    centre, arm = 9 / 102, 1.959964 * np.sqrt(16 - 81 / 102) / 102
    bounds = intervals.paired_difference(12, 3, 100)
    assert bounds == pytest.approx((centre - arm, centre + arm), abs=1e-7)


def test_pairs_cannot_outnumber_the_rows() -> None:
    with pytest.raises(ValueError, match="outnumber"):
        intervals.paired_difference(6, 6, 10)


@settings(deadline=None)
@given(counts(), counts(), LEVELS)
def test_every_interval_has_a_width_and_holds_the_estimate(
    first: tuple[int, int], second: tuple[int, int], level: float
) -> None:
    p, q = first[0] / first[1], second[0] / second[1]
    both = (*first, *second)
    cases = [
        (p, intervals.wilson(*first, level)),
        (p, intervals.clopper_pearson(*first, level)),
        (p - q, intervals.newcombe(*both, level)),
        ((p + q) / 2, intervals.mean_of_two(*both, level)),
        (2 * p / (1 + p), intervals.f1(first[0], first[1] - first[0], level)),
        (-p, intervals.paired_difference(0, *first, level)),
    ]
    if q > 0:
        cases.append((p / q, intervals.ratio(*both, level)))
    for value, (low, high) in cases:
        assert low < high
        assert low - 1e-12 <= value <= high + 1e-12


@settings(deadline=None)
@given(counts(), counts())
def test_bounds_stay_where_the_number_can_be(
    first: tuple[int, int], second: tuple[int, int]
) -> None:
    for low, high in (intervals.wilson(*first), intervals.mean_of_two(*first, *second)):
        assert low >= 0
        assert high <= 1
    low, high = intervals.newcombe(*first, *second)
    assert low >= -1
    assert high <= 1


def test_arrays_are_computed_as_their_entries() -> None:
    low, high = intervals.newcombe([5, 6], [10, 20], [[3], [4]], 30)
    assert low.shape == high.shape == (2, 2)
    assert (low[1, 0], high[1, 0]) == intervals.newcombe(5, 10, 4, 30)


def test_nothing_to_count_gives_no_bounds() -> None:
    assert np.isnan(intervals.wilson(0, 0)).all()
    assert np.isnan(intervals.clopper_pearson(0, 0)).all()
    assert np.isnan(intervals.newcombe(0, 0, 1, 2)).all()
    assert np.isnan(intervals.newcombe(1, 2, 0, 0)).all()
    assert np.isnan(intervals.ratio(0, 0, 1, 2)).all()
    assert np.isnan(intervals.ratio(1, 2, 0, 0)).all()
    assert np.isnan(intervals.mean_of_two(1, 2, 0, 0)).all()
    assert np.isnan(intervals.f1(0, 0)).all()
    assert np.isnan(intervals.paired_difference(0, 0, 0)).all()


@pytest.mark.parametrize(("successes", "total"), [(-1, 3), (4, 3)])
def test_impossible_counts_are_refused(successes: int, total: int) -> None:
    with pytest.raises(ValueError, match=r"0\.\.total"):
        intervals.wilson(successes, total)


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0])
def test_a_level_that_is_none_is_refused(level: float) -> None:
    with pytest.raises(ValueError, match="level"):
        intervals.wilson(1, 3, level)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=40), LEVELS)
def test_a_mean_has_scipys_t_interval_inside_the_range(values: list[float], level: float) -> None:
    found = intervals.bounded_mean(values, level)
    assert found.value == pytest.approx(np.mean(values))
    assert found.interval is not None
    if np.ptp(values) > 1e-6:
        scale = stats.sem(values)
        low, high = stats.t.interval(level, len(values) - 1, np.mean(values), scale)
        clipped = (max(0.0, low), min(1.0, high))
        assert (found.interval.low, found.interval.high) == pytest.approx(clipped, abs=1e-9)


def test_equal_values_do_not_make_a_mean_certain() -> None:
    found = intervals.bounded_mean(np.zeros(100))
    arm = 7 * np.log(4 / 0.05) / (3 * 99)
    assert found.value == 0.0
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx((0.0, arm))


def test_one_value_bounds_nothing() -> None:
    found = intervals.bounded_mean([0.3], low=-1)
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == (-1.0, 1.0)
    assert intervals.bounded_mean([]).reason == "no rows"


@pytest.mark.parametrize("value", [-0.1, 1.1, np.nan, np.inf])
def test_a_value_out_of_range_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="lie in"):
        intervals.bounded_mean([0.5, value])


@pytest.mark.parametrize("n", [50, 400])
def test_balanced_accuracy_f1_and_paired_differences_cover(n: int) -> None:
    rng = np.random.default_rng(0)
    tn, fp, fn, tp = rng.multinomial(n, [0.5, 0.1, 0.15, 0.25], 4000).T
    low, high = intervals.mean_of_two(tp, tp + fn, tn, tn + fp)
    balanced = (0.25 / 0.4 + 0.5 / 0.6) / 2
    assert np.mean((low <= balanced) & (balanced <= high)) >= 0.935
    low, high = intervals.f1(tp, fp + fn)
    assert np.mean((low <= 2 / 3) & (high >= 2 / 3)) >= 0.935
    low, high = intervals.paired_difference(fp, fn, n)
    assert np.mean((low <= -0.05) & (high >= -0.05)) >= 0.935


def test_clopper_pearson_of_less_than_one_effective_row_is_the_beta_quantile() -> None:
    low, high = intervals.clopper_pearson([0.9, 0.4], [0.9, 5.2])
    assert low == pytest.approx([0.025 ** (1 / 0.9), stats.beta.ppf(0.025, 0.4, 5.8)])
    assert high == pytest.approx([1, stats.beta.ppf(0.975, 1.4, 4.8)])


def test_newcombes_difference_takes_the_exact_limits_where_it_is_told_to() -> None:
    one, other = (
        stats.binomtest(s, n).proportion_ci(0.95, method="exact") for s, n in ((56, 70), (48, 80))
    )
    low = 0.2 - np.hypot(0.8 - one.low, other.high - 0.6)
    high = 0.2 + np.hypot(one.high - 0.8, 0.6 - other.low)
    found = intervals.newcombe(56, 70, 48, 80, limits=intervals.clopper_pearson)
    assert found == pytest.approx((low, high))
