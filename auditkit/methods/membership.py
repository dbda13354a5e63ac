"""Membership inference by loss: does a model betray which rows it was trained on?"""

from __future__ import annotations

import bisect
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from auditkit.evidence import Interval
from auditkit.methods.estimates import Estimate, FloatArray
from auditkit.methods.intervals import clopper_pearson

#: How `tpr_at_fpr` and `attack_curve` make their intervals.
METHOD = "Clopper-Pearson at order-statistic bounds of the threshold (Bonferroni of the two)"
#: How `tpr_at_zero` does.
ABOVE_ALL = "Clopper-Pearson above the highest of the other rows"


def attack_scores(probabilities: npt.ArrayLike, labels: npt.ArrayLike) -> FloatArray:
    """Score rows by how likely they were trained on: minus the loss of the model on each.

    Args:
        probabilities: Shape (n,): the model's probability that the row is positive, in [0, 1]; or
            (n, k): of each class.
        labels: Shape (n,): the true outcome, 1 where positive, else 0; or the index of the true
            class, below 0 where the model does not know it.

    Returns:
        Shape of the labels: minus the cross-entropy in nats, so the logarithm of the probability
        that the model gave to what is true; finite, at most 0, higher for a likelier member.

    Raises:
        ValueError: If a probability lies outside [0, 1] or the shapes differ.

    Source:
        Yeom, Giacomelli, Fredrikson and Jha (2018), IEEE Computer Security Foundations Symposium.

    Example:
        >>> attack_scores([0.9, 0.9], [1, 0]).round(3).tolist()
        [-0.105, -2.303]
        >>> attack_scores([[0.1, 0.7, 0.2]], [1]).round(3).tolist()
        [-0.357]
    """
    p = np.asarray(probabilities, dtype=np.float64)
    y = np.asarray(labels)
    if p.shape[: y.ndim] != y.shape or p.ndim > y.ndim + 1:
        raise ValueError(f"one label a probability; got shapes {p.shape} and {y.shape}")
    if not np.all((p >= 0) & (p <= 1)):
        raise ValueError("probabilities lie in [0, 1]")
    if p.ndim > y.ndim:
        held = np.take_along_axis(p, np.maximum(y, 0)[..., None].astype(np.int64), axis=-1)
        of_truth = np.where(y >= 0, held[..., 0], 0.0)
    else:
        of_truth = np.where(y == 1, p, 1.0 - p)
    return np.log(np.maximum(of_truth, np.finfo(np.float64).tiny))


def tpr_at_fpr(
    members: npt.ArrayLike, others: npt.ArrayLike, fpr: float, level: float = 0.95
) -> Estimate:
    """Share of members that the best threshold finds while it accuses few others.

    The quantity is that of the populations: the share of members above the smallest threshold
    that accuses at most `fpr` of all non-members. That threshold is not known, only estimated
    from `others`, and the interval pays for it: order statistics of `others` bound the threshold
    on both sides, without assuming a distribution, and the exact binomial bounds of the members
    above these two bound the share; each of the two steps may fail with half of 1 - `level`. A row
    is accused where its score is strictly above the threshold, so that tied scores never push
    the rate over `fpr`, and the interval holds with ties too.

    Args:
        members: Shape (n,): attack scores of rows that were trained on.
        others: Shape (m,): attack scores of rows that were not, independent of `members`.
        fpr: Largest share of non-members that may be accused, in (0, 1).
        level: Two-sided confidence level, in (0, 1).

    Returns:
        The share; undefined where there are no members, or fewer than 1 / `fpr` others.

    Raises:
        ValueError: If `fpr` lies outside (0, 1).

    Source:
        Carlini et al. (2022), IEEE Symposium on Security and Privacy, for the quantity; Clopper
        and Pearson (1934), Biometrika 26:404, for the binomial bounds.

    Example:
        >>> estimate = tpr_at_fpr(np.arange(200), np.arange(100), fpr=0.01)
        >>> estimate.value, estimate.interval.low < 0.5 < estimate.interval.high
        (0.505, True)
    """
    if not 0 < fpr < 1:
        raise ValueError(f"a false-positive rate lies in (0, 1); got {fpr}")
    samples = _Samples.of(members, others)
    if samples.members.size == 0:
        return Estimate.undefined("no rows that the model was trained on")
    if samples.rank(fpr) == 0:
        return Estimate.undefined(
            f"{samples.others.size} rows outside the training data cannot show a false-positive "
            f"rate of {fpr:g}; at least {int(np.ceil(1 / fpr))} are needed"
        )
    value, low, high = samples.point(fpr, level)
    return Estimate(value, Interval(low, high, level, METHOD))


