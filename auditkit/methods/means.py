"""Means of numbers that know no bounds, and the gaps between the means of several groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from auditkit.evidence import Interval
from auditkit.methods import gaps, significance
from auditkit.methods.estimates import Estimate, FloatArray, IntArray

#: Why a number stands without an interval, or without a value.
ONE_ROW = "one row only, so there is no spread to make an interval of"
NO_SPREAD = "all values are equal, so there is no spread to make an interval of"
TOO_LARGE = "the numbers are too large or too small to compute with"
#: Method of the interval of a difference of two means.
METHOD = "Welch, no variance below the pooled one"
#: Numbers that differ by less than this part of the largest are the same number.
SAME = 1e-14


@dataclass(frozen=True)
class Means:
    """Means of the same number over k groups.

    Attributes:
        n: Shape (k,): rows of each group.
        mean: Shape (k,): mean of each group, NaN where it has no row.
        variance: Shape (k,): sample variance of each group, NaN where it has fewer than 2 rows.
    """

    n: IntArray
    mean: FloatArray
    variance: FloatArray

    def take(self, kept: npt.NDArray[np.bool_]) -> Means:
        """Keep some of the groups, by a mask of shape (k,)."""
        return Means(self.n[kept], self.mean[kept], self.variance[kept])


@dataclass(frozen=True, slots=True)
class MeanPair:
    """Two groups held against each other.

    Attributes:
        a: Index of the group with the higher mean (of the first, where they are equal).
        b: Index of the other group.
        difference: Mean of a minus mean of b.
        low: Lower bound of the difference, simultaneous over all pairs; None without spread.
        high: Upper bound, likewise.
        p_adjusted: Two-sided p-value after Holm's adjustment over all pairs; None without spread.
        established: Whether the data tell the two apart: the interval does not hold 0.
    """

    a: int
    b: int
    difference: float
    low: float | None
    high: float | None
    p_adjusted: float | None
    established: bool


def mean(values: npt.ArrayLike, level: float = 0.95, least: float = -np.inf) -> Estimate:
    """Mean of independent numbers, with Student's interval.

    Unlike `intervals.bounded_mean` it cannot fall back on a range where all values are equal:
    then there is a value without an interval, and the reason for it.

    Args:
        values: Shape (n,): the numbers, in any unit.
        level: Two-sided confidence level, in (0, 1).
        least: Least possible value, at which the interval is cut.

    Returns:
        The mean; undefined where there are no values or one is not finite.

    Source:
        Student (1908), Biometrika 6:1.

    Example:
        >>> found = mean([1.0, 2.0, 3.0])
        >>> round(found.value, 3), round(found.interval.low, 3), round(found.interval.high, 3)
        (2.0, -0.484, 4.484)
        >>> mean([2.0, 2.0]).reason
        'all values are equal, so there is no spread to make an interval of'
    """
    x = np.asarray(values, dtype=np.float64)
    if x.size == 0:
        return Estimate.undefined("no rows")
    if not np.all(np.isfinite(x)):
        return Estimate.undefined(TOO_LARGE)
    scale = float(np.abs(x).max()) or 1.0
    part = x / scale  # no sum or square of these can overflow
    centre = float(part.mean())
    if x.size == 1 or are_equal(x):
        return Estimate(centre * scale, None, ONE_ROW if x.size == 1 else NO_SPREAD)
    arm = student(x.size, level) * float(part.std(ddof=1)) / np.sqrt(x.size)
    bounds = (max(least, float(centre - arm) * scale), float(centre + arm) * scale)
    return with_bounds(centre * scale, bounds, level, "Student's t")


def are_equal(values: npt.ArrayLike) -> bool:
    """Whether all numbers are the same, but for rounding; so they are where there are none.

    Example:
        >>> are_equal([0.3, 0.1 + 0.2]), are_equal([0.3, 0.31]), are_equal([])
        (True, False, True)
    """
    x = np.asarray(values, dtype=np.float64)
    if x.size == 0:
        return True
    low, high = float(x.min()), float(x.max())
    return high / 2 - low / 2 <= SAME * max(abs(low), abs(high)) / 2


def student(n: int, level: float) -> float:
    """Quantile of Student's t for the mean of n values at a two-sided level."""
    return float(special.stdtrit(n - 1, (1 + level) / 2))


def with_bounds(value: float, bounds: tuple[float, float], level: float, method: str) -> Estimate:
    """Put a value and its bounds together, where both can be written as finite numbers."""
    low, high = bounds
    if not np.isfinite(value):
        return Estimate.undefined(TOO_LARGE)
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        return Estimate(value, None, TOO_LARGE)
    return Estimate(value, Interval(low, high, level, method))


