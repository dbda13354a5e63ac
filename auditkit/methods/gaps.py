"""Gaps between groups: largest difference and smallest ratio, with simultaneous intervals.

The largest of several estimated differences is too large on average, and resampling it makes it
larger still. So the interval of a gap is made of the intervals of all its pairs, held together by
Bonferroni: it holds "no difference" exactly where every pair does. Each proportion has Clopper and
Pearson's limits: with Wilson's, a small group beside a large one is told apart too often.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit.evidence import Interval
from auditkit.methods import intervals, significance
from auditkit.methods.estimates import Bounds, Estimate, FloatArray

#: Why there is no gap.
TOO_FEW = "fewer than 2 groups can be compared"
#: Why there is no ratio.
ALL_ZERO = "the rate is 0 in every group, so a ratio is not defined"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two groups held against each other.

    Attributes:
        a: Index of the group with the higher rate (of the first, where they are equal).
        b: Index of the other group.
        difference: Rate of a minus rate of b.
        low: Lower bound of the difference, simultaneous over all pairs.
        high: Upper bound of the difference, simultaneous over all pairs.
        p_value: Two-sided p-value of this pair alone.
        p_adjusted: Holm's adjustment over all pairs.
        test: The test that gave the p-value.
        established: Whether the data tell the two apart: the interval does not hold 0. The
            interval decides, never the p-value, so that pairs and gap cannot disagree.
    """

    a: int
    b: int
    difference: float
    low: float
    high: float
    p_value: float
    p_adjusted: float
    test: significance.Test
    established: bool


def difference(successes: npt.ArrayLike, totals: npt.ArrayLike, level: float = 0.95) -> Estimate:
    """Largest minus smallest proportion over groups.

    Args:
        successes: Shape (k,): rows of each group that meet the condition; unit: rows.
        totals: Shape (k,): rows of each group, each at least 1; unit: rows.
        level: Two-sided level of the simultaneous interval, in (0, 1).

    Returns:
        The gap, in [0, 1]; undefined where there are fewer than 2 groups. Its interval holds 0
        exactly where the intervals of all pairs do.

    Source:
        Newcombe (1998), method 10, with Clopper-Pearson limits, for the pairs; Bonferroni over
        the pairs.

    Example:
        >>> gap = difference([56, 48], [70, 80])
        >>> round(gap.value, 3), round(gap.interval.low, 4), round(gap.interval.high, 4)
        (0.2, 0.0439, 0.3442)
    """
    k = np.asarray(successes).shape[-1]
    if k < 2:
        return Estimate.undefined(TOO_FEW)
    low, high = difference_bounds(successes, totals, level)
    rates = np.asarray(successes) / np.asarray(totals)
    method = f"Newcombe of Clopper-Pearson limits{over_pairs(k)}"
    interval = Interval(float(low), float(high), level, method)
    return Estimate(float(rates.max() - rates.min()), interval)


def ratio(successes: npt.ArrayLike, totals: npt.ArrayLike, level: float = 0.95) -> Estimate:
    """Smallest over largest proportion of groups.

    Args:
        successes: Shape (k,): rows of each group that meet the condition; unit: rows.
        totals: Shape (k,): rows of each group, each at least 1; unit: rows.
        level: Two-sided level of the simultaneous interval, in (0, 1).

    Returns:
        The ratio, in [0, 1]; undefined where there are fewer than 2 groups or no group has a
        success. Its interval holds 1 exactly where that of the difference holds 0.

    Source:
        Newcombe (2016), MOVER-R with Clopper-Pearson limits, for the pairs; Bonferroni
        over the pairs.

    Example:
        >>> four_fifths = ratio([56, 48], [70, 80])
        >>> round(four_fifths.value, 3), round(four_fifths.interval.high, 3)
        (0.75, 0.939)
    """
    k = np.asarray(successes).shape[-1]
    if k < 2:
        return Estimate.undefined(TOO_FEW)
    rates = np.asarray(successes) / np.asarray(totals)
    if rates.max() == 0:
        return Estimate.undefined(ALL_ZERO)
    low, high = ratio_bounds(successes, totals, level)
    method = f"MOVER ratio of Clopper-Pearson limits{over_pairs(k)}"
    interval = Interval(float(low), float(high), level, method)
    return Estimate(float(rates.min() / rates.max()), interval)


