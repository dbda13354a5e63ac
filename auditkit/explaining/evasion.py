"""What attacks on decisions found, whatever was changed: numbers or words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from auditkit.methods.attacks import BoolArray
from auditkit.methods.estimates import FloatArray, IntArray
from auditkit.methods.flips import ROUNDING, Asked


@dataclass(frozen=True)
class Effort:
    """How much is tried.

    Attributes:
        steps: Steps along the gradient, and rounds of a search.
        draws: Random changes of each row that attacks are held against.
        questions: Most questions to the model.
    """

    steps: int
    draws: int
    questions: int


@dataclass(frozen=True, eq=False)
class Found:
    """What was found.

    Attributes:
        places: Shape (n,): the assessed rows that were attacked.
        sizes: Sizes of change, rising.
        changed: Attack, or "chance", to whether it changed the decision, shape (sizes, n).
        movable: Shape (sizes,): columns (or words) that could change at all in some row.
        still: Whether changes of size 0 change nothing.
        words: What was done.
    """

    places: IntArray
    sizes: tuple[float, ...]
    changed: dict[str, BoolArray]
    movable: IntArray
    still: bool
    words: str


def decisions(answers: Asked) -> IntArray:
    """The decisions of a task that has some.

    Raises:
        ValueError: If the answers are numbers of a regression, which are none.
    """
    if answers.decisions is None:
        raise ValueError("numbers are no decisions")
    return answers.decisions


def closeness(before: Asked, after: Asked, threshold: float) -> FloatArray:
    """How near answers are to another decision: 0 is on the border, above it is another.

    Args:
        before: What was answered of the rows as they are.
        after: Of the changed ones.
        threshold: Score from which on a binary model decides for the positive class.

    Returns:
        Shape (n,).

    Example:
        >>> from auditkit.methods.flips import asked
        >>> old, new = (asked(np.array([x]), "binary", 0.5) for x in (0.9, 0.7))
        >>> closeness(old, new, 0.5).round(3).tolist()
        [-0.2]
    """
    own = decisions(before)
    if after.answers.ndim == 1:
        apart = threshold - after.answers
        return np.asarray(np.where(own == 1, apart, -apart))
    place = np.arange(len(after.answers)), own
    others = after.answers.copy()
    others[place] = -np.inf
    return np.asarray(others.max(axis=1) - after.answers[place])


def same(before: Asked, after: Asked) -> bool:
    """Whether answers are the same but for rounding, and so are the decisions."""
    near = np.abs(after.answers - before.answers) <= ROUNDING * np.maximum(
        1.0, np.abs(before.answers)
    )
    return bool(near.all() and (decisions(before) == decisions(after)).all())
