"""Means of numbers that know no bounds, ratios of sums, and the gaps between those of groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from auditkit.evidence import Interval
from auditkit.methods import gaps, significance
from auditkit.methods.estimates import Estimate, FloatArray, IntArray
from auditkit.methods.weighting import effective_sizes

#: Why a number stands without an interval, or without a value.
ONE_ROW = "one row only, so there is no spread to make an interval of"
NO_SPREAD = "all values are equal, so there is no spread to make an interval of"
TOO_LARGE = "the numbers are too large to compute with"
#: Method of the interval of a difference of two means.
METHOD = "Welch, no variance below the pooled one"
#: Numbers that differ by less than this part of the largest are the same number.
SAME = 1e-14
#: Share of the spread from which one row is called far out, unless a few rows must have as much.
FAR = 0.1


@dataclass(frozen=True)
class Means:
    """Means of the same number over k groups; also ratios of sums, through linearisation.

    Attributes:
        n: Shape (k,): rows of each group; unit: rows.
        size: Shape (k,): what the rows are worth after weighting: Kish's effective size, or less
            where weights go with the number; n without weights.
        mean: Shape (k,): mean of each group, NaN where it has no row.
        variance: Shape (k,): variance of the number within each group, NaN where nothing tells.
    """

    n: IntArray
    size: FloatArray
    mean: FloatArray
    variance: FloatArray

    def take(self, kept: npt.NDArray[np.bool_]) -> Means:
        """Keep some of the groups, by a mask of shape (k,)."""
        return Means(self.n[kept], self.size[kept], self.mean[kept], self.variance[kept])

    def estimate(self, i: int, level: float = 0.95, least: float = -np.inf) -> Estimate:
        """The mean of one group with Student's interval, cut at the least possible value.

        Returns:
            Undefined where there are no rows; without an interval where nothing tells the spread.

        Source:
            Student (1908), Biometrika 6:1; `auditkit.methods.weighting` for weighted rows.
        """
        if self.n[i] == 0:
            return Estimate.undefined("no rows")
        value, variance, size = (float(x[i]) for x in (self.mean, self.variance, self.size))
        if not np.isfinite(value) or np.isinf(variance):
            return Estimate.undefined(TOO_LARGE)
        if not variance > 0:
            return Estimate(value, None, ONE_ROW if self.n[i] == 1 else NO_SPREAD)
        arm = student(size, level) * np.sqrt(variance / size)
        return with_bounds(value, (max(least, value - arm), value + arm), level, "Student's t")

    def difference(self, level: float = 0.95) -> Estimate:
        """Largest minus smallest mean; see `difference`."""
        return difference(self, level)

    def pairs(self, level: float = 0.95) -> tuple[MeanPair, ...]:
        """Every two groups; see `compare_pairs`."""
        return compare_pairs(self, level)


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


def mean(
    values: npt.ArrayLike,
    level: float = 0.95,
    least: float = -np.inf,
    weights: npt.ArrayLike | None = None,
) -> Estimate:
    """Mean of independent numbers, with Student's interval.

    Unlike `intervals.bounded_mean` it cannot fall back on a range where all values are equal:
    then there is a value without an interval, and the reason for it.

    Args:
        values: Shape (n,): the numbers, in any unit.
        level: Two-sided confidence level, in (0, 1).
        least: Least possible value, at which the interval is cut.
        weights: Shape (n,): what each row counts for; 1 unless given.

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
    everyone = np.zeros(x.size, dtype=np.int64)
    return means_by_group(x, everyone, 1, weights).estimate(0, level, least)


def ratio_of_sums(
    top: npt.ArrayLike,
    under: npt.ArrayLike,
    level: float = 0.95,
    weights: npt.ArrayLike | None = None,
) -> Estimate:
    """Sum of one number over the sum of another, such as errors a token.

    Args:
        top: Shape (n,): numbers from 0.
        under: Shape (n,): numbers from 0.
        level: Two-sided confidence level, in (0, 1).
        weights: Shape (n,): what each row counts for; 1 unless given.

    Returns:
        The ratio, its interval cut at 0; undefined where the sum below is 0.

    Source:
        Cochran (1977), Sampling Techniques, chapter 6: the linearised variance of a ratio.

    Example:
        >>> found = ratio_of_sums([0, 1, 2, 0], [4, 3, 5, 4])
        >>> found.value, round(found.interval.low, 3), round(found.interval.high, 3)
        (0.1875, 0.0, 0.547)
    """
    everyone = np.zeros(np.asarray(top).size, dtype=np.int64)
    return ratios_by_group(top, under, everyone, 1, weights).estimate(0, level, 0.0)


def student(size: float, level: float) -> float:
    """Quantile of Student's t for the mean of so many values at a two-sided level."""
    return float(special.stdtrit(size - 1, (1 + level) / 2))


def with_bounds(value: float, bounds: tuple[float, float], level: float, method: str) -> Estimate:
    """Put a value and its bounds together, where both can be written as finite numbers."""
    low, high = bounds
    if not np.isfinite(value):
        return Estimate.undefined(TOO_LARGE)
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        return Estimate(value, None, TOO_LARGE)
    return Estimate(value, Interval(float(low), float(high), level, method))


