"""A fairness penalty in the loss: what groups are given on average must not lie far apart.

Source:
    Manisha and Gujar (2018), "FNNC: Achieving fairness through neural networks",
    arXiv:1811.00247, who add a penalty on the gap of mean predicted probabilities of each batch.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import nn

from auditkit.errors import Problem, quote
from auditkit.roles import Roles
from auditkit.training.distilling import Distilled
from auditkit.training.grouping import Group, classes_of, group_problems, groups_of, title
from auditkit.training.loop import Examples
from auditkit.training.settings import Training
from auditkit.training.target import Target

#: Most groups that are held together.
MOST = 100
#: Constraint to the outcomes among which groups are compared, each by itself; None is both.
AMONG: dict[str, tuple[str | None, ...]] = {
    "demographic_parity": (None,),
    "equal_opportunity": ("positive",),
    "equalized_odds": ("positive", "negative"),
}
#: Gives what it is given: outputs that are there already stand for a network.
_AS_IS = nn.Identity()


@dataclass(frozen=True)
class Penalised:
    """A target to whose loss a penalty on the gap between groups is added.

    Attributes:
        target: What is learnt besides: outcomes, or a teacher's numbers too.
        strength: What the penalty is multiplied by, above 0.
        constraint: A key of `AMONG`.
        columns: Columns whose groups are held together, all together.
        groups: The known groups of the training rows.
        roles: Label and task.
    """

    target: Target | Distilled
    strength: float
    constraint: str
    columns: tuple[str, ...]
    groups: tuple[Group, ...]
    roles: Roles

    @classmethod
    def of(
        cls, target: Target | Distilled, rows: pd.DataFrame, roles: Roles, training: Training
    ) -> Penalised:
        """Find the groups of the training rows."""
        columns = tuple(training.fairness_columns)
        known = sorted({group for group in groups_of(rows, columns) if None not in group})
        strength, constraint = float(training.fairness_penalty), training.fairness_constraint
        return cls(target, strength, constraint, columns, tuple(known), roles)

    @property
    def loss(self) -> str:
        """What the loss of a row is."""
        return (
            f"{self.target.loss}; plus {self.strength:g} times the fairness penalty of its batch "
            f"({self.constraint.replace('_', ' ')} by {', '.join(self.columns)})"
        )

    def examples(self, examples: Examples, rows: pd.DataFrame) -> Examples:
        """Put the group of each row beside its outcome.

        Args:
            examples: Rows as they are learnt from.
            rows: The same rows, raw.

        Returns:
            The examples with targets of shape (n, w + outcomes times groups): what the target
            takes, and then how much the row counts in each group, 0 outside of it. A row of
            unknown group counts in none.
        """
        held = torch.from_numpy(self._membership(rows))
        if examples.weights is not None:
            held = held * examples.weights[:, None]
        y = torch.column_stack([examples.y.to(torch.float32), held])
        return dataclasses.replace(examples, y=y)

    def objective(self, network: nn.Module, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Loss of each row; the penalty of the batch is added to every one.

        Args:
            network: The network.
            x: Encoded rows.
            y: As `examples` gives them.

        Returns:
            Shape (n,).

        Example:
            >>> rows = pd.DataFrame({"sex": ["F", "M"], "y": [0, 1]})
            >>> settings = Training(fairness_penalty=4.0, fairness_columns=["sex"])
            >>> learns = Penalised.of(Target(), rows, Roles("y"), settings)
            >>> given = Examples(torch.tensor([[0.0], [0.0]]), torch.tensor([0.0, 1.0]))
            >>> y, logits = learns.examples(given, rows).y, torch.tensor([[-99.0], [99.0]])
            >>> learns.objective(nn.Flatten(0), logits, y)  # nothing is wrong, all is unequal
            tensor([4., 4.])
        """
        outputs = network(x)
        width = y.shape[1] - len(self.groups) * len(AMONG[self.constraint])
        known = y[:, 0] if isinstance(self.target, Target) else y[:, :width]
        each = self.target.objective(_AS_IS, outputs, known)
        return each + self.strength * self._penalty(torch.sigmoid(outputs), y[:, width:])

    def to_dict(self, rows: pd.DataFrame) -> dict[str, Any]:
        """Give plain JSON values for the record; `rows` are the training rows."""
        sizes = Counter(groups_of(rows, self.columns))
        return {
            "strength": self.strength,
            "constraint": self.constraint,
            "columns": list(self.columns),
            "groups": [{"group": title(name), "rows": sizes[name]} for name in self.groups],
            "rows_of_unknown_group": sum(n for name, n in sizes.items() if None in name),
        }

    def _penalty(self, chances: torch.Tensor, held: torch.Tensor) -> torch.Tensor:
        """Mean, over all pairs of groups in the batch, of their squared difference.

        That is twice the variance of the means, of which there are as many as groups with a row.
        """
        shape = (len(AMONG[self.constraint]), len(self.groups))
        totals = held.sum(dim=0).reshape(shape)
        there = (totals > 0).to(chances.dtype)
        means = (chances @ held).reshape(shape) / torch.where(totals > 0, totals, 1.0)
        count = there.sum(dim=1)
        middle = (means * there).sum(dim=1) / count.clamp(min=1)
        apart = ((means - middle[:, None]).square() * there).sum(dim=1)
        return (2 * apart / (count - 1).clamp(min=1)).sum()

    def _membership(self, rows: pd.DataFrame) -> npt.NDArray[np.float32]:
        place = {group: number for number, group in enumerate(self.groups)}
        codes = np.array([place.get(group, -1) for group in groups_of(rows, self.columns)])
        inside = codes[:, None] == np.arange(len(self.groups))
        outcomes = np.array(classes_of(rows, self.roles), dtype=object)
        blocks = [
            inside if outcome is None else inside & (outcomes == outcome)[:, None]
            for outcome in AMONG[self.constraint]
        ]
        return np.hstack(blocks).astype(np.float32)


def penalty_problems(
    rows: Mapping[str, pd.DataFrame], roles: Roles, training: Training, where: str = "Training."
) -> list[Problem]:
    """Find what keeps the gap between groups from being penalised.

    Args:
        rows: What rows are called, to the rows; the training rows first.
        roles: Label and task.
        training: Settings.
        where: What to put before the name of a setting in a message.

    Returns:
        All problems; empty where there is none.
    """
    if not training.fairness_penalty:
        return []
    place, columns = f"{where}fairness_columns", tuple(training.fairness_columns)
    problems = [p for part in rows.values() for p in group_problems(part, columns, place)]
    if roles.task != "binary":
        found = f"{quote(training.fairness_penalty)} for a {roles.task} task"
        problems.append(Problem(f"{where}fairness_penalty", found, "a binary task"))
    first = next(iter(rows.values()))
    if problems or str(roles.label) not in first:
        return list(dict.fromkeys(problems))
    return _too_few(first, roles, training, place)


def _too_few(rows: pd.DataFrame, roles: Roles, training: Training, place: str) -> list[Problem]:
    """Say where fewer than two groups can be held together, or too many would have to be."""
    known = list(
        zip(groups_of(rows, training.fairness_columns), classes_of(rows, roles), strict=True)
    )
    for outcome in AMONG[training.fairness_constraint]:
        names = {g for g, held in known if None not in g and outcome in (None, held)}
        if not 2 <= len(names) <= MOST:
            among = "" if outcome is None else f" with a row whose outcome is {outcome}"
            count = "1 known group" if len(names) == 1 else f"{len(names):,} known groups"
            found, expected = f"{count}{among}", f"2 to {MOST} groups"
            return [Problem(place, found, expected)]
    return []
