"""What a model answers about the same row when one thing in it is changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit.evidence import Cell, Measurement, Metric, Table
from auditkit.methods.estimates import Estimate, FloatArray, IntArray, cells_of
from auditkit.methods.gaps import shared_level
from auditkit.methods.intervals import paired_difference, share
from auditkit.methods.means import mean

BoolArray = npt.NDArray[np.bool_]
#: Marks or sizes of rows.
Values = BoolArray | FloatArray
#: Places of the rows that were asked about again, and the answers.
Again = tuple[IntArray, "Asked"]
#: Why a single row has no value.
WITHHELD = "one row only: it would be the answer about one person"
#: Columns of a table of flips after those that name the line, by task.
COLUMNS = {
    "binary": (
        *("share_flipped", "share_flipped_low", "share_flipped_high"),
        *("difference", "low", "high"),
    ),
    "multiclass": ("share_flipped", "share_flipped_low", "share_flipped_high"),
    "regression": ("difference", "low", "high"),
}
#: Rounding of a model that is asked again, in other batches, moves a score by less than this.
ROUNDING = 1e-5


@dataclass(frozen=True)
class Asked:
    """What a model answered about some rows, before or after a change.

    Attributes:
        answers: Shape (n,) or (n, classes): scores, or predicted numbers.
        decisions: Shape (n,): decision or class; None for numbers, which are none.
    """

    answers: FloatArray
    decisions: IntArray | None

    def take(self, rows: IntArray) -> Asked:
        """The same of some of the rows."""
        kept = None if self.decisions is None else self.decisions[rows]
        return Asked(self.answers[rows], kept)


def asked(answers: FloatArray, task: str, threshold: float) -> Asked:
    """Turn answers into decisions, as the subject does.

    Example:
        >>> asked(np.array([0.4, 0.5]), "binary", 0.5).decisions.tolist()
        [0, 1]
        >>> asked(np.array([[0.1, 0.9]]), "multiclass", 0.5).decisions.tolist()
        [1]
    """
    if task == "regression":
        return Asked(answers, None)
    if task == "multiclass":
        return Asked(answers, answers.argmax(axis=1))
    return Asked(answers, (answers >= threshold).astype(np.int64))


def flipped(before: Asked, after: Asked) -> BoolArray:
    """Which rows get another decision, shape (n,); none where there are only numbers.

    Example:
        >>> old, new = asked(np.array([0.4, 0.6]), "binary", 0.5), np.array([0.6, 0.7])
        >>> flipped(old, asked(new, "binary", 0.5)).tolist()
        [True, False]
    """
    if before.decisions is None or after.decisions is None:
        return np.zeros(len(before.answers), dtype=np.bool_)
    return np.asarray(before.decisions != after.decisions, dtype=np.bool_)


def change(before: Asked, after: Asked) -> FloatArray:
    """Size of the change of each answer, shape (n,); of classes half the sum, within 0 to 1.

    Example:
        >>> old, new = np.array([[0.5, 0.5, 0.0]]), np.array([[0.25, 0.5, 0.25]])
        >>> change(asked(old, "multiclass", 0.5), asked(new, "multiclass", 0.5)).tolist()
        [0.25]
    """
    apart = np.abs(after.answers - before.answers)
    return np.asarray(apart.sum(axis=1) / 2 if apart.ndim == 2 else apart)


def moved(before: Asked, after: Asked) -> bool:
    """Whether any answer changed by more than rounding.

    Example:
        >>> old = asked(np.array([0.4]), "binary", 0.5)
        >>> moved(old, old), moved(old, asked(np.array([0.41]), "binary", 0.5))
        (False, True)
    """
    size = np.maximum(1.0, np.abs(before.answers))
    return bool((np.abs(after.answers - before.answers) > ROUNDING * size).any())


def estimate(values: Values, level: float) -> Estimate:
    """Share of marks with its exact interval, or mean of sizes with Student's; undefined of none.

    Example:
        >>> estimate(np.array([True, False, False, False]), 0.95).value
        0.25
        >>> round(estimate(np.array([0.0, 0.1, 0.2]), 0.95).value, 3)
        0.1
    """
    n = values.size
    if n == 0:
        return Estimate.undefined("no rows")
    if values.dtype != np.bool_:
        return mean(values, level, least=0.0)
    return share(int(values.sum()), n, level)


def measure(
    metric: Metric, values: Values, level: float, source: str, where: dict[str, str] | None = None
) -> Measurement:
    """Measure marks or sizes of rows; withheld where it would tell of one person alone.

    Args:
        metric: What it is.
        values: Shape (n,).
        level: Level of the interval.
        source: What the rows are.
        where: Slice.

    Returns:
        The measurement, without a value for a single row or none.
    """
    n = values.size
    found = Estimate.undefined(WITHHELD) if n == 1 else estimate(values, level)
    return metric.measure(
        found.value, interval=found.interval, reason=found.reason, n=n, slice=where, source=source
    )


@dataclass(frozen=True)
class Outcome:
    """What asking again changed, by row.

    Attributes:
        flipped: Shape (n,): whether any answer brought another decision.
        change: Shape (n,): mean size of the change.
        selected: Shape (n,): whether the row was selected before; False where that is no question.
    """

    flipped: BoolArray
    change: FloatArray
    selected: BoolArray

    def of(self, metric: Metric) -> Values:
        """What a metric of `flip_metrics` is taken over, shape (n,)."""
        if metric.unit != "rate":
            return self.change
        if metric.id == "flip_to_selected":
            return self.flipped & ~self.selected
        return self.flipped & self.selected if metric.id == "flip_from_selected" else self.flipped


def outcome(before: Asked, again: Iterable[Again]) -> Outcome:
    """Gather what asking again, once or several times, changed.

    Args:
        before: Answers about n rows.
        again: For each way in which rows were changed the places of those rows and the answers.

    Returns:
        The changes by row.

    Example:
        >>> before = asked(np.array([0.4, 0.6]), "binary", 0.5)
        >>> rows, after = np.array([0, 1]), asked(np.array([0.6, 0.7]), "binary", 0.5)
        >>> found = outcome(before, [(rows, after)])
        >>> found.flipped.tolist(), found.selected.tolist(), found.change.round(2).tolist()
        ([True, False], [False, True], [0.2, 0.1])
    """
    n = len(before.answers)
    any_flip, total, times = np.zeros(n, dtype=np.bool_), np.zeros(n), np.zeros(n)
    for rows, after in again:
        old = before.take(rows)
        any_flip[rows] |= flipped(old, after)
        total[rows] += change(old, after)
        times[rows] += 1
    selected = np.zeros(n, dtype=np.bool_)
    if before.answers.ndim == 1 and before.decisions is not None:
        selected = np.asarray(before.decisions == 1, dtype=np.bool_)
    return Outcome(any_flip, total / np.maximum(times, 1), selected)


def line(before: Asked, after: Asked, task: str, level: float) -> tuple[Cell, ...]:
    """Compare the answers about the same rows, as `COLUMNS` names the numbers.

    Args:
        before: Answers before; at least 2 rows.
        after: Answers after.
        task: Kind of prediction.
        level: Level of the intervals.

    Returns:
        Share that flipped with bounds; difference of selection rates (or mean numbers), after
        minus before, with bounds.

    Source:
        Agresti and Min (2005) for the difference of two shares over the same rows.

    Example:
        >>> old, new = np.array([0.4, 0.6, 0.4, 0.4]), np.array([0.6, 0.6, 0.6, 0.4])
        >>> found = line(*(asked(x, "binary", 0.5) for x in (old, new)), "binary", 0.95)
        >>> found[0], found[3]
        (0.5, 0.5)
    """
    turned = flipped(before, after)
    share = cells_of(estimate(turned, level))
    if task == "multiclass":
        return share
    if before.decisions is None or after.decisions is None:
        return cells_of(mean(after.answers - before.answers, level))
    gained = int((turned & (after.decisions == 1)).sum())
    lost = int(turned.sum()) - gained
    low, high = paired_difference(gained, lost, turned.size, level)
    return (*share, (gained - lost) / turned.size, float(low), float(high))


def lines(
    before: Asked,
    again: dict[int, Again],
    groups: tuple[IntArray, Sequence[str]],
    task: str,
    level: float,
) -> list[tuple[Cell, ...]]:
    """Compare the answers before and after for every group and every one it was changed to.

    Args:
        before: Answers about n rows.
        again: Group that rows were changed to, to their places and the answers.
        groups: Shape (n,): the group of each row; and the names of all.
        task: Kind of prediction.
        level: Level at which the intervals of all pairs hold together, by Bonferroni.

    Returns:
        Name, rows and numbers of each pair of groups, the surest change first. A pair of one row is
        left out: it would tell the answer about one person.
    """
    codes, names = groups
    pairs = [
        (group, target, np.flatnonzero(codes[rows] == group))
        for target, (rows, _) in again.items()
        for group in np.unique(codes[rows]).tolist()
    ]
    pairs = [(group, target, at) for group, target, at in pairs if at.size > 1]
    each = shared_level(level, max(1, len(pairs)))
    found = []
    for group, target, at in pairs:
        rows, after = again[target]
        numbers = line(before.take(rows[at]), after.take(at), task, each)
        name = f"{names[group]} \N{RIGHTWARDS ARROW} {names[target]}"
        found.append((name, int(at.size), *numbers))
    return sorted(found, key=lambda one: (-_surely(one), str(one[0])))


def _surely(one: tuple[Cell, ...]) -> float:
    """How far the last number of a line surely is from 0, by its bounds."""
    low, high = one[-2:]
    if isinstance(low, float) and isinstance(high, float):
        return max(low, -high)
    return -np.inf


def table(task: str, rows: Sequence[tuple[Cell, ...]], most: int) -> Table:
    """Put the lines of all sensitive columns together, each with its column first.

    Args:
        task: Kind of prediction.
        rows: Column, then a line of `lines`.
        most: Lines that were kept of each column.

    Returns:
        The table `flips`.
    """
    columns = COLUMNS[task]
    return Table(
        name="flips",
        title="The same rows with another group's value",
        columns=("attribute", "group", "n", *columns),
        rows=tuple(rows),
        source="Only this column is changed: what goes with it (a title, say) stays, so that some "
        "changed rows describe nobody. A band of a number is stood for by its middle row. "
        "Difference: after minus before, over the same rows. Shares have Clopper-Pearson "
        "intervals, differences of shares that of Agresti and Min for the same rows, differences "
        "of numbers Student's; all those of a column hold together (Bonferroni). The "
        f"{most} surest changes of each column; lines of 1 row are left out",
        chart="forest" if "difference" in columns else "flips",
    )


def term_line(found: Outcome, task: str, level: float) -> tuple[Cell, ...]:
    """Share of texts that get another decision, and mean size of the change, with bounds."""
    change_ = cells_of(estimate(found.change, level))
    return (
        change_ if task == "regression" else (*cells_of(estimate(found.flipped, level)), *change_)
    )


def term_table(task: str, rows: Sequence[tuple[Cell, ...]], count: int) -> Table:
    """Put the lines of the pairs of terms together.

    Args:
        task: Kind of prediction.
        rows: The pair, texts that hold one of its terms, and what `term_line` gives.
        count: Pairs of which a term was found.

    Returns:
        The table `terms`.
    """
    share = () if task == "regression" else COLUMNS["multiclass"]
    return Table(
        name="terms",
        title="Texts with one pair of terms swapped",
        columns=("pair", "n", *share, "mean_change", "mean_change_low", "mean_change_high"),
        rows=tuple(rows),
        source=f"{len(rows)} of {count} pairs that were found, those in most texts; each swapped "
        "alone, in both directions. Shares have Clopper-Pearson intervals, changes Student's. "
        "Words are swapped without regard to grammar, so that some changed texts read badly",
        chart="term-swaps",
    )
