"""Does a score only rise, or only fall, along a feature? Row by row, with all else fixed.

A row breaks the direction where a higher value of the feature gives it a lower score than some
lower value did. What counts is the largest fall between any two values, not only neighbours, so
that a slow fall over many steps is one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from auditkit.evidence import Interval
from auditkit.methods.estimates import Estimate, FloatArray, IntArray
from auditkit.methods.gaps import shared_level

#: Why a mean change has no interval.
NO_SPREAD = "the score of every row changes alike"


def largest_falls(answers: FloatArray) -> FloatArray:
    """Largest fall of each row from a point to any later one.

    Args:
        answers: Shape (n, g): answers for n rows at g rising values of a feature; negated where
            they should fall.

    Returns:
        Shape (n,): the fall, 0 where the answers only rise.

    Example:
        >>> largest_falls(np.array([[0.1, 0.2, 0.4], [0.5, 0.3, 0.4], [0.4, 0.5, 0.1]])).round(2)
        array([0. , 0.2, 0.4])
    """
    found: FloatArray = (np.maximum.accumulate(answers, axis=1) - answers).max(axis=1)
    return found


@dataclass(frozen=True)
class Fall:
    """The two values of a feature between which rows fall most.

    Attributes:
        first: Place of the lower value.
        second: Place of the higher value.
        n: Rows whose answer falls by over the tolerance between them.
        change: Mean change of the answer over all rows, negative where it falls; its interval
            holds together for all pairs of values, so that the worst may be picked out.
    """

    first: int
    second: int
    n: int
    change: Estimate


def worst_fall(answers: FloatArray, tolerance: float, level: float = 0.95) -> Fall:
    """Find the two values between which the rows that fall do so most, all in all.

    Args:
        answers: As in `largest_falls`; 2 values or more.
        tolerance: A fall of no more than this does not count.
        level: Level that the intervals of all pairs hold together, in (0, 1).

    Returns:
        The pair with the largest sum of falls; the first of equal ones.

    Example:
        >>> fall = worst_fall(np.array([[0.1, 0.5, 0.2], [0.3, 0.4, 0.2], [0.1, 0.2, 0.3]]), 0.01)
        >>> fall.first, fall.second, fall.n, round(fall.change.value, 3)
        (1, 2, 2, -0.133)
    """
    pairs = _pairs(answers.shape[1])
    sums = [float(np.maximum(answers[:, i] - answers[:, j], 0.0).sum()) for i, j in pairs]
    first, second = pairs[int(np.argmax(sums))].tolist()
    change = answers[:, second] - answers[:, first]
    return Fall(first, second, int((change < -tolerance).sum()), _mean(change, level, len(pairs)))


def reversed_fall(fall: Fall) -> Fall:
    """The fall of answers that were negated, as a rise of what they were.

    Example:
        >>> found = worst_fall(-np.array([[0.1, 0.2], [0.2, 0.5]]), 0.01)
        >>> round(reversed_fall(found).change.value, 2)
        0.2
    """
    held, bounds = fall.change, fall.change.interval
    if held.value is None:
        return fall
    if bounds is not None:
        bounds = Interval(-bounds.high, -bounds.low, bounds.level, bounds.method)
    return Fall(fall.first, fall.second, fall.n, Estimate(-held.value, bounds, held.reason))


def _pairs(points: int) -> IntArray:
    found: IntArray = np.column_stack(np.triu_indices(points, 1)).astype(np.int64)
    return found


def _mean(change: FloatArray, level: float, pairs: int) -> Estimate:
    n, value = change.size, float(change.mean())
    deviation = float(change.std(ddof=1)) if n > 1 else 0.0
    if deviation <= 1e-12:
        return Estimate(value, None, NO_SPREAD)
    quantile = float(special.stdtrit(n - 1, (1 + shared_level(level, pairs)) / 2))
    arm = quantile * deviation / float(np.sqrt(n))
    method = "Student's t" + (f", Bonferroni over {pairs} pairs of values" if pairs > 1 else "")
    return Estimate(value, Interval(value - arm, value + arm, level, method))


def unseen(n: int, level: float = 0.95) -> float:
    """Largest share of rows that may be worse than the worst of n rows drawn at random.

    Args:
        n: Rows drawn, at least 1.
        level: One-sided confidence level, in (0, 1).

    Returns:
        The share.

    Example:
        >>> round(unseen(1000), 4)
        0.003
    """
    return float(1 - (1 - level) ** (1 / n))
