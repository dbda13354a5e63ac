"""Slices of the rows in which the model is worse: found on one half, tested on the other.

A slice is one bin of a column, or the bins of two. The worst of many always looks bad, so what the
half to search says of it is shown as such, and the other half decides. Simulated at 95 %, default
settings, seven columns, with errors that have nothing to do with any: 10 of 400 audits of 2,000
rows named a slice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np

from auditkit.evidence import Cell, Interval, Measurement, Metric, Table
from auditkit.methods import means, subgroup_tests
from auditkit.methods.estimates import Estimate, FloatArray, IntArray
from auditkit.methods.gaps import shared_level
from auditkit.methods.regression import UNIT
from auditkit.methods.significance import fisher_less, holm
from auditkit.methods.subgroup_tests import HeldOut
from auditkit.methods.subgroups import BoolArray, Column, Halves, Number, Search, Subgroup

#: Of two slices that share more than this part of their rows, only the first is tested.
ALIKE = 0.5

WEAK_SLICES = Metric(
    "weak_slices",
    "Weak slices",
    "Slices of the rows, by one or two columns, in which the model is worse by more than chance.",
    *("count", "lower", 0.0),
)


def _gap(measure: str, title: str, says: str, unit: str = "difference") -> Metric:
    name = f"weak_slice_{measure}_gap"
    return Metric(name, f"Weakest slice, {title}", says, unit, better="lower")


#: What is worse in a slice to the title of the table.
_TITLES = {
    "accuracy": "Slices of the lowest accuracy",
    "absolute_error": "Slices of the largest mean absolute error",
    "exact_match": "Slices with the fewest exact matches",
}
#: What is worse in a slice to how much worse it is.
WEAK_GAPS = {
    "accuracy": _gap(
        *("accuracy", "accuracy"),
        "Accuracy for everyone else minus that in the slice where the model is surely worst.",
    ),
    "absolute_error": _gap(
        *("absolute_error", "mean absolute error"),
        "Mean absolute error in the slice where the model is surely worst minus everyone else's.",
        UNIT,
    ),
    "exact_match": _gap(
        *("exact_match", "rate of exact matches"),
        "Share of texts written without an error for everyone else minus that in the slice where "
        "the model is surely worst.",
    ),
}


@dataclass(frozen=True, eq=False)
class Slices:
    """All slices that are large enough.

    Attributes:
        columns: The columns; every bin of each is a slice, and so are the bins of two.
        place: Shape (m, 2): the two bins, counted through all columns; the same for a single one.
        search: How far each is from everyone else, in the half to search.
        left_out: Columns that were not searched, because there would be too many slices.
    """

    columns: tuple[Column, ...]
    place: IntArray
    search: Search
    left_out: int

    def slice(self, row: int) -> Subgroup:
        """One of them."""
        starts = _starts(self.columns)
        rows = np.ones(self.columns[0].codes.size, dtype=bool)
        names: dict[str, str] = {}
        for bin_ in dict.fromkeys(self.place[row].tolist()):
            at = int(np.searchsorted(starts, bin_, side="right")) - 1
            column, code = self.columns[at], int(bin_ - starts[at])
            names[column.name] = column.groups[code]
            rows &= column.codes == code
        return Subgroup(tuple(names), tuple(names.values()), rows)


def weak_slices(
    columns: Sequence[Column], number: Number, halves: Halves, *, least: float, most: int
) -> Slices:
    """Hold every slice against everyone else, in the half to search.

    Args:
        columns: The columns, each with a name of its own; a bin of missing values is one of theirs.
        number: What is compared, of all rows.
        halves: How the rows are split; a slice, and everyone else, needs `min_group` in each half.
        least: Share of all rows that a slice must have.
        most: Most slices of two bins; columns that would bring more are left out, the last first.

    Returns:
        The slices.

    Example:
        >>> job = Column("job", ("x", "y"), np.array([0, 0, 0, 0, 1, 1, 1, 1]))
        >>> right = Number(np.array([1.0, 1, 0, 0, 1, 1, 1, 1]), np.ones(8, dtype=bool), -1)
        >>> halves = Halves(np.tile([True, False], 4), min_group=1)
        >>> found = weak_slices([job], right, halves, least=0.05, most=99)
        >>> [found.slice(row).title for row in found.search.order(-1)]
        ['job = x']
    """
    kept = [*columns]
    while len(kept) > 1 and sum(len(column.groups) for column in kept) ** 2 / 2 > most:
        kept.pop()
    crossed = _crossed(kept, number, halves)
    searched, tested = crossed[0], crossed[1]
    n = np.array([[halves.searched.sum()], [(~halves.searched).sum()]])
    first, second = np.triu_indices(len(searched))
    counts = np.stack([searched[first, second], tested[first, second]])
    enough = np.all(np.minimum(counts, n - counts) >= halves.min_group, axis=0)
    enough &= counts.sum(axis=0) >= least * n.sum()
    place = np.column_stack([first, second])[enough].astype(np.int64)
    left_out = len(columns) - len(kept)
    if not len(place):
        return Slices(tuple(kept), place, Search(place, np.empty(0), np.empty(0)), left_out)
    a, ax, a2 = (part[place[:, 0], place[:, 1]] for part in crossed[2:])
    rows = halves.searched
    w = np.ones(rows.size) if halves.weights is None else halves.weights
    whole, total, squares = w[rows].sum(), (w * number.values)[rows].sum(), (w[rows] ** 2).sum()
    spread = float((w[rows] * (number.values[rows] - total / whole) ** 2).sum() / whole)
    if not spread > 1e-12 * max(1.0, float(total / whole) ** 2):
        # All rows have the same number.
        place, a, ax, a2 = place[:0], a[:0], ax[:0], a2[:0]
    difference = ax / a - (total - ax) / (whole - a)
    # Kish's effective sizes; without weights the numbers of rows.
    error = np.sqrt(spread * (a2 / a**2 + (squares - a2) / (whole - a) ** 2))
    return Slices(tuple(kept), place, Search(place, difference, error), left_out)


def _starts(columns: Sequence[Column]) -> IntArray:
    sizes = [len(column.groups) for column in columns]
    return np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)


def _crossed(columns: Sequence[Column], number: Number, halves: Halves) -> tuple[FloatArray, ...]:
    """Sums over the rows of every two bins, each of shape (bins, bins).

    Rows to search and to test; then weights, weighted numbers and squared weights to search.
    """
    bins = sum(len(column.groups) for column in columns)
    starts = _starts(columns)
    w = np.ones(halves.searched.size) if halves.weights is None else halves.weights
    rows = halves.searched.astype(np.float64)
    parts = [rows, 1 - rows, rows * w * number.values]
    parts += [] if halves.weights is None else [rows * w, rows * w**2]
    sums = np.zeros((len(parts), bins, bins))
    # Rows of no bin are counted beside the bins, and left out.
    codes = [np.where(one.codes < 0, len(one.groups), one.codes) for one in columns]
    for i, j in combinations_with_replacement(range(len(columns)), 2):
        high, wide = len(columns[i].groups), len(columns[j].groups)
        both = codes[i] * (wide + 1) + codes[j]
        here = slice(starts[i], starts[i] + high), slice(starts[j], starts[j] + wide)
        for place, part in enumerate(parts):
            held = np.bincount(both, part, (high + 1) * (wide + 1))
            sums[place][here] = held.reshape(high + 1, wide + 1)[:high, :wide]
    searched, tested, weighed, *other = sums
    weights, squares = other or (searched, searched)
    return searched, tested, weights, weighed, squares


@dataclass(frozen=True)
class TriedSlice:
    """A slice, and what both halves say.

    Attributes:
        held: The test on the half to test; its difference is slice minus everyone else.
        n_searched: Rows of the slice in the half to search.
        searched: The difference there, made larger by the search.
        p_value: One-sided p-value that the slice is not worse, on the half to test.
    """

    held: HeldOut
    n_searched: int
    searched: float
    p_value: float


def try_slices(
    slices: Slices, number: Number, halves: Halves, count: int, level: float, *, share: bool
) -> list[TriedSlice]:
    """Take the most promising slices from one half to the other.

    Args:
        slices: The slices.
        number: What is compared.
        halves: How the rows are split.
        count: Most slices; of two that share over half of their rows only the first is taken.
        level: Level that their intervals hold together, in (0, 1).
        share: Whether the numbers are 0 and 1.

    Returns:
        The slices, the surest first.
    """
    picked: dict[int, Subgroup] = {}
    for row in slices.search.order(number.worse).tolist():
        one = slices.slice(row)
        if all(_overlap(one.rows, other.rows) <= ALIKE for other in picked.values()):
            picked[row] = one
        if len(picked) == count:
            break
    each = shared_level(level, max(len(picked), 1))
    found = []
    for row, one in picked.items():
        held = subgroup_tests.compare(one, number, halves, each, share=share)
        p = _one_sided(held, number, halves, share=share)
        n = int((one.rows & halves.searched).sum())
        found.append(TriedSlice(held, n, float(slices.search.difference[row]), p))
    return sorted(found, key=lambda one: (-one.held.least, number.worse * -one.held.difference))


def _overlap(first: BoolArray, second: BoolArray) -> float:
    return float((first & second).sum() / max(int((first | second).sum()), 1))


def _one_sided(held: HeldOut, number: Number, halves: Halves, *, share: bool) -> float:
    """Fisher's exact test of shares; half of the two-sided p-value of any other."""
    if share and halves.weights is None:
        rows = ~halves.searched
        inside, right = held.subgroup.rows & rows, number.values > 0
        good = int((inside & right).sum()), int((rows & ~inside & right).sum())
        return fisher_less(good[0], held.n, good[1], held.others)
    if held.p_value is None:
        return 1.0
    return held.p_value / 2 if number.worse * held.difference > 0 else 1 - held.p_value / 2


