"""How a trained network writes a text: greedily, or with several texts in view.

The score of a text is the logarithm of its probability, its end included, and is not divided by its
length. No text has more tokens than the length that is given: after that only the end is allowed.

Source:
    Graves (2012), arXiv:1211.3711, section 2.5, and Sutskever, Vinyals and Le (2014),
    arXiv:1409.3215, section 3.2, for the beam.
"""

from __future__ import annotations

import torch
from torch.nn import functional

from auditkit.encoding.text import FIRST, PAD
from auditkit.training.seq2seq import Reading, Seq2SeqNetwork, State, rows_at_once


def written(network: Seq2SeqNetwork, rows: torch.Tensor, length: int, beam: int) -> torch.Tensor:
    """Write a text for each row, with bounded memory.

    Args:
        network: The network, in evaluation mode.
        rows: Encoded texts to read, shape (n, places); n may be 0.
        length: Most tokens of a text.
        beam: Texts that are kept in view; 1 is `greedy`.

    Returns:
        Shape (n, length + 1): numbers of tokens, the end, then zeros.

    Example:
        >>> from auditkit.training import Seq2Seq
        >>> network = Seq2SeqNetwork(Seq2Seq(hidden=8), 9, 7).eval()
        >>> written(network, torch.zeros(0, 3), length=5, beam=1).shape
        torch.Size([0, 6])
    """
    out = torch.full((len(rows), length + 1), PAD, device=rows.device)
    at_once = rows_at_once(network, rows.shape[1], length + 1, texts=beam)
    for part, place in zip(torch.split(rows, at_once), torch.split(out, at_once), strict=True):
        if len(part):
            one = beam == 1
            found, _ = greedy(network, part, length) if one else beamed(network, part, length, beam)
            place[:, : found.shape[1]] = found
    return out


@torch.no_grad()
def greedy(
    network: Seq2SeqNetwork, rows: torch.Tensor, length: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Write the likeliest token at each step.

    Args:
        network: The network, in evaluation mode.
        rows: Encoded texts to read, shape (n, places), n > 0.
        length: Most tokens of a text.

    Returns:
        Numbers of tokens, shape (n, at most length + 1): the words, the end, then zeros; and the
        scores, shape (n,), float64; unit: nats.
    """
    reading = network.read(rows)
    state = reading.last
    tokens = torch.full((len(rows), 1), network.start, device=rows.device)
    scores, done = torch.zeros_like(tokens, dtype=torch.float64), tokens == network.end
    out = []
    for place in range(length + 1):
        logs, state = _next(network, tokens, state, reading, final=place == length)
        best, tokens = _only_zero_after(done, logs).max(-1)
        scores += best
        done = done | (tokens == network.end)
        out.append(tokens)
        if done.all():
            break
    return torch.cat(out, dim=1), scores[:, 0]


@torch.no_grad()
def beamed(
    network: Seq2SeqNetwork, rows: torch.Tensor, length: int, beam: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Keep the best few beginnings at each step, and take the best text in the end.

    A beam alone may lose the text that `greedy` finds on the way to others; where that text scores
    higher it is taken. So no score is ever below that of `greedy`.

    Args:
        network: The network, in evaluation mode.
        rows: Encoded texts to read, shape (n, places), n > 0.
        length: Most tokens of a text.
        beam: Beginnings that are kept.

    Returns:
        As `greedy`.
    """
    numbers, scores = _beam(network, rows, length, beam)
    simple, least = greedy(network, rows, length)
    steps = max(numbers.shape[1], simple.shape[1])
    numbers, simple = (functional.pad(n, (0, steps - n.shape[1])) for n in (numbers, simple))
    return torch.where((scores >= least)[:, None], numbers, simple), torch.maximum(scores, least)


def _beam(
    network: Seq2SeqNetwork, rows: torch.Tensor, length: int, beam: int
) -> tuple[torch.Tensor, torch.Tensor]:
    reading = network.read(rows)
    tokens = torch.full((len(rows), beam), network.start, device=rows.device)
    # At first all beginnings are the same, so only one of them counts.
    scores = torch.full_like(tokens, -torch.inf, dtype=torch.float64)
    scores[:, 0] = 0.0
    state, done = _chosen(reading.last, torch.zeros_like(tokens)), tokens == network.end
    steps = []
    for place in range(length + 1):
        logs, state = _next(network, tokens, state, reading, final=place == length)
        every = scores[..., None] + _only_zero_after(done, logs)
        scores, best = every.flatten(1).topk(beam)  # the highest first
        origin, tokens = best // logs.shape[-1], best % logs.shape[-1]
        state, done = _chosen(state, origin), done.gather(1, origin) | (tokens == network.end)
        steps.append((origin, tokens))
        if done[:, 0].all():  # a score never rises, so what leads and is whole has won
            break
    return _traced(steps), scores[:, 0]


def _next(
    network: Seq2SeqNetwork, tokens: torch.Tensor, state: State, reading: Reading, *, final: bool
) -> tuple[torch.Tensor, State]:
    """Log probabilities of the next tokens of beginnings.

    Args:
        network: The network.
        tokens: Last token of each beginning, shape (n, beginnings).
        state: State before it, its second axis n times beginnings long.
        reading: What was read.
        final: Whether only the end may follow.

    Returns:
        Shape (n, beginnings, target tokens), float64, minus infinity for what must not be written;
        and the state after the token.
    """
    vectors = network.embedding(tokens).flatten(0, 1)[:, None]
    states, state = network.writer(vectors, state)
    logits = network.logits(states.view(*tokens.shape, -1), reading)
    # In double precision, so that adding a score makes no two tokens equal.
    logs = logits.double().log_softmax(-1)
    logs[..., : network.end if final else FIRST] = -torch.inf
    return logs, state


def _only_zero_after(done: torch.Tensor, logs: torch.Tensor) -> torch.Tensor:
    """Let nothing but "no token" follow, for certain, where a text has its end."""
    certain = torch.full_like(logs[0, 0], -torch.inf)
    certain[PAD] = 0.0
    return torch.where(done[..., None], certain, logs)


def _chosen(state: State, origin: torch.Tensor) -> State:
    """States of the beginnings that the new ones, shape (n, beginnings), come from."""
    each = state[0].shape[1] // len(origin)
    first = each * torch.arange(len(origin), device=origin.device)
    places = (first[:, None] + origin).flatten()
    return state[0][:, places], state[1][:, places]


def _traced(steps: list[tuple[torch.Tensor, torch.Tensor]]) -> torch.Tensor:
    """Tokens of the best text, from its last back to its first."""
    at, out = torch.zeros_like(steps[0][0][:, :1]), []
    for origin, tokens in reversed(steps):
        out.append(tokens.gather(1, at))
        at = origin.gather(1, at)
    return torch.cat(out[::-1], dim=1)
