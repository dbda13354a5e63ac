"""How one column of raw values is learnt and becomes numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import ConfigDict, Field

from auditkit.encoding.raw import (
    STRICT,
    Encoded,
    Floats,
    Positions,
    UnfitError,
    factorized,
    numbers,
    once,
)

#: Most categories of one column; more looks like an identifier.
MAX_CATEGORIES = 1_000


@dataclass(frozen=True)
class Scale:
    """Imputation and standardisation of numbers, as learnt.

    Attributes:
        median: What a missing number becomes.
        mean: Mean after imputation.
        deviation: Standard deviation after imputation; 1 where the numbers are all equal.
        missing: Whether a number was missing in training; then an indicator is added.
        limits: Numbers are clipped to these quantiles of training first; None does not clip.
    """

    median: float
    mean: float
    deviation: Annotated[float, Field(gt=0)]
    missing: bool
    limits: tuple[float, float] | None = None

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    @property
    def width(self) -> int:
        """Columns that one number becomes."""
        return 1 + self.missing

    @classmethod
    def fit(cls, values: Floats, clip: float = 0.0) -> Scale:
        """Learn from numbers of any shape, NaN where one is missing.

        Args:
            values: The numbers.
            clip: Share of the known numbers at each end that is clipped, in [0, 0.5). What has two
                values, or would be left with one, is not clipped: its rare value says something.

        Returns:
            What was learnt.

        Raises:
            UnfitError: If the numbers are too large.

        Example:
            >>> Scale.fit(np.array([0.0, 1.0, 2.0, 3.0, 100.0]), clip=0.25).limits
            (1.0, 3.0)
        """
        missing = np.isnan(values)
        if missing.all():
            return cls(0.0, 0.0, 1.0, missing=True)
        median = float(np.median(values[~missing]))
        limits = _limits(values[~missing], clip) if clip else None
        filled = np.where(missing, median, _clipped(values, limits))
        with np.errstate(over="ignore", invalid="ignore"):
            mean, deviation = float(filled.mean()), float(filled.std())
        if not (np.isfinite(mean) and np.isfinite(deviation)):
            raise UnfitError("numbers near 1e308", "numbers whose variance can be computed")
        if float(np.ptp(filled)) == 0 or deviation < 1e-300:  # else rounding is amplified
            mean, deviation = median, 1.0
        return cls(median, mean, deviation, bool(missing.any()), limits)

    def encode(self, values: Floats, out: Encoded) -> None:
        """Write numbers, shape s, into the columns of `out`, shape (*s, width)."""
        missing = np.isnan(values)
        filled = np.where(missing, self.median, _clipped(values, self.limits))
        with np.errstate(over="ignore"):
            out[..., 0] = (filled - self.mean) / self.deviation
        if not np.isfinite(out[..., 0]).all():
            raise UnfitError("a number too large to encode", f"numbers like {self.mean:g}")
        if self.missing:
            out[..., 1] = missing


def _limits(known: Floats, clip: float) -> tuple[float, float] | None:
    low, high = (float(limit) for limit in np.quantile(known, [clip, 1 - clip]))
    return (low, high) if low < high and len(np.unique(known)) > 2 else None


def _clipped(values: Floats, limits: tuple[float, float] | None) -> Floats:
    return values if limits is None else np.clip(values, *limits)


@dataclass(frozen=True)
class NumericColumn:
    """A column of numbers, as learnt.

    Attributes:
        name: Name of the column.
        scale: Imputation and standardisation.
    """

    name: str
    scale: Scale
    kind: Literal["numeric"] = "numeric"

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    @property
    def width(self) -> int:
        """Encoded columns."""
        return self.scale.width

    @classmethod
    def fit(cls, name: str, column: pd.Series[Any], clip: float = 0.0) -> NumericColumn:
        """Learn a column of the training rows; see `Scale.fit`."""
        return cls(name, Scale.fit(numbers(column), clip))

    def encode(self, column: pd.Series[Any], out: Encoded) -> None:
        """Write a column into `out`, shape (n, width)."""
        self.scale.encode(numbers(column), out)

    def unseen(self, column: pd.Series[Any]) -> int:
        """Count the missing values, where training had none."""
        return 0 if self.scale.missing else int(np.isnan(numbers(column)).sum())


@dataclass(frozen=True)
class CategoricalColumn:
    """A column of categories, as learnt.

    Attributes:
        name: Name of the column.
        categories: Text of each category seen in training, sorted.
        missing: Whether a value was missing in training; then it is a category of its own.
    """

    name: str
    categories: tuple[str, ...]
    missing: bool
    kind: Literal["categorical"] = "categorical"

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    @property
    def width(self) -> int:
        """Encoded columns."""
        return len(self.categories) + self.missing

    @classmethod
    def fit(cls, name: str, column: pd.Series[Any]) -> CategoricalColumn:
        """Learn a column of the training rows."""
        codes, values = factorized(column)
        categories = tuple(sorted({str(value) for value in values}))
        if len(categories) > MAX_CATEGORIES:
            expected = f"at most {MAX_CATEGORIES}; leave an identifier out, put dates into bands"
            raise UnfitError(f"{len(categories)} categories", expected)
        return cls(name, categories, bool((codes < 0).any()))

    def encode(self, column: pd.Series[Any], out: Encoded) -> None:
        """Write a column into `out`, shape (n, width), which holds zeros."""
        places = self._places(column)
        known = np.flatnonzero(places >= 0)
        out[known, places[known]] = 1.0

    def unseen(self, column: pd.Series[Any]) -> int:
        """Count values that were not seen in training; each is encoded as all zeros."""
        return int((self._places(column) < 0).sum())

    def _places(self, column: pd.Series[Any]) -> Positions:
        codes, values = factorized(column)
        known = {category: place for place, category in enumerate(self.categories)}
        # A missing value has code -1 and so takes the last entry.
        place_of = [known.get(str(value), -1) for value in values]
        place_of.append(len(self.categories) if self.missing else -1)
        return np.asarray(place_of, dtype=np.int64)[codes]


Column = Annotated[NumericColumn | CategoricalColumn, Field(discriminator="kind")]


def fit_column(
    name: str, column: pd.Series[Any], clip: float = 0.0
) -> NumericColumn | CategoricalColumn:
    """Learn a column of the training rows: numbers, or else categories (truth values too).

    Args:
        name: Name of the column.
        column: Its values in the training rows.
        clip: Share of its numbers at each end that is clipped; see `Scale.fit`.

    Returns:
        The column as learnt.

    Raises:
        UnfitError: If it is neither.

    Example:
        >>> fit_column("paid", pd.Series([True, False])).categories
        ('False', 'True')
    """
    types = pd.api.types
    if types.is_numeric_dtype(column) and not types.is_bool_dtype(column):
        return NumericColumn.fit(name, column, clip)
    return CategoricalColumn.fit(name, column)


def demand_distinct(columns: Iterable[NumericColumn | CategoricalColumn]) -> None:
    """Raise if a category of a column stands there twice."""
    for column in columns:
        if isinstance(column, CategoricalColumn):
            once(column.categories, f"encoder.{column.name[:80]}.categories", "each category once")
