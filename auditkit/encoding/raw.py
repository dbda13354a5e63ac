"""Reading raw columns that nobody vouches for, and gathering what is wrong with them."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Never, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import ConfigDict, TypeAdapter, ValidationError

from auditkit.errors import InputError, Problem, quote

T = TypeVar("T")

Floats = npt.NDArray[np.float64]
Encoded = npt.NDArray[np.float32]
Positions = npt.NDArray[np.int64]

#: How saved encoders are read: nothing unknown, nothing converted, no number without an end.
STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class UnfitError(Exception):
    """A column cannot be encoded.

    Attributes:
        found: What stands there.
        expected: What would have been right.
    """

    def __init__(self, found: str, expected: str) -> None:
        self.found = found
        self.expected = expected
        super().__init__(f"found {found}, expected {expected}")


def gather(calls: Iterable[tuple[str, Callable[[], T]]]) -> list[T]:
    """Make calls, one a column, and tell everything that is wrong with any of them.

    Args:
        calls: Name of the column, and the call.

    Returns:
        What the calls gave.

    Raises:
        InputError: If a call raised `UnfitError` or `InputError`; all problems are listed.

    Example:
        >>> gather([("a", lambda: 1), ("b", lambda: 2)])
        [1, 2]
    """
    given, problems = [], list[Problem]()
    for name, call in calls:
        try:
            given.append(call())
        except UnfitError as error:
            problems.append(Problem(f"column {quote(name)}", error.found, error.expected))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return given


def demand(rows: pd.DataFrame, names: Iterable[str]) -> None:
    """Raise unless every column is there, once.

    Args:
        rows: Raw rows.
        names: Columns that are needed.

    Raises:
        InputError: Lists each column that is missing, with the nearest that is there, or twice.
    """
    names = list(names)
    once(names, "features", "each column once")
    there = Counter(map(str, rows.columns))
    problems = []
    for name in names:
        if name not in there:
            problems.append(Problem.unknown("features", name, there, "a column of the rows"))
        elif there[name] > 1:
            found = f"{there[name]} columns named {quote(name)}"
            problems.append(Problem("features", found, "one"))
    if problems:
        raise InputError(problems)


def once(names: Iterable[str], where: str, expected: str) -> None:
    """Raise if a name stands in a list twice."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise InputError([Problem(where, f"{quote(name)} twice", expected) for name in twice])


def numbers(column: pd.Series[Any]) -> Floats:
    """Read a column of numbers: float64, NaN where one is missing.

    Raises:
        UnfitError: If something is no number, or is infinite.

    Example:
        >>> numbers(pd.Series(["1", None, "2.5"])).tolist()
        [1.0, nan, 2.5]
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    if not pd.api.types.is_numeric_dtype(column):
        column = _parsed(column)
    if pd.api.types.is_complex_dtype(column):
        raise UnfitError("complex numbers", "real numbers")
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    endless = int(np.isinf(values).sum())
    if endless:
        raise UnfitError(f"infinity in {endless} rows", "finite numbers or missing values")
    return values


def _parsed(column: pd.Series[Any]) -> pd.Series[Any]:
    if not (pd.api.types.is_object_dtype(column) or pd.api.types.is_string_dtype(column)):
        raise UnfitError(f"type {column.dtype}", "numbers")
    parsed = pd.to_numeric(column, errors="coerce")
    wrong = parsed.isna() & column.notna()
    if wrong.any():
        example = quote(column[wrong].iloc[0])
        raise UnfitError(f"{example} and the like in {int(wrong.sum())} rows", "numbers")
    return parsed


def factorized(column: pd.Series[Any]) -> tuple[Positions, list[Any]]:
    """Give each value a code: codes of shape (n,), -1 where missing, and the values in order.

    Raises:
        UnfitError: If the column holds dates, lists or other things that are no categories.

    Example:
        >>> codes, values = factorized(pd.Series(["b", None, "a", "b"]))
        >>> codes.tolist(), values
        ([0, -1, 1, 0], ['b', 'a'])
    """
    types = pd.api.types
    if not (
        types.is_bool_dtype(column)
        or types.is_object_dtype(column)
        or types.is_string_dtype(column)
        or types.is_numeric_dtype(column)
        or isinstance(column.dtype, pd.CategoricalDtype)
    ):
        raise UnfitError(f"type {column.dtype}", "numbers, text, categories or truth values")
    try:
        codes, values = pd.factorize(column)
    except TypeError:
        raise UnfitError("values such as lists", "numbers, text or truth values") from None
    return codes.astype(np.int64, copy=False), list(values)


def plain(encoder: Any) -> dict[str, Any]:  # noqa: ANN401 - any dataclass
    """Give a dataclass as plain JSON values."""
    values: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(encoder), allow_nan=False))
    return values


def validated(chosen: type[T], values: Mapping[str, Any], where: str = "encoder") -> T:
    """Read a dataclass from plain JSON values, strictly.

    Args:
        chosen: The dataclass.
        values: What somebody gave for it.
        where: What to call it in a message.

    Raises:
        InputError: Lists everything that is missing, unknown or of the wrong type.
    """
    try:
        # Through JSON text, where a list is right for a tuple and nothing else is converted.
        return TypeAdapter(chosen).validate_json(json.dumps(dict(values)))
    except ValidationError as error:
        _refuse(error, where)
    except (TypeError, ValueError, RecursionError):
        raise InputError([Problem(where, "no plain JSON", f"a saved {where}")]) from None


def _refuse(error: ValidationError, name: str) -> Never:
    problems = []
    for detail in error.errors(include_url=False, include_context=False):
        where = ".".join([name, *(str(part)[:80] for part in detail["loc"])])
        problems.append(Problem(where, quote(detail["input"]), detail["msg"][:200]))
    raise InputError(problems) from None
