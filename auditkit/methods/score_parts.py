"""The scores of each group of a crossing: of rows, or counted by bin where the rows lie."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Protocol

import numpy as np

from auditkit.evidence import Metric
from auditkit.methods import calibration, ranking
from auditkit.methods.abroca import Curve, draw_curve, stray
from auditkit.methods.binned import BinnedScores
from auditkit.methods.calibration import (
    CALIBRATION_IN_THE_LARGE,
    EXPECTED_CALIBRATION_ERROR,
    Bin,
    are_probabilities,
)
from auditkit.methods.cells import Cells, count_cells
from auditkit.methods.crossing import Crossing, cross, place_rows
from auditkit.methods.estimates import Estimate, FloatArray, IntArray
from auditkit.methods.group_tasks import Grouped
from auditkit.methods.groupwise import Numbers, Quantity, gap_metric
from auditkit.methods.histogram import ScoreCells, extremes_of
from auditkit.methods.lending import largest_standardized
from auditkit.methods.means import Means, means_by_group
from auditkit.methods.mover import Estimated
from auditkit.methods.ranking import KS_STATISTIC, ROC_AUC
from auditkit.methods.weighting import bounded_weighted_mean

MEAN_SCORE = Metric("mean_score", "Mean score", "Mean of the scores.", "score")
ROC_AUC_DIFFERENCE = gap_metric(ROC_AUC)
MEAN_SCORE_DIFFERENCE = gap_metric(MEAN_SCORE)
CALIBRATION_IN_THE_LARGE_DIFFERENCE = gap_metric(CALIBRATION_IN_THE_LARGE)
EXPECTED_CALIBRATION_ERROR_DIFFERENCE = gap_metric(EXPECTED_CALIBRATION_ERROR)
#: The number of one group, at a level.
OfGroup = Callable[[int, float], Estimate]
#: What a number that sees both outcomes rests on.
RARER = "rows of the rarer outcome"
#: Why there is no standardized difference.
NOT_WEIGHTED = "not computed where rows have weights"
NOT_BINNED = "not computed of scores that were counted by bin"


class Parts(Protocol):
    """The scores of the m groups of a crossing, whatever is known of them."""

    @property
    def crossing(self) -> Crossing:
        """The groups."""
        ...

    @property
    def rarer(self) -> IntArray:
        """Rows of the rarer outcome of each group, shape (m,)."""
        ...

    @property
    def probable(self) -> bool:
        """Whether all scores are probabilities."""
        ...

    def quantities(self, fewest: int) -> list[Quantity]:
        """What groups are compared by; numbers of fewer rows than `fewest` are withheld."""
        ...

    def standardized(self, places: Sequence[int], level: float) -> Estimate:
        """Largest standardized difference of the mean scores of any two of some groups."""
        ...

    def curve(self, i: int, rng: np.random.Generator) -> Curve:
        """The ROC curve of one group, and draws of how far it strays."""
        ...

    def points(self, i: int, most: int) -> FloatArray:
        """False and true positive rates of one group along its curve, shape (at most most, 2)."""
        ...

    def calibration_bins(self, i: int, most: int, level: float) -> tuple[Bin, ...]:
        """Mean score against observed rate of one group."""
        ...


@dataclass(frozen=True)
class RowParts:
    """The rows of each group of a crossing, and what their scores say; see `Parts`."""

    rows: Grouped
    crossing: Crossing
    place: IntArray
    of: tuple[IntArray, ...]
    rarer: IntArray

    @classmethod
    def made(cls, rows: Grouped, columns: Sequence[str]) -> RowParts:
        """Part the rows by the groups of some columns crossed."""
        codes = {name: rows.codes[name] for name in columns}
        sizes = {name: rows.sizes[name] for name in columns}
        ones = np.ones(len(rows.y_true), dtype=np.int64)
        cells = count_cells(codes, sizes, rows.y_true, ones, rows.weights)
        crossing = cross(cells, rows.labels, columns)
        place, m = rows.place(columns), len(crossing.labels)
        order = np.argsort(place, kind="stable")
        parts = np.split(order, np.searchsorted(place[order], np.arange(1, m)))
        won = np.bincount(place, weights=rows.y_true, minlength=m).astype(np.int64)
        return cls(rows, crossing, place, tuple(parts), np.minimum(won, crossing.sizes - won))

    @property
    def probable(self) -> bool:
        """Whether all scores are probabilities."""
        return are_probabilities(self.rows.y_pred)

    @property
    def worth(self) -> FloatArray | None:
        """What the rows of each group are worth by Kish; 0 where there are none."""
        w, m = self.rows.weights, len(self.of)
        if w is None:
            return None
        total, squares = (np.bincount(self.place, weights=x, minlength=m) for x in (w, w**2))
        return np.divide(total**2, squares, out=np.zeros(m), where=squares > 0)

    def take(self, i: int) -> tuple[IntArray, FloatArray, FloatArray | None]:
        """Outcomes, scores and weights of one group."""
        rows, w = self.of[i], self.rows.weights
        return self.rows.y_true[rows], self.rows.y_pred[rows], None if w is None else w[rows]

    def area(self, i: int, level: float) -> Estimate:
        """Area under the ROC curve of one group."""
        y, score, w = self.take(i)
        return ranking.auc(y, score, level, w)

    def distance(self, i: int, level: float) -> Estimate:
        """Kolmogorov-Smirnov distance of one group."""
        y, score, w = self.take(i)
        return ranking.kolmogorov_smirnov(y, score, level, w)

    def error(self, i: int, level: float) -> Estimate:
        """Expected calibration error of one group."""
        y, score, w = self.take(i)
        return calibration.expected_calibration_error(y, score, level=level, weights=w)

    def large(self, i: int, level: float) -> Estimate:
        """Calibration in the large of one group."""
        y, score, w = self.take(i)
        return calibration.calibration_in_the_large(y, score, level, w)

    def mean(self, i: int, level: float) -> Estimate:
        """Mean score of one group, all of them probabilities."""
        _, score, w = self.take(i)
        return bounded_weighted_mean(score, w, level, 0.0, 1.0)

    def quantities(self, fewest: int) -> list[Quantity]:
        """What groups are compared by."""
        y, score, w = self.rows.y_true, self.rows.y_pred, self.rows.weights
        m, sizes, each = len(self.of), self.crossing.sizes, np.arange(len(self.of))
        missing: Numbers = Estimated(sizes, self.large, each)
        if self.probable:
            missing = means_by_group(y - score, self.place, m, w)
        return quantities_of(
            partial(Quantity, fewest=fewest, effective=self.worth),
            (sizes, self.rarer),
            means=means_by_group(score, self.place, m, w),
            of_mean=self.mean if self.probable else None,
            areas=Estimated(self.rarer, self.area, each),
            distances=Estimated(self.rarer, self.distance, each),
            errors=Estimated(sizes, self.error, each, biased=True),
            missing=missing,
            of_missing=self.large,
        )

    def standardized(self, places: Sequence[int], level: float) -> Estimate:
        """Largest standardized difference of the mean scores of any two of some groups."""
        if self.rows.weights is not None:
            return Estimate.undefined(NOT_WEIGHTED)
        return largest_standardized([self.take(i)[1] for i in places], level)

    def curve(self, i: int, rng: np.random.Generator) -> Curve:
        """The ROC curve of one group, and draws of how far it strays."""
        y, score, w = self.take(i)
        return draw_curve(y, score, rng, w)

    def points(self, i: int, most: int) -> FloatArray:
        """Points of one group along its curve."""
        y, score, w = self.take(i)
        return np.stack(ranking.roc_curve(y, score, most, w)[:2], axis=1)

    def calibration_bins(self, i: int, most: int, level: float) -> tuple[Bin, ...]:
        """Mean score against observed rate of one group."""
        y, score, w = self.take(i)
        return calibration.calibration_bins(y, score, most, level, w)


@dataclass(frozen=True)
class Binned:
    """Scores that were counted by group, outcome and bin.

    Attributes:
        cells: Counts of the same people by group, outcome and decision.
        scores: Their scores.
        labels: Column to the names of its groups and, last, of the unknown.
    """

    cells: Cells
    scores: ScoreCells
    labels: Mapping[str, Sequence[str]]

    #: Scores of weighted rows are not counted.
    weights = None

    @property
    def sizes(self) -> dict[str, int]:
        """Number of groups of each column."""
        return {name: len(labels) - 1 for name, labels in self.labels.items()}

    @property
    def everyone(self) -> BinnedScores:
        """The scores of all rows."""
        held = self.scores
        flat = held.y_true * held.bins + held.bin
        return next(_added(held, flat, 1))

    @property
    def constant(self) -> bool:
        """Whether every row gets the same score."""
        return bool(self.scores.low.min() == self.scores.high.max())


def parts_of(held: Grouped | Binned, columns: Sequence[str]) -> Parts:
    """Part scores by the groups of some columns crossed.

    Args:
        held: Rows, or counts by bin.
        columns: The columns.

    Returns:
        The scores of each group.
    """
    return (
        RowParts.made(held, columns)
        if isinstance(held, Grouped)
        else BinnedParts.made(held, columns)
    )


def _added(held: ScoreCells, place: IntArray, groups: int) -> Iterator[BinnedScores]:
    """Add up cells whose places are those of the array of all groups, outcomes and bins."""
    shape = (groups, 2, held.bins)
    size = int(np.prod(shape))
    n = np.rint(np.bincount(place, weights=held.n, minlength=size)).astype(np.int64)
    sums = np.bincount(place, weights=held.score_sum, minlength=size)
    parts = (n, sums, *extremes_of(place, held.low, held.high, size))
    return map(BinnedScores, *(part.reshape(shape) for part in parts))


@dataclass(frozen=True)
class BinnedParts:
    """The scores of each group of a crossing by outcome and bin; see `Parts`.

    Attributes:
        crossing: The groups.
        of: The scores of each.
    """

    crossing: Crossing
    of: tuple[BinnedScores, ...]

    #: None is outside 0 to 1, or it would have no bin.
    probable = True

    @classmethod
    def made(cls, held: Binned, columns: Sequence[str]) -> BinnedParts:
        """Add up the scores by the groups of some columns crossed."""
        scores = held.scores
        crossing = cross(held.cells, held.labels, columns)
        codes = np.stack([scores.codes[:, scores.columns.index(c)] for c in columns], axis=1)
        place = place_rows(codes, [held.sizes[name] for name in columns])
        flat = (place * 2 + scores.y_true) * scores.bins + scores.bin
        return cls(crossing, tuple(_added(scores, flat, len(crossing.labels))))

    @cached_property
    def rarer(self) -> IntArray:
        """Rows of the rarer outcome of each group."""
        return np.array([one.rarer for one in self.of], dtype=np.int64)

    def quantities(self, fewest: int) -> list[Quantity]:
        """What groups are compared by; means are exact, the others have a bound."""
        sizes, each, of = self.crossing.sizes, np.arange(len(self.of)), self.of
        areas = np.array([one.area.bound if one.rarer else 0.0 for one in of])
        distances = np.array([one.distance.bound if one.rarer else 0.0 for one in of])
        errors = np.array([one.error.bound if one.rows else 0.0 for one in of])
        return quantities_of(
            partial(Quantity, fewest=fewest),
            (sizes, self.rarer),
            means=self._means(0.0),
            of_mean=lambda i, level: of[i].mean_score(level),
            areas=Estimated(self.rarer, lambda i, level: of[i].roc_auc(level), each, slack=areas),
            distances=Estimated(
                self.rarer, lambda i, level: of[i].kolmogorov_smirnov(level), each, slack=distances
            ),
            errors=Estimated(
                sizes,
                lambda i, level: of[i].calibration_error(level),
                each,
                biased=True,
                slack=errors,
            ),
            missing=self._means(1.0),
            of_missing=lambda i, level: of[i].in_the_large(level),
        )

    def _means(self, outcome: float) -> Means:
        n = np.array([one.rows for one in self.of], dtype=np.int64)
        nothing = (np.nan, np.nan)
        found = [one.moments(outcome) if one.rows else nothing for one in self.of]
        mean, variance = np.array(found).T
        return Means(n, n.astype(np.float64), mean, np.where(n > 1, variance, np.nan))

    def standardized(self, places: Sequence[int], level: float) -> Estimate:
        """None: how far each row pulls is not known."""
        del places, level
        return Estimate.undefined(NOT_BINNED)

    def curve(self, i: int, rng: np.random.Generator) -> Curve:
        """The ROC curve of one group, and draws of how far it strays."""
        return stray(self.of[i].held, self.of[i].held, rng)

    def points(self, i: int, most: int) -> FloatArray:
        """Points of one group along its curve, which pass through the ends of bins."""
        return np.stack(self.of[i].points(most)[:2], axis=1)

    def calibration_bins(self, i: int, most: int, level: float) -> tuple[Bin, ...]:
        """Mean score against observed rate of one group."""
        return self.of[i].calibration_bins(most, level)


def quantities_of(
    made: Callable[..., Quantity],
    rests: tuple[IntArray, IntArray],
    *,
    means: Numbers,
    of_mean: OfGroup | None,
    areas: Estimated,
    distances: Estimated,
    errors: Estimated,
    missing: Numbers,
    of_missing: OfGroup,
) -> list[Quantity]:
    """What the scores of groups are compared by, in the order in which it is shown.

    Args:
        made: Makes a quantity.
        rests: Rows of each group, and its rows of the rarer outcome.
        means: Mean scores.
        of_mean: Mean score of one group, where its bounds are known.
        areas: Areas under the ROC curve.
        distances: Kolmogorov-Smirnov distances.
        errors: Calibration errors.
        missing: Mean outcomes less mean scores.
        of_missing: The same of one group.

    Returns:
        The quantities.
    """
    sizes, rarer = rests
    ranked = partial(made, n=rarer, words=RARER)
    return [
        made(MEAN_SCORE, sizes, means, gap=MEAN_SCORE_DIFFERENCE, of_group=of_mean, vacuous=True),
        ranked(ROC_AUC, numbers=areas, gap=ROC_AUC_DIFFERENCE, bounds=areas.slack),
        ranked(KS_STATISTIC, numbers=distances, bounds=distances.slack),
        made(
            EXPECTED_CALIBRATION_ERROR,
            sizes,
            errors,
            gap=EXPECTED_CALIBRATION_ERROR_DIFFERENCE,
            bounds=errors.slack,
        ),
        made(
            CALIBRATION_IN_THE_LARGE,
            sizes,
            missing,
            gap=CALIBRATION_IN_THE_LARGE_DIFFERENCE,
            of_group=of_missing,
        ),
    ]
