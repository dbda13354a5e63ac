"""What rows hold, column by column, told so that no single person's value shows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from auditkit.explaining.categories import is_number, is_text
from auditkit.methods.estimates import FloatArray
from auditkit.roles import as_names

#: Rows that must hold a category, or lie at or beyond an edge, for it to be told.
LEAST = 10
#: Categories of a column that are told, and the longest name of one.
MOST, LONGEST = 200, 1_000


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen in a column.

    Attributes:
        name: Its name.
        kind: Numbers, categories or texts.
        missing: Whether at least 10 entries are missing.
        low: Least number, the 10th smallest rounded down; None where there are too few.
        high: Greatest number, the 10th largest rounded up; None with `low`.
        longest: Longest text, the 10th longest rounded up; unit: characters.
        categories: Categories that at least 10 rows hold, the most frequent ones first.
    """

    name: str
    kind: Literal["number", "category", "text"]
    missing: bool
    low: float | None = None
    high: float | None = None
    longest: int | None = None
    categories: tuple[str, ...] = ()


def seen(rows: pd.DataFrame, columns: Sequence[str]) -> tuple[Seen, ...]:
    """Tell what each column holds.

    Args:
        rows: The rows.
        columns: The columns.

    Returns:
        What was seen in each.

    Example:
        >>> rows = pd.DataFrame({"age": np.arange(17, 97), "job": ["a"] * 75 + ["rare"] * 5})
        >>> age, job = seen(rows, ["age", "job"])
        >>> age.low, age.high, job.categories
        (26.0, 87.0, ('a',))
    """
    return tuple(_seen(name, rows[name]) for name in columns)


def _seen(name: str, values: pd.Series) -> Seen:
    missing = int(values.isna().sum()) >= LEAST
    if is_number(values):
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
        low, high = edges(numbers)
        return Seen(name, "number", missing, low=low, high=high)
    there = values.dropna()
    if is_text(values) and all(isinstance(value, str) for value in there):
        lengths = np.sort(there.str.len().to_numpy())
        longest = int(outward(float(lengths[-LEAST]), 2)) if len(there) >= LEAST else None
        return Seen(name, "text", missing, longest=longest)
    counts = as_names(there).value_counts()
    kept = counts[counts >= LEAST].sort_index().sort_values(ascending=False, kind="stable")
    told = [str(one) for one in kept.index if len(str(one)) <= LONGEST]
    return Seen(name, "category", missing, categories=tuple(told[:MOST]))


def edges(numbers: FloatArray) -> tuple[float | None, float | None]:
    """The 10th smallest and the 10th largest number, rounded outwards to a part of their distance.

    Args:
        numbers: Shape (n,); what is not finite is left out.

    Returns:
        Both, or None and None where there are fewer than 20 numbers.

    Example:
        >>> edges(np.linspace(0, 1, 1_001))
        (0.009, 0.991)
        >>> edges(np.arange(19.0))
        (None, None)
    """
    held = np.sort(numbers[np.isfinite(numbers)])
    if held.size < 2 * LEAST:
        return None, None
    low, high = float(held[LEAST - 1]), float(held[-LEAST])
    size = high / 2 - low / 2 or abs(high)  # halves, so that it never overflows
    if size == 0:
        return 0.0, 0.0
    digits = 2 - math.floor(math.log10(size))
    if bool((held == np.floor(held)).all()):
        digits = min(digits, 0)
    return _rounded(low, digits, math.floor), _rounded(high, digits, math.ceil)


def outward(value: float, figures: int = 3) -> float:
    """Round a number from 0 up to significant figures.

    Example:
        >>> outward(0.12341), outward(1234, 2), outward(0)
        (0.124, 1300.0, 0.0)
    """
    if value <= 0:
        return 0.0
    return _rounded(value, figures - 1 - math.floor(math.log10(value)), math.ceil)


def _rounded(value: float, digits: int, way: Callable[[float], int]) -> float:
    """Floor or ceiling at decimal digits; the number itself where it is too large or small."""
    step = 10.0 ** min(max(-digits, -300), 300)
    parts = value / step
    if not math.isfinite(parts):
        return value
    found = round(way(parts) * step, min(digits, 300))
    return found if math.isfinite(found) else value
