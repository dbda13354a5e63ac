"""Rows with what their scores say, how sure the model is, and the groups they are of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from auditkit.methods.calibration import NO_PROBABILITIES, are_probabilities
from auditkit.methods.class_scores import no_probabilities
from auditkit.methods.crossing import rows_words
from auditkit.methods.estimates import FloatArray, IntArray

Mask = npt.NDArray[np.bool_]
#: Fewest rows of a group whose numbers are shown, whatever is asked for.
FEWEST = 10


@dataclass(frozen=True)
class ScoredRows:
    """Rows of a binary task or one of several classes.

    Attributes:
        y: Shape (n,): true outcomes, 0 or 1, or the index of the class.
        score: Shape (n,), or (n, k) for classes.
        wrong: Shape (n,): whether the decision in use is wrong.
        confidence: Shape (n,): how sure the model is of its decision.
        threshold: Where a binary score selects.
        codes: Column to the group of each row, shape (n,): -1 where unknown.
        labels: Column to the names of its groups and, last, of the unknown.
        min_group: Rows that the number of a group must rest on.

    Example:
        >>> rows = ScoredRows(np.array([1, 0]), np.array([0.9, 0.2]), np.array([False, False]),
        ...                   np.array([0.8, 0.6]), 0.5, {"sex": np.array([0, -1])},
        ...                   {"sex": ("F", "unknown")}, 1)
        >>> [(group.name, int(group.rows.sum())) for group in rows.groups()]
        [('F', 1), ('unknown', 1)]
    """

    y: npt.NDArray[Any]
    score: FloatArray
    wrong: Mask
    confidence: FloatArray
    threshold: float
    codes: Mapping[str, IntArray]
    labels: Mapping[str, Sequence[str]]
    min_group: int

    def __len__(self) -> int:
        return len(self.y)

    @property
    def is_binary(self) -> bool:
        """Whether there is one score a row."""
        return self.score.ndim == 1

    @property
    def problem(self) -> str | None:
        """Why the scores cannot be read as chances, or None where they can."""
        if not self.is_binary:
            return no_probabilities(self.score)
        return None if are_probabilities(self.score) else NO_PROBABILITIES

    @property
    def came(self) -> FloatArray:
        """Whether what the score speaks of came true: the positive outcome, or the top class."""
        if self.is_binary:
            return np.asarray(self.y, dtype=np.float64)
        return np.asarray(self.score.argmax(axis=1) == self.y, dtype=np.float64)

    @property
    def said(self) -> FloatArray:
        """The chance that was given to it."""
        return self.score if self.is_binary else np.asarray(self.score.max(axis=1))

    def decided(self, score: FloatArray) -> IntArray:
        """What other scores of these rows would decide."""
        chosen = score >= self.threshold if self.is_binary else score.argmax(axis=1)
        return np.asarray(chosen, dtype=np.int64)

    def take(self, places: IntArray) -> ScoredRows:
        """Some of the rows, by their places."""
        return replace(
            self,
            y=self.y[places],
            score=self.score[places],
            wrong=self.wrong[places],
            confidence=self.confidence[places],
            codes={name: code[places] for name, code in self.codes.items()},
        )

    def groups(self) -> Iterator[Group]:
        """Every group of every column, empty ones too, and the unknown where there are some."""
        for column, labels in self.labels.items():
            codes = self.codes[column]
            for code, name in enumerate(labels[:-1]):
                yield Group(column, name, codes == code, self.min_group)
            if (codes < 0).any():
                yield Group(column, labels[-1], codes < 0, self.min_group, known=False)

    def comparable(self, column: str) -> list[Group]:
        """The groups of a column that are known and have rows enough."""
        found = (group for group in self.groups() if group.column == column)
        return [group for group in found if group.known and group.problem is None]


@dataclass(frozen=True)
class Group:
    """A group of rows.

    Attributes:
        column: The sensitive column.
        name: Its name.
        rows: Shape (n,): which rows are of it.
        least: Rows that a number must rest on.
        known: Whether it is a group, not those of none that is known.
    """

    column: str
    name: str
    rows: Mask
    least: int
    known: bool = True

    @property
    def size(self) -> int:
        """How many rows it has."""
        return int(self.rows.sum())

    @property
    def where(self) -> dict[str, str]:
        """The slice."""
        return {self.column: self.name}

    @property
    def problem(self) -> str | None:
        """Why nothing is computed for it, or None."""
        return too_few(self.size, self.least)


def too_few(size: int, least: int) -> str | None:
    """Why so few rows have no number, or None where they are enough.

    Example:
        >>> too_few(3, 30)
        '3 rows: fewer than min_group = 30'
    """
    if size == 0:
        return "no rows"
    return None if size >= least else f"{rows_words(size)}: fewer than min_group = {least:,}"
