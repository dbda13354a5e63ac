"""What a network learns to give: its outputs, its loss, and how its numbers are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from pydantic import ConfigDict, Field
from torch import nn
from torch.nn import functional

from auditkit.encoding.raw import STRICT, once, plain, validated
from auditkit.errors import InputError, Problem
from auditkit.outcomes import coded
from auditkit.roles import MOST_CLASSES, as_names

#: What the loss of one row is, and its unit.
LOSSES = {
    "binary": "log loss; unit: nats",
    "multiclass": "log loss; unit: nats",
    "regression": "squared error of the standardised outcome; unit: variances of the outcome",
}


@dataclass(frozen=True)
class Target:
    """What a network learns to give; made by `Target.fit`.

    Attributes:
        task: Kind of prediction. "binary" takes one output (a logit), "multiclass" one logit a
            class, "regression" one number, in standard deviations from the mean.
        classes: Names of the classes of a multiclass task, in the order of the outputs.
        mean: Mean of the outcomes of a regression.
        deviation: Their standard deviation; 1 where they are all equal.

    Example:
        >>> target = Target.fit(pd.Series(["ok", "fired", "ok"]), "multiclass")
        >>> target.classes, target.outputs
        (('fired', 'ok'), 2)
        >>> target.encode(pd.Series(["ok"])).tolist()
        [1]
        >>> target.read(torch.zeros(1, 2)).tolist()
        [[0.5, 0.5]]
    """

    task: Literal["binary", "multiclass", "regression"] = "binary"
    classes: Annotated[tuple[str, ...], Field(max_length=MOST_CLASSES)] = ()
    mean: Annotated[float, Field(allow_inf_nan=False)] = 0.0
    deviation: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    @classmethod
    def fit(cls, outcomes: pd.Series[Any], task: str) -> Target:
        """Learn from the outcomes of the training rows: their classes, or their scale.

        Args:
            outcomes: The outcomes, none missing.
            task: Kind of prediction.

        Returns:
            The target.
        """
        if task == "multiclass":
            return cls("multiclass", tuple(sorted(set(as_names(outcomes)))))
        if task == "binary":
            return cls()
        numbers = outcomes.to_numpy(dtype=np.float64)
        spread = float(numbers.std())
        return cls("regression", (), float(numbers.mean()), spread if spread > 0 else 1.0)

    @property
    def outputs(self) -> int:
        """Numbers that the network gives for a row."""
        return max(1, len(self.classes))

    @property
    def loss(self) -> str:
        """What the loss of a row is, and its unit."""
        return LOSSES[self.task]

    def encode(self, outcomes: pd.Series[Any], positive: object = 1) -> torch.Tensor:
        """Write outcomes as the loss takes them.

        Args:
            outcomes: Raw outcomes, none missing.
            positive: The outcome that counts as positive (binary).

        Returns:
            Shape (n,): 1.0 where positive, else 0.0; the number of the class, int64; or the
            standardised number.

        Raises:
            InputError: If there is a class that is not in `classes`.

        Example:
            >>> Target().encode(pd.Series(["no", "yes"]), "yes").tolist()
            [0.0, 1.0]
        """
        if self.task == "binary":
            return torch.from_numpy((outcomes == positive).to_numpy(dtype=np.float32))
        if self.task == "regression":
            numbers = (outcomes.to_numpy(dtype=np.float64) - self.mean) / self.deviation
            return torch.from_numpy(numbers.astype(np.float32))
        codes = coded(outcomes, self.task, None, self.classes)
        count = int((codes < 0).sum())
        if count:
            strange = f"{count:,} rows of a class that is not in the training rows"
            hint = "Join rare classes, or take another seed of the split."
            raise InputError([Problem("label", strange, "a class that was trained on", hint)])
        return torch.from_numpy(codes)

    def losses(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Loss of each row.

        Args:
            outputs: What the network gives: shape (n,), or (n, classes).
            targets: What `encode` gives, shape (n,).

        Returns:
            Shape (n,); its unit as `loss` says.

        Raises:
            ValueError: If the shapes differ: broadcasting would mix the rows, which silently voids
                the guarantee of private training.

        Example:
            >>> Target().losses(torch.zeros(2), torch.tensor([0.0, 1.0]))
            tensor([0.6931, 0.6931])
        """
        wanted = (len(targets), self.outputs)[: 1 + bool(self.classes)]
        if tuple(outputs.shape) != wanted or targets.ndim != 1:
            raise ValueError(f"outputs {tuple(outputs.shape)} for targets {tuple(targets.shape)}")
        if self.task == "multiclass":
            return functional.cross_entropy(outputs, targets, reduction="none")
        if self.task == "regression":
            return functional.mse_loss(outputs, targets, reduction="none")
        return functional.binary_cross_entropy_with_logits(outputs, targets, reduction="none")

    def objective(self, network: nn.Module, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Loss of each row with a network: what the loop makes small; see `losses`."""
        return self.losses(network(x), y)

    def read(self, outputs: torch.Tensor) -> npt.NDArray[np.float64]:
        """Read what a network gives.

        Args:
            outputs: Shape (n,), or (n, classes).

        Returns:
            Probability of the positive class (n,), of each class (n, classes), or numbers (n,).
        """
        given = outputs.detach().cpu().double()
        if self.task == "multiclass":
            return np.asarray(torch.softmax(given, dim=1).numpy())
        if self.task == "regression":
            return np.asarray((given * self.deviation + self.mean).numpy())
        return np.asarray(torch.sigmoid(given).numpy())

    def to_dict(self) -> dict[str, Any]:
        """Give plain JSON values; `from_dict` reads them."""
        return plain(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Target:
        """Read a target that nobody vouches for.

        Raises:
            InputError: If anything is missing, unknown, of the wrong type or contradictory.

        Example:
            >>> Target.from_dict({"task": "multiclass", "classes": ["a"]})
            Traceback (most recent call last):
            auditkit.errors.InputError: 1 problem:
              1. target.classes: found 1 class, expected 2 or more for multiclass, 0 for others.
        """
        target = validated(cls, values, "target")
        once(target.classes, "target.classes", "each class once")
        count = len(target.classes)
        if (count >= 2) != (target.task == "multiclass") or count == 1:
            found = "1 class" if count == 1 else f"{count} classes"
            expected = "2 or more for multiclass, 0 for others"
            raise InputError([Problem("target.classes", found, expected)])
        return target
