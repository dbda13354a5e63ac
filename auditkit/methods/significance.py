"""Tests of whether two proportions differ, and their correction for testing often."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import special

from auditkit.methods.estimates import FloatArray

#: Which test was made of two proportions.
Test = Literal["Fisher exact", "pooled z"]


def compare_two(first: int, first_total: int, second: int, second_total: int) -> tuple[float, Test]:
    """Test whether two independent proportions are equal.

    Fisher's exact test where an expected count is under 5, else the z test.

    Args:
        first: Successes of the first sample; unit: rows.
        first_total: Size of the first sample, at least 1; unit: rows.
        second: Successes of the second sample; unit: rows.
        second_total: Size of the second sample, at least 1; unit: rows.

    Returns:
        The two-sided p-value, and which test gave it.

    Example:
        >>> compare_two(0, 3, 3, 3)[1]
        'Fisher exact'
        >>> compare_two(56, 70, 48, 80)[1]
        'pooled z'
    """
    successes, total = first + second, first_total + second_total
    smallest = min(first_total, second_total) * min(successes, total - successes) / total
    if smallest < 5:
        return fisher_exact(first, first_total, second, second_total), "Fisher exact"
    return pooled_z(first, first_total, second, second_total), "pooled z"


def compare_effective(
    first: float, first_total: float, second: float, second_total: float
) -> tuple[float, Test]:
    """Test whether two weighted proportions are equal, by the z test on their effective counts.

    Args:
        first: Effective successes of the first sample.
        first_total: Effective size of the first sample, above 0.
        second: Effective successes of the second sample.
        second_total: Effective size of the second sample, above 0.

    Returns:
        The two-sided p-value, and the name of the test.

    Example:
        >>> compare_effective(56.0, 70.0, 48.0, 80.0)[1]
        'pooled z'
    """
    return pooled_z(first, first_total, second, second_total), "pooled z"


def fisher_exact(first: int, first_total: int, second: int, second_total: int) -> float:
    """Fisher's exact test of two proportions.

    Args:
        first: Successes of the first sample; unit: rows.
        first_total: Size of the first sample; unit: rows.
        second: Successes of the second sample; unit: rows.
        second_total: Size of the second sample; unit: rows.

    Returns:
        The two-sided p-value: the chance, given all margins, of a table that is no likelier than
        this one.

    Source:
        Fisher (1935), J. R. Stat. Soc. 98:39; two-sided by likelihood, as scipy and R have it.

    Example:
        >>> round(fisher_exact(1, 10, 7, 10), 6)
        0.019767
    """
    chance, place = _tables(first, first_total, second, second_total)
    # Equal chances differ in their last digits; 1e-7 is scipy's tolerance too.
    return float(min(1.0, chance[chance <= chance[place] * (1 + 1e-7)].sum()))


def fisher_less(first: int, first_total: int, second: int, second_total: int) -> float:
    """Fisher's exact test of whether the first of two proportions is smaller.

    Args:
        first: Successes of the first sample; unit: rows.
        first_total: Size of the first sample; unit: rows.
        second: Successes of the second sample; unit: rows.
        second_total: Size of the second sample; unit: rows.

    Returns:
        The one-sided p-value: the chance, given all margins, of no more successes in the first
        sample than there are.

    Source:
        Fisher (1935), J. R. Stat. Soc. 98:39.

    Example:
        >>> round(fisher_less(1, 10, 7, 10), 6)
        0.009883
    """
    chance, place = _tables(first, first_total, second, second_total)
    return float(min(1.0, chance[: place + 1].sum()))


def _tables(first: int, first_total: int, second: int, second_total: int) -> tuple[FloatArray, int]:
    """The chance of every table with these margins by its first cell, and the place of this one."""
    successes = first + second
    low, high = max(0, successes - second_total), min(successes, first_total)
    k = np.arange(low, high + 1)
    log_chance = _log_choose(first_total, k) + _log_choose(second_total, successes - k)
    return special.softmax(log_chance), first - low


def pooled_z(first: float, first_total: float, second: float, second_total: float) -> float:
    """Two-proportion z test with the pooled variance, without continuity correction.

    Args:
        first: Successes of the first sample; unit: rows.
        first_total: Size of the first sample, at least 1; unit: rows.
        second: Successes of the second sample; unit: rows.
        second_total: Size of the second sample, at least 1; unit: rows.

    Returns:
        The two-sided p-value; 1 where nothing or everything is a success.

    Source:
        Pearson (1900); the square of z is the chi-squared statistic of the 2 by 2 table.

    Example:
        >>> round(pooled_z(56, 70, 48, 80), 4)
        0.008
    """
    pooled = (first + second) / (first_total + second_total)
    variance = pooled * (1 - pooled) * (1 / first_total + 1 / second_total)
    if variance == 0:
        return 1.0
    z = abs(first / first_total - second / second_total) / np.sqrt(variance)
    return float(2 * special.ndtr(-z))


def holm(p_values: npt.ArrayLike) -> FloatArray:
    """Adjust p-values for testing often, so that the chance of any false rejection is held.

    Args:
        p_values: Shape (tests,): one family.

    Returns:
        Shape (tests,): adjusted p-values, in the same order, at most 1.

    Source:
        Holm (1979), Scand. J. Stat. 6:65.

    Example:
        >>> holm([0.01, 0.04, 0.03]).round(3).tolist()
        [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(steps, 1.0)
    return adjusted


def benjamini_hochberg(p_values: npt.ArrayLike) -> FloatArray:
    """Adjust p-values for testing often, so that the share of false rejections is held.

    Among all tests that are rejected at a level, at most that share is expected to be false. It
    finds more than `holm` in a large family, and promises less: not that none is false.

    Args:
        p_values: Shape (tests,): one family, independent or positively dependent.

    Returns:
        Shape (tests,): adjusted p-values, in the same order, at most 1.

    Source:
        Benjamini and Hochberg (1995), J. R. Stat. Soc. B 57:289.

    Example:
        >>> benjamini_hochberg([0.01, 0.04, 0.03]).round(3).tolist()
        [0.03, 0.04, 0.04]
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(-p, kind="stable")
    steps = np.minimum.accumulate(p[order] * p.size / np.arange(p.size, 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(steps, 1.0)
    return adjusted


def _log_choose(total: int, chosen: npt.NDArray[np.int64]) -> FloatArray:
    logs: FloatArray = (
        special.gammaln(total + 1)
        - special.gammaln(chosen + 1)
        - special.gammaln(total - chosen + 1)
    )
    return logs
