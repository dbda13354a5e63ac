"""How the values of one feature are spread over rows, in bins that show no single row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from auditkit.methods.shapley_game import Floats

#: Fewest rows of a bin that may show their mean rank.
FEWEST_SHOWN = 5
#: Most bins of a feature.
MOST_BINS = 30


@dataclass(frozen=True, slots=True)
class Bin:
    """Rows whose value of one player lies in a range.

    Attributes:
        low: Lower edge.
        high: Upper edge.
        count: Rows in it, more than 0.
        mean_rank: Mean rank in [0, 1] of the feature's own values, or None where fewer than
            `FEWEST_SHOWN` rows have one.
    """

    low: float
    high: float
    count: int
    mean_rank: float | None


def density(values: Floats, ranks: Floats | None, width: float) -> list[Bin]:
    """Count values in at most `MOST_BINS` bins, without showing any single one.

    Args:
        values: Shape (m,): the values of one player.
        ranks: Shape (m,): rank in [0, 1] of the feature's own value, NaN where it has none; None
            for a category, which has no order.
        width: Least width of a bin, above 0.

    Returns:
        The bins that hold a row, from low to high; edges are multiples of the bins' width.

    Example:
        >>> [b.count for b in density(np.array([0.0, 0.01, 0.5]), None, 0.1)]
        [2, 1]
    """
    if len(values) == 0:
        return []
    width = max(width, float(np.ptp(values)) / (MOST_BINS - 1))
    places = np.floor(values / width).astype(np.int64)
    bins = []
    for place in np.unique(places):
        inside = places == place
        known = np.zeros(0) if ranks is None else ranks[inside][~np.isnan(ranks[inside])]
        shown = float(known.mean()) if len(known) >= FEWEST_SHOWN else None
        bins.append(Bin(float(place * width), float((place + 1) * width), int(inside.sum()), shown))
    return bins
