"""Ratios and mean scores against a reference group."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from auditkit.methods.lending import (
    FEW_SCORES,
    WITHHELD,
    ZERO_REFERENCE,
    mean_differences,
    ratio_to_reference,
    ratios_to_reference,
    standardized_difference,
)
from auditkit.methods.means import NO_SPREAD, TOO_LARGE

Draw = Callable[[int], npt.NDArray[np.float64]]
PARTS = [np.array([1.0, 2.0, 3.0]), np.array([3.0, 4.0, 5.0, 6.0]), np.array([9.0, 9.5])]


def test_a_difference_computed_by_hand() -> None:
    x, y = PARTS[0], PARTS[1]
    pooled = np.sqrt((2 * 1.0 + 3 * (5 / 3)) / 5)
    found = standardized_difference(x, y)
    assert found.value == pytest.approx((2.0 - 4.5) / pooled)
    assert found.interval is not None
    assert found.interval.low < (2.0 - 4.5) / pooled < found.interval.high


def test_for_large_equal_normal_groups_the_interval_is_hedges_and_olkins() -> None:
    rng, n = np.random.default_rng(0), 20_000
    found = standardized_difference(rng.normal(size=n) + 0.5, rng.normal(size=n))
    assert found.interval is not None
    assert found.value is not None
    error = np.sqrt(2 / n + found.value**2 / (4 * n))
    width = found.interval.high - found.interval.low
    assert width == pytest.approx(2 * 1.96 * error, rel=0.02)


@pytest.mark.parametrize(("n", "m"), [(10, 10), (20, 500)])
@pytest.mark.parametrize("skewed", [False, True])
def test_the_interval_of_a_difference_covers(n: int, m: int, skewed: bool) -> None:  # noqa: FBT001 - a parameter of the test
    rng = np.random.default_rng(1)
    first: Draw = (lambda k: rng.beta(1, 6, k)) if skewed else (lambda k: rng.normal(1, 1, k))
    second: Draw = (lambda k: rng.beta(1, 3, k)) if skewed else (lambda k: rng.normal(0, 1, k))
    part = (n - 1) / (n + m - 2)
    spread = np.sqrt(part * 6 / (49 * 8) + (1 - part) * 3 / (16 * 5))
    true = (1 / 7 - 1 / 4) / spread if skewed else 1.0
    found = [standardized_difference(first(n), second(m)).interval for _ in range(500)]
    held = [interval.low <= true <= interval.high for interval in found if interval is not None]
    assert np.mean(held) >= 0.94


def test_scores_without_spread_have_no_difference() -> None:
    found = standardized_difference([0.5, 0.5], [0.5, 0.5])
    assert (found.value, found.reason) == (None, NO_SPREAD)


def test_scores_beyond_all_bounds_give_a_reason_and_no_number() -> None:
    found = standardized_difference([1e300, -1e300, 1e300], [0.0, 1.0, 2.0])
    assert (found.value, found.reason) == (None, TOO_LARGE)


def test_the_most_favourable_mean_is_the_reference_unless_one_is_named() -> None:
    assert mean_differences(PARTS).reference == 1
    assert mean_differences(PARTS, high_is_good=False).reference == 0
    assert mean_differences(PARTS, 0).reference == 0


def test_a_group_of_two_never_shows_its_mean() -> None:
    assert mean_differences(PARTS).found[2].reason == FEW_SCORES
    assert mean_differences(PARTS, 2).found[0].reason == FEW_SCORES
    assert mean_differences([PARTS[2], PARTS[2]]).reference is None


def test_a_reference_that_the_data_pick_costs_more_width_than_a_named_one() -> None:
    rng = np.random.default_rng(0)
    parts = [rng.normal(size=50) + shift for shift in (0.0, 0.5, 1.0)]
    picked, named = mean_differences(parts).found[0], mean_differences(parts, 2).found[0]
    assert picked.value == named.value
    assert picked.interval is not None
    assert named.interval is not None
    assert picked.interval.low < named.interval.low
    assert picked.interval.method.endswith("over 3 pairs")
    assert named.interval.method.endswith("over 2 comparisons")
    assert named.interval.level == 0.95


def test_a_ratio_to_a_named_reference_may_exceed_1() -> None:
    found = ratio_to_reference(48, 80, 12, 48)
    assert found.value == pytest.approx(2.4)


def test_nothing_is_divided_by_a_reference_of_rate_0() -> None:
    assert ratio_to_reference(3, 9, 0, 9).reason == ZERO_REFERENCE
    against = ratios_to_reference(np.array([3, 0, 1]), np.array([9, 9, 1]), 1)
    assert against.found[0].reason == ZERO_REFERENCE
    assert against.found[2].reason == WITHHELD
    assert 1 not in against.found