def means_by_group(values: npt.ArrayLike, place: npt.ArrayLike, groups: int) -> Means:
    """Mean and variance of a number in every group, in two passes over the rows.

    Args:
        values: Shape (n,): the numbers.
        place: Shape (n,): the group of each row, 0..groups - 1.
        groups: Number of groups.

    Returns:
        The means, of shape (groups,). A variance that is only rounding is 0.

    Example:
        >>> found = means_by_group([1.0, 3.0, 5.0], [0, 0, 1], 3)
        >>> found.n.tolist(), found.mean.tolist(), found.variance.tolist()
        ([2, 1, 0], [2.0, 5.0, nan], [2.0, nan, nan])
    """
    x, where = np.asarray(values, dtype=np.float64), np.asarray(place, dtype=np.int64)
    n = np.bincount(where, minlength=groups)
    start = np.zeros(groups)
    start[where] = x  # one value of each group: where all are equal, the rest is exactly 0
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        shift = x - start[where]
        step = np.bincount(where, weights=shift, minlength=groups) / n
        squares = np.bincount(where, weights=(shift - step[where]) ** 2, minlength=groups)
        variance = np.where(n > 1, squares / (n - 1), np.nan)
        rounding = (SAME * np.abs(x).max(initial=0.0)) ** 2
    return Means(n, start + step, np.where(variance <= rounding, 0.0, variance))


def difference(means: Means, level: float = 0.95) -> Estimate:
    """Largest minus smallest mean over groups.

    Args:
        means: The k groups that are compared, each of at least 2 rows.
        level: Two-sided level of the simultaneous interval, in (0, 1).

    Returns:
        The gap; undefined where there are fewer than 2 groups, without an interval where no
        group has any spread. Its interval holds 0 exactly where the intervals of all pairs do.

    Source:
        Welch (1947), Biometrika 34:28, for the pairs; Bonferroni over the pairs. No variance is
        taken below the pooled one of its pair: a small sample of a skewed number often shows less
        spread than there is, and Welch's interval then misses far more often than it says.

    Example:
        >>> gap = difference(means_by_group([1.0, 2.0, 3.0, 8.0, 9.0, 10.0], [0, 0, 0, 1, 1, 1], 2))
        >>> gap.value, round(gap.interval.low, 3), round(gap.interval.high, 3)
        (7.0, 4.733, 9.267)
    """
    k = means.n.size
    if k < 2:
        return Estimate.undefined(gaps.TOO_FEW)
    value = float(means.mean.max() - means.mean.min())
    low, high, _ = _pairwise(means, level)
    apart = ~np.eye(k, dtype=bool)
    if np.isnan(low[apart]).any():
        finite = bool(np.isfinite(means.variance).all() and np.isfinite(value))
        return Estimate(value, None, NO_SPREAD) if finite else Estimate.undefined(TOO_LARGE)
    bounds = (max(0.0, float(low[apart].max())), float(high[apart].max()))
    return with_bounds(value, bounds, level, f"{METHOD}{_over_pairs(k)}")


def compare_pairs(means: Means, level: float = 0.95) -> tuple[MeanPair, ...]:
    """Hold every two groups against each other.

    Args:
        means: The k groups that are compared, each of at least 2 rows.
        level: Two-sided level that all intervals hold together, in (0, 1).

    Returns:
        The k(k - 1)/2 pairs, the widest difference first. One of them is established exactly
        where the interval of `difference` lies above 0.

    Example:
        >>> means = means_by_group([1.0, 2.0, 3.0, 8.0, 9.0, 10.0], [0, 0, 0, 1, 1, 1], 2)
        >>> [(pair.a, pair.b, pair.difference, pair.established) for pair in compare_pairs(means)]
        [(1, 0, 7.0, True)]
    """
    order = np.argsort(-means.mean, kind="stable")
    ranked = [(int(a), int(b)) for i, a in enumerate(order) for b in order[i + 1 :]]
    if not ranked:
        return ()
    low, high, p = _pairwise(means, level)
    adjusted = significance.holm([float(np.nan_to_num(p[a, b], nan=1.0)) for a, b in ranked])
    pairs = [
        MeanPair(
            a=a,
            b=b,
            difference=float(means.mean[a] - means.mean[b]),
            low=_finite(low[a, b]),
            high=_finite(high[a, b]),
            p_adjusted=None if np.isnan(p[a, b]) else float(p_adjusted),
            established=bool(low[a, b] > 0),
        )
        for (a, b), p_adjusted in zip(ranked, adjusted, strict=True)
    ]
    return tuple(sorted(pairs, key=lambda pair: -pair.difference))


def _pairwise(means: Means, level: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Bounds and p-value of every ordered pair, each (k, k); NaN where nothing has spread."""
    freedom = (means.n - 1).astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        weighted = freedom * means.variance
        pooled = (weighted[:, None] + weighted) / (freedom[:, None] + freedom)
        everyone = weighted.sum() / freedom.sum()
        pooled = np.where(pooled == 0, everyone, pooled)
        own = np.maximum(means.variance[:, None], pooled) / means.n[:, None]
        total = own + own.T
        error = np.where((total > 0) & np.isfinite(total), np.sqrt(total), np.nan)
        part = (own / total) ** 2 / freedom[:, None]
        welch = 1 / (part + part.T)
    apart = means.mean[:, None] - means.mean
    each = gaps.pair_level(level, means.n.size)
    arm = special.stdtrit(welch, (1 + each) / 2) * error
    return apart - arm, apart + arm, 2 * special.stdtr(welch, -np.abs(apart) / error)


def _finite(bound: float) -> float | None:
    return float(bound) if np.isfinite(bound) else None


def _over_pairs(k: int) -> str:
    pairs = k * (k - 1) // 2
    return "" if pairs == 1 else f", Bonferroni over {pairs:,} pairs"
