"""Effective counts by hand, against plain counts, and by simulation."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from auditkit.methods import intervals, means, weighting
from auditkit.methods.class_groups import ClassesByGroup
from auditkit.methods.estimates import FloatArray, IntArray
from auditkit.methods.group_tasks import Grouped
from auditkit.methods.groupwise import Settings

WEIGHTS = st.lists(st.tuples(st.booleans(), st.floats(0.01, 100)), min_size=1, max_size=40)


def counts_of(won: npt.ArrayLike, w: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Effective counts over the last axis."""
    won, w = np.asarray(won, dtype=np.float64), np.asarray(w, dtype=np.float64)
    sums = (w * won, w**2 * won, w * (1 - won), w**2 * (1 - won))
    return weighting.effective_counts(*(held.sum(axis=-1) for held in sums))


def test_a_share_has_the_smaller_of_both_effective_sizes() -> None:
    # Weight 4 won, 1 and 1 lost: p = 2/3; Kish 36/18 = 2; v = (16/9 + 4/9 + 4/9) / 36 = 2/27,
    # p(1 - p)/v = 3.
    assert counts_of([1, 0, 0], [4, 1, 1]) == pytest.approx((4 / 3, 2))
    # Weights 3 and 1 won, 3 lost: p = 4/7; Kish 49/19 = 2.58; v = (10 * 9 + 9 * 16) / 49**2.
    rows = (12 / 49) / (234 / 49**2)
    assert rows < 49 / 19
    assert counts_of([1, 1, 0], [3, 1, 3]) == pytest.approx((rows * 4 / 7, rows))


def test_a_share_of_nothing_or_everything_has_kishs_size() -> None:
    assert counts_of([0, 0, 0], [4, 1, 1]) == pytest.approx((0, 2))
    successes, rows = counts_of([1, 1, 1], [4, 1, 1])
    assert successes == rows == pytest.approx(2)
    assert counts_of([], []) == pytest.approx((0, 0))


@settings(deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=60), st.floats(1e-3, 1e3))
def test_equal_weights_give_the_plain_counts(won: list[bool], weight: float) -> None:
    found = counts_of(won, np.full(len(won), weight))
    assert found == pytest.approx((sum(won), len(won)), abs=1e-9)


@settings(deadline=None)
@given(WEIGHTS, st.floats(1e-3, 1e3))
def test_a_constant_over_all_weights_changes_nothing(
    rows: list[tuple[bool, float]], times: float
) -> None:
    won, w = map(np.array, zip(*rows, strict=True))
    assert counts_of(won, w * times) == pytest.approx(counts_of(won, w), rel=1e-9)


@settings(deadline=None)
@given(WEIGHTS)
def test_effective_rows_lie_between_1_and_the_rows_and_give_an_interval_with_a_width(
    rows: list[tuple[bool, float]],
) -> None:
    won, w = map(np.array, zip(*rows, strict=True))
    successes, size = counts_of(won, w)
    assert 1 - 1e-9 <= size <= len(rows) + 1e-9
    assert successes / size == pytest.approx((w * won).sum() / w.sum())
    low, high = intervals.clopper_pearson(successes, size)
    assert low < high
    assert low - 1e-12 <= successes / size <= high + 1e-12


def test_a_success_of_almost_no_weight_does_not_make_a_share_certain() -> None:
    won, w = np.zeros(100), np.ones(100)
    won[0], w[0] = 1, 1e-6
    assert counts_of(won, w)[1] == pytest.approx(99, abs=0.01)


def test_a_weighted_mean_has_the_larger_of_both_variances() -> None:
    # Mean 2/3; linearised (16 * 1/9 + 4/9 + 4/9) / 36; by size 2/9 * 18/36; times 3/2.
    mean, variance = weighting.weighted_mean([1, 0, 0], [4, 1, 1])
    assert (mean, variance) == pytest.approx((2 / 3, max(24 / 9 / 36, 1 / 9) * 1.5))


def test_a_bounded_mean_with_equal_weights_is_that_without() -> None:
    values = np.random.default_rng(0).random(30)
    plain = intervals.bounded_mean(values)
    same = weighting.bounded_weighted_mean(values, np.full(30, 2.5), 0.95, 0, 1)
    assert plain.interval is not None
    assert same.interval is not None
    assert (same.value, same.interval.low, same.interval.high) == pytest.approx(
        (plain.value, plain.interval.low, plain.interval.high)
    )


def test_equal_values_and_a_row_that_outweighs_all_leave_room() -> None:
    same = weighting.bounded_weighted_mean([0.2] * 3, [4, 1, 1], 0.95, 0, 1)
    assert same.interval is not None
    assert same.interval.method == "Hoeffding, effective n"
    assert same.interval.high == pytest.approx(min(1, 0.2 + np.sqrt(np.log(40) / 4)))
    alone = weighting.bounded_weighted_mean([0.2, 0.4], [1, 1e-9], 0.95, 0, 1)
    assert alone.interval is not None
    assert (alone.interval.low, alone.interval.high) == (0, 1)
    assert weighting.bounded_weighted_mean([], [], 0.95, 0, 1).reason == "no rows"


