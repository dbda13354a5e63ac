"""Sums of clipped row gradients with one forward and one backward pass ("book-keeping").

The gradient of a linear layer's weight is, for one row, the outer product of the loss's gradient
at the layer's output and the layer's input. Its norm follows from the two vectors, so no gradient
of a single row is ever formed, and the clipped sum is one weighted matrix product.

Source:
    Goodfellow (2015), arXiv:1510.01799; Bu et al. (2023), arXiv:2210.00038.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import nn
from torch.nn import functional

from auditkit.training.networks import LastState
from auditkit.training.record import TrainingError

#: Layers without weights that treat every row by itself.
_ROWWISE = (nn.ReLU, nn.Dropout, LastState)
#: Outputs and targets to the loss of each row.
Losses = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
#: Keeps the division by a norm of 0 finite; as Opacus.
_EPSILON = 1e-6


class Tap(Protocol):
    """Where a layer with weights was met on the way forward."""

    @property
    def outputs(self) -> torch.Tensor:
        """What the layer computes from its weights, in the graph."""
        ...

    def squared_norms(self, deltas: torch.Tensor) -> torch.Tensor:
        """Squared gradient norm of each row, shape (n,), over the weights of this layer.

        Args:
            deltas: Gradient of the loss at `outputs`.
        """
        ...

    def write(self, deltas: torch.Tensor, factors: torch.Tensor) -> None:
        """Set `grad` of the layer's weights to the sum of the row gradients, each scaled.

        Args:
            deltas: Gradient of the loss at `outputs`; may be overwritten.
            factors: Shape (n,), one a row.
        """
        ...


def write_clipped(
    network: nn.Module, x: torch.Tensor, y: torch.Tensor, losses: Losses, max_grad_norm: float
) -> torch.Tensor:
    """Set `grad` of every weight to the sum of the clipped gradients of the rows.

    Args:
        network: A sequence of layers; see `walk`.
        x: Encoded rows, shape (n, ...); n may be 0.
        y: Targets, shape (n,).
        losses: Outputs and targets to the loss of each row.
        max_grad_norm: Norm to which the gradient of each row is clipped.

    Returns:
        Losses of the rows, shape (n,), without graph.

    Raises:
        TrainingError: If the network has a layer whose gradients cannot be clipped here.

    Example:
        >>> from auditkit.training.target import Target
        >>> layer = nn.Linear(1, 1)
        >>> network = nn.Sequential(layer)
        >>> _ = write_clipped(network, torch.ones(8, 1), torch.zeros(8), Target().losses, 0.1)
        >>> total = torch.stack([layer.weight.grad.sum(), layer.bias.grad.sum()]).norm()
        >>> round(float(total), 4)
        0.8
    """
    outputs, taps = walk(network, x)
    each = losses(outputs, y)
    deltas = torch.autograd.grad(each.sum(), [tap.outputs for tap in taps])
    with torch.no_grad():
        pairs = list(zip(taps, deltas, strict=True))
        squared = torch.stack([tap.squared_norms(delta) for tap, delta in pairs]).sum(0)
        factors = (max_grad_norm / (squared.sqrt_() + _EPSILON)).clamp_(max=1.0)
        for tap, delta in pairs:
            tap.write(delta, factors)
    return each.detach()


def walk(network: nn.Module, x: torch.Tensor) -> tuple[torch.Tensor, list[Tap]]:
    """Go through the layers, with a graph down to each layer's outputs but not to its weights.

    Args:
        network: A sequence of layers: `nn.Linear`, `nn.LSTM`, and layers without weights that do
            not mix rows.
        x: Encoded rows, shape (n, ...).

    Returns:
        Outputs, shape (n,) or (n, k), and the layers with weights that were met.

    Raises:
        TrainingError: If a layer is of another kind, or a weight would be left out.
    """
    taps: list[Tap] = []
    state: Any = x
    for layer in network.children():
        # The exact type: a subclass may compute something else.
        if type(layer) is nn.Linear:
            tap = LinearTap.at(layer, state)
            taps.append(tap)
            state = tap.outputs
        elif type(layer) is nn.LSTM:
            state = _walk_lstm(layer, state, taps)
        elif type(layer) in _ROWWISE:
            state = layer(state)
        else:
            raise TrainingError(f"no private training for a layer of type {type(layer).__name__}")
    outputs: torch.Tensor = state.squeeze(-1)
    return outputs, taps


def _rooted(outputs: torch.Tensor) -> torch.Tensor:
    """Make outputs that nothing before needs a gradient of the root of the graph."""
    return outputs if outputs.requires_grad else outputs.requires_grad_()


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
        outputs = functional.linear(inputs, layer.weight.detach(), layer.bias.detach())
        return cls(layer, inputs.detach(), _rooted(outputs))

    def squared_norms(self, deltas: torch.Tensor) -> torch.Tensor:
        """Give |delta|^2 (|input|^2 + 1), the 1 being the bias."""
        inputs: torch.Tensor = torch.linalg.vector_norm(self.inputs, dim=1)
        squared: torch.Tensor = torch.linalg.vector_norm(deltas, dim=1).square_()
        return squared.mul_(inputs.square_().add_(1.0))

    def write(self, deltas: torch.Tensor, factors: torch.Tensor) -> None:
        """Write the scaled sums."""
        scaled = deltas * factors[:, None]
        self.layer.weight.grad = scaled.t() @ self.inputs
        self.layer.bias.grad = scaled.sum(0)


@dataclass(frozen=True)
class LSTMTap:
    """One layer of an LSTM.

    Attributes:
        weights: Input weights, recurrent weights and their two biases.
        inputs: What goes into each step, shape (steps, n, p + hidden): its inputs, then the hidden
            state before it.
        outputs: What the inputs add to the gates before their nonlinearities, shape
            (steps, n, 4 hidden). The gradient there is that of the gates themselves.
    """

    weights: tuple[nn.Parameter, ...]
    inputs: torch.Tensor
    outputs: torch.Tensor

    def squared_norms(self, deltas: torch.Tensor) -> torch.Tensor:
        """Sum over pairs of steps: (delta.delta') (input.input' + state.state' + 2 biases)."""
        inputs, by_row = self.inputs.transpose(0, 1), deltas.transpose(0, 1)
        both_biases = 2.0 * deltas.sum(0).square().sum(1)
        steps, wide, high = inputs.shape[1], inputs.shape[2], by_row.shape[2]
        if steps * (wide + high) > wide * high:  # long sequences: the sums themselves are smaller
            return torch.bmm(by_row.mT, inputs).square_().sum((1, 2)).add_(both_biases)
        pairs = torch.bmm(inputs, inputs.mT).mul_(torch.bmm(by_row, by_row.mT))
        return pairs.sum((1, 2)).add_(both_biases).clamp_(min=0.0)

    def write(self, deltas: torch.Tensor, factors: torch.Tensor) -> None:
        """Write the scaled sums."""
        scaled = (deltas * factors[:, None]).flatten(0, 1)
        # This way round, because a product with few columns is several times slower.
        both = (self.inputs.flatten(0, 1).t() @ scaled).t()
        into, again, bias_into, bias_again = self.weights
        into.grad = both[:, : into.shape[1]].contiguous()
        again.grad = both[:, into.shape[1] :].contiguous()
        bias_into.grad = scaled.sum(0)
        bias_again.grad = bias_into.grad.clone()


LSTMStates = tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]


