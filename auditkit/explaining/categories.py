"""A column as categories: what it takes to count or to name its values."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit.methods.identity_terms import are_texts
from auditkit.roles import as_names

#: Bands of about equally many rows that a number is cut into.
BANDS = 20
#: A category of fewer rows stands with the other rare ones.
RARE = 5


def as_categories(values: pd.Series) -> npt.NDArray[np.int64] | str:
    """Number the values of a column: its categories, or the bands of a number.

    Args:
        values: The column.

    Returns:
        Shape (n,): categories from 0, the missing ones among them, rare ones together; or why
        there are none, in words.

    Example:
        >>> as_categories(pd.Series(["b"] * 5 + ["a"] * 6 + ["rare"])).tolist()
        [2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 0]
        >>> as_categories(pd.Series(["Ann", "Bea", "Cy"]))
        '3 different values in 3 rows: texts or names'
    """
    if is_number(values) and values.nunique() > BANDS:
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
        known = np.isfinite(numbers)
        edges = np.unique(np.quantile(numbers[known], np.arange(1, BANDS) / BANDS))
        return np.where(known, np.searchsorted(edges, numbers, side="right") + 1, 0)
    codes, names = pd.factorize(as_names(values), sort=True)
    counts = np.bincount(codes + 1, minlength=len(names) + 1)
    rare = counts < RARE
    if 2 * counts[rare].sum() > len(values):
        return f"{len(names):,} different values in {len(values):,} rows: texts or names"
    place = np.where(rare, 0, np.cumsum(~rare))
    return np.asarray(place[codes + 1], dtype=np.int64)


def is_number(values: pd.Series) -> bool:
    """Whether a column holds numbers; true and false are none.

    Example:
        >>> is_number(pd.Series([1, 2])), is_number(pd.Series([True]))
        (True, False)
    """
    is_bool = pd.api.types.is_bool_dtype(values)
    return bool(pd.api.types.is_numeric_dtype(values)) and not is_bool


def is_text(values: pd.Series) -> bool:
    """Whether a column looks like texts; see `auditkit.methods.identity_terms.are_texts`.

    Example:
        >>> is_text(pd.Series([1, 2]))
        False
    """
    if pd.api.types.is_numeric_dtype(values):
        return False
    return are_texts(list(as_names(values).dropna().unique()), len(values))
