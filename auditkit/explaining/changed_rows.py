"""Raw rows as numbers and codes whose columns may change, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from auditkit.explaining.categories import is_number
from auditkit.explaining.change_rules import ChangeRules
from auditkit.methods.counterfactual_columns import BoolArray, Column
from auditkit.methods.estimates import FloatArray, IntArray
from auditkit.roles import as_names

#: A number with no more different values than this takes no value that was not seen.
LEVELS = 20
#: Categories of a column, the most frequent ones, that a row is changed to.
CATEGORIES = 12


@dataclass(frozen=True, eq=False)
class ChangingRows:
    """Rows that are changed, and what they may be changed to; made by `ChangingRows.of`.

    Attributes:
        rows: The raw rows, n of them.
        before: Shape (n, d): a number as it is, a category by its code, NaN where it is missing.
        reference: Shape (r, d): rows that stand for what is usual.
        columns: How each of the d columns may change.
        names: The features, in this order.
        kept: Features of texts or names, which stay as they are.
    """

    rows: pd.DataFrame
    before: FloatArray
    reference: FloatArray
    columns: tuple[Column, ...]
    names: tuple[str, ...]
    kept: tuple[str, ...]
    _pools: tuple[pd.Series | None, ...]

    @classmethod
    def of(
        cls,
        rows: pd.DataFrame,
        reference: pd.DataFrame,
        features: Sequence[str],
        rules: ChangeRules,
        fixed: Sequence[str],
        values: int,
    ) -> ChangingRows:
        """Code rows, and choose the values to try.

        Args:
            rows: The rows to change.
            reference: Rows that values and spreads are taken from.
            features: The columns that the model reads.
            rules: How they may change.
            fixed: Those that never change.
            values: Values of a number of many that are tried.

        Returns:
            The rows.

        Example:
            >>> table = pd.DataFrame({"age": [20, 40, 60], "job": ["a", "b", None]})
            >>> held = ChangingRows.of(table, table, ["age", "job"], ChangeRules(), ["age"], 4)
            >>> held.before.tolist(), held.columns[1].values.tolist()
            ([[20.0, 0.0], [40.0, 1.0], [60.0, nan]], [0.0, 1.0])
            >>> held.frame(np.array([[20.0, 1.0]]), np.array([0]))["job"].tolist()
            ['b']
        """
        coded, others, columns, kept = [], [], list[Column](), list[str]()
        pools: list[pd.Series | None] = []
        for name in features:
            if is_number(rows[name]):
                pools.append(None)
                both = [_numbers(frame[name]) for frame in (rows, reference)]
                columns.append(_number(both, name, rules, values, stays=name in fixed))
            else:
                codes, distinct = _codes(rows[name], reference[name])
                both = [codes[: len(rows)], codes[len(rows) :]]
                pools.append(pd.concat([rows[name], distinct], ignore_index=True))
                columns.append(_category(both[1], distinct, stays=name in fixed))
                if name not in fixed and len(distinct) and not columns[-1].values.size:
                    kept.append(name)
            coded.append(both[0])
            others.append(both[1])
        return cls(
            rows,
            np.stack(coded, axis=1),
            np.stack(others, axis=1),
            tuple(columns),
            tuple(features),
            tuple(kept),
            tuple(pools),
        )

    def frame(self, after: FloatArray, owner: IntArray) -> pd.DataFrame:
        """Changed rows as raw ones; what was not changed is exactly what it was.

        Args:
            after: Shape (s, d): the changed rows.
            owner: Shape (s,): the row that each was made of.

        Returns:
            s raw rows of the features.
        """
        made = {}
        for j, name in enumerate(self.names):
            moved = (after[:, j] != self.before[owner, j]) & np.isfinite(after[:, j])
            made[name] = self._column(j, after[:, j], owner, moved)
        return pd.DataFrame(made)

    def _column(
        self, j: int, after: FloatArray, owner: IntArray, moved: BoolArray
    ) -> pd.Series[Any]:
        held, pool = self.rows[self.names[j]], self._pools[j]
        if pool is not None:
            codes = np.where(moved, after, 0).astype(np.int64)
            values = pool.array.take(np.where(moved, len(held) + codes, owner))
        else:
            values = held.array.take(owner)
            plain = held.dtype.type if isinstance(held.dtype, np.dtype) else np.float64
            values[moved] = after[moved].astype(plain)
        return pd.Series(values, dtype=held.dtype)


def _numbers(values: pd.Series) -> FloatArray:
    return values.to_numpy(dtype=np.float64, na_value=np.nan)


def _codes(rows: pd.Series, reference: pd.Series) -> tuple[FloatArray, pd.Series]:
    """Codes of the values of both, NaN where missing; and the values, in the order of names."""
    both = pd.concat([rows.astype(object), reference.astype(object)], ignore_index=True)
    codes, names = pd.factorize(as_names(both), sort=True)
    first = np.unique(codes, return_index=True)[1]
    distinct = both.iloc[first[first.size - len(names) :]].reset_index(drop=True)
    if isinstance(rows.dtype, pd.CategoricalDtype):
        distinct = distinct.where(distinct.isin(rows.cat.categories))
    distinct = distinct.astype(rows.dtype)
    return np.where(codes < 0, np.nan, codes.astype(np.float64)), distinct


def _category(reference: FloatArray, distinct: pd.Series, *, stays: bool) -> Column:
    """Its most frequent categories; none of a column that holds texts or names."""
    codes = reference[np.isfinite(reference)].astype(np.int64)
    counts = np.bincount(codes, minlength=len(distinct))
    if stays or 2 * int((counts == 1).sum()) > max(codes.size, LEVELS):
        return Column(np.empty(0))
    counts[distinct.isna().to_numpy()] = 0  # a category that the assessed rows cannot hold
    frequent = np.argsort(-counts, kind="stable")[:CATEGORIES]
    return Column(np.sort(frequent[counts[frequent] > 0]).astype(np.float64))


def _number(
    both: Sequence[FloatArray], name: str, rules: ChangeRules, values: int, *, stays: bool
) -> Column:
    """Values spread over the rows and over the different values, and a unit of distance."""
    known = both[1][np.isfinite(both[1])]
    per_unit = _per_unit(known)
    if stays or not known.size:
        return Column(np.empty(0), per_unit)
    low, high = rules.bounds(name)
    distinct = np.unique(known[(known >= low) & (known <= high)])
    every = np.concatenate([one[np.isfinite(one)] for one in both])
    few = np.unique(known).size <= LEVELS
    tried = distinct if few or not distinct.size else _spread(known, distinct, (low, high), values)
    return Column(
        tried,
        per_unit,
        rules.direction(name),
        low,
        high,
        whole=bool((every == np.floor(every)).all()),
        levels=distinct if few else None,
    )


def _spread(
    known: FloatArray, distinct: FloatArray, bounds: tuple[float, float], values: int
) -> FloatArray:
    half = max(1, values // 2)
    shares = (np.arange(half) + 0.5) / half
    inside = known[(known >= bounds[0]) & (known <= bounds[1])]
    by_rows = np.quantile(inside, shares, method="nearest")
    by_values = np.quantile(distinct, shares, method="nearest")
    return np.unique(np.concatenate([by_rows, by_values]))


def _per_unit(known: FloatArray) -> float:
    """One over the median absolute deviation; over the mean one where most values are equal."""
    if not known.size:
        return 1.0
    apart = np.abs(known - np.median(known))
    spread = float(np.median(apart)) or float(apart.mean())
    return 1.0 / spread if spread > 0 and np.isfinite(spread) else 1.0
