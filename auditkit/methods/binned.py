"""Numbers of the scores of some people, of whom only counts by outcome and bin are known.

Sums of scores are exact. What depends on where a score lies in its bin is given with a bound of
what that can change; intervals are those of `ranking`, `calibration` and `intervals`, with the
spread within bins taken for the largest there can be.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from auditkit.methods import ranking, score_curves
from auditkit.methods.calibration import Bin, around_error, bins_of
from auditkit.methods.estimates import Estimate, FloatArray, IntArray, mean_within
from auditkit.methods.score_curves import Bounded, Histogram

NO_ROWS = "no rows"
#: Equally wide bins of the calibration error.
PARTS = 10


@dataclass(frozen=True)
class BinnedScores:
    """Scores of some people by outcome and bin.

    Attributes:
        n: Shape (2, bins): rows by true outcome and bin.
        sums: Shape (2, bins): sum of their scores.
        low: Shape (2, bins): lowest of their scores; infinite where there is none.
        high: Shape (2, bins): highest of their scores, likewise.

    Example:
        >>> n = np.zeros((2, 8), dtype=np.int64)
        >>> n[0, 1], n[1, 6] = 3, 5
        >>> score = np.tile(np.arange(0.05, 0.85, 0.1), (2, 1))
        >>> held = BinnedScores(n, n * score, score, score)
        >>> held.rows, held.area.value, round(held.mean_score(0.95).value, 4)
        (8, 1.0, 0.4625)
    """

    n: IntArray
    sums: FloatArray
    low: FloatArray
    high: FloatArray

    @property
    def rows(self) -> int:
        """Rows of both outcomes."""
        return int(self.n.sum())

    @property
    def rarer(self) -> int:
        """Rows of the rarer outcome."""
        return int(self.n.sum(axis=1).min())

    @cached_property
    def held(self) -> Histogram:
        """The scores as `auditkit.methods.score_curves` takes them."""
        lost, won = self.n.astype(np.float64)
        return Histogram(won, lost, self.sums.sum(axis=0), exact=self._lowest >= self._highest)

    @cached_property
    def means(self) -> FloatArray:
        """Mean score of each cell; 0 where there is no row."""
        found = np.divide(self.sums, self.n, out=np.zeros(self.n.shape), where=self.n > 0)
        return np.where(self.n > 0, np.clip(found, self.low, self.high), 0.0)

    @cached_property
    def _within(self) -> FloatArray:
        """Largest sum of squared distances from the mean of a cell, shape (2, bins)."""
        there = self.n > 0
        low, high = np.where(there, self.low, 0.0), np.where(there, self.high, 0.0)
        return np.asarray(self.n * (high - self.means) * (self.means - low))

    @property
    def _lowest(self) -> FloatArray:
        """Lowest score of each bin, shape (bins,); infinite where there is none."""
        return np.asarray(self.low.min(axis=0))

    @property
    def _highest(self) -> FloatArray:
        return np.asarray(self.high.max(axis=0))

    @cached_property
    def _parts(self) -> tuple[IntArray, npt.NDArray[np.bool_]]:
        """The wider bin of each bin, and whether its scores lie in several; shape (bins,)."""
        n = self.n.sum(axis=0)
        there = n > 0
        means = np.divide(self.sums.sum(axis=0), n, out=np.zeros(n.size), where=there)
        ends = (np.where(there, end, 0.0) for end in (self._lowest, self._highest))
        first, last = (np.minimum((end * PARTS).astype(np.int64), PARTS - 1) for end in ends)
        own = np.clip((means * PARTS).astype(np.int64), first, last)
        return own, last > first

    @cached_property
    def area(self) -> Bounded:
        """Area under the ROC curve; see `score_curves.auc`."""
        found = score_curves.auc(self.held)
        at_end = min(found.value, 1 - found.value) < 1e-12
        return Bounded(float(round(found.value)) if at_end else found.value, found.bound)

    @cached_property
    def distance(self) -> Bounded:
        """Kolmogorov-Smirnov distance; see `score_curves.ks`."""
        return score_curves.ks(self.held)

    @cached_property
    def error(self) -> Bounded:
        """Expected calibration error over `PARTS` bins; see `calibration`.

        A narrow bin whose scores lie in two wider ones counts as part of one of them. What
        some of its rows have too little, or too much, may belong to the next: that moves the sizes
        of both.
        """
        parts, across = self._parts
        value = score_curves.calibration_error(self.held, parts)
        most = np.maximum(self.sums[0], self.n[1] - self.sums[1])  # promised too much, too little
        return Bounded(value, float(2 * most[across].sum() / self.rows))

    @cached_property
    def squared(self) -> Bounded:
        """Brier score: the spread within bins is half of what it can be, or up to as much off."""
        squares = self.n * self._misses**2
        hidden = float(self._within.sum()) / 2
        return Bounded(float((squares.sum() + hidden) / self.rows), hidden / self.rows)

    @property
    def _misses(self) -> FloatArray:
        """Distance of the mean score of each cell from its outcome."""
        return np.stack([self.means[0], 1 - self.means[1]])

    def roc_auc(self, level: float) -> Estimate:
        """The area, its interval without what bins hide; see `ranking.auc`.

        DeLong's variance is exact for the scores as bins have them: those of one bin are ties.
        """
        lost, won = self.n
        if not self.rarer:
            return Estimate.undefined(ranking.ONE_OUTCOME)
        above = (np.cumsum(lost) - lost / 2) / lost.sum()
        below = 1 - (np.cumsum(won) - won / 2) / won.sum()
        variance = None
        if self.rarer > 1 and np.ptp(above[won > 0]) + np.ptp(below[lost > 0]) >= 1e-12:
            variance = _variance_of_mean(above, won) + _variance_of_mean(below, lost)
        return ranking.around_area(self.area.value, variance, self.rarer, level)

    def kolmogorov_smirnov(self, level: float) -> Estimate:
        """The distance, its interval without what bins hide; see `ranking`."""
        if not self.rarer:
            return Estimate.undefined(ranking.ONE_OUTCOME)
        lost, won = self.n.sum(axis=1).tolist()
        return ranking.around_distance(self.distance.value, (won, lost), level)

    def calibration_error(self, level: float) -> Estimate:
        """The error, its interval without what bins hide; see `calibration`."""
        if not self.rows:
            return Estimate.undefined(NO_ROWS)
        (parts, _), n = self._parts, self.n.sum(axis=0)
        mean = np.divide(self.sums.sum(axis=0), n, out=np.zeros(n.size), where=n > 0)
        missed = (self.n * self._misses**2 + self._within).sum(axis=0)
        spread = (
            np.bincount(parts, weights=some, minlength=PARTS)
            for some in (missed, n * mean * (1 - mean))
        )
        return around_error(self.error.value, np.maximum(*spread) / self.rows**2, level)

    def mean_score(self, level: float) -> Estimate:
        """Mean score, which is exact; see `intervals.bounded_mean`."""
        return self._mean(0.0, level, 0.0)

    def in_the_large(self, level: float) -> Estimate:
        """Mean outcome less mean score, which is exact; see `calibration`."""
        return self._mean(1.0, level, -1.0)

    def _mean(self, outcome: float, level: float, low: float) -> Estimate:
        if not self.rows:
            return Estimate.undefined(NO_ROWS)
        mean, variance = self.moments(outcome)
        return mean_within(self.rows, mean, variance**0.5, level, low, 1.0)

    def brier(self, level: float) -> Estimate:
        """Brier score, its interval without what bins hide; see `calibration.brier_score`."""
        if not self.rows:
            return Estimate.undefined(NO_ROWS)
        squares = self._misses**2
        # A square of a number in 0 to 1 moves by at most twice as much as the number.
        apart = self.n * (squares - np.average(squares, weights=self.n)) ** 2 + 4 * self._within
        ends = (np.stack([end[0], 1 - end[1]])[self.n > 0] ** 2 for end in (self.low, self.high))
        deviation = self._sample_variance(apart, *ends) ** 0.5
        return mean_within(self.rows, self.squared.value, deviation, level, 0.0, 1.0)

    def moments(self, outcome: float) -> tuple[float, float]:
        """Mean and sample variance of the score, or of outcome less score.

        Args:
            outcome: 0 for the score, 1 for outcome less score.

        Returns:
            The mean, exact, and the largest variance there can be.
        """
        sign, start = (1.0, 0.0) if outcome == 0 else (-1.0, np.array([[0.0], [1.0]]))
        values = start + sign * self.means
        total = float(self.sums.sum())
        mean = (total if outcome == 0 else float(self.n[1].sum()) - total) / self.rows
        apart = self.n * (values - mean) ** 2 + self._within
        ends = ((start + sign * end)[self.n > 0] for end in (self.low, self.high))
        return mean, self._sample_variance(apart, *ends)

    def _sample_variance(self, apart: FloatArray, ends: FloatArray, others: FloatArray) -> float:
        """Variance of numbers that lie between ends; 0 where all are equal."""
        spread = np.ptp(np.concatenate([ends, others])) > 1e-9
        return float(apart.sum()) / (self.rows - 1) if self.rows > 1 and spread else 0.0

    def points(self, most: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        """False and true positive rates, and the scores from which they are those.

        Args:
            most: Most points, at least 2, evenly along the curve.

        Returns:
            Points that the curve passes through, from (0, 0) to (1, 1), with the lowest score of
            the bins that are selected, infinite where there is none; see `ranking.roc_curve`.

        Raises:
            ValueError: If there is one outcome only.
        """
        fpr, tpr = score_curves.roc(self.held)
        there = np.concatenate([[True], (self.n.sum(axis=0) > 0)[::-1]])
        starts = np.concatenate([[np.inf], self._lowest[::-1]])
        curve = fpr[there], tpr[there], starts[there]
        kept = score_curves.thinned(*curve[:2], most)
        return curve[0][kept], curve[1][kept], curve[2][kept]

    def calibration_bins(self, most: int, level: float) -> tuple[Bin, ...]:
        """Mean score against observed rate; see `calibration.calibration_bins`."""
        total = self.n.sum(axis=0)
        if not self.rows:
            return ()
        ends = np.searchsorted(np.cumsum(total), self.rows * np.arange(1, most) / most)
        place = np.searchsorted(np.unique(ends), np.arange(total.size), side="left")
        n, won, sums = (
            np.bincount(place, weights=held).astype(np.float64)
            for held in (total, self.n[1], self.sums.sum(axis=0))
        )
        kept = n > 0
        counts = won[kept], n[kept]
        return bins_of(n[kept].astype(np.int64), sums[kept] / n[kept], counts, level)


def _variance_of_mean(values: FloatArray, n: IntArray) -> float:
    total = int(n.sum())
    mean = (values * n).sum() / total
    return float((n * (values - mean) ** 2).sum() / (total - 1) / total)
