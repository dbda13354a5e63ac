"""Whether scores can be read as probabilities: squared error, mean error, and error by bin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit.methods import intervals
from auditkit.methods.estimates import Estimate, FloatArray
from auditkit.methods.weighting import bounded_weighted_mean, effective_counts

#: Why scores cannot be held against frequencies.
NO_PROBABILITIES = "the scores are no probabilities: some lie outside 0 to 1"


@dataclass(frozen=True, slots=True)
class Bin:
    """Rows with neighbouring scores.

    Attributes:
        n: Rows in the bin, at least 1.
        mean_score: Their mean score.
        observed_rate: Share of them whose outcome is positive.
        low: Lower Wilson bound of that share.
        high: Upper Wilson bound of that share.
    """

    n: int
    mean_score: float
    observed_rate: float
    low: float
    high: float


def brier_score(
    y_true: npt.ArrayLike,
    y_score: npt.ArrayLike,
    level: float = 0.95,
    weights: npt.ArrayLike | None = None,
) -> Estimate:
    """Mean squared difference of score and outcome.

    Args:
        y_true: Shape (n,): true outcomes, 0 or 1.
        y_score: Shape (n,): probabilities of the positive outcome.
        level: Two-sided confidence level, in (0, 1).
        weights: Shape (n,): weights above 0; None where every row counts the same.

    Returns:
        The score, 0 for perfect foresight; undefined where there are no rows or the scores are
        no probabilities.

    Source:
        Brier (1950), Mon. Weather Rev. 78:1.

    Example:
        >>> round(brier_score([1, 0], [0.8, 0.4]).value, 3)
        0.1
    """
    y, score = np.asarray(y_true, dtype=np.float64), np.asarray(y_score, dtype=np.float64)
    if not are_probabilities(score):
        return Estimate.undefined(NO_PROBABILITIES)
    return bounded_weighted_mean((score - y) ** 2, weights, level, 0.0, 1.0)


def calibration_in_the_large(
    y_true: npt.ArrayLike,
    y_score: npt.ArrayLike,
    level: float = 0.95,
    weights: npt.ArrayLike | None = None,
) -> Estimate:
    """Mean outcome minus mean score: above 0 where the scores promise too little.

    Args:
        y_true: Shape (n,): true outcomes, 0 or 1.
        y_score: Shape (n,): probabilities of the positive outcome.
        level: Two-sided confidence level, in (0, 1).
        weights: Shape (n,): weights above 0; None where every row counts the same.

    Returns:
        The difference, in [-1, 1]; undefined where there are no rows or the scores are no
        probabilities.

    Example:
        >>> round(calibration_in_the_large([1, 0], [0.8, 0.4]).value, 3)
        -0.1
    """
    y, score = np.asarray(y_true, dtype=np.float64), np.asarray(y_score, dtype=np.float64)
    if not are_probabilities(score):
        return Estimate.undefined(NO_PROBABILITIES)
    return bounded_weighted_mean(y - score, weights, level, -1.0, 1.0)


def calibration_bins(
    y_true: npt.ArrayLike,
    y_score: npt.ArrayLike,
    bins: int = 10,
    level: float = 0.95,
    weights: npt.ArrayLike | None = None,
) -> tuple[Bin, ...]:
    """Mean score against observed rate, in bins of about equally many rows.

    Equal scores are never parted, so that the order of rows does not matter; where many are
    equal there are fewer bins.

    Args:
        y_true: Shape (n,): true outcomes, 0 or 1.
        y_score: Shape (n,): finite scores.
        bins: Most bins, at least 1.
        level: Two-sided level of the interval of each observed rate, in (0, 1).
        weights: Shape (n,): weights above 0; None where every row counts the same. The bins still
            have about equally many rows; what is in them is weighted.

    Returns:
        The bins that have rows, from low to high scores.

    Example:
        >>> [(b.n, b.observed_rate) for b in calibration_bins([0, 0, 1, 1], [0, 0.1, 0.8, 1], 2)]
        [(2, 0.0), (2, 1.0)]
    """
    y, score = np.asarray(y_true, dtype=np.float64), np.asarray(y_score, dtype=np.float64)
    if score.size == 0:
        return ()
    edges = np.unique(np.quantile(score, np.arange(1, bins) / bins, method="inverted_cdf"))
    place = np.searchsorted(edges, score, side="left")
    w = np.ones_like(score) if weights is None else np.asarray(weights, dtype=np.float64)

    def added(values: FloatArray) -> FloatArray:
        return np.bincount(place, weights=values, minlength=edges.size + 1).astype(np.float64)

    n, mass, total = np.bincount(place, minlength=edges.size + 1), added(w), added(w * score)
    counts: tuple[FloatArray, FloatArray] = (added(y), mass)
    if weights is not None:
        lost = 1 - y
        counts = effective_counts(
            added(w * y), added(w**2 * y), added(w * lost), added(w**2 * lost)
        )
    low, high = intervals.wilson(*counts, level)
    return tuple(
        Bin(
            n=int(n[i]),
            mean_score=float(total[i] / mass[i]),
            observed_rate=float(counts[0][i] / counts[1][i]),
            low=float(low[i]),
            high=float(high[i]),
        )
        for i in np.flatnonzero(n)
    )


def are_probabilities(scores: npt.ArrayLike) -> bool:
    """Whether every score lies in [0, 1]; a NaN does not.

    Example:
        >>> are_probabilities([0.0, 1.0]), are_probabilities([1.2]), are_probabilities([])
        (True, False, True)
    """
    values: FloatArray = np.asarray(scores, dtype=np.float64)
    return bool(np.all((values >= 0) & (values <= 1)))
