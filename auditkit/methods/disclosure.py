"""Counts made fit to be sent: small ones withheld, or all of them given noise."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from auditkit.methods.cells import Cells
from auditkit.methods.estimates import FloatArray, IntArray
from auditkit.methods.sums import Doubt

#: Gives a whole number from 0 to below its argument, each equally likely.
Below = Callable[[int], int]
#: Most cells that a table of protected counts may have, those without a row included.
MOST_CELLS = 100_000


def product_size(sizes: Sequence[int]) -> int:
    """How many cells there can be: every group and the unknown, two outcomes, two decisions.

    Args:
        sizes: Number of groups of each column.

    Example:
        >>> product_size([2, 5])
        72
    """
    return 4 * math.prod(size + 1 for size in sizes)


def suppress(cells: Cells, least: int) -> Cells:
    """Withhold the cells of fewer rows than this, those of none among them.

    Nobody can tell from what is left whether a cell that is not there has no row or a few.

    Args:
        cells: True counts.
        least: Fewest rows of a cell that is kept.

    Returns:
        The cells that are kept.

    Example:
        >>> from auditkit.methods.cells import count_cells
        >>> cells = count_cells({}, {}, [0] * 12 + [1], [0] * 12 + [1])
        >>> suppress(cells, 10).n.tolist()
        [12]
    """
    return _take(cells, cells.n >= least)


def fill_suppressed(cells: Cells, least: int, highest_weight: float | None = None) -> Cells:
    """Put a guess in the place of each withheld cell, with how far it may be off.

    Each has 0 to `least` - 1 rows; the middle is taken.

    Args:
        cells: The cells that `suppress` kept.
        least: What it was told.
        highest_weight: Highest weight of a row, where rows have weights.

    Returns:
        Every cell that there can be.

    Example:
        >>> from auditkit.methods.cells import count_cells
        >>> kept = suppress(count_cells({}, {}, [0] * 12 + [1], [0] * 12 + [1]), 10)
        >>> fill_suppressed(kept, 10).n.tolist()
        [12.0, 4.5, 4.5, 4.5]
    """
    whole, place = _product(cells)
    middle = (least - 1) / 2
    bounds = np.full(len(whole.n), middle)
    bounds[place] = 0.0
    n = _placed(bounds, place, cells.n)
    if cells.weights is None or cells.squares is None or highest_weight is None:
        return replace(whole, n=n, doubt=Doubt(np.zeros_like(n), bounds))
    by_weight = bounds * highest_weight
    return replace(
        whole,
        n=n,
        weights=_placed(by_weight, place, cells.weights),
        squares=_placed(by_weight * highest_weight, place, cells.squares),
        doubt=Doubt(np.zeros_like(n), bounds, by_weight),
    )


def add_noise(cells: Cells, epsilon: float, below: Below = secrets.randbelow) -> Cells:
    """Add noise to every cell that there can be, so that the counts are differentially private.

    One person more or less changes one cell by one. So independent discrete Laplace noise of
    scale 1/epsilon in every cell, those without a row included, makes the table epsilon-private
    for adding or removing one person, given which groups there are: their names are no secret.

    Args:
        cells: True counts, of rows without weights: a weight has no bound that could be hidden.
        epsilon: The privacy loss, above 0.
        below: Draws whole numbers; those of the operating system by default. Another one is for
            tests: noise that can be drawn again protects nobody.

    Returns:
        Every cell that there can be, with whole numbers of rows that may lie below 0.

    Raises:
        ValueError: If rows have weights.

    Source:
        Ghosh, Roughgarden and Sundararajan (2012), SIAM J. Comput. 41:1673, for the mechanism;
        Canonne, Kamath and Steinke (2020), NeurIPS, algorithm 2, for drawing it exactly.

    Example:
        >>> from random import Random
        >>> from auditkit.methods.cells import count_cells
        >>> cells = count_cells({}, {}, [0] * 12 + [1], [0] * 12 + [1])
        >>> add_noise(cells, 1.0, Random(0).randrange).n.sum() == 13
        np.False_
    """
    if cells.weights is not None:
        raise ValueError("rows with weights cannot be given noise")
    whole, place = _product(cells)
    n = np.zeros(len(whole.n), dtype=np.int64)
    n[place] = cells.n
    exact = Fraction(str(epsilon))
    n += np.array([discrete_laplace(exact, below) for _ in range(n.size)], dtype=np.int64)
    return noised(replace(whole, n=n), epsilon)


def noised(cells: Cells, epsilon: float) -> Cells:
    """Say of counts that noise was added to each, and how much; see `add_noise`."""
    variances = np.full(len(cells.n), noise_variance(epsilon))
    return replace(cells, doubt=Doubt(variances, np.zeros_like(variances)))


def noise_variance(epsilon: float) -> float:
    """Variance of discrete Laplace noise of scale 1/epsilon; unit: squared rows.

    Example:
        >>> round(noise_variance(1.0), 3), round(noise_variance(0.1))
        (1.841, 200)
    """
    fading = math.exp(-epsilon)
    return 2 * fading / (1 - fading) ** 2


def discrete_laplace(epsilon: Fraction, below: Below) -> int:
    """Draw a whole number x with a chance that falls as exp(-epsilon |x|), exactly.

    No number with a point is drawn or rounded: rounding is what such noise has been undone by.

    Args:
        epsilon: Inverse of the scale, above 0.
        below: Draws whole numbers.

    Returns:
        The number.

    Source:
        Canonne, Kamath and Steinke (2020), algorithm 2; Mironov (2012), CCS, for the rounding.
    """
    s, t = epsilon.numerator, epsilon.denominator
    while True:
        part = below(t)
        if not _survives(part, t, below):
            continue
        whole = 0
        while _survives(1, 1, below):
            whole += 1
        size, negative = (part + t * whole) // s, below(2)
        if size or not negative:
            return -size if negative else size


def _survives(top: int, bottom: int, below: Below) -> bool:
    """True with chance exp(-top/bottom), for a fraction in [0, 1]."""
    k = 1
    while below(bottom * k) < top:
        k += 1
    return k % 2 == 1


def _take(cells: Cells, kept: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Cells:
    return replace(
        cells,
        codes=cells.codes[kept],
        y_true=cells.y_true[kept],
        y_pred=cells.y_pred[kept],
        n=cells.n[kept],
        weights=None if cells.weights is None else cells.weights[kept],
        squares=None if cells.squares is None else cells.squares[kept],
    )


def _product(cells: Cells) -> tuple[Cells, IntArray]:
    """Every cell that there can be, of no rows; and where among them the given ones stand."""
    shape = (*(size + 1 for size in cells.sizes), 2, 2)
    keys = np.indices(shape).reshape(len(shape), -1).T
    axes = (*(cells.codes + 1).T, cells.y_true, cells.y_pred)
    place = np.ravel_multi_index(axes, shape).astype(np.int64)
    nothing = np.zeros(len(keys))
    whole = Cells(cells.columns, cells.sizes, keys[:, :-2] - 1, keys[:, -2], keys[:, -1], nothing)
    return whole, place


def _placed(held: FloatArray, place: IntArray, known: IntArray | FloatArray) -> FloatArray:
    filled = held.copy()
    filled[place] = known
    return filled
