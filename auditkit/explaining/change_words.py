"""A changed row in words: bands of numbers and common categories, never a rare value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from auditkit.errors import quote
from auditkit.explaining.categories import is_number
from auditkit.explaining.changed_rows import LEVELS
from auditkit.methods.bands import quantile_edges
from auditkit.methods.estimates import FloatArray
from auditkit.roles import as_names

#: Rows that must share a category or a band for it to be named.
COMMON = 10
RARE = "a rare value"
_FIFTHS = ("the lowest fifth", "the second fifth", "the middle fifth", "the fourth fifth",
           "the highest fifth")  # fmt: skip


@dataclass(frozen=True, eq=False)
class Wording:
    """Puts changes into words.

    Attributes:
        rows: The assessed rows, which bands and frequencies are taken from.

    Example:
        >>> table = pd.DataFrame({"hours": range(100), "job": ["a"] * 95 + ["b"] * 5})
        >>> words = Wording(table)
        >>> words.change("hours", 3, 55)
        'raised from the lowest fifth to the middle fifth'
        >>> words.change("job", "b", "a")
        "changed from a rare value to 'a'"
    """

    rows: pd.DataFrame

    def change(self, column: str, before: object, after: object) -> str:
        """Say how one column was changed."""
        values = self.rows[column]
        if not is_number(values):
            old, new = (self._category(values, value) for value in (before, after))
            return f"changed from {old} to {new}"
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
        return _moved(numbers[np.isfinite(numbers)], *map(float, (before, after)))  # type: ignore[arg-type]  # numbers

    @staticmethod
    def _category(values: pd.Series, value: object) -> str:
        name = as_names(pd.Series([value], dtype=object)).iloc[0]
        shared = int((as_names(values) == name).sum())
        return quote(name, 40) if shared >= COMMON else RARE


def _moved(known: FloatArray, before: float, after: float) -> str:
    """Say from where to where a number was moved: values if they are few and common, else bands."""
    old, new = (_band(known, value) for value in (before, after))
    common = min((known == value).sum() for value in (before, after)) >= COMMON
    if common and np.unique(known).size <= LEVELS:
        old, new = f"{before:g}", f"{after:g}"
    word = "raised" if after > before else "lowered"
    return f"{word} within {old}" if old == new else f"{word} from {old} to {new}"


def _band(known: FloatArray, value: float) -> str:
    edges = quantile_edges(known, len(_FIFTHS))
    band = int(np.searchsorted(edges, value, side="right"))
    shared = int((np.searchsorted(edges, known, side="right") == band).sum())
    if shared < COMMON:
        return RARE
    if len(edges) + 1 == len(_FIFTHS):
        return _FIFTHS[band]
    low, high = (100 * float((known < edge).mean()) for edge in _ends(edges, band))
    if band == 0:
        return f"the lowest {high:.0f} %"
    if band == len(edges):
        return f"the highest {100 - low:.0f} %"
    return f"the {low:.0f} % to {high:.0f} % from below"


def _ends(edges: Sequence[float], band: int) -> tuple[float, float]:
    """Where a band begins and ends."""
    ends = [-np.inf, *edges, np.inf]
    return ends[band], ends[band + 1]
