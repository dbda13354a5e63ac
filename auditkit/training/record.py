"""What is written down about a training run."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any

from auditkit.errors import AuditkitError


class TrainingError(AuditkitError, RuntimeError):
    """Training could not be done rightly, so it gave no model."""


@dataclass(frozen=True)
class Epoch:
    """One pass over the training rows.

    Attributes:
        epoch: Its number, from 1.
        train_loss: Mean loss of the training rows as they were met; None where no row was drawn.
        validation_loss: Mean loss of the validation rows after it; None where there are none.
        learning_rate: Learning rate.
        seconds: Wall time, validation included; unit: s.
    """

    epoch: int
    train_loss: float | None
    validation_loss: float | None
    learning_rate: float
    seconds: float


@dataclass(frozen=True)
class TrainingRecord:
    """How a model was trained and what it cost.

    Attributes:
        architecture: Settings of the network, with its `kind`.
        settings: Settings of the training as they took effect.
        seed: Seed of first weights, order of rows, dropout, sampling and noise.
        rows: Training rows, as the network learnt from them.
        validation_rows: Validation rows.
        epochs: The loss curve.
        best_epoch: Number of the epoch whose weights were kept.
        stopped_early: Whether training stopped before the last epoch it was allowed.
        steps: Optimizer steps.
        samples_seen: Rows met in all steps together.
        parameters: Numbers that were trained.
        cost: Cost of the training, as `auditkit.meter.Cost.to_dict()`.
        operations: Floating-point operations of all steps, as in
            `auditkit.training.operations.Operations`.
        loss: What the loss of one row is, and its unit.
        processes: Processes that trained it together; `cost` is that of the first of them.
        device: Where it was trained: "cpu", or "cuda" and the name of the processor.
        privacy: None, or the privacy loss and what it rests on: `epsilon`, `epsilon_rdp`, `delta`,
            `accountant`, `noise_multiplier`, `max_grad_norm`, `sample_rate`, `steps`,
            `expected_batch_size`, `rows_at_once`, `sampling`, `unit`, `adjacency`, `self_test`,
            `not_covered`.
        resumed_after: Epochs after which the run was killed and went on from its checkpoint; `cost`
            is then that of the last part alone.
        frozen: Layers whose weights did not move: their names (`layers`), `parameters`, and the
            epoch after which they moved (`unfreeze_after`, None for never); empty where all moved.
        start: The model that training started from: `kind`, `sha256`, `parameters`, whether its
            `output_layer` was kept, and, where it gives the same, its `loss` and `accuracy` on the
            validation rows; None where first weights were drawn.
        teacher: The model that was learnt from: `kind`, `sha256`, `parameters`, and, where there
            are validation rows, its `loss` and `accuracy` on them and its `agreement`: the share of
            them for which it decides as the trained model does; None where there was none.
        validation: `loss` and `accuracy` of the trained model on the validation rows, where there
            is a model to compare it with.
        preparation: What was done with the training rows before the network saw them, as far as
            it was asked for: `duplicates` (equal rows `found`, and `dropped`), `swaps` (`column`,
            `pairs` of words, `twins`), `oversample` (`columns`, and of each group the rows
            `before` and `after`), `class_weights` (class to factor), `group_weights` (a list of
            `group`, `class` with reweighing, `weight`) and `fairness_penalty` (`strength`,
            `constraint`, `columns`, the `groups` it holds together, `rows_of_unknown_group`).
    """

    architecture: dict[str, Any]
    settings: dict[str, Any]
    seed: int
    rows: int
    validation_rows: int
    epochs: tuple[Epoch, ...]
    best_epoch: int
    stopped_early: bool
    steps: int
    samples_seen: int
    parameters: int
    cost: dict[str, Any]
    operations: dict[str, Any] = field(default_factory=dict)
    loss: str = "log loss; unit: nats"
    privacy: dict[str, Any] | None = None
    device: str = "cpu"
    processes: int = 1
    resumed_after: tuple[int, ...] = ()
    frozen: dict[str, Any] = field(default_factory=dict)
    start: dict[str, Any] | None = None
    teacher: dict[str, Any] | None = None
    validation: dict[str, Any] | None = None
    preparation: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Give plain JSON values.

        Returns:
            Field name to value.

        Raises:
            ValueError: If a number is not finite.

        Example:
            >>> epoch = Epoch(1, 0.7, None, 0.001, 0.1)
            >>> record = TrainingRecord({}, {}, 0, 10, 0, (epoch,), 1, False, 1, 10, 5, {})
            >>> record.to_dict()["epochs"][0]["train_loss"]
            0.7
        """
        values: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self), allow_nan=False))
        return values
