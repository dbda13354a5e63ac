"""Cutting numbers into bands of about equally many rows."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_FLOOR, Decimal

import numpy as np
import numpy.typing as npt


def quantile_edges(numbers: npt.ArrayLike, bands: int) -> list[float]:
    """Inner edges of bands of about equally many numbers.

    Args:
        numbers: Shape (n,): numbers; those that are not finite are passed over.
        bands: Most bands, at least 2.

    Returns:
        Rising edges, at most bands - 1, each the lower end of a band; every band holds a number.
        None of them where there are fewer than 2 different numbers. See `round_edges`.

    Example:
        >>> quantile_edges([1, 2, 3, 4, 5, 6, 7, 8], 4)
        [3.0, 5.0, 7.0]
        >>> quantile_edges([0, 0, 0, 0, 0, 9], 4)
        [9.0]
        >>> quantile_edges([1021.4, 1733.9, 2044.6, 2981.3], 2)
        [2000.0]
    """
    x = np.asarray(numbers, dtype=np.float64)
    x = x[np.isfinite(x)]
    if x.size == 0:
        return []
    inner = np.quantile(x, np.arange(1, bands) / bands, method="higher")
    edges = [edge for edge in np.unique(inner).tolist() if edge > x.min()]
    return round_edges(x, edges or np.unique(x)[1:2].tolist())


def round_edges(numbers: npt.ArrayLike, edges: Sequence[float]) -> list[float]:
    """Move edges that are numbers of the data to the roundest ones that cut at the same place.

    An edge is shown, and the number of one person is not to be.

    Args:
        numbers: Shape (n,): the numbers, finite.
        edges: Rising edges, each one of the numbers and above the least of them.

    Returns:
        Edges, each with as few digits as tell its two neighbours apart.

    Example:
        >>> round_edges([20.0, 31.25, 47.5], [31.25, 47.5])
        [30.0, 40.0]
    """
    known = np.unique(np.asarray(numbers, dtype=np.float64))
    below = known[np.searchsorted(known, edges) - 1].tolist()
    return [_roundest(low, high) for low, high in zip(below, edges, strict=True)]


def _roundest(low: float, high: float) -> float:
    """The number of fewest digits above `low` and up to `high`, the largest of them."""
    exact = Decimal(repr(high))
    for digits in range(17):
        step = Decimal(1).scaleb(exact.adjusted() - digits)
        held = float((exact / step).to_integral_value(ROUND_FLOOR) * step)
        if low < held <= high:
            return held
    return high
