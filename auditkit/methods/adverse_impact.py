"""Impact ratios to the highest rate of a table, and whether chance explains them.

The highest rate is picked by the data, so it is too high on average. Interval, test and shortfall
therefore hold over all pairs of the table together: whichever category is truly the highest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from auditkit.evidence import Interval, Metric, Table
from auditkit.methods import gaps, intervals
from auditkit.methods.crossing import Crossing
from auditkit.methods.estimates import Estimate, FloatArray, IntArray, cells_of
from auditkit.methods.significance import Test

IMPACT_RATIO = Metric(
    "impact_ratio",
    "Impact ratio",
    "Rate of a category over the highest rate of the same table.",
    "ratio",
    better="higher",
    low=0.0,
    high=1.0,
)
LOWEST_IMPACT_RATIO = Metric(
    "lowest_impact_ratio",
    "Lowest impact ratio",
    "Smallest impact ratio of the categories that are compared.",
    "ratio",
    better="higher",
    low=0.0,
    high=1.0,
)
SHORTFALL = Metric(
    "shortfall",
    "Shortfall",
    "How many more rows of a category would be favoured if it had the highest rate.",
    "rows",
    better="lower",
    low=0.0,
)
SCORING_RATE = Metric(
    "scoring_rate",
    "Scoring rate",
    "Share of rows whose score lies strictly on the favourable side of the median.",
    "rate",
    low=0.0,
    high=1.0,
)

#: How the table beside the rule's was made.
_BESIDE = (
    "not asked for by 6 RCNY 5-301. Intervals hold together at {level:g} % over all pairs of this "
    "table (Bonferroni), whichever category truly has the highest rate; p_adjusted: Holm over the "
    "same pairs, significant up to {alpha:.2g}; the test decides. "
    "Shortfall: n times the highest rate, less the count; pooled: n times the rate of both "
    "categories together, less the count. Below 0.8: the four-fifths line of 29 CFR 1607.4(D), "
    "under which a smaller gap that is significant may count too"
)
#: The line of 29 CFR 1607.4(D).
FOUR_FIFTHS = 0.8
#: Why the highest category has a ratio and a shortfall without interval.
BY_DEFINITION = "by definition: it has the highest rate of this table"
#: What the four-fifths line and the test say together.
Reading = Literal[
    "below 0.8 and significant",
    "below 0.8, not significant",
    "not below 0.8",
    "not below 0.8, yet significant",
    "not estimable",
]


@dataclass(frozen=True, slots=True)
class Impact:
    """One category held against the highest rate of its table.

    Attributes:
        ratio: Its rate over the highest rate; the interval is of the ratio to the category that
            is truly the highest, whichever it is.
        shortfall: How many more of this category would have been selected at the highest rate;
            unit: rows. Its interval as that of the ratio.
        shortfall_pooled: The same at the pooled rate of the two; None without a ratio.
        p_value: Two-sided p-value of this pair alone; None for the highest category.
        p_adjusted: Holm's adjustment over all pairs of the table.
        test: Which test was made.
        reading: What the four-fifths line and the adjusted test say together.
    """

    ratio: Estimate
    shortfall: Estimate
    shortfall_pooled: float | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    test: Test | None = None
    reading: Reading = "not estimable"


def compare_to_highest(
    successes: npt.ArrayLike, totals: npt.ArrayLike, level: float = 0.95
) -> tuple[Impact, ...]:
    """Hold every category against the one with the highest rate.

    Args:
        successes: Shape (k,): selected rows of each category; unit: rows.
        totals: Shape (k,): rows of each category, each at least 1; unit: rows.
        level: Level that all intervals hold together, in (0, 1); a difference is significant
            where its adjusted p-value is at most 1 - level.

    Returns:
        One a category; not estimable, with the reason, where there are fewer than 2 categories
        or the highest rate is 0. The first of several highest is the reference.

    Source:
        29 CFR 1607.4(D) for the line; intervals and tests as in `auditkit.methods.gaps`.

    Example:
        >>> white, black = compare_to_highest([48, 12], [80, 48])
        >>> round(black.ratio.value, 4), round(black.shortfall.value, 1), black.shortfall_pooled
        (0.4167, 16.8, 10.5)
        >>> black.reading
        'below 0.8 and significant'
    """
    s, n = np.asarray(successes, dtype=np.int64), np.asarray(totals, dtype=np.int64)
    if s.size < 2 or not s.any():
        none = Estimate.undefined(gaps.TOO_FEW if s.size < 2 else gaps.ALL_ZERO)
        return (Impact(none, none),) * s.size
    top = int(np.argmax(s / n))
    held = {pair.b: pair for pair in gaps.compare_pairs(s, n, level) if pair.a == top}
    ratios, shortfalls = _ratio_bounds(s, n, level), _shortfall_bounds(s, n, level)
    found = [
        _highest()
        if i == top
        else _against(
            (int(s[i]), int(n[i])),
            (int(s[top]), int(n[top])),
            held[i],
            (ratios[i], shortfalls[i]),
            level,
            gaps.over_pairs(s.size),
        )
        for i in range(s.size)
    ]
    return tuple(found)


def _against(
    own: tuple[int, int],
    best: tuple[int, int],
    pair: gaps.Pair,
    bounds: tuple[FloatArray, FloatArray],
    level: float,
    over: str,
) -> Impact:
    (won, rows), (most_won, most) = own, best
    ratio = won * most / (rows * most_won)  # one division, so that exactly 4/5 is not below it
    lacking = rows * most_won - won * most
    held = [
        Interval(float(low), float(high), level, f"{method} of Clopper-Pearson limits{over}")
        for (low, high), method in zip(bounds, ("MOVER ratio", "Newcombe"), strict=True)
    ]
    return Impact(
        ratio=Estimate(ratio, held[0]),
        shortfall=Estimate(lacking / most, held[1]),
        shortfall_pooled=lacking / (rows + most),
        p_value=pair.p_value,
        p_adjusted=pair.p_adjusted,
        test=pair.test,
        reading=four_fifths(ratio, significant=pair.p_adjusted <= 1 - level),
    )


def four_fifths(ratio: float, *, significant: bool) -> Reading:
    """Read a ratio and its test together.

    Example:
        >>> four_fifths(0.8, significant=False), four_fifths(0.79, significant=True)
        ('not below 0.8', 'below 0.8 and significant')
    """
    if ratio < FOUR_FIFTHS:
        return "below 0.8 and significant" if significant else "below 0.8, not significant"
    return "not below 0.8, yet significant" if significant else "not below 0.8"


def _highest() -> Impact:
    one, none = Estimate(1.0, None, BY_DEFINITION), Estimate(0.0, None, BY_DEFINITION)
    return Impact(one, none, 0.0, reading="not below 0.8")


def _ratio_bounds(s: npt.NDArray[np.int64], n: npt.NDArray[np.int64], level: float) -> FloatArray:
    """Bounds of each rate over the truly highest one, shape (k, 2): the least over all others."""
    each, apart = gaps.pair_level(level, s.size), ~np.eye(s.size, dtype=bool)
    pair = (s[:, None], n[:, None], s[None, :], n[None, :])
    low, high = intervals.ratio(*pair, each, limits=intervals.clopper_pearson)
    least = low.min(axis=1, where=apart, initial=1.0)
    return np.stack([least, high.min(axis=1, where=apart, initial=1.0)], axis=1)


def _shortfall_bounds(s: IntArray, n: IntArray, level: float) -> FloatArray:
    """Bounds of the rows that each category lacks at the truly highest rate, shape (k, 2)."""
    each, apart = gaps.pair_level(level, s.size), ~np.eye(s.size, dtype=bool)
    pair = (s[None, :], n[None, :], s[:, None], n[:, None])
    low, high = intervals.newcombe(*pair, each, limits=intervals.clopper_pearson)
    most = [bound.max(axis=1, where=apart, initial=0.0) for bound in (low, high)]
    return np.stack(most, axis=1) * n[:, None]


@dataclass(frozen=True)
class Categories:
    """The categories of one table, made by `categorise`.

    Attributes:
        crossing: Their rows.
        won: Shape (m,): rows with the favourable outcome.
        small: Shape (m,): known categories under the least share.
        impacts: The categories that are compared, each against the highest rate.
    """

    crossing: Crossing
    won: IntArray
    small: npt.NDArray[np.bool_]
    impacts: Mapping[int, Impact]

    @property
    def top(self) -> int | None:
        """The category that the others are held against; None where there is no ratio."""
        held = (i for i, one in self.impacts.items() if one.ratio.reason == BY_DEFINITION)
        return next(held, None)

    @property
    def missing(self) -> str | None:
        """Why there is no ratio at all, or None where there is one."""
        if self.top is not None:
            return None
        return next((one.ratio.reason for one in self.impacts.values()), gaps.TOO_FEW)

    def rows(self, i: int) -> int:
        """Rows of a category."""
        return int(self.crossing.sizes[i])

    def share(self, i: int) -> tuple[int, float] | None:
        """Favoured rows and their rate; None where it would tell the outcome of one person."""
        if self.rows(i) < 2:
            return None
        return int(self.won[i]), int(self.won[i]) / self.rows(i)

    def standing(self, i: int) -> str:
        """What part a category plays in its table."""
        if not self.crossing.known[i]:
            return "unknown"
        if i in self.impacts:
            return "highest rate" if i == self.top else "compared"
        if self.rows(i) == 0:
            return "no rows"
        return "left out" if self.small[i] else "one row"


def categorise(
    crossing: Crossing, least_share: float, level: float = 0.95, vacuous: str | None = None
) -> Categories:
    """Part the categories that are compared from those too small or unknown, and compare them.

    Args:
        crossing: Counts, the favourable outcome as decision 1.
        least_share: Categories with a smaller share of all rows, the unknown among them, are
            left out; a share of exactly this is not smaller.
        level: Level that the intervals of a table hold together, in (0, 1).
        vacuous: Why a comparison would say nothing, if so.

    Returns:
        All categories. One of a single row is never compared: its rate is a person's outcome.

    Example:
        >>> from auditkit.methods.cells import count_cells
        >>> from auditkit.methods.crossing import cross
        >>> cells = count_cells({"sex": [0, 0, 1, 1, -1]}, {"sex": 2}, [0] * 5, [1, 1, 1, 0, 1])
        >>> held = categorise(cross(cells, {"sex": ["F", "M", "unknown"]}, ["sex"]), 0.02)
        >>> [held.standing(i) for i in range(3)], held.impacts[1].ratio.value
        (['highest rate', 'compared', 'unknown'], 0.5)
    """
    won, n = crossing.table[:, :, 1].sum(axis=1), crossing.sizes
    small = crossing.known & (n / max(int(n.sum()), 1) < least_share)
    kept = np.flatnonzero(crossing.known & (n >= 2) & ~small)
    found = compare_to_highest(won[kept], n[kept], level)
    if vacuous and kept.size > 1:
        none = Estimate.undefined(vacuous)
        found = (Impact(none, none),) * kept.size
    return Categories(crossing, won, small, dict(zip(kept.tolist(), found, strict=True)))


def lowest(held: Categories, level: float = 0.95) -> Estimate:
    """The smallest impact ratio of a table, with the interval of `gaps.ratio`."""
    if held.missing:
        return Estimate.undefined(held.missing)
    kept = np.array(list(held.impacts), dtype=np.int64)
    found = gaps.ratio(held.won[kept], held.crossing.sizes[kept], level)
    values = [one.ratio.value for one in held.impacts.values() if one.ratio.value is not None]
    return Estimate(min(values), found.interval)


def beside_the_rule(held: Categories, slug: str, level: float = 0.95) -> Table:
    """The table that stands beside the rule's: interval, test and shortfall of each category.

    Args:
        held: The categories.
        slug: End of the name of the table.
        level: The level that they were compared at.

    Returns:
        One line a category that is compared.
    """
    rows = tuple(
        (
            held.crossing.names[i],
            *(*cells_of(one.ratio), *cells_of(one.shortfall), one.shortfall_pooled),
            *(one.p_value, one.p_adjusted, one.test, one.reading),
        )
        for i, one in held.impacts.items()
    )
    return Table(
        name=f"impact-tests-{slug}",
        title=f"Beside the rule, by {held.crossing.title}: interval, test and shortfall",
        columns=(
            *("category", "impact_ratio", "impact_ratio_low", "impact_ratio_high"),
            *("shortfall", "shortfall_low", "shortfall_high", "shortfall_pooled"),
            *("p_value", "p_adjusted", "test", "four_fifths"),
        ),
        rows=rows,
        source=_BESIDE.format(level=100 * level, alpha=1 - level),
        chart="impact-tests",
    )
