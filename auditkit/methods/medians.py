"""The median of numbers, weighted or not, with an interval whatever their distribution."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special

from auditkit.methods.estimates import Estimate, FloatArray
from auditkit.methods.means import NO_SPREAD, TOO_LARGE, with_bounds
from auditkit.methods.weighting import effective_share, rows_worth


def median(
    values: npt.ArrayLike, level: float = 0.95, weights: npt.ArrayLike | None = None
) -> Estimate:
    """Number that half of the rows do not exceed.

    Args:
        values: Shape (n,): the numbers, in any unit.
        level: Two-sided confidence level, in (0, 1).
        weights: Shape (n,): what each row counts for, above 0; 1 unless given. Order statistics
            are then found by their share of the weight, on the effective size of the share of
            rows up to the median.

    Returns:
        The median, halfway between two numbers where either could be it; undefined where there
        are no rows. Without an interval where there are too few rows for one, or those around the
        median are equal.

    Source:
        Thompson (1936), Ann. Math. Stat. 7:122: order statistics, whatever the distribution;
        Woodruff (1952), J. Am. Stat. Assoc. 47:635, for weighted rows.

    Example:
        >>> found = median([1, 2, 3, 4, 5, 6, 7, 8, 9])
        >>> found.value, found.interval.low, found.interval.high
        (5.0, 2.0, 8.0)
        >>> median([1, 2, 3], weights=[1, 1, 2]).value
        2.5
    """
    x = np.asarray(values, dtype=np.float64)
    if x.size == 0:
        return Estimate.undefined("no rows")
    order = np.argsort(x, kind="stable")
    w = np.ones_like(x) if weights is None else np.asarray(weights, dtype=np.float64)[order]
    x = x[order]
    up, down = _shares(w), _shares(w[::-1])
    middle = np.array([_first(up, 0.5), x.size - 1 - _first(down, 0.5)])
    value = float(x[middle].mean())
    if not np.isfinite(value):
        return Estimate.undefined(TOO_LARGE)
    size = float(x.size) if weights is None else effective_share(x <= value, w)[1]
    out = _left_out(size, level)
    if out == 0:
        rows = f"{x.size}" if weights is None else f"effective n {rows_worth(size)}"
        return Estimate(value, None, f"too few rows for an interval of the median: {rows}")
    share = out / size
    bounds = (float(x[_first(up, share)]), float(x[x.size - 1 - _first(down, share)]))
    if not bounds[0] < bounds[1]:
        return Estimate(value, None, NO_SPREAD)
    return with_bounds(value, bounds, level, "order statistics")


def _shares(weights: FloatArray) -> FloatArray:
    """Share of the weight that each row and those before it have."""
    added = np.cumsum(weights)
    shares: FloatArray = added / added[-1]
    return shares


def _first(shares: FloatArray, share: float) -> int:
    """The first row that brings the weight to a share of it, but for rounding."""
    return min(int(np.searchsorted(shares, share - 1e-12)), shares.size - 1)


def _left_out(size: float, level: float) -> int:
    """Rows to leave out on each side: the widest tail of coin throws under half the error."""
    k = np.arange(int(size / 2) + 1)
    return int((special.betainc(size - k, k + 1, 0.5) <= (1 - level) / 2).sum())
