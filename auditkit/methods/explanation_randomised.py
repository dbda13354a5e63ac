"""A network that has learnt nothing: the audited one with all its weights drawn anew."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def draw_anew(network: torch.nn.Module, seed: int) -> None:
    """Draw the weights and biases of a network anew, in place.

    Uniform within one over the root of the inputs of a weight, as torch's own layers begin. What is
    no weight or bias stays: the scales of normalisation layers, and running means. The vector of
    padding stays 0. Torch's global random state is not touched.

    Args:
        network: The network; a copy of the audited one.
        seed: Seed of a generator of its own.

    Example:
        >>> import torch
        >>> layer = torch.nn.Linear(4, 2)
        >>> draw_anew(layer, 0); first = layer.weight.clone(); draw_anew(layer, 0)
        >>> bool((layer.weight == first).all()), bool(layer.weight.abs().max() <= 0.5)
        (True, True)
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in network.modules():
            own = list(layer.parameters(recurse=False))
            inputs = [math.prod(one.shape[1:]) for one in own if one.ndim > 1]
            if not inputs:
                continue
            for one in own:
                fan_in = math.prod(one.shape[1:]) if one.ndim > 1 else min(inputs)
                bound = max(fan_in, 1) ** -0.5
                one.uniform_(-bound, bound, generator=generator)
            padding = getattr(layer, "padding_idx", None)
            if isinstance(padding, int):
                own[0][padding] = 0.0
