"""How unlike the training rows a row is: values that they do not have, and distance to the nearest.

Learnt on training rows once, then asked about any rows with the same columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit.explaining.categories import is_number
from auditkit.methods.estimates import FloatArray
from auditkit.roles import as_names

#: Categories of a column that are told apart; the rarer ones are one.
MOST = 30
#: Training rows that distances are taken to.
REFERENCES = 5_000
#: The distance of a row is that to its k-th nearest training row.
NEIGHBOUR = 5


@dataclass(frozen=True)
class _Number:
    name: str
    low: float
    high: float
    mean: float
    spread: float


@dataclass(frozen=True)
class _Category:
    name: str
    known: frozenset[str]
    frequent: tuple[str, ...]


@dataclass(frozen=True)
class Familiar:
    """What the training rows are like.

    Attributes:
        columns: What each column holds there.
        left_out: Columns of texts or names, in which there is no distance.
        near: Shape (m, d): training rows as points.
    """

    columns: tuple[_Number | _Category, ...]
    left_out: tuple[str, ...]
    near: FloatArray

    @classmethod
    def learn(
        cls, train: pd.DataFrame, features: Sequence[str], rng: np.random.Generator
    ) -> Familiar:
        """Look at training rows.

        Args:
            train: The training rows.
            features: Columns that the model reads.
            rng: Draws the rows that distances are taken to, where there are many.

        Returns:
            What they are like.

        Example:
            >>> rows = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": ["x", "y", "x"]})
            >>> known = Familiar.learn(rows, ["a", "b"], np.random.default_rng(0))
            >>> known.outside(pd.DataFrame({"a": [2.5, 9.0, 2.0], "b": ["x", "x", "z"]})).tolist()
            [False, True, True]
        """
        columns: list[_Number | _Category] = []
        left_out: list[str] = []
        for name in features:
            values = train[name]
            if is_number(values):
                columns.append(_number(name, values))
                continue
            counts = as_names(values).value_counts()
            if 2 * int((counts == 1).sum()) > len(values):
                left_out.append(name)
                continue
            ordered = counts.sort_index().sort_values(ascending=False, kind="stable").index
            frequent = tuple(map(str, ordered[:MOST]))
            columns.append(_Category(name, frozenset(map(str, counts.index)), frequent))
        empty = cls(tuple(columns), tuple(left_out), np.empty((0, 0)))
        drawn = train
        if len(train) > REFERENCES:
            drawn = train.iloc[np.sort(rng.choice(len(train), REFERENCES, replace=False))]
        return cls(empty.columns, empty.left_out, empty.points(drawn))

    def outside(self, rows: pd.DataFrame) -> npt.NDArray[np.bool_]:
        """Which rows have a number beyond the training range, or a category that it lacks."""
        found = np.zeros(len(rows), dtype=bool)
        for column in self.columns:
            if isinstance(column, _Number):
                values = _numbers(rows[column.name])
                found |= (values < column.low) | (values > column.high)
            else:
                names = as_names(rows[column.name])
                missing = np.asarray(rows[column.name].isna())
                found |= ~missing & ~np.asarray(names.isin(column.known))
        return found

    def points(self, rows: pd.DataFrame) -> FloatArray:
        """Rows as points, shape (n, d): two categories are as far apart as two usual numbers."""
        parts = [np.empty((len(rows), 0))]
        for column in self.columns:
            if isinstance(column, _Number):
                values = _numbers(rows[column.name])
                known = np.isfinite(values)
                scaled = (np.where(known, values, column.mean) - column.mean) / column.spread
                parts += [np.clip(scaled, -1e6, 1e6)[:, None], (~known).astype(float)[:, None]]
            else:
                names = as_names(rows[column.name]).to_numpy(dtype=object)
                among = (names[:, None] == np.array(column.frequent, dtype=object)).astype(float)
                parts += [among, (among.sum(axis=1) == 0).astype(float)[:, None]]
        return np.column_stack(parts)

    def distance(self, rows: pd.DataFrame) -> FloatArray:
        """Distance of each row to its fifth nearest training row, shape (n,)."""
        from sklearn.neighbors import NearestNeighbors
        from threadpoolctl import threadpool_limits

        count = min(NEIGHBOUR, len(self.near))
        with threadpool_limits(1):
            search = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(self.near)
            found, _ = search.kneighbors(self.points(rows))
        return np.asarray(found[:, -1], dtype=np.float64)


def _number(name: str, values: pd.Series) -> _Number:
    numbers = _numbers(values)
    known = numbers[np.isfinite(numbers)]
    if known.size == 0:
        return _Number(name, -np.inf, np.inf, 0.0, 1.0)
    spread = float(known.std())
    return _Number(name, known.min(), known.max(), float(known.mean()), spread or 1.0)


def _numbers(values: pd.Series) -> FloatArray:
    return np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan))


def altered(
    rows: pd.DataFrame, known: Familiar, rng: np.random.Generator
) -> dict[str, pd.DataFrame | None]:
    """Rows made strange in ways that are known, to see whether they are noticed.

    Args:
        rows: Rows like the training rows.
        known: What those are like.
        rng: Draws what is changed.

    Returns:
        By what was done: the rows; None where there is no column to do it to.
    """
    columns = [column.name for column in known.columns]
    shuffled = rows.assign(
        **{name: rows[name].to_numpy()[rng.permutation(len(rows))] for name in columns}
    )
    return {
        "columns shuffled": shuffled if len(columns) > 1 else None,
        "a number moved": _moved(rows, known, rng),
    }


def _moved(rows: pd.DataFrame, known: Familiar, rng: np.random.Generator) -> pd.DataFrame | None:
    """One number of each row moved by three standard deviations."""
    numbers = [column for column in known.columns if isinstance(column, _Number)]
    if not numbers:
        return None
    which = rng.integers(0, len(numbers), len(rows))
    moved = rows.copy()
    for place, column in enumerate(numbers):
        values = _numbers(rows[column.name])
        moved[column.name] = np.where(which == place, values + 3 * column.spread, values)
    return moved
