"""A network that reads one text and writes another.

Source:
    Sutskever, Vinyals and Le (2014), arXiv:1409.3215; attention as the "general" kind of Luong,
    Pham and Manning (2015), arXiv:1508.04025.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import pad_packed_sequence

from auditkit.encoding.text import FIRST, PAD
from auditkit.training.seq2seq_settings import Seq2Seq
from auditkit.training.text import PackedVectors

#: Hidden state and cell state of an LSTM, each of shape (layers, n, hidden).
State = tuple[torch.Tensor, torch.Tensor]

#: Numbers that are held at once where no gradient is kept; 4 bytes each.
NUMBERS_AT_ONCE = 2**25


@dataclass(frozen=True)
class Reading:
    """What was read of each text.

    Attributes:
        states: State after each token, shape (n, places, hidden).
        empty: Where a text has no token any more, shape (n, places).
        last: State after the last token.
    """

    states: torch.Tensor
    empty: torch.Tensor
    last: State


class Attention(nn.Module):
    """Joins a state of the writer with the states of the reader that match it best.

    Example:
        >>> states, empty = torch.zeros(2, 5, 4), torch.zeros(2, 5, dtype=torch.bool)
        >>> Attention(4)(torch.zeros(2, 3, 4), Reading(states, empty, (states, states))).shape
        torch.Size([2, 3, 4])
    """

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.query = nn.Linear(hidden, hidden, bias=False)
        self.join = nn.Linear(2 * hidden, hidden, bias=False)

    def forward(self, states: torch.Tensor, reading: Reading) -> torch.Tensor:
        """Give the joined states.

        Args:
            states: Of the writer, shape (n, any number, hidden).
            reading: What was read; every text has at least one place that is not empty.

        Returns:
            Shape as `states`.
        """
        match = self.query(states) @ reading.states.mT
        shares = match.masked_fill(reading.empty[:, None], -torch.inf).softmax(-1)
        return torch.tanh(self.join(torch.cat([shares @ reading.states, states], dim=-1)))


class Seq2SeqNetwork(nn.Module):
    """An LSTM that reads a text, and one that writes another.

    Args:
        settings: What it looks like.
        source_tokens: Numbers that a token can have that is read.
        target_tokens: Numbers that a token can have that is written: no token, an unknown token,
            the words, and the end, which is the last.

    Attributes:
        end: Number of the end of a text that is written.
        start: Number that only stands before its first token.

    Example:
        >>> network = Seq2SeqNetwork(Seq2Seq(hidden=8), source_tokens=9, target_tokens=7)
        >>> network(torch.tensor([[2.0, 3.0, 0.0]]), torch.tensor([[4, 2, 6, 0]])).shape
        torch.Size([1, 4, 7])
    """

    def __init__(self, settings: Seq2Seq, source_tokens: int, target_tokens: int) -> None:
        super().__init__()
        width, hidden, layers = settings.embedding, settings.hidden, settings.layers
        both, between = settings.bidirectional, settings.dropout if settings.layers > 1 else 0.0
        self.end, self.start = target_tokens - 1, target_tokens
        self.vectors = PackedVectors(source_tokens, width, settings.dropout)
        self.reader = nn.LSTM(
            width, hidden // (1 + both), layers, dropout=between, bidirectional=both
        )
        self.embedding = nn.Embedding(target_tokens + 1, width, padding_idx=PAD)
        self.writer = nn.LSTM(width, hidden, layers, batch_first=True, dropout=between)
        self.attention = Attention(hidden) if settings.attention else None
        self.dropout = nn.Dropout(settings.dropout)
        self.output = nn.Linear(hidden, target_tokens)
        # A layer of dropout is the coin that is thrown at each step: seeded, and off in evaluation.
        self.withheld = nn.Dropout(1 - settings.teacher_forcing)

    def read(self, rows: torch.Tensor) -> Reading:
        """Read encoded texts, shape (n, length), n > 0."""
        packed, last = self.reader(self.vectors(rows))
        states, lengths = pad_packed_sequence(packed, batch_first=True)
        places = torch.arange(states.shape[1], device=rows.device)
        empty = places >= lengths.to(rows.device)[:, None]
        return Reading(states, empty, (self._joined(last[0]), self._joined(last[1])))

    def write(
        self, tokens: torch.Tensor, state: State, reading: Reading
    ) -> tuple[torch.Tensor, State]:
        """Give logits of the tokens after those that are given.

        Args:
            tokens: Numbers of tokens, shape (n, steps).
            state: State before them.
            reading: What was read.

        Returns:
            Logits, shape (n, steps, target tokens), and the state after them.
        """
        states, state = self.writer(self.dropout(self.embedding(tokens)), state)
        return self.logits(states, reading), state

    def logits(self, states: torch.Tensor, reading: Reading) -> torch.Tensor:
        """Give logits of the next tokens, by states of the writer of shape (n, any, hidden)."""
        if self.attention is not None:
            states = self.attention(states, reading)
        logits: torch.Tensor = self.output(self.dropout(states))
        return logits

    def forward(self, rows: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Give the logits of each token of a text, each after the true tokens before it.

        Args:
            rows: Encoded texts to read, shape (n, length), n > 0.
            targets: Encoded texts to write, shape (n, steps).

        Returns:
            Shape (n, steps, target tokens). Those where a text has no token mean nothing.
        """
        reading = self.read(rows)
        given = functional.pad(targets[:, :-1], (1, 0), value=self.start)
        if self.training and self.withheld.p > 0:
            return self._on_its_own(given, reading)
        return self.write(given, reading.last, reading)[0]

    def _on_its_own(self, given: torch.Tensor, reading: Reading) -> torch.Tensor:
        """Logits where some of the given tokens are withheld for what the network would write."""
        state, tokens = reading.last, given[:, :1]
        logits = list[torch.Tensor]()
        for place in range(given.shape[1]):
            if place:
                true = self.withheld(torch.ones_like(given[:, :1], dtype=torch.float32)) > 0
                tokens = torch.where(true, given[:, place : place + 1], likeliest(logits[-1]))
            next_logits, state = self.write(tokens, state, reading)
            logits.append(next_logits)
        return torch.cat(logits, dim=1)

    def _joined(self, state: torch.Tensor) -> torch.Tensor:
        """State of both directions side by side, shape (layers, n, hidden)."""
        directions = 1 + self.reader.bidirectional
        by_layer = state.view(self.reader.num_layers, directions, *state.shape[1:])
        return by_layer.transpose(1, 2).flatten(2)


