"""Predictions among classes: counts, each class against the rest, and means over classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from auditkit.evidence import Interval, Metric
from auditkit.methods import gaps, intervals
from auditkit.methods.cells import Cells, count_cells
from auditkit.methods.estimates import Bounds, Estimate, FloatArray, IntArray, as_interval

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
        table = np.zeros((self.classes, self.classes), dtype=np.int64)
        np.add.at(table, (self.actual, self.predicted), self.cells.n)
        return table


def count_classes(
    codes: Mapping[str, npt.ArrayLike],
    sizes: Mapping[str, int],
    y_true: npt.ArrayLike,
    y_pred: npt.ArrayLike,
    classes: int,
) -> ClassCells:
    """Count rows by groups, true class and predicted class, in one pass.

    Args:
        codes: Column to the group of each row, shape (n,): 0..size - 1, or -1 where unknown.
        sizes: Column to its number of groups.
        y_true: Shape (n,): index of the true class.
        y_pred: Shape (n,): index of the predicted class.
        classes: Number of classes.

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
    found = count_cells(wide, widths, np.ones_like(right), right)
    cells = replace(
        found, columns=tuple(sizes), sizes=tuple(sizes.values()), codes=found.codes[:, :-2]
    )
    return ClassCells(cells, found.codes[:, -2], found.codes[:, -1], classes)


def tables_against_rest(confusion: npt.ArrayLike) -> IntArray:
    """Each class of a confusion table against the rest.

    Args:
        confusion: Shape (k, k): rows by true class and predicted class.

    Returns:
        Shape (k, 2, 2): for each class, rows by whether it is true and whether it is predicted.

    Example:
        >>> tables_against_rest([[5, 1], [2, 7]])[0].tolist()
        [[7, 2], [1, 5]]
    """
    table = np.asarray(confusion, dtype=np.int64)
    hits = np.diagonal(table)
    missed, alarms = table.sum(axis=1) - hits, table.sum(axis=0) - hits
    rest = table.sum() - hits - missed - alarms
    return np.stack([np.stack([rest, alarms], -1), np.stack([missed, hits], -1)], -2)


def balanced_accuracy(confusion: npt.ArrayLike, level: float = 0.95) -> Estimate:
    """Mean recall over the classes that occur.

    Args:
        confusion: Shape (k, k): rows by true class and predicted class.
        level: Two-sided confidence level, in (0, 1).

    Returns:
        The mean; undefined where fewer than two classes occur.

    Source:
        Zou and Donner (2008), Stat. Med. 27:1693, with Wilson limits; given the rows of each
        class, their recalls are independent.

    Example:
        >>> round(balanced_accuracy([[8, 2, 0], [0, 5, 5], [1, 0, 9]]).value, 3)
        0.733
    """
    table = np.asarray(confusion, dtype=np.int64)
    totals = table.sum(axis=1)
    seen = totals > 0
    if seen.sum() < 2:
        return Estimate.undefined("all true outcomes are the same" if seen.any() else "no rows")
    hits, rows = np.diagonal(table)[seen], totals[seen]
    method = "MOVER of Wilson limits"
    limits = intervals.wilson(hits, rows, level)
    return _mean_of(hits / rows, limits, np.eye(hits.size), level, method)


def macro_f1(confusion: npt.ArrayLike, level: float = 0.95) -> Estimate:
    """Mean F1 over the classes that occur or are predicted.

    Each class has the Wilson interval of its Jaccard index, mapped to F1 (see `intervals.f1`).
    They are put together with the correlation of the classes: a row of one class that is taken
    for another counts against both. No interval has zero width, which a bootstrap would give a
    model without an error.

    Args:
        confusion: Shape (k, k): rows by true class and predicted class.
        level: Two-sided confidence level, in (0, 1).

    Returns:
        The mean; undefined where there are no rows.

    Source:
        Zou (2007), Psychol. Methods 12:399, for limits of correlated estimates; correlations by
        the delta method on the confusion table.

    Example:
        >>> found = macro_f1([[8, 2, 0], [0, 5, 5], [1, 0, 9]])
        >>> round(found.value, 3), round(found.interval.low, 3), round(found.interval.high, 3)
        (0.727, 0.554, 0.842)
    """
    table = np.asarray(confusion, dtype=np.int64)
    seen = table.sum(axis=0) + table.sum(axis=1) > 0
    if not seen.any():
        return Estimate.undefined("no rows")
    table = table[np.ix_(seen, seen)]
    hits, either = np.diagonal(table), table.sum(axis=0) + table.sum(axis=1)
    limits = intervals.f1(hits, either - 2 * hits, level)
    method = "MOVER of Wilson limits of the Jaccard index, correlated classes"
    return _mean_of(2 * hits / either, limits, _f1_correlation(table), level, method)


def _f1_correlation(table: IntArray) -> FloatArray:
    """Correlation of the F1 of every two classes, by the delta method; 1 where it is unknown."""
    hits, either = np.diagonal(table), table.sum(axis=0) + table.sum(axis=1)
    f1 = 2 * hits / either
    variance = hits * (2 - 2 * f1) ** 2 + (either - 2 * hits) * f1**2
    mixed = table + table.T  # rows that count against both classes
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


def worst_recall(confusion: npt.ArrayLike, level: float = 0.95) -> tuple[Estimate, int | None]:
    """Least recall of the classes with enough rows, and which class has it.

    The least of several is too low on average; its interval is made of those of all classes, held
    together by Bonferroni, and so holds the least of the true recalls.

    Args:
        confusion: Shape (k, k): rows by true class and predicted class.
        level: Two-sided confidence level, in (0, 1).

    Returns:
        The least recall and the index of its class; undefined and None where no class has enough.

    Source:
        Clopper and Pearson (1934), Biometrika 26:404, with Bonferroni over the classes.

    Example:
        >>> found, worst = worst_recall([[30, 10], [2, 8]])
        >>> found.value, worst
        (0.75, 0)
    """
    table = np.asarray(confusion, dtype=np.int64)
    totals = table.sum(axis=1)
    large = np.flatnonzero(totals >= LEAST_ROWS)
    if large.size == 0:
        return Estimate.undefined(f"no class has {LEAST_ROWS} rows or more"), None
    hits, rows = np.diagonal(table)[large], totals[large]
    each = gaps.shared_level(level, large.size)
    low, high = intervals.clopper_pearson(hits, rows, each)
    method = f"Clopper-Pearson, Bonferroni over {large.size:,} classes"
    interval = Interval(float(low.min()), float(high.min()), level, method)
    worst = int(np.argmin(hits / rows))
    return Estimate(float(hits[worst] / rows[worst]), interval), int(large[worst])