def spread(values: FloatArray, bounds: Bounds, level: float = 0.95, of: str = "") -> Estimate:
    """Largest minus smallest of numbers that are no proportions, such as F1.

    Args:
        values: Shape (k,): the number of each group.
        bounds: Lower and upper limits of each at `pair_level(level, k)`, each of shape (k,).
        level: Two-sided level of the simultaneous interval, in (0, 1).
        of: What the limits are, for a reader.

    Returns:
        The gap; undefined where there are fewer than 2 groups. Its interval holds 0 exactly where
        the intervals of all pairs do.

    Source:
        Zou and Donner (2008), Stat. Med. 27:1693 (MOVER), for the pairs; Bonferroni over them.

    Example:
        >>> three = np.array([0.5, 0.6, 0.9])
        >>> gap = spread(three, (three - 0.1, three + 0.1), of="F1 limits")
        >>> round(gap.value, 3), round(gap.interval.low, 3), round(gap.interval.high, 3)
        (0.4, 0.259, 0.541)
    """
    if values.size < 2:
        return Estimate.undefined(TOO_FEW)
    low, high = spread_pairs(values, bounds)
    interval = Interval(
        low=max(0.0, float(low.max())),
        high=float(high.max(where=_off_diagonal(high), initial=-np.inf)),
        level=level,
        method=f"MOVER of {of}{over_pairs(values.size)}",
    )
    return Estimate(float(np.ptp(values)), interval)


def spread_pairs(values: FloatArray, bounds: Bounds) -> Bounds:
    """Bounds of every ordered pair, shape (k, k): of row group minus column group; see `spread`."""
    below, above = values - bounds[0], bounds[1] - values
    apart = values[:, None] - values[None, :]
    return apart - np.hypot(below[:, None], above), apart + np.hypot(above[:, None], below)


def largest(first: Estimate, second: Estimate, level: float = 0.95) -> Estimate:
    """The larger of two gaps, such as the equalized odds difference.

    Args:
        first: A gap, its interval at `half_level(level)`.
        second: Another gap, its interval at `half_level(level)`.
        level: Level of the interval of the larger one.

    Returns:
        The larger value with the larger of each bound; undefined where either is.

    Example:
        >>> half = half_level(0.95)
        >>> gaps = difference([56, 48], [70, 80], half), difference([9, 9], [30, 30], half)
        >>> round(largest(*gaps).value, 3), round(largest(*gaps).interval.low, 3)
        (0.2, 0.023)
    """
    return _of_both(first, second, level, max)


def smallest(first: Estimate, second: Estimate, level: float = 0.95) -> Estimate:
    """The smaller of two ratios, such as the equalized odds ratio; see `largest`."""
    return _of_both(first, second, level, min)


def half_level(level: float) -> float:
    """Level of each of two intervals that are to hold together at `level`, by Bonferroni.

    Example:
        >>> round(half_level(0.95), 3)
        0.975
    """
    return shared_level(level, 2)


def shared_level(level: float, count: int) -> float:
    """Level of each of so many intervals that are to hold together at `level`, by Bonferroni.

    Example:
        >>> round(shared_level(0.95, 5), 3)
        0.99
    """
    return 1 - (1 - level) / count


def pair_level(level: float, groups: int) -> float:
    """Level of the interval of each pair of groups, so that all hold together at `level`.

    Example:
        >>> round(pair_level(0.95, 5), 3)
        0.995
    """
    return 1 - (1 - level) / (groups * (groups - 1) / 2)


