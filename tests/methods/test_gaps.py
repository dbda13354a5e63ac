"""Gaps between groups: values by hand, intervals against their pairs, coverage by simulation."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from auditkit.methods import gaps, intervals
from auditkit.methods.estimates import Estimate

SAMPLE = st.integers(1, 80).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
SAMPLES = st.lists(SAMPLE, min_size=2, max_size=6)


def arrays(samples: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
    return [s for s, _ in samples], [n for _, n in samples]


def newcombe(s1: int, n1: int, s2: int, n2: int, level: float = 0.95) -> tuple[float, float]:
    """Newcombe's difference with the limits that a gap takes."""
    exact = intervals.clopper_pearson
    low, high = intervals.newcombe(s1, n1, s2, n2, level, limits=exact)
    return float(low), float(high)


def test_with_two_groups_a_gap_is_newcombes_difference() -> None:
    found = gaps.difference([48, 56], [80, 70])
    assert found.value == pytest.approx(0.2)
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx(newcombe(56, 70, 48, 80))
    assert found.interval.method == "Newcombe of Clopper-Pearson limits"


def test_with_three_groups_the_gap_takes_the_extremes_of_three_stricter_intervals() -> None:
    s, n = np.array([30, 50, 20]), np.array([100, 100, 50])
    level = 1 - 0.05 / 3
    low, high = zip(
        *(
            newcombe(s[i], n[i], s[j], n[j], level)
            for i, j in product(range(3), range(3))
            if i != j
        ),
        strict=True,
    )
    found = gaps.difference(s, n)
    assert found.value == pytest.approx(0.2)
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx((max(*low, 0), max(high)))
    assert found.interval.method == ("Newcombe of Clopper-Pearson limits, Bonferroni over 3 pairs")


def test_the_census_gap_between_women_and_men_is_the_published_one() -> None:
    found = gaps.difference([1769, 9918], [16192, 32650])
    assert found.interval is not None
    assert round(found.value or 0, 6) == 0.194516
    assert (round(found.interval.low, 6), round(found.interval.high, 6)) == (0.187521, 0.201438)
    assert round(gaps.ratio([1769, 9918], [16192, 32650]).value or 0, 6) == 0.359655


@settings(deadline=None)
@given(SAMPLES)
def test_a_gap_holds_0_and_a_ratio_1_exactly_where_no_pair_is_established(
    samples: list[tuple[int, int]],
) -> None:
    s, n = arrays(samples)
    gap, ratio, pairs = gaps.difference(s, n), gaps.ratio(s, n), gaps.compare_pairs(s, n)
    established = any(pair.established for pair in pairs)
    assert gap.interval is not None
    assert (gap.interval.low > 0) == established
    if ratio.interval is not None:
        assert (ratio.interval.high < 1) == established


@settings(deadline=None)
@given(SAMPLES)
def test_every_gap_and_ratio_lies_in_an_interval_with_a_width(
    samples: list[tuple[int, int]],
) -> None:
    s, n = arrays(samples)
    rates = np.divide(s, n)
    for found, value in (
        (gaps.difference(s, n), rates.max() - rates.min()),
        (gaps.ratio(s, n), rates.min() / max(rates.max(), 1e-300)),
    ):
        if found.interval is None:
            assert found.reason == gaps.ALL_ZERO
            assert max(s) == 0
            continue
        assert found.value == pytest.approx(value, abs=1e-15)
        assert 0 <= found.interval.low < found.interval.high <= 1
        assert found.interval.low - 1e-12 <= value <= found.interval.high + 1e-12


@settings(deadline=None)
@given(SAMPLES, st.randoms())
def test_the_order_of_the_groups_does_not_matter(
    samples: list[tuple[int, int]], random: np.random.Generator
) -> None:
    mixed = list(samples)
    random.shuffle(mixed)
    assert gaps.difference(*arrays(mixed)) == gaps.difference(*arrays(samples))
    assert gaps.ratio(*arrays(mixed)) == gaps.ratio(*arrays(samples))


