"""Do similar rows get the same decision: agreement of a row with its nearest neighbours.

Rows share their neighbours, so that their agreements are not independent. Spread is therefore
measured by leaving out one row at a time, both as a row and as a neighbour of others, whose next
nearest row then takes its place. In simulation (two or five features, smooth, rare, random and
patchy rules, 50 to 1,000 rows) 95 % intervals that take rows for independent held the truth in as
few as 65 % of the samples; these in 95 to 100 %: they are rather too wide than too short.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit.evidence import ALL_GROUPS, Interval, Measurement, Metric
from auditkit.methods import gaps
from auditkit.methods.estimates import Estimate, FloatArray, IntArray, as_interval, measured
from auditkit.methods.intervals import wilson
from auditkit.methods.means import NO_SPREAD, student, with_bounds
from auditkit.methods.regression import UNIT

CONSISTENCY = Metric(
    "consistency",
    "Consistency of neighbours",
    "Share of the most similar rows that get the same decision as a row, on average; similar by "
    "what the model reads, without the sensitive columns.",
    "rate",
    better="higher",
    low=0.0,
    high=1.0,
)
CONSISTENCY_GAP = Metric(
    "consistency_difference",
    "Consistency, difference between groups",
    "Largest minus smallest consistency of neighbours among the groups.",
    "difference",
    better="lower",
    low=0.0,
    high=1.0,
)
NEIGHBOR_DISTANCE = Metric(
    "neighbor_prediction_distance",
    "Distance from the predictions of neighbours",
    "Mean distance of a prediction from the mean prediction of the most similar rows; similar by "
    "what the model reads, without the sensitive columns.",
    UNIT,
    better="lower",
    low=0.0,
)
#: Why a group of one row has no value.
WITHHELD = "one row only: its neighbours would tell the decision about one person"
METHOD = "jackknife over rows and their neighbours"


@dataclass(frozen=True)
class Likeness:
    """How a prediction stands to those of the nearest rows.

    Attributes:
        values: Shape (m,): agreement with, or distance from, the k nearest rows.
        without: Shape (m, k): the same if that neighbour were gone and the next took its place.
        neighbors: Shape (m, k): places of the nearest rows.
        is_share: Whether the values are shares, else distances from 0.
    """

    values: FloatArray
    without: FloatArray
    neighbors: IntArray
    is_share: bool


def same_decision(y_pred: npt.ArrayLike, neighbors: IntArray) -> Likeness:
    """Share of its neighbours that get the same decision, for every row.

    For a binary decision this is 1 - |y - mean y of the neighbours|.

    Args:
        y_pred: Shape (m,): decisions or classes.
        neighbors: Shape (m, k + 1): places of the nearest rows, nearest first, a row never its own.

    Returns:
        The shares over the first k.

    Source:
        Zemel et al. (2013), ICML, section 5. AIF360's `consistency_score` counts each row among
        its own neighbours too, which gives more.

    Example:
        >>> same_decision([1, 1, 0], np.array([[1, 2], [0, 2], [1, 0]])).values.tolist()
        [1.0, 1.0, 0.0]
    """
    predicted = np.asarray(y_pred)
    agrees = (predicted[neighbors] == predicted[:, None]).astype(np.float64)
    kept, spare = agrees[:, :-1], agrees[:, -1:]
    values = kept.mean(axis=1)
    without = values[:, None] + (spare - kept) / kept.shape[1]
    return Likeness(values, without, neighbors[:, :-1], is_share=True)


def distance_from_neighbors(y_pred: npt.ArrayLike, neighbors: IntArray) -> Likeness:
    """Distance of a number from the mean of those of its neighbours, for every row.

    Args:
        y_pred: Shape (m,): predicted numbers.
        neighbors: As for `same_decision`.

    Returns:
        The distances, in the unit of the predictions.

    Example:
        >>> distance_from_neighbors([1.0, 2.0, 9.0], np.array([[1, 2], [0, 2], [1, 0]])).values
        array([1., 1., 7.])
    """
    predicted = np.asarray(y_pred, dtype=np.float64)
    near = predicted[neighbors]
    kept, spare = near[:, :-1], near[:, -1:]
    middle = kept.mean(axis=1)
    moved = middle[:, None] + (spare - kept) / kept.shape[1]
    values = np.abs(predicted - middle)
    without = np.abs(predicted[:, None] - moved)
    return Likeness(values, without, neighbors[:, :-1], is_share=False)


@dataclass(frozen=True)
class GroupLikeness:
    """Means of a likeness over groups, with what leaving out each row does to them.

    Attributes:
        n: Shape (g,): rows of each group.
        mean: Shape (g,): mean of each group, NaN without rows.
        left_out: Shape (m, g): the means without row j; NaN where nothing is left.
        neighbors: Neighbours that each row was held against.
        is_share: As in `Likeness`.
    """

    n: IntArray
    mean: FloatArray
    left_out: FloatArray
    neighbors: int
    is_share: bool

    def take(self, at: IntArray) -> GroupLikeness:
        """Keep some of the groups, by their places."""
        share = self.is_share
        return GroupLikeness(self.n[at], self.mean[at], self.left_out[:, at], self.neighbors, share)

    def estimate(self, i: int, level: float = 0.95) -> Estimate:
        """The mean of one group with its interval.

        A share has Wilson's interval at the number of independent rows that would vary as much,
        at most the rows that there are; where all rows agree with all neighbours nothing shows
        how they hang together, and k + 1 rows count as one. A distance has Student's interval.

        Returns:
            Undefined without rows; without an interval where distances have no spread.

        Source:
            Efron and Stein (1981), Ann. Stat. 9:586: the jackknife's variance is on average not
            too small. Korn and Graubard (1998), Surv. Methodol. 24:193, for effective sizes.
        """
        n, value = int(self.n[i]), float(self.mean[i])
        if n == 0:
            return Estimate.undefined("no rows")
        variance = jackknife_variance(self.left_out[:, i])
        if self.is_share:
            size = n / (self.neighbors + 1)
            if variance > 0 and 0 < value < 1:
                size = min(float(n), value * (1 - value) / variance)
            bounds = wilson(value * size, size, level)
            return Estimate(
                value, as_interval(bounds, level, f"Wilson at effective rows, {METHOD}")
            )
        if not variance > 0:
            return Estimate(value, None, NO_SPREAD)
        arm = student(n, level) * np.sqrt(variance)
        return with_bounds(value, (max(0.0, value - arm), value + arm), level, METHOD)

    def difference(self, level: float = 0.95) -> Estimate:
        """Largest minus smallest mean, with an interval that holds for all pairs together.

        No pair's variance is taken below that of independent rows of the pooled spread: a small
        group in which all agree would otherwise seem to be known exactly.

        Returns:
            Undefined where there are fewer than 2 groups; without an interval without spread.
        """
        k = self.n.size
        if k < 2:
            return Estimate.undefined(gaps.TOO_FEW)
        value = float(self.mean.max() - self.mean.min())
        bounds = [self._pair(a, b, level) for a in range(k) for b in range(k) if a != b]
        if any(high is None for _, high in bounds):
            return Estimate(value, None, NO_SPREAD)
        low = max(0.0, *(low for low, _ in bounds))
        high = max(high for _, high in bounds if high is not None)
        if self.is_share:
            high = min(high, 1.0)
        method = f"{METHOD}, no variance below the pooled one{gaps.over_pairs(k)}"
        return Estimate(value, Interval(low, high, level, method))

    def _pair(self, a: int, b: int, level: float) -> tuple[float, float | None]:
        """Bounds of the mean of a minus that of b."""
        own = [self.n[i] * jackknife_variance(self.left_out[:, i]) for i in (a, b)]
        pooled = np.average(own, weights=self.n[[a, b]])
        variance = max(
            jackknife_variance(self.left_out[:, a] - self.left_out[:, b]),
            float(pooled * (1 / self.n[a] + 1 / self.n[b])),
        )
        apart = float(self.mean[a] - self.mean[b])
        if not variance > 0:
            return apart, None
        each = gaps.pair_level(level, self.n.size)
        arm = student(float(min(self.n[a], self.n[b])), each) * np.sqrt(variance)
        return apart - float(arm), apart + float(arm)


def by_group(likeness: Likeness, groups: npt.ArrayLike, count: int) -> GroupLikeness:
    """Take the mean of a likeness in every group, with and without each row.

    Args:
        likeness: Of m rows; neighbours may be of any group.
        groups: Shape (m,): the group of each row, from 0; -1 belongs to none.
        count: Number of groups.

    Returns:
        The means.

    Example:
        >>> near = np.array([[1, 2], [0, 2], [1, 0]])
        >>> found = by_group(same_decision([1, 1, 0], near), [0, 0, 1], 2)
        >>> found.n.tolist(), found.mean.tolist()
        ([2, 1], [1.0, 0.0])
    """
    where = np.asarray(groups, dtype=np.int64)
    m, k = likeness.neighbors.shape
    member = where[:, None] == np.arange(count)
    n, total = member.sum(axis=0), likeness.values @ member
    moved = (likeness.without - likeness.values[:, None]).ravel()
    place = likeness.neighbors.ravel() * (count + 1) + np.repeat(where, k) % (count + 1)
    taken = np.bincount(place, weights=moved, minlength=m * (count + 1))
    taken = taken.reshape(m, count + 1)[:, :count]
    rest = total - member * likeness.values[:, None] + taken
    with np.errstate(invalid="ignore", divide="ignore"):
        left_out, mean = rest / (n - member), total / n
    return GroupLikeness(n, mean, left_out, k, likeness.is_share)


def measure_everyone(likeness: Likeness, level: float, source: str) -> Measurement:
    """Measure the mean over all rows."""
    n = likeness.values.size
    found = by_group(likeness, np.zeros(n, dtype=np.int64), 1).estimate(0, level)
    return measured(_metric(likeness), found, n, source, {})


def measure_groups(
    likeness: Likeness,
    groups: tuple[str, Sequence[str], IntArray],
    least: int,
    level: float,
    source: str,
) -> Iterator[Measurement]:
    """Measure every group of a column, and of shares the gap between them.

    Args:
        likeness: Of m rows.
        groups: The column; the names of its groups, the unknown last; shape (m,): the group of
            each row, -1 where it is unknown.
        least: Rows from which a group is compared.
        level: Level of the intervals.
        source: What the rows are and how neighbours were found.

    Yields:
        The mean of each group, without a value for one of a single row; then the gap.
    """
    column, labels, codes = groups
    there, where = np.unique(codes, return_inverse=True)  # the unknown are -1: the last label
    means = by_group(likeness, where, there.size)
    place = {labels[code]: i for i, code in enumerate(there.tolist())}
    for label in labels if labels[-1] in place else labels[:-1]:
        n = int(means.n[place[label]]) if label in place else 0
        found = Estimate.undefined(WITHHELD if n else "no rows")
        if n > 1:
            found = means.estimate(place[label], level)
        yield measured(_metric(likeness), found, n, source, {column: label})
    if likeness.is_share:
        large = np.flatnonzero((there >= 0) & (means.n >= least))
        between = f"between {large.size} groups of {least} rows or more; {source}"
        held = means.take(large)
        gap = held.difference(level)
        yield measured(CONSISTENCY_GAP, gap, int(held.n.sum()), between, {column: ALL_GROUPS})


def _metric(likeness: Likeness) -> Metric:
    return CONSISTENCY if likeness.is_share else NEIGHBOR_DISTANCE


def jackknife_variance(left_out: FloatArray) -> float:
    """Variance of a number from its values without each of the rows; NaN where one has none.

    Example:
        >>> x = np.array([1.0, 2.0, 6.0])
        >>> bool(np.isclose(jackknife_variance((x.sum() - x) / 2), x.var(ddof=1) / 3))
        True
    """
    return float((left_out.size - 1) * left_out.var())
