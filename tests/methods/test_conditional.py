"""Gaps within strata: what became of a pair, the largest over all pairs, and weights."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from auditkit.methods import gaps
from auditkit.methods.cells import RATES, count_cells
from auditkit.methods.conditional import (
    NO_OVERLAP,
    NO_RAW_GAP,
    ConditionalPair,
    Within,
    compare_within,
    largest_within,
    within,
)
from auditkit.methods.estimates import Estimate
from auditkit.methods.sums import Sums


def held(
    won: npt.ArrayLike, rows: npt.ArrayLike, weight: float = 0.0, names: str = "abcdefgh"
) -> Within:
    """Selected and all rows by group and stratum; a weight, where all rows have the same."""
    selected, totals = np.asarray(won), np.asarray(rows)
    table = np.zeros((*selected.shape, 2, 2), dtype=np.int64)
    table[..., 0, 0], table[..., 0, 1] = totals - selected, selected
    sums = Sums(weight * table, weight**2 * table) if weight else None
    strata = tuple(map(str, range(selected.shape[1])))
    rate = RATES["selection_rate"]
    return Within(rate, tuple(names[: len(selected)]), strata, table, sums, (), 0)


#: More of group a than of b over all rows, fewer in each stratum.
TURNED = held([[560, 10], [180, 160]], [[800, 200], [200, 800]])


def test_a_gap_that_turns_round_is_named_with_both_directions() -> None:
    (pair,) = compare_within(TURNED)
    assert TURNED.groups[pair.raw.a] == "a"
    assert pair.raw.difference == pytest.approx(0.57 - 0.34)
    assert pair.difference == pytest.approx((0.7 - 0.9 + 0.05 - 0.2) / 2)
    assert pair.outcome == "reversed"
    assert pair.high < 0 < pair.raw.low


def test_the_share_that_the_strata_account_for_is_above_1_where_a_gap_turns_round() -> None:
    (pair,) = compare_within(TURNED)
    assert pair.explained.value == pytest.approx(1 - pair.difference / pair.raw.difference)
    assert pair.explained.interval is not None
    assert pair.explained.interval.low > 1


def made(raw: tuple[float, float, float], found: tuple[float, float, float]) -> ConditionalPair:
    whole = gaps.Pair(0, 1, *raw, 0.5, 0.5, "pooled z", raw[1] > 0)
    return ConditionalPair(whole, *found, 0.5, 0.5, None, Estimate.undefined("none"), 9)


@pytest.mark.parametrize(
    ("raw", "found", "outcome"),
    [
        ((0.2, 0.1, 0.3), (0.1, 0.05, 0.2), "remains"),
        ((0.2, 0.1, 0.3), (0.1, -0.05, 0.2), "no longer told apart"),
        ((0.2, 0.1, 0.3), (-0.1, -0.2, 0.1), "reversed, not established"),
        ((0.2, 0.1, 0.3), (-0.1, -0.2, -0.05), "reversed"),
        ((0.2, -0.1, 0.3), (-0.1, -0.2, -0.05), "only within"),
        ((0.2, -0.1, 0.3), (-0.1, -0.2, 0.05), "not told apart"),
    ],
)
def test_what_became_of_a_gap_is_read_off_both_intervals(
    raw: tuple[float, float, float], found: tuple[float, float, float], outcome: str
) -> None:
    assert made(raw, found).outcome == outcome


def test_the_largest_gap_is_unsigned_and_holds_0_where_every_pair_does() -> None:
    low, high = made((0.2, 0.1, 0.3), (-0.1, -0.2, -0.05)).bounds
    assert (low, high) == (0.05, 0.2)
    assert made((0.2, 0.1, 0.3), (-0.1, -0.2, 0.3)).bounds == (0.0, 0.3)
    gap = largest_within(compare_within(TURNED))
    assert gap.value == pytest.approx(0.175)
    assert gap.interval is not None
    assert gap.interval.method == "Mantel-Haenszel weights, Miettinen-Nurminen score interval"


def test_three_groups_hold_together_over_three_pairs() -> None:
    found = compare_within(held([[30, 30], [50, 10], [20, 40]], [[100, 90]] * 3))
    assert len(found) == 3
    interval = largest_within(found).interval
    assert interval is not None
    assert interval.method.endswith("Bonferroni over 3 pairs")
    assert all(pair.p_adjusted >= pair.p_value for pair in found)


def test_groups_that_share_no_stratum_or_have_too_few_successes_are_not_compared() -> None:
    apart = held([[30, 0], [0, 40]], [[100, 0], [0, 90]])
    rare = held([[2, 1], [1, 2]], [[100, 90]] * 2)
    for counts in (apart, rare, held([[30, 30]], [[100, 90]])):
        found = compare_within(counts)
        assert found == ()
        assert largest_within(found).reason == NO_OVERLAP


def test_a_raw_gap_that_chance_could_make_has_no_share() -> None:
    (pair,) = compare_within(held([[30, 30], [31, 29]], [[100, 90]] * 2))
    assert pair.explained.reason == NO_RAW_GAP


def test_rows_of_one_weight_give_what_unweighted_rows_give() -> None:
    (plain,) = compare_within(TURNED)
    won, rows = TURNED.counted
    (weighted,) = compare_within(held(won, rows, weight=2.5))
    for name in ("difference", "low", "high", "p_same"):
        assert getattr(weighted, name) == pytest.approx(getattr(plain, name))
    assert weighted.explained.value == pytest.approx(plain.explained.value)
    assert weighted.compared == plain.compared


def test_a_stratum_counts_for_the_weights_of_its_rows() -> None:
    won, rows = np.array([[30, 60], [40, 50]]), np.array([[100, 100], [100, 100]])
    counts = held(won, rows)
    heavy = np.array([3.0, 1.0])[:, None, None] * np.ones((2, 2, 2, 2))
    sums = Sums(counts.table * heavy, counts.table * heavy**2)
    weighted = Within(counts.rate, counts.groups, counts.strata, counts.table, sums, (), 0)
    (pair,) = compare_within(weighted)
    sign = 1 if pair.raw.a == 0 else -1
    # Three quarters of the weight of both groups stand in the first stratum.
    assert sign * pair.difference == pytest.approx(0.75 * -0.1 + 0.25 * 0.1)


def test_small_and_unknown_groups_are_counted_and_an_unknown_control_is_a_stratum() -> None:
    codes = {"sex": np.array([0] * 20 + [1] * 20 + [2] * 3 + [-1] * 4),
             "job": np.array(([0, 1, -1, 0] * 12)[:47])}  # fmt: skip
    y = np.arange(47) % 2
    cells = count_cells(codes, {"sex": 3, "job": 2}, y, y)
    labels = {"sex": ("F", "M", "X", "unknown"), "job": ("x", "y", "unknown")}
    counts = within(cells, labels, ("sex", "job"), RATES["selection_rate"], 10)
    assert counts.groups == ("F", "M")
    assert counts.small == (("X", 3),)
    assert counts.unknown == 4
    assert counts.counted[1].sum(axis=1).tolist() == [20, 20]
    assert counts.counted[1][:, -1].tolist() == [5, 5]


@pytest.mark.parametrize("sizes", [[[50] * 4] * 6, [[300] * 4, [8] * 4, [50] * 4, [20] * 4]])
def test_no_gap_within_strata_is_seldom_called_one(sizes: list[list[int]]) -> None:
    rng = np.random.default_rng(7)
    base = np.array([0.05, 0.15, 0.3, 0.6])
    lows = []
    for _ in range(250):
        gap = largest_within(compare_within(held(rng.binomial(sizes, base), sizes)))
        assert gap.interval is not None
        lows.append(gap.interval.low > 0)
    assert sum(lows) <= stats.binom.ppf(0.999, len(lows), 0.05)