def far_out(values: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> str:
    """Say where one row makes so much of the spread that an interval of the mean may be short.

    Args:
        values: Shape (n,): the numbers that a mean is taken of.
        weights: Shape (n,): what each row counts for; 1 unless given.

    Returns:
        A note to put behind a source; empty where no row stands out.

    Example:
        >>> far_out([0.0] * 199 + [100.0])
        '; one row makes 100 % of the spread (heavy tails), so the interval may be too short'
        >>> far_out(range(200))
        ''
    """
    x = np.asarray(values, dtype=np.float64)
    w = np.ones_like(x) if weights is None else np.asarray(weights, dtype=np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        squares = w * (x - np.average(x, weights=w)) ** 2 if x.size else x
        share = float(squares.max(initial=0.0) / squares.sum()) if squares.any() else 0.0
    if not share > max(FAR, 10 / max(x.size, 1)):
        return ""
    return (
        f"; one row makes {100 * share:.0f} % of the spread (heavy tails), "
        "so the interval may be too short"
    )


def means_by_group(
    values: npt.ArrayLike,
    place: npt.ArrayLike,
    groups: int,
    weights: npt.ArrayLike | None = None,
) -> Means:
    """Mean and variance of a number in every group, in two passes over the rows.

    Args:
        values: Shape (n,): the numbers.
        place: Shape (n,): the group of each row, 0..groups - 1.
        groups: Number of groups.
        weights: Shape (n,): what each row counts for; 1 unless given.

    Returns:
        The means, of shape (groups,). A variance that is only rounding is 0.

    Example:
        >>> found = means_by_group([1.0, 3.0, 5.0], [0, 0, 1], 3)
        >>> found.n.tolist(), found.mean.tolist(), found.variance.tolist()
        ([2, 1, 0], [2.0, 5.0, nan], [2.0, nan, nan])
    """
    x, where = np.asarray(values, dtype=np.float64), np.asarray(place, dtype=np.int64)
    start = np.zeros(groups)
    start[where] = x  # one value of each group: where all are equal, the rest is exactly 0
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        shift = x - start[where]
        w, n, total, size = _weighed(where, groups, weights)
        step = np.bincount(where, weights=w * shift, minlength=groups) / total
        rest = shift - step[where]
        size = size if weights is None else effective_sizes(rest, where, w, groups)
        variance = _variance(rest, where, w, total, size)
    return Means(n, size, start + step, _without_rounding(variance, x))


def ratios_by_group(
    top: npt.ArrayLike,
    under: npt.ArrayLike,
    place: npt.ArrayLike,
    groups: int,
    weights: npt.ArrayLike | None = None,
) -> Means:
    """Ratio of two sums in every group; see `ratio_of_sums` and `means_by_group`.

    A ratio moves with a row as a mean of (top - ratio under) / mean of under does, so its
    variance is the one of those, and gaps are made as for means.

    Example:
        >>> found = ratios_by_group([1, 0, 3], [2, 2, 3], [0, 0, 1], 2)
        >>> found.mean.tolist(), found.variance.tolist()
        ([0.25, 1.0], [0.125, nan])
    """
    t, u = np.asarray(top, dtype=np.float64), np.asarray(under, dtype=np.float64)
    where = np.asarray(place, dtype=np.int64)
    w, n, total, size = _weighed(where, groups, weights)
    with np.errstate(invalid="ignore", divide="ignore"):
        below = np.bincount(where, weights=w * u, minlength=groups)
        ratio = np.bincount(where, weights=w * t, minlength=groups) / below
        ratio = np.where(below > 0, ratio, np.nan)
        rest = (t - ratio[where] * u) / (below / total)[where]
        size = size if weights is None else effective_sizes(rest, where, w, groups)
        variance = _variance(rest, where, w, total, size)
    return Means(np.where(below > 0, n, 0), size, ratio, _without_rounding(variance, t))


def _weighed(
    where: IntArray, groups: int, weights: npt.ArrayLike | None
) -> tuple[FloatArray, IntArray, FloatArray, FloatArray]:
    """Weights of the rows; rows, total weight and Kish's effective size of the groups."""
    w = np.ones(where.size) if weights is None else np.asarray(weights, dtype=np.float64)
    n = np.bincount(where, weights=w > 0, minlength=groups).astype(np.int64)
    total = np.bincount(where, weights=w, minlength=groups).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        size = total**2 / np.bincount(where, weights=w**2, minlength=groups)
    return w, n, total, size


def _variance(
    rest: FloatArray, where: IntArray, w: FloatArray, total: FloatArray, size: FloatArray
) -> FloatArray:
    squares = np.bincount(where, weights=w * rest**2, minlength=total.size) / total
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(size > 1 + SAME, squares * size / (size - 1), np.nan)


def _without_rounding(variance: FloatArray, values: FloatArray) -> FloatArray:
    """Set a variance to 0 that is no more than the rounding of the values."""
    return np.where(np.sqrt(variance) <= SAME * np.abs(values).max(initial=0.0), 0.0, variance)


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
        finite = bool(not np.isinf(means.variance).any() and np.isfinite(value))
        return Estimate(value, None, NO_SPREAD) if finite else Estimate.undefined(TOO_LARGE)
    bounds = (max(0.0, float(low[apart].max())), float(high[apart].max()))
    return with_bounds(value, bounds, level, f"{METHOD}{gaps.over_pairs(k)}")


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
    freedom = means.size - 1
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        weighted = freedom * means.variance
        pooled = (weighted[:, None] + weighted) / (freedom[:, None] + freedom)
        everyone = weighted.sum() / freedom.sum()
        pooled = np.where(pooled == 0, everyone, pooled)
        own = np.maximum(means.variance[:, None], pooled) / means.size[:, None]
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
