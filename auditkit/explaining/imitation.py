"""A small decision tree that imitates a model, and its rules in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit.explaining.conditions import Condition, Conditions
from auditkit.methods.estimates import FloatArray

#: A side of a split: the question, which of its cuts, and whether the row lies above.
Side = tuple[Condition, int, bool]


@dataclass(frozen=True)
class Rule:
    """A node of the tree.

    Attributes:
        node: Its number in the tree.
        depth: Questions that lead to it.
        condition: The answer to the last of them, in words; nothing at the root.
        rule: All of them in words.
        is_leaf: Whether no further question is asked.
        parent: The node above it; -1 at the root.
        sibling: The node on the other side of the last question; -1 at the root.
    """

    node: int
    depth: int
    condition: str
    rule: str
    is_leaf: bool
    parent: int = -1
    sibling: int = -1


@dataclass(frozen=True, eq=False)
class Imitation:
    """A tree that was fitted to the answers of a model.

    Attributes:
        conditions: The questions that it may ask.
        tree: The fitted estimator of scikit-learn.
    """

    conditions: Conditions
    tree: Any

    @classmethod
    def of(
        cls,
        rows: pd.DataFrame,
        answers: npt.NDArray[Any],
        *,
        depth: int,
        min_leaf: int,
        numbers: bool,
    ) -> Imitation | None:
        """Fit a tree.

        Args:
            rows: Raw rows, the columns that the model reads.
            answers: Shape (n,): what the model decided, or the numbers that it gave.
            depth: Most questions about a row.
            min_leaf: Fewest rows of a rule.
            numbers: Whether the answers are numbers, not classes.

        Returns:
            The tree; None where there is nothing to ask about.

        Source:
            Craven and Shavlik (1996), NIPS 8:24, for trees that imitate a network; Breiman et al.
            (1984) for the tree.
        """
        from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

        conditions = Conditions.of(rows)
        if not conditions.asked:
            return None
        kind = DecisionTreeRegressor if numbers else DecisionTreeClassifier
        # Of equally good questions the tree takes one at random, always the same.
        tree = kind(max_depth=depth, min_samples_leaf=min_leaf, random_state=0)
        return cls(conditions, tree.fit(conditions.answers(rows), answers))

    def answers(self, rows: pd.DataFrame) -> FloatArray:
        """Answer every question about rows, shape (n, questions)."""
        return self.conditions.answers(rows)

    def says(self, answers: FloatArray) -> npt.NDArray[Any]:
        """What the tree says of rows with these answers, shape (n,)."""
        said: npt.NDArray[Any] = self.tree.predict(answers)
        return said

    def passes(self, answers: FloatArray) -> npt.NDArray[np.bool_]:
        """Which rows with these answers pass through which node, shape (n, nodes)."""
        return np.asarray(self.tree.decision_path(answers).toarray(), dtype=bool)

    def decision(self, node: int) -> Any:  # noqa: ANN401 - a class or a number
        """What the tree says where it ends at a node: the commonest class, or the mean number."""
        value = self.tree.tree_.value[node, 0]
        classes = getattr(self.tree, "classes_", None)
        return float(value[0]) if classes is None else classes[int(value.argmax())]

    def rules(self) -> Iterator[Rule]:
        """Every node that matters, each before those below it; yes, or more, comes first."""
        yield from self._below(0, [], -1, -1)

    def _below(self, node: int, sides: list[Side], parent: int, sibling: int) -> Iterator[Rule]:
        last, whole = _words(*sides[-1]) if sides else "", " and ".join(_shortest(sides))
        leaf = self._ends_at(node)
        yield Rule(node, len(sides), last, whole, leaf, parent, sibling)
        if leaf:
            return
        low, high = self._children(node)
        asked = self.conditions.asked[int(self.tree.tree_.feature[node])]
        cut = int(np.floor(self.tree.tree_.threshold[node]))
        yield from self._below(high, [*sides, (asked, cut, True)], node, low)
        yield from self._below(low, [*sides, (asked, cut, False)], node, high)

    def _children(self, node: int) -> tuple[int, int]:
        inside = self.tree.tree_
        return int(inside.children_left[node]), int(inside.children_right[node])

    def _ends_at(self, node: int) -> bool:
        """Whether all rows that come here are told the same: then no question is left."""
        children = self._children(node)
        if children[0] < 0:
            return True
        same = len({self.decision(below) for below in (node, *children)}) == 1
        return same and all(map(self._ends_at, children))


def _words(condition: Condition, cut: int, above: bool) -> str:  # noqa: FBT001 - a side
    return condition.words(cut, above=above)


def _shortest(sides: Sequence[Side]) -> list[str]:
    """All conditions in words, of several of one kind about a number only the last."""
    last: dict[tuple[Condition, bool], Side] = {}
    for side in sides:
        last[side[0], side[2]] = side
    return [_words(*side) for side in last.values()]
