"""An LSTM that reads many texts which begin alike: what they share is read once.

A text from which tokens are taken closes up, so that the coalitions of its tokens share most of
their beginnings. The states of an LSTM depend on nothing but what it has read so far.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch

Positions = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Step:
    """The different beginnings of one length.

    Attributes:
        tokens: Shape (s,): the last token of each.
        parents: Shape (s,): which beginning of the step before it continues.
        ends: Texts that end here,
        states: and which beginning each of them is.
    """

    tokens: Positions
    parents: Positions
    ends: Positions
    states: Positions


def steps(codes: npt.NDArray[np.integer]) -> Iterator[Step]:
    """Find the different beginnings of some texts, from the shortest on.

    Args:
        codes: Shape (n, length): numbers of tokens from 1, and 0 where one is taken out. A text
            without tokens reads as a single 0.

    Yields:
        A step for each length.

    Example:
        >>> [step.tokens.tolist() for step in steps(np.array([[7, 8, 9], [7, 0, 9], [0, 8, 9]]))]
        [[7, 8], [8, 9, 9], [9]]
    """
    there = codes != 0
    count = there.sum(axis=1)
    n, width = codes.shape
    closed = np.zeros((n, width), dtype=">u4")  # in this order bytes compare as numbers do
    closed[np.arange(width) < count[:, None]] = codes[there]
    order = np.argsort(closed.view(f"S{4 * width}")[:, 0], kind="stable")
    closed, lengths = closed[order].astype(np.int64), np.maximum(count[order], 1)
    differs = closed[1:] != closed[:-1]
    shared = np.where(differs.any(axis=1), differs.argmax(axis=1), width)
    common = np.concatenate([[0], shared])  # tokens that a text shares with the one before it
    before = np.zeros(n, dtype=np.int64)
    for k in range(int(lengths.max(initial=0))):
        fresh = (common <= k) & (k < lengths)
        number = np.cumsum(fresh) - 1
        ends = np.flatnonzero(lengths == k + 1)
        yield Step(closed[fresh, k], before[fresh], order[ends], number[ends])
        before = number


@dataclass(frozen=True, eq=False)
class SharedPrefixes:
    """A network of an embedding, an LSTM of one layer and what follows its last state.

    Attributes:
        added: Shape (tokens, 4 * hidden): what each token adds to the gates, with the biases.
        recurrent: Shape (hidden, 4 * hidden): what the last state adds to them.
        rest: The layers after the last state.
    """

    added: torch.Tensor
    recurrent: torch.Tensor
    rest: torch.nn.Module

    @classmethod
    def of(cls, network: torch.nn.Module) -> Self | None:
        """Look for these layers in a network, in evaluation mode.

        Returns:
            What should give the same as the network, up to rounding; it is for the caller to see
            that it does. None if the network is certainly another one.
        """
        from torch import nn

        layers = list(network.children())
        places = [i for i, layer in enumerate(layers) if type(layer) is nn.LSTM]
        # After the LSTM stands a layer that takes its last state, which is done here.
        if len(places) != 1 or len(layers) < places[0] + 2:
            return None
        before = [part for layer in layers[: places[0]] for part in layer.modules()]
        vectors = [part for part in before if type(part) is nn.Embedding]
        lstm = layers[places[0]]
        if len(vectors) != 1 or not isinstance(lstm, nn.LSTM) or not _is_plain(lstm):
            return None
        weights = [weight.detach() for weight in lstm.all_weights[0]]
        added = vectors[0].weight.detach() @ weights[0].T + weights[2] + weights[3]
        return cls(added, weights[1].T.contiguous(), nn.Sequential(*layers[places[0] + 2 :]))

    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        """Give what the network gives for encoded texts, shape (n, length)."""
        import torch

        hidden = len(self.recurrent)
        last = rows.new_zeros(len(rows), hidden)
        state = cell = rows.new_zeros(max(len(rows), 1), hidden)
        for step in steps(rows.numpy().astype(np.int64)):
            parents, tokens = torch.from_numpy(step.parents), torch.from_numpy(step.tokens)
            gates = torch.addmm(self.added[tokens], state.index_select(0, parents), self.recurrent)
            new = gates[:, 2 * hidden : 3 * hidden].tanh()
            enter, keep, _, show = gates.sigmoid_().chunk(4, dim=1)
            cell = cell.index_select(0, parents).mul_(keep).addcmul_(enter, new)
            state = cell.tanh().mul_(show)
            last[torch.from_numpy(step.ends)] = state[torch.from_numpy(step.states)]
        given: torch.Tensor = self.rest(last)
        return given


def _is_plain(lstm: torch.nn.LSTM) -> bool:
    return lstm.bias and lstm.num_layers == 1 and not (lstm.bidirectional or lstm.proj_size)
