"""Means and gaps between means: scipy for values, simulation for how often an interval holds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from auditkit.methods import gaps, means
from auditkit.methods.estimates import Estimate
from auditkit.methods.means import Means, means_by_group, ratios_by_group

NUMBERS = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30)


@settings(deadline=None)
@given(NUMBERS, st.floats(0.5, 0.999))
def test_a_mean_has_students_interval(values: list[float], level: float) -> None:
    x, found = np.array(values), means.mean(values, level)
    assert found.value == pytest.approx(x.mean(), rel=1e-9, abs=1e-9)
    if found.interval is None:
        assert found.reason == means.NO_SPREAD
        return
    expected = stats.t.interval(level, x.size - 1, x.mean(), x.std(ddof=1) / np.sqrt(x.size))
    assert (found.interval.low, found.interval.high) == pytest.approx(
        expected, rel=1e-6, abs=1e-6 * np.ptp(x)
    )


@pytest.mark.parametrize(
    ("values", "value", "reason"),
    [
        ([], None, "no rows"),
        ([3.0], 3.0, means.ONE_ROW),
        ([0.3, 0.1 + 0.2], 0.3, means.NO_SPREAD),
        ([np.inf, 1.0], None, means.TOO_LARGE),
        ([1e200, -1e200], None, means.TOO_LARGE),
    ],
)
def test_what_has_no_spread_or_no_mean_says_so(
    values: list[float], value: float | None, reason: str
) -> None:
    found = means.mean(values)
    assert found.interval is None
    assert found.reason == reason
    assert found.value is None if value is None else found.value == pytest.approx(value)


def test_a_weight_is_worth_as_much_as_so_many_rows_only_for_the_mean() -> None:
    doubled = means.mean([1.0, 2.0, 2.0, 5.0, 5.0])
    weighted = means_by_group([1.0, 2.0, 5.0], [0, 0, 0], 1, [1, 2, 2])
    assert weighted.mean[0] == doubled.value
    assert weighted.size[0] == pytest.approx(25 / 9)
    even = means_by_group([1.0, 2.0, 6.0], [0, 0, 0], 1, [3, 3, 3])
    assert even.estimate(0) == means.mean([1.0, 2.0, 6.0])


def test_a_weight_of_0_leaves_a_row_out() -> None:
    assert means.mean([1.0, 2.0, 99.0], weights=[1, 1, 0]) == means.mean([1.0, 2.0])
    assert means.mean([99.0], weights=[0]) == Estimate.undefined("no rows")


def test_a_ratio_of_sums_varies_as_its_rows_do() -> None:
    rng = np.random.default_rng(0)
    under = rng.poisson(6, size=(2000, 200)) + 1
    top = rng.binomial(under, 0.2)
    found = [means.ratio_of_sums(t, u) for t, u in zip(top[:300], under[:300], strict=True)]
    held = [e.interval for e in found if e.interval is not None]
    assert np.mean([i.low <= 0.2 <= i.high for i in held]) >= 0.92
    width = np.mean([(i.high - i.low) / 2 / stats.t.ppf(0.975, 199) for i in held])
    assert width == pytest.approx(np.std(top.sum(axis=1) / under.sum(axis=1)), rel=0.05)


def test_a_ratio_over_nothing_is_undefined() -> None:
    assert means.ratio_of_sums([1, 2], [0, 0]).value is None
    held = ratios_by_group([1, 0, 1], [0, 0, 4], [0, 0, 1], 2)
    assert held.n.tolist() == [0, 1]


def welch(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> tuple[float, float]:
    found = stats.ttest_ind(one, other, equal_var=False).confidence_interval(0.95)
    return float(found.low), float(found.high)


def test_with_two_groups_of_one_size_and_spread_a_gap_is_welchs() -> None:
    one, other = np.array([1.0, 2.0, 3.0, 6.0]), np.array([11.0, 12.0, 13.0, 16.0])
    held = means_by_group(np.concatenate([one, other]), np.repeat([0, 1], 4), 2)
    found = means.difference(held)
    assert found.value == 10
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx(welch(other, one))
    assert found.interval.method == means.METHOD
    (pair,) = means.compare_pairs(held)
    assert pair.p_adjusted == pytest.approx(stats.ttest_ind(one, other, equal_var=False).pvalue)


@settings(deadline=None)
@given(st.lists(NUMBERS, min_size=2, max_size=5))
def test_a_gap_holds_0_exactly_where_no_pair_is_established(samples: list[list[float]]) -> None:
    place = np.repeat(np.arange(len(samples)), [len(sample) for sample in samples])
    held = means_by_group(np.concatenate(samples), place, len(samples))
    gap, pairs = held.difference(), held.pairs()
    assert gap.value == pytest.approx(max(pair.difference for pair in pairs))
    if gap.interval is None:
        assert gap.reason in {means.NO_SPREAD, means.TOO_LARGE}
        return
    assert (gap.interval.low > 0) == any(pair.established for pair in pairs)


def test_one_group_has_nothing_to_be_compared_with() -> None:
    held = means_by_group([1.0, 2.0], [0, 0], 1)
    assert held.difference() == Estimate.undefined(gaps.TOO_FEW)
    assert held.pairs() == ()


def test_groups_without_any_spread_have_a_gap_without_an_interval() -> None:
    held = means_by_group([1.0, 1.0, 2.0, 2.0], [0, 0, 1, 1], 2)
    assert held.difference() == Estimate(1.0, None, means.NO_SPREAD)
    assert [pair.established for pair in held.pairs()] == [False]


@pytest.mark.parametrize(
    ("values", "note"),
    [
        (np.append(np.zeros(999), 1e6), "one row makes 100 % of the spread"),
        (np.arange(1000.0), ""),
        (np.zeros(5), ""),
        (np.zeros(0), ""),
    ],
)
def test_a_row_that_makes_most_of_a_spread_is_told(
    values: npt.NDArray[np.float64], note: str
) -> None:
    told = means.far_out(values)
    assert (note in told) if note else not told


def share_covering_no_gap(sizes: tuple[int, ...], draws: int, *, skewed: bool) -> float:
    rng = np.random.default_rng([*sizes, skewed])
    place = np.repeat(np.arange(len(sizes)), sizes)
    draw = rng.exponential if skewed else rng.normal
    found: list[Means] = [
        means_by_group(draw(size=place.size), place, len(sizes)) for _ in range(draws)
    ]
    lows = [e.interval.low for e in (held.difference() for held in found) if e.interval]
    return float(np.mean(np.array(lows) == 0))


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(30, 30), (10, 2000), (10, 30, 200, 2000), (200,) * 6])
@pytest.mark.parametrize("skewed", [False, True])
def test_without_a_difference_the_interval_holds_none_as_often_as_it_says(
    sizes: tuple[int, ...],
    skewed: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    # 0.94 less 3 Monte-Carlo errors of 2,000 draws.
    assert share_covering_no_gap(sizes, 2_000, skewed=skewed) >= 0.924
