"""How few people a combination of columns leaves: k-anonymity, l-diversity, t-closeness.

Rows that are alike in all quasi-identifiers form a class. Columns come as codes from 0, one of them
for the missing values: to be without a value can make a row stand out as well as any value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from auditkit.methods.estimates import FloatArray, IntArray

#: Entries of the table of classes by values that is held at once.
_AT_ONCE = 1_000_000


@dataclass(frozen=True)
class Classes:
    """Rows that are alike.

    Attributes:
        of_row: Class of each row, from 0, shape (n,).
        sizes: Rows of each class, shape (m,), each at least 1.
    """

    of_row: IntArray
    sizes: IntArray

    @property
    def k(self) -> int:
        """Rows of the smallest class; 0 where there are no rows."""
        return int(self.sizes.min()) if self.sizes.size else 0

    @property
    def size_of_row(self) -> IntArray:
        """Rows of the class that each row is in, shape (n,)."""
        return np.asarray(self.sizes[self.of_row], dtype=np.int64)

    def rows_below(self, k: int) -> int:
        """Rows in classes of fewer than `k` rows."""
        return int(self.sizes[self.sizes < k].sum())


def classes_of(columns: Sequence[IntArray], n: int) -> Classes:
    """Put rows together that are alike in every column.

    Args:
        columns: Codes from 0 of each quasi-identifier, each of shape (n,).
        n: Rows.

    Returns:
        The classes; all rows are one class where there is no column.

    Source:
        Samarati and Sweeney (1998), SRI-CSL-98-04; Sweeney (2002), Int. J. Uncertain. Fuzz. 10:557.

    Example:
        >>> sex, age = np.array([0, 0, 1, 1]), np.array([3, 3, 3, 5])
        >>> held = classes_of([sex, age], 4)
        >>> held.k, held.rows_below(2), held.sizes.tolist()
        (1, 2, [2, 1, 1])
    """
    of_row = np.zeros(n, dtype=np.int64)
    for codes in columns:
        wide = of_row * (int(codes.max(initial=0)) + 1) + codes
        of_row = np.asarray(np.unique(wide, return_inverse=True)[1], dtype=np.int64).reshape(n)
    return Classes(of_row, np.bincount(of_row, minlength=1 if n else 0).astype(np.int64))


def distinct_diversity(classes: Classes, values: IntArray) -> int:
    """Fewest different values of the sensitive attribute in a class: distinct l-diversity.

    Args:
        classes: The classes.
        values: Codes from 0 of the sensitive attribute, shape (n,).

    Returns:
        l; 0 where there are no rows. 1: everyone in some class has the same value, which whoever
        knows that somebody is in it then knows too.

    Source:
        Machanavajjhala et al. (2007), ACM TKDD 1:3.

    Example:
        >>> distinct_diversity(classes_of([np.array([0, 0, 1, 1])], 4), np.array([0, 1, 1, 1]))
        1
    """
    of_pair, _, _ = _pairs(classes, values)
    return int(np.bincount(of_pair).min()) if of_pair.size else 0


def entropy_diversity(classes: Classes, values: IntArray) -> float:
    """Smallest effective number of values in a class: entropy l-diversity, exp of the entropy.

    Args:
        classes: The classes.
        values: Codes from 0 of the sensitive attribute, shape (n,).

    Returns:
        l, at least 1; 0 where there are no rows.

    Source:
        Machanavajjhala et al. (2007), ACM TKDD 1:3.

    Example:
        >>> entropy_diversity(classes_of([np.zeros(4, dtype=int)], 4), np.array([0, 1, 0, 1]))
        2.0
    """
    of_pair, _, counts = _pairs(classes, values)
    if not of_pair.size:
        return 0.0
    p = counts / classes.sizes[of_pair]
    entropies = np.bincount(of_pair, weights=-p * np.log(p))
    return float(np.exp(max(entropies.min(), 0.0)))


def closeness(classes: Classes, values: IntArray) -> float:
    """Largest total variation distance of a class from all rows: t-closeness, equal distances.

    Args:
        classes: The classes.
        values: Codes from 0 of the sensitive attribute, whose values have no order, shape (n,).

    Returns:
        t, from 0 (every class is like the table) to 1; 0 where there are no rows.

    Source:
        Li, Li and Venkatasubramanian (2007), ICDE: the earth mover's distance where any two
        values are equally far apart.

    Example:
        >>> closeness(classes_of([np.array([0, 0, 1, 1])], 4), np.array([0, 0, 0, 1]))
        0.25
    """
    of_pair, value_of_pair, counts = _pairs(classes, values)
    if not of_pair.size:
        return 0.0
    overall = np.bincount(values) / values.size
    above = np.maximum(counts / classes.sizes[of_pair] - overall[value_of_pair], 0.0)
    return float(np.bincount(of_pair, weights=above).max())


def ordered_closeness(classes: Classes, values: IntArray) -> float:
    """Largest ordered distance of a class from all rows: t-closeness of values with an order.

    Args:
        classes: The classes.
        values: Codes from 0 of the sensitive attribute in its order, shape (n,).

    Returns:
        t, from 0 to 1: the earth mover's distance, from one value to the next being 1/(values - 1).
        0 where there are no rows, or one value only.

    Source:
        Li, Li and Venkatasubramanian (2007), ICDE.

    Example:
        >>> held = classes_of([np.array([0, 0, 1, 1])], 4)
        >>> ordered_closeness(held, np.array([0, 1, 1, 2]))
        0.25
    """
    width = int(values.max(initial=0)) + 1
    if width == 1 or not values.size:
        return 0.0
    overall = np.cumsum(np.bincount(values, minlength=width)) / values.size
    order = np.argsort(classes.of_row, kind="stable")
    step = max(1, _AT_ONCE // width)
    ends = np.concatenate([[0], np.cumsum(classes.sizes)])
    furthest = 0.0
    for low in range(0, classes.sizes.size, step):
        high = min(low + step, classes.sizes.size)
        rows = order[ends[low] : ends[high]]
        keys = (classes.of_row[rows] - low) * width + values[rows]
        counts = np.bincount(keys, minlength=(high - low) * width).reshape(-1, width)
        apart = np.cumsum(counts, axis=1) / classes.sizes[low:high, None] - overall
        furthest = max(furthest, float(np.abs(apart).sum(axis=1).max()) / (width - 1))
    return furthest


def bands(numbers: FloatArray, most: int) -> IntArray:
    """Codes of numbers in their order, in bands of about equally many where there are many.

    Args:
        numbers: Shape (n,); NaN is missing and gets a code of its own, after all others.
        most: Most bands.

    Returns:
        Codes from 0, shape (n,).

    Example:
        >>> bands(np.array([3.0, 1.0, np.nan, 3.0]), 10).tolist()
        [1, 0, 2, 1]
    """
    known = np.isfinite(numbers)
    held = np.unique(numbers[known])
    if held.size > most:
        held = np.unique(np.quantile(numbers[known], np.arange(most) / most))
    codes = np.searchsorted(held, numbers, side="right") - 1
    return np.where(known, np.maximum(codes, 0), held.size).astype(np.int64)


def _pairs(classes: Classes, values: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Class and value of each pair that occurs, and how many rows have it."""
    width = int(values.max(initial=0)) + 1
    keys, counts = np.unique(classes.of_row * width + values, return_counts=True)
    return keys // width, keys % width, counts.astype(np.int64)
