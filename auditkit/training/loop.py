"""The one loop over epochs: schedule, early stopping, best weights, progress."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import nn

from auditkit.training.parallel import current
from auditkit.training.record import Epoch, TrainingError
from auditkit.training.seeds import seed_of, torch_generator
from auditkit.training.settings import Training

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from auditkit.training.checkpoint import Checkpoint

#: Network, encoded rows and targets to the loss of each row, shape (n,).
Objective = Callable[[nn.Module, torch.Tensor, torch.Tensor], torch.Tensor]

#: Epochs without a better validation loss before "plateau" halves the learning rate.
PLATEAU = 2
#: Rows scored at once where no gradient is kept.
ROWS_AT_ONCE = 8_192


@dataclass(frozen=True)
class Pass:
    """What one pass over the training rows did.

    Attributes:
        loss: Sum of the losses of the rows it met.
        rows: Rows it met.
        steps: Optimizer steps.
    """

    loss: float
    rows: int
    steps: int


class Steps(Protocol):
    """What trains a network, one pass at a time."""

    @property
    def optimizer(self) -> Optimizer:
        """The optimizer that is told the learning rate."""
        ...

    def take(self) -> Pass:
        """Make one pass over the training rows."""
        ...

    def spent(self) -> dict[str, Any] | None:
        """Privacy that all passes have spent, for the record; None where there is no bound."""
        ...


@dataclass
class Curve:
    """What the loop did, epoch by epoch.

    Attributes:
        epochs: The epochs.
        best_epoch: Number of the epoch whose weights the network has now.
        stopped_early: Whether it stopped before the last epoch it was allowed.
        steps: Optimizer steps.
        rows: Rows met in all steps together.
        resumed_after: Epochs after which the run went on from a checkpoint.
    """

    epochs: list[Epoch] = field(default_factory=list)
    best_epoch: int = 0
    stopped_early: bool = False
    steps: int = 0
    rows: int = 0
    resumed_after: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Examples:
    """Rows as a network learns from them.

    Attributes:
        x: Encoded rows, shape (n, ...).
        y: Targets, shape (n, ...).
        weights: How much each row counts, shape (n,), above 0; None where all count the same.
    """

    x: torch.Tensor
    y: torch.Tensor
    weights: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, some: slice) -> Examples:
        weights = None if self.weights is None else self.weights[some]
        return Examples(self.x[some], self.y[some], weights)

    def at(self, rows: torch.Tensor) -> Examples:
        """The rows of these numbers; several times as fast as indexing with a tensor."""
        weights = None if self.weights is None else self.weights.index_select(0, rows)
        return Examples(self.x.index_select(0, rows), self.y.index_select(0, rows), weights)

    def to(self, device: torch.device) -> Examples:
        """The same rows on a device."""
        weights = None if self.weights is None else self.weights.to(device)
        return Examples(self.x.to(device), self.y.to(device), weights)

    def loss(self, network: nn.Module, objective: Objective) -> torch.Tensor:
        """Sum of the losses of the rows, each as often as it counts."""
        each = objective(network, self.x, self.y)
        return each.sum() if self.weights is None else each @ self.weights

    @property
    def tensors(self) -> list[torch.Tensor]:
        """All that the rows are made of."""
        return [self.x, self.y, *([] if self.weights is None else [self.weights])]

    @property
    def total(self) -> float:
        """Rows, each as often as it counts."""
        return float(len(self) if self.weights is None else self.weights.double().sum())


def mean_loss(network: nn.Module, examples: Examples, objective: Objective) -> float:
    """Mean loss of rows in evaluation mode.

    Args:
        network: The network; its mode is kept.
        examples: The rows, at least one.
        objective: Gives the loss of each row.

    Returns:
        The mean, in the unit of the objective.
    """
    mode = network.training
    network.eval()
    total = torch.zeros((), dtype=torch.float64, device=examples.y.device)
    with torch.no_grad():
        for start in range(0, len(examples), ROWS_AT_ONCE):
            total += examples[start : start + ROWS_AT_ONCE].loss(network, objective)
    network.train(mode)
    return float(total) / examples.total


class PlainSteps:
    """Ordinary training of one network: every row once an epoch, in a random order.

    Several processes (see `auditkit.training.parallel`) take each batch together.

    Attributes:
        optimizer: The optimizer that is told the learning rate.
        generator: Source of the order of the rows.
    """

    def __init__(
        self,
        network: nn.Module,
        examples: Examples,
        objective: Objective,
        *,
        training: Training,
        seed: int,
    ) -> None:
        self._here = current()
        self._network, self._examples = self._here.wrap(network), examples
        self._objective = objective
        self._batch_size = training.batch_size
        self.generator = torch_generator(seed_of(seed, "order"))
        self._scale = len(examples) / examples.total  # weights count as if their mean were 1
        self.optimizer = optimizer_of(network, training)

    def take(self) -> Pass:
        """Take the steps of one epoch."""
        count, device = len(self._examples), self._examples.y.device
        # Drawn on the CPU, so that the order is the same on every device.
        order = torch.randperm(count, generator=self.generator).to(device)
        # Summed on the device: to look at each loss would make the CPU wait for it.
        total = torch.zeros((), dtype=torch.float64, device=device)
        for batch in torch.split(order, self._batch_size):
            self.optimizer.zero_grad(set_to_none=True)
            total += self._gradient(batch)
            self.optimizer.step()
        return Pass(self._here.sum(float(total)), count, -(-count // self._batch_size))

    def _gradient(self, batch: torch.Tensor) -> torch.Tensor:
        """Write the gradient of the mean loss of a batch.

        Args:
            batch: Numbers of rows.

        Returns:
            Sum of the losses of the rows that this process took.
        """
        share = self._here.share(batch)
        # A process for which no row is left counts one as nothing: the others wait for its part.
        rows, scale = (share, self._scale) if len(share) else (batch[:1], 0.0)
        loss = self._examples.at(rows).loss(self._network, self._objective) * scale
        # The gradient that is used is the mean over the processes.
        (loss / (len(batch) / self._here.count)).backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    def spent(self) -> None:
        """No bound on the privacy that was spent."""


def optimizer_of(network: nn.Module, training: Training) -> Optimizer:
    """Make the optimizer; the fused kernels step several times faster on small networks."""
    rate, decay = training.learning_rate, training.weight_decay
    parameters = list(network.parameters())
    if training.optimizer == "sgd":
        return torch.optim.SGD(
            parameters, rate, momentum=training.momentum, weight_decay=decay, fused=True
        )
    chosen = torch.optim.AdamW if training.optimizer == "adamw" else torch.optim.Adam
    return chosen(parameters, rate, weight_decay=decay, fused=True)


def run(
    network: nn.Module,
    steps: Steps,
    training: Training,
    validate: Callable[[], float] | None,
    *,
    progress: bool,
    begin: Callable[[int], None] | None = None,
    checkpoint: Checkpoint | None = None,
) -> Curve:
    """Train for some epochs and leave the network with the weights that are kept.

    Args:
        network: The network, in training mode.
        steps: What trains it.
        training: Settings. With validation and `patience` the weights of the best epoch are kept,
            otherwise the last.
        validate: Gives the validation loss, or None.
        progress: Whether to show a progress bar on stderr.
        begin: What is done before each epoch, told its number; or None.
        checkpoint: Where the run is written down after each epoch, and where it goes on from; or
            None.

    Returns:
        The loss curve.

    Raises:
        TrainingError: If a loss is not finite.
        InputError: If the checkpoint is damaged or belongs to another run.
    """
    from auditkit.progress import bar

    state = Run(network, Curve(), Kept(network), Schedule(training))
    curve, kept, schedule = state.curve, state.kept, state.schedule
    if checkpoint is not None:
        checkpoint.load(state)
    begun = len(curve.epochs)
    numbers = range(begun + 1, training.epochs + 1)
    named: dict[str, Any] = {"desc": "train", "unit": "epoch", "disable": not progress}
    with bar(numbers, initial=begun, total=training.epochs, **named) as shown:
        for number in shown:
            if state.has_waited(training.patience):
                break
            if begin is not None:
                begin(number)
            epoch = _epoch(number, schedule.rate(number), steps, validate, curve)
            held = epoch.validation_loss
            schedule.note(epoch.train_loss if held is None else held)
            if held is not None and training.patience:
                kept.note(number, held)
            if checkpoint is not None:
                checkpoint.save(state)
    curve.stopped_early = len(curve.epochs) < training.epochs
    curve.best_epoch = kept.restore() or len(curve.epochs)
    return curve


def _epoch(
    number: int, rate: float, steps: Steps, validate: Callable[[], float] | None, curve: Curve
) -> Epoch:
    began = time.perf_counter()
    for group in steps.optimizer.param_groups:
        group["lr"] = rate
    done = steps.take()
    seen = done.loss / done.rows if done.rows else None
    held = None if validate is None else validate()
    _demand_finite(number, seen, held)
    epoch = Epoch(number, seen, held, rate, time.perf_counter() - began)
    curve.epochs.append(epoch)
    curve.steps += done.steps
    curve.rows += done.rows
    return epoch


def _demand_finite(epoch: int, *found: float | None) -> None:
    for loss in found:
        if loss is not None and not math.isfinite(loss):
            raise TrainingError(
                f"the loss is {loss} in epoch {epoch}, so training was stopped; "
                "take a smaller learning_rate, and look for extreme values in the features"
            )


class Kept:
    """The best weights so far."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.epoch = 0
        self.loss = math.inf
        self.weights: dict[str, torch.Tensor] = {}

    def note(self, epoch: int, loss: float) -> None:
        """Keep the weights if they are the best."""
        if loss < self.loss:
            self.epoch, self.loss = epoch, loss
            self.weights = {k: v.clone() for k, v in self.network.state_dict().items()}

    def restore(self) -> int:
        """Put the best weights back; gives their epoch, 0 where none were kept."""
        if self.weights:
            self.network.load_state_dict(self.weights)
        return self.epoch