def test_equal_rates_are_a_gap_of_0_and_a_ratio_of_1_inside_their_intervals() -> None:
    gap, ratio = gaps.difference([3, 6, 9], [10, 20, 30]), gaps.ratio([3, 6, 9], [10, 20, 30])
    assert (gap.value, ratio.value) == (0.0, 1.0)
    assert gap.interval is not None
    assert ratio.interval is not None
    assert gap.interval.low == 0 < gap.interval.high
    assert ratio.interval.low < 1 == ratio.interval.high


def test_rates_that_are_all_0_have_a_gap_and_no_ratio() -> None:
    assert gaps.difference([0, 0], [20, 20]).value == 0
    assert gaps.ratio([0, 0], [20, 20]) == Estimate.undefined(gaps.ALL_ZERO)


@pytest.mark.parametrize(("s", "n"), [([], []), ([3], [10])])
def test_one_group_has_nothing_to_be_compared_with(s: list[int], n: list[int]) -> None:
    assert gaps.difference(s, n) == gaps.ratio(s, n) == Estimate.undefined(gaps.TOO_FEW)
    assert gaps.compare_pairs(s, n) == ()


def test_equalized_odds_takes_the_worse_rate_at_half_the_error() -> None:
    half = gaps.half_level(0.95)
    recall, alarms = (
        gaps.difference([40, 20], [50, 50], half),
        gaps.difference([5, 9], [60, 60], half),
    )
    found = gaps.largest(recall, alarms, 0.95)
    low, high = newcombe(40, 50, 20, 50, 0.975)
    assert found.value == pytest.approx(0.4)
    assert found.interval is not None
    assert (found.interval.low, found.interval.high, found.interval.level) == pytest.approx(
        (low, high, 0.95)
    )
    assert "Bonferroni over both rates" in found.interval.method
    lowest = gaps.smallest(
        gaps.ratio([40, 20], [50, 50], half), gaps.ratio([5, 9], [60, 60], half), 0.95
    )
    assert lowest.value == pytest.approx(0.5)


def test_equalized_odds_needs_both_rates() -> None:
    there, missing = gaps.difference([40, 20], [50, 50]), Estimate.undefined("no positives")
    assert gaps.largest(there, missing) == gaps.smallest(missing, there) == missing


def test_pairs_name_who_is_apart_and_who_is_not() -> None:
    pairs = gaps.compare_pairs([56, 48, 3], [70, 80, 5])
    assert [(pair.a, pair.b, pair.established) for pair in pairs] == [
        (0, 1, True),
        (0, 2, False),
        (1, 2, False),  # equal rates: in the order of the groups
    ]
    assert pairs[0].p_value == pytest.approx(
        stats.chi2_contingency([[56, 14], [48, 32]], correction=False).pvalue
    )
    assert pairs[1].p_value == pytest.approx(stats.fisher_exact([[56, 14], [3, 2]]).pvalue)
    assert pairs[0].p_adjusted == pytest.approx(3 * pairs[0].p_value)
    assert (pairs[0].low, pairs[0].high) == pytest.approx(newcombe(56, 70, 48, 80, 1 - 0.05 / 3))


def brute_force(s: list[int], n: list[int], won: int, lost: int) -> tuple[float, float]:
    """Try every way to give unknown rows to the groups or to none of them."""
    found = []
    k = len(s)
    for up in product(range(won + 1), repeat=k):
        for down in product(range(lost + 1), repeat=k):
            if sum(up) <= won and sum(down) <= lost:
                rates = (np.array(s) + up) / (np.array(n) + up + down)
                found.append(rates.max() - rates.min())
    return min(found), max(found)


@pytest.mark.parametrize(
    ("s", "n", "won", "lost"),
    [
        ([5, 3], [10, 10], 2, 2),
        ([9, 1], [10, 10], 3, 0),
        ([9, 1], [10, 10], 0, 3),
        ([9, 5, 1], [10, 10, 12], 2, 3),
        ([2, 2, 1], [10, 12, 10], 3, 2),
        ([0, 0], [10, 10], 2, 2),
        ([10, 4], [10, 10], 1, 1),
    ],
)
def test_bounds_over_unknown_rows_are_those_of_trying_everything(
    s: list[int], n: list[int], won: int, lost: int
) -> None:
    low, high = gaps.bounds_with_unknown(s, n, won, won + lost)
    least, most = brute_force(s, n, won, lost)
    assert high == pytest.approx(most)
    # The lower bound may split a row, so it is at most a row of the smallest group too low.
    assert least - 1 / min(n) <= low <= least + 1e-12


