"""Intervals of proportions, of their differences and ratios, and of bounded means.

Every function takes arrays as well as numbers and broadcasts them. Bounds are NaN where there is
nothing to count, and never closer together than the data allow: no interval has zero width.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import special

from auditkit.methods.estimates import Bounds, Estimate, FloatArray, as_interval, mean_within

#: The interval of every share.
EXACT = "Clopper-Pearson"


def normal_quantile(level: float) -> float:
    """Find z so that a standard normal number lies in [-z, z] with this probability.

    Args:
        level: Two-sided level, in (0, 1).

    Returns:
        The quantile.

    Raises:
        ValueError: If the level is no level.

    Example:
        >>> round(normal_quantile(0.95), 6)
        1.959964
    """
    if not 0 < level < 1:
        raise ValueError(f"a level lies in (0, 1); got {level}")
    return float(-special.ndtri((1 - level) / 2))


def wilson(successes: npt.ArrayLike, totals: npt.ArrayLike, level: float = 0.95) -> Bounds:
    """Wilson score interval of a proportion.

    Stays inside [0, 1] and keeps a width at 0 or `totals` successes, unlike the normal
    approximation.

    Args:
        successes: Rows that meet the condition; unit: rows.
        totals: Rows that could have met it; unit: rows.
        level: Two-sided confidence level, in (0, 1).

    Returns:
        Lower and upper bounds; NaN where a total is 0.

    Raises:
        ValueError: If a count lies outside 0..total, or the level is no level.

    Source:
        Wilson (1927), J. Am. Stat. Assoc. 22:209.

    Example:
        >>> low, high = wilson(8, 10)
        >>> round(float(low), 3), round(float(high), 3)
        (0.49, 0.943)
    """
    s, n = _counts(successes, totals)
    z2 = normal_quantile(level) ** 2
    p = s / n
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    arm = np.sqrt(z2) / (1 + z2 / n) * np.sqrt(p * (1 - p) / n + z2 / (4 * n**2))
    low = np.where(s == 0, np.where(np.isnan(n), np.nan, 0.0), np.maximum(centre - arm, 0.0))
    return low[()], np.where(s == n, 1.0, np.minimum(centre + arm, 1.0))[()]


def clopper_pearson(successes: npt.ArrayLike, totals: npt.ArrayLike, level: float = 0.95) -> Bounds:
    """Exact binomial interval of a proportion: never covers less often than it says.

    Args:
        successes: Rows that meet the condition; unit: rows.
        totals: Rows that could have met it; unit: rows.
        level: Two-sided confidence level, in (0, 1).

    Returns:
        Lower and upper bounds; NaN where a total is 0.

    Raises:
        ValueError: If a count lies outside 0..total.

    Source:
        Clopper and Pearson (1934), Biometrika 26:404.

    Example:
        >>> round(float(clopper_pearson(0, 72)[1]), 4)
        0.0499
    """
    s, n = _counts(successes, totals)
    tail = (1 - level) / 2
    # The beta quantiles have no meaning at 0 and n successes; 1 stands in and is replaced.
    low = special.betaincinv(np.where(s == 0, 1, s), n - np.where(s == 0, 1, s) + 1, tail)
    high = special.betaincinv(s + 1, np.where(s == n, 1, n - s), 1 - tail)
    empty = np.isnan(n)
    low = np.where(empty, np.nan, np.where(s == 0, 0.0, low))
    return low[()], np.where(empty, np.nan, np.where(s == n, 1.0, high))[()]


def share(successes: float, rows: float, level: float = 0.95, nothing: str = "no rows") -> Estimate:
    """A share of rows with the interval that all of them have, the exact one.

    Args:
        successes: Rows that are counted; effective ones where rows have weights.
        rows: Rows that they are counted among.
        level: Two-sided confidence level, in (0, 1).
        nothing: Why there is no share where there are no rows.

    Returns:
        The share; undefined where there are no rows.

    Source:
        Clopper and Pearson (1934); Korn and Graubard (1998), Surv. Methodol. 24:193, for effective
        counts.

    Example:
        >>> found = share(8, 10)
        >>> found.value, round(found.interval.low, 3), round(found.interval.high, 3)
        (0.8, 0.444, 0.975)
    """
    if rows == 0:
        return Estimate.undefined(nothing)
    bounds = clopper_pearson(successes, rows, level)
    return Estimate(successes / rows, as_interval(bounds, level, EXACT))


def newcombe(
    first: npt.ArrayLike,
    first_total: npt.ArrayLike,
    second: npt.ArrayLike,
    second_total: npt.ArrayLike,
    level: float = 0.95,
    limits: Callable[..., Bounds] = wilson,
) -> Bounds:
    """Newcombe's interval of the difference of two independent proportions, first minus second.

    Recovers the variances of the difference from the limits of the two proportions.

    Args:
        first: Successes of the first sample; unit: rows.
        first_total: Size of the first sample; unit: rows.
        second: Successes of the second sample; unit: rows.
        second_total: Size of the second sample; unit: rows.
        level: Two-sided confidence level, in (0, 1).
        limits: Gives the limits of one proportion; see `auditkit.methods.gaps` for a wider choice.

    Returns:
        Lower and upper bounds, in [-1, 1]; NaN where a sample is empty.

    Raises:
        ValueError: If a count lies outside 0..total.

    Source:
        Newcombe (1998), Stat. Med. 17:873, method 10.

    Example:
        >>> low, high = newcombe(56, 70, 48, 80)
        >>> round(float(low), 4), round(float(high), 4)
        (0.0524, 0.3339)
    """
    p1, (l1, u1) = _rate(first, first_total), limits(first, first_total, level)
    p2, (l2, u2) = _rate(second, second_total), limits(second, second_total, level)
    difference = p1 - p2
    low = difference - np.hypot(p1 - l1, u2 - p2)
    return low, difference + np.hypot(u1 - p1, p2 - l2)


def ratio(
    first: npt.ArrayLike,
    first_total: npt.ArrayLike,
    second: npt.ArrayLike,
    second_total: npt.ArrayLike,
    level: float = 0.95,
    limits: Callable[..., Bounds] = wilson,
) -> Bounds:
    """MOVER interval of the ratio of two independent proportions, first over second.

    Made of the same two pairs of limits as `newcombe`, so that it holds 1 exactly where that
    one holds 0: a difference and a ratio never contradict each other.

    Args:
        first: Successes of the first sample; unit: rows.
        first_total: Size of the first sample; unit: rows.
        second: Successes of the second sample; unit: rows.
        second_total: Size of the second sample; unit: rows.
        level: Two-sided confidence level, in (0, 1).
        limits: Gives the limits of one proportion; see `auditkit.methods.gaps` for a wider choice.

    Returns:
        Lower and upper bounds, from 0 to infinity; NaN where a sample is empty.

    Raises:
        ValueError: If a count lies outside 0..total.

    Source:
        Newcombe (2016), Stat. Methods Med. Res. 25:1774, with Wilson limits.

    Example:
        >>> low, high = ratio(56, 70, 48, 80)
        >>> round(float(low), 3), round(float(high), 3)
        (1.078, 1.663)
    """
    p1, (l1, u1) = _rate(first, first_total), limits(first, first_total, level)
    p2, (l2, u2) = _rate(second, second_total), limits(second, second_total, level)
    product = p1 * p2
    low_root = product**2 - l1 * (2 * p1 - l1) * u2 * (2 * p2 - u2)
    high_root = product**2 - u1 * (2 * p1 - u1) * l2 * (2 * p2 - l2)
    top = l1 * (2 * p1 - l1)
    under = product + np.sqrt(np.maximum(low_root, 0))
    # Nothing was counted on top: the ratio may be 0, also where both are 0.
    low = np.where(top == 0, np.where(np.isnan(under), np.nan, 0.0), top / np.where(top, under, 1))
    scale = l2 * (2 * p2 - l2)
    above = product + np.sqrt(np.maximum(high_root, 0))
    high = np.where(scale == 0, np.inf, above / np.where(scale == 0, 1, scale))
    return low[()], np.where(np.isnan(under), np.nan, high)[()]


def paired_difference(
    first_only: npt.ArrayLike,
    second_only: npt.ArrayLike,
    totals: npt.ArrayLike,
    level: float = 0.95,
) -> Bounds:
    """Interval of the difference of two proportions that were counted on the same rows.

    Adds 1/2 to each of the four cells of the paired table, then takes the normal approximation.
    Clipped to [-1, 1] and widened to the plain difference where that lies outside.

    Args:
        first_only: Rows on which only the first condition holds; unit: rows.
        second_only: Rows on which only the second condition holds; unit: rows.
        totals: All rows, those on which both or neither hold included; unit: rows.
        level: Two-sided confidence level, in (0, 1).

    Returns:
        Lower and upper bounds of first minus second; NaN where there are no rows.

    Raises:
        ValueError: If the counts do not fit into the total.

    Source:
        Agresti and Min (2005), Stat. Med. 24:729.

    Example:
        >>> low, high = paired_difference(12, 3, 100)
        >>> round(float(low), 4), round(float(high), 4)
        (0.0133, 0.1632)
    """
    b, n = _counts(first_only, totals)
    c, _ = _counts(second_only, totals)
    if np.any(b + c > n):
        raise ValueError("rows on which one condition holds outnumber all rows")
    shift = b - c
    arm = normal_quantile(level) * np.sqrt(b + c + 1 - shift**2 / (n + 2)) / (n + 2)
    return _around(shift / n, shift / (n + 2), arm)


def mean_of_two(
    first: npt.ArrayLike,
    first_total: npt.ArrayLike,
    second: npt.ArrayLike,
    second_total: npt.ArrayLike,
    level: float = 0.95,
) -> Bounds:
    """MOVER interval of the mean of two independent proportions, such as balanced accuracy.

    Args:
        first: Successes of the first sample, for example true positives; unit: rows.
        first_total: Size of the first sample, for example positives; unit: rows.
        second: Successes of the second sample, for example true negatives; unit: rows.
        second_total: Size of the second sample, for example negatives; unit: rows.
        level: Two-sided confidence level, in (0, 1).

    Returns:
        Lower and upper bounds, in [0, 1]; NaN where a sample is empty.

    Raises:
        ValueError: If a count lies outside 0..total.

    Source:
        Zou and Donner (2008), Stat. Med. 27:1693, with Clopper-Pearson limits.

    Example:
        >>> low, high = mean_of_two(10, 10, 10, 10)
        >>> round(float(low), 4), float(high)
        (0.7819, 1.0)
    """
    p1, (l1, u1) = _rate(first, first_total), clopper_pearson(first, first_total, level)
    p2, (l2, u2) = _rate(second, second_total), clopper_pearson(second, second_total, level)
    middle = (p1 + p2) / 2
    return middle - np.hypot(p1 - l1, p2 - l2) / 2, middle + np.hypot(u1 - p1, u2 - p2) / 2


def f1(
    true_positives: npt.ArrayLike,
    errors: npt.ArrayLike,
    level: float = 0.95,
) -> Bounds:
    """Interval of F1, through the Jaccard index.

    F1 = 2J / (1 + J) with J = TP / (TP + FP + FN), a plain proportion of the rows that are
    positive or selected. The exact interval of J is mapped by the same rising function.

    Args:
        true_positives: Rows that are positive and selected; unit: rows.
        errors: False positives plus false negatives; unit: rows.
        level: Two-sided confidence level, in (0, 1).

    Returns:
        Lower and upper bounds, in [0, 1]; NaN where no row is positive or selected.

    Raises:
        ValueError: If a count is negative.

    Source:
        Clopper and Pearson (1934), under a rising map; given the rows positive or selected.

    Example:
        >>> low, high = f1(6, 4)
        >>> round(float(low), 3), round(float(high), 3)
        (0.416, 0.935)
    """
    totals = np.asarray(true_positives) + np.asarray(errors)
    low, high = clopper_pearson(true_positives, totals, level)
    return 2 * low / (1 + low), 2 * high / (1 + high)


def bounded_mean(
    values: npt.ArrayLike, level: float = 0.95, low: float = 0.0, high: float = 1.0
) -> Estimate:
    """Mean of values that cannot leave a range, with its interval.

    Student's t, clipped to the range. Where all values are equal, which says little about the
    next one, the empirical Bernstein bound; a single value bounds nothing beyond the range.

    Args:
        values: Shape (n,): independent values in [low, high].
        level: Two-sided confidence level, in (0, 1).
        low: Least possible value.
        high: Greatest possible value.

    Returns:
        The mean; undefined where there are no values.

    Raises:
        ValueError: If a value is not finite or lies outside the range.

    Source:
        Maurer and Pontil (2009), COLT, theorem 4, for equal values.

    Example:
        >>> bounded_mean([0.0, 0.5, 1.0]).interval.method
        "Student's t"
        >>> bounded_mean([0.2] * 100).interval.method
        'empirical Bernstein'
    """
    x = np.asarray(values, dtype=np.float64)
    if x.size == 0:
        return Estimate.undefined("no rows")
    if not np.all((low <= x) & (x <= high)):
        raise ValueError(f"values lie in [{low:g}, {high:g}]")
    spread = x.size > 1 and np.ptp(x) > 1e-9 * (high - low)
    deviation = float(x.std(ddof=1)) if spread else 0.0
    return mean_within(x.size, float(x.mean()), deviation, level, low, high)


def _counts(successes: npt.ArrayLike, totals: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Check counts and make them float; an empty total becomes NaN, which then spreads."""
    s = np.asarray(successes, dtype=np.float64)
    n = np.asarray(totals, dtype=np.float64)
    if np.any(s < 0) or np.any(s > n):
        raise ValueError("successes lie in 0..total")
    return s, np.where(n > 0, n, np.nan)


def _rate(successes: npt.ArrayLike, totals: npt.ArrayLike) -> FloatArray:
    s, n = _counts(successes, totals)
    return s / n


def _around(value: FloatArray, centre: FloatArray, arm: FloatArray) -> Bounds:
    low, high = np.minimum(centre - arm, value), np.maximum(centre + arm, value)
    return np.maximum(low, -1.0), np.minimum(high, 1.0)