def likeliest(logits: torch.Tensor) -> torch.Tensor:
    """Numbers of the likeliest tokens that can be written: the words and the end."""
    return logits[..., FIRST:].argmax(-1) + FIRST


def row_losses(network: Seq2SeqNetwork, rows: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Log loss of each text that is to be written: the sum over its tokens and its end.

    Args:
        network: The network.
        rows: Encoded texts to read, shape (n, length).
        targets: Encoded texts to write, shape (n, steps); zeros after the end.

    Returns:
        Shape (n,); unit: nats. Where no gradient is kept, few rows at a time are taken, so memory
        is bounded.

    Example:
        >>> network = Seq2SeqNetwork(Seq2Seq(hidden=8), source_tokens=9, target_tokens=7)
        >>> _ = nn.init.zeros_(network.output.weight), nn.init.zeros_(network.output.bias)
        >>> losses = row_losses(network, torch.zeros(1, 3), torch.tensor([[4, 6, 0, 0]]))
        >>> torch.allclose(losses, 2 * torch.tensor(7.0).log())  # two tokens, one in seven each
        True
    """
    if torch.is_grad_enabled():
        return _row_losses(network, rows, targets)
    at_once = rows_at_once(network, rows.shape[1], targets.shape[1], texts=targets.shape[1])
    parts = zip(torch.split(rows, at_once), torch.split(targets, at_once), strict=True)
    return torch.cat([_row_losses(network, *part) for part in parts])


def _row_losses(network: Seq2SeqNetwork, rows: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    if not len(rows):
        return torch.zeros(0, device=rows.device)
    steps = int((targets != PAD).sum(1).max())
    targets = targets[:, : max(1, steps)]
    logits = network(rows, targets)
    each = functional.cross_entropy(logits.mT, targets, ignore_index=PAD, reduction="none")
    return each.sum(1)


def rows_at_once(network: Seq2SeqNetwork, places: int, steps: int, texts: int) -> int:
    """Rows that fit into `NUMBERS_AT_ONCE`, at least 1.

    Args:
        network: The network.
        places: Tokens that are read of each row.
        steps: Tokens that are written.
        texts: Logits of so many tokens are held at once for each row.

    Returns:
        Rows.

    Example:
        >>> network = Seq2SeqNetwork(Seq2Seq(hidden=8), source_tokens=9, target_tokens=7)
        >>> rows_at_once(network, places=64, steps=65, texts=1) > 1_000
        True
    """
    hidden = network.writer.hidden_size
    layers = network.writer.num_layers
    # Logits and their logarithms in double precision; states; what was written and from where; how
    # much of each place was looked at.
    writing = texts * (6 * network.start + 12 * hidden * layers + 4 * steps + 2 * places)
    return max(1, NUMBERS_AT_ONCE // (4 * places * hidden + writing))
