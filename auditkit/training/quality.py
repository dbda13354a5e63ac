"""How good models are on the validation rows: before and after a training, side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit.models import Model
from auditkit.models.torch import TorchModel, TrainedNetwork
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
    scores = np.asarray(model.scores(rows), dtype=np.float64)
    y = target.encode(rows[str(roles.label)], roles.positive).numpy().astype(np.float64)
    if target.task == "regression":
        losses = ((scores - target.mean) / target.deviation - y) ** 2
        return {"loss": _mean(losses, weights)}
    chances = aligned(model, scores, target)
    given = chances[np.arange(len(y)), y.astype(np.int64)]
    losses = -np.log(np.clip(given, LEAST, 1.0))
    right = decisions(chances) == y
    return {"loss": _mean(losses, weights), "accuracy": _mean(right, weights)}


def compared(
    model: TrainedNetwork,
    validation: pd.DataFrame | None,
    weighing: Weighing,
    *,
    start: TrainedNetwork | None,
) -> dict[str, Any]:
    """Put a trained model beside those that were there before it, for the record.

    Args:
        model: The trained model.
        validation: Validation rows, or None.
        weighing: How much each of them counts.
        start: The model that training started from, or None.

    Returns:
        `start` and `validation`, as in `TrainingRecord`; empty where there is none.
    """
    if start is None:
        return {}
    kept = start.target == model.target
    said = {"start": {**described(start), "output_layer": "kept" if kept else "drawn anew"}}
    if validation is not None and len(validation) and isinstance(model, TorchModel):
        said["validation"] = quality(model, validation, model.target, weighing)
        if kept and isinstance(start, TorchModel):
            said["start"] |= quality(start, validation, start.target, weighing)
    return said


def aligned(model: object, scores: Numbers, target: Target) -> Numbers:
    """Give the probability of each class: shape (n, 2), negative first, or as in `target.classes`.

    Args:
        model: The model; `classes` names the columns of its scores of several classes.
        scores: Its scores.
        target: The classes; one that the model does not know has probability 0.

    Returns:
        The probabilities.
    """
    if target.task == "binary":
        return np.column_stack([1.0 - scores, scores])
    known = [str(name) for name in getattr(model, "classes", ()) or target.classes]
    padded = np.column_stack([scores, np.zeros(len(scores))])
    return padded[:, [known.index(name) if name in known else -1 for name in target.classes]]


def decisions(chances: Numbers) -> npt.NDArray[np.int64]:
    """Give the class of each row; of two that are equally probable the last, as 0.5 selects."""
    last: npt.NDArray[np.int64] = chances.shape[1] - 1 - chances[:, ::-1].argmax(axis=1)
    return last


def _mean(values: npt.NDArray[Any], weights: Numbers | None) -> float:
    return float(np.average(values.astype(np.float64), weights=weights))
