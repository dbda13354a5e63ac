"""Knowledge distillation: a network learns what another model gives, beside the outcomes.

Source:
    Hinton, Vinyals and Dean (2015), "Distilling the Knowledge in a Neural Network",
    arXiv:1503.02531.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn import functional

from auditkit.errors import InputError, Problem, quote
from auditkit.models import Model
from auditkit.roles import Task
from auditkit.training.loop import Examples
from auditkit.training.quality import LEAST, answers
from auditkit.training.settings import Training
from auditkit.training.target import Target


@dataclass(frozen=True)
class Distilled:
    """A target of which a teacher has given its numbers; its examples hold both.

    Attributes:
        target: What the outcomes are.
        temperature: What logits of teacher and student are divided by.
        share: Weight of the teacher's part of the loss; the outcomes have the rest.
    """

    target: Target
    temperature: float
    share: float

    @classmethod
    def of(cls, target: Target, training: Training) -> Distilled:
        """Make it from the settings of a training."""
        return cls(target, float(training.temperature), float(training.teacher_share))

    @property
    def loss(self) -> str:
        """What the loss of a training row is; validation rows have the loss of the target."""
        own, share, heat = self.target.loss, f"{self.share:g}", f"{self.temperature:g}"
        rest = f"{1 - self.share:g}"
        if self.target.task == "regression":
            return f"{own}; training rows: {share} of it from the teacher's number, {rest} of it"
        return (
            f"{own}; training rows: {share} of the divergence from the teacher at temperature "
            f"{heat}, times {heat} squared, and {rest} of the log loss"
        )

    def examples(self, examples: Examples, teacher: Model, rows: pd.DataFrame) -> Examples:
        """Put the teacher's numbers beside the outcomes.

        Args:
            examples: Training rows as they are learnt from.
            teacher: The teacher; it encodes the rows itself.
            rows: The same rows, raw.

        Returns:
            The examples with targets of shape (n, 1 + outputs): the outcome, then the teacher's
            logits, or its number in the unit of the target.
        """
        given = torch.from_numpy(self._numbers(teacher, rows))
        y = torch.column_stack([examples.y.to(torch.float32), given])
        return dataclasses.replace(examples, y=y)

    def objective(self, network: nn.Module, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Loss of each row.

        Args:
            network: The student.
            x: Encoded rows.
            y: As `examples` gives them.

        Returns:
            Shape (n,).

        Example:
            >>> distilled = Distilled(Target(), temperature=2.0, share=1.0)
            >>> y = torch.tensor([[1.0, 3.0], [0.0, 0.0]])
            >>> distilled.objective(nn.Flatten(0), torch.tensor([[3.0], [0.0]]), y).tolist()
            [0.0, 0.0]
        """
        outputs, known, given = network(x), y[:, 0], y[:, 1:]
        if self.target.task == "multiclass":
            known = known.long()
        taught = self._divergence(outputs, given)
        return self.share * taught + (1 - self.share) * self.target.losses(outputs, known)

    def _divergence(self, outputs: torch.Tensor, given: torch.Tensor) -> torch.Tensor:
        """How far the student is from the teacher, row by row."""
        if self.target.task == "regression":
            return (outputs - given[:, 0]).square()
        if self.target.task == "binary":  # two classes, of which one has the logit 0
            outputs, given = (
                torch.stack([torch.zeros_like(logits), logits], dim=1)
                for logits in (outputs, given[:, 0])
            )
        student, teacher = (
            functional.log_softmax(logits / self.temperature, dim=1) for logits in (outputs, given)
        )
        each = functional.kl_div(student, teacher, reduction="none", log_target=True).sum(dim=1)
        return each * self.temperature**2

    def _numbers(self, teacher: Model, rows: pd.DataFrame) -> np.ndarray:
        given, target = answers(teacher, rows, self.target), self.target
        if target.task == "regression":
            numbers = ((given - target.mean) / target.deviation)[:, None]
        else:
            logits = np.log(np.clip(given, LEAST, 1.0))
            numbers = logits[:, 1:] - logits[:, :1] if target.task == "binary" else logits
        return numbers.astype(np.float32)


def demand_teacher(teacher: Model, task: Task, *, privately: bool) -> None:
    """Raise unless a model can teach.

    Args:
        teacher: The model.
        task: Kind of prediction of the student.
        privately: Whether the training is private.

    Raises:
        InputError: If it cannot; the problems are listed.
    """
    problems = []
    taught = getattr(teacher, "task", task)
    if task == "sequence-to-sequence":
        problems.append(Problem("teacher", f"a teacher for a {task} task", "a class or a number"))
    elif taught != task:
        problems.append(Problem("teacher", f"a {taught} model", f"a {task} model"))
    if privately:
        expected = "private training without: it may know the rows that are to be hidden"
        problems.append(Problem("teacher", f"a {quote(teacher.kind)}", expected))
    if problems:
        raise InputError(problems)
