"""Random numbers from one seed: a stream of its own for each purpose, torch's own untouched."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn


def seed_of(seed: int, purpose: str) -> np.random.SeedSequence:
    """Make the seed of one purpose, so that one more purpose changes no other's numbers.

    Args:
        seed: Seed of the run, at least 0.
        purpose: What for, for example "weights".

    Returns:
        The seed.
    """
    return np.random.SeedSequence([seed, zlib.crc32(purpose.encode())])


def torch_generator(sequence: np.random.SeedSequence) -> torch.Generator:
    """Make a generator of torch from a seed.

    Example:
        >>> first = torch_generator(seed_of(0, "weights"))
        >>> again = torch_generator(seed_of(0, "weights"))
        >>> bool(torch.rand(1, generator=first) == torch.rand(1, generator=again))
        True
    """
    return torch.Generator().manual_seed(int(sequence.generate_state(1, np.uint32)[0]))


def draws(network: nn.Module) -> bool:
    """Whether a network draws random numbers while it is trained.

    Example:
        >>> draws(nn.Dropout(0.5)), draws(nn.Dropout(0.0))
        (True, False)
    """
    # An LSTM and attention drop without a layer that does it, by a rate of their own.
    rates = (
        getattr(layer, name, 0)
        for layer in network.modules()
        for name in ("p", "dropout", "attention_dropout")
    )
    return any(isinstance(rate, int | float) and rate > 0 for rate in rates)


@contextmanager
def seeded_dropout(network: nn.Module, seed: int, rank: int = 0) -> Iterator[None]:
    """Give dropout, which only knows torch's global random numbers, a seed for a while.

    Args:
        network: The rates of its layers decide whether anything is done at all, and its weights on
            which device.
        seed: Seed of the run.
        rank: Number of the process; each draws numbers of its own.

    Yields:
        Nothing; afterwards torch's global random numbers go on as if nothing had been.

    Example:
        >>> network = nn.Dropout(0.5)
        >>> with seeded_dropout(network, 0):
        ...     first = network(torch.ones(9))
        >>> with seeded_dropout(network, 0):
        ...     again = network(torch.ones(9))
        >>> torch.equal(first, again)
        True
    """
    drops = draws(network)
    cuda = sorted({p.device.index for p in network.parameters() if p.device.type == "cuda"})
    with torch.random.fork_rng(devices=cuda, enabled=drops):
        if drops:
            purpose = f"dropout {rank}" if rank else "dropout"
            state = seed_of(seed, purpose).generate_state(1, np.uint32)
            torch.default_generator.manual_seed(int(state[0]))
            for index in cuda:
                torch.cuda.default_generators[index].manual_seed(int(state[0]))
        yield
