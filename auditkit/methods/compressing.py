"""Smaller copies of a network: fewer weights, fewer units, or fewer bits a weight.

The network that is given never changes. What torch itself offers for int8 on a CPU is deprecated
and, for networks as small as these, slower than float32; so weights are rounded here to what a file
of so few bits would hold, and computed with as float32.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

#: Bits of a weight as it was trained, and of the number that whole weights are multiplied with.
FLOAT = 32
#: Layers that take each number for itself, so that a unit can be taken out before and behind them.
BETWEEN = (
    *(nn.ReLU, nn.LeakyReLU, nn.GELU, nn.ELU, nn.Tanh, nn.Sigmoid, nn.SiLU),
    *(nn.Dropout, nn.Identity),
)


@dataclass(frozen=True, slots=True)
class Size:
    """What a network holds.

    Attributes:
        weights: Its numbers.
        nonzero: Those that are not 0.
        stored: Bytes that they take in a file; unit: bytes.
    """

    weights: int
    nonzero: int
    stored: int


def sized(network: nn.Module, bits: int = FLOAT, *, sparse: bool = False) -> Size:
    """Count the weights of a network, and the bytes of a file that holds them.

    Args:
        network: The network.
        bits: Bits of a weight of a matrix; each of its rows also has one number of 32 bits, unless
            the weights have 32 bits themselves.
        sparse: Whether only weights that are not 0 are stored, and one bit a weight says which.

    Returns:
        Its size. What is no matrix, such as a bias, is stored with 32 bits.

    Example:
        >>> sized(nn.Linear(8, 2)), sized(nn.Linear(8, 2), bits=8).stored
        (Size(weights=18, nonzero=18, stored=72), 32)
    """
    weights = nonzero = stored = 0
    for parameter in network.parameters():
        count, held = parameter.numel(), int(torch.count_nonzero(parameter))
        weights, nonzero = weights + count, nonzero + held
        matrix = parameter.dim() > 1
        kept = held * FLOAT + count if sparse and matrix else count * (bits if matrix else FLOAT)
        scales = len(parameter) * FLOAT if matrix and bits < FLOAT else 0
        stored += kept + scales
    return Size(weights, nonzero, -(-stored // 8))


def quantised(network: nn.Module, bits: int = 8) -> nn.Module:
    """Round each row of each matrix to whole multiples of its largest weight over 2**(bits-1) - 1.

    Args:
        network: The network.
        bits: Bits of a weight, from 2.

    Returns:
        A copy that gives what one with whole numbers of so many bits would give, if these are
        multiplied out before they are used: it is smaller in a file, and as fast.

    Source:
        Jacob et al. (2018), arXiv:1712.05877, of which only the weights; symmetric, one factor a
        row.

    Example:
        >>> layer = nn.Linear(3, 1)
        >>> _ = layer.weight.data.copy_(torch.tensor([[0.5, -1.0, 0.1]]))
        >>> quantised(layer, bits=2).weight.tolist()
        [[0.0, -1.0, 0.0]]
    """
    made = copy.deepcopy(network)
    top = 2 ** (bits - 1) - 1
    with torch.no_grad():
        for matrix in _matrices(made):
            rows = matrix.flatten(1)
            step = rows.abs().amax(1, keepdim=True) / top
            step[step == 0] = 1.0
            matrix.copy_((torch.round(rows / step) * step).reshape(matrix.shape))
    return made


def pruned(network: nn.Module, share: float) -> nn.Module:
    """Set the weights of least size to 0, over all matrices together.

    Args:
        network: The network.
        share: Share of the weights of its matrices that become 0, in (0, 1).

    Returns:
        A copy of the same shape: an ordinary processor takes as long for a 0 as for any number.

    Source:
        Han et al. (2015), arXiv:1506.02626, without training again.

    Example:
        >>> layer = nn.Linear(4, 1)
        >>> _ = layer.weight.data.copy_(torch.tensor([[0.5, -1.0, 0.1, 0.2]]))
        >>> pruned(layer, 0.5).weight.tolist()
        [[0.5, -1.0, 0.0, 0.0]]
    """
    made = copy.deepcopy(network)
    with torch.no_grad():
        matrices = list(_matrices(made))
        sizes = torch.cat([matrix.flatten() for matrix in matrices]).abs()
        kept = torch.ones(len(sizes), dtype=torch.bool)
        kept[torch.argsort(sizes, stable=True)[: round(share * len(sizes))]] = False
        parts = torch.split(kept, [matrix.numel() for matrix in matrices])
        for matrix, part in zip(matrices, parts, strict=True):
            matrix.mul_(part.reshape(matrix.shape))
    return made


def narrowed(network: nn.Module, share: float) -> nn.Module | None:
    """Take the units that matter least out of every hidden layer between two linear ones.

    A unit matters as much as the product of the lengths of its weights in and out.

    Args:
        network: The network.
        share: Share of the units of each such layer that are taken out, in (0, 1); one stays.

    Returns:
        A copy that is narrower and does less; None where no linear layer follows another one.

    Source:
        Li et al. (2017), arXiv:1608.08710, with the weights out of a unit counted too.

    Example:
        >>> network = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))
        >>> narrowed(network, 0.5)[0].weight.shape, narrowed(nn.Linear(3, 1), 0.5)
        (torch.Size([4, 3]), None)
    """
    made = copy.deepcopy(network)
    pairs = list(_pairs(made))
    with torch.no_grad():
        for first, second in pairs:
            into = torch.linalg.vector_norm(first.weight, dim=1)
            worth = into * torch.linalg.vector_norm(second.weight, dim=0)
            stay = max(1, len(worth) - round(share * len(worth)))
            best = torch.argsort(worth, descending=True, stable=True)[:stay].sort().values
            _keep(first, second, best)
    return made if pairs else None


def _matrices(network: nn.Module) -> Iterator[torch.Tensor]:
    return (parameter.data for parameter in network.parameters() if parameter.dim() > 1)


def _pairs(network: nn.Module) -> Iterator[tuple[nn.Linear, nn.Linear]]:
    """Linear layers of which one takes, number by number, what the other gives."""
    for part in network.modules():
        before: nn.Linear | None = None
        for layer in part if isinstance(part, nn.Sequential) else ():
            if isinstance(layer, nn.Linear):
                if before is not None:
                    yield before, layer
                before = layer
            elif not isinstance(layer, BETWEEN):
                before = None


def _keep(first: nn.Linear, second: nn.Linear, units: torch.Tensor) -> None:
    first.weight = nn.Parameter(first.weight[units])
    if first.bias is not None:
        first.bias = nn.Parameter(first.bias[units])
    second.weight = nn.Parameter(second.weight[:, units])
    first.out_features = second.in_features = len(units)
