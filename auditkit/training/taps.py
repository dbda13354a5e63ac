"""Layers on the way forward of private training, and what the gradients of their weights add up to.

Source:
    Goodfellow (2015), arXiv:1510.01799; Bu et al. (2023), arXiv:2210.00038.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import nn
from torch.nn import functional

from auditkit.encoding.text import PAD
from auditkit.training.record import TrainingError


class Tap(Protocol):
    """Where a layer with weights was met on the way forward."""

    @property
    def outputs(self) -> torch.Tensor:
        """What the layer computes from its weights, in the graph."""
        ...

    @property
    def numbers(self) -> int:
        """Numbers that are in memory for the layer at once, about."""
        ...

    def squared_norms(self, deltas: torch.Tensor) -> torch.Tensor:
        """Squared gradient norm of each row, shape (n,), over the weights of this layer.

        Args:
            deltas: Gradient of the loss at `outputs`.
        """
        ...

    def write(self, deltas: torch.Tensor, factors: torch.Tensor) -> None:
        """Add the sum of the row gradients, each scaled, to `grad` of the layer's weights.

        Args:
            deltas: Gradient of the loss at `outputs`; may be overwritten.
            factors: Shape (n,), one a row.
        """
        ...


def rooted(outputs: torch.Tensor) -> torch.Tensor:
    """Make outputs that nothing before needs a gradient of the root of the graph."""
    return outputs if outputs.requires_grad else outputs.requires_grad_()


def add_to(weight: torch.Tensor, gradient: torch.Tensor) -> None:
    """Add to the gradient of a weight."""
    if weight.grad is None:
        weight.grad = gradient
    else:
        weight.grad.add_(gradient)


@dataclass(frozen=True)
class LinearTap:
    """A linear layer.

    Attributes:
        layer: The layer.
        inputs: Its inputs, shape (n, p).
        outputs: Its outputs, shape (n, q).
    """

    layer: nn.Linear
    inputs: torch.Tensor
    outputs: torch.Tensor

    @classmethod
    def at(cls, layer: nn.Linear, inputs: torch.Tensor) -> LinearTap:
        """Compute the layer."""
        if inputs.ndim != 2:
            raise TrainingError(f"no private training for linear inputs {tuple(inputs.shape)}")
        if layer.bias is None:
            raise TrainingError(f"no private training for {layer}")
        outputs = functional.linear(inputs, layer.weight.detach(), layer.bias.detach())
        return cls(layer, inputs.detach(), rooted(outputs))

    @property
    def numbers(self) -> int:
        """Inputs, outputs and deltas, and the narrower of them scaled."""
        return 2 * (self.inputs.numel() + self.outputs.numel())

    def squared_norms(self, deltas: torch.Tensor) -> torch.Tensor:
        """Give |delta|^2 (|input|^2 + 1), the 1 being the bias."""
        inputs: torch.Tensor = torch.linalg.vector_norm(self.inputs, dim=1)
        squared: torch.Tensor = torch.linalg.vector_norm(deltas, dim=1).square_()
        return squared.mul_(inputs.square_().add_(1.0))

    def write(self, deltas: torch.Tensor, factors: torch.Tensor) -> None:
        """Add the scaled sums."""
        add_to(self.layer.bias, factors @ deltas)
        if deltas.shape[1] <= self.inputs.shape[1]:
            add_to(self.layer.weight, deltas.mul_(factors[:, None]).t() @ self.inputs)
        else:
            add_to(self.layer.weight, deltas.t() @ (self.inputs * factors[:, None]))


@dataclass(frozen=True)
class LayerNormTap:
    """A layer norm over the numbers of a row.

    Attributes:
        layer: The layer.
        inputs: Its inputs, normalised, shape (n, p).
        outputs: Its outputs, shape (n, p).
    """

    layer: nn.LayerNorm
    inputs: torch.Tensor
    outputs: torch.Tensor

    @classmethod
    def at(cls, layer: nn.LayerNorm, inputs: torch.Tensor) -> LayerNormTap:
        """Compute the layer."""
        if inputs.ndim != 2 or layer.weight is None or layer.bias is None:
            raise TrainingError(f"no private training for {layer} of {tuple(inputs.shape)}")
        normal = functional.layer_norm(inputs, layer.normalized_shape, eps=layer.eps)
        outputs = torch.addcmul(layer.bias.detach(), normal, layer.weight.detach())
        return cls(layer, normal.detach(), rooted(outputs))

    @property
    def numbers(self) -> int:
        """Inputs, outputs, deltas and their product."""
        return 4 * self.outputs.numel()

    def squared_norms(self, deltas: torch.Tensor) -> torch.Tensor:
        """Give |delta o input|^2 + |delta|^2."""
        return (deltas * self.inputs).square_().sum(1).add_(deltas.square().sum(1))

    def write(self, deltas: torch.Tensor, factors: torch.Tensor) -> None:
        """Add the scaled sums."""
        add_to(self.layer.bias, factors @ deltas)
        add_to(self.layer.weight, factors @ deltas.mul_(self.inputs))


@dataclass(frozen=True)
class EmbeddingTap:
    """The vectors of the tokens of each row, one after the other; "no token" has no gradient.

    Attributes:
        weight: The vectors of all tokens.
        tokens: Number of each token, shape (t,).
        rows: Row of each token, shape (t,).
        count: Rows, n.
        looked_up: The vectors, shape (t, width), in a graph down to `weight`.
        outputs: The same, as the root of the graph of the layers after.
    """

    weight: torch.Tensor
    tokens: torch.Tensor
    rows: torch.Tensor
    count: int
    looked_up: torch.Tensor
    outputs: torch.Tensor

    @classmethod
    def at(
        cls, layer: nn.Embedding, tokens: torch.Tensor, rows: torch.Tensor, count: int
    ) -> EmbeddingTap:
        """Look the tokens up."""
        found = layer(tokens)
        return cls(layer.weight, tokens, rows, count, found, found.detach().requires_grad_())

    @property
    def numbers(self) -> int:
        """Vectors, deltas, and their sums of each token."""
        return 4 * self.outputs.numel()

    def squared_norms(self, deltas: torch.Tensor) -> torch.Tensor:
        """Sum over each token of a row: |sum of its deltas|^2."""
        key, order = torch.sort(self.rows * len(self.weight) + self.tokens)
        begins = torch.ones_like(key, dtype=torch.bool)
        begins[1:] = key[1:] != key[:-1]
        starts = begins.nonzero().squeeze(1)
        sums = functional.embedding_bag(order, deltas, starts, mode="sum")
        first = order[starts]
        squared = sums.square_().sum(1).mul_(self.tokens[first] != PAD)
        return squared.new_zeros(self.count).index_add_(0, self.rows[first], squared)

    def write(self, deltas: torch.Tensor, factors: torch.Tensor) -> None:
        """Add the scaled sums."""
        scaled = deltas.mul_(factors[self.rows][:, None])
        add_to(self.weight, *torch.autograd.grad(self.looked_up, self.weight, scaled))


@dataclass(frozen=True)
class MeanTap:
    """The mean of the vectors of the tokens of each row; "no token" is not counted.

    Attributes:
        weight: The vectors of all tokens.
        numbers_of_tokens: Shape (n, length).
        means: The means, shape (n, width), in a graph down to `weight`.
        outputs: The same, as the root of the graph of the layers after.
    """

    weight: torch.Tensor
    numbers_of_tokens: torch.Tensor
    means: torch.Tensor
    outputs: torch.Tensor

    @classmethod
    def at(cls, layer: nn.EmbeddingBag, tokens: torch.Tensor) -> MeanTap:
        """Compute the means."""
        found = layer(tokens)
        return cls(layer.weight, tokens, found, found.detach().requires_grad_())

    @property
    def numbers(self) -> int:
        """Means and deltas, and the tokens with their order."""
        return 4 * (self.outputs.numel() + self.numbers_of_tokens.numel())

    def squared_norms(self, deltas: torch.Tensor) -> torch.Tensor:
        """Give |delta|^2 times the sum of the squared shares that the tokens of a row have."""
        shares = _squared_shares(self.numbers_of_tokens, deltas.dtype)
        return deltas.square().sum(1).mul_(shares)

    def write(self, deltas: torch.Tensor, factors: torch.Tensor) -> None:
        """Add the scaled sums."""
        scaled = deltas.mul_(factors[:, None])
        add_to(self.weight, *torch.autograd.grad(self.means, self.weight, scaled))


def _squared_shares(tokens: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Sum over the tokens of each row of the square of their share; 0 for a row without any.

    Example:
        >>> _squared_shares(torch.tensor([[4, 2, 4, 0], [0, 0, 0, 0]]), torch.float32)
        tensor([0.5556, 0.0000])
    """
    ordered = tokens.sort(dim=1).values
    place = torch.arange(tokens.shape[1]).expand_as(ordered)
    begins = torch.ones_like(ordered, dtype=torch.bool)
    begins[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    start = torch.where(begins, place, 0).cummax(dim=1).values
    # 1 + 3 + 5 + ... over the equal tokens is the square of how many they are.
    squares = (2 * (place - start) + 1).mul_(ordered != PAD).sum(1)
    count = (tokens != PAD).sum(1).clamp_(min=1)
    return squares.to(dtype) / count.square()
