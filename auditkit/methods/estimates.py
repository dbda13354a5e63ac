"""A number with its uncertainty, as the methods hand it to an audit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import SupportsFloat

import numpy as np
import numpy.typing as npt
from scipy import special

from auditkit.evidence import Cell, Interval, Measurement, Metric

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
#: Lower and upper bounds, of one shape; scalars where the arguments are.
Bounds = tuple[FloatArray, FloatArray]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its interval, or the reason why there is none.

    Attributes:
        value: The number, or None where it is undefined.
        interval: Its interval; None where there is no value, or a reason for none.
        reason: Why there is no value or no interval; None where there is both.

    Example:
        >>> Estimate.undefined("no rows").reason
        'no rows'
    """

    value: float | None
    interval: Interval | None
    reason: str | None = None

    @classmethod
    def undefined(cls, reason: str) -> Estimate:
        """Say why there is no number."""
        return cls(None, None, reason)


def measured(
    metric: Metric,
    found: Estimate,
    n: int,
    source: str,
    where: Mapping[str, str] | None = None,
    *,
    exact: bool = False,
) -> Measurement:
    """Make a measurement of an estimate.

    Args:
        metric: What was estimated.
        found: The number with its interval, or why there is none.
        n: Rows that it rests on.
        source: What it was computed from and by which method.
        where: The slice: column to group; nothing means all rows.
        exact: As in `Measurement`.

    Returns:
        The measurement.

    Example:
        >>> accuracy = Metric("accuracy", "Accuracy", "Share of right predictions.", "rate")
        >>> measured(accuracy, Estimate.undefined("no rows"), 0, "test rows").reason
        'no rows'
    """
    return metric.measure(
        found.value,
        n=n,
        interval=found.interval,
        reason=found.reason,
        slice=where,
        source=source,
        exact=exact,
    )


def as_interval(
    bounds: tuple[SupportsFloat, SupportsFloat], level: float, method: str
) -> Interval | None:
    """Name the method and level of bounds that were computed for one number.

    Args:
        bounds: A lower and an upper bound, scalars.
        level: The level that they were computed at.
        method: How they were made.

    Returns:
        The interval, or None where the bounds are NaN.

    Example:
        >>> as_interval((np.float64(0.1), np.float64(0.3)), 0.95, "Clopper-Pearson").low
        0.1
        >>> as_interval((np.float64("nan"), np.float64("nan")), 0.95, "Clopper-Pearson") is None
        True
    """
    low, high = float(bounds[0]), float(bounds[1])
    return None if np.isnan(low) else Interval(low, high, level, method)


def together(found: Estimate, level: float, others: str) -> Estimate:
    """Name the level at which an interval holds together with others of its kind.

    Args:
        found: A number whose interval was made at the level that its share of them leaves.
        level: The level of all of them.
        others: How many there are, in words.

    Returns:
        The number; itself where it has no interval.

    Example:
        >>> together(Estimate(0.2, Interval(0.1, 0.3, 0.975, "test")), 0.95, "2 columns").interval
        Interval(low=0.1, high=0.3, level=0.95, method='test, Bonferroni over 2 columns')
    """
    if found.interval is None:
        return found
    method = f"{found.interval.method}, Bonferroni over {others}"
    return replace(found, interval=replace(found.interval, level=level, method=method))


def mean_within(
    n: int, mean: float, deviation: float, level: float, low: float, high: float
) -> Estimate:
    """Mean of values that cannot leave a range; see `auditkit.methods.intervals.bounded_mean`.

    Args:
        n: Number of values, at least 1.
        mean: Their mean.
        deviation: Their sample standard deviation; 0 where all are equal.
        level: Two-sided confidence level, in (0, 1).
        low: Least possible value.
        high: Greatest possible value.

    Returns:
        The mean.

    Example:
        >>> mean_within(100, 0.2, 0.0, 0.95, 0.0, 1.0).interval.method
        'empirical Bernstein'
    """
    if n == 1:
        return Estimate(mean, Interval(low, high, level, "the whole range: one row only"))
    if deviation > 0:
        method = "Student's t"
        tail = special.stdtrit(n - 1, (1 + level) / 2)
        arm = float(tail * deviation / np.sqrt(n))
    else:
        method = "empirical Bernstein"
        arm = (high - low) * 7 * float(np.log(4 / (1 - level))) / (3 * (n - 1))
    return Estimate(mean, Interval(max(low, mean - arm), min(high, mean + arm), level, method))


def cells_of(found: Estimate | None) -> tuple[Cell, Cell, Cell]:
    """A number with its bounds, as the columns x, x_low and x_high of a table hold them.

    Example:
        >>> cells_of(Estimate(0.2, Interval(0.1, 0.3, 0.95, "Clopper-Pearson"))), cells_of(None)
        ((0.2, 0.1, 0.3), (None, None, None))
    """
    if found is None or found.interval is None:
        return (None if found is None else found.value), None, None
    return found.value, found.interval.low, found.interval.high