class Schedule:
    """The learning rate of each epoch."""

    def __init__(self, training: Training) -> None:
        self.training = training
        self.factor = 1.0
        self.best = math.inf
        self.waited = 0

    def rate(self, epoch: int) -> float:
        """Learning rate of an epoch, counted from 1."""
        if self.training.schedule == "cosine":
            self.factor = (1 + math.cos(math.pi * (epoch - 1) / self.training.epochs)) / 2
        return self.training.learning_rate * self.factor

    def note(self, loss: float | None) -> None:
        """Take note of a loss; "plateau" reacts to it."""
        if loss is None:
            return
        self.waited = 0 if loss < self.best else self.waited + 1
        self.best = min(self.best, loss)
        if self.training.schedule == "plateau" and self.waited > PLATEAU:
            self.factor, self.waited = self.factor / 2, 0


@dataclass(frozen=True)
class Run:
    """Where a run is.

    Attributes:
        network: The network.
        curve: What was done.
        kept: The best weights so far.
        schedule: The learning rate.
    """

    network: nn.Module
    curve: Curve
    kept: Kept
    schedule: Schedule

    def has_waited(self, patience: int) -> bool:
        """Whether so many epochs have passed since the best that training stops."""
        best = self.kept.epoch
        return bool(patience and best) and len(self.curve.epochs) - best >= patience
