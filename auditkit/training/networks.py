"""The networks, as plain sequences of torch's own layers.

A network takes encoded rows and gives one number a row, or one a class. Being a sequence of layers,
it can be walked through layer by layer by what needs to look inside: private training and
explanations.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from auditkit.encoding import Encoder, SubwordEncoder, TextEncoder
from auditkit.encoding.text import FIRST, PAD
from auditkit.training.huggingface_settings import HuggingFace
from auditkit.training.seq2seq import Seq2SeqNetwork
from auditkit.training.seq2seq_settings import Seq2Seq
from auditkit.training.settings import (
    LSTM,
    MLP,
    AnyArchitecture,
    Architecture,
    BagOfWords,
    PooledEmbedding,
    TextLSTM,
)
from auditkit.training.text import EMBEDDINGS, MeanVector, PackedVectors, start_from

if TYPE_CHECKING:
    from collections.abc import Sequence


#: A step whose first number is above this is there.
THERE = 0.5
#: Tokens of which a network over text computes states at once where no gradient is kept.
TOKENS_AT_ONCE = 65_536


class Network(nn.Sequential):
    """Layers one after the other; where the last has width 1, its numbers stand alone.

    Example:
        >>> network = build(MLP(hidden=(4,)), (3,), generator=torch.Generator().manual_seed(0))
        >>> network(torch.zeros(5, 3)).shape
        torch.Size([5])
    """

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Give the numbers of encoded rows.

        Args:
            rows: Shape (n, ...), as the encoder gives them.

        Returns:
            Shape (n,), or (n, outputs).
        """
        for layer in self:
            rows = layer(rows)
        return rows.squeeze(-1)