@dataclass(frozen=True)
class Told:
    """What is told of the slices.

    Attributes:
        measure: Which number is compared.
        slices: All slices.
        tested: Those that were tested.
        n: Rows in the half to test.
        level: Level that all intervals hold together.
        words: How slices were made, for a reader.
    """

    measure: str
    slices: Slices
    tested: Sequence[TriedSlice]
    n: int
    level: float
    words: str

    def evidence(self) -> Iterator[Measurement | Table]:
        """Yield how many slices are weak, how much worse the surest is, and the table."""
        sure = sum(one.held.established for one in self.tested)
        searched = f"{len(self.slices.place):,} slices; {self.words}"
        source = f"{len(self.tested)} tested of {searched}"
        why = "counted exactly; the chance of naming any where none is weak is held"
        yield WEAK_SLICES.measure(float(sure), n=self.n, source=source, reason=why, exact=True)
        metric = WEAK_GAPS[self.measure]
        if not self.tested:
            why = "no slice that is large enough is worse in the half to search"
            yield metric.measure(None, n=self.n, source=source, reason=why)
            return
        worst, loss = self.tested[0], self._loss(self.tested[0].held)
        yield metric.measure(
            loss.value,
            n=worst.held.n + worst.held.others,
            interval=loss.interval,
            reason=loss.reason,
            source=f"'{worst.held.subgroup.title}': {worst.held.mean:.4g} for {worst.held.n:,} "
            f"rows, {worst.held.rest:.4g} for the other {worst.held.others:,}; the surest of "
            f"{source}",
        )
        yield self._table(source)

    def _loss(self, held: HeldOut) -> Estimate:
        sign = held.worse
        if held.low is None or held.high is None:
            return Estimate(sign * held.difference, None, means.NO_SPREAD)
        low, high = sorted((sign * held.low, sign * held.high))
        count = len(self.tested)
        method = held.method + (f", Bonferroni over {count} slices" if count > 1 else "")
        return Estimate(sign * held.difference, Interval(low, high, self.level, method))

    def _table(self, source: str) -> Table:
        adjusted = holm([one.p_value for one in self.tested]).tolist()
        return Table(
            name="weak-slices",
            title=_TITLES[self.measure],
            columns=(
                *("slice", "n_searched", "searched_difference", "n", "rate", "rest"),
                *("difference", "low", "high", "p_adjusted", "established"),
            ),
            rows=tuple(
                (*_line(one), float(p), one.held.established)
                for one, p in zip(self.tested, adjusted, strict=True)
            ),
            source=f"{source}; the difference in the half to search is biased by "
            "the search; p_adjusted: one-sided, Holm over this table; intervals hold together at "
            f"{100 * self.level:g} % (Bonferroni) and decide what is established",
            chart="weak-slices",
        )


def _line(one: TriedSlice) -> tuple[Cell, ...]:
    held = one.held
    searched = held.subgroup.title, one.n_searched, one.searched
    return (*searched, held.n, held.mean, held.rest, held.difference, held.low, held.high)
