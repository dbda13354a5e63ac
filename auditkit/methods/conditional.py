"""Does a gap between groups remain among rows that are alike in a control feature?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from auditkit.evidence import Interval
from auditkit.methods import gaps
from auditkit.methods.cells import Cells, Rate
from auditkit.methods.estimates import Estimate, FloatArray, IntArray
from auditkit.methods.significance import holm
from auditkit.methods.strata import (
    Strata,
    common_test,
    enough,
    explained_bounds,
    pair_up,
    same_everywhere,
    score_bounds,
)
from auditkit.methods.sums import Sums

#: What became of a difference among rows that are alike.
Outcome = Literal[
    "reversed",
    "reversed, not established",
    "remains",
    "no longer told apart",
    "only within",
    "not told apart",
]
#: Why two groups cannot be compared within strata.
NO_OVERLAP = "no two groups have enough rows in the same strata"
#: Why there is no share of a raw gap.
NO_RAW_GAP = "no raw gap is established, so there is none to account for"
_METHOD = "Mantel-Haenszel weights, Miettinen-Nurminen score interval"


@dataclass(frozen=True)
class Within:
    """One rate of the groups of a column within the strata of another; made by `within`.

    Attributes:
        rate: The rate.
        groups: Names of the k groups that are compared.
        strata: Names of the strata, the last of which holds rows whose control is unknown.
        table: Shape (k, strata, 2, 2): rows by group, stratum, true outcome and decision.
        sums: The weights of the rows, shaped as the table, or None.
        small: Name and rows of each group whose rate rests on too few rows.
        unknown: Rows of the denominator whose group is unknown.
    """

    rate: Rate
    groups: tuple[str, ...]
    strata: tuple[str, ...]
    table: IntArray
    sums: Sums | None
    small: tuple[tuple[str, int], ...]
    unknown: int

    @cached_property
    def counted(self) -> tuple[IntArray, IntArray]:
        """Numerators and denominators, each of shape (k, strata); unit: rows."""
        return self.rate.of(self.table)

    @cached_property
    def effective(self) -> tuple[IntArray, IntArray] | tuple[FloatArray, FloatArray]:
        """The same as counts to make intervals of."""
        return self.counted if self.sums is None else self.rate.effective(self.sums)

    @cached_property
    def pooled(self) -> tuple[IntArray, IntArray] | tuple[FloatArray, FloatArray]:
        """Counts to make intervals of over all strata, each of shape (k,)."""
        if self.sums is None:
            successes, rows = self.counted
            return successes.sum(axis=1), rows.sum(axis=1)
        return self.rate.effective(self.sums.apply(lambda held: held.sum(axis=1)))

    @cached_property
    def sizes(self) -> FloatArray:
        """What the denominators count for, shape (k, strata)."""
        weights = self.table if self.sums is None else self.sums.weights
        return self.rate.of(weights.astype(np.float64))[1]

    def pair(self, a: int | IntArray, b: int | IntArray) -> Strata:
        """Hold group a against group b, or each of several against another."""
        (won, rows), sizes = self.effective, self.sizes
        return pair_up(won[a], rows[a], won[b], rows[b], (sizes[a], sizes[b]))


@dataclass(frozen=True)
class ConditionalPair:
    """Two groups held against each other over all rows, and among rows that are alike.

    Attributes:
        raw: Over all rows; its group a has the higher rate.
        difference: Rate of a minus rate of b within strata, as one common difference.
        low: Lower bound, simultaneous over all pairs.
        high: Upper bound, likewise.
        p_value: Cochran-Mantel-Haenszel test of this pair alone.
        p_adjusted: Holm's adjustment over all pairs.
        p_same: Test that all strata have the same difference; None where too few can be tested.
        explained: Share of the raw difference that the strata account for.
        compared: Rows of both groups in strata that have both; unit: rows.
    """

    raw: gaps.Pair
    difference: float
    low: float
    high: float
    p_value: float
    p_adjusted: float
    p_same: float | None
    explained: Estimate
    compared: int

    @property
    def established(self) -> bool:
        """Whether the data tell the two apart among rows that are alike."""
        return self.low > 0 or self.high < 0

    @property
    def outcome(self) -> Outcome:
        """What became of the raw difference."""
        turned = self.difference < 0 < self.raw.difference
        if not self.raw.established:
            return "only within" if self.established else "not told apart"
        if turned:
            return "reversed" if self.established else "reversed, not established"
        return "remains" if self.established else "no longer told apart"

    @property
    def bounds(self) -> tuple[float, float]:
        """Bounds of the size of the difference, whichever group is ahead."""
        return max(0.0, self.low, -self.high), max(self.high, -self.low)


def within(
    cells: Cells,
    labels: Mapping[str, Sequence[str]],
    columns: tuple[str, str],
    rate: Rate,
    least: int,
) -> Within:
    """Count one rate of the groups of a column within the strata of another.

    Args:
        cells: The counts.
        labels: Column to the names of its groups and, last, of the unknown.
        columns: The column whose groups are compared, and the control.
        rate: The rate.
        least: Rows that the rate of a group must rest on; unit: rows.

    Returns:
        The counts of the groups that are compared, and what was left out.

    Example:
        >>> from auditkit.methods.cells import RATES, count_cells
        >>> codes = {"sex": [0, 0, 1, -1], "job": [0, 1, 0, 0]}
        >>> cells = count_cells(codes, {"sex": 2, "job": 2}, [0] * 4, [1, 0, 1, 1])
        >>> names = {"sex": ["F", "M", "unknown"], "job": ["x", "y", "unknown"]}
        >>> held = within(cells, names, ("sex", "job"), RATES["selection_rate"], 1)
        >>> held.groups, held.counted[1].tolist(), held.unknown
        (('F', 'M'), [[1, 1, 0], [1, 0, 0]], 1)
    """
    names, table, sums = labels[columns[0]], cells.table(*columns), cells.sums(*columns)
    rows = rate.of(table)[1].sum(axis=1)
    kept = [i for i in range(len(names) - 1) if rows[i] >= least]
    small = [i for i in range(len(names) - 1) if rows[i] < least]
    sizes = table.sum(axis=(1, 2, 3))
    return Within(
        rate=rate,
        groups=tuple(names[i] for i in kept),
        strata=tuple(labels[columns[1]]),
        table=table[kept],
        sums=None if sums is None else sums[kept],
        small=tuple((names[i], int(sizes[i])) for i in small),
        unknown=int(rows[-1]),
    )


def compare_within(held: Within, level: float = 0.95) -> tuple[ConditionalPair, ...]:
    """Hold every two groups against each other within strata.

    Args:
        held: The counts.
        level: Two-sided level that the intervals of all pairs hold together, in (0, 1).

    Returns:
        The pairs that have enough rows in the same strata, the widest common difference first.

    Example:
        >>> from auditkit.methods.cells import RATES
        >>> table = np.zeros((2, 2, 2, 2), dtype=np.int64)
        >>> table[:, :, 0] = [[[20, 80], [5, 5]], [[1, 9], [50, 50]]]  # not selected, selected
        >>> held = Within(RATES["selection_rate"], ("a", "b"), ("x", "y"), table, None, (), 0)
        >>> pair, = compare_within(held)
        >>> round(pair.raw.difference, 2), pair.outcome
        (0.24, 'reversed, not established')
    """
    won, rows = held.pooled
    raw = gaps.compare_pairs(won, rows, level)
    if not raw:
        return ()
    ends = np.array([(pair.a, pair.b) for pair in raw])
    everyone = held.pair(ends[:, 0], ends[:, 1])
    places = np.flatnonzero(enough(everyone))
    if not places.size:
        return ()
    strata, raw = everyone.take(places), tuple(raw[i] for i in places)
    lows, highs = score_bounds(strata, gaps.shared_level(level, len(raw)))
    p, same = common_test(strata), same_everywhere(strata)
    adjusted = holm(p)
    found = [
        ConditionalPair(
            raw=pair,
            difference=float(strata.difference[i]),
            low=float(lows[i]),
            high=float(highs[i]),
            p_value=float(p[i]),
            p_adjusted=float(adjusted[i]),
            p_same=None if np.isnan(same[i]) else float(same[i]),
            explained=_explained(held, pair, float(strata.difference[i]), level),
            compared=_compared(held, pair),
        )
        for i, pair in enumerate(raw)
    ]
    return tuple(sorted(found, key=lambda one: -abs(one.difference)))


def largest_within(pairs: Sequence[ConditionalPair], level: float = 0.95) -> Estimate:
    """Largest common difference over all pairs of groups.

    Args:
        pairs: What `compare_within` gave at this level.
        level: Level of the simultaneous interval.

    Returns:
        The difference, unsigned; undefined where no pair could be compared. Its interval holds 0
        exactly where those of all pairs do.

    Example:
        >>> largest_within([]).reason
        'no two groups have enough rows in the same strata'
    """
    if not pairs:
        return Estimate.undefined(NO_OVERLAP)
    low, high = (max(bound) for bound in zip(*(pair.bounds for pair in pairs), strict=True))
    count = len(pairs)
    method = _METHOD + ("" if count == 1 else f", Bonferroni over {count:,} pairs")
    return Estimate(abs(pairs[0].difference), Interval(low, high, level, method))


def _explained(held: Within, pair: gaps.Pair, common: float, level: float) -> Estimate:
    if not pair.established:
        return Estimate.undefined(NO_RAW_GAP)
    ab = [pair.a, pair.b]
    won, rows = (counts[ab] for counts in held.pooled)
    sizes = held.sizes[ab]
    shares = sizes / sizes.sum(axis=1, keepdims=True)
    bounds = explained_bounds(held.pair(*ab), won / rows, rows, shares, level)
    if bounds is None:
        return Estimate.undefined(NO_RAW_GAP)
    interval = Interval(*bounds, level, "Fieller")
    return Estimate(1 - common / pair.difference, interval)


def _compared(held: Within, pair: gaps.Pair) -> int:
    rows = held.counted[1][[pair.a, pair.b]]
    return int(rows[:, (rows > 0).all(axis=0)].sum())
