"""Generalisation and suppression that reach k-anonymity: Mondrian, over several columns at once.

All rows start in one class, which is cut in two, and again, as long as every part keeps k rows.
What a class says of a column is then what its rows have in common.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from auditkit.methods.estimates import FloatArray, IntArray

#: Whether the codes of a column have an order, are mere names, or are leaves of a tree.
Kind = Literal["ordered", "named", "tree"]


@dataclass(frozen=True)
class Attribute:
    """A quasi-identifier as codes.

    Attributes:
        codes: Code of each row from 0, shape (n,).
        size: How many codes there are.
        kind: "ordered" (cut between two codes), "named" (cut into one and the rest) or "tree".
        has_missing: Whether code 0 of an ordered column is the missing value, which is no number.
        above: For a tree: the node above each code, shape (levels, size), from narrow to wide.
    """

    codes: IntArray
    size: int
    kind: Kind
    above: IntArray | None = None
    has_missing: bool = False

    @property
    def levels(self) -> IntArray:
        """Of a tree: the code itself, then the nodes above it, shape (levels + 1, size)."""
        own = np.arange(self.size, dtype=np.int64)[None, :]
        return own if self.above is None else np.concatenate([own, self.above])


@dataclass(frozen=True)
class Partition:
    """Rows in classes of at least k.

    Attributes:
        of_row: Class of each row from 0, -1 where it is suppressed, shape (n,).
        count: How many classes there are.
        loss: Share of what the columns told that is lost: 0 keeps every value, 1 none. Mean over
            rows and columns of how much of a column's values the class of the row spans.
    """

    of_row: IntArray
    count: int
    loss: float


def partition(columns: Sequence[Attribute], k: int, most_suppressed: int = 0) -> Partition:
    """Put rows into classes of at least `k`, as narrow as cutting greedily makes them.

    Each class is cut in the column that it spans most of, at the cut nearest to its middle; rows
    of too rare a name may be suppressed where that lets the others be told apart.

    Args:
        columns: The quasi-identifiers, at least one.
        k: Fewest rows of a class.
        most_suppressed: Most rows to suppress.

    Returns:
        The classes. It depends on the content of the rows, not on their order.

    Raises:
        ValueError: If there are fewer than `k` rows.

    Source:
        LeFevre, DeWitt and Ramakrishnan (2006), ICDE: strict multidimensional partitioning; Xu et
        al. (2006), KDD, for the loss (normalised certainty penalty), here over ranks.

    Example:
        >>> age = Attribute(np.array([0, 1, 2, 3, 4]), 5, "ordered")
        >>> partition([age], 2).of_row.tolist()
        [0, 0, 1, 1, 1]
    """
    n = columns[0].codes.size
    if n < k:
        raise ValueError(f"{n} rows cannot make a class of {k}")
    of_row = np.full(n, -1, dtype=np.int64)
    lost, count, left = 0.0, 0, most_suppressed
    waiting = [np.arange(n)]
    while waiting:
        rows = waiting.pop()
        spans = [_span(column, column.codes[rows]) for column in columns]
        parts = _cut(columns, spans, rows, k, left)
        if parts is None:
            of_row[rows] = count
            count += 1
            lost += rows.size * float(np.mean(spans))
            continue
        kept = [part for part in parts if part.size >= k]
        left -= rows.size - sum(part.size for part in kept)
        waiting += kept[::-1]
    gone = int((of_row < 0).sum())
    return Partition(of_row, count, (lost + gone) / n)


def _cut(
    columns: Sequence[Attribute], spans: Sequence[float], rows: IntArray, k: int, left: int
) -> list[IntArray] | None:
    """Cut a class in the column that it spans most of and that can be cut; None where none can."""
    if rows.size < 2 * k - left:
        return None
    widest = sorted(range(len(columns)), key=lambda i: -spans[i])
    for most in dict.fromkeys((0, left)):  # nothing is suppressed where a cut can do without
        for i in widest:
            if spans[i] == 0:
                break
            codes = columns[i].codes[rows]
            parts = _parts(columns[i], codes, k, most)
            if parts is not None:
                return [rows[part] for part in parts]
    return None


def _parts(
    column: Attribute, codes: IntArray, k: int, most: int
) -> list[np.ndarray[tuple[int], np.dtype[np.bool_]]] | None:
    """Masks of the parts, those of fewer than `k` rows being suppressed; None without a cut."""
    values, counts = _counts(codes, column.size)
    if column.kind == "tree":
        nodes = _below(column, values)[np.searchsorted(values, codes)]
        names, counts = np.unique(nodes, return_counts=True)
        is_fit = counts[counts < k].sum() <= most and bool((counts >= k).any())
        return [nodes == name for name in names] if is_fit and names.size > 1 else None
    if column.kind == "ordered":
        values, counts = values[:-1], np.cumsum(counts)[:-1]
        most = 0
    rest = codes.size - counts
    if column.has_missing and values[:1] == [0] and counts[0] >= k and rest[0] >= k:
        return [codes == 0, codes > 0]  # first: a band of numbers should hold numbers
    is_fit = (counts >= k) & ((rest >= k) | ((rest <= most) & (rest > 0)))
    if not is_fit.any():
        return None
    best = np.flatnonzero(is_fit)[np.argmin(np.abs(counts - rest)[is_fit])]
    chosen = codes <= values[best] if column.kind == "ordered" else codes == values[best]
    return [chosen, ~chosen]


def _counts(codes: IntArray, size: int) -> tuple[IntArray, IntArray]:
    """The codes that occur and how often; where there are few, without sorting."""
    if size > 4 * codes.size:
        values, counts = np.unique(codes, return_counts=True)
        return values, counts.astype(np.int64)
    each = np.bincount(codes, minlength=size)
    values = np.flatnonzero(each)
    return values, each[values]


def _below(column: Attribute, values: IntArray) -> IntArray:
    """The node of each value that is next below what they have in common."""
    levels = column.levels[:, values]
    apart = [level for level in levels if np.unique(level).size > 1]
    return np.asarray(apart[-1] if apart else levels[0], dtype=np.int64)


def common_level(column: Attribute, values: IntArray) -> int:
    """The narrowest level of a tree at which values are alike: 0 for one value, -1 for none.

    Args:
        column: A tree.
        values: Its codes that occur.

    Example:
        >>> tree = Attribute(np.array([0]), 3, "tree", np.array([[0, 0, 1]]))
        >>> [common_level(tree, np.array(held)) for held in ([1], [0, 1], [0, 2])]
        [0, 1, -1]
    """
    levels = column.levels[:, values]
    return next((i for i, level in enumerate(levels) if np.unique(level).size == 1), -1)


def _span(column: Attribute, codes: IntArray) -> float:
    """Share of the values of a column that a class spans: 0 for one value, 1 for all."""
    if column.size == 1:
        return 0.0
    if column.kind == "ordered":
        return float(codes.max() - codes.min()) / (column.size - 1)
    values, _ = _counts(codes, column.size)
    if column.kind == "named" or values.size == 1:
        return (values.size - 1) / (column.size - 1)
    level = common_level(column, values)
    if level < 0:
        return 1.0
    nodes = column.levels[level]
    return (int((nodes == nodes[values[0]]).sum()) - 1) / (column.size - 1)


def classes_in_order(of_row: IntArray, count: int) -> Iterator[IntArray]:
    """The rows of each class, from the first class on.

    Example:
        >>> [rows.tolist() for rows in classes_in_order(np.array([1, 0, -1, 1]), 2)]
        [[1], [0, 3]]
    """
    order = np.argsort(of_row, kind="stable")
    ends = np.searchsorted(of_row[order], np.arange(count + 1))
    for low, high in pairwise(ends.tolist()):
        yield order[low:high]


def mean_by_class(values: FloatArray, rows: IntArray) -> float:
    """Mean of the known numbers of a class; NaN where none is known."""
    known = values[rows]
    known = known[np.isfinite(known)]
    return float(known.mean()) if known.size else float("nan")
