"""Columns of numbers and codes: how they may change, how far apart rows are, and what is near."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

from auditkit.methods.estimates import FloatArray, IntArray

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Column:
    """How one column may change.

    Attributes:
        values: Values that are tried: numbers in rising order, or codes of categories; none where
            it stays as it is.
        per_unit: Distance of a change by 1; None for a category, every change of which is 1.
        direction: 1 where a number may only rise, -1 where it may only fall, else 0.
        low: Least number that it may be changed to.
        high: Greatest one.
        whole: Whether it holds whole numbers only.
        levels: The only values that it may take, rising; None where all between are possible.

    Example:
        >>> age = Column(np.array([30.0, 50.0]), 0.1, direction=1, whole=True)
        >>> age.allows(np.array([40.0, np.nan]), 50.0).tolist()
        [True, False]
    """

    values: FloatArray
    per_unit: float | None = None
    direction: int = 0
    low: float = -np.inf
    high: float = np.inf
    whole: bool = False
    levels: FloatArray | None = None

    def allows(self, before: FloatArray, value: float) -> BoolArray:
        """Whether what stood there may be changed to a value: what is missing stays missing."""
        allowed = np.isfinite(before) & (before != value) & (self.low <= value <= self.high)
        if self.direction:
            allowed &= self.direction * (value - before) > 0
        return np.asarray(allowed)

    def distance(self, before: FloatArray, after: FloatArray) -> FloatArray:
        """Distance of two values; between a missing one and another it is 1."""
        gone = np.isnan(before), np.isnan(after)
        if self.per_unit is None:
            apart = (before != after).astype(np.float64)
        else:
            apart = np.abs(np.where(before == after, 0.0, after - before)) * self.per_unit
        known = np.where(gone[0] | gone[1], 1.0, apart)
        return np.asarray(np.where(gone[0] & gone[1], 0.0, known), dtype=np.float64)

    def middle(self, near: FloatArray, far: FloatArray) -> FloatArray:
        """A value halfway that the column may take; `far` itself where none lies between."""
        if self.levels is not None:
            first = np.searchsorted(self.levels, np.minimum(near, far), side="right")
            last = np.searchsorted(self.levels, np.maximum(near, far), side="left") - 1
            place = np.clip((first + last) // 2, 0, len(self.levels) - 1)
            middle, is_one = self.levels[place], first <= last
        else:
            middle = near + (far - near) / 2
            middle = np.floor(middle) if self.whole else middle
            is_one = (middle - near) * (middle - far) < 0
        is_one = is_one & (self.low <= middle) & (middle <= self.high)
        return np.where(is_one, middle, far)


def distances(before: FloatArray, after: FloatArray, columns: Sequence[Column]) -> FloatArray:
    """Distance of rows from what they were, column by column; see `Column.distance`.

    Example:
        >>> held = [Column(np.empty(0), 0.5), Column(np.empty(0))]
        >>> distances(np.array([[1.0, 2.0]]), np.array([[4.0, 3.0]]), held).tolist()
        [[1.5, 1.0]]
    """
    apart = np.zeros(before.shape)
    for j, column in enumerate(columns):
        apart[:, j] = column.distance(before[:, j], after[:, j])
    return apart


@dataclass(frozen=True, eq=False)
class Data:
    """Rows that are usual, which changed rows should stay near to.

    Attributes:
        rows: Shape (r, d): the rows, at least one.
        columns: The d columns.
        own: Shape (n,): place among them of each row that is searched, -1 where it is none of
            them; None where none is. No row is near for being near to itself.
        reach: How far from the nearest of them a row is still near.
    """

    rows: FloatArray
    columns: Sequence[Column]
    own: IntArray | None = None
    reach: float = np.inf

    def from_nearest(self, rows: FloatArray, owner: IntArray) -> FloatArray:
        """Distance of each row from the nearest of these.

        A missing number stands at the median of its column, and 1 from one that is known.

        Args:
            rows: Shape (s, d).
            owner: Shape (s,): the row that each was made of.

        Returns:
            Shape (s,).

        Example:
            >>> held = Data(np.array([[3.0], [4.0]]), [Column(np.empty(0), 0.5)])
            >>> held.from_nearest(np.array([[1.0], [9.0]]), np.array([0, 0])).tolist()
            [1.0, 2.5]
        """
        (numbers, kinds), (others, of_others) = self._points(rows), self._points(self.rows)
        apart = np.empty(len(rows))
        for start in range(0, len(rows), 512):
            span = slice(start, start + 512)
            both = cdist(numbers[span], others, "cityblock")
            both += kinds.shape[1] * cdist(kinds[span], of_others, "hamming")
            if self.own is not None:
                own = self.own[owner[span]]
                both[np.flatnonzero(own >= 0), own[own >= 0]] = np.inf
            apart[span] = both.min(axis=1)
        return apart

    def _points(self, rows: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Numbers in units of distance, and what is equal or not; each with one column of zeros."""
        numbers, kinds = [np.zeros(len(rows))], [np.zeros(len(rows))]
        for j, column in enumerate(self.columns):
            gone = np.isnan(rows[:, j])
            if column.per_unit is None:
                kinds.append(np.where(gone, -1.0, rows[:, j]))
                continue
            known = self.rows[np.isfinite(self.rows[:, j]), j]
            middle = float(np.median(known)) if known.size else 0.0
            numbers.append(np.where(gone, middle, rows[:, j]) * column.per_unit)
            kinds.append(gone.astype(np.float64))
        return np.column_stack(numbers), np.column_stack(kinds)

    def has_near(self, rows: FloatArray, owner: IntArray) -> BoolArray:
        """Whether each row is near, shape (s,)."""
        return np.asarray(self.from_nearest(rows, owner) <= self.reach)
