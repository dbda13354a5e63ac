"""What follows from scores by bin: ranking, the ROC curve, KS, calibration, ABROCA.

A bin may hold equal scores only, and then everything is exact; or neighbouring ones, and then each
number comes with a bound: how far the number of the rows themselves can be from it, at most.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from auditkit.evidence import Interval
from auditkit.methods.estimates import Estimate, FloatArray, IntArray

#: Behind the method of an interval that allows for bins.
FOR_BINS = ", widened by what bins hide at most"


@dataclass(frozen=True, slots=True)
class Bounded:
    """A number made of bins.

    Attributes:
        value: The number.
        bound: How much the number of the rows can differ from it, at most; 0 where it is exact.
    """

    value: float
    bound: float


@dataclass(frozen=True)
class Histogram:
    """Scores of one group by outcome, in bins that rise with the score.

    Attributes:
        positives: Shape (b,): rows of positive outcome in each bin, or their weight.
        negatives: Shape (b,): rows of negative outcome, likewise.
        score_sum: Shape (b,): sum of the scores in each bin.
        exact: Whether the scores of a bin are all equal: of every bin, or for each, shape (b,).

    Example:
        >>> held = distinct_scores([0, 1, 0, 1], [0.1, 0.5, 0.5, 0.9])
        >>> held.positives.tolist(), held.negatives.tolist(), held.mean_score
        ([0.0, 1.0, 1.0], [1.0, 1.0, 0.0], 0.5)
    """

    positives: FloatArray
    negatives: FloatArray
    score_sum: FloatArray
    exact: bool | npt.NDArray[np.bool_]

    @property
    def rows(self) -> float:
        """Rows of both outcomes, or their weight."""
        return float(self.positives.sum() + self.negatives.sum())

    @property
    def both(self) -> bool:
        """Whether both outcomes are there, without which there is no curve."""
        return bool(self.positives.any() and self.negatives.any())

    @property
    def mean_score(self) -> float:
        """Mean score, which bins do not blur; NaN without rows."""
        return float(self.score_sum.sum() / self.rows) if self.rows else float("nan")


def distinct_scores(
    y_true: npt.ArrayLike, y_score: npt.ArrayLike, weights: npt.ArrayLike | None = None
) -> Histogram:
    """Scores of rows, a bin for each distinct score: what follows is exact.

    Args:
        y_true: Shape (n,): true outcomes, 0 or 1.
        y_score: Shape (n,): finite scores.
        weights: Shape (n,): weights above 0; None where every row counts the same.

    Returns:
        The histogram, of as many bins as there are distinct scores.
    """
    y, score = np.asarray(y_true, dtype=np.float64), np.asarray(y_score, dtype=np.float64)
    w = np.ones_like(score) if weights is None else np.asarray(weights, dtype=np.float64)
    distinct, place = np.unique(score, return_inverse=True)

    def added(held: FloatArray) -> FloatArray:
        return np.bincount(place, weights=held, minlength=distinct.size).astype(np.float64)

    return Histogram(added(w * y), added(w * (1 - y)), added(w * score), exact=True)


def auc(held: Histogram) -> Bounded:
    """Area under the ROC curve; ties, and scores in the same bin, count one half.

    Args:
        held: Scores of both outcomes.

    Returns:
        The area. Rows in one bin may be in any order, so the true area lies within
        sum(p n) / (2 P N) of it.

    Raises:
        ValueError: If an outcome is missing.

    Example:
        >>> auc(Histogram(np.array([0.0, 2.0]), np.array([1.0, 1.0]), np.zeros(2), exact=False))
        Bounded(value=0.75, bound=0.25)
    """
    p, n = _totals(held)
    below = np.cumsum(held.negatives) - held.negatives / 2
    return Bounded(float((held.positives * below).sum() / (p * n)), _hidden(held))


def ks(held: Histogram) -> Bounded:
    """Largest distance of the score distributions of positives and negatives.

    Args:
        held: Scores of both outcomes.

    Returns:
        The distance at the ends of bins; the true one lies no lower, and above it by at most
        max(min(p / P, n / N)): within a bin the distance rises by the whole share of one outcome
        at most, and ends up where the shares of both have taken it.

    Raises:
        ValueError: If an outcome is missing.

    Example:
        >>> ks(Histogram(np.array([0.0, 2.0]), np.array([1.0, 1.0]), np.zeros(2), exact=False))
        Bounded(value=0.5, bound=0.5)
    """
    p, n = _totals(held)
    apart = float(np.abs(np.cumsum(held.positives) / p - np.cumsum(held.negatives) / n).max())
    most = np.minimum(held.positives / p, held.negatives / n)
    return Bounded(apart, float(np.where(held.exact, 0.0, most).max()))


def roc(held: Histogram) -> tuple[FloatArray, FloatArray]:
    """False and true positive rates at the ends of bins, from (0, 0) to (1, 1).

    Args:
        held: Scores of both outcomes.

    Returns:
        Both of shape (b + 1,). The true curve passes through each of these points.

    Raises:
        ValueError: If an outcome is missing.
    """
    _totals(held)
    return _risen(held.negatives), _risen(held.positives)


def thinned(fpr: FloatArray, tpr: FloatArray, points: int) -> IntArray:
    """Places of the points of a curve to keep, evenly along it, both ends among them.

    Example:
        >>> thinned(np.linspace(0, 1, 101), np.linspace(0, 1, 101), 3).tolist()
        [0, 50, 100]
    """
    wanted = np.searchsorted(fpr + tpr, np.linspace(0, 2, points) * (1 - 1e-12))
    kept = np.unique(np.minimum(wanted, fpr.size - 1))
    kept[-1] = fpr.size - 1
    return np.asarray(kept, dtype=np.int64)


def calibration_error(held: Histogram, parts: IntArray) -> float:
    """Expected calibration error over wider bins: mean distance of scores and outcomes in them.

    Args:
        held: Scores of at least one row.
        parts: Shape (b,): the wider bin that each bin lies in, from 0.

    Returns:
        The error, exact for these wider bins whatever lies in the narrow ones; biased upward, see
        `auditkit.methods.calibration.expected_calibration_error`.

    Example:
        >>> held = distinct_scores([0, 1, 1], [0.1, 0.3, 0.8])
        >>> round(calibration_error(held, np.array([0, 0, 1])), 4)
        0.2667
    """
    distance = np.bincount(parts, weights=held.positives - held.score_sum)
    return float(np.abs(distance).sum() / held.rows)


def abroca(first: Histogram, second: Histogram) -> Bounded:
    """Absolute area between the ROC curves of two groups.

    Args:
        first: Scores of one group, of both outcomes.
        second: Scores of another group.

    Returns:
        The area, from 0 for equal curves. Within a bin the true curve leaves the straight line by
        at most half of the box that the bin spans: as distributions on the box, the two are no
        further apart (in the sense of Wasserstein) than all mass at one end is from even mass. So
        the bound is the sum of the bounds of both areas under the curve.

    Raises:
        ValueError: If an outcome is missing.

    Source:
        Gardner, Brooks and Baker (2019), LAK '19: 225, who hold a group against the majority.

    Example:
        >>> right = distinct_scores([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9])
        >>> wrong = distinct_scores([0, 0, 1, 1], [0.1, 0.8, 0.2, 0.9])
        >>> abroca(right, wrong).value
        0.25
    """
    curves = [roc(first), roc(second)]
    at = np.unique(np.concatenate([fpr for fpr, _ in curves]))
    starts, ends = (_apart(curves, at, side) for side in ("right", "left"))
    start, end = starts[:-1], ends[1:]  # limits at the inner sides of each interval
    total = np.abs(start) + np.abs(end)
    crossing = start * end < 0
    squares = np.divide(start**2 + end**2, total, out=np.zeros_like(total), where=total > 0)
    means = np.where(crossing, squares, total) / 2
    return Bounded(float((np.diff(at) * means).sum()), _hidden(first) + _hidden(second))


def bound_words(bound: float) -> str:
    """Say how far bins can move a number, rounded up.

    Example:
        >>> bound_words(0.0), bound_words(0.000132)
        ('exact, no binning', 'binning moves it by at most 0.00014')
    """
    if bound == 0:
        return "exact, no binning"
    unit = 10.0 ** (np.floor(np.log10(bound)) - 1)
    return f"binning moves it by at most {np.ceil(bound / unit) * unit:.2g}"


def widened(found: Estimate, bound: float) -> Estimate:
    """Allow in the interval of a number in [0, 1] for what bins hide.

    Args:
        found: The number, as if every score lay where its bin has it.
        bound: How far the number of the rows can be from it, at most.

    Returns:
        The number, with both ends of its interval moved by the bound.

    Example:
        >>> from auditkit.evidence import Interval
        >>> widened(Estimate(0.7, Interval(0.6, 0.8, 0.95, "DeLong")), 0.5).interval.high
        1.0
    """
    held = found.interval
    if held is None or bound == 0:
        return found
    low, high = max(0.0, held.low - bound), min(1.0, held.high + bound)
    return replace(found, interval=Interval(low, high, held.level, f"{held.method}{FOR_BINS}"))


def _apart(curves: list[tuple[FloatArray, FloatArray]], at: FloatArray, side: str) -> FloatArray:
    """Difference of two curves at rates; where one rises there, its limit from that side."""
    first, second = (_limits(*curve, at, right=side == "right") for curve in curves)
    return first - second


def _limits(fpr: FloatArray, tpr: FloatArray, at: FloatArray, *, right: bool) -> FloatArray:
    if right:
        near = np.searchsorted(fpr, at, side="right") - 1
        other = np.minimum(near + 1, fpr.size - 1)
    else:
        near = np.searchsorted(fpr, at, side="left")
        other = np.maximum(near - 1, 0)
    width = fpr[other] - fpr[near]
    part = np.divide(at - fpr[near], width, out=np.zeros_like(at), where=width != 0)
    return tpr[near] + part * (tpr[other] - tpr[near])


def _totals(held: Histogram) -> tuple[float, float]:
    if not held.both:
        raise ValueError("both outcomes are needed")
    return float(held.positives.sum()), float(held.negatives.sum())


def _hidden(held: Histogram) -> float:
    """How far the area under the curve can be off: half of the boxes that bins span."""
    p, n = _totals(held)
    boxes = np.where(held.exact, 0.0, held.positives * held.negatives)
    return float(boxes.sum() / (2 * p * n))


def _risen(held: FloatArray) -> FloatArray:
    """Share from each score upwards, from none to all."""
    total = np.concatenate([[0.0], np.cumsum(held[::-1])])
    return np.asarray(total / total[-1])
