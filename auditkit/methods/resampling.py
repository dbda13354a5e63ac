"""The bootstrap of any metric of counts: rows drawn anew, without any row at hand.

To draw n rows with replacement and to count them is to draw the counts from one multinomial
distribution. So this is the bootstrap of rows, at the cost of a few cells instead of all rows. It
is for smooth numbers, such as a correlation; never for the largest of several differences, which
resampling makes larger still (see `auditkit.methods.gaps`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit.evidence import Interval
from auditkit.methods.estimates import Estimate, FloatArray, IntArray

#: How often rows are drawn anew, unless told otherwise.
REPLICATES = 10_000
#: Added to each cell before it is drawn from: Jeffreys's prior of a proportion.
SMOOTHING = 0.5
#: Counts that are held at a time.
_BLOCK = 1_000_000

#: Tables of counts, shape (replicates, ...), to a number each, shape (replicates,).
Statistic = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True, slots=True)
class Resampled:
    """What a number could have been.

    Attributes:
        value: The number of the given counts; NaN where it is undefined.
        draws: The numbers of the replicates that have one, sorted.
        undefined: Replicates without a number, such as those with nothing to divide by.
    """

    value: float
    draws: FloatArray
    undefined: int

    def quantiles(self, *shares: float) -> FloatArray:
        """Quantiles of the draws; NaN where there are none."""
        return np.quantile(self.draws, shares) if self.draws.size else np.full(len(shares), np.nan)


def bootstrap(
    table: npt.ArrayLike,
    statistic: Statistic,
    rng: np.random.Generator,
    replicates: int = REPLICATES,
    level: float = 0.95,
) -> Estimate:
    """Any metric of counts with the percentile interval of smoothed multinomial replicates.

    1/2 is added to each cell before rows are drawn, as many as there are. Otherwise a kind of row
    that was not seen would never be drawn, and a perfect score would look certain. The interval is
    widened to the value of the counts where that lies outside.

    Of the Matthews correlation, 95 % intervals were simulated for base rates of 5 to 50 %, true
    positive rates of 30 to 98 % and false positive rates of 1 to 30 %, 24 combinations, with 400
    replicates. In 1,000 samples of 20, 50 and 200 rows and 500 of 2,000 they covered in 98, 97, 95
    and 95 % on average, and in 96, 94, 93 and 93 % at least. Without the smoothing they covered in
    17, 35, 86 and 93 % at least, Fisher's z with the linearised variance in 73, 82, 88 and 93 %.

    Args:
        table: Shape (...): rows by kind, such as (2, 2) by true outcome and decision, or (groups,
            2, 2); unit: rows. Effective counts are rounded down to whole rows in all.
        statistic: Computes the metric of many tables, shape (replicates, ...), at once; NaN where
            it is undefined.
        rng: Draws the rows.
        replicates: How often, at least 1.
        level: Two-sided confidence level, in (0, 1).

    Returns:
        The metric, undefined where the statistic is. Its interval says how many replicates had no
        value; where half of them or more have none, there is a reason instead.

    Source:
        Efron (1979), Ann. Stat. 7:1; Jeffreys (1946), Proc. R. Soc. A 186:453, for the 1/2.

    Example:
        >>> def lift(tables):  # precision over base rate
        ...     true, decided = tables.sum(axis=-1), tables.sum(axis=-2)
        ...     return tables[..., 1, 1] / decided[..., 1] * tables.sum((-2, -1)) / true[..., 1]
        >>> found = bootstrap([[40, 10], [5, 45]], lift, np.random.default_rng(0))
        >>> round(found.value, 3), round(found.interval.low, 1), round(found.interval.high, 1)
        (1.636, 1.4, 1.9)
        >>> found.interval.method
        'multinomial bootstrap of smoothed counts, 10,000 replicates'
    """
    found = resample(table, statistic, rng, replicates, SMOOTHING)
    if np.isnan(found.value):
        return Estimate.undefined("it is not defined for these counts")
    method = f"multinomial bootstrap of smoothed counts, {replicates:,} replicates"
    if found.undefined:
        method += f", {found.undefined:,} of them without a value"
    low, high = found.quantiles((1 - level) / 2, (1 + level) / 2).tolist()
    low, high = min(low, found.value), max(high, found.value)
    if 2 * found.undefined >= replicates or not low < high:
        return Estimate(found.value, None, f"no interval: the replicates do not tell ({method})")
    return Estimate(found.value, Interval(low, high, level, method))


def resample(
    table: npt.ArrayLike,
    statistic: Statistic,
    rng: np.random.Generator,
    replicates: int = REPLICATES,
    smoothing: float = 0.0,
) -> Resampled:
    """Draw the rows of a table of counts anew, and compute a metric of every replicate.

    Args:
        table: Shape (...): rows by kind; unit: rows.
        statistic: As in `bootstrap`.
        rng: Draws the rows.
        replicates: How often, at least 1.
        smoothing: Added to each cell before it is drawn from; with 0 this is the bootstrap of rows.

    Returns:
        The metric and its draws, which do not depend on how many are held at a time.

    Example:
        >>> def selected(tables):
        ...     return tables[..., 1] / tables.sum(axis=-1)
        >>> found = resample([8, 10], selected, np.random.default_rng(0))
        >>> found.quantiles(0.159, 0.5, 0.841).round(6).tolist()
        [0.444444, 0.555556, 0.666667]
    """
    counts = np.asarray(table, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(statistic(counts[None])[0])
        blocks = _draw(counts, rng, replicates, smoothing)
        draws = np.concatenate([statistic(block) for block in blocks])
    defined = np.isfinite(draws)
    return Resampled(value, np.sort(draws[defined]), int(draws.size - defined.sum()))


def _draw(
    counts: FloatArray, rng: np.random.Generator, replicates: int, smoothing: float
) -> Iterator[FloatArray]:
    """Replicates of a table, a block at a time."""
    rows, smoothed = int(counts.sum() + 1e-9), counts.ravel() + smoothing
    if rows == 0:
        yield np.zeros((replicates, *counts.shape))
        return
    # Sums of weights differ in their last digits with the order of the rows; a draw must not.
    chances = np.round(smoothed / smoothed.sum(), 9)
    chances[-1] = max(0.0, 1.0 - float(chances[:-1].sum()))
    size = max(1, _BLOCK // counts.size)
    for start in range(0, replicates, size):
        drawn: IntArray = rng.multinomial(rows, chances, size=min(size, replicates - start))
        yield drawn.reshape(-1, *counts.shape).astype(np.float64)


def stream(seed: int, *words: str) -> np.random.Generator:
    """The random numbers of one number of an audit, which no other number can move.

    Args:
        seed: The seed of the audit.
        words: What the number is, such as its columns and its metric.

    Returns:
        The generator.

    Example:
        >>> int(stream(0, "sex", "mcc").integers(100)) == int(stream(0, "sex", "mcc").integers(100))
        True
    """
    digest = hashlib.sha256("\0".join(words).encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8])])