class TextNetwork(Network):
    """A `Network` of token numbers.

    Where no gradient is kept it takes few rows at a time, as a text may be long: memory is bounded
    by `TOKENS_AT_ONCE` and not by how many rows are scored.

    Example:
        >>> network = build(PooledEmbedding(length=3), (3,), generator=None, tokens=5)
        >>> type(network).__name__, len(network)
        ('TextNetwork', 5)
    """

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Give the numbers of encoded rows, shape (n, length); see `Network.forward`."""
        if torch.is_grad_enabled() and len(rows):
            return super().forward(rows)
        parts = torch.split(rows, max(1, TOKENS_AT_ONCE // rows.shape[1]))
        given = [super(TextNetwork, self).forward(part) for part in parts if len(part)]
        return torch.cat(given) if given else super().forward(rows.new_zeros(1, rows.shape[1]))[:0]


class PackedSteps(nn.Module):
    """Packs the steps that are there, so that an LSTM never sees one that is not.

    The first number of a step says whether it is there; it is not passed on. A row without any
    step is one step of zeros.

    Example:
        >>> packed = PackedSteps()(torch.tensor([[[0.0, 9.0], [1.0, 5.0]]]))
        >>> packed.data.tolist(), packed.batch_sizes.tolist()
        ([[5.0]], [1])
    """

    def forward(self, rows: torch.Tensor) -> PackedSequence:
        """Pack encoded rows, shape (n, steps, 1 + channels), n > 0."""
        there = rows[:, :, 0] > THERE
        order = torch.argsort(there.logical_not().to(torch.uint8), dim=1, stable=True)
        steps = (rows[:, :, 1:] * there[:, :, None]).gather(
            1, order[:, :, None].expand(-1, -1, rows.shape[2] - 1)
        )
        lengths = there.sum(1).clamp(min=1).cpu()
        return pack_padded_sequence(steps, lengths, batch_first=True, enforce_sorted=False)


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
    architecture: Architecture,
    shape: Sequence[int],
    *,
    generator: torch.Generator | None,
    tokens: int = 0,
    outputs: int = 1,
) -> Network:
    """Build a network.

    Args:
        architecture: What it looks like.
        shape: Shape of an encoded row: (width,) for an `MLP` or a `BagOfWords`, (steps, channels)
            for an `LSTM`, (length,) for the other networks over text.
        generator: Source of the first weights, drawn as torch's own layers draw them; None builds
            the network without numbers, on the "meta" device, to load weights into.
        tokens: Numbers that a token can have, at least 2, for a network over text; 0 for others.
        outputs: Numbers that it gives for a row.

    Returns:
        The network, in training mode.

    Raises:
        ValueError: If the architecture does not take rows of that shape, or of such tokens.

    Example:
        >>> build(LSTM(hidden=8), (6, 3), generator=None).lstm.weight_ih_l0.shape
        torch.Size([32, 3])
    """
    over_text = isinstance(architecture, TextLSTM | PooledEmbedding)
    if isinstance(architecture, HuggingFace) or not _takes(architecture, tuple(shape)):
        raise ValueError(f"a {architecture.kind} takes no rows of shape {tuple(shape)}")
    if over_text != (tokens >= FIRST):
        raise ValueError(f"a {architecture.kind} takes no rows of {tokens} tokens")
    # Layers made on the "meta" device draw no random numbers, so torch's own stay untouched.
    with torch.device("meta"):
        layers = _layers(architecture, shape, tokens, outputs)
    network = TextNetwork(layers) if over_text else Network(layers)
    _begin(network, generator)
    return network


def network_for(
    architecture: AnyArchitecture,
    encoder: Encoder,
    *,
    generator: torch.Generator | None,
    outputs: int = 1,
) -> Network | Seq2SeqNetwork:
    """Build a network behind an encoder, with the first vectors of its words where it names them.

    Args:
        architecture: What it looks like.
        encoder: The encoder.
        generator: As in `build`; with None no file of vectors is read either.
        outputs: Numbers that it gives for a row, or for each token of a text that it writes.

    Returns:
        The network, in training mode.

    Raises:
        ValueError: As `build`, or if a `Seq2Seq` is to read something else than text.
        InputError: If the file of vectors cannot be read; see `auditkit.training.text`. If the
            folder of a model cannot be read or tuned; see `auditkit.training.huggingface`.

    Example:
        >>> encoder = TextEncoder("review", ("good", "bad"), length=8)
        >>> network_for(TextLSTM("review", length=8), encoder, generator=None).vectors.embedding
        Embedding(4, 64, padding_idx=0)
    """
    if isinstance(architecture, Seq2Seq):
        return _writer(architecture, encoder, generator, outputs)
    if isinstance(architecture, HuggingFace):
        return _pretrained(architecture, encoder, generator, outputs)
    if not isinstance(encoder, TextEncoder):
        return build(architecture, encoder.shape, generator=generator, outputs=outputs)
    network = build(
        architecture, encoder.shape, generator=generator, tokens=encoder.tokens, outputs=outputs
    )
    path = getattr(architecture, "vectors", None)
    if generator is not None and path is not None:
        start_from(network, encoder.words, path)
    return network


def _writer(
    architecture: Seq2Seq, encoder: Encoder, generator: torch.Generator | None, outputs: int
) -> Seq2SeqNetwork:
    if not isinstance(encoder, TextEncoder) or encoder.length != architecture.source_length:
        raise ValueError(f"a seq2seq takes no rows of shape {encoder.shape} from this encoder")
    if outputs <= FIRST:
        raise ValueError(f"a seq2seq writes no texts of {outputs} tokens")
    with torch.device("meta"):
        network = Seq2SeqNetwork(architecture, encoder.tokens, outputs)
    _begin(network, generator)
    return network


def _begin(network: nn.Module, generator: torch.Generator | None) -> None:
    """Draw the first weights of a network without numbers, where there is a generator."""
    if generator is not None:
        network.to_empty(device="cpu")
        _draw(network, generator)


def _pretrained(
    architecture: HuggingFace, encoder: Encoder, generator: torch.Generator | None, outputs: int
) -> Network:
    from auditkit.training import huggingface

    if not isinstance(encoder, SubwordEncoder) or encoder.length != architecture.length:
        raise ValueError(f"a {architecture.kind} takes no rows of shape {encoder.shape}")
    if generator is None:
        return huggingface.empty_network(architecture, encoder, outputs)
    return huggingface.starting_network(architecture, encoder, generator, outputs)


def _takes(architecture: Architecture, shape: tuple[int, ...]) -> bool:
    if isinstance(architecture, TextLSTM | PooledEmbedding):
        return shape == (architecture.length,)
    return len(shape) == (1 if isinstance(architecture, MLP | BagOfWords) else 2)


def _layers(
    architecture: MLP | BagOfWords | LSTM | TextLSTM | PooledEmbedding,
    shape: Sequence[int],
    tokens: int,
    outputs: int,
) -> OrderedDict[str, nn.Module]:
    if isinstance(architecture, MLP | BagOfWords):
        layers, width = _mlp(architecture, shape[0])
    elif isinstance(architecture, LSTM):
        layers, width = _lstm(architecture, shape[1]), architecture.hidden
    elif isinstance(architecture, TextLSTM):
        layers, width = _text_lstm(architecture, tokens), architecture.hidden
    else:
        layers, width = _pooled(architecture, tokens), architecture.hidden
    layers["output"] = nn.Linear(width, outputs)
    return layers


def _mlp(architecture: MLP | BagOfWords, width: int) -> tuple[OrderedDict[str, nn.Module], int]:
    layers = OrderedDict[str, nn.Module]()
    for number, units in enumerate(architecture.hidden, 1):
        layers[f"linear{number}"] = nn.Linear(width, units)
        layers[f"relu{number}"] = nn.ReLU()
        if architecture.dropout:
            layers[f"dropout{number}"] = nn.Dropout(architecture.dropout)
        width = units
    return layers, width


def _lstm(architecture: LSTM, channels: int) -> OrderedDict[str, nn.Module]:
    between = architecture.dropout if architecture.layers > 1 else 0.0
    layers = OrderedDict[str, nn.Module]()
    if architecture.varying:
        layers["packed"], channels = PackedSteps(), channels - 1
    layers["lstm"] = nn.LSTM(
        channels, architecture.hidden, architecture.layers, batch_first=True, dropout=between
    )
    layers["last"] = LastState()
    if architecture.dropout:
        layers["dropout"] = nn.Dropout(architecture.dropout)
    return layers


def _text_lstm(architecture: TextLSTM, tokens: int) -> OrderedDict[str, nn.Module]:
    width, hidden = architecture.embedding, architecture.hidden
    return OrderedDict[str, nn.Module](
        vectors=PackedVectors(tokens, width, architecture.dropout),
        lstm=nn.LSTM(width, hidden, batch_first=True),
        last=LastState(),
    )


def _pooled(architecture: PooledEmbedding, tokens: int) -> OrderedDict[str, nn.Module]:
    width, hidden = architecture.embedding, architecture.hidden
    return OrderedDict[str, nn.Module](
        mean=MeanVector(tokens, width),
        dropout=nn.Dropout(architecture.dropout),
        linear=nn.Linear(width, hidden),
        relu=nn.ReLU(),
    )


def _draw(network: nn.Module, generator: torch.Generator) -> None:
    """Draw weights and biases uniformly within 1/sqrt(fan-in), as torch does by default."""
    for layer in network.modules():
        bound = _bound(layer)
        for parameter in layer.parameters(recurse=False):
            nn.init.uniform_(parameter, -bound, bound, generator=generator)
        if isinstance(layer, EMBEDDINGS):
            with torch.no_grad():
                layer.weight[PAD] = 0.0


def _bound(layer: Any) -> float:  # noqa: ANN401 - any layer
    if isinstance(layer, nn.LSTM):
        return float(layer.hidden_size**-0.5)
    if isinstance(layer, EMBEDDINGS):
        return float(layer.embedding_dim**-0.5)
    return float(layer.in_features**-0.5) if isinstance(layer, nn.Linear) else 0.0
