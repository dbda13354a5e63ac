"""The table of counts that every count metric is made of, and the rates that it holds.

Rows are counted once, by their groups, true outcome and decision. Selection rates, error rates,
accuracy and whatever else depends on counts only are then sums over a few cells, whatever the
number of rows, and wherever the cells were counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from auditkit.evidence import Better, Metric
from auditkit.methods.estimates import FloatArray, IntArray
from auditkit.methods.sums import BOTH, PROTECTED, WEIGHTED, Doubt, Sums

T = TypeVar("T", np.int64, np.float64)
#: Which of the four cells [true outcome][decision] count.
Mask = tuple[tuple[int, int], tuple[int, int]]

_ALL: Mask = ((1, 1), (1, 1))
_POSITIVE: Mask = ((0, 0), (1, 1))
_NEGATIVE: Mask = ((1, 1), (0, 0))
_SELECTED: Mask = ((0, 1), (0, 1))
_REJECTED: Mask = ((1, 0), (1, 0))
_TRUE_POSITIVE: Mask = ((0, 0), (0, 1))
_FALSE_POSITIVE: Mask = ((0, 1), (0, 0))
_FALSE_NEGATIVE: Mask = ((0, 0), (1, 0))
_TRUE_NEGATIVE: Mask = ((1, 0), (0, 0))
_RIGHT: Mask = ((1, 0), (0, 1))


@dataclass(frozen=True)
class Cells:
    """How many rows there are of each kind; kinds without a row are left out.

    Attributes:
        columns: The columns whose groups were told apart.
        sizes: Number of groups of each column, the unknown left out.
        codes: Shape (cells, columns): the groups of each cell, -1 for the unknown.
        y_true: Shape (cells,): true outcome, 0 or 1.
        y_pred: Shape (cells,): decision, 0 or 1.
        n: Shape (cells,): rows of each cell; unit: rows. Whole, unless they are protected: then
            they are estimates, of which one may be below 0 for the noise in it.
        weights: Shape (cells,): sum of the weights of each cell, or None where rows have none.
        squares: Shape (cells,): sum of the squared weights of each cell, or None with them.
        doubt: How far protection may have moved each cell, or None where the counts are true.

    Example:
        >>> cells = count_cells({"sex": [0, 1, -1]}, {"sex": 2}, [1, 0, 1], [1, 1, 0])
        >>> cells.table("sex").sum(axis=(1, 2)).tolist()
        [1, 1, 1]
        >>> cells.table().tolist()
        [[0, 1], [1, 1]]
    """

    columns: tuple[str, ...]
    sizes: tuple[int, ...]
    codes: IntArray
    y_true: IntArray
    y_pred: IntArray
    n: IntArray | FloatArray
    weights: FloatArray | None = None
    squares: FloatArray | None = None
    doubt: Doubt | None = None

    @property
    def rows(self) -> int:
        """Rows of all cells; about so many where they are protected."""
        return max(0, round(float(self.n.sum())))

    @property
    def constant(self) -> bool:
        """Whether there are rows, and all get the same decision.

        Of protected counts: whether they leave it possible.
        """
        if self.doubt is None:
            return len(set(self.y_pred[self.n > 0].tolist())) == 1
        held, noise, off = (
            _add(self.y_pred, of, 2) for of in (self.n, self.doubt.variances, self.doubt.bounds)
        )
        return bool(np.any(held - off - 3 * np.sqrt(noise) <= 0))

    def table(self, *columns: str) -> IntArray:
        """Add the cells up over all columns but these.

        Args:
            columns: The columns to keep, in this order; none gives the whole.

        Returns:
            Shape (groups + 1 of each column, 2, 2): rows by groups, true outcome and decision.
            The last entry of each group axis holds the unknown. Groups without a row are there.

        Raises:
            ValueError: If a column was not counted.
        """
        return np.rint(self._added(self.n, columns)).astype(np.int64)

    def sums(self, *columns: str) -> Sums | None:
        """Add the weights up over all columns but these; see `table`.

        Args:
            columns: The columns to keep, in this order; none gives the whole.

        Returns:
            The sums, shaped as the table; None where rows have no weights and no protection.
        """
        if self.weights is None or self.squares is None:
            return self.protected(*columns)
        weights, squares = (self._added(of, columns) for of in (self.weights, self.squares))
        if self.doubt is None or self.doubt.weight_bounds is None:
            return Sums(weights, squares)
        bounds = self._added(self.doubt.weight_bounds, columns)
        return Sums(weights, squares, np.zeros_like(bounds), bounds, BOTH)

    def protected(self, *columns: str) -> Sums | None:
        """Add the rows up with the doubt about them, whatever their weights; see `sums`.

        Returns:
            The sums; None where the counts are true.
        """
        if self.doubt is None:
            return None
        n = self._added(self.n, columns)
        noise, off = (self._added(of, columns) for of in (self.doubt.variances, self.doubt.bounds))
        return Sums(n, n, noise, off, PROTECTED)

    @property
    def how(self) -> str | None:
        """How rows were counted, where they do not simply count one each."""
        if self.doubt is None:
            return None if self.weights is None else WEIGHTED
        return PROTECTED if self.weights is None else BOTH

    def _added(self, held: IntArray | FloatArray, columns: Sequence[str]) -> FloatArray:
        place = [self.columns.index(column) for column in columns]
        shape = (*(self.sizes[i] + 1 for i in place), 2, 2)
        axes = [self.codes[:, i] % (self.sizes[i] + 1) for i in place]  # -1 becomes the last
        flat = np.ravel_multi_index((*axes, self.y_true, self.y_pred), shape)
        return _add(flat, held, int(np.prod(shape))).reshape(shape)


def count_cells(
    codes: Mapping[str, npt.ArrayLike],
    sizes: Mapping[str, int],
    y_true: npt.ArrayLike,
    y_pred: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
    *,
    each: npt.ArrayLike | None = None,
) -> Cells:
    """Count rows by groups, true outcome and decision, in one pass.

    Args:
        codes: Column to the group of each row, shape (n,): 0..size - 1, or -1 where unknown.
        sizes: Column to its number of groups.
        y_true: Shape (n,): true outcomes, 0 or 1.
        y_pred: Shape (n,): decisions, 0 or 1.
        weights: Shape (n,): weights, none negative; None where every row counts the same.
        each: Shape (n,): rows that each entry stands for, where it is a cell that was counted
            before; None where it is a row.

    Returns:
        The cells that have rows, ordered by the columns, the outcome and the decision.

    Raises:
        ValueError: If lengths differ, or a code, outcome or decision is out of range.

    Example:
        >>> count_cells({}, {}, [0, 1, 1], [0, 1, 1]).n.tolist()
        [1, 2]
    """
    wide = [(_codes(codes[name], size, name) + 1, size + 1) for name, size in sizes.items()]
    wide += [(_codes(y_true, 2, "y_true", 0), 2), (_codes(y_pred, 2, "y_pred", 0), 2)]
    rows = len(wide[-1][0])
    if any(len(column) != rows for column, _ in wide):
        raise ValueError("all columns have one entry a row")
    keys, counts, cell = _count_distinct(wide, rows)
    w = None if weights is None else np.asarray(weights, dtype=np.float64)
    if (w is not None and w.shape != (rows,)) or (each is not None and np.size(each) != rows):
        raise ValueError("all columns have one entry a row")
    if each is not None:
        counts = np.rint(_add(cell, np.asarray(each, dtype=np.float64), len(counts)))
    return Cells(
        columns=tuple(sizes),
        sizes=tuple(sizes.values()),
        codes=keys[:, :-2] - 1,
        y_true=keys[:, -2],
        y_pred=keys[:, -1],
        n=counts.astype(np.int64),
        weights=None if w is None else _add(cell, w, len(counts)),
        squares=None if w is None else _add(cell, w**2, len(counts)),
    )


def _count_distinct(
    wide: list[tuple[IntArray, int]], rows: int
) -> tuple[IntArray, IntArray, IntArray]:
    """Count distinct rows of several small-integer columns: keys, counts, and the key of each row.

    Shapes (cells, columns), (cells,) and (rows,).
    """
    key = np.zeros(rows, dtype=np.int64)
    radix = 1
    for column, size in wide:
        key, radix = key * size + column, radix * size
        if radix > 4 * rows + 65_536:  # keep the table that is counted into small
            distinct, key = np.unique(key, return_inverse=True)
            radix = len(distinct)
    counts = np.bincount(key, minlength=radix)
    example = np.zeros(radix, dtype=np.int64)
    example[key] = np.arange(rows)
    seen = np.flatnonzero(counts)
    keys = np.stack([column[example[seen]] for column, _ in wide], axis=1)
    place = np.zeros(radix, dtype=np.int64)
    place[seen] = np.arange(seen.size)
    return keys, counts[seen].astype(np.int64), place[key]


def _add(place: IntArray, held: IntArray | FloatArray, size: int) -> FloatArray:
    return np.bincount(place, weights=held, minlength=size).astype(np.float64)


def _codes(values: npt.ArrayLike, size: int, name: str, lowest: int = -1) -> IntArray:
    given = np.asarray(values)
    codes = given.astype(np.int64)
    if np.any((codes < lowest) | (codes >= size) | (codes != given)):
        raise ValueError(f"{name}: whole numbers in {lowest}..{size - 1} are expected")
    return codes


@dataclass(frozen=True)
class Rate:
    """A share of rows: which cells are counted, out of which.

    Attributes:
        metric: What it means.
        counted: The cells of the numerator.
        among: The cells of the denominator.
        counted_words: The numerator for a reader, for example "selected".
        among_words: The denominator for a reader, for example "positives".

    Example:
        >>> table = np.array([[[40, 10], [5, 45]]])
        >>> successes, totals = RATES["true_positive_rate"].of(table)
        >>> successes.tolist(), totals.tolist()
        ([45], [50])
    """

    metric: Metric
    counted: Mask
    among: Mask
    counted_words: str
    among_words: str

    def of(self, table: npt.NDArray[T]) -> tuple[npt.NDArray[T], npt.NDArray[T]]:
        """Count numerators and denominators.

        Args:
            table: Shape (..., 2, 2): rows, or sums of weights, by true outcome and decision.

        Returns:
            Numerators and denominators, each of shape (...), in the unit of the table.
        """
        won, lost = _sum(table, self.counted), _sum(table, self._lost)
        return won, won + lost

    @property
    def _lost(self) -> IntArray:
        lost: IntArray = np.asarray(self.among) - np.asarray(self.counted)
        return lost

    def effective(self, sums: Sums) -> tuple[FloatArray, FloatArray]:
        """Numerators and denominators to make an interval of; their quotient is the weighted rate.

        Args:
            sums: Weights, each of shape (..., 2, 2).

        Returns:
            Effective counts, each of shape (...); see `auditkit.methods.weighting` and, for
            protected counts, which may tell nothing and are 0 then, `auditkit.methods.protected`.

        Example:
            >>> table = np.array([[40, 10], [5, 45]])
            >>> doubled = Sums(2.0 * table, 4.0 * table)  # every row has weight 2
            >>> [round(float(n), 9) for n in RATES["selection_rate"].effective(doubled)]
            [55.0, 100.0]
        """
        return sums.within(self.counted).against(sums.within(self._lost))


def _share(name: str, title: str, definition: str, better: Better = "neither") -> Metric:
    return Metric(name, title, definition, "rate", better=better, low=0.0, high=1.0)


_RATES = (
    Rate(
        _share("base_rate", "Base rate", "Share of rows whose true outcome is positive."),
        *(_POSITIVE, _ALL, "positive", "rows"),
    ),
    Rate(
        _share("selection_rate", "Selection rate", "Share of rows that the model selects."),
        *(_SELECTED, _ALL, "selected", "rows"),
    ),
    Rate(
        _share(
            "true_positive_rate",
            "True positive rate",
            "Share of the truly positive rows that the model selects (recall).",
            "higher",
        ),
        *(_TRUE_POSITIVE, _POSITIVE, "selected", "positives"),
    ),
    Rate(
        _share(
            "false_positive_rate",
            "False positive rate",
            "Share of the truly negative rows that the model selects.",
            "lower",
        ),
        *(_FALSE_POSITIVE, _NEGATIVE, "selected", "negatives"),
    ),
    Rate(
        _share(
            "false_negative_rate",
            "False negative rate",
            "Share of the truly positive rows that the model does not select.",
            "lower",
        ),
        *(_FALSE_NEGATIVE, _POSITIVE, "not selected", "positives"),
    ),
    Rate(
        _share(
            "true_negative_rate",
            "True negative rate",
            "Share of the truly negative rows that the model does not select.",
            "higher",
        ),
        *(_TRUE_NEGATIVE, _NEGATIVE, "not selected", "negatives"),
    ),
    Rate(
        _share(
            "precision",
            "Precision",
            "Share of the selected rows whose true outcome is positive.",
            "higher",
        ),
        *(_TRUE_POSITIVE, _SELECTED, "positive", "selected rows"),
    ),
    Rate(
        _share(
            "negative_predictive_value",
            "Negative predictive value",
            "Share of the rows not selected whose true outcome is negative.",
            "higher",
        ),
        *(_TRUE_NEGATIVE, _REJECTED, "negative", "rows not selected"),
    ),
    Rate(
        _share(
            "accuracy",
            "Accuracy",
            "Share of rows whose decision equals the true outcome.",
            "higher",
        ),
        *(_RIGHT, _ALL, "decided rightly", "rows"),
    ),
)
#: Metric id to the rate, in fairlearn's words.
RATES: dict[str, Rate] = {rate.metric.id: rate for rate in _RATES}


def _sum(table: npt.NDArray[T], mask: npt.ArrayLike) -> npt.NDArray[T]:
    total: npt.NDArray[T] = (np.asarray(table) * np.asarray(mask)).sum(axis=(-2, -1))
    return np.maximum(total, 0)  # noise may have moved protected counts below it
