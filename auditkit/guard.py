"""Answer, refer or reject: rows and scores held against what was seen before."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from auditkit.errors import InputError, Problem, quote
from auditkit.roles import as_names

#: Most bytes of a file that is read.
MAX_BYTES = 4_000_000
_STRICT = ConfigDict(extra="forbid", frozen=True, strict=True)
_Text = Annotated[str, Field(max_length=100_000)]

#: Reason codes: what each says, and what it leads to.
OK, NO_COLUMN, BAD_TYPE, BAD_SCORE, MISSING, OUT_OF_RANGE, UNSEEN, UNSURE = (
    *("ok", "missing_column", "wrong_type", "bad_score", "missing_value"),
    *("out_of_range", "unseen_category", "score_in_band"),
)
REJECTS = (NO_COLUMN, BAD_TYPE, BAD_SCORE, MISSING)


class Column(BaseModel):
    """What is allowed in a column.

    Attributes:
        name: Name of the column.
        kind: Numbers, categories or texts.
        low: Least number that is answered.
        high: Greatest number that is answered.
        categories: Categories that are answered.
        longest: Longest text that is answered; unit: characters.
        missing: Whether an entry may be missing.
    """

    model_config = _STRICT
    name: _Text
    kind: Literal["number", "category", "text"]
    low: FiniteFloat | None = None
    high: FiniteFloat | None = None
    categories: list[_Text] = Field(default_factory=list, max_length=10_000)
    longest: int | None = Field(default=None, ge=0)
    missing: bool = False

    @model_validator(mode="after")
    def _whole(self) -> Column:
        if self.kind == "number" and (self.low is None or self.high is None):
            raise ValueError("a number needs low and high")
        if self.kind == "text" and self.longest is None:
            raise ValueError("a text needs longest")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError("low is above high")
        return self


class _File(BaseModel):
    model_config = _STRICT
    format: Literal[1]
    threshold: FiniteFloat
    band: Annotated[FiniteFloat, Field(ge=0)]
    columns: list[Column] = Field(max_length=5_000)
    about: dict[str, str] = Field(default_factory=dict)
    seen: str = ""
    rows: int | None = None

    @model_validator(mode="after")
    def _once(self) -> _File:
        if len({column.name for column in self.columns}) < len(self.columns):
            raise ValueError("a column is named twice")
        return self


@dataclass(frozen=True)
class Decisions:
    """What is to be done with each row.

    Attributes:
        action: Shape (n,): "answer", "refer" or "reject".
        reason: Shape (n,): the gravest reason, "ok" where it is answered.
    """

    action: npt.NDArray[np.str_]
    reason: npt.NDArray[np.str_]


@dataclass(frozen=True)
class Guard:
    """Says which rows a model may answer alone.

    Attributes:
        threshold: Score at which a row is selected.
        band: Rows whose score is nearer to the threshold than this are referred.
        columns: What is allowed in each column.

    Example:
        >>> guard = Guard(0.5, 0.1, (Column(name="age", kind="number", low=18, high=90),))
        >>> rows = pd.DataFrame({"age": [30, 99, 40]})
        >>> guard.check(rows, [0.9, 0.9, 0.55]).action.tolist()
        ['answer', 'refer', 'refer']
    """

    threshold: float
    band: float
    columns: tuple[Column, ...]

    @classmethod
    def load(cls, path: str | Path) -> Guard:
        """Read a guard from an untrusted file.

        Args:
            path: The file.

        Returns:
            The guard.

        Raises:
            InputError: If it cannot be read, is too large, or is no guard; every problem is listed.
        """
        where = str(path)
        try:
            with Path(path).open("rb") as stream:
                text = stream.read(MAX_BYTES + 1)
        except OSError as error:
            found = error.strerror or "an error"
            raise InputError([Problem(where, found, "a file that can be read")]) from None
        if len(text) > MAX_BYTES:
            raise InputError([Problem(where, "a larger file", f"at most {MAX_BYTES:,} bytes")])
        try:
            held = _File.model_validate_json(text)
        except ValidationError as error:
            raise InputError(_problems(where, error)) from None
        return cls(held.threshold, held.band, tuple(held.columns))

    def save(self, path: str | Path) -> None:
        """Write the guard to a file that `load` reads."""
        held = _File(format=1, threshold=self.threshold, band=self.band, columns=list(self.columns))
        Path(path).write_text(held.model_dump_json(indent=1), encoding="utf-8")

    def check(self, rows: pd.DataFrame, scores: npt.ArrayLike) -> Decisions:
        """Say what is to be done with each row; whatever rejects goes before whatever refers.

        Args:
            rows: The rows, with the columns that the model reads.
            scores: Shape (n,): their scores.

        Returns:
            Action and reason of each row.

        Raises:
            InputError: If a column of the guard stands twice in the rows.
            ValueError: If there are not as many scores as rows.
        """
        named = set(rows.columns[rows.columns.duplicated()])
        twice = [column.name for column in self.columns if column.name in named]
        if twice:
            raise InputError([Problem(quote(n), "several columns", "one column") for n in twice])
        score = np.asarray(scores, dtype=np.float64)
        if score.shape != (len(rows),):
            raise ValueError(f"one score a row: {score.shape} for {len(rows)} rows")
        reason = np.full(len(rows), OK, dtype="<U15")
        reason[np.abs(score - self.threshold) < self.band] = UNSURE
        refers, rejects = [], [(~np.isfinite(score), BAD_SCORE)]
        for column in self.columns:
            if column.name not in rows.columns:
                rejects.append((np.ones(len(rows), dtype=bool), NO_COLUMN))
                continue
            wrong, absent, outside = _held(rows[column.name], column)
            refers.append((outside, UNSEEN if column.kind == "category" else OUT_OF_RANGE))
            rejects.append((wrong, BAD_TYPE))
            if not column.missing:
                rejects.append((absent, MISSING))
        for where, why in [*refers, *rejects]:
            reason[where] = why
        action = np.where(reason == OK, "answer", "refer")
        action[np.isin(reason, REJECTS)] = "reject"
        return Decisions(action, reason)


def _problems(where: str, error: ValidationError) -> list[Problem]:
    return [
        Problem(f"{where} {'.'.join(map(str, e['loc']))}", e["msg"], "a guard, format 1")
        for e in error.errors(include_url=False, include_input=False)
    ]


_Masks = tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]


def _held(values: pd.Series, column: Column) -> _Masks:
    """Entries of a wrong type, missing ones, and those that were not seen."""
    absent = values.isna().to_numpy()
    if column.kind == "category":
        wrong = _no_scalars(values)
        return wrong, absent, ~_known(values.mask(wrong), column) & ~absent
    if column.kind == "text":
        wrong = np.array([not isinstance(v, str) for v in values], dtype=bool) & ~absent
        lengths = values.mask(wrong).astype("string").str.len().fillna(0).to_numpy(np.int64)
        return wrong, absent, lengths > (column.longest or 0)
    if pd.api.types.is_bool_dtype(values):
        return ~absent, absent, np.zeros(len(values), dtype=bool)
    if pd.api.types.is_numeric_dtype(values):
        number = values.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        number = np.array([v if _is_number(v) else np.nan for v in values], dtype=np.float64)
    wrong = (np.isnan(number) & ~absent) | np.isinf(number)
    low, high = column.low, column.high
    with np.errstate(invalid="ignore"):
        return wrong, absent, (number < low) | (number > high)


def _no_scalars(values: pd.Series) -> npt.NDArray[np.bool_]:
    """Entries that cannot name a category: lists, tables and the like."""
    if values.dtype != object:
        return np.zeros(len(values), dtype=bool)
    return np.array([pd.api.types.is_list_like(v) for v in values], dtype=bool)


def _known(values: pd.Series, column: Column) -> npt.NDArray[np.bool_]:
    codes, different = pd.factorize(values)
    known = as_names(pd.Series(different)).isin(column.categories).to_numpy(dtype=bool)
    return np.append(known, values=False)[codes]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)
