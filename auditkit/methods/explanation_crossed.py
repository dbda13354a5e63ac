"""Means over rows that share something drawn: background rows, splits of them, random networks."""

from __future__ import annotations

import numpy as np

from auditkit.evidence import Interval
from auditkit.methods.estimates import Estimate, mean_within
from auditkit.methods.intervals import EXACT, bounded_mean, clopper_pearson
from auditkit.methods.means import NO_SPREAD, with_bounds
from auditkit.methods.shapley_game import Floats
from auditkit.methods.shapley_noise import Noise


def mean_of_equals(n: int, value: float, level: float, low: float, high: float) -> Estimate:
    """Estimate the mean of n bounded numbers that are all equal.

    At an end of their range, what n rows can have hidden is the exact bound of a share; elsewhere
    it is the empirical Bernstein bound.

    Args:
        n: How many numbers.
        value: Each of them.
        level: Two-sided confidence level, in (0, 1).
        low: Least possible value.
        high: Greatest possible value.

    Returns:
        The mean.

    Example:
        >>> round(mean_of_equals(100, 1.0, 0.95, 0.0, 1.0).interval.low, 3)
        0.964
    """
    if value not in (low, high) or n < 2:
        return mean_within(n, value, 0.0, level, low, high)
    bounds = clopper_pearson(n if value == high else 0, n, level)
    first, last = (low + (high - low) * float(bound) for bound in bounds)
    return Estimate(value, Interval(first, last, level, EXACT))


def mean_of_shares(values: Floats, level: float = 0.95) -> Estimate:
    """Estimate the mean of shares of independent rows.

    Args:
        values: Shape (n,), in [0, 1].
        level: Two-sided confidence level, in (0, 1).

    Returns:
        The mean with Student's interval, or as `mean_of_equals`; undefined where there is no row.

    Example:
        >>> mean_of_shares(np.array([0.5, 1.0, 1.0])).interval.method
        "Student's t"
    """
    if values.size and np.ptp(values) == 0:
        return mean_of_equals(values.size, float(values[0]), level, 0.0, 1.0)
    return bounded_mean(values, level)


def crossed_mean(
    values: Floats,
    shared: str,
    level: float = 0.95,
    low: float = -np.inf,
    high: float = np.inf,
    *,
    independent: bool = True,
) -> Estimate:
    """Estimate the mean of numbers that each belong to a row and to a draw which all rows share.

    The variance over rows and that over draws are added, which counts what is left of both twice:
    the interval is rather too wide than too short.

    Args:
        values: Shape (m, c): a number for each of m rows and c draws.
        shared: What the draws are called, in the plural.
        level: Two-sided confidence level, in (0, 1).
        low: Least possible value.
        high: Greatest possible value.
        independent: Whether the draws are independent, so that more of them make the mean surer.
            Otherwise, as for splits of one sample, they only show how far one draw is off.

    Returns:
        The mean; undefined where there is no row or no draw.

    Source:
        Student's t, degrees of freedom by Welch and Satterthwaite; see `shapley_noise.Noise`.

    Example:
        >>> found = crossed_mean(np.array([[0.0, 0.2], [0.4, 0.6]]), "networks")
        >>> round(found.value, 3), found.interval.method
        (0.3, "Student's t over rows and 2 networks")
    """
    m, c = values.shape
    if m == 0 or c == 0:
        return Estimate.undefined(f"no rows or no {shared}")
    value = float(values.mean())
    bounded = np.isfinite([low, high]).all()
    if min(m, c) < 2:
        few = "one row only" if m < 2 else f"1 of the {shared} only"
        if not bounded:
            return Estimate(value, None, f"{few}, so there is no spread to make an interval of")
        return Estimate(value, Interval(low, high, level, f"the whole range: {few}"))
    rows = np.asarray(values.mean(axis=1).var(ddof=1) / m)
    draws = np.asarray(values.mean(axis=0).var(ddof=1) / (c if independent else 1))
    arm = float(Noise.of((rows, m - 1), (draws, c - 1)).arm(level))
    if arm > 0:
        bounds = max(low, value - arm), min(high, value + arm)
        return with_bounds(value, bounds, level, f"Student's t over rows and {c} {shared}")
    if bounded:
        return mean_of_equals(m, value, level, low, high)
    return Estimate(value, None, NO_SPREAD)
