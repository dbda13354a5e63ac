"""Rows of numbers and categories as points, so that like rows lie near each other."""

from __future__ import annotations

import numpy as np

from auditkit.methods.estimates import FloatArray, IntArray


def of_numbers(values: FloatArray) -> FloatArray:
    """A number as one coordinate, or two where some are missing.

    Args:
        values: Shape (n,): the number; NaN and infinite ones are missing.

    Returns:
        Shape (n, c): the number with mean 0 and standard deviation 1, a missing one at the mean;
        then whether it is missing, if that differs between rows. Nothing where it is constant.

    Example:
        >>> of_numbers(np.array([2.0, 4.0, np.nan])).tolist()
        [[-1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
        >>> of_numbers(np.array([2.0, 2.0])).shape
        (2, 0)
    """
    known = np.isfinite(values)
    kept = values[known]
    largest = np.abs(kept).max(initial=0.0) or 1.0
    scaled = np.where(known, values, 0.0) / largest  # so that no square overflows
    centre, spread = (scaled[known].mean(), scaled[known].std()) if kept.size else (0.0, 0.0)
    columns = []
    if spread > 0:
        columns.append(np.where(known, (scaled - centre) / spread, 0.0))
    if 0 < kept.size < values.size:
        columns.append((~known).astype(np.float64))
    return np.column_stack(columns) if columns else np.empty((values.size, 0))


def of_categories(codes: IntArray, most: int) -> FloatArray:
    """A category as one coordinate for each: two different ones are always the same way apart.

    That way is the root of 2: as far, root mean square, as two random rows are in a number of
    standard deviation 1.

    Args:
        codes: Shape (n,): the category of each row, from 0; missing is one of them.
        most: Most categories that are told apart; all rarer ones are one.

    Returns:
        Shape (n, c). Nothing where there is one category.

    Example:
        >>> of_categories(np.array([0, 1, 0]), 10).tolist()
        [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]
    """
    counts = np.bincount(codes)
    frequent = np.sort(np.argsort(-counts, kind="stable")[:most])
    frequent = frequent[counts[frequent] > 0]
    points = (codes[:, None] == frequent).astype(np.float64)
    other = points.sum(axis=1) == 0
    if other.any():
        points = np.column_stack([points, other])
    return points if points.shape[1] > 1 else np.empty((codes.size, 0))
