"""Gaps of numbers that have intervals of their own."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from auditkit.evidence import Interval
from auditkit.methods import ranking
from auditkit.methods.estimates import Estimate
from auditkit.methods.gaps import TOO_FEW
from auditkit.methods.mover import NO_INTERVAL, Estimated


def normal(values: list[float], errors: list[float], *, biased: bool = False) -> Estimated:
    def of(i: int, level: float) -> Estimate:
        arm = norm.ppf((1 + level) / 2) * errors[i]
        return Estimate(values[i], Interval(values[i] - arm, values[i] + arm, level, "normal"))

    count = len(values)
    return Estimated(np.full(count, 50), of, np.arange(count), biased=biased)


def test_two_normal_numbers_have_the_interval_of_their_difference() -> None:
    gap = normal([0.8, 0.5], [0.03, 0.04]).difference(0.95)
    assert gap.value == pytest.approx(0.3)
    assert gap.interval is not None
    assert gap.interval.low == pytest.approx(0.3 - 1.959964 * 0.05)
    assert gap.interval.high == pytest.approx(0.3 + 1.959964 * 0.05)
    (pair,) = normal([0.8, 0.5], [0.03, 0.04]).pairs(0.95)
    assert (pair.a, pair.b, pair.established) == (0, 1, True)
    assert pair.p_adjusted == pytest.approx(2 * norm.sf(0.3 / 0.05))


def test_biased_numbers_are_held_apart_at_a_level_for_all_groups() -> None:
    numbers = normal([0.8, 0.5, 0.6], [0.03, 0.04, 0.1], biased=True)
    z = norm.ppf(1 - 0.05 / 6)
    gap = numbers.difference(0.95)
    assert gap.interval is not None
    assert gap.interval.low == pytest.approx(0.3 - z * 0.07)
    assert gap.interval.high == pytest.approx(max(0.3 + z * 0.07, 0.2 + z * 0.13))
    assert all(pair.p_adjusted is None for pair in numbers.pairs(0.95))


@pytest.mark.parametrize("biased", [False, True])
def test_a_gap_lies_above_0_exactly_where_a_pair_is_established(biased: bool) -> None:  # noqa: FBT001
    rng = np.random.default_rng(0)
    for _ in range(50):
        numbers = normal(rng.normal(0, 0.1, 4).tolist(), rng.uniform(0.01, 0.1, 4).tolist(),
                         biased=biased)  # fmt: skip
        gap = numbers.difference(0.9)
        assert gap.interval is not None
        assert (gap.interval.low > 0) == any(pair.established for pair in numbers.pairs(0.9))


def test_a_group_without_a_number_or_an_interval_is_told() -> None:
    def of(i: int, level: float) -> Estimate:
        del level
        return Estimate(0.5 + i / 10, None, "no spread") if i else Estimate.undefined("no scores")

    numbers = Estimated(np.array([9, 9, 9]), of, np.arange(3))
    assert numbers.difference(0.95).reason == "no scores"
    assert numbers.pairs(0.95) == ()
    rest = numbers.take(np.array([False, True, True]))
    assert rest.difference(0.95).reason == NO_INTERVAL
    assert [pair.established for pair in rest.pairs(0.95)] == [False]
    alone = numbers.take(np.array([False, True, False]))
    assert alone.difference(0.95).reason == TOO_FEW


def test_areas_of_equal_groups_are_seldom_told_apart() -> None:
    rng = np.random.default_rng(1)
    apart, draws = 0, 300
    for _ in range(draws):
        y = [np.repeat([1, 0], held) for held in ((15, 60), (40, 100), (200, 300))]
        score = [rng.normal(1.2 * one, 1) for one in y]

        def of(i: int, level: float, y: list = y, score: list = score) -> Estimate:  # type: ignore[type-arg]
            return ranking.auc(y[i], score[i], level)

        gap = Estimated(np.array([15, 40, 200]), of, np.arange(3)).difference(0.95)
        apart += gap.interval is not None and gap.interval.low > 0
    assert apart / draws <= 0.05 + 3 * (0.05 * 0.95 / draws) ** 0.5