def drawn(
    rng: np.random.Generator, n: int, spread: float, intercept: float, slope: float, draws: int
) -> tuple[FloatArray, FloatArray, float]:
    """Effective counts of draws of n rows, and the weighted rate of everyone.

    Weights are exp(spread x), chances expit(intercept + slope x), and x is standard normal.
    """
    x = rng.normal(size=(draws, n))
    won = rng.random((draws, n)) < special.expit(intercept + slope * x)
    nodes, mass = np.polynomial.hermite_e.hermegauss(80)  # weighting shifts x by the spread
    true = float(mass @ special.expit(intercept + slope * (nodes + spread)) / mass.sum())
    return (*counts_of(won, np.exp(spread * x)), true)


def covered(bounds: tuple[FloatArray, FloatArray], true: float) -> float:
    return float(np.mean((bounds[0] <= true) & (true <= bounds[1])))


@pytest.mark.parametrize("slope", [0, 1, -1])
def test_intervals_of_effective_counts_cover(slope: float) -> None:
    won, rows, true = drawn(np.random.default_rng(0), 300, 1.0, -0.85, slope, 1000)
    assert covered(intervals.clopper_pearson(won, rows), true) >= 0.935


@pytest.mark.slow
@pytest.mark.parametrize("n", [30, 300, 3000])
@pytest.mark.parametrize("spread", [0.5, 1.0])
@pytest.mark.parametrize("slope", [0, 1, -1])
def test_rates_and_gaps_cover_whether_or_not_weights_go_with_outcomes(
    n: int, spread: float, slope: float
) -> None:
    rng = np.random.default_rng(0)
    for intercept in (-0.85, -2.5):
        won, rows, true = drawn(rng, n, spread, intercept, slope, 2000)
        assert covered(intervals.clopper_pearson(won, rows), true) >= 0.915
    won, rows, true = drawn(rng, n, spread, -0.85, slope, 2000)
    for shift in (0, 0.8):  # no difference, and one
        other = drawn(rng, 300, spread, -0.85 + shift, slope, 2000)
        bounds = intervals.newcombe(won, rows, other[0], other[1])
        assert covered(bounds, true - other[2]) >= 0.925


@pytest.mark.slow
@pytest.mark.parametrize("n", [30, 300])
@pytest.mark.parametrize("slope", [0, 1, -1])
def test_weighted_means_cover_whether_or_not_weights_go_with_numbers(n: int, slope: float) -> None:
    rng, spread = np.random.default_rng(n), 0.5
    true, held, draws = slope * spread, 0, 2000  # weighting shifts x by the spread
    for _ in range(draws):
        x = rng.normal(size=n)
        found = means.mean(slope * x + rng.normal(size=n), weights=np.exp(spread * x)).interval
        assert found is not None
        held += found.low <= true <= found.high
    assert held / draws >= 0.93


def classes_drawn(
    rng: np.random.Generator, n: int, apart: float
) -> tuple[IntArray, IntArray, IntArray, FloatArray]:
    """Groups, true and predicted classes and weights of n rows; weights go with the classes."""
    x, group = rng.normal(size=n), rng.integers(0, 2, n)
    leaning = x[:, None] * [1, 0, -1] + apart * group[:, None] * [1, 0, 0]
    true, given = (
        (leaning + rng.gumbel(size=(n, 3))).argmax(axis=1).astype(np.int64) for _ in range(2)
    )
    return group.astype(np.int64), true, given, np.exp(0.5 * x)


@pytest.mark.slow
@pytest.mark.parametrize("apart", [0.0, 0.8])
def test_weighted_gaps_of_classes_cover(apart: float) -> None:
    rng, draws, hits = np.random.default_rng(0), 400, dict.fromkeys((0, 1), 0)
    group, true, given, w = classes_drawn(rng, 1_000_000, apart)
    right = [np.average(true == given, weights=w * (group == g)) for g in (0, 1)]
    rates = np.array([
        [np.average(given == c, weights=w * (group == g)) for c in range(3)] for g in (0, 1)
    ])  # fmt: skip
    exact = (abs(right[0] - right[1]), np.abs(rates[0] - rates[1]).max())
    if apart == 0:
        exact = (0.0, 0.0)
    for _ in range(draws):
        group, true, given, w = classes_drawn(rng, 300, apart)
        rows = Grouped({"g": group}, {"g": ("p", "q", "unknown")}, true, given, w)
        held = ClassesByGroup(rows, Settings(), ("a", "b", "c"))
        found = {m.metric: m.interval for m in held.between(held.cross(["g"]))}
        for i, name in enumerate(("accuracy_difference", "demographic_parity_difference")):
            interval = found[name]
            assert interval is not None
            hits[i] += interval.low <= exact[i] <= interval.high
    assert min(hits.values()) / draws >= 0.93
