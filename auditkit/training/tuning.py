"""Starting from a model that was trained before, and layers that do not move for a while."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
import torch
from torch import nn

from auditkit.errors import InputError, Problem, quote
from auditkit.roles import Task
from auditkit.training.networks import Network, network_for
from auditkit.training.seq2seq import Seq2SeqNetwork
from auditkit.training.settings import AnyArchitecture, Training
from auditkit.training.target import Target
from auditkit.training.text_target import AnyTarget, target_for

if TYPE_CHECKING:
    from auditkit.models.torch import TrainedNetwork

#: The layer that gives what the target says.
OUTPUT = "output."


@dataclass(frozen=True)
class Frozen:
    """Weights that do not move for a while; made by `Frozen.of`.

    Attributes:
        layers: Names of their layers.
        weights: The weights.
        moving: Numbers that move where nothing is frozen.
        until: Last epoch in which they do not move; None never lets them.

    Example:
        >>> network = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
        >>> frozen = Frozen.of(network, Training(freeze=["0"], unfreeze_after=1))
        >>> frozen.begin(1)
        >>> [weight.requires_grad for weight in network.parameters()]
        [False, False, True, True]
        >>> frozen.begin(2)
        >>> all(weight.requires_grad for weight in network.parameters())
        True
    """

    layers: tuple[str, ...] = ()
    weights: tuple[nn.Parameter, ...] = ()
    moving: int = 0
    until: int | None = None

    @classmethod
    def of(cls, network: nn.Module, training: Training) -> Frozen:
        """Find the weights that are not to move.

        Args:
            network: The network.
            training: Settings.

        Returns:
            The weights that would move otherwise.

        Raises:
            InputError: If a layer is unknown, or nothing is left that moves.
        """
        known = {name: layer for name, layer in network.named_children() if [*layer.parameters()]}
        unknown = [name for name in training.freeze if name not in known]
        where = "Training.freeze"
        problems = [Problem.unknown(where, name, known, "a layer with weights") for name in unknown]
        weights = [
            weight
            for name in training.freeze
            if name in known
            for weight in known[name].parameters()
            if weight.requires_grad
        ]
        moving = [weight.numel() for weight in network.parameters() if weight.requires_grad]
        if weights and len(weights) == len(moving):
            problems.append(Problem(where, "every layer", "at least one layer that learns"))
        if problems:
            raise InputError(problems)
        return cls(tuple(training.freeze), tuple(weights), sum(moving), training.unfreeze_after)

    def begin(self, epoch: int) -> None:
        """Let the weights move, or not, as an epoch wants it."""
        for weight in self.weights:
            weight.requires_grad_(self.moves(epoch))

    def moves(self, epoch: int) -> bool:
        """Whether an epoch lets the weights move."""
        return self.until is not None and epoch > self.until

    def trained(self, epochs: int) -> int:
        """Count the numbers that moved in so many epochs."""
        return self.moving if self.moves(epochs) else self.moving - self._count

    @property
    def _count(self) -> int:
        return sum(weight.numel() for weight in self.weights)

    def to_dict(self) -> dict[str, Any]:
        """Give plain JSON values, for the record; empty where nothing is frozen."""
        if not self.layers:
            return {}
        layers = list(self.layers)
        return {"layers": layers, "parameters": self._count, "unfreeze_after": self.until}


def goal(
    start: TrainedNetwork, architecture: AnyArchitecture, outcomes: pd.Series[Any], task: Task
) -> AnyTarget:
    """Say what a network is to give that starts from a model.

    Args:
        start: The model.
        architecture: The network.
        outcomes: Outcomes of the training rows.
        task: Kind of prediction.

    Returns:
        What the model gives, where that fits the outcomes; else what is learnt from them.
    """
    found, before = target_for(architecture, outcomes, task), start.target
    if not isinstance(found, Target) or not isinstance(before, Target):
        return before if type(found) is type(before) else found
    fits = found.task == before.task and set(found.classes) <= set(before.classes)
    return before if fits else found


def continued(
    start: TrainedNetwork,
    architecture: AnyArchitecture,
    target: AnyTarget,
    generator: torch.Generator,
) -> Network | Seq2SeqNetwork:
    """Build a network with the weights of a model; those of its output layer if the target fits.

    Args:
        start: The model.
        architecture: What the network looks like: as the model, but for its dropout.
        target: What it is to give.
        generator: Source of the weights of a new output layer.

    Returns:
        The network, in training mode.

    Raises:
        InputError: If the architecture is not the one of the model.
    """
    encoder, outputs = start.encoder, target.outputs
    try:
        network = network_for(architecture, encoder, generator=generator, outputs=outputs)
    except ValueError as error:
        expected = "the architecture of the model to start from"
        raise InputError([Problem("start", str(error), expected)]) from None
    weights, wanted = dict(start.network.state_dict()), network.state_dict()
    if target != start.target:
        weights |= {name: held for name, held in wanted.items() if name.startswith(OUTPUT)}
    problems = list(_misfits(weights, wanted))
    if problems:
        raise InputError(problems)
    network.load_state_dict(weights)
    return network


def demand_start(
    start: TrainedNetwork,
    architecture: AnyArchitecture,
    features: Sequence[str] | None,
    training: Training,
) -> None:
    """Raise unless an architecture can start from a model.

    Args:
        start: The model.
        architecture: The network.
        features: Columns that were asked for, or None.
        training: Settings.

    Raises:
        InputError: If it cannot; the problems are listed.
    """
    problems = []
    if start.kind != architecture.kind:
        expected = f"a {architecture.kind}, as is to be trained"
        problems.append(Problem("start", f"a {start.kind}", expected))
    if architecture.kind == "huggingface":
        expected = "no model: such a network starts from its folder"
        problems.append(Problem("start", f"a {start.kind}", expected))
    if getattr(architecture, "vectors", None) is not None:
        problems.append(Problem("vectors", "a file, and start too", "one of them"))
    if training.clip:
        found = f"{training.clip:g}, and start too"
        expected = "0: the encoding of the model to start from is kept"
        problems.append(Problem("Training.clip", found, expected))
    for name in sorted(set(start.features) ^ set(start.features if features is None else features)):
        expected = "the columns of the model to start from"
        problems.append(Problem("features", quote(name), expected))
    if problems:
        raise InputError(problems)


def _misfits(
    weights: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor]
) -> Iterator[Problem]:
    for name in dict.fromkeys([*weights, *wanted]):
        here, there = (
            f"shape {tuple(held[name].shape)}" if name in held else "nothing"
            for held in (weights, wanted)
        )
        if here != there:
            yield Problem("start", f"{name}: {here}", f"{there}, as the architecture has it")
