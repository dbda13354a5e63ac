"""Testing subgroups on rows in which they were not found.

The intervals of all tests of one audit hold together (Bonferroni), so that the chance of naming
any subgroup where none differs is at most 1 minus the level. Simulated over whole audits at 95 %,
default settings, three columns, with decisions, errors and calibration that have nothing to do with
groups: 27 of 1,000 audits of 300 rows and 30 of 1,000 audits of 1,000 rows named a subgroup.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from auditkit.evidence import Interval
from auditkit.methods import gaps, means
from auditkit.methods.estimates import Estimate, FloatArray, IntArray
from auditkit.methods.intervals import clopper_pearson
from auditkit.methods.subgroups import BoolArray, Halves, Number, Subgroup
from auditkit.methods.weighting import EFFECTIVE, effective_counts


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A subgroup and what it was held against, in the half to test.

    Attributes:
        subgroup: The subgroup.
        n: Its rows that count.
        others: The rows that it was held against.
        mean: Its mean, or its share of all rows times its gap for a calibration.
        rest: What that was held against.
        difference: The first minus the second.
        low: Lower bound of the difference; None where nothing has spread.
        high: Upper bound.
        p_value: Two-sided p-value of this test alone; None where there is none.
        method: How the bounds were made.
        worse: As in `auditkit.methods.subgroups.Number`.
    """

    subgroup: Subgroup
    n: int
    others: int
    mean: float
    rest: float
    difference: float
    low: float | None
    high: float | None
    p_value: float | None
    method: str
    worse: int = 0

    @property
    def least(self) -> float:
        """How far it surely differs, for the worse where that is known; 0 where it may not."""
        if self.low is None or self.high is None:
            return 0.0
        above, below = max(0.0, self.low), max(0.0, -self.high)
        return {1: above, -1: below}.get(self.worse, max(above, below))

    @property
    def established(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.least > 0

    def gap(self, level: float) -> Estimate:
        """The size of the difference, unsigned; `level` is what the bounds hold together at."""
        value = abs(self.difference)
        if self.low is None or self.high is None:
            return Estimate(value, None, means.NO_SPREAD)
        most = max(self.high, -self.low)
        return Estimate(value, Interval(self.least, most, level, self.method))


def compare(
    subgroup: Subgroup, number: Number, halves: Halves, level: float, *, share: bool
) -> HeldOut:
    """Hold a subgroup against everyone else, in the half to test.

    Args:
        subgroup: The subgroup.
        number: What is compared.
        halves: How the rows are split.
        level: Level of this one interval, in (0, 1); see `auditkit.methods.gaps.shared_level`.
        share: Whether the numbers are 0 and 1, so that their mean is a share.

    Returns:
        The test: Newcombe's interval of Clopper-Pearson limits for shares, Welch's for others.

    Example:
        >>> first = Subgroup(("sex",), ("F",), np.arange(150) < 70)
        >>> won = np.isin(np.arange(150), [*range(56), *range(70, 118)]).astype(float)
        >>> number = Number(won, np.ones(150, dtype=bool))
        >>> halves = Halves(np.zeros(150, dtype=bool), 1)
        >>> found = compare(first, number, halves, 0.95, share=True)
        >>> round(found.difference, 3), round(found.low, 4), round(found.high, 4)
        (0.2, 0.0439, 0.3442)
    """
    rows = number.among & ~halves.searched
    place = np.where(subgroup.rows[rows], 0, 1).astype(np.int64)
    values = number.values[rows]
    weights = None if halves.weights is None else halves.weights[rows]
    sizes = np.bincount(place, minlength=2)
    found = means.means_by_group(values, place, 2, weights)
    pair: gaps.Pair | means.MeanPair
    if share:
        pair, method = _of_shares(values, place, weights, level)
    else:
        pair, method = means.compare_pairs(found, level)[0], means.METHOD
    # The pair names the higher first; here the subgroup comes first.
    sign = 1.0 if pair.a == 0 else -1.0
    low, high = (None if end is None else sign * end for end in (pair.low, pair.high))
    return HeldOut(
        subgroup=subgroup,
        n=int(sizes[0]),
        others=int(sizes[1]),
        mean=float(found.mean[0]),
        rest=float(found.mean[1]),
        difference=sign * pair.difference,
        low=low if sign > 0 else high,
        high=high if sign > 0 else low,
        p_value=pair.p_adjusted,  # one pair: nothing was adjusted
        method=method,
        worse=number.worse,
    )


def _of_shares(
    values: FloatArray, place: IntArray, weights: FloatArray | None, level: float
) -> tuple[gaps.Pair, str]:
    method = "Newcombe of Clopper-Pearson limits"
    cell = 2 * place + (values > 0)
    if weights is None:
        counts = np.bincount(cell, minlength=4).reshape(2, 2)
        return gaps.compare_pairs(counts[:, 1], counts.sum(axis=1), level)[0], method
    lost, won = np.bincount(cell, weights, 4).reshape(2, 2).T
    lost_squares, won_squares = np.bincount(cell, weights**2, 4).reshape(2, 2).T
    effective = effective_counts(won, won_squares, lost, lost_squares)
    return gaps.compare_pairs(*effective, level)[0], f"{method}{EFFECTIVE}"


def calibrate(
    subgroup: Subgroup, y_true: FloatArray, y_score: FloatArray, halves: Halves, level: float
) -> HeldOut:
    """Hold outcomes of a subgroup against its scores, in the half to test.

    Outcomes that follow their scores vary no more than a binomial of the mean score (Hoeffding,
    1956), so Clopper and Pearson's interval of the rate, less the mean score, is wide enough.

    Args:
        subgroup: The subgroup within a score bin.
        y_true: Shape (n,): true outcomes, 0 or 1.
        y_score: Shape (n,): probabilities.
        halves: How the rows are split.
        level: Level of this one interval, in (0, 1).

    Returns:
        Observed rate, mean score and their difference; `others` are all rows of the half.

    Source:
        Hoeffding (1956), Ann. Math. Stat. 27:713.

    Example:
        >>> all_rows = Subgroup(("score",), ("0.5 to 0.6",), np.ones(4, dtype=bool))
        >>> halves = Halves(np.zeros(4, dtype=bool), 1)
        >>> found = calibrate(all_rows, np.array([1, 1, 1, 0]), np.full(4, 0.5), halves, 0.95)
        >>> found.mean, found.rest, found.difference
        (0.75, 0.5, 0.25)
    """
    rows = subgroup.rows & ~halves.searched
    y, score = y_true[rows].astype(np.float64), y_score[rows]
    w = np.ones(y.size) if halves.weights is None else halves.weights[rows]
    won, lost = w * y, w * (1 - y)
    counted: tuple[npt.ArrayLike, npt.ArrayLike] = (won.sum(), y.size)
    if halves.weights is not None:
        counted = effective_counts(won.sum(), (won**2).sum(), lost.sum(), (lost**2).sum())
    low, high = clopper_pearson(*counted, level=level)
    rate, promised = float(won.sum() / w.sum()), float((w * score).sum() / w.sum())
    return HeldOut(
        subgroup=subgroup,
        n=y.size,
        others=int((~halves.searched).sum()),
        mean=rate,
        rest=promised,
        difference=rate - promised,
        low=float(low) - promised,
        high=float(high) - promised,
        p_value=None,
        method=f"Clopper-Pearson{'' if halves.weights is None else EFFECTIVE}, less mean score",
    )


def times_share(found: HeldOut, halves: Halves) -> HeldOut:
    """Weigh a calibration by the share of the rows that it is about, in the half to test."""
    w = np.ones(halves.searched.size) if halves.weights is None else halves.weights
    rows = ~halves.searched
    share = float(w[rows & found.subgroup.rows].sum() / w[rows].sum())
    low, high = (None if end is None else share * end for end in (found.low, found.high))
    return replace(
        found,
        difference=share * found.difference,
        low=low,
        high=high,
        method=f"{found.method}, times share of rows",
    )


def halve(rng: np.random.Generator, n: int) -> BoolArray:
    """Draw the rows to search in: one half of n, rounded down; shape (n,).

    Example:
        >>> int(halve(np.random.default_rng(0), 5).sum())
        2
    """
    searched = np.zeros(n, dtype=bool)
    searched[rng.permutation(n)[: n // 2]] = True
    return searched