def _walk_lstm(layer: nn.LSTM, x: torch.Tensor, taps: list[Tap]) -> LSTMStates:
    """Compute what `layer(x)` gives, its layers one by one and step by step."""
    inputs, lasts = x.transpose(0, 1), []
    for number in range(layer.num_layers):
        if number and layer.dropout:
            inputs = functional.dropout(inputs, layer.dropout, layer.training)
        names = ("weight_ih_l", "weight_hh_l", "bias_ih_l", "bias_hh_l")
        weights = tuple(getattr(layer, f"{name}{number}") for name in names)
        into, again, *biases = (weight.detach() for weight in weights)
        gates = _rooted(functional.linear(inputs, into, biases[0] + biases[1]))
        states, cell = _unroll(gates, again)
        hidden = torch.stack(states)
        before = torch.cat([torch.zeros_like(hidden[:1]), hidden[:-1]]).detach()
        met = torch.cat([inputs.detach(), before], dim=2)
        taps.append(LSTMTap(weights, met, gates))
        inputs = hidden
        lasts.append((states[-1], cell))
    last, cells = (torch.stack(each) for each in zip(*lasts, strict=True))
    return inputs.transpose(0, 1), (last, cells)


def _unroll(gates: torch.Tensor, again: torch.Tensor) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Run the steps of one layer: hidden state after each, and the last cell state.

    Args:
        gates: What the inputs add to the gates, shape (steps, n, 4 hidden).
        again: Recurrent weights, shape (4 hidden, hidden).
    """
    hidden = again.shape[1]
    state = cell = gates.new_zeros(gates.shape[1], hidden)
    states = []
    for added in gates.unbind(0):
        entry, forget, new, leave = torch.addmm(added, state, again.t()).chunk(4, dim=1)
        kept = torch.sigmoid(forget) * cell
        cell = torch.addcmul(kept, torch.sigmoid(entry), torch.tanh(new))
        state = torch.sigmoid(leave) * torch.tanh(cell)
        states.append(state)
    return states, cell
