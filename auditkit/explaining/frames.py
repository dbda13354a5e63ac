"""A game over raw columns, for a model that takes raw rows and is not looked into.

Every different value of a column gets a number, and the engine mixes rows of such numbers as it
mixes encoded ones: equal values are equal numbers, so that a column that does not differ costs
nothing, and whatever reaches the model is a raw row made of values that were there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit.encoding.raw import demand
from auditkit.errors import InputError, Problem, quote
from auditkit.methods.shapley_game import Floats, Rows
from auditkit.methods.shapley_output import Reading

T = TypeVar("T")

#: Most different values of a column: float32 holds every whole number up to here.
_MOST_VALUES = 2**24


class Scorer(Protocol):
    """All that is asked of a model that is not looked into; `auditkit.models.Model` has it.

    Where it has `features`, `classes` or a `task`, they are used.
    """

    def scores(self, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
        """Score raw rows: shape (n,), or (n, k) for k classes."""
        ...


@dataclass(frozen=True, eq=False)
class CodedRows:
    """Raw rows as numbers of values; made by `CodedRows.of`.

    Attributes:
        rows: Shape (m, columns): the rows to explain.
        background: Shape (b, columns).
        values: For each column its different values; a number is a place in it.

    Example:
        >>> one = pd.DataFrame({"age": [30, 40], "sex": ["F", "F"]})
        >>> coded = CodedRows.of(one, one[1:], ["age", "sex"])
        >>> coded.background.tolist(), coded.frame(coded.background).values.tolist()
        ([[1.0, 0.0]], [[40, 'F']])
    """

    rows: Rows
    background: Rows
    values: tuple[pd.Series, ...]

    @classmethod
    def of(cls, rows: pd.DataFrame, background: pd.DataFrame, columns: Sequence[str]) -> CodedRows:
        """Number the values of some columns, missing ones too.

        Raises:
            InputError: If a column is missing or twice there, or holds what cannot be compared;
                every one is listed.
        """
        of_both(lambda frame: demand(frame, columns), rows, background)
        coded, values, problems = [], [], []
        for name in columns:
            both = _joined(rows[name], background[name])
            try:
                codes, known = pd.factorize(both, use_na_sentinel=False)
            except TypeError:
                found = "values that cannot be compared, such as lists"
                problems.append(Problem(f"column {quote(name)}", found, "numbers or texts"))
                continue
            if len(known) > _MOST_VALUES:
                found = f"{len(known):,} different values"
                problems.append(Problem(f"column {quote(name)}", found, f"up to {_MOST_VALUES:,}"))
            first = np.unique(codes, return_index=True)[1]
            coded.append(codes.astype(np.float32))
            values.append(both.iloc[first].reset_index(drop=True))
        if problems:
            raise InputError(problems)
        both_coded = np.stack(coded, axis=1)
        return cls(both_coded[: len(rows)], both_coded[len(rows) :], tuple(values))

    @property
    def players(self) -> dict[str, npt.NDArray[np.int64]]:
        """Column to its position."""
        return {str(s.name): np.array([at], dtype=np.int64) for at, s in enumerate(self.values)}

    def frame(self, codes: Rows) -> pd.DataFrame:
        """Turn numbers of values (n, columns) back into raw rows."""
        places = codes.astype(np.int64)
        return pd.DataFrame(
            {s.name: s.array.take(places[:, at]) for at, s in enumerate(self.values)}
        )


@dataclass(frozen=True)
class RawFunction:
    """What is explained of the scores that a model gives for rows of numbered values."""

    model: Scorer
    coded: CodedRows
    read: Reading

    def __call__(self, codes: Rows) -> Floats:
        """Give the output of coded rows (n, columns): shape (n,) or (n, k)."""
        return self.read(self.model.scores(self.coded.frame(codes)))


def feature_columns(model: object, rows: pd.DataFrame) -> list[str]:
    """Columns that a model reads: those that it names, else all columns of the rows."""
    named = getattr(model, "features", None)
    return list(named or rows.columns)


def _joined(rows: pd.Series, background: pd.Series) -> pd.Series:
    """Both as one column, of one type that keeps every value."""
    numeric = all(pd.api.types.is_numeric_dtype(part) for part in (rows, background))
    if rows.dtype != background.dtype and not numeric:
        rows, background = rows.astype(object), background.astype(object)
    return pd.concat([rows, background], ignore_index=True)


def of_both(
    call: Callable[[pd.DataFrame], T], rows: pd.DataFrame, background: pd.DataFrame
) -> tuple[T, T]:
    """Call something with the rows and with the background, and tell the problems of both.

    Raises:
        InputError: If one of them is no data frame, or the call raises it.
    """
    found, problems = [], []
    for where, frame in (("rows", rows), ("background", background)):
        if not isinstance(frame, pd.DataFrame):
            expected = "a pandas data frame of raw rows"
            problems.append(Problem(where, f"a {type(frame).__name__}", expected))
            continue
        try:
            found.append(call(frame))
        except InputError as error:
            problems += [replace(p, where=f"{where}, {p.where}") for p in error.problems]
    if problems:
        raise InputError(problems)
    return found[0], found[1]
