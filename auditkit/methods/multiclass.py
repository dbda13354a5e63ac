"""Predictions among classes: counts, each class against the rest, and means over classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from auditkit.evidence import Interval, Metric
from auditkit.methods import gaps, intervals
from auditkit.methods.cells import Cells, T, count_cells
from auditkit.methods.estimates import Bounds, Estimate, FloatArray, IntArray, as_interval
from auditkit.methods.sums import Sums

#: Rows from which a class may be called the worst.
LEAST_ROWS = 10

MACRO_F1 = Metric(
    "macro_f1",
    "Macro F1",
    "Mean over the classes of the harmonic mean of precision and recall.",
    "rate",
    better="higher",
    low=0.0,
    high=1.0,
)
WORST_CLASS_RECALL = Metric(
    "worst_class_recall",
    "Recall of the worst class",
    f"Least share of the rows of a class that the model gives that class, of those with "
    f"{LEAST_ROWS} rows or more.",
    "rate",
    better="higher",
    low=0.0,
    high=1.0,
)


@dataclass(frozen=True)
class ClassCells:
    """How many rows there are of each group, true class and predicted class.

    Attributes:
        cells: The cells; true outcome 1 everywhere, decision 1 where the class is right.
        actual: Shape (cells,): true class of each cell.
        predicted: Shape (cells,): predicted class of each cell.
        classes: Number of classes.

    Example:
        >>> counts = count_classes({"sex": [0, 0, 1]}, {"sex": 2}, [0, 2, 1], [0, 1, 1], 3)
        >>> counts.cells.table("sex")[:, 1].tolist()  # wrong and right, by sex, then unknown
        [[1, 1], [0, 1], [0, 0]]
    """

    cells: Cells
    actual: IntArray
    predicted: IntArray
    classes: int

    def confusion(self) -> IntArray:
        """Rows by true class and predicted class, shape (classes, classes)."""
        return np.rint(self._added(self.cells.n)).astype(np.int64)

    def sums(self) -> Sums | None:
        """Weights by true class and predicted class, shaped as the table; None without weights."""
        weights, squares = self.cells.weights, self.cells.squares
        if weights is None or squares is None:
            return None
        return Sums(self._added(weights), self._added(squares))

    def _added(self, held: IntArray | FloatArray) -> FloatArray:
        table = np.zeros((self.classes, self.classes))
        np.add.at(table, (self.actual, self.predicted), held)
        return table


def count_classes(
    codes: Mapping[str, npt.ArrayLike],
    sizes: Mapping[str, int],
    y_true: npt.ArrayLike,
    y_pred: npt.ArrayLike,
    classes: int,
    weights: npt.ArrayLike | None = None,
) -> ClassCells:
    """Count rows by groups, true class and predicted class, in one pass.

    Args:
        codes: Column to the group of each row, shape (n,): 0..size - 1, or -1 where unknown.
        sizes: Column to its number of groups.
        y_true: Shape (n,): index of the true class.
        y_pred: Shape (n,): index of the predicted class.
        classes: Number of classes.
        weights: Shape (n,): weights, none negative; None where every row counts the same.

    Returns:
        The cells that have rows.

    Raises:
        ValueError: If lengths differ, or a code or class is out of range.

    Example:
        >>> count_classes({}, {}, [0, 2, 2], [0, 2, 1], 3).confusion().tolist()
        [[1, 0, 0], [0, 0, 0], [0, 1, 1]]
    """
    actual, predicted = np.asarray(y_true), np.asarray(y_pred)
    if np.any(actual < 0) or np.any(predicted < 0):
        raise ValueError(f"a class is a whole number in 0..{classes - 1}")
    if actual.shape != predicted.shape:
        raise ValueError("one predicted class a row is expected")
    # The names of columns come from data, so those of the classes must be out of their reach.
    wide = {str(i): codes[name] for i, name in enumerate(sizes)}
    wide |= {"actual": actual, "predicted": predicted}
    widths = {str(i): size for i, size in enumerate(sizes.values())}
    widths |= {"actual": classes, "predicted": classes}
    right = (actual == predicted).astype(np.int64)
    found = count_cells(wide, widths, np.ones_like(right), right, weights)
    cells = replace(
        found, columns=tuple(sizes), sizes=tuple(sizes.values()), codes=found.codes[:, :-2]
    )
    return ClassCells(cells, found.codes[:, -2], found.codes[:, -1], classes)


@dataclass(frozen=True)
class AgainstRest:
    """Rows of every class that its rates are made of, plain or weighted; each of shape (k,).

    Attributes:
        hits: Rows of the class that are given it.
        missed: Rows of the class that are not.
        alarms: Rows of other classes that are given it.
        sums: The same three as sums of weights, or None where every row counts the same.
    """

    hits: IntArray
    missed: IntArray
    alarms: IntArray
    sums: tuple[Sums, Sums, Sums] | None = None

    @classmethod
    def of(cls, confusion: npt.ArrayLike, sums: Sums | None = None) -> AgainstRest:
        """Hold each class of a confusion table against the rest.

        Args:
            confusion: Shape (k, k): rows by true class and predicted class.
            sums: Their weights, shaped as the table, or None.

        Returns:
            The counts of each class.

        Example:
            >>> held = AgainstRest.of([[5, 1], [2, 7]])
            >>> held.hits.tolist(), held.missed.tolist(), held.alarms.tolist()
            ([5, 7], [1, 2], [2, 1])
        """
        counts = _parts(np.asarray(confusion, dtype=np.int64))
        if sums is None:
            return cls(*counts)
        both = zip(_parts(sums.weights), _parts(sums.squares), strict=True)
        hits, missed, alarms = (Sums(*pair) for pair in both)
        return cls(*counts, sums=(hits, missed, alarms))

    def take(self, kept: npt.NDArray[Any]) -> AgainstRest:
        """Keep some classes, by a mask or by their places."""
        sums = None
        if self.sums is not None:
            sums = (self.sums[0][kept], self.sums[1][kept], self.sums[2][kept])
        return AgainstRest(self.hits[kept], self.missed[kept], self.alarms[kept], sums)

    @property
    def rows(self) -> IntArray:
        """Rows of each class."""
        return self.hits + self.missed

    @property
    def accuracy(self) -> tuple[FloatArray, FloatArray]:
        """Successes and rows of the accuracy to make an interval of: effective where weighted."""
        if self.sums is None:
            return _as_floats(self.hits.sum(), self.rows.sum())
        hits, missed, _ = (sums.apply(np.sum) for sums in self.sums)
        return hits.against(missed)

    @property
    def majority(self) -> tuple[int, FloatArray, FloatArray]:
        """Rows of the commonest class, then successes and rows of its share, likewise."""
        if self.sums is None:
            commonest = self.rows.max(initial=0)
            return int(commonest), *_as_floats(commonest, self.rows.sum())
        rows = self.sums[0] + self.sums[1]
        most = int(rows.weights.argmax())
        others = rows[np.arange(self.rows.size) != most].apply(np.sum)
        return int(self.rows[most]), *rows[most].against(others)

    @property
    def recall(self) -> tuple[FloatArray, FloatArray]:
        """Successes and rows of each recall, likewise."""
        if self.sums is None:
            return _as_floats(self.hits, self.rows)
        return self.sums[0].against(self.sums[1])

    @property
    def precision(self) -> tuple[FloatArray, FloatArray]:
        """Successes and rows of each precision, likewise."""
        if self.sums is None:
            return _as_floats(self.hits, self.hits + self.alarms)
        return self.sums[0].against(self.sums[2])

    @property
    def jaccard(self) -> tuple[FloatArray, FloatArray]:
        """Successes and rows of the Jaccard index that each F1 follows from, likewise."""
        if self.sums is None:
            return _as_floats(self.hits, self.hits + self.missed + self.alarms)
        hits, missed, alarms = self.sums
        return hits.against(missed + alarms)


def _as_floats(won: npt.ArrayLike, rows: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    return np.asarray(won, dtype=np.float64), np.asarray(rows, dtype=np.float64)


def _parts(table: npt.NDArray[T]) -> tuple[npt.NDArray[T], npt.NDArray[T], npt.NDArray[T]]:
    """Hits, missed and alarms of each class; nothing is subtracted, so nothing cancels."""
    wrong = table * ~np.eye(len(table), dtype=np.bool_)
    return np.diagonal(table), wrong.sum(axis=1), wrong.sum(axis=0)


def balanced_accuracy(
    confusion: npt.ArrayLike, level: float = 0.95, sums: Sums | None = None
) -> Estimate:
    """Mean recall over the classes that occur.

    Args:
        confusion: Shape (k, k): rows by true class and predicted class.
        level: Two-sided confidence level, in (0, 1).
        sums: Their weights, shaped as the table; None where every row counts the same.

    Returns:
        The mean; undefined where fewer than two classes occur.

    Source:
        Zou and Donner (2008), Stat. Med. 27:1693, with Clopper-Pearson limits; given the rows of
        each class, their recalls are independent.

    Example:
        >>> round(balanced_accuracy([[8, 2, 0], [0, 5, 5], [1, 0, 9]]).value, 3)
        0.733
    """
    held = AgainstRest.of(confusion, sums)
    seen = held.rows > 0
    if seen.sum() < 2:
        return Estimate.undefined("all true outcomes are the same" if seen.any() else "no rows")
    hits, rows = held.take(seen).recall
    method = "MOVER of Clopper-Pearson limits"
    limits = intervals.clopper_pearson(hits, rows, level)
    return _mean_of(hits / rows, limits, np.eye(hits.size), level, method)


def macro_f1(confusion: npt.ArrayLike, level: float = 0.95, sums: Sums | None = None) -> Estimate:
    """Mean F1 over the classes that occur or are predicted.

    Each class has the exact interval of its Jaccard index, mapped to F1 (see `intervals.f1`).
    They are put together with the correlation of the classes: a row of one class that is taken
    for another counts against both. No interval has zero width, which a bootstrap would give a
    model without an error.

    Args:
        confusion: Shape (k, k): rows by true class and predicted class.
        level: Two-sided confidence level, in (0, 1).
        sums: Their weights, shaped as the table; None where every row counts the same.

    Returns:
        The mean; undefined where there are no rows.

    Source:
        Zou (2007), Psychol. Methods 12:399, for limits of correlated estimates; correlations by
        the delta method on the confusion table.

    Example:
        >>> found = macro_f1([[8, 2, 0], [0, 5, 5], [1, 0, 9]])
        >>> round(found.value, 3), round(found.interval.low, 3), round(found.interval.high, 3)
        (0.727, 0.52, 0.859)
    """
    table = np.asarray(confusion, dtype=np.int64)
    seen = table.sum(axis=0) + table.sum(axis=1) > 0
    if not seen.any():
        return Estimate.undefined("no rows")
    both = np.ix_(seen, seen)
    won, rows = AgainstRest.of(table[both], None if sums is None else sums[both]).jaccard
    limits = intervals.f1(won, rows - won, level)
    method = "MOVER of Clopper-Pearson limits of the Jaccard index, correlated classes"
    f1 = 2 * won / (rows + won)
    squares = table[both] if sums is None else sums.squares[both]
    return _mean_of(f1, limits, _f1_correlation(f1, squares), level, method)


def _f1_correlation(f1: FloatArray, squares: npt.NDArray[Any]) -> FloatArray:
    """Correlation of the F1 of every two classes, by the delta method; 1 where it is unknown.

    `squares` are sums of squared weights by true and predicted class: rows without weights.
    """
    hits, either = np.diagonal(squares), squares.sum(axis=0) + squares.sum(axis=1)
    variance = hits * (2 - 2 * f1) ** 2 + (either - 2 * hits) * f1**2
    mixed = squares + squares.T  # rows that count against both classes
    scale = np.sqrt(np.outer(variance, variance))
    known = np.divide(mixed * np.outer(f1, f1), scale, where=scale > 0, out=np.sign(mixed) * 1.0)
    np.fill_diagonal(known, 1.0)
    return np.asarray(known)


def _mean_of(
    values: FloatArray, limits: Bounds, tied: FloatArray, level: float, method: str
) -> Estimate:
    """Mean of one estimate a class, by MOVER: each arm is that of the mean of the arms."""
    below, above = values - limits[0], limits[1] - values
    value, count = float(values.mean()), values.size
    low = value - float(np.sqrt(below @ tied @ below)) / count
    high = value + float(np.sqrt(above @ tied @ above)) / count
    return Estimate(value, as_interval((max(0.0, low), min(1.0, high)), level, method))


def worst_recall(
    confusion: npt.ArrayLike, level: float = 0.95, sums: Sums | None = None
) -> tuple[Estimate, int | None]:
    """Least recall of the classes with enough rows, and which class has it.

    The least of several is too low on average; its interval is made of those of all classes, held
    together by Bonferroni, and so holds the least of the true recalls.

    Args:
        confusion: Shape (k, k): rows by true class and predicted class.
        level: Two-sided confidence level, in (0, 1).
        sums: Their weights, shaped as the table; None where every row counts the same.

    Returns:
        The least recall and the index of its class; undefined and None where no class has enough.

    Source:
        Clopper and Pearson (1934), Biometrika 26:404, with Bonferroni over the classes.

    Example:
        >>> found, worst = worst_recall([[30, 10], [2, 8]])
        >>> found.value, worst
        (0.75, 0)
    """
    held = AgainstRest.of(confusion, sums)
    large = np.flatnonzero(held.rows >= LEAST_ROWS)
    if large.size == 0:
        return Estimate.undefined(f"no class has {LEAST_ROWS} rows or more"), None
    hits, rows = held.take(large).recall
    each = gaps.shared_level(level, large.size)
    low, high = intervals.clopper_pearson(hits, rows, each)
    method = f"Clopper-Pearson, Bonferroni over {large.size:,} classes"
    interval = Interval(float(low.min()), float(high.min()), level, method)
    worst = int(np.argmin(hits / rows))
    return Estimate(float(hits[worst] / rows[worst]), interval), int(large[worst])