@settings(deadline=None)
@given(SAMPLES, st.integers(0, 30), st.integers(0, 30))
def test_the_gap_of_the_known_rows_lies_between_its_bounds(
    samples: list[tuple[int, int]], won: int, lost: int
) -> None:
    s, n = arrays(samples)
    low, high = gaps.bounds_with_unknown(s, n, won, won + lost)
    value = gaps.difference(s, n).value or 0.0
    assert -1e-12 <= low - 1e-12 <= value <= high + 1e-12 <= 1 + 1e-12


def test_bounds_of_one_group_are_refused() -> None:
    with pytest.raises(ValueError, match="fewer than 2"):
        gaps.bounds_with_unknown([1], [2], 0, 0)


def share_covering_no_gap(k: int, n: int, p: float, draws: int) -> float:
    """Simulate groups without a difference; the share of intervals that hold 0."""
    successes = np.random.default_rng([k, n, int(100 * p)]).binomial(n, p, size=(draws, k))
    low, _ = gaps.difference_bounds(successes, np.full(k, n))
    _, high = gaps.ratio_bounds(successes, np.full(k, n))
    assert ((low == 0) == (high == 1)).all()
    return float((low == 0).mean())


@pytest.mark.parametrize(("k", "n"), [(2, 200), (6, 30), (6, 200), (12, 200)])
def test_without_a_difference_the_interval_holds_none_as_often_as_it_says(k: int, n: int) -> None:
    # 0.94 less 3 Monte-Carlo errors of 2,000 draws; the percentile bootstrap covers in none.
    assert share_covering_no_gap(k, n, 0.3, 2000) >= 0.924


def test_with_a_difference_the_interval_holds_it() -> None:
    rates = np.array([0.2, 0.4, 0.5])
    successes = np.random.default_rng(0).binomial(300, rates, size=(2000, 3))
    low, high = gaps.difference_bounds(successes, np.full(3, 300))
    assert np.mean((low <= 0.3) & (high >= 0.3)) >= 0.935
    low, high = gaps.ratio_bounds(successes, np.full(3, 300))
    assert np.mean((low <= 0.4) & (high >= 0.4)) >= 0.935


@pytest.mark.slow
@pytest.mark.parametrize("k", [2, 3, 6, 12])
@pytest.mark.parametrize("n", [20, 30, 200, 2000])
def test_without_a_difference_the_level_holds_over_a_grid(k: int, n: int) -> None:
    # 0.94 less 3 Monte-Carlo errors of 5,000 draws.
    worst = min(share_covering_no_gap(k, n, p, 5_000) for p in (0.05, 0.1, 0.3, 0.5, 0.9))
    assert worst >= 0.93


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sizes", "p"),
    [
        ((10, 2000), 0.1),
        ((10, 2000), 0.3),
        ((10, 2000), 0.9),
        ((10, 30, 200, 2000), 0.01),
        ((10, 30, 200, 2000), 0.3),
    ],
)
def test_a_small_group_beside_a_large_one_is_not_told_apart_too_often(
    sizes: tuple[int, ...], p: float
) -> None:
    # With Wilson limits 0.940, 0.929, 0.942, 0.888 and 0.966 of 20,000 draws held no difference.
    successes = np.random.default_rng(len(sizes)).binomial(sizes, p, size=(2_000, len(sizes)))
    low, _ = gaps.difference_bounds(successes, np.array(sizes))
    assert np.mean(low == 0) >= 0.95


@pytest.mark.slow
def test_over_many_classes_the_gaps_hold_no_difference_as_often_as_they_say() -> None:
    # Rare classes, each against the rest, in a small group beside a large one: with Wilson limits
    # a class was told apart in 38 % of 2,000 draws.
    chances = np.append(np.full(40, 0.004), [0.44, 0.4])
    rng, sizes = np.random.default_rng(1), (30, 3000)
    successes = np.stack([rng.multinomial(n, chances, size=2_000) for n in sizes], axis=-1)
    low, _ = gaps.difference_bounds(successes, sizes, gaps.shared_level(0.95, chances.size))
    assert np.mean((low == 0).all(axis=1)) >= 0.935
