"""Has a column moved between two tables? Distances of its distributions, with tests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from auditkit.evidence import Interval
from auditkit.methods.estimates import Estimate, FloatArray, IntArray

#: Rows of a category that are expected in each table; rarer categories stand together.
EXPECTED = 5.0
#: Names of the tests.
KS, CHI_SQUARED = "Kolmogorov-Smirnov", "chi-squared"
#: Why there is no test.
ONE_TABLE = "one of the tables has no value"
ONE_VALUE = "one value only, in both tables"


@dataclass(frozen=True, slots=True)
class ColumnTest:
    """One column held against itself in another table.

    Attributes:
        distance: How far apart both distributions are, from 0 to 1; undefined with a reason.
        p_value: Chance of a distance like this where both tables come from one population, of
            this column alone; None where there is no test.
        test: The test.
    """

    distance: Estimate
    p_value: float | None = None
    test: str = ""


def numbers(first: FloatArray, second: FloatArray, level: float) -> ColumnTest:
    """Test whether two samples of a number come from one distribution.

    The distance is the largest one between both distribution functions. Its interval lies as far
    to either side as the distance must reach for the test to reject at that level, so it holds 0
    exactly where the test does not reject. With ties the test rejects too seldom, never too often.

    Args:
        first: Shape (n,): finite numbers.
        second: Shape (m,): finite numbers.
        level: Two-sided level of the interval, in (0, 1).

    Returns:
        The distance and the test.

    Source:
        Smirnov (1939), Bull. Math. Univ. Moscou 2:3; Stephens (1970), J. R. Stat. Soc. B 32:115,
        for small samples.

    Example:
        >>> found = numbers(np.arange(100.0), np.arange(100.0) + 30, 0.95)
        >>> round(found.distance.value, 6), found.p_value < 0.001
        (0.3, True)
    """
    if not (first.size and second.size):
        return ColumnTest(Estimate.undefined(ONE_TABLE))
    both = np.concatenate([first, second])
    if np.ptp(both) == 0:
        return ColumnTest(Estimate.undefined(ONE_VALUE))
    at = np.unique(both)
    shares = [np.searchsorted(np.sort(x), at, side="right") / x.size for x in (first, second)]
    value = float(np.abs(shares[0] - shares[1]).max())
    root = float(np.sqrt(first.size * second.size / (first.size + second.size)))
    scale = root + 0.12 + 0.11 / root
    arm = float(special.kolmogi(1 - level)) / scale
    return ColumnTest(_around(value, arm, level, KS), float(special.kolmogorov(scale * value)), KS)


def categories(first: IntArray, second: IntArray, level: float) -> ColumnTest:
    """Test whether two samples of a category come from one distribution.

    The distance is total variation: half the sum of the differences of the shares. Rare
    categories stand together, so that 5 rows of each are expected in either table.

    Args:
        first: Shape (n,): categories, from 0.
        second: Shape (m,): categories, from 0.
        level: Two-sided level of the interval, in (0, 1).

    Returns:
        The distance and the test. The interval is wide rather than wrong: see `_reach`.

    Source:
        Pearson (1900), Phil. Mag. 50:157, for the test.

    Example:
        >>> found = categories(np.repeat([0, 1], 50), np.repeat([0, 1], [30, 70]), 0.95)
        >>> round(found.distance.value, 6), round(found.p_value, 4)
        (0.2, 0.0039)
    """
    if not (first.size and second.size):
        return ColumnTest(Estimate.undefined(ONE_TABLE))
    k = int(max(first.max(), second.max())) + 1
    counts = _pooled(np.stack([np.bincount(x, minlength=k) for x in (first, second)]))
    if counts.shape[1] < 2:
        return ColumnTest(Estimate.undefined("one value only, or other values in too few rows"))
    sizes = counts.sum(axis=1)
    shares, overall = counts / sizes[:, None], counts.sum(axis=0) / sizes.sum()
    worth = float(sizes[0] * sizes[1] / sizes.sum())
    statistic = worth * float((((shares[0] - shares[1]) ** 2) / overall).sum())
    p_value = float(special.chdtrc(counts.shape[1] - 1, statistic))
    value = float(np.abs(shares[0] - shares[1]).sum() / 2)
    return ColumnTest(
        _around(value, _reach(shares, sizes, worth, level), level, "total variation"),
        p_value,
        CHI_SQUARED,
    )


def _pooled(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Put categories together of which too few rows are expected; shape (2, kinds)."""
    held = counts[:, counts.sum(axis=0) > 0]
    smallest = held.sum(axis=1).min() / held.sum()
    rare = held.sum(axis=0) * smallest < EXPECTED
    if not rare.any():
        return held
    others, rest = held[:, ~rare], held[:, rare].sum(axis=1, keepdims=True)
    if rest.sum() * smallest >= EXPECTED:
        return np.hstack([others, rest])
    if not others.shape[1]:
        return np.zeros((2, 0), dtype=np.int64)
    least = int(others.sum(axis=0).argmin())  # the rare ones are too few to stand alone
    others[:, least] += rest[:, 0]
    return others


def _reach(shares: FloatArray, sizes: npt.NDArray[np.int64], worth: float, level: float) -> float:
    """How far chance moves a total variation distance, at this level: the smaller of two bounds.

    One follows from the chi-squared quantile by Cauchy and Schwarz, so that an interval without 0
    has a test that rejects. The other is the mean of the distance that chance makes, and Borell's
    bound of what goes beyond it: no set of categories has a larger deviation than its largest one,
    or one half, allows.
    """
    tail, k = 1 - level, shares.shape[1]
    by_test = 0.5 * float(np.sqrt(special.chdtri(k - 1, tail) / worth))
    variance = (shares * (1 - shares) / sizes[:, None]).sum(axis=0)
    mean = 0.5 * float(np.sqrt(2 / np.pi) * np.sqrt(variance).sum())
    most = np.maximum(shares.max(axis=1), 0.5)
    sigma = float(np.sqrt((most * (1 - most) / sizes).sum()))
    return min(by_test, mean + sigma * float(np.sqrt(2 * np.log(1 / tail))))


def _around(value: float, arm: float, level: float, method: str) -> Estimate:
    low, high = max(0.0, value - arm), min(1.0, value + arm)
    return Estimate(value, Interval(low, high, level, f"{method}, as its test reaches"))
