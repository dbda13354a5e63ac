"""Scores counted into bins, by group and outcome: what is left of them where rows stay elsewhere.

The bins are the same for all groups and fixed before anything is counted. Where a score falls is a
closed form of +, -, * and / alone, which every engine computes to the same bit, so that counts made
in several places are equal, and add up. What follows from them is in
`auditkit.methods.score_curves`, with the bound of what the bins hide.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from auditkit.methods.estimates import FloatArray, IntArray
from auditkit.methods.score_curves import Histogram

#: Bins, and bins where a group has more rows than this.
BINS, MANY_BINS, MANY_ROWS = 4_096, 65_536, 1_000_000
#: "Bins" of scores that have no place: outside 0 to 1, infinite, and no number (or missing).
OUTSIDE, INFINITE, NOT_A_NUMBER = -1, -2, -3
#: Distances from 0 or 1 around which the bins that are not equally wide lie thickest.
SCALES = tuple(2.0**-power for power in (4, 9, 14, 19, 24, 29))
#: What the uneven half of `place_of` comes to at 0.5, where it is made 1.
_WHOLE = len(SCALES) - sum(scale / (0.5 + scale) for scale in SCALES)


class _Number(Protocol):
    """What can be reckoned with: an array, a number, or a column of a query."""

    def __add__(self, other: Any, /) -> Any: ...  # noqa: ANN401
    def __rsub__(self, other: Any, /) -> Any: ...  # noqa: ANN401
    def __rmul__(self, other: Any, /) -> Any: ...  # noqa: ANN401


N = TypeVar("N", bound=_Number)


def bins_for(rows: int) -> int:
    """Bins that are fine enough for the largest group.

    Example:
        >>> bins_for(1_000_000), bins_for(1_000_001)
        (4096, 65536)
    """
    return MANY_BINS if rows > MANY_ROWS else BINS


def place_of(distance: N, bins: int) -> N:
    """Where a score this far from the nearer end of 0 to 1 lies, in bins from that end.

    Half of it rises evenly; the other half is a sum of terms 1 - c/(d + c) for the c in `SCALES`,
    which rises like a logarithm, so that scores piled near 0 or 1 are told apart down to about
    1e-11. Only +, -, * and / are used, and each step rises with the distance however it is rounded:
    so every engine that reckons in IEEE doubles gives the same number, and order is never lost.

    Args:
        distance: The smaller of score and 1 - score, in [0, 0.5]: numbers, or an Ibis column.
        bins: Number of bins, even.

    Returns:
        A number in [0, bins/2], of the same kind; its floor, at most bins/2 - 1, counts the bins
        from the end. See `bin_of`, which also writes the whole as SQL would.

    Example:
        >>> place_of(0.0, 4096), place_of(0.5, 4096), round(place_of(0.1, 4096), 1)
        (0.0, 2048.0, 1178.5)
    """
    uneven: Any = float(len(SCALES))
    for scale in SCALES:
        uneven = uneven - scale / (distance + scale)
    found: N = bins / 2 * distance + bins / 4 / _WHOLE * uneven
    return found


def bin_of(scores: npt.ArrayLike, bins: int = BINS) -> IntArray:
    """The bin of each score.

    In SQL, with `place` as `place_of` writes it for `s` and for `1 - s`: ::

        CASE WHEN s IS NULL OR isnan(s) THEN -3  WHEN isinf(s) THEN -2
             WHEN s < 0 OR s > 1 THEN -1
             WHEN s < 0.5 THEN least(floor(place(s)), bins/2 - 1)
             ELSE bins - 1 - least(floor(place(1 - s)), bins/2 - 1) END

    Args:
        scores: Shape (n,).
        bins: Number of bins, even.

    Returns:
        Shape (n,): 0..bins - 1, rising with the score, 1 in the last bin; a score that is none is
        never moved into a bin, but has `OUTSIDE`, `INFINITE` or `NOT_A_NUMBER`.

    Example:
        >>> bin_of([0.0, 1e-7, 0.5, 1 - 1e-7, 1.0, 1.5, np.inf, np.nan]).tolist()
        [0, 288, 2048, 3807, 4095, -1, -2, -3]
    """
    s = np.asarray(scores, dtype=np.float64)
    inside = (s >= 0) & (s <= 1)
    held = np.where(inside, s, 0.0)
    low = held < 0.5
    steps = np.floor(place_of(np.where(low, held, 1 - held), bins)).astype(np.int64)
    steps = np.minimum(steps, bins // 2 - 1)
    found = np.where(low, steps, bins - 1 - steps)
    without = np.where(np.isnan(s), NOT_A_NUMBER, np.where(np.isinf(s), INFINITE, OUTSIDE))
    return np.where(inside, found, without)


@lru_cache(maxsize=4)
def edges_of(bins: int = BINS) -> tuple[float, ...]:
    """The scores at which one bin ends and the next begins, from 0 to 1.

    Example:
        >>> edges = edges_of(8)
        >>> len(edges), edges[0], edges[4], edges[8]
        (9, 0.0, 0.5, 1.0)
    """
    wanted = np.arange(1, bins // 2)
    low, high = np.zeros(wanted.size), np.full(wanted.size, 0.5)
    for _ in range(64):  # halve until nothing lies between
        middle = (low + high) / 2
        under = place_of(middle, bins) < wanted
        low, high = np.where(under, middle, low), np.where(under, high, middle)
    return (0.0, *high.tolist(), 0.5, *(1 - high[::-1]).tolist(), 1.0)


def parts_of(bins: int, parts: int = 10) -> IntArray:
    """The equally wide part of 0 to 1 that the middle of each bin lies in.

    Example:
        >>> np.bincount(parts_of(4096, 4)).tolist()
        [1520, 528, 528, 1520]
    """
    edges = np.array(edges_of(bins))
    middles = (edges[:-1] + edges[1:]) / 2
    found: IntArray = np.minimum(middles * parts, parts - 1).astype(np.int64)
    return found


@dataclass(frozen=True)
class ScoreCells:
    """How many scores there are of each kind, and what they add up to; as `cells.Cells`.

    Attributes:
        columns: The columns whose groups were told apart.
        sizes: Number of groups of each column, the unknown left out.
        codes: Shape (cells, columns): the groups of each cell, -1 for the unknown.
        y_true: Shape (cells,): true outcome, 0 or 1.
        bin: Shape (cells,): bin of the score, or why it has none; see `bin_of`.
        n: Shape (cells,): rows of each cell; unit: rows.
        score_sum: Shape (cells,): sum of the scores of each cell; 0 where they are in no bin.
        low: Shape (cells,): lowest score of each cell, likewise.
        high: Shape (cells,): highest score of each cell, likewise.
        bins: Number of bins.

    Example:
        >>> cells = bin_scores({"sex": [0, 1, 1]}, {"sex": 2}, [0, 1, 1], [0.2, 0.7, 0.9])
        >>> cells.histogram({"sex": 1}).rows, (cells + cells).histogram({"sex": 1}).rows
        (2.0, 4.0)
    """

    columns: tuple[str, ...]
    sizes: tuple[int, ...]
    codes: IntArray
    y_true: IntArray
    bin: IntArray
    n: IntArray
    score_sum: FloatArray
    low: FloatArray
    high: FloatArray
    bins: int

    @property
    def edges(self) -> FloatArray:
        """Shape (bins + 1,): where the bins begin and end."""
        return np.array(edges_of(self.bins))

    def without_place(self, reason: int) -> int:
        """Rows whose score is in no bin for a reason: `OUTSIDE`, `INFINITE` or `NOT_A_NUMBER`."""
        return int(self.n[self.bin == reason].sum())

    def histogram(self, groups: Mapping[str, int]) -> Histogram:
        """The scores of the rows of some groups, by outcome, over all other columns.

        Args:
            groups: Column to the code of its group, -1 for the unknown; none gives everyone.

        Returns:
            Counts and sums by bin; rows whose score is in no bin are left out.
        """
        kept = self.bin >= 0
        for column, code in groups.items():
            kept = kept & (self.codes[:, self.columns.index(column)] == code)

        def added(held: IntArray | FloatArray, outcome: int) -> FloatArray:
            of = kept & (self.y_true == outcome)
            place, weights = self.bin[of], held[of]
            return np.bincount(place, weights=weights, minlength=self.bins).astype(np.float64)

        sums = added(self.score_sum, 0) + added(self.score_sum, 1)
        low, high = extremes_of(self.bin[kept], self.low[kept], self.high[kept], self.bins)
        return Histogram(added(self.n, 1), added(self.n, 0), sums, exact=low >= high)

    def __add__(self, other: ScoreCells) -> ScoreCells:
        """The cells of the rows of both, counted in two places.

        Raises:
            ValueError: If columns, groups or bins differ.
        """
        mine, theirs = ((c.columns, c.sizes, c.bins) for c in (self, other))
        if mine != theirs:
            raise ValueError("only cells of the same columns, groups and bins can be added")
        keys = np.concatenate([_keys(self), _keys(other)])
        held = (
            np.concatenate([getattr(self, part), getattr(other, part)])
            for part in ("n", "score_sum", "low", "high")
        )
        return _gathered(self, keys, *held)


def bin_scores(
    codes: Mapping[str, npt.ArrayLike],
    sizes: Mapping[str, int],
    y_true: npt.ArrayLike,
    y_score: npt.ArrayLike,
    bins: int | None = None,
) -> ScoreCells:
    """Count scores by groups, true outcome and bin.

    Args:
        codes: Column to the group of each row, shape (n,): 0..size - 1, or -1 where unknown.
        sizes: Column to its number of groups.
        y_true: Shape (n,): true outcomes, 0 or 1.
        y_score: Shape (n,): scores.
        bins: Number of bins, even; 4,096 unless given, or 65,536 where a group of a column has
            over a million rows.

    Returns:
        The cells that have rows, ordered by the columns, the outcome and the bin.

    Raises:
        ValueError: If lengths differ, a code or outcome is out of range, or bins are odd.

    Example:
        >>> bin_scores({}, {}, [0, 1, 1], [0.1, 0.9, 0.9], 8).n.tolist()
        [1, 2]
    """
    score = np.asarray(y_score, dtype=np.float64)
    held = {name: np.asarray(codes[name]).astype(np.int64) for name in sizes}
    y = np.asarray(y_true).astype(np.int64)
    if any(column.shape != score.shape for column in [*held.values(), y]):
        raise ValueError("all columns have one entry a row")
    if any(np.any((held[name] < -1) | (held[name] >= size)) for name, size in sizes.items()):
        raise ValueError("a code is -1 or the place of a group")
    if np.any((y != 0) & (y != 1)):
        raise ValueError("outcomes are 0 or 1")
    if bins is None:
        most = [np.bincount(column + 1).max(initial=0) for column in held.values()]
        bins = bins_for(int(max(most, default=score.size)))
    if bins < 2 or bins % 2:
        raise ValueError(f"bins are an even number from 2; got {bins}")
    place = bin_of(score, bins)
    ones = np.ones(score.size, dtype=np.int64)
    own = np.where(place >= 0, score, 0.0)
    return gather_bins(held, sizes, y, place, ones, own, (own, own), bins)


def gather_bins(
    codes: Mapping[str, IntArray],
    sizes: Mapping[str, int],
    y_true: npt.NDArray[Any],
    place: IntArray,
    n: IntArray,
    sums: FloatArray,
    extremes: tuple[FloatArray, FloatArray],
    bins: int = BINS,
) -> ScoreCells:
    """Put together what was counted by bin elsewhere, where it means the same.

    Args:
        codes: Column to the group of each entry, shape (k,): 0..size - 1, or -1 where unknown.
        sizes: Column to its number of groups.
        y_true: Shape (k,): true outcomes, 0 or 1.
        place: Shape (k,): the bin, or why there is none; see `bin_of`.
        n: Shape (k,): rows that each entry stands for.
        sums: Shape (k,): sum of their scores; 0 where they are in no bin.
        extremes: Lowest and highest of their scores, each of shape (k,), likewise.
        bins: Number of bins.

    Returns:
        The cells that have rows, ordered by the columns, the outcome and the bin.

    Example:
        >>> one = np.array([3, 3])
        >>> sums = np.array([0.3, 0.6])
        >>> gather_bins({}, {}, np.array([1, 1]), one, one, sums, (sums / 3, sums / 3)).n.tolist()
        [6]
    """
    y = y_true.astype(np.int64)
    keys = np.column_stack([*(codes[name] for name in sizes), y, place])
    groups = tuple(sizes), tuple(sizes.values()), keys[:, :-2]
    each = ScoreCells(*groups, y, place, n, sums, *extremes, bins)
    return _gathered(each, keys, n, sums, *extremes)


def _keys(cells: ScoreCells) -> IntArray:
    return np.column_stack([cells.codes, cells.y_true, cells.bin])


def extremes_of(
    place: IntArray, low: FloatArray, high: FloatArray, size: int
) -> tuple[FloatArray, FloatArray]:
    """Lowest and highest number at every place.

    Args:
        place: Shape (k,): 0..size - 1.
        low: Shape (k,): lowest number of each entry.
        high: Shape (k,): highest number of each entry.
        size: Number of places.

    Returns:
        Both of shape (size,); infinite, the lowest above the highest, where there is no entry.

    Example:
        >>> extremes_of(np.array([0, 0]), np.array([0.1, 0.2]), np.array([0.3, 0.2]), 1)
        (array([0.1]), array([0.3]))
    """
    lowest, highest = np.full(size, np.inf), np.full(size, -np.inf)
    np.minimum.at(lowest, place, low)
    np.maximum.at(highest, place, high)
    return lowest, highest


def _gathered(
    like: ScoreCells,
    keys: IntArray,
    n: IntArray,
    sums: FloatArray,
    low: FloatArray,
    high: FloatArray,
) -> ScoreCells:
    """Add up what has the same key: groups, outcome and bin."""
    wide = [*(size + 1 for size in like.sizes), 2, like.bins - NOT_A_NUMBER]
    lowest = [*([-1] * len(like.sizes)), 0, NOT_A_NUMBER]
    flat = np.ravel_multi_index(tuple((keys - np.array(lowest)).T), wide)
    seen, place = np.unique(flat, return_inverse=True)
    distinct = np.column_stack(np.unravel_index(seen, wide)) + np.array(lowest)
    low, high = extremes_of(place, low, high, seen.size)
    return replace(
        like,
        codes=distinct[:, :-2],
        y_true=distinct[:, -2],
        bin=distinct[:, -1],
        n=np.rint(np.bincount(place, weights=n, minlength=seen.size)).astype(np.int64),
        score_sum=np.bincount(place, weights=sums, minlength=seen.size).astype(np.float64),
        low=low,
        high=high,
    )