def tpr_at_zero(
    members: npt.ArrayLike, others: npt.ArrayLike, level: float = 0.95
) -> tuple[Estimate, float]:
    """Share of members above every one of these others: nobody of them is accused.

    No sample shows a false-positive rate of exactly 0. The threshold is taken as given: the share
    is that of all members above it, and how many of all others it accuses is bounded beside.

    Args:
        members: Shape (n,): attack scores of rows that were trained on.
        others: Shape (m,): attack scores of rows that were not, independent of `members`.
        level: Two-sided confidence level of the share, in (0, 1).

    Returns:
        The share, undefined where either kind has no rows; and the bound below which the
        false-positive rate of the threshold lies with probability `level`.

    Source:
        Clopper and Pearson (1934), Biometrika 26:404; 0 of m rows for the bound.

    Example:
        >>> share, bound = tpr_at_zero(np.arange(200), np.arange(100))
        >>> share.value, round(bound, 3)
        (0.5, 0.03)
    """
    samples = _Samples.of(members, others)
    if not (samples.members.size and samples.others.size):
        return Estimate.undefined("rows of both kinds are needed"), 1.0
    found, total = samples.found(0), samples.members.size
    low, high = clopper_pearson(found, total, level)
    estimate = Estimate(found / total, Interval(float(low), float(high), level, ABOVE_ALL))
    return estimate, float(-np.expm1(np.log(1 - level) / samples.others.size))


def attack_curve(
    members: npt.ArrayLike, others: npt.ArrayLike, level: float = 0.95, points: int = 60
) -> list[tuple[float, float, float, float]]:
    """Trace the attack's operating curve for logarithmic axes, with pointwise bounds.

    Args:
        members: Shape (n,): attack scores of rows that were trained on.
        others: Shape (m,): attack scores of rows that were not.
        level: Two-sided confidence level of each point, in (0, 1).
        points: Largest number of points.

    Returns:
        False-positive rate, true-positive rate, its lower and its upper bound, as in
        `tpr_at_fpr`; rates rise from 1/m in even ratios. Empty where a sample is too small.

    Example:
        >>> [round(x, 3) for x in attack_curve(np.arange(200), np.arange(100))[0][:2]]
        [0.01, 0.505]
    """
    samples = _Samples.of(members, others)
    most = samples.others.size - 1
    if samples.members.size == 0 or most < 1:
        return []
    ranks = np.unique(np.round(np.geomspace(1, most, min(points, most))).astype(np.int64))
    rates = [int(rank) / samples.others.size for rank in ranks]
    return [(rate, *samples.point(rate, level)) for rate in rates]


@dataclass(frozen=True)
class _Samples:
    """Attack scores of both kinds of rows, each in ascending order."""

    members: FloatArray
    others: FloatArray

    @classmethod
    def of(cls, members: npt.ArrayLike, others: npt.ArrayLike) -> _Samples:
        return cls(*(np.sort(np.asarray(s, dtype=np.float64)) for s in (members, others)))

    def rank(self, fpr: float) -> int:
        """Others that may be accused at a false-positive rate, rounding errors forgiven."""
        return int(np.floor(fpr * self.others.size + 1e-9))

    def found(self, accused: int) -> int:
        """Members above the threshold that accuses at most so many of the others."""
        if accused < 0:
            return 0
        if accused >= self.others.size:
            return int(self.members.size)
        threshold = self.others[self.others.size - 1 - accused]
        return int(self.members.size - np.searchsorted(self.members, threshold, side="right"))

    def point(self, fpr: float, level: float) -> tuple[float, float, float]:
        """True-positive rate with its bounds."""
        fewest, most = _accused(self.others.size, fpr, (1 - level) / 4)
        found = np.array([self.found(fewest), self.found(most)])
        low, high = clopper_pearson(found, self.members.size, (1 + level) / 2)
        value = self.found(self.rank(fpr)) / self.members.size
        return value, float(low[0]), float(high[1])


def _accused(total: int, fpr: float, tail: float) -> tuple[int, int]:
    """How few and how many of the others the true threshold may accuse.

    The true threshold t accuses Binomial(`total`, at most `fpr`) of them. So it is at most the
    order statistic above which lie `fewest` of them, and at least that above which lie `most`,
    each up to a probability of `tail`; -1 and `total` where no order statistic will do.
    """

    def below(count: int) -> float:
        return float(special.bdtr(count, total, fpr))

    ranks = range(total)
    fewest = bisect.bisect_right(ranks, tail, key=below) - 1
    return fewest, bisect.bisect_left(ranks, 1 - tail, key=below)
