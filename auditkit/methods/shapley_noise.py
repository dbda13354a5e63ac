"""The noise of what is computed from Shapley values: of the rows, and of their background.

Two samples stand behind each number: the explained rows, and the background that all of them
share. Intervals add the variance over rows to a jackknife over blocks of the background.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from auditkit.methods.intervals import wilson
from auditkit.methods.shapley import Attribution
from auditkit.methods.shapley_game import Floats

#: Values of this size are rounding of the network's single precision, not contributions.
ROUNDING = 1e-6
#: Names the method of an interval that `Noise.arm` gives; `blocks` is to be filled in.
METHOD = "Student's t over rows and jackknife over {blocks} background blocks"


@dataclass(frozen=True, slots=True)
class Noise:
    """Variance of a mean from both samples.

    Attributes:
        variance: Of the sum of the parts; shape (g,) or ().
        freedom: Degrees of freedom by Welch and Satterthwaite.
    """

    variance: Floats
    freedom: Floats

    @classmethod
    def of(cls, *parts: tuple[Floats, int]) -> Noise:
        """Add independent parts, each a variance and its degrees of freedom."""
        variance = np.sum([part for part, _ in parts], axis=0)
        spread = np.sum([part**2 / freedom for part, freedom in parts], axis=0)
        return cls(variance, variance**2 / np.where(spread > 0, spread, 1.0))

    def arm(self, level: float) -> Floats:
        """Half a width at a level; 0 where nothing varied."""
        quantile = special.stdtrit(np.maximum(self.freedom, 1.0), (1 + level) / 2)
        arm = np.asarray(quantile * np.sqrt(self.variance))
        return np.where(arm > ROUNDING**2, arm, 0.0)


def done(found: Attribution) -> Floats:
    """Values of the rows that the budget reached, shape (m, g) or (m, g, c) of c classes."""
    return found.values[: found.reached]


def sizes(values: Floats, *, classes: bool) -> Floats:
    """How far values move a score: their absolute values, of classes half the sum over them.

    Half, because what one class gains others lose: it is the probability that changes hands, and
    of two classes what either gains. shap's stacked bars of classes show twice as much.

    Args:
        values: Shape (..., g), or (..., g, c) of c classes.
        classes: Whether the last axis is that of classes.

    Returns:
        Shape (..., g).

    Example:
        >>> sizes(np.array([[0.5, -0.25, -0.25]]), classes=True).tolist()
        [0.5]
    """
    return np.asarray(np.abs(values).sum(axis=-1) / 2 if classes else np.abs(values))


def own_sizes(found: Attribution) -> Floats:
    """Sizes of the values of the rows that the budget reached, shape (m, g)."""
    return sizes(done(found), classes=found.values.ndim == 3)


def sizes_without_each(found: Attribution) -> Floats:
    """Sizes against the background without each of its blocks, shape (m, k, g)."""
    return sizes(without_each(found), classes=found.values.ndim == 3)


def value_bounds(
    found: Attribution, level: float = 0.95, bound: float = 1.0
) -> tuple[Floats, Floats]:
    """Bound each value that the whole population would give as background.

    Student's t over the background would be too narrow for a player in which few background rows
    differ, and of no width where none does. So a value is taken as the share of rows that differ
    times their mean, and the share has its Wilson bounds.

    Args:
        found: Shapley values of one output.
        level: Two-sided confidence level, in (0, 1).
        bound: Greatest absolute value that is possible: 1 for a probability, infinity for a logit.

    Returns:
        Lower and upper bounds, shape (m, g); NaN where there is no value or no standard error.

    Source:
        Zou and Donner (2008), Stat. Med. 27:1693, for a product of two independent estimates.

    Example:
        >>> from auditkit.methods.shapley import shapley
        >>> rows = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
        >>> found = shapley(lambda z: z[:, 0] / 2, rows, rows, [np.array([0]), np.array([1])],
        ...                 rng=np.random.default_rng(0))
        >>> low, high = value_bounds(found)
        >>> low[2].round(3).tolist(), high[2].round(3).tolist()
        ([0.075, -0.49], [0.425, 0.49])
    """
    values, b = found.values, int(found.block_sizes.sum())
    share, (least, most) = np.ones(values.shape), np.ones((2, *values.shape))
    if found.differing is not None:
        share, (least, most) = found.differing / b, wilson(found.differing, b, level)
    mean = values / np.maximum(share, 1 / b)
    within = found.standard_errors**2 + values * (values - mean) / max(b - 1, 1)
    inner = np.maximum(within, 0.0) * special.stdtrit(max(b - 1, 1), (1 + level) / 2) ** 2
    toward = np.sqrt(inner + (mean * (share - least)) ** 2)
    away = np.sqrt(inner + (mean * (most - share)) ** 2)
    # Where no background row made a difference, one that does may have been missed.
    unseen = np.where(toward + away <= ROUNDING, bound * float(wilson(0, b, level)[1]), 0.0)
    low = values - np.where(values > 0, toward, away) - unseen
    high = values + np.where(values > 0, away, toward) + unseen
    return np.maximum(low, -bound), np.minimum(high, bound)


def block_mean(found: Attribution, blocks: npt.NDArray[np.int64]) -> Floats:
    """Values against some blocks of the background together, shape (m, g) or (m, g, c)."""
    chosen = found.block_values[: found.reached, blocks]
    return np.asarray(np.average(chosen, axis=1, weights=found.block_sizes[blocks]))


def without_each(found: Attribution) -> Floats:
    """Values against the background without each of its blocks, shape (m, k, g) or (.., c)."""
    size = found.block_sizes.reshape(-1, *[1] * (found.values.ndim - 1))
    whole = done(found)[:, None] * size.sum()
    return np.asarray((whole - size * found.block_values[: found.reached]) / (size.sum() - size))


def jackknife(left_out: Floats) -> Floats:
    """Variance of an estimate from what it is without each of k blocks, shape (k, ...)."""
    k = len(left_out)
    return np.asarray((k - 1) * left_out.var(axis=0))


def over_both(rows: Floats, left_out: Floats) -> Noise:
    """Noise of a mean over rows (m, ...) that is `left_out` (k, ...) without each block."""
    over_rows = np.asarray(rows.var(axis=0, ddof=1) / len(rows))
    return Noise.of((over_rows, len(rows) - 1), (jackknife(left_out), len(left_out) - 1))


def cautious(found: Attribution) -> Floats:
    """Sizes of the values that noise makes too small, shape (m, g): see `importance`."""
    signed = np.sign(without_each(found)) * found.block_values[: found.reached]
    lowered = np.asarray(np.average(signed, axis=1, weights=found.block_sizes))
    return lowered.sum(axis=-1) / 2 if lowered.ndim == 3 else lowered
