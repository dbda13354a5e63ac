"""How good models are on the validation rows: before and after a training, side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit.models import Model
from auditkit.models.answers import checked_answers
from auditkit.models.torch import TorchModel, TrainedNetwork
from auditkit.training.preparing import Lessons
from auditkit.training.target import Target
from auditkit.training.weighting import Weighing

Numbers = npt.NDArray[np.float64]
#: Least probability of a class in a log loss, so that one row decides nothing alone.
LEAST = 1e-7


def described(model: Model | TrainedNetwork) -> dict[str, Any]:
    """Say which model it is, for a record: `kind`, `sha256` and `parameters`."""
    return {"kind": model.kind, "sha256": model.sha256, "parameters": model.parameters}


def quality(
    model: Model, rows: pd.DataFrame, target: Target, weighing: Weighing
) -> dict[str, float]:
    """Give the mean loss of a model on rows, and its accuracy.

    Args:
        model: The model.
        rows: Raw rows with their outcomes, at least one that counts.
        target: What the outcomes are.
        weighing: How much each row counts.

    Returns:
        `loss`, in the unit of the target, and `accuracy` unless the target is a number.

    Example:
        >>> from types import SimpleNamespace
        >>> from auditkit.roles import Roles
        >>> model = SimpleNamespace(scores=lambda rows: np.array([0.5, 0.8]))
        >>> rows = pd.DataFrame({"y": [0, 1]})
        >>> quality(model, rows, Target(), Weighing(Roles("y")))["accuracy"]
        0.5
    """
    weights, roles = weighing.of(rows), weighing.roles
    given = answers(model, rows, target)
    y = target.encode(rows[str(roles.label)], roles.positive).numpy().astype(np.float64)
    if target.task == "regression":
        losses = ((given - target.mean) / target.deviation - y) ** 2
        return {"loss": _mean(losses, weights)}
    chances = given[np.arange(len(y)), y.astype(np.int64)]
    losses = -np.log(np.clip(chances, LEAST, 1.0))
    right = decisions(given) == y
    return {"loss": _mean(losses, weights), "accuracy": _mean(right, weights)}


def compared(
    model: TrainedNetwork,
    lessons: Lessons,
    start: TrainedNetwork | None,
    teacher: Model | None,
) -> dict[str, Any]:
    """Put a trained model beside those that were there before it, for the record.

    Args:
        model: The trained model.
        lessons: What it was trained and validated on.
        start: The model that training started from, or None.
        teacher: The model that it learnt from, or None.

    Returns:
        `start`, `teacher` and `validation`, as in `TrainingRecord`; each where there is one.
    """
    said: dict[str, Any] = {}
    if start is not None:
        kept = start.target == model.target
        said["start"] = {**described(start), "output_layer": "kept" if kept else "drawn anew"}
    if teacher is not None:
        said["teacher"] = described(teacher)
    weighing, held = lessons.weighing, lessons.validation
    rows = None if held is None else weighing.counted(held)[0]
    if not said or rows is None or rows.empty or not isinstance(model, TorchModel):
        return said
    said["validation"] = quality(model, rows, model.target, weighing)
    if isinstance(start, TorchModel) and start.target == model.target:
        said["start"] |= quality(start, rows, model.target, weighing)
    if teacher is not None:
        said["teacher"] |= quality(teacher, rows, model.target, weighing)
        said["teacher"]["agreement"] = agreement(model, teacher, rows)
    return said


def agreement(model: TorchModel, teacher: Model, rows: pd.DataFrame) -> float | None:
    """Give the share of rows for which two models decide the same.

    Args:
        model: The trained model.
        teacher: The other.
        rows: Raw rows.

    Returns:
        The share, or None for numbers, which are no decisions.
    """
    if model.task == "regression":
        return None
    mine, theirs = (decisions(answers(one, rows, model.target)) for one in (model, teacher))
    return float((mine == theirs).mean())


def answers(model: Model, rows: pd.DataFrame, target: Target) -> Numbers:
    """Ask a model about rows, and check what it answers.

    Args:
        model: The model; it may know other classes, or the same in another order.
        rows: Raw rows.
        target: What is asked for.

    Returns:
        The probability of each class: shape (n, 2), negative first, or (n, classes) as in
        `target.classes`; or the numbers of a regression, shape (n,).

    Raises:
        ModelError: If an answer has another shape, or is not finite.
    """
    given: Numbers = checked_answers(model, target.task, rows, target.classes)
    return np.column_stack([1.0 - given, given]) if target.task == "binary" else given


def decisions(chances: Numbers) -> npt.NDArray[np.int64]:
    """Give the class of each row; of two that are equally probable the last, as 0.5 selects."""
    last: npt.NDArray[np.int64] = chances.shape[1] - 1 - chances[:, ::-1].argmax(axis=1)
    return last


def _mean(values: npt.NDArray[Any], weights: Numbers | None) -> float:
    return float(np.average(values.astype(np.float64), weights=weights))
