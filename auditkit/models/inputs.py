"""Raw rows as outside models take them: columns by name, whatever their order in the table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit.encoding.raw import UnfitError, demand, gather, numbers
from auditkit.errors import InputError, Problem, quote


def number_column(rows: pd.DataFrame, name: str, dtype: Any) -> npt.NDArray[Any]:  # noqa: ANN401
    """Read one column as numbers of a type.

    Args:
        rows: Raw rows.
        name: The column.
        dtype: A numpy type; a missing number becomes NaN where it has one.

    Returns:
        Shape (n,).

    Raises:
        UnfitError: If the column holds something else, or numbers that the type has not.
    """
    values = numbers(rows[name])
    with np.errstate(over="ignore", invalid="ignore"):
        turned = values.astype(dtype)
    floating = np.issubdtype(turned.dtype, np.floating)
    lost = (np.isfinite(values) != np.isfinite(turned)) if floating else (turned != values)
    if lost.any():
        missing = int(np.isnan(values).sum())
        what = f"{missing:,} missing values" if missing else "a number that it cannot hold"
        raise UnfitError(what, f"numbers of type {turned.dtype}")
    return turned


def matrix(
    rows: pd.DataFrame,
    features: Sequence[str],
    dtype: Any = np.float32,  # noqa: ANN401
) -> npt.NDArray[Any]:
    """Put features of rows into one table of numbers.

    Args:
        rows: Raw rows; other columns are ignored.
        features: Columns to take, in the order that the model wants.
        dtype: A numpy type.

    Returns:
        Shape (n, p); NaN where a number is missing.

    Raises:
        InputError: If a feature is missing or holds no numbers; all are listed.

    Example:
        >>> matrix(pd.DataFrame({"b": [1, 2], "a": [3.0, None]}), ["a", "b"]).tolist()
        [[3.0, 1.0], [nan, 2.0]]
    """
    demand(rows, features)
    columns = gather(
        (name, lambda name=name: number_column(rows, name, dtype))  # type: ignore[misc]
        for name in features
    )
    return np.stack(columns, axis=1)


def text_column(rows: pd.DataFrame, name: str) -> npt.NDArray[np.object_]:
    """Read one column as text.

    Returns:
        Shape (n,): str, or None where a value is missing.

    Raises:
        UnfitError: If the column holds dates or other things that are neither text nor numbers.
    """
    column = rows[name]
    if pd.api.types.is_datetime64_any_dtype(column) or pd.api.types.is_timedelta64_dtype(column):
        raise UnfitError(f"type {column.dtype}", "text")
    plain = column.astype(object)
    missing = column.isna().to_numpy()
    values = [None if gone else str(value) for value, gone in zip(plain, missing, strict=True)]
    return np.array(values, dtype=object)


def is_number_column(rows: pd.DataFrame, name: str) -> bool:
    """Whether a column holds numbers or truth values, as its type says."""
    return bool(pd.api.types.is_numeric_dtype(rows[name]))


def settle_features(
    known: Sequence[str] | None,
    count: int | None,
    chosen: Sequence[str] | None,
    where: str,
    who: str,
) -> tuple[str, ...]:
    """Settle the order of the features, from what the model knows and what the user wrote.

    Args:
        known: Names that the model itself holds, in its order, or None where it holds none.
        count: How many the model takes, or None where it does not say.
        chosen: Names that the user wrote, or None.
        where: What to call the settings in a message.
        who: What to call the model.

    Returns:
        Names in the order of the model.

    Raises:
        InputError: If there are no names, or they do not fit the model; every problem is listed.

    Example:
        >>> settle_features(["b", "a"], 2, ["a", "b"], "auditkit.toml", "model.skops")
        ('b', 'a')
    """
    place, expected = f"{where} features", f"a feature of {who}"
    if known is not None:
        names = list(map(str, known))
        unknown = [name for name in chosen or names if name not in names]
        problems = [Problem.unknown(place, name, names, expected) for name in unknown]
        left_out = [name for name in names if chosen is not None and name not in chosen]
        problems += [Problem(place, "nothing", f"{quote(name)}, {expected}") for name in left_out]
    else:
        names = list(chosen or ())
        problems = []
        wanted = "the features" if count is None else f"{count} features"
        if not names or (count is not None and len(names) != count):
            hint = f"{who} holds no names: write its features in its own order."
            problems.append(Problem(place, f"{len(names)} names", wanted, hint))
    if len(set(names)) < len(names):
        problems.append(Problem(place, "a name twice", "each feature once"))
    if problems:
        raise InputError(problems)
    return tuple(names)
