"""What may be told of one row's values: bands and categories that many rows share, nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np
import pandas as pd

from auditkit.explaining.categories import is_number
from auditkit.roles import as_names

#: A value or a word is told where at least so many rows have it.
LEAST = 10
#: What is told of any other.
RARE_VALUE, RARE_WORDS = "a rare value", "(rare words)"
#: A number is told as it is where a column has at most so many, or this share of the rows has it.
_FEW, _COMMON = 20, 0.2
_FIFTHS = ("lowest", "second lowest", "middle", "second highest", "highest")


def told(values: pd.Series, place: int) -> str:
    """Say what one row's value is, as far as it does not point at that row.

    Args:
        values: A column of all assessed rows.
        place: Which row.

    Returns:
        Its category, or a number that much of the column has; for any other number in which fifth
        of the rows it lies. "a rare value" where fewer than 10 rows share what would be told.

    Example:
        >>> ages = pd.Series(range(100))
        >>> told(ages, 3), told(ages, 99), told(pd.Series(["F"] * 10 + ["X"]), 10)
        ('in the lowest fifth', 'in the highest fifth', 'a rare value')
    """
    if values.isna().iloc[place]:
        return "missing" if int(values.isna().sum()) >= LEAST else RARE_VALUE
    names = as_names(values)
    name = str(names.iloc[place])
    same = int((names == name).sum())
    if not is_number(values):
        return RARE_VALUE if same < LEAST else name[:60]
    if same >= LEAST and (names.nunique() <= _FEW or same >= _COMMON * len(names)):
        return name
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    known = numbers[np.isfinite(numbers)]
    edges = np.quantile(known, [0.2, 0.4, 0.6, 0.8]) if known.size else np.empty(0)
    band = int(np.searchsorted(edges, numbers[place], side="right"))
    shared = int((np.searchsorted(edges, known, side="right") == band).sum())
    return RARE_VALUE if shared < LEAST else f"in the {_FIFTHS[band]} fifth"


def common_words(texts: Iterable[Iterable[str]]) -> frozenset[str]:
    """The words that at least 10 texts hold, in lower case.

    Example:
        >>> sorted(common_words([["A", "day"]] * 10 + [["Lovelace", "a"]]))
        ['a', 'day']
    """
    counts = Counter(word for text in texts for word in {word.casefold() for word in text})
    return frozenset(word for word, count in counts.items() if count >= LEAST)
