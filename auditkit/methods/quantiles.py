"""Quantiles of measured values, with intervals whatever their distribution."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import special

from auditkit.evidence import Interval
from auditkit.methods.estimates import Estimate


def quantile_ranks(count: int, share: float, level: float = 0.95) -> tuple[int, int] | None:
    """Find which order statistics bound a quantile of a distribution.

    Args:
        count: Independent values, at least 1.
        share: Which quantile: the share of the distribution that lies below it, in (0, 1).
        level: Two-sided level, in (0, 1).

    Returns:
        The ranks, from 1, of the lower and the upper bound, as near as each tail allows; None
        where not even the extremes hold the quantile that surely.

    Source:
        Thompson (1936), Ann. Math. Stat. 7:122: the number of values below it is binomial.

    Example:
        >>> quantile_ranks(9, 0.5), quantile_ranks(500, 0.99), quantile_ranks(367, 0.99)
        ((2, 8), (490, 500), None)
    """
    tail, below = (1 - level) / 2, np.arange(count + 1)
    low = int((special.bdtr(below, count, share) <= tail).sum())
    high = int((special.bdtrc(below, count, share) > tail).sum()) + 1
    return (low, high) if low >= 1 and high <= count else None


def least_count(share: float, level: float = 0.95) -> int:
    """How many values an interval of a quantile takes at least.

    Args:
        share: Which quantile, in (0, 1).
        level: Two-sided level, in (0, 1).

    Returns:
        The least count for which `quantile_ranks` finds bounds.

    Example:
        >>> least_count(0.5), least_count(0.95), least_count(0.99)
        (6, 72, 368)
    """
    return math.ceil(math.log((1 - level) / 2) / math.log(max(share, 1 - share)))


def quantile(
    values: npt.ArrayLike, share: float, level: float = 0.95, grain: float = 0.0
) -> Estimate:
    """The least value that this share of the values do not exceed.

    Args:
        values: Shape (n,): independent and alike, in any unit.
        share: Which quantile, in (0, 1).
        level: Two-sided level of the interval, in (0, 1).
        grain: How far off each value may be either way, for example by the step of a clock; the
            interval is wider by it.

    Returns:
        The quantile. Undefined where less than one value is expected on either side of it.
        Without an interval where there are fewer values than `least_count`, or all around it are
        equal.

    Source:
        As `quantile_ranks`.

    Example:
        >>> found = quantile(range(1, 101), 0.95)
        >>> found.value, found.interval.low, found.interval.high
        (95.0, 90.0, 100.0)
    """
    x = np.sort(np.asarray(values, dtype=np.float64))
    if x.size * min(share, 1 - share) < 1 - 1e-9:
        least = math.ceil(1 / min(share, 1 - share) - 1e-9)
        return Estimate.undefined(f"{x.size} values do not reach it; it takes {least}")
    value = float(x[math.ceil(x.size * share - 1e-9) - 1])
    ranks = quantile_ranks(x.size, share, level)
    if ranks is None:
        least = least_count(share, level)
        return Estimate(value, None, f"an interval takes {least} values; there are {x.size}")
    least_possible = min(0.0, float(x[0]))  # what cannot be negative stays so
    low = max(float(x[ranks[0] - 1]) - grain, least_possible)
    high = float(x[ranks[1] - 1]) + grain
    if not low < high:
        return Estimate(value, None, "the values around it are all equal")
    return Estimate(value, Interval(low, high, level, f"order statistics of {x.size} values"))


def drift(values: npt.ArrayLike, level: float = 0.95, grain: float = 0.0) -> Estimate:
    """Median of the later half of positive values over that of the earlier half.

    Args:
        values: Shape (n,), in the order in which they came.
        level: Two-sided level of the interval, in (0, 1).
        grain: As in `quantile`.

    Returns:
        The ratio: 1 where nothing drifts. Undefined where there are fewer than 4 values or a median
        is 0; without an interval where a half is too small for one.

    Source:
        The two medians' intervals, Bonferroni: both hold together with the level.

    Example:
        >>> found = drift([1, 2, 3] * 4 + [2, 4, 6] * 4)
        >>> found.value, found.interval.low, found.interval.high
        (2.0, 0.6666666666666666, 6.0)
    """
    x = np.asarray(values, dtype=np.float64)
    halves = [quantile(half, 0.5, (1 + level) / 2, grain) for half in np.array_split(x, 2)]
    before, after = halves
    if not before.value or not after.value:
        return Estimate.undefined("too few values for two halves, or a clock too coarse")
    ratio = after.value / before.value
    if before.interval is None or after.interval is None or before.interval.low <= 0:
        return Estimate(ratio, None, after.reason or before.reason or "the clock is too coarse")
    bounds = after.interval.low / before.interval.high, after.interval.high / before.interval.low
    return Estimate(ratio, Interval(*bounds, level, "order statistics of both halves, Bonferroni"))
