"""Models that differ in their seed only: whose decision hangs on it, and how far numbers spread.

A person whom some of them select and others do not is decided by chance (predictive multiplicity).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy import special

from auditkit.evidence import Interval
from auditkit.methods import gaps, intervals
from auditkit.methods.estimates import Estimate, FloatArray, IntArray, as_interval, together
from auditkit.methods.gaps import shared_level

BoolArray = npt.NDArray[np.bool_]
#: Why there is no spread.
ONE_MODEL = "one model only: nothing to spread"
ALIKE = "every seed gives the same number, so there is no spread to make an interval of"
UNDEFINED = "not defined for every seed"


@dataclass(frozen=True, eq=False)
class Versions:
    """What models of different seeds give the same rows.

    Attributes:
        given: Shape (k, n): decisions, indices of classes or numbers of k models.
        tolerance: Numbers that are no further apart than this count as the same; 0 for decisions.
    """

    given: FloatArray
    tolerance: float = 0.0

    @cached_property
    def hang(self) -> BoolArray:
        """Rows that not all models answer alike, shape (n,)."""
        found: BoolArray = np.ptp(self.given, axis=0) > self.tolerance
        return found

    @cached_property
    def apart(self) -> BoolArray:
        """Rows that two models answer otherwise, for each pair; shape (pairs, n)."""
        first, second = np.array(list(combinations(range(len(self.given)), 2))).T
        found: BoolArray = np.abs(self.given[first] - self.given[second]) > self.tolerance
        return found


def ambiguity(versions: Versions, level: float = 0.95) -> Estimate:
    """Share of rows that not all models answer alike.

    Args:
        versions: What the models give.
        level: Two-sided level over rows, given these models; in (0, 1).

    Returns:
        The share; more models can only raise it.

    Source:
        Marx, Calmon and Ustun (2020), ICML, ambiguity, over the models that were trained.

    Example:
        >>> ambiguity(Versions(np.array([[0, 1, 1, 0], [0, 1, 0, 0], [0, 1, 1, 0]]))).value
        0.25
    """
    return intervals.share(int(versions.hang.sum()), versions.hang.size, level)


def discrepancy(versions: Versions, level: float = 0.95) -> Estimate:
    """Largest share of rows that two of the models answer otherwise.

    Args:
        versions: What the models give, two of them or more.
        level: Two-sided level that the intervals of all pairs hold together, in (0, 1).

    Returns:
        The share.

    Source:
        Marx, Calmon and Ustun (2020), ICML, discrepancy, over every pair of the models.

    Example:
        >>> discrepancy(Versions(np.array([[0, 1, 1, 0], [0, 1, 0, 0], [0, 0, 1, 0]]))).value
        0.5
    """
    counts, n = versions.apart.sum(axis=1), versions.apart.shape[1]
    if not n:
        return Estimate.undefined("no rows")
    low, high = intervals.clopper_pearson(counts, n, shared_level(level, counts.size))
    bounds = float(low.max()), float(high.max())
    pairs = f"{counts.size:,} pairs of models"
    method = intervals.EXACT + (f", Bonferroni over {pairs}" if counts.size > 1 else "")
    return Estimate(float(counts.max() / n), as_interval(bounds, level, method))


def disagreement(versions: Versions, level: float = 0.95) -> Estimate:
    """Mean share of rows that two of the models answer otherwise; it does not grow with them.

    Args:
        versions: What the models give, two of them or more.
        level: Two-sided level over rows, given these models; in (0, 1).

    Returns:
        The chance that two models of different seeds decide about one person otherwise.

    Example:
        >>> found = disagreement(Versions(np.array([[0, 1, 1, 0], [0, 1, 0, 0], [0, 0, 1, 0]])))
        >>> round(found.value, 4)
        0.3333
    """
    return intervals.bounded_mean(versions.apart.mean(axis=0), level)


def by_group(
    hang: BoolArray, groups: Mapping[tuple[str, str], BoolArray], least: int, level: float
) -> dict[tuple[str, str], Estimate]:
    """Share of rows that hang on the seed, in each group.

    Args:
        hang: Shape (n,): rows that hang on it.
        groups: Column and group to the rows, shape (n,).
        least: Rows that a share must rest on.
        level: Level that all intervals hold together, in (0, 1).

    Returns:
        Column and group to the share; undefined where a group has fewer than `least` rows.

    Example:
        >>> groups = {("sex", "F"): np.arange(40) < 20, ("sex", "M"): np.arange(40) == 20}
        >>> found = by_group(np.arange(40) < 5, groups, 10, 0.95)
        >>> found["sex", "F"].value, found["sex", "M"].reason
        (0.25, 'fewer than 10 rows')
    """
    shown = sum(int(rows.sum()) >= least for rows in groups.values())
    each = shared_level(level, max(shown, 1))
    found: dict[tuple[str, str], Estimate] = {}
    for name, rows in groups.items():
        n = int(rows.sum())
        if n < least:
            found[name] = Estimate.undefined(f"fewer than {least} rows")
        else:
            share = intervals.share(int(hang[rows].sum()), n, each)
            found[name] = together(share, level, f"{shown} groups") if shown > 1 else share
    return found


def group_gap(hang: BoolArray, codes: IntArray, least: int, level: float) -> Estimate:
    """Largest difference between groups in the share of rows that hang on the seed.

    Args:
        hang: Shape (n,): rows that hang on it.
        codes: Shape (n,): group of each row, -1 where it is unknown.
        least: Rows that a group must have to be compared.
        level: Level of the interval, in (0, 1).

    Returns:
        The difference; undefined where fewer than 2 groups can be compared.

    Example:
        >>> codes = np.repeat([0, 1], 20)
        >>> group_gap(np.arange(40) < 5, codes, 10, 0.95).value
        0.25
    """
    known = codes >= 0
    totals = np.bincount(codes[known])
    counts = np.bincount(codes[known & hang], minlength=totals.size)
    kept = totals >= least
    return gaps.difference(counts[kept], totals[kept], level)


def widest(values: FloatArray, codes: IntArray, least: int) -> float | None:
    """Largest minus smallest mean over groups of `least` rows or more; None under 2 groups.

    Example:
        >>> widest(np.array([1.0, 0, 1, 1]), np.array([0, 0, 1, 1]), 2)
        0.5
    """
    known = codes >= 0
    totals = np.bincount(codes[known])
    kept = totals >= max(least, 1)
    if kept.sum() < 2:
        return None
    sums = np.bincount(codes[known], values[known], totals.size)
    return float(np.ptp(sums[kept] / totals[kept]))


@dataclass(frozen=True)
class Spread:
    """A number of each of k models.

    Attributes:
        values: One a model, the audited one first; None where it is not defined.
    """

    values: tuple[float | None, ...]

    @property
    def known(self) -> FloatArray | None:
        """The numbers, shape (k,); None where one is not defined."""
        held = [value for value in self.values if value is not None]
        return np.array(held) if len(held) == len(self.values) else None

    def mean(self, level: float = 0.95) -> Estimate:
        """Mean over seeds, with Student's interval of what other seeds would give on average.

        Example:
            >>> found = Spread((0.80, 0.82, 0.84)).mean()
            >>> round(found.value, 2), round(found.interval.low, 3), round(found.interval.high, 3)
            (0.82, 0.77, 0.87)
        """
        held = self._spread()
        if isinstance(held, Estimate):
            return held
        x, deviation = held
        value = float(x.mean())
        arm = float(special.stdtrit(x.size - 1, (1 + level) / 2) * deviation / np.sqrt(x.size))
        method = f"Student's t over {x.size} seeds"
        return Estimate(value, Interval(value - arm, value + arm, level, method))

    def deviation(self, level: float = 0.95) -> Estimate:
        """Standard deviation over seeds.

        Returns:
            It, with the interval of normal numbers, which is wide for few seeds: for 5 from 0.6
            to 2.9 times the value.

        Example:
            >>> found = Spread((0.80, 0.82, 0.84)).deviation()
            >>> round(found.value, 3), round(found.interval.low, 3), round(found.interval.high, 3)
            (0.02, 0.01, 0.126)
        """
        held = self._spread()
        if isinstance(held, Estimate):
            return held if held.value is None else Estimate(0.0, None, ALIKE)
        x, deviation = held
        free, tail = x.size - 1, (1 - level) / 2
        most, least = special.chdtri(free, tail), special.chdtri(free, 1 - tail)
        low, high = (float(deviation * np.sqrt(free / part)) for part in (most, least))
        method = f"chi-squared over {x.size} seeds, taken as normal: few seeds, wide interval"
        return Estimate(deviation, Interval(low, high, level, method))

    def _spread(self) -> tuple[FloatArray, float] | Estimate:
        x = self.known
        if x is None:
            return Estimate.undefined(UNDEFINED)
        if x.size < 2:
            return Estimate.undefined(ONE_MODEL)
        deviation = float(x.std(ddof=1))
        if deviation <= 1e-12 * max(1.0, float(np.abs(x).max())):
            return Estimate(float(x.mean()), None, ALIKE)
        return x, deviation