def difference_bounds(
    successes: npt.ArrayLike, totals: npt.ArrayLike, level: float = 0.95
) -> Bounds:
    """Simultaneous bounds of the largest minus the smallest proportion; see `difference`.

    Args:
        successes: Shape (..., k): rows of each group that meet the condition; unit: rows.
        totals: Shape (..., k) or (k,): rows of each group; unit: rows.
        level: Two-sided level, in (0, 1).

    Returns:
        Lower and upper bounds, each of shape (...).
    """
    low, high = _pairwise(intervals.newcombe, successes, totals, level)
    return np.maximum(low.max(axis=(-2, -1), initial=0.0), 0.0), high.max(
        axis=(-2, -1), where=_off_diagonal(high), initial=-1.0
    )


def ratio_bounds(successes: npt.ArrayLike, totals: npt.ArrayLike, level: float = 0.95) -> Bounds:
    """Simultaneous bounds of the smallest over the largest proportion; see `ratio`.

    Args:
        successes: Shape (..., k): rows of each group that meet the condition; unit: rows.
        totals: Shape (..., k) or (k,): rows of each group; unit: rows.
        level: Two-sided level, in (0, 1).

    Returns:
        Lower and upper bounds, each of shape (...), the upper at most 1.
    """
    low, high = _pairwise(intervals.ratio, successes, totals, level)
    least = low.min(axis=(-2, -1), where=_off_diagonal(low), initial=np.inf)
    return least, high.min(axis=(-2, -1), initial=1.0)


def compare_pairs(
    successes: npt.ArrayLike, totals: npt.ArrayLike, level: float = 0.95
) -> tuple[Pair, ...]:
    """Hold every two groups against each other.

    Args:
        successes: Shape (k,): rows of each group that meet the condition; unit: rows.
        totals: Shape (k,): rows of each group, each at least 1; unit: rows. Both may be effective
            counts, which are no whole numbers; then the test is always the pooled z test.
        level: Two-sided level that all intervals hold together, in (0, 1).

    Returns:
        The k(k - 1)/2 pairs, the widest difference first. One of them is established exactly
        where the interval of `difference` lies above 0.

    Example:
        >>> [pair.established for pair in compare_pairs([56, 48, 3], [70, 80, 5])]
        [True, False, False]
    """
    s, n = np.asarray(successes), np.asarray(totals)
    k = s.shape[-1]
    if k < 2:
        return ()
    rates = s / n
    order = np.argsort(-rates, kind="stable")
    ranked = [(int(order[i]), int(order[j])) for i in range(k) for j in range(i + 1, k)]
    test = significance.compare_two if s.dtype.kind in "iu" else significance.compare_effective
    tests = [test(s[a].item(), n[a].item(), s[b].item(), n[b].item()) for a, b in ranked]
    adjusted = significance.holm([p for p, _ in tests])
    low, high = _pairwise(intervals.newcombe, s, n, level)
    pairs = [
        Pair(
            a=a,
            b=b,
            difference=float(rates[a] - rates[b]),
            low=float(low[a, b]),
            high=float(high[a, b]),
            p_value=p,
            p_adjusted=float(p_adjusted),
            test=test,
            established=bool(low[a, b] > 0),
        )
        for (a, b), (p, test), p_adjusted in zip(ranked, tests, adjusted, strict=True)
    ]
    return tuple(sorted(pairs, key=lambda pair: -pair.difference))


def count_apart(successes: npt.ArrayLike, totals: npt.ArrayLike, level: float = 0.95) -> int:
    """Count the pairs of groups that the data tell apart, as `compare_pairs` establishes them.

    Example:
        >>> count_apart([56, 48, 3], [70, 80, 5])
        1
    """
    if np.asarray(successes).shape[-1] < 2:
        return 0
    return int((_pairwise(intervals.newcombe, successes, totals, level)[0] > 0).sum())


