"""The change of a gap: by hand, and how often its interval holds what is true."""

from __future__ import annotations

import numpy as np
import pytest

from auditkit.evidence import Interval
from auditkit.methods import gaps, intervals
from auditkit.methods.estimates import Estimate
from auditkit.methods.gap_changes import gap_change, largest_change


def test_the_change_of_a_gap_of_two_groups_is_that_of_its_one_pair() -> None:
    codes = np.repeat([0, 1], [100, 200])
    first = np.concatenate([np.arange(100) < 60, np.arange(200) < 40])  # 0.6 and 0.2
    second = np.concatenate([np.arange(100) < 70, np.arange(200) < 30])  # 0.7 and 0.15
    found = gap_change(first, second, codes, 10)
    assert found.n == 300
    assert found.first == gaps.difference([60, 40], [100, 200])
    assert found.second == gaps.difference([70, 30], [100, 200])
    assert found.change.value == pytest.approx(0.15)
    each = 1 - 0.05 / 3
    up = intervals.paired_difference(10, 0, 100, each)
    down = intervals.paired_difference(0, 10, 200, each)
    low = 0.15 - np.hypot(0.1 - up[0], down[1] + 0.05)
    high = 0.15 + np.hypot(up[1] - 0.1, -0.05 - down[0])
    bounds = found.change.interval
    assert bounds is not None
    assert (bounds.low, bounds.high) == pytest.approx((low, high))
    assert bounds.low > 0


def test_where_either_group_may_be_ahead_no_change_stays_possible() -> None:
    codes = np.repeat([0, 1], 40)
    first, second = np.arange(80) % 40 < 20, np.arange(80) % 40 < 20
    second[:3] = False
    bounds = gap_change(first, second, codes, 10).change.interval
    assert bounds is not None
    assert bounds.low < 0 < bounds.high


def test_the_same_answers_change_nothing_and_still_have_a_width() -> None:
    codes = np.repeat([0, 1], 50)
    held = np.arange(100) < 60
    change = gap_change(held, held, codes, 10).change
    assert change.value == 0
    assert change.interval is not None
    assert change.interval.low < 0 < change.interval.high


def test_unknown_and_small_groups_are_left_out() -> None:
    codes = np.array([0] * 20 + [1] * 20 + [2] * 3 + [-1] * 20)
    held = np.arange(63) % 2 == 0
    assert gap_change(held, ~held, codes, 10).n == 40
    assert gap_change(held, held, codes, 21).change.reason == gaps.TOO_FEW
    assert gap_change(held[:20], held[:20], codes[:20], 10).change.value is None


def test_means_are_compared_with_their_changes_row_by_row() -> None:
    rng = np.random.default_rng(0)
    codes = np.repeat([0, 1, 2], 200)
    first = rng.normal(codes.astype(float), 3.0)
    second = first + 0.5 * codes + rng.normal(0, 0.01, 600)
    change = gap_change(first, second, codes, 10).change
    apart = [second[codes == g].mean() for g in range(3)]
    before = [first[codes == g].mean() for g in range(3)]
    assert change.value == pytest.approx(np.ptp(apart) - np.ptp(before))
    assert change.interval is not None
    assert change.interval.low > 0  # though each gap has an interval a hundred times as wide
    assert gap_change(first, first, codes, 10).change.interval is None


@pytest.mark.parametrize("rates", [(0.5, 0.5, 0.5), (0.7, 0.4, 0.4), (0.9, 0.5, 0.1)])
def test_a_change_that_is_none_is_seldom_called_one(rates: tuple[float, ...]) -> None:
    rng, codes, missed = np.random.default_rng(1), np.repeat([0, 1, 2], 300), 0
    share = np.array(rates)[codes]
    for _ in range(400):
        first = rng.random(900) < share
        moved = rng.random(900) < 0.2  # drawn anew, so that the true rates stay as they are
        second = np.where(moved, rng.random(900) < share, first)
        bounds = gap_change(first, second, codes, 10).change.interval
        assert bounds is not None
        missed += not bounds.low <= 0 <= bounds.high
    assert missed <= 20  # 5 %


def test_a_change_that_is_there_is_held_as_often_as_the_level_says() -> None:
    rng, codes = np.random.default_rng(2), np.repeat([0, 1, 2], 400)
    first_rate, second_rate = np.array([0.5, 0.45, 0.3])[codes], np.array([0.4, 0.5, 0.25])[codes]
    true, missed = (0.5 - 0.25) - (0.5 - 0.3), 0
    for _ in range(400):
        u = rng.random(1_200)
        bounds = gap_change(u < first_rate, u < second_rate, codes, 10).change.interval
        assert bounds is not None
        missed += not bounds.low <= true <= bounds.high
    assert missed <= 20


def test_the_largest_change_leaves_out_what_has_no_interval() -> None:
    small = Estimate(0.1, Interval(0.0, 0.2, 0.95, "test"))
    assert largest_change([small, Estimate(9.0, None, "no spread")]).value == 0.1
    assert largest_change([Estimate.undefined("a"), Estimate.undefined("a")]).reason == "a"
    assert largest_change([]).reason == "nothing to compare"
