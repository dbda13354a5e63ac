"""Weights of training rows: of their own, of their class and of their group.

Source:
    Kamiran and Calders (2012), "Data preprocessing techniques for classification without
    discrimination", Knowledge and Information Systems 33:1 (reweighing).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit.errors import Problem, quote
from auditkit.roles import Roles
from auditkit.training.grouping import Group, classes_of, group_problems, groups_of, title
from auditkit.training.settings import Training

K = TypeVar("K", bound=Hashable)
Weights = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Weighing:
    """How much each row counts; made by `Weighing.fit`.

    The factors of classes and groups are learnt on the training rows. Validation rows are weighed
    by the same factors, so that early stopping watches what training makes small; a class or group
    that no training row had counts once.

    Attributes:
        roles: Label and task.
        weight: Column of the weights of the rows themselves, or None.
        columns: Columns of the groups.
        classes: Class to its factor; empty where classes are not weighed.
        groups: Group to its factor; empty where groups are not weighed.
        cells: Group and class to their factor; empty without reweighing.

    Example:
        >>> rows = pd.DataFrame({"y": [1, 0, 0, 0]})
        >>> weighing = Weighing.fit(rows, Roles("y"), None, Training(class_weight="balanced"))
        >>> [round(float(weight), 3) for weight in weighing.of(rows)]
        [2.0, 0.667, 0.667, 0.667]
    """

    roles: Roles
    weight: str | None = None
    columns: tuple[str, ...] = ()
    classes: Mapping[str, float] = field(default_factory=dict)
    groups: Mapping[Group, float] = field(default_factory=dict)
    cells: Mapping[tuple[Group, str], float] = field(default_factory=dict)

    @classmethod
    def fit(
        cls, rows: pd.DataFrame, roles: Roles, weight: str | None, training: Training
    ) -> Weighing:
        """Learn the factors on training rows.

        Classes come first, and rows count by their own weights. Groups are then weighed on top;
        reweighing leaves the sums of classes and of groups as they are.

        Args:
            rows: Training rows, as they are learnt from.
            roles: Label and task.
            weight: Column of the weights of the rows themselves, or None.
            training: Settings.

        Returns:
            The factors.
        """
        columns = tuple(training.group_columns)
        held = _own(rows, weight)
        classes: dict[str, float] = {}
        groups: dict[Group, float] = {}
        cells: dict[tuple[Group, str], float] = {}
        if training.class_weight is not None:
            names = classes_of(rows, roles)
            classes = _balanced(names, held)
            held = held * _taken(classes, names)
        if training.group_weight == "balanced":
            groups = _balanced(groups_of(rows, columns), held)
        elif training.group_weight == "reweighing":
            cells = _independent(groups_of(rows, columns), classes_of(rows, roles), held)
        return cls(roles, weight, columns, classes, groups, cells)

    @property
    def weighs(self) -> bool:
        """Whether rows count differently at all."""
        return self.weight is not None or bool(self.classes or self.groups or self.cells)

    def of(self, rows: pd.DataFrame) -> Weights | None:
        """Weigh rows.

        Args:
            rows: Raw rows, label and group columns included.

        Returns:
            Shape (n,), or None where all rows count the same.
        """
        if not self.weighs:
            return None
        weights = _own(rows, self.weight)
        names = classes_of(rows, self.roles) if self.classes or self.cells else []
        held = groups_of(rows, self.columns) if self.groups or self.cells else []
        if self.classes:
            weights = weights * _taken(self.classes, names)
        if self.groups:
            weights = weights * _taken(self.groups, held)
        if self.cells:
            weights = weights * _taken(self.cells, zip(held, names, strict=True))
        return weights

    def counted(self, rows: pd.DataFrame) -> tuple[pd.DataFrame, Weights | None]:
        """Give the rows that count, and their weights; None where all count the same."""
        weights = self.of(rows)
        if weights is None:
            return rows, None
        return rows[weights > 0], weights[weights > 0]

    def to_dict(self) -> dict[str, Any]:
        """Give the factors as plain JSON values, for the record; empty where there are none."""
        said: dict[str, Any] = {}
        if self.classes:
            said["class_weights"] = dict(sorted(self.classes.items()))
        if self.groups:
            named = ({"group": title(group), "weight": w} for group, w in self.groups.items())
            said["group_weights"] = sorted(named, key=lambda line: str(line["group"]))
        if self.cells:
            lines = [
                {"group": title(group), "class": name, "weight": w}
                for (group, name), w in self.cells.items()
            ]
            said["group_weights"] = sorted(lines, key=lambda x: (str(x["group"]), str(x["class"])))
        return said


def weighing_problems(
    rows: Mapping[str, pd.DataFrame], roles: Roles, training: Training, where: str = "Training."
) -> list[Problem]:
    """Find what keeps classes and groups from being weighed.

    Args:
        rows: What rows are called, to the rows.
        roles: Label and task.
        training: Settings.
        where: What to put before the name of a setting in a message.

    Returns:
        All problems; empty where there is none.
    """
    problems = []
    asked = {
        "class_weight": training.class_weight is not None,
        "group_weight": training.group_weight == "reweighing",
    }
    for name, is_asked in asked.items():
        if is_asked and roles.task not in ("binary", "multiclass"):
            found = f"{quote(getattr(training, name))} for a {roles.task} task"
            problems.append(Problem(f"{where}{name}", found, "a task with classes"))
    for part in rows.values():
        problems += group_problems(part, training.group_columns, f"{where}group_columns")
    return list(dict.fromkeys(problems))


def _own(rows: pd.DataFrame, weight: str | None) -> Weights:
    if weight is None:
        return np.ones(len(rows))
    return rows[weight].to_numpy(dtype=np.float64)


def _taken(factors: Mapping[K, float], names: Iterable[K]) -> Weights:
    return np.array([factors.get(name, 1.0) for name in names], dtype=np.float64)


def _sums(names: Sequence[K], weights: Weights) -> dict[K, float]:
    sums = Counter[K]()
    for name, weight in zip(names, weights.tolist(), strict=True):
        sums[name] += weight
    return {name: total for name, total in sums.items() if total > 0}


def _balanced(names: Sequence[K], weights: Weights) -> dict[K, float]:
    """Give n / (k n_name): then every name has the same sum of weights."""
    sums = _sums(names, weights)
    each = float(weights.sum()) / len(sums)
    return {name: each / total for name, total in sums.items()}


def _independent(
    groups: Sequence[Group], names: Sequence[str], weights: Weights
) -> dict[tuple[Group, str], float]:
    """Give P(group) P(class) / P(group and class)."""
    of_group, of_class = _sums(groups, weights), _sums(names, weights)
    cells = _sums(list(zip(groups, names, strict=True)), weights)
    total = float(weights.sum())
    return {
        (group, name): of_group[group] * of_class[name] / (total * held)
        for (group, name), held in cells.items()
    }
