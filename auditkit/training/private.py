"""Differentially private training: DP-SGD with Poisson sampling, on Opacus's optimizer.

The unit of privacy is one row: neighbouring data sets differ by one row added or removed. The
clipped sums are our own (`clipping`), since Opacus's hooks are many times slower; noise, scaling
and accounting are Opacus's. What clips is tested on real rows before every run.
"""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any

import numpy as np
import torch
from opacus.accountants import create_accountant
from opacus.optimizers import DPOptimizerFastGradientClipping
from opacus.optimizers.ddpoptimizer_fast_gradient_clipping import (
    DistributedDPOptimizerFastGradientClipping,
)
from torch import nn

from auditkit.training.accounting import Plan, demand_sane, epsilon_of, noise_for
from auditkit.training.clipping import Losses, learning, rows_within, write_clipped
from auditkit.training.loop import Examples, Pass, optimizer_of
from auditkit.training.parallel import Processes, current
from auditkit.training.privacy_settings import Privacy
from auditkit.training.record import TrainingError
from auditkit.training.seeds import seed_of, torch_generator
from auditkit.training.settings import Training
from auditkit.training.text import EMBEDDINGS

#: Rows of the self-test.
COPIES = 8
#: Largest relative error that the self-test lets pass. A wrong clip is off by a factor of
#: `COPIES`; single precision is off by about 1e-6.
TOLERANCE = 1e-4
#: How many times larger than otherwise a private batch is where nothing is set.
WIDER = 4
#: What epsilon does not speak of; part of the record.
NOT_COVERED = (
    "the encoding: medians, quantiles, means, deviations, categories and classes are learnt "
    "without noise",
    "the loss curve in the training record, and any choice of settings by looking at the rows",
    "whoever knows the seed: sampling and noise can be repeated, and the noise subtracted",
)


