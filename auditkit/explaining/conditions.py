"""Raw columns as plain yes-or-no conditions, and what each of them is called.

No condition tells a row apart that fewer than `SHARED` rows go with: a category or a word must be
theirs, and a number is compared with rounded ones that they span.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit.explaining.categories import is_number
from auditkit.explaining.curves import SHARED
from auditkit.methods.effect_grid import grid
from auditkit.methods.estimates import FloatArray
from auditkit.methods.identity_terms import are_texts
from auditkit.methods.tokens import tokens
from auditkit.roles import as_names

#: Numbers of a column that it is compared with; categories and words that are asked for.
MOST_CUTS, MOST_LEVELS, MOST_WORDS = 64, 50, 300


@dataclass(frozen=True)
class Condition:
    """One question about a row.

    Attributes:
        feature: The raw column.
        kind: What is asked: how a number compares, which category it is, whether a text holds a
            word, or whether there is no value.
        cuts: The numbers that it is compared with, rising.
        level: The category or word.

    Example:
        >>> Condition("age", "number", cuts=(25.0, 65.0)).words(1, above=False)
        'age under 65'
        >>> Condition("job", "category", level="nurse").words(0, above=True)
        'job is nurse'
    """

    feature: str
    kind: Literal["number", "category", "word", "missing"]
    cuts: tuple[float, ...] = ()
    level: str = ""

    def words(self, cut: int, *, above: bool) -> str:
        """Say in words on which side of a split a row lies.

        Args:
            cut: Which of the numbers splits.
            above: Whether the number is at least that, or the answer is yes.
        """
        name, negated = self.feature, "" if above else "not "
        if self.kind == "number":
            return f"{name} {'at least' if above else 'under'} {self.cuts[cut]:,.12g}"
        if self.kind == "category":
            return f"{name} is {negated}{self.level}"
        if self.kind == "missing":
            return f"{name} is {negated}missing"
        return f"{name} {'holds' if above else 'does not hold'} “{self.level}”"


@dataclass(frozen=True)
class Conditions:
    """All questions about the rows of a table.

    Attributes:
        asked: The questions.
        left_out: Columns that no question is asked about, since no rows share a value.
    """

    asked: tuple[Condition, ...]
    left_out: tuple[str, ...]

    @classmethod
    def of(cls, rows: pd.DataFrame) -> Conditions:
        """Find the questions that can be asked about the columns of a table.

        Args:
            rows: The rows to learn from.

        Returns:
            The questions, in the order of the columns.

        Example:
            >>> found = Conditions.of(pd.DataFrame({"sex": ["F", "M"] * 10, "id": range(20)}))
            >>> [condition.level for condition in found.asked]
            ['F', 'M', '']
        """
        by_column = {str(name): list(_asked(rows[name])) for name in rows}
        asked = [condition for found in by_column.values() for condition in found]
        return cls(tuple(asked), tuple(name for name, found in by_column.items() if not found))

    def answers(self, rows: pd.DataFrame) -> FloatArray:
        """Answer every question about every row.

        Args:
            rows: Any rows with the same columns.

        Returns:
            Shape (n, questions): of a number how many cuts it reaches, in the middle where it is
            missing; else 1 for yes and 0 for no.
        """
        found = np.zeros((len(rows), len(self.asked)))
        for name in dict.fromkeys(condition.feature for condition in self.asked):
            places = [i for i, c in enumerate(self.asked) if c.feature == name]
            found[:, places] = _answers([self.asked[i] for i in places], rows[name])
        return found


def _asked(values: pd.Series) -> Iterator[Condition]:
    name = str(values.name)
    if is_number(values):
        cuts = grid(_numbers(values), MOST_CUTS, SHARED)
        if cuts.size > 1:
            yield Condition(name, "number", tuple(cuts.tolist()))
    else:
        names = as_names(values)
        if are_texts(list(names.dropna().unique()), len(names)):
            held = Counter(word for text in names.dropna() for word in set(tokens(text)))
            yield from (Condition(name, "word", level=w) for w in _common(held, MOST_WORDS))
        else:
            held = Counter(names.dropna())
            levels = _common(held, MOST_LEVELS)
            yield from (Condition(name, "category", level=level) for level in levels)
    if values.isna().sum() >= SHARED:
        yield Condition(name, "missing")


def _common(held: Counter[str], most: int) -> list[str]:
    """The commonest that enough rows share; by name where they are equally common."""
    order = sorted(held.items(), key=lambda pair: (-pair[1], pair[0]))
    return [level for level, count in order[:most] if count >= SHARED]


def _answers(conditions: Sequence[Condition], values: pd.Series) -> FloatArray:
    names = None if is_number(values) else as_names(values).to_numpy()
    words = {c.level: i for i, c in enumerate(conditions) if c.kind == "word"}
    found = np.zeros((len(values), len(conditions)))
    for i, condition in enumerate(conditions):
        if condition.kind == "number":
            found[:, i] = _reached(values, condition.cuts)
        elif condition.kind == "missing":
            found[:, i] = values.isna().to_numpy()
        elif condition.kind == "category":
            found[:, i] = names == condition.level
    for row, text in enumerate(names if words and names is not None else ()):
        there = tokens(text) if isinstance(text, str) else ()
        held = {words[word] for word in there if word in words}
        found[row, list(held)] = 1.0
    return found


def _reached(values: pd.Series, cuts: Sequence[float]) -> npt.NDArray[np.float64]:
    numbers = _numbers(values)
    reached = np.searchsorted(cuts, numbers, side="right").astype(np.float64)
    return np.where(np.isnan(numbers), len(cuts) // 2, reached)


def _numbers(values: pd.Series) -> FloatArray:
    return values.to_numpy(dtype=np.float64, na_value=np.nan)
