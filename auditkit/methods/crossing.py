"""Groups that are held against each other: those of one column, or of several columns crossed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import prod

import numpy as np
import numpy.typing as npt

from auditkit.errors import quote
from auditkit.evidence import ALL_GROUPS
from auditkit.methods.cells import Cells, Rate
from auditkit.methods.estimates import Estimate, FloatArray, IntArray
from auditkit.methods.sums import BOTH, PROTECTED, WEIGHTED, Sums
from auditkit.methods.weighting import on_effective_counts, weighted_words

#: Joins the columns, and the groups, of an intersection.
CROSS = " × "  # noqa: RUF001 - the sign that a reader knows


@dataclass(frozen=True)
class Crossing:
    """Counts of the groups of some columns, made by `cross`.

    Attributes:
        columns: The columns.
        labels: One name a column, for each of the m groups.
        table: Shape (m, 2, 2): rows by group, true outcome and decision.
        known: Shape (m,): whether the group is known in every column.
        sums: The weights of the rows, or their protected counts, shaped as the table, or None.
        protected: The protected counts, whatever the weights, or None where counts are true.
    """

    columns: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    table: IntArray
    known: npt.NDArray[np.bool_]
    sums: Sums | None = None
    protected: Sums | None = None

    @property
    def title(self) -> str:
        """The columns for a reader."""
        return CROSS.join(self.columns)

    @property
    def names(self) -> tuple[str, ...]:
        """The groups for a reader."""
        return tuple(CROSS.join(labels) for labels in self.labels)

    @property
    def sizes(self) -> IntArray:
        """Rows of each group, shape (m,)."""
        sizes: IntArray = np.maximum(self.table.sum(axis=(1, 2)), 0)  # noise may go below it
        return sizes

    @property
    def how(self) -> str:
        """How rows were counted, where they do not simply count one each."""
        return WEIGHTED if self.sums is None else self.sums.how

    @property
    def everyone(self) -> dict[str, str]:
        """The slice that compares all groups."""
        return dict.fromkeys(self.columns, ALL_GROUPS)

    def where(self, i: int) -> dict[str, str]:
        """The slice of one group."""
        return dict(zip(self.columns, self.labels[i], strict=True))

    def compare(self, rate: Rate, least: int) -> Comparison:
        """Part the groups whose rate can be compared from those too small or unknown.

        Args:
            rate: The rate.
            least: Rows that a rate must rest on; unit: rows.

        Returns:
            The groups that are compared, and what was left out. Groups whose protected counts
            tell nothing are too small.
        """
        successes, totals = rate.of(self.table)
        names, kept = self.names, self.known & (totals >= least)
        if self.sums is not None:
            kept &= rate.effective(self.sums)[1] > 0
        small = np.flatnonzero(self.known & ~kept)
        return Comparison(
            rate=rate,
            names=tuple(names[i] for i in np.flatnonzero(kept)),
            successes=successes[kept],
            totals=totals[kept],
            small=tuple((names[i], int(self.sizes[i])) for i in small),
            unknown=int(totals[~self.known].sum()),
            sums=None if self.sums is None else self.sums[kept],
        )


@dataclass(frozen=True)
class Comparison:
    """One rate of the groups that are large enough to be compared, and what was left out.

    Attributes:
        rate: The rate.
        names: The k groups that are compared.
        successes: Shape (k,): numerators; unit: rows.
        totals: Shape (k,): denominators; unit: rows.
        small: Name of each group whose rate rests on too few rows, and all rows of that group (not
            its denominator, which in a group of one would tell that person's outcome).
        unknown: Rows of the denominator whose group is unknown.
        sums: The weights of the k groups, or None where every row counts the same.
    """

    rate: Rate
    names: tuple[str, ...]
    successes: IntArray
    totals: IntArray
    small: tuple[tuple[str, int], ...]
    unknown: int
    sums: Sums | None = None

    @property
    def n(self) -> int:
        """Rows that the comparison rests on."""
        return int(self.totals.sum())

    @property
    def is_doubtful(self) -> bool:
        """Whether protection may have moved any of the counts."""
        return self.sums is not None and self.sums.is_doubtful

    @property
    def effective(self) -> tuple[IntArray, IntArray] | tuple[FloatArray, FloatArray]:
        """Counts to make intervals of: effective ones, or plain where rows weigh the same."""
        if self.sums is None:
            return self.successes, self.totals
        return self.rate.effective(self.sums)

    @property
    def weighed(self) -> tuple[IntArray, IntArray] | tuple[FloatArray, FloatArray]:
        """Weights of numerators and denominators; the counts where rows weigh the same."""
        if self.sums is None:
            return self.successes, self.totals
        return self.rate.of(self.sums.weights)

    def estimate(self, gap: Callable[..., Estimate], level: float) -> Estimate:
        """Compute a gap or ratio between the groups; a reason names the rate.

        Args:
            gap: `gaps.difference` or `gaps.ratio`.
            level: Confidence level, in (0, 1).

        Returns:
            What the function gave.
        """
        found = gap(*self.effective, level)
        if found.reason is None:
            return found if self.sums is None else on_effective_counts(found)
        return Estimate.undefined(f"{self.rate.metric.title.lower()}: {found.reason}")


def over(
    *,
    title: str,
    words: str,
    groups: int,
    n: int,
    small: Sequence[tuple[str, int]],
    unknown: int,
    least: int,
    effective: float | None = None,
    how: str | None = None,
) -> str:
    """Say what was compared and what was left out.

    Args:
        title: Name of the number, for a reader.
        words: What it is counted among, for a reader.
        groups: Groups that were compared.
        n: What they were counted among; unit: rows.
        small: Name and rows of each group that was too small; names are untrusted.
        unknown: Rows of unknown group.
        least: Rows that a group needed.
        effective: What they are worth, or None where rows count one each.
        how: How rows were counted, where they do not count one each.

    Returns:
        Part of a sentence.

    Example:
        >>> over(title="accuracy", words="rows", groups=2, n=90, small=[("x", 1)], unknown=0,
        ...      least=10)
        "accuracy over 2 groups, 90 rows, without those of fewer than 10 rows: 'x' (1 row)"
    """
    count = "1 group" if groups == 1 else f"{groups} groups"
    text = f"{title} over {count}, {n:,} {words}"
    text = weighted_words(text, None if effective is None else [effective], how or WEIGHTED)
    if small:
        named = ", ".join(f"{quote(name)} ({rows_words(size)})" for name, size in small[:6])
        more = f" and {len(small) - 6} more" if len(small) > 6 else ""
        unsure = " or whose protected counts tell too little" if how in (PROTECTED, BOTH) else ""
        text += f", without those of fewer than {least:,} {words}{unsure}: {named}{more}"
    if unknown:
        text += f", without {unknown:,} {words} of unknown group"
    return text


def rows_words(size: int) -> str:
    """Write a number of rows.

    Example:
        >>> rows_words(1), rows_words(1200)
        ('1 row', '1,200 rows')
    """
    return "1 row" if size == 1 else f"{size:,} rows"


def crossings(
    columns: Sequence[str], made: Mapping[str, str], *, intersections: bool = True
) -> list[tuple[str, ...]]:
    """Every column alone, then every two crossed that were not made of the same column.

    Args:
        columns: The columns.
        made: Column to the one that it was made of, itself or another.
        intersections: Whether columns are crossed.

    Returns:
        The columns of each crossing.

    Example:
        >>> crossings(["sex", "age", "old"], {"sex": "sex", "age": "age", "old": "age"})
        [('sex',), ('age',), ('old',), ('sex', 'age'), ('sex', 'old')]
    """
    alone = [(name,) for name in columns]
    pairs = combinations(columns, 2) if intersections else ()
    return [*alone, *(pair for pair in pairs if made[pair[0]] != made[pair[1]])]


def too_many(sizes: Sequence[int], most: int, setting: str) -> str | None:
    """Say that there are too many groups to be compared, or None where there are not.

    Args:
        sizes: Number of groups of each column that is crossed.
        most: Most groups.
        setting: The setting that says so.

    Returns:
        The reason, and what can be done.

    Example:
        >>> too_many([30, 40], 100, "max_intersections")[:53]
        '1,200 groups, more than max_intersections = 100; join'
    """
    count = prod(sizes)
    if count <= most:
        return None
    advice = f"join groups (bands for a number), or raise {setting}"
    return f"{count:,} groups, more than {setting} = {most:,}; {advice}"


def place_rows(codes: npt.ArrayLike, sizes: Sequence[int]) -> IntArray:
    """Find the group of every row in the order in which `cross` lists the groups.

    Args:
        codes: Shape (n, columns): group of each row in each column, -1 where unknown.
        sizes: Number of groups of each column.

    Returns:
        Shape (n,): index into the groups of the crossing of these columns and rows.

    Example:
        >>> place_rows([[0, 1], [-1, 0], [0, 0]], [1, 2]).tolist()
        [1, 2, 0]
    """
    shape = tuple(size + 1 for size in sizes)
    axes = np.asarray(codes, dtype=np.int64) % np.array(shape)  # -1 becomes the last
    flat = np.ravel_multi_index(tuple(axes.T), shape)
    known = np.all(np.array(sizes) > np.indices(shape).reshape(len(shape), -1).T, axis=1)
    shown = known | (np.bincount(flat, minlength=known.size) > 0)
    place: IntArray = (np.cumsum(shown) - 1)[flat]
    return place


def cross(cells: Cells, labels: Mapping[str, Sequence[str]], columns: Sequence[str]) -> Crossing:
    """Cross the groups of some columns.

    Args:
        cells: The counts.
        labels: Column to the names of its groups and, last, of the unknown.
        columns: The columns to cross, at least one.

    Returns:
        Every combination of known groups, those without a row included, and every combination
        with an unknown one that has rows.

    Example:
        >>> from auditkit.methods.cells import count_cells
        >>> cells = count_cells({"sex": [0, 0, -1]}, {"sex": 2}, [1, 0, 1], [1, 1, 0])
        >>> crossing = cross(cells, {"sex": ["F", "M", "unknown"]}, ["sex"])
        >>> crossing.names, crossing.sizes.tolist()
        (('F', 'M', 'unknown'), [2, 0, 1])
    """
    table = cells.table(*columns)
    shape = table.shape[:-2]
    index = np.indices(shape).reshape(len(shape), -1).T
    known = np.all(index < np.array(shape) - 1, axis=1)
    flat = table.reshape(-1, 2, 2)
    shown = known | flat.any(axis=(1, 2))
    names = tuple(
        tuple(labels[column][code] for column, code in zip(columns, place, strict=True))
        for place in index[shown].tolist()
    )
    sums = cells.sums(*columns)
    if sums is not None:
        sums = sums.apply(lambda held: held.reshape(-1, 2, 2)[shown])
    protected = cells.protected(*columns)
    if protected is not None:
        protected = protected.apply(lambda held: held.reshape(-1, 2, 2)[shown])
    return Crossing(tuple(columns), names, flat[shown], known[shown], sums, protected)
