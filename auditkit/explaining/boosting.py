"""A quick model of raw rows of any columns: what tells groups of rows apart?"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit.explaining.categories import is_number
from auditkit.roles import as_names

#: Categories of a column that are told apart.
MOST_CATEGORIES = 250

Numbers = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]


def group_shares(
    rows: pd.DataFrame,
    groups: Codes,
    folds: Codes,
    rng: np.random.Generator,
    told: Iterable[int] | None = None,
) -> Numbers:
    """Chance of each group for each row, by gradient boosting that has not seen the row.

    Args:
        rows: Raw columns; those that are no numbers are taken as categories.
        groups: Shape (n,): the group of each row, 0..k - 1.
        folds: Shape (n,): the fold of each row; every group has rows outside of each fold.
        rng: Seeds the models.
        told: Folds whose rows are told; all where None.

    Returns:
        Shape (n, k): the chances; NaN for rows of folds that are not told.

    Example:
        >>> rows = pd.DataFrame({"x": [0.0, 1.0] * 50})
        >>> groups, folds = np.array([0, 1] * 50), np.repeat([0, 1], 50)
        >>> shares = group_shares(rows, groups, folds, np.random.default_rng(0))
        >>> bool((shares.argmax(axis=1) == groups).all())
        True
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    numeric = [is_number(rows[name]) for name in rows]
    table = np.column_stack(
        [_numbers(rows[name]) if plain else _categories(rows[name])
         for name, plain in zip(rows, numeric, strict=True)]
    )  # fmt: skip
    shares = np.full((groups.size, int(groups.max()) + 1), np.nan)
    with threadpool_limits(1):
        for fold in range(int(folds.max()) + 1) if told is None else told:
            made = HistGradientBoostingClassifier(
                max_iter=30,
                learning_rate=0.15,
                max_leaf_nodes=8,
                categorical_features=[not plain for plain in numeric],
                early_stopping=False,
                random_state=int(rng.integers(2**31)),
            )
            known = ~np.isnan(table[folds != fold]).all(axis=0)
            held = np.where(known, table, 0.0)  # of a column without a value nothing is learnt
            made.fit(held[folds != fold], groups[folds != fold])
            shares[folds == fold] = made.predict_proba(held[folds == fold])
    return shares


def _numbers(values: pd.Series) -> Numbers:
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _categories(values: pd.Series) -> Numbers:
    """The most frequent categories, and one for all others; missing is NaN."""
    names = as_names(values)
    counts = names.value_counts().sort_index().sort_values(ascending=False, kind="stable")
    common = list(counts.index[:MOST_CATEGORIES])
    frequent = names.where(names.isin(common))  # pandas warns of values that are no category
    codes = pd.Categorical(frequent, categories=common).codes.astype(np.float64)
    other = np.where(names.isna(), np.nan, float(len(common)))
    return np.where(codes >= 0, codes, other)
