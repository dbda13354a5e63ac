"""How a gap between groups changes when the same rows are answered by another model.

The change of a largest difference is bounded through its pairs. If (a, b) is the widest pair of the
first model, the gap grows by at least what this pair grows by, and by at least the second gap less
this pair's difference; and likewise from above with the widest pair of the second model. Which
pairs may be the widest is read off intervals that hold together, so the interval of the change can
hold "no change", and does so where nothing is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from auditkit.evidence import Interval
from auditkit.methods import gaps, intervals, means
from auditkit.methods.estimates import Bounds, Estimate, IntArray
from auditkit.methods.groupwise import FEWEST_OF_A_MEAN as FEWEST
from auditkit.methods.groupwise import Pair

#: Sets of intervals that must hold together: pairs of the first model, of the second, and changes.
SETS = 3


@dataclass(frozen=True, slots=True)
class GapChange:
    """A gap between groups under two models, on the same rows.

    Attributes:
        n: Rows that were compared.
        first: The gap that the first model leaves.
        second: The gap that the second model leaves.
        change: Second minus first.
    """

    n: int
    first: Estimate
    second: Estimate
    change: Estimate


def gap_change(
    first: npt.ArrayLike, second: npt.ArrayLike, codes: IntArray, least: int, level: float = 0.95
) -> GapChange:
    """Compare the gap between groups that two models leave.

    Args:
        first: Shape (n,): what the first model gives each row: whether something holds (bool), or
            a number (float) whose means are compared.
        second: Shape (n,): what the second model gives it, likewise.
        codes: Shape (n,): group of each row; -1 where unknown, which is not compared.
        least: Rows that a group must have to be compared.
        level: Two-sided level of each of the three intervals, in (0, 1).

    Returns:
        The gaps and the change; undefined where fewer than 2 groups can be compared, without
        interval where numbers have no spread.

    Source:
        `auditkit.methods.gaps` and `auditkit.methods.means` for the gaps. For the change of a
        share Agresti and Min (2005), Stat. Med. 24:729, in each group, and Zou and Donner (2008),
        Stat. Med. 27:1693, for pairs of groups; for the change of a mean, Welch's.

    Example:
        >>> codes = np.repeat([0, 1], 100)
        >>> before, after = np.arange(200) % 100 < 50, np.arange(200) < 130
        >>> found = gap_change(before, after, codes, 10)
        >>> round(found.first.value, 2), round(found.second.value, 2), round(found.change.value, 2)
        (0.0, 0.7, 0.7)
        >>> found.change.interval.low > 0
        True
    """
    a, b, group = np.asarray(first), np.asarray(second), np.asarray(codes)
    compare = _shares if a.dtype == bool else _numbers
    counts = np.bincount(group[group >= 0])
    kept = np.flatnonzero(counts >= max(least, FEWEST))
    rows = np.isin(group, kept)
    if len(kept) < 2:
        nothing = Estimate.undefined(gaps.TOO_FEW)
        return GapChange(int(rows.sum()), nothing, nothing, nothing)
    place = np.searchsorted(kept, group[rows])
    return compare(a[rows], b[rows], place, level)


def _shares(a: npt.NDArray[Any], b: npt.NDArray[Any], place: IntArray, level: float) -> GapChange:
    totals = np.bincount(place)
    first, second = (np.bincount(place[held], minlength=totals.size) for held in (a, b))
    won, lost = (np.bincount(place[held], minlength=totals.size) for held in (b & ~a, a & ~b))
    each = gaps.shared_level(level, SETS)
    bounds = intervals.paired_difference(won, lost, totals, gaps.pair_level(each, totals.size))
    before, after = (
        _square(gaps.compare_pairs(s, totals, each), totals.size) for s in (first, second)
    )
    change = _change(before, after, gaps.spread_pairs((won - lost) / totals, bounds))
    found = [gaps.difference(s, totals, level) for s in (first, second)]
    method = "MOVER of Agresti-Min, paired"
    return _together(len(place), found, change, level, f"{method}{_over(totals.size)}")


def _numbers(a: npt.NDArray[Any], b: npt.NDArray[Any], place: IntArray, level: float) -> GapChange:
    k = int(place.max()) + 1
    each = gaps.shared_level(level, SETS)
    first, second, moved = (means.means_by_group(x, place, k) for x in (a, b, b - a))
    before, after, change = (
        _square(means.compare_pairs(x, each), k) for x in (first, second, moved)
    )
    found = [means.difference(x, level) for x in (first, second)]
    method = f"{means.METHOD}, paired{_over(k)}"
    return _together(len(place), found, _change(before, after, change), level, method)


def _square(pairs: Sequence[Pair], k: int) -> Bounds:
    """Bounds of every ordered pair of groups, shape (k, k) each; NaN where there are none."""
    low, high = np.full((k, k), np.nan), np.full((k, k), np.nan)
    for pair in pairs:
        if pair.low is not None and pair.high is not None:
            low[pair.a, pair.b], high[pair.a, pair.b] = pair.low, pair.high
            low[pair.b, pair.a], high[pair.b, pair.a] = -pair.high, -pair.low
    return low, high


def _change(first: Bounds, second: Bounds, moved: Bounds) -> tuple[float, float] | None:
    """Bounds of the change of the widest pair; None where a pair has none."""
    apart = ~np.eye(len(moved[0]), dtype=bool)
    if any(np.isnan(bound[apart]).any() for bounds in (first, second, moved) for bound in bounds):
        return None
    least, then = (max(0.0, float(low[apart].max())) for low, _ in (first, second))
    grows = np.maximum(moved[0], then - first[1])[apart & (first[1] >= least)]
    most = np.minimum(moved[1], second[1] - least)[apart & (second[1] >= then)]
    return float(grows.min()), float(most.max())


def _together(
    n: int,
    found: Sequence[Estimate],
    bounds: tuple[float, float] | None,
    level: float,
    method: str,
) -> GapChange:
    first, second = found
    if first.value is None or second.value is None:
        why = Estimate.undefined(first.reason or second.reason or gaps.TOO_FEW)
        return GapChange(n, first, second, why)
    value = second.value - first.value
    if bounds is None:
        return GapChange(n, first, second, Estimate(value, None, means.NO_SPREAD))
    return GapChange(n, first, second, Estimate(value, Interval(*bounds, level, method)))


def _over(k: int) -> str:
    return f", Bonferroni over {SETS * k * (k - 1) // 2} intervals"


def largest_change(changes: list[Estimate], level: float = 0.95) -> Estimate:
    """The largest of several changes whose intervals hold together.

    Args:
        changes: The changes; those without an interval are left out.
        level: The level at which all their intervals hold together.

    Returns:
        The largest value, with the largest of each bound; undefined where there is none.

    Example:
        >>> two = [Estimate(v, Interval(v - 0.1, v + 0.1, 0.99, "test")) for v in (0.05, 0.3)]
        >>> found = largest_change(two)
        >>> round(found.value, 2), round(found.interval.low, 2), round(found.interval.high, 2)
        (0.3, 0.2, 0.4)
    """
    held = [(one.value, one.interval) for one in changes if one.value is not None and one.interval]
    if not held:
        reasons = dict.fromkeys(one.reason for one in changes if one.reason)
        return Estimate.undefined("; ".join(reasons) or "nothing to compare")
    values = [value for value, _ in held]
    bounds = [interval for _, interval in held]
    low, high = max(one.low for one in bounds), max(one.high for one in bounds)
    method = f"largest of {len(held)}: {bounds[0].method}"
    return Estimate(max(values), Interval(low, high, level, method))
