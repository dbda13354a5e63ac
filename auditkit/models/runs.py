"""The audited model's recipe carried out once more: what that cost, and how wrong its model is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit import meter
from auditkit.errors import AuditkitError
from auditkit.models import Recipe
from auditkit.models.answers import checked_answers

if TYPE_CHECKING:
    from auditkit.subject import Subject

#: What the error of each task is.
ERRORS = {
    "binary": "log loss; unit: nats",
    "multiclass": "log loss; unit: nats",
    "regression": "root mean squared error; unit: outcome units",
    "sequence-to-sequence": "share of texts that are not exactly right",
}
#: Least probability of the true class in a log loss, so that one row decides nothing alone.
LEAST = 1e-7


@dataclass(frozen=True)
class Run:
    """One training run and what came of it; None where it is not known.

    Attributes:
        share: Share of the training rows.
        width: Factor of the widths of the hidden layers.
        rows: Rows that the network learnt from.
        parameters: Numbers that were trained.
        epochs: Epochs that it ran.
        seconds: CPU time; unit: s.
        energy: Energy.
        flops: Operations.
        error: Error on the assessed rows.
        accuracy: Share of right decisions.
        busy: Whether others took so much of the machine that its time says little.
        reason: Why it was not trained.
    """

    share: float
    width: float = 1.0
    rows: int | None = None
    parameters: int | None = None
    epochs: int | None = None
    seconds: float | None = None
    energy: meter.Energy | None = None
    flops: int | None = None
    error: float | None = None
    accuracy: float | None = None
    busy: bool = False
    reason: str | None = None


def trained(
    subject: Subject,
    rows: pd.DataFrame,
    share: float,
    *,
    width: float = 1.0,
    **changes: Any,  # noqa: ANN401 - settings of every kind
) -> Run:
    """Carry the recipe of the audited model out on some rows.

    Args:
        subject: What is audited, with a recipe.
        rows: Training rows.
        share: Which share of all training rows they are.
        width: Factor of the widths of the hidden layers.
        **changes: What is changed in the recipe.

    Returns:
        The run; with nothing but the reason where training was refused.
    """
    try:
        model, record = cast("Recipe", subject.recipe).fit(rows, **changes)
        return run_of(subject, model, record, share, width)
    except AuditkitError as error:
        return Run(share, width, reason=" ".join(str(error).split()))


def run_of(
    subject: Subject,
    model: Any,  # noqa: ANN401 - of any kind
    record: Any,  # noqa: ANN401 - a training record of any core
    share: float,
    width: float = 1.0,
) -> Run:
    """Gather what came of a training run.

    Args:
        subject: What is audited; its rows are what the model is held against.
        model: The model.
        record: Its training record, or None.
        share: As in `trained`.
        width: As in `trained`.

    Returns:
        The run.
    """
    error, accuracy = _errors(subject, model)
    # Of a run that was killed, or shared by processes, only a part was metered.
    whole = not getattr(record, "resumed_after", ()) and getattr(record, "processes", 1) == 1
    costs = meter.outermost(meter.costs_of(getattr(record, "cost", None))) if whole else []
    energy = meter.total(cost.energy for cost in costs) if costs else None
    epochs = getattr(record, "epochs", None)
    return Run(
        share,
        width,
        getattr(record, "rows", None),
        getattr(record, "parameters", None),
        len(epochs) if epochs else None,
        sum(cost.cpu_seconds for cost in costs) if costs else None,
        energy,
        (getattr(record, "operations", None) or {}).get("flops"),
        error,
        accuracy,
        any(cost.contended for cost in costs),
    )


def _errors(subject: Subject, model: Any) -> tuple[float | None, float | None]:  # noqa: ANN401 - as above
    """Error and accuracy of a model on the assessed rows; one row would be about one person."""
    if len(subject) < 2:
        return None, None
    given = checked_answers(model, subject.task, subject.rows, subject.classes)
    truth, weights = subject.y_true, subject.weights

    def mean(values: npt.NDArray[Any]) -> float:
        return float(np.average(values.astype(np.float64), weights=weights))

    if subject.task == "regression":
        return mean((given - truth) ** 2) ** 0.5, None
    if subject.task == "sequence-to-sequence":
        right = mean(given == truth)
        return 1 - right, right
    if subject.task == "multiclass":
        chances = np.take_along_axis(given, truth[:, None].astype(np.int64), axis=1)[:, 0]
        right = mean(given.argmax(axis=1) == truth)
    else:
        chances = np.where(truth == 1, given, 1 - given)
        right = mean((given >= subject.threshold) == (truth == 1))
    return mean(-np.log(np.clip(chances, LEAST, 1.0))), right
