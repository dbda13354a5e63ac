"""What each column of the data is like: gaps, constants, doubles, and what it alone tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit.explaining.categories import is_number
from auditkit.methods.estimates import FloatArray, IntArray
from auditkit.methods.ranking import auc
from auditkit.roles import as_names

#: Values of a column beyond this are taken for a text or an identifier, not for categories.
MOST_VALUES = 200


@dataclass(frozen=True, slots=True)
class Column:
    """A column that the model reads.

    Attributes:
        name: Its name.
        is_number: Whether its values are numbers.
        distinct: How many different values it has.
        missing: Rows without a value.
        same_as: Name of an earlier column that tells exactly the same, or "".
    """

    name: str
    is_number: bool
    distinct: int
    missing: int
    same_as: str = ""


def columns_of(rows: pd.DataFrame, features: Sequence[str]) -> list[Column]:
    """Look at each column.

    Args:
        rows: The rows.
        features: Columns that the model reads.

    Returns:
        One entry a column, in their order.

    Example:
        >>> rows = pd.DataFrame({"a": [1, 2, 2], "b": ["x", "y", "y"], "c": [7, 7, 7]})
        >>> [(c.name, c.distinct, c.same_as) for c in columns_of(rows, ["a", "b", "c"])]
        [('a', 2, ''), ('b', 2, 'a'), ('c', 1, '')]
    """
    seen: dict[bytes, str] = {}
    found = []
    for name in features:
        codes, values = _codes(rows[name])
        key = np.asarray(codes).tobytes()
        same = seen.setdefault(key, name) if values > 1 else name
        missing = int((codes < 0).sum())
        found.append(
            Column(name, is_number(rows[name]), values, missing, "" if same == name else same)
        )
    return found


def missing_in(rows: pd.DataFrame, features: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Which rows lack a value of some column.

    Example:
        >>> missing_in(pd.DataFrame({"a": [1.0, None], "b": ["", "x"]}), ["a", "b"]).tolist()
        [False, True]
    """
    if not features:
        return np.zeros(len(rows), dtype=bool)
    return np.asarray(rows[list(features)].isna().any(axis=1))


def twice(rows: pd.DataFrame) -> int:
    """How many rows equal another row in every column."""
    return int(rows.duplicated(keep=False).sum())


def strongest(
    rows: pd.DataFrame,
    features: Sequence[str],
    outcome: npt.NDArray[np.int8],
    half: npt.NDArray[np.bool_],
) -> tuple[str, FloatArray] | None:
    """Choose the column that alone ranks the outcome best, on one half of the rows.

    A category stands for the share of its rows with the outcome, a number for itself, turned so
    that more speaks for the outcome; both are learnt on the half that chooses.

    Args:
        rows: The rows.
        features: Columns that the model reads.
        outcome: Shape (n,): 0 or 1.
        half: Shape (n,): the rows that choose.

    Returns:
        Its name, and a score of every row by it; None where no column can rank.
    """
    best, chosen = 0.5, None
    for name in features:
        scores = _scores(rows[name], outcome, half)
        if scores is None:
            continue
        area = auc(outcome[half], scores[half]).value
        if area is not None and area > best:
            best, chosen = area, (name, scores)
    return chosen


def _scores(
    values: pd.Series, outcome: npt.NDArray[np.int8], half: npt.NDArray[np.bool_]
) -> FloatArray | None:
    if is_number(values):
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
        known = np.isfinite(numbers)
        if not known[half].any():
            return None
        middle = float(np.median(numbers[half & known]))
        scores = np.where(known, numbers, middle)
        area = auc(outcome[half], scores[half]).value
        return None if area is None else scores if area >= 0.5 else -scores
    codes, count = _codes(values)
    if count > MOST_VALUES:
        return None
    inside = codes[half] + 1
    rows = np.bincount(inside, minlength=count + 1)
    right = np.bincount(inside, weights=outcome[half], minlength=count + 1)
    prior = float(outcome[half].mean())
    shares = (right + prior) / (rows + 1.0)  # a category of few rows is drawn to all rows' share
    return np.asarray(shares[codes + 1], dtype=np.float64)


def _codes(values: pd.Series) -> tuple[IntArray, int]:
    """Codes by first appearance, -1 where missing, so that columns that tell the same are equal."""
    codes, names = pd.factorize(values if is_number(values) else as_names(values))
    return codes.astype(np.int64), len(names)