def bounds_with_unknown(
    successes: npt.ArrayLike,
    totals: npt.ArrayLike,
    unknown_successes: float,
    unknown_total: float,
) -> tuple[float, float]:
    """How small and how large a gap could be if the groups of all rows were known.

    The upper bound puts all unknown successes into one group and all unknown failures into
    another. The lower one lifts the lowest rates with the unknown successes and lowers the
    highest with the unknown failures, as far as they last; unknown rows that are not needed may
    belong to groups that are not compared.

    Args:
        successes: Shape (k,): rows of each compared group that meet the condition; unit: rows.
        totals: Shape (k,): rows of each compared group, each at least 1; unit: rows.
        unknown_successes: Rows of unknown group that meet the condition; unit: rows.
        unknown_total: Rows of unknown group; unit: rows. All four may be sums of weights.

    Returns:
        Least and greatest possible difference of largest and smallest proportion. Exact but for
        the lower bound, which lets rows be split and so may be too low by a fraction of a row.

    Raises:
        ValueError: If there are fewer than 2 groups.

    Example:
        >>> bounds_with_unknown([5, 3], [10, 10], 0, 0)
        (0.2, 0.2)
        >>> low, high = bounds_with_unknown([5, 3], [10, 10], 1, 2)
        >>> round(low, 3), round(high, 3)
        (0.091, 0.273)
    """
    s, n = np.asarray(successes, dtype=np.float64), np.asarray(totals, dtype=np.float64)
    if s.size < 2:
        raise ValueError(TOO_FEW)
    won, lost = unknown_successes, unknown_total - unknown_successes
    apart = ((s + won) / (n + won))[:, None] - (s / (n + lost))[None, :]
    order = np.argsort(s / n, kind="stable")
    # Water-filling: the lowest j groups together, filled up with every unknown success.
    floor = ((won + np.cumsum(s[order])) / (won + np.cumsum(n[order]))).min()
    down = order[::-1]
    ceiling = (np.cumsum(s[down]) / (lost + np.cumsum(n[down]))).max()
    widest = apart.max(where=_off_diagonal(apart), initial=-1.0)
    return max(0.0, float(ceiling - floor)), float(widest)


def _of_both(
    first: Estimate, second: Estimate, level: float, choose: Callable[[float, float], float]
) -> Estimate:
    values = [found.value for found in (first, second) if found.value is not None]
    held = [found.interval for found in (first, second) if found.interval is not None]
    if len(values) < 2 or len(held) < 2:
        return Estimate.undefined("; ".join(e.reason for e in (first, second) if e.reason))
    methods = " and ".join(dict.fromkeys(interval.method for interval in held))
    interval = Interval(
        low=choose(held[0].low, held[1].low),
        high=choose(held[0].high, held[1].high),
        level=level,
        method=f"{methods}; Bonferroni over both rates",
    )
    return Estimate(choose(values[0], values[1]), interval)


def _pairwise(
    method: Callable[..., Bounds], successes: npt.ArrayLike, totals: npt.ArrayLike, level: float
) -> Bounds:
    """Bounds of every ordered pair, shape (..., k, k): of row group against column group."""
    s = np.asarray(successes, dtype=np.float64)
    n = np.broadcast_to(np.asarray(totals, dtype=np.float64), s.shape)
    each = pair_level(level, s.shape[-1])
    pair = (s[..., :, None], n[..., :, None], s[..., None, :], n[..., None, :])
    return method(*pair, each, limits=intervals.clopper_pearson)


def _off_diagonal(square: FloatArray) -> npt.NDArray[np.bool_]:
    return ~np.eye(square.shape[-1], dtype=bool)


def over_pairs(k: int) -> str:
    """Say over how many pairs of k groups an interval holds; nothing for one pair.

    Example:
        >>> over_pairs(3)
        ', Bonferroni over 3 pairs'
    """
    pairs = k * (k - 1) // 2
    return "" if pairs == 1 else f", Bonferroni over {pairs:,} pairs"