def private_training(training: Training, privacy: Privacy, rows: int) -> Training:
    """Settings as they take effect in private training.

    Noise is added once a step, so private training wants few and large steps. Where nothing is
    set, a batch is `WIDER` times as large as otherwise, but not above a tenth of the rows, and the
    learning rate grows with it.

    Args:
        training: Settings of the ordinary training.
        privacy: What private training does otherwise.
        rows: Training rows; no batch is larger.

    Returns:
        The settings: without early stopping, and without a schedule that looks at a loss.

    Example:
        >>> private = private_training(Training(schedule="plateau"), Privacy(epochs=9), 20_000)
        >>> private.epochs, private.batch_size, private.learning_rate
        (9, 1024, 0.004)
        >>> private.schedule, private.patience
        ('constant', 0)
    """
    wider = min(WIDER * training.batch_size, max(1, rows // 10))
    batch_size = min(privacy.batch_size or wider, rows)
    faster = min(batch_size / training.batch_size, WIDER)
    return dataclasses.replace(
        training,
        epochs=privacy.epochs or training.epochs,
        batch_size=batch_size,
        learning_rate=privacy.learning_rate or training.learning_rate * faster,
        schedule="constant" if training.schedule == "plateau" else training.schedule,
        patience=0,
    )


class PrivateSteps:
    """Private training of one network; made ready, and tested, by its constructor.

    Several processes (see `auditkit.training.parallel`) take each batch together: all draw the
    same rows, each clips its share of them, and the first adds the noise to the sum.

    Attributes:
        plan: Sampling rate, steps and delta.
        noise_multiplier: Standard deviation of the noise over the clipping norm.
        optimizer: The optimizer that is told the learning rate.
        self_test: `clip_error` and `reference_error`, relative.

    Raises:
        InputError: If delta, epsilon or noise make no sense for so many rows and steps.
        TrainingError: If the self-test fails; nothing is trained then.
    """

    def __init__(
        self,
        network: nn.Module,
        examples: Examples,
        losses: Losses,
        *,
        training: Training,
        privacy: Privacy,
        seed: int,
    ) -> None:
        self._network, self._losses, self._here = network, losses, current()
        self._x, self._y = x, y = examples.x, examples.y
        self._clip = float(privacy.max_grad_norm)
        self._steps = max(1, round(len(y) / training.batch_size))
        self.plan = Plan(
            sample_rate=training.batch_size / len(y),
            steps=training.epochs * self._steps,
            delta=privacy.delta_for(len(y)),
            accountant=privacy.accountant,
        )
        self._batch_size = training.batch_size
        self._at_once = privacy.rows_at_once or rows_within(network, tuple(x.shape[1:]))
        self.noise_multiplier = _noise(privacy, self.plan)
        self.self_test = self_test(network, x, y, losses, self._at_once)
        self.optimizer = optimizer_of(network, training)
        generator = torch_generator(seed_of(seed, "noise"))
        self._private = private_optimizer(
            self.optimizer,
            self.noise_multiplier,
            self._clip,
            self._batch_size,
            generator,
            self._here,
        )
        self._accountant = create_accountant(privacy.accountant)
        self._private.attach_step_hook(
            self._accountant.get_optimizer_hook_fn(sample_rate=self.plan.sample_rate)
        )
        self._rng = np.random.default_rng(seed_of(seed, "sampling"))

    def take(self) -> Pass:
        """Take the steps of one epoch. A step that draws no row is taken on noise alone."""
        total, met = torch.zeros((), dtype=torch.float64), 0
        for _ in range(self._steps):
            drawn = self._draw()
            total += self._step(self._here.share(drawn))
            met += len(drawn)
        return Pass(self._here.sum(float(total)), met, self._steps)

    def _step(self, rows: torch.Tensor) -> torch.Tensor:
        """Take a step on the clipped gradients of rows; gives the sum of their losses."""
        self._private.zero_grad(set_to_none=True)
        x, y = self._x.index_select(0, rows), self._y.index_select(0, rows)
        each = write_clipped(self._network, x, y, self._losses, self._clip, self._at_once)
        self._private.step()
        _clear_padding(self._network)
        return each.sum()

    def spent(self) -> dict[str, Any]:
        """What was spent, for the record: counted by the accountant, step by step.

        Raises:
            TrainingError: If the steps that were counted are not the ones that were planned, or
                epsilon is no finite number above 0.
        """
        plan, history = self.plan, tuple(self._accountant.history)
        if history != ((self.noise_multiplier, plan.sample_rate, plan.steps),):
            raise TrainingError(f"the accountant counted {history}, not {plan}")
        return {
            "epsilon": epsilon_of(history, plan.delta, plan.accountant),
            "epsilon_rdp": epsilon_of(history, plan.delta, "rdp"),
            "delta": plan.delta,
            "accountant": plan.accountant,
            "noise_multiplier": self.noise_multiplier,
            "max_grad_norm": self._clip,
            "sample_rate": plan.sample_rate,
            "steps": plan.steps,
            "expected_batch_size": self._batch_size,
            "rows_at_once": self._at_once,
            "sampling": "poisson",
            "unit": "row",
            "adjacency": "one row added or removed",
            "early_stopping": "none: all epochs were run and the last weights kept",
            "self_test": self.self_test,
            "not_covered": list(NOT_COVERED),
        }

    def _draw(self) -> torch.Tensor:
        """Draw every row with the sampling rate, independently: first how many, then which."""
        count = self._rng.binomial(len(self._y), self.plan.sample_rate)
        return torch.from_numpy(self._rng.choice(len(self._y), count, replace=False, shuffle=False))


class _Sum:
    """Keeps the sum of the gradients without Opacus's deep copy of what nobody else holds."""

    params: list[Any]

    def accumulate(self) -> None:
        for parameter in self.params:
            if parameter.summed_grad is None:
                parameter.summed_grad = parameter.grad
            else:  # in place: the sum keeps the mark by which Opacus sees that it was not cleared
                parameter.summed_grad.add_(parameter.grad)


class _Optimizer(_Sum, DPOptimizerFastGradientClipping):  # type: ignore[misc]
    """Opacus's optimizer for one process."""


class _SharedOptimizer(_Sum, DistributedDPOptimizerFastGradientClipping):  # type: ignore[misc]
    """Opacus's optimizer for several processes."""


def private_optimizer(
    optimizer: torch.optim.Optimizer,
    noise_multiplier: float,
    max_grad_norm: float,
    expected_batch_size: int,
    generator: torch.Generator | None = None,
    here: Processes | None = None,
) -> DPOptimizerFastGradientClipping:
    """Wrap an optimizer: each step adds noise to `grad`, divides by the batch, and counts itself.

    Args:
        optimizer: The optimizer.
        noise_multiplier: Standard deviation of the noise over the clipping norm.
        max_grad_norm: The clipping norm.
        expected_batch_size: What the sum is divided by; not the rows that happened to be drawn.
        generator: Source of the noise.
        here: The processes whose gradients are added up; None takes this one alone.

    Returns:
        Opacus's optimizer. Of several processes the first adds the noise, once a step.
    """
    count = 1 if here is None else here.count
    chosen = _Optimizer if count == 1 else _SharedOptimizer
    return chosen(
        optimizer,
        noise_multiplier=noise_multiplier,
        max_grad_norm=max_grad_norm,
        # Opacus takes the mean over the processes afterwards.
        expected_batch_size=expected_batch_size / count,
        generator=generator,
    )


def _clear_padding(network: nn.Module) -> None:
    """Take the noise off the vectors of "no token", which no row has a gradient at."""
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, EMBEDDINGS) and layer.weight.requires_grad:
                layer.weight[layer.padding_idx] = 0.0


def self_test(
    network: nn.Module,
    x: torch.Tensor,
    y: torch.Tensor,
    losses: Losses,
    at_once: int | None = None,
) -> dict[str, float]:
    """Test on real rows, without noise, that no row counts more than the clipping norm.

    The mean gradient of copies of one row must have exactly the clipping norm (an average over
    them hides no factor), and the mean of distinct rows must equal the one that torch's autograd
    finds row by row. Several processes share the rows as they do in training.

    Args:
        network: The network; left as it is.
        x: Encoded rows, shape (n, ...), n > 0.
        y: Targets, shape (n,).
        losses: Outputs and targets to the loss of each row.
        at_once: Rows that are taken at a time; None takes all.

    Returns:
        `clip_error` and `reference_error`, relative.

    Raises:
        TrainingError: If one is above `TOLERANCE`.

    Example:
        >>> from auditkit.training.networks import Network
        >>> network = Network(nn.Linear(2, 1))
        >>> from auditkit.training.target import Target
        >>> errors = self_test(network, torch.eye(2), torch.ones(2), Target().losses)
        >>> max(errors.values()) < 1e-4
        True
    """
    mode = network.training
    network.eval()
    take = partial(_private_gradient, network, losses=losses, at_once=at_once)
    try:
        rows = torch.linspace(0, len(y) - 1, COPIES).long()
        each = torch.stack(
            [_row_gradient(network, x[i : i + 1], y[i : i + 1], losses) for i in rows]
        )
        norms = each.norm(dim=1)
        largest = int(norms.argmax())
        clip = float(norms[largest]) / 2
        copies = rows[largest].repeat(COPIES)
        clip_error = abs(float(take(x[copies], y[copies], clip).norm()) / clip - 1)
        clip = float(norms.median())
        wanted = (each * (clip / norms.clamp(min=clip))[:, None]).mean(0)
        reference_error = float((take(x[rows], y[rows], clip) - wanted).norm() / wanted.norm())
    finally:
        network.train(mode)
        network.zero_grad(set_to_none=True)
    errors = {"clip_error": clip_error, "reference_error": reference_error}
    if not all(error <= TOLERANCE for error in errors.values()):  # NaN fails too
        raise TrainingError(f"gradients are not clipped as they must be ({errors}); not trained")
    return errors


def _row_gradient(
    network: nn.Module, x: torch.Tensor, y: torch.Tensor, losses: Losses
) -> torch.Tensor:
    """Gradient of one row by torch's autograd, flattened."""
    found = torch.autograd.grad(losses(network(x), y).sum(), learning(network))
    return torch.cat([gradient.flatten() for gradient in found])


def _private_gradient(
    network: nn.Module,
    x: torch.Tensor,
    y: torch.Tensor,
    clip: float,
    *,
    losses: Losses,
    at_once: int | None,
) -> torch.Tensor:
    """The mean gradient that a private step without noise uses, flattened."""
    # A learning rate of 0: the step does everything but move the weights.
    still, here = torch.optim.SGD(network.parameters(), 0.0), current()
    optimizer = private_optimizer(still, 0.0, clip, len(y), here=here)
    optimizer.zero_grad(set_to_none=True)
    write_clipped(network, here.share(x), here.share(y), losses, clip, at_once)
    optimizer.step()
    found = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
    optimizer.zero_grad(set_to_none=True)
    return torch.cat([gradient.flatten() for gradient in found])


def _noise(privacy: Privacy, plan: Plan) -> float:
    if privacy.noise_multiplier is None:
        return noise_for(float(privacy.epsilon), plan)
    demand_sane(plan, float(privacy.noise_multiplier))
    return float(privacy.noise_multiplier)
