"""The curve of one feature: what is asked of the model, and what its answers make.

Points are shared by many rows, or rounded: none is the value of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from auditkit.errors import quote
from auditkit.methods.effect_grid import grid, steps_of
from auditkit.methods.effects import Curve, accumulated_local_effects, partial_dependence
from auditkit.methods.estimates import FloatArray, IntArray
from auditkit.models.answers import checked_answers
from auditkit.roles import as_names
from auditkit.subject import Subject

#: Rows that a value must be shared by to be shown, and that a step of a grid rests on.
SHARED = 10
#: Share of the rows that a category must have as well: of rarer ones few answers are real.
COMMON = 0.005
#: Steps of the grid of a number, and categories of a column that are shown.
STEPS, LEVELS = 10, 8
#: Rows of the partial dependence of a number, which is only drawn; of a category.
DRAWN, DEPENDENCE = 200, 500
#: What is asked of a model, by task.
ASKED = {"binary": "score", "multiclass": "score", "regression": "prediction"}


@dataclass(frozen=True, eq=False)
class OneNumber:
    """A model as one number a row.

    Attributes:
        subject: What is audited.
        of_class: Index of the class whose score is taken, of a multiclass task.
    """

    subject: Subject
    of_class: int | None

    def __call__(self, rows: pd.DataFrame) -> FloatArray:
        """Answers for any rows of the subject, shape (n,)."""
        s = self.subject
        answers = checked_answers(s.model, s.task, rows, s.classes)
        return answers if self.of_class is None else answers[:, self.of_class]

    @property
    def words(self) -> str:
        """What the number is."""
        if self.of_class is None:
            return ASKED[self.subject.task]
        return f"score of class {quote(self.subject.classes[self.of_class])}"


@dataclass(frozen=True, eq=False)
class FeatureCurve:
    """The curve of one feature.

    Attributes:
        curve: The effects at the points.
        points: The points: numbers, or names of categories.
        shares: Rows at each category, or between a number and the one before it.
        dependence: Partial dependence beside the effects of a number.
        is_number: Whether the points have an order.
        n: Rows that were asked about.
        words: What was done, where it needs to be said.
    """

    curve: Curve
    points: Sequence[float | str]
    shares: Sequence[float | None]
    dependence: Sequence[float | None]
    is_number: bool
    n: int
    words: str


def feature_curve(ask: OneNumber, name: str, drawn: IntArray, most: int) -> FeatureCurve | None:
    """Ask a model how its answers change along one feature.

    A number of three values or more gets accumulated local effects, anything else partial
    dependence of its commonest categories.

    Args:
        ask: The model.
        name: The feature.
        drawn: Shape (n,): places of the assessed rows to ask about, in any order.
        most: Most rows to ask about, all in all.

    Returns:
        The curve; None where fewer than two values are shared, or spanned, by `SHARED` rows.
    """
    values = ask.subject.rows[name]
    numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    if numeric and values.nunique() > 2:
        return _of_number(ask, name, drawn, most)
    return _of_category(ask, name, drawn, most)


def _of_number(ask: OneNumber, name: str, drawn: IntArray, most: int) -> FeatureCurve | None:
    rows = ask.subject.rows.iloc[drawn]
    known = np.flatnonzero(np.isfinite(_numbers(rows[name])))[: most // 4]
    rows = rows.iloc[known]
    numbers = _numbers(rows[name])
    points = grid(numbers, STEPS, SHARED)
    if points.size < 2:
        return None
    steps = steps_of(numbers, points)
    below, above = (ask(_with_numbers(rows, name, points[steps + i])) for i in (0, 1))
    curve = accumulated_local_effects(steps, below, above, points.size - 1)
    few = rows.iloc[: min(DRAWN, most // 2 // points.size)]
    again = _with_numbers(few.iloc[np.tile(np.arange(len(few)), points.size)], name,
                          np.repeat(points, len(few)))  # fmt: skip
    counts = np.bincount(steps, minlength=points.size - 1) / steps.size
    # Both curves are around their mean over the same rows.
    weight = np.convolve(counts, [0.5, 0.5])
    beside = partial_dependence(ask(again).reshape(points.size, -1).T, weight)
    missing = int(ask.subject.rows[name].isna().sum())
    words = f"{len(rows):,} assessed rows in {points.size - 1} steps"
    words += f"; {missing:,} assessed rows without a value are left out" if missing else ""
    shares = [None, *counts.tolist()]
    dependence = beside.values.tolist()
    return FeatureCurve(
        curve, points.tolist(), shares, dependence, is_number=True, n=len(rows), words=words
    )


def _of_category(ask: OneNumber, name: str, drawn: IntArray, most: int) -> FeatureCurve | None:
    names = as_names(ask.subject.rows[name])
    counts, least = names.value_counts(), max(SHARED, COMMON * len(names))
    # By name where equally many rows have two of them.
    order = sorted(counts[counts >= least].items(), key=lambda held: (-held[1], str(held[0])))
    levels = [str(level) for level, _ in order[:LEVELS]]
    if len(levels) < 2:
        return None
    rows = ask.subject.rows.iloc[drawn[: min(DEPENDENCE, most // len(levels))]]
    if len(rows) < 2:
        return None
    answers = np.column_stack([ask(_with_level(ask, rows, name, names, level)) for level in levels])
    shares = [float(counts[level]) / len(names) for level in levels]
    words = f"{len(rows):,} assessed rows asked with each of the {len(levels)} commonest "
    words += f"of {len(counts):,} categories"
    curve, nothing = partial_dependence(answers, shares), [None] * len(levels)
    return FeatureCurve(curve, levels, shares, nothing, is_number=False, n=len(rows), words=words)


def _with_numbers(rows: pd.DataFrame, name: str, values: FloatArray) -> pd.DataFrame:
    """The rows with other numbers in a column, whole ones where it holds whole ones."""
    whole = pd.api.types.is_integer_dtype(rows[name])
    held: Any = np.rint(values).astype(np.int64) if whole else values
    return rows.assign(**{name: held})


def _with_level(
    ask: OneNumber, rows: pd.DataFrame, name: str, names: pd.Series, level: str
) -> pd.DataFrame:
    place = int(np.flatnonzero((names == level).to_numpy())[0])
    value = ask.subject.rows[name].iloc[np.full(len(rows), place)]  # keeps its type
    return rows.assign(**{name: value.array})


def _numbers(values: pd.Series) -> FloatArray:
    return values.to_numpy(dtype=np.float64, na_value=np.nan)
