"""The numbers at which a feature is looked at: plain, and none of them that of a single row."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from auditkit.methods.estimates import FloatArray, IntArray


def grid(numbers: npt.ArrayLike, most: int = 10, least: int = 10) -> FloatArray:
    """Choose rising numbers between which about equally many rows lie.

    The ends are the numbers that `least` rows reach or pass. A number that many rows share takes
    one place only, and the others are made of the rows that are left, so that a long tail behind
    it is still looked at.

    Args:
        numbers: Shape (n,): values of a feature; those that are not finite are passed over.
        most: Most steps from one number to the next.
        least: Rows that each step rests on, and that a number is shared by unless it is rounded,
            to between a hundredth and a tenth of the distance to the next one.

    Returns:
        At most `most` + 1 numbers; fewer than 2 where there are too few rows or values.

    Example:
        >>> grid(np.arange(100), most=4).tolist()
        [9.0, 32.0, 55.0, 77.0, 90.0]
        >>> grid([0] * 90 + list(range(1000, 1100, 2)), most=4).tolist()
        [0.0, 1024.0, 1050.0, 1074.0, 1080.0]
    """
    x = np.asarray(numbers, dtype=np.float64)
    x = np.sort(x[np.isfinite(x)])
    if x.size < 2 * least:
        return np.empty(0)
    return _thick(_rounded(_chosen(x, most, least), x, least), x, least)


def steps_of(numbers: npt.ArrayLike, edges: FloatArray) -> IntArray:
    """Say between which two numbers of a grid each row lies; those beyond are at the ends.

    Args:
        numbers: Shape (n,): values of the feature, finite.
        edges: Shape (k + 1,): the grid, at least 2 numbers.

    Returns:
        Shape (n,): step i leads from edge i, left out, to edge i + 1, which belongs to it.

    Example:
        >>> steps_of([-5, 0, 1, 2, 9], np.array([0.0, 1.0, 3.0])).tolist()
        [0, 0, 0, 1, 1]
    """
    place = np.searchsorted(edges, np.asarray(numbers, dtype=np.float64), side="left")
    steps: IntArray = np.clip(place, 1, edges.size - 1).astype(np.int64) - 1
    return steps


def _chosen(x: FloatArray, most: int, least: int) -> FloatArray:
    lowest, highest = float(x[least - 1]), float(x[-least])
    found, left = [lowest], x[x > lowest]
    for steps in range(most, 0, -1):
        if left.size == 0 or found[-1] >= highest:
            break
        take = min(left.size, max(least, math.ceil(left.size / steps)))
        found.append(min(float(left[take - 1]), highest))
        left = left[left > found[-1]]
    return np.array(found)


def _rounded(edges: FloatArray, x: FloatArray, least: int) -> FloatArray:
    """Round the numbers that fewer than `least` rows share."""
    if edges.size < 2:
        return edges
    gaps = np.diff(edges)
    nearest = np.minimum(np.append(gaps[0], gaps), np.append(gaps, gaps[-1]))
    digits = [1 - math.floor(math.log10(gap)) for gap in nearest.tolist()]
    rounded = np.array(list(map(round, edges.tolist(), digits)))
    sharing = np.searchsorted(x, edges, side="right") - np.searchsorted(x, edges, side="left")
    return np.unique(np.where(sharing >= least, edges, rounded))


def _thick(edges: FloatArray, x: FloatArray, least: int) -> FloatArray:
    """Leave out inner numbers until every step rests on `least` rows."""
    while edges.size > 2:
        rows = np.bincount(steps_of(x, edges), minlength=edges.size - 1)
        thin = int(rows.argmin())
        if rows[thin] >= least:
            break
        edges = np.delete(edges, max(1, thin))
    return edges
