"""Sums of clipped row gradients with one forward and one backward pass ("book-keeping").

The gradient of a linear layer's weight is, for one row, the outer product of the loss's gradient
at the layer's output and the layer's input. Its norm follows from the two vectors, so no gradient
of a single row is ever formed, and the clipped sum is one weighted matrix product. What stands in
place of this for other layers is in `taps` and `lstm_tap`.

Source:
    Goodfellow (2015), arXiv:1510.01799; Bu et al. (2023), arXiv:2210.00038.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence

from auditkit.training.lstm_tap import Packed, walk_lstm
from auditkit.training.networks import LastState, PackedSteps
from auditkit.training.record import TrainingError
from auditkit.training.taps import EmbeddingTap, LayerNormTap, LinearTap, MeanTap, Tap
from auditkit.training.text import MeanVector, PackedVectors, token_numbers

#: Layers without weights that treat every row by itself.
_ROWWISE = (nn.ReLU, nn.Dropout, LastState, PackedSteps)
#: What to take in place of layers that mix the rows of a batch, whose gradients have no bound.
_ALONE = "it mixes the rows of a batch; take nn.LayerNorm, which looks at each row alone"
FIXES = dict.fromkeys(("BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "SyncBatchNorm"), _ALONE)
#: Outputs and targets to the loss of each row.
Losses = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
#: Keeps the division by a norm of 0 finite; as Opacus.
_EPSILON = 1e-6
#: Numbers that a step may hold in memory where nothing is set: 256 MB.
NUMBERS_AT_ONCE = 2**26


def write_clipped(
    network: nn.Module,
    x: torch.Tensor,
    y: torch.Tensor,
    losses: Losses,
    max_grad_norm: float,
    at_once: int | None = None,
) -> torch.Tensor:
    """Add the sum of the clipped gradients of the rows to `grad` of every weight that learns.

    Args:
        network: A sequence of layers; see `walk`.
        x: Encoded rows, shape (n, ...); n may be 0.
        y: Targets, shape (n,).
        losses: Outputs and targets to the loss of each row.
        max_grad_norm: Norm to which the gradient of each row is clipped.
        at_once: Rows that are taken at a time, which bounds memory and changes nothing else;
            None takes all.

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
    if not len(y):
        for weight in learning(network):
            weight.grad = torch.zeros_like(weight) if weight.grad is None else weight.grad
        return x.new_zeros(0)
    size = at_once or len(y)
    pairs = zip(torch.split(x, size), torch.split(y, size), strict=True)
    return torch.cat([_write(network, *pair, losses, max_grad_norm) for pair in pairs])


def _write(
    network: nn.Module, x: torch.Tensor, y: torch.Tensor, losses: Losses, max_grad_norm: float
) -> torch.Tensor:
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


def learning(network: nn.Module) -> list[nn.Parameter]:
    """The weights that are not frozen."""
    return [weight for weight in network.parameters() if weight.requires_grad]


def rows_within(network: nn.Module, shape: tuple[int, ...]) -> int:
    """How many rows at once keep the numbers in memory below `NUMBERS_AT_ONCE`; at least 1.

    Args:
        network: The network; see `walk`.
        shape: Shape of an encoded row.

    Example:
        >>> from auditkit.training import MLP
        >>> from auditkit.training.networks import build
        >>> network = build(MLP(hidden=(256, 128)), (100,), generator=torch.Generator())
        >>> rows_within(network, (100,))
        38612
    """
    # A row of ones is the longest that there is: every step, and a token in each place.
    taps = walk(network, torch.ones(1, *shape))[1]
    return max(1, NUMBERS_AT_ONCE // sum(tap.numbers for tap in taps))


def walk(network: nn.Module, x: torch.Tensor) -> tuple[torch.Tensor, list[Tap]]:
    """Go through the layers, with a graph down to each layer's outputs but not to its weights.

    Args:
        network: A sequence of layers: those with weights in `taps` and `lstm_tap`, and layers
            without weights that do not mix rows. A layer that is frozen is only computed.
        x: Encoded rows, shape (n, ...), n > 0.

    Returns:
        Outputs, shape (n,) or (n, k), and the layers with weights that were met.

    Raises:
        TrainingError: If a layer is of another kind or frozen in part, or layers share weights.
    """
    taps: list[Tap] = []
    state: Any = x
    _demand_known(network)
    for layer in network.children():
        if type(layer) in _ROWWISE or not learning(layer):
            state = layer(state)
        else:
            state = _TAPPED[type(layer)](layer, state, taps)
    outputs: torch.Tensor = state.squeeze(-1)
    return outputs, taps


def _demand_known(network: nn.Module) -> None:
    """Raise unless every layer is known and its gradients can be told from all others'."""
    for layer in network.children():
        name = type(layer).__name__
        # The exact type: a subclass may compute something else.
        if type(layer) not in (*_ROWWISE, *_TAPPED):
            fix = f": {FIXES[name]}" if name in FIXES else ""
            raise TrainingError(f"no private training for a layer of type {name}{fix}")
        count = len(learning(layer))
        if 0 < count < len(list(layer.parameters())):
            raise TrainingError(f"no private training for a {name} that is frozen in part")
    every = [weight for _, weight in network.named_parameters(remove_duplicate=False)]
    if len({id(weight) for weight in every}) < len(every):
        raise TrainingError("no private training where layers share weights")


def _linear(layer: nn.Linear, state: torch.Tensor, taps: list[Tap]) -> torch.Tensor:
    taps.append(tap := LinearTap.at(layer, state))
    return tap.outputs


def _normed(layer: nn.LayerNorm, state: torch.Tensor, taps: list[Tap]) -> torch.Tensor:
    taps.append(tap := LayerNormTap.at(layer, state))
    return tap.outputs


def _vectors(layer: PackedVectors, state: torch.Tensor, taps: list[Tap]) -> PackedSequence:
    packed = layer.packed(state)
    rows = Packed.of(packed).rows
    taps.append(tap := EmbeddingTap.at(layer.embedding, packed.data, rows, len(state)))
    return packed._replace(data=layer.dropout(tap.outputs))


def _mean(layer: MeanVector, state: torch.Tensor, taps: list[Tap]) -> torch.Tensor:
    tokens = token_numbers(state, layer.embedding.num_embeddings)
    taps.append(tap := MeanTap.at(layer.embedding, tokens))
    return tap.outputs


#: Layers with weights to what computes them.
_TAPPED: dict[type[nn.Module], Callable[..., Any]] = {
    nn.Linear: _linear,
    nn.LayerNorm: _normed,
    nn.LSTM: walk_lstm,
    PackedVectors: _vectors,
    MeanVector: _mean,
}
