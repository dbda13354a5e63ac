"""How far rows reach: numbers far from the others, and the time that they span."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from auditkit.evidence import Metric
from auditkit.methods.estimates import FloatArray

#: Interquartile ranges beyond a quartile from which a number is far out.
#: Tukey (1977), Exploratory Data Analysis, section 2D.
FAR = 3.0

OUTLYING = Metric(
    "outlying_rows_share",
    "Rows with a number far from the others",
    "Share of assessed rows in which some number that the model reads lies more than 3 "
    "interquartile ranges beyond the quartiles of its column.",
    "rate",
    better="lower",
    low=0.0,
    high=1.0,
)
SPAN = Metric(
    "time_span_days",
    "Time that the rows span",
    "Days from the earliest to the latest assessed row, by the column of time that was named.",
    "days",
    low=0.0,
)
UNREADABLE = Metric(
    "time_unreadable_share",
    "Rows without a readable time",
    "Share of assessed rows whose time is missing or no date by ISO 8601, year or year and month.",
    "rate",
    better="lower",
    low=0.0,
    high=1.0,
)
METRICS = (OUTLYING, SPAN, UNREADABLE)


def far_out(values: npt.ArrayLike) -> npt.NDArray[np.bool_] | None:
    """Which numbers lie more than 3 interquartile ranges beyond the quartiles.

    Args:
        values: Shape (n,); NaN where there is none.

    Returns:
        Shape (n,), False where there is no number; None where half of the numbers are equal, so
        that there is no range to measure by.

    Source:
        Tukey (1977), Exploratory Data Analysis: the outer fences.

    Example:
        >>> far_out([1, 2, 3, 4, 5, 40]).tolist()
        [False, False, False, False, False, True]
        >>> far_out([0, 0, 0, 0, 9]) is None
        True
    """
    numbers: FloatArray = np.asarray(values, dtype=np.float64)
    there = numbers[np.isfinite(numbers)]
    if there.size == 0:
        return None
    low, high = np.quantile(there, [0.25, 0.75])
    if not high > low:
        return None
    far = FAR * (high - low)
    with np.errstate(invalid="ignore"):
        found: npt.NDArray[np.bool_] = (numbers < low - far) | (numbers > high + far)
    return found
