"""The permutation test of a gap against exact enumeration, Fisher's test and its own level."""

from __future__ import annotations

import itertools
from math import comb

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from auditkit.methods import significance
from auditkit.methods.gaps import TOO_FEW
from auditkit.methods.permutation import NOT_WHOLE, TOO_MANY, permute_gap

TABLES = [
    ([4, 1], [10, 10]),
    ([9, 2, 5], [12, 9, 10]),
    ([0, 3, 1, 2], [3, 4, 5, 2]),
    ([1, 7], [3, 30]),
]


def exact(successes: list[int], totals: list[int]) -> float:
    """Chance of a gap at least as wide, over every way to deal the successes out."""
    observed = np.ptp(np.divide(successes, totals))
    chance = 0
    for drawn in itertools.product(*(range(n + 1) for n in totals)):
        if sum(drawn) == sum(successes) and np.ptp(np.divide(drawn, totals)) >= observed - 1e-12:
            chance += int(np.prod([comb(n, s) for n, s in zip(totals, drawn, strict=True)]))
    return chance / comb(sum(totals), sum(successes))


def p_of(
    successes: npt.ArrayLike, totals: npt.ArrayLike, seed: int = 0, times: int = 9999
) -> float:
    found = permute_gap(successes, totals, np.random.default_rng(seed), times)
    assert found.value is not None
    return found.value


@pytest.mark.parametrize(("successes", "totals"), TABLES)
def test_it_is_the_exact_chance_up_to_the_number_of_replicates(
    successes: list[int], totals: list[int]
) -> None:
    expected = exact(successes, totals)
    error = np.sqrt(expected * (1 - expected) / 10_000)
    assert p_of(successes, totals) == pytest.approx(expected, abs=4 * error + 1e-4)


@pytest.mark.parametrize("first", range(9))
def test_it_is_fishers_test_for_two_groups_of_one_size(first: int) -> None:
    # In groups of one size a wider gap is a less likely table, so both order them alike.
    expected = significance.fisher_exact(first, 20, 9, 20)
    error = np.sqrt(expected * (1 - expected) / 10_000)
    assert p_of([first, 9], [20, 20]) == pytest.approx(expected, abs=4 * error + 1e-4)


@pytest.mark.parametrize("totals", [[40, 40], [20, 200, 80], [10] * 6])
def test_it_rejects_no_more_often_than_its_level_where_chance_alone_is_at_work(
    totals: list[int],
) -> None:
    rng = np.random.default_rng(5)
    tables = [rng.binomial(totals, 0.3) for _ in range(500)]
    rejected = sum(p_of(s, totals, seed, 199) <= 0.05 for seed, s in enumerate(tables))
    assert rejected <= stats.binom.ppf(0.999, len(tables), 0.05)


def test_it_sees_a_gap_that_is_there() -> None:
    assert p_of([60, 20, 40], [100, 100, 100], times=999) == 0.001


def test_a_tie_counts_as_a_gap_as_wide() -> None:
    assert p_of([3, 3, 3], [7, 7, 7]) == 1.0
    assert p_of([0, 0], [5, 9]) == 1.0
    # Of one row in each of two groups, the one success falls to either: the gap is always 1.
    assert p_of([1, 0], [1, 1]) == 1.0


def test_the_interval_holds_the_p_value_and_names_the_replicates() -> None:
    for level in (0.1, 0.95):
        found = permute_gap([60, 20], [100, 100], np.random.default_rng(0), 99, level)
        assert found.value == 0.01
        assert found.interval is not None
        assert found.interval.low < found.value <= found.interval.high
        assert found.interval.method == "Clopper-Pearson, 99 shuffles"


def test_the_same_seed_gives_the_same_p_value() -> None:
    assert p_of([9, 2, 5], [12, 9, 10], 3) == p_of([9, 2, 5], [12, 9, 10], 3)


@pytest.mark.parametrize(
    ("successes", "totals", "reason"),
    [
        ([3], [7], TOO_FEW),
        ([3.5, 2.0], [7.0, 9.0], NOT_WHOLE),
        ([3, 2], [700_000_000, 300_000_000], TOO_MANY),
    ],
)
def test_what_cannot_be_shuffled_has_a_reason(
    successes: list[float], totals: list[float], reason: str
) -> None:
    found = permute_gap(successes, totals, np.random.default_rng(0))
    assert (found.value, found.interval, found.reason) == (None, None, reason)
