"""Searching subgroups, the intersections of several columns, for where a number differs most.

Whoever searches many subgroups finds some that differ by chance. So the rows come in two halves:
one to search in, one to test what was found; see `auditkit.methods.subgroup_tests`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import combinations

import numpy as np
import numpy.typing as npt

from auditkit.methods.estimates import FloatArray, IntArray
from auditkit.methods.gaps import shared_level
from auditkit.methods.intervals import normal_quantile

BoolArray = npt.NDArray[np.bool_]
#: Numbers beyond this are not compared, as their squares have no number.
LARGEST = 1e100


@dataclass(frozen=True, slots=True)
class Column:
    """A column whose groups are crossed with those of others.

    Attributes:
        name: The column.
        groups: Names of its groups.
        codes: Shape (n,): index into `groups` of each row, -1 where it is unknown.
        origin: The column that it was made from, where it holds one value of another.
    """

    name: str
    groups: tuple[str, ...]
    codes: IntArray
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Number:
    """A number whose mean is compared.

    Attributes:
        values: Shape (n,): the number of each row; 0 or 1 where the mean is a share.
        among: Shape (n,): the rows that count; others have no such number.
        worse: 1 where a larger mean is worse, -1 where a smaller one is, 0 where any difference
            matters.
    """

    values: FloatArray
    among: BoolArray
    worse: int = 0

    @property
    def is_too_large(self) -> bool:
        """Whether a number that counts is beyond `LARGEST`."""
        return not np.abs(self.values[self.among]).max(initial=0.0) <= LARGEST


@dataclass(frozen=True, slots=True)
class Halves:
    """How the rows are split, and what is worth searching.

    Attributes:
        searched: Shape (n,): True for rows to search in, False for rows to test on.
        min_group: Rows that a subgroup, and everyone else, must have in each half; at least 1.
        weights: Shape (n,): weights of the rows, above 0; None where all count the same.
    """

    searched: BoolArray
    min_group: int
    weights: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class Subgroup:
    """An intersection of groups.

    Attributes:
        columns: Its columns.
        groups: The group of each.
        rows: Shape (n,): which rows belong to it; those of unknown group do not.
    """

    columns: tuple[str, ...]
    groups: tuple[str, ...]
    rows: BoolArray

    @property
    def title(self) -> str:
        """Its name for a reader: "sex = F, race = b"."""
        pairs = zip(self.columns, self.groups, strict=True)
        return ", ".join(f"{column} = {group}" for column, group in pairs)


@dataclass(frozen=True, slots=True)
class Crossed:
    """All subgroups of some columns that have enough rows.

    Attributes:
        columns: The columns.
        codes: Shape (n,): the subgroup of each row, -1 where it is unknown or too small.
        count: How many subgroups there are.
    """

    columns: tuple[Column, ...]
    codes: IntArray
    count: int

    def subgroup(self, code: int) -> Subgroup:
        """One of them."""
        rows = self.codes == code
        first = int(rows.argmax())
        names = tuple(column.name for column in self.columns)
        groups = tuple(column.groups[column.codes[first]] for column in self.columns)
        return Subgroup(names, groups, rows)


@dataclass(frozen=True, slots=True)
class Space:
    """The subgroups that are searched.

    Attributes:
        crossed: By combination of columns, those of few columns first.
        left_out: Combinations of columns that were not searched, because there are too many.
    """

    crossed: tuple[Crossed, ...]
    left_out: int

    @property
    def count(self) -> int:
        """How many subgroups there are."""
        return sum(held.count for held in self.crossed)


def space(columns: Sequence[Column], halves: Halves, depth: int, most: int) -> Space:
    """Cross columns with each other.

    Args:
        columns: The columns, each with a name of its own.
        halves: How the rows are split; subgroups that cannot reach `min_group` in both halves
            are left out.
        depth: Most columns that are crossed, at least 1.
        most: Most subgroups; the first combination of columns that would bring more, and all
            after it, are left out whole.

    Returns:
        The subgroups. Columns of one origin are not crossed with each other.

    Example:
        >>> sex = Column("sex", ("F", "M"), np.array([0, 0, 1, 1, 1, 1]))
        >>> job = Column("job", ("x", "y"), np.array([0, 1, 1, 1, 1, 1]))
        >>> halves = Halves(np.arange(6) % 2 == 0, min_group=1)
        >>> [(len(held.columns), held.count) for held in space([sex, job], halves, 2, 99).crossed]
        [(1, 2), (1, 1), (2, 1)]
    """
    wanted = [
        chosen
        for size in range(1, min(depth, len(columns)) + 1)
        for chosen in combinations(columns, size)
        if len({column.origin or column.name for column in chosen}) == size
    ]
    kept: list[Crossed] = []
    total = 0
    for chosen in wanted:
        held = _cross(chosen, halves)
        total += held.count
        if total > most:
            break
        kept.append(held)
    return Space(tuple(kept), len(wanted) - len(kept))


def _cross(columns: Sequence[Column], halves: Halves) -> Crossed:
    codes = reduce(
        lambda found, column: _joined(found, column.codes, halves),
        columns,
        np.zeros(halves.searched.size, dtype=np.int64),
    )
    return Crossed(tuple(columns), codes, int(codes.max(initial=-1)) + 1)


def _joined(first: IntArray, second: IntArray, halves: Halves) -> IntArray:
    """Cross two codes; a cell with too few rows in a half is dropped, as all within it would be."""
    known = (first >= 0) & (second >= 0)
    mixed = first[known] * (int(second.max(initial=0)) + 1) + second[known]
    cells, place = np.unique(mixed, return_inverse=True)
    counts = _by_half(place, halves.searched[known], cells.size)
    kept = np.all(counts >= halves.min_group, axis=1)
    renumbered = np.where(kept, np.cumsum(kept) - 1, -1)
    joined = np.full(first.size, -1, dtype=np.int64)
    joined[known] = renumbered[place]
    return joined


def _by_half(codes: IntArray, searched: BoolArray, cells: int) -> IntArray:
    """Rows of each cell in the half to search and in the half to test, shape (cells, 2)."""
    flat = np.bincount(2 * codes + ~searched, minlength=2 * cells)
    return flat.reshape(cells, 2).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Search:
    """How far each subgroup is from everyone else, in the half to search.

    Attributes:
        place: Shape (m, 2): which combination of columns, and which of its subgroups.
        difference: Shape (m,): mean inside minus mean of everyone else.
        error: Shape (m,): its standard error.
    """

    place: IntArray
    difference: FloatArray
    error: FloatArray

    def order(self, worse: int) -> IntArray:
        """Places from the most to the least promising, without those that differ for the better.

        First those that differ for sure, at Bonferroni's level over all that were searched, by
        how far they surely do; then the others by how many standard errors they differ.

        Args:
            worse: As `Number.worse`.

        Returns:
            Shape (at most m,): places in `place`.
        """
        apart = worse * self.difference if worse else np.abs(self.difference)
        sure = apart - normal_quantile(shared_level(0.95, max(apart.size, 1))) * self.error
        ranked: IntArray = np.lexsort((-apart / self.error, -np.maximum(sure, 0.0)))
        return ranked[apart[ranked] > 0]


def search(held: Space, number: Number, halves: Halves) -> Search:
    """Hold every subgroup against everyone else, in the half to search.

    Args:
        held: The subgroups.
        number: What is compared.
        halves: How the rows are split. Only subgroups with `min_group` rows that count in both
            halves are compared, and only with as many others.

    Returns:
        The comparisons; none where all rows have the same number, or one is beyond `LARGEST`.

    Example:
        >>> job = Column("job", ("x", "y"), np.array([0, 0, 0, 0, 1, 1, 1, 1]))
        >>> halves = Halves(np.tile([True, False], 4), min_group=1)
        >>> number = Number(np.array([1.0, 1, 0, 0, 0, 0, 0, 0]), np.ones(8, dtype=bool))
        >>> search(space([job], halves, 1, 9), number, halves).difference.tolist()
        [0.5, -0.5]
    """
    rows = number.among & halves.searched
    none = Search(np.empty((0, 2), dtype=np.int64), np.empty(0), np.empty(0))
    if number.is_too_large:
        return none
    w = np.ones(rows.size) if halves.weights is None else halves.weights
    wx = w * np.where(rows, number.values, 0.0)
    whole = w[rows].sum()
    mean = wx[rows].sum() / whole if whole else 0.0
    spread = float((w[rows] * (number.values[rows] - mean) ** 2).sum() / whole) if whole else 0.0
    if not spread > 1e-12 * max(1.0, mean**2):
        return none
    found = [_compared(crossed, number, halves, (w, wx), spread) for crossed in held.crossed]
    place = [np.column_stack([np.full(ids.size, i), ids]) for i, (ids, _, _) in enumerate(found)]
    return Search(
        np.concatenate([np.empty((0, 2), dtype=np.int64), *place]),
        np.concatenate([np.empty(0), *(difference for _, difference, _ in found)]),
        np.concatenate([np.empty(0), *(error for _, _, error in found)]),
    )


def _compared(
    crossed: Crossed,
    number: Number,
    halves: Halves,
    weighed: tuple[FloatArray, FloatArray],
    spread: float,
) -> tuple[IntArray, FloatArray, FloatArray]:
    inside = number.among & (crossed.codes >= 0)
    counts = _by_half(crossed.codes[inside], halves.searched[inside], crossed.count)
    both = _by_half(np.zeros(number.among.sum(), dtype=np.int64), halves.searched[number.among], 1)
    enough = np.all(np.minimum(counts, both - counts) >= halves.min_group, axis=1)
    rows = number.among & halves.searched
    within = inside & halves.searched
    w, wx = weighed
    sums = [(part, part[rows].sum()) for part in (w, wx, w**2)]
    (a, a_all), (ax, ax_all), (a2, a2_all) = (
        (np.bincount(crossed.codes[within], part[within], crossed.count)[enough], whole)
        for part, whole in sums
    )
    difference = ax / a - (ax_all - ax) / (a_all - a)
    # Kish's effective sizes; without weights the numbers of rows.
    sizes = a2 / a**2 + (a2_all - a2) / (a_all - a) ** 2
    return np.flatnonzero(enough), difference, np.sqrt(spread * sizes)


def best(held: Space, number: Number, halves: Halves, count: int) -> list[Subgroup]:
    """The most promising subgroups, each with rows of its own.

    Args:
        held: The subgroups.
        number: What is compared.
        halves: How the rows are split.
        count: Most subgroups, at least 1.

    Returns:
        At most `count`; of those that tell the same rows from the others only the first.
    """
    found = search(held, number, halves)
    order = found.order(number.worse)
    ranked = (held.crossed[i].subgroup(code) for i, code in found.place[order])
    return _distinct(ranked, number.among, count)


def _distinct(subgroups: Iterator[Subgroup], among: BoolArray, count: int) -> list[Subgroup]:
    kept: dict[bytes, Subgroup] = {}
    for one in subgroups:
        rows = one.rows[among]
        # A subgroup and everyone else are the same comparison.
        kept.setdefault(np.packbits(rows ^ rows[0]).tobytes(), one)
        if len(kept) == count:
            break
    return list(kept.values())


def worst_calibrated(
    held: Space, bins: Column, residual: FloatArray, halves: Halves, count: int
) -> list[Subgroup]:
    """Subgroups and score bins in which scores are furthest from outcomes, in the half to search.

    Args:
        held: The subgroups.
        bins: The score bin of each row.
        residual: Shape (n,): true outcome minus score.
        halves: How the rows are split; a bin of a subgroup needs `min_group` rows in both.
        count: Most of them.

    Returns:
        Those whose residuals add up to most, whatever the sign: the gap between mean outcome and
        mean score, times the share of all rows. The bin is the last of their columns.

    Source:
        Hebert-Johnson et al. (2018), ICML, multicalibration, weighted by the share of rows.
    """
    w = np.ones(residual.size) if halves.weights is None else halves.weights
    crossed = [_within(one, bins, halves) for one in held.crossed]
    sums = [
        np.bincount(one.codes[rows], (w * residual)[rows], one.count)
        for one in crossed
        for rows in [(one.codes >= 0) & halves.searched]
    ]
    place = [(i, code) for i, one in enumerate(crossed) for code in range(one.count)]
    order = np.argsort(-np.abs(np.concatenate([np.empty(0), *sums])), kind="stable")
    ranked = (crossed[place[k][0]].subgroup(place[k][1]) for k in order)
    return _distinct(ranked, np.ones(residual.size, dtype=bool), count)


def _within(crossed: Crossed, bins: Column, halves: Halves) -> Crossed:
    codes = _joined(crossed.codes, bins.codes, halves)
    return replace(
        crossed,
        columns=(*crossed.columns, bins),
        codes=codes,
        count=int(codes.max(initial=-1)) + 1,
    )
