"""The networks, as plain sequences of torch's own layers.

A network takes encoded rows and gives one logit a row. Being a sequence of layers, it can be walked
through layer by layer by what needs to look inside: private training and explanations.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from auditkit.training.settings import LSTM, MLP, Architecture

if TYPE_CHECKING:
    from collections.abc import Sequence


class Classifier(nn.Sequential):
    """Layers one after the other, the last of width 1; gives one logit a row.

    Example:
        >>> network = build(MLP(hidden=(4,)), (3,), generator=torch.Generator().manual_seed(0))
        >>> network(torch.zeros(5, 3)).shape
        torch.Size([5])
    """

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Give the logits of encoded rows.

        Args:
            rows: Shape (n, ...), as the encoder gives them.

        Returns:
            Shape (n,).
        """
        for layer in self:
            rows = layer(rows)
        return rows.squeeze(-1)


class LastState(nn.Module):
    """Takes the last hidden state of the top layer out of what an LSTM gives."""

    def forward(
        self, states: tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]
    ) -> torch.Tensor:
        """Give the last hidden state.

        Args:
            states: What `torch.nn.LSTM` gives.

        Returns:
            Shape (n, hidden).
        """
        return states[1][0][-1]


def build(
    architecture: Architecture, shape: Sequence[int], *, generator: torch.Generator | None
) -> Classifier:
    """Build a network.

    Args:
        architecture: What it looks like.
        shape: Shape of an encoded row: (width,) for an `MLP`, (steps, channels) for an `LSTM`.
        generator: Source of the first weights, drawn as torch's own layers draw them; None builds
            the network without numbers, on the "meta" device, to load weights into.

    Returns:
        The network, in training mode.

    Raises:
        ValueError: If the architecture does not take rows of that shape.

    Example:
        >>> build(LSTM(hidden=8), (6, 3), generator=None).lstm.weight_ih_l0.shape
        torch.Size([32, 3])
    """
    if len(shape) != (1 if isinstance(architecture, MLP) else 2):
        raise ValueError(f"a {architecture.kind} takes no rows of shape {tuple(shape)}")
    # Layers made on the "meta" device draw no random numbers, so torch's own stay untouched.
    with torch.device("meta"):
        layers = (
            _mlp(architecture, *shape)
            if isinstance(architecture, MLP)
            else _lstm(architecture, shape[1])
        )
    network = Classifier(layers)
    if generator is not None:
        network.to_empty(device="cpu")
        _draw(network, generator)
    return network


def _mlp(architecture: MLP, width: int) -> OrderedDict[str, nn.Module]:
    layers = OrderedDict[str, nn.Module]()
    for number, units in enumerate(architecture.hidden, 1):
        layers[f"linear{number}"] = nn.Linear(width, units)
        layers[f"relu{number}"] = nn.ReLU()
        if architecture.dropout:
            layers[f"dropout{number}"] = nn.Dropout(architecture.dropout)
        width = units
    layers["output"] = nn.Linear(width, 1)
    return layers


def _lstm(architecture: LSTM, channels: int) -> OrderedDict[str, nn.Module]:
    between = architecture.dropout if architecture.layers > 1 else 0.0
    layers = OrderedDict[str, nn.Module]()
    layers["lstm"] = nn.LSTM(
        channels, architecture.hidden, architecture.layers, batch_first=True, dropout=between
    )
    layers["last"] = LastState()
    if architecture.dropout:
        layers["dropout"] = nn.Dropout(architecture.dropout)
    layers["output"] = nn.Linear(architecture.hidden, 1)
    return layers


def _draw(network: nn.Module, generator: torch.Generator) -> None:
    """Draw weights and biases uniformly within 1/sqrt(fan-in), as torch does by default."""
    for layer in network.modules():
        bound = _bound(layer)
        for parameter in layer.parameters(recurse=False):
            nn.init.uniform_(parameter, -bound, bound, generator=generator)


def _bound(layer: Any) -> float:  # noqa: ANN401 - any layer
    if isinstance(layer, nn.LSTM):
        return float(layer.hidden_size**-0.5)
    return float(layer.in_features**-0.5) if isinstance(layer, nn.Linear) else 0.0
