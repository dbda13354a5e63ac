"""Which decision is wanted, and how near an answer of a model is to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from auditkit.errors import quote
from auditkit.methods.counterfactual_columns import BoolArray
from auditkit.methods.estimates import FloatArray, IntArray


@dataclass(frozen=True)
class Goal:
    """The decision that is wanted.

    Attributes:
        threshold: A binary model selects from this score on.
        favourable: Whether to be selected is wanted, of two decisions.
        wanted: Place of the wanted class among several; -1 for any other than the present one.

    Example:
        >>> Goal(0.5).against(np.array([0.4, 0.6])).tolist()
        [True, False]
        >>> Goal(wanted=1).against(np.array([[0.2, 0.8], [0.7, 0.3]])).tolist()
        [False, True]
    """

    threshold: float = 0.5
    favourable: bool = True
    wanted: int = -1

    def who(self, classes: Sequence[str]) -> str:
        """Say which rows are searched, behind a number of them."""
        if not classes:
            return f"that are {'not ' if self.favourable else ''}selected"
        wanted = "" if self.wanted < 0 else f" than {quote(classes[self.wanted])}"
        return f"of another class{wanted}" if wanted else "with any other class as the aim"

    def decided(self, answers: FloatArray) -> IntArray:
        """The decision, 0 or 1, or the class of each answer, shape (n,)."""
        if answers.ndim == 2:
            return np.asarray(answers.argmax(axis=1), dtype=np.int64)
        return np.asarray(answers >= self.threshold, dtype=np.int64)

    def against(self, answers: FloatArray) -> BoolArray:
        """Whether each answer is another decision than the wanted one; always, if any is wanted."""
        decided = self.decided(answers)
        if answers.ndim == 2:
            return np.asarray((decided != self.wanted) | (self.wanted < 0))
        return np.asarray(decided != int(self.favourable))

    def read(self, answers: FloatArray, before: IntArray) -> tuple[FloatArray, BoolArray]:
        """Read answers about changed rows.

        Args:
            answers: Shape (s,) or (s, k).
            before: Shape (s,): the decision about each row before it was changed.

        Returns:
            How near each is to the wanted decision, more being nearer; and whether it is reached.

        Example:
            >>> merit, reached = Goal(0.5, favourable=False).read(np.array([0.4, 0.6]), np.ones(2))
            >>> merit.round(3).tolist(), reached.tolist()
            ([0.1, -0.1], [True, False])
        """
        if answers.ndim == 1:
            apart = answers - self.threshold
            return (apart if self.favourable else -apart), ~self.against(answers)
        at = np.arange(len(answers))
        target = before if self.wanted < 0 else np.full(len(answers), self.wanted)
        target = target.astype(np.int64)
        own, others = answers[at, target], answers.copy()
        others[at, target] = -np.inf
        ahead, is_target = own - others.max(axis=1), self.decided(answers) == target
        return (-ahead, ~is_target) if self.wanted < 0 else (ahead, is_target)
