"""Cutting numbers into bands of about equally many rows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def quantile_edges(numbers: npt.ArrayLike, bands: int) -> list[float]:
    """Inner edges of bands of about equally many numbers.

    Args:
        numbers: Shape (n,): numbers; those that are not finite are passed over.
        bands: Most bands, at least 2.

    Returns:
        Rising edges, at most bands - 1, each the lower end of a band; every band holds a number.
        None of them where there are fewer than 2 different numbers.

    Example:
        >>> quantile_edges([1, 2, 3, 4, 5, 6, 7, 8], 4)
        [3.0, 5.0, 7.0]
        >>> quantile_edges([0, 0, 0, 0, 0, 9], 4)
        [9.0]
    """
    x = np.asarray(numbers, dtype=np.float64)
    x = x[np.isfinite(x)]
    if x.size == 0:
        return []
    inner = np.quantile(x, np.arange(1, bands) / bands, method="higher")
    edges = [edge for edge in np.unique(inner).tolist() if edge > x.min()]
    return edges or np.unique(x)[1:2].tolist()
