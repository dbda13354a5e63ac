"""What the counted step costs beside an ordinary one.

Called by `make bench`; CPU seconds, one thread, medians of steps that take turns. It writes
`benchmarks/flops.md`. A training counts one step of a few rows, or, where rows differ in length,
four whole ones.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

import torch
from torch import nn

from auditkit.methods.flops import count_work
from auditkit.training import LSTM, MLP
from auditkit.training.clipping import write_clipped
from auditkit.training.networks import build
from auditkit.training.operations import ROWS
from auditkit.training.target import Target

PAGE = Path(__file__).parent / "flops.md"
#: Rounds of an ordinary step and the counted ones.
ROUNDS = 15
Step = Callable[[nn.Module, torch.Tensor], None]


def plain(network: nn.Module, x: torch.Tensor) -> None:
    """Forward, and back to the weights."""
    torch.autograd.grad(network(x).sum(), list(network.parameters()))


def private(network: nn.Module, x: torch.Tensor) -> None:
    """The same with the gradient of each row clipped."""
    write_clipped(network, x, torch.zeros(len(x)), Target().losses, 1.0)
    network.zero_grad(set_to_none=True)


def steps() -> Iterator[tuple[str, nn.Module, Step, torch.Tensor]]:
    """Each step: its name, its network, what it does, and with which rows."""
    drawn = torch.Generator().manual_seed(0)
    made = partial(build, generator=drawn)
    wide, long = torch.randn(1_024, 100, generator=drawn), torch.randn(256, 64, 64, generator=drawn)
    mlp, lstm = made(MLP(hidden=(256, 128)), (100,)), made(LSTM(hidden=128), (64, 64))
    for name, network, rows in (
        ("MLP 100-256-128-1, batch 1,024", mlp, wide),
        ("LSTM 128 over 64 steps of 64 numbers, batch 256", lstm, long),
    ):
        yield name, network, plain, rows
        yield f"{name}, private", network, private, rows
    images = torch.randn(64, 3, 32, 32, generator=drawn)
    convolutions = nn.Sequential(nn.Conv2d(3, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3, stride=2))
    yield "two convolutions over 32 x 32 points, batch 64", convolutions, plain, images
    layer = nn.TransformerEncoderLayer(128, 4, 256, dropout=0.0, batch_first=True)
    texts = torch.randn(64, 64, 128, generator=drawn)
    yield "a transformer layer of width 128, 64 tokens, batch 64", layer, plain, texts


def seconds(work: Callable[[], object]) -> float:
    """CPU time of one call."""
    start = time.process_time()
    work()
    return time.process_time() - start


def line(name: str, network: nn.Module, step: Step, x: torch.Tensor) -> str:
    """Measure a step, uncounted, counted on few rows and on all; its line of the table."""
    ways: list[Callable[[], object]] = [
        partial(step, network, x),
        partial(count_work, network, partial(step, network, x[:ROWS])),
        partial(count_work, network, partial(step, network, x)),
    ]
    rounds = [[seconds(way) for way in ways] for _ in range(ROUNDS + 1)][1:]
    ordinary, few, whole = zip(*rounds, strict=True)
    times = [f"{statistics.median(one) * 1000:.1f} ms" for one in (ordinary, few, whole)]
    ratios = [
        f"{statistics.median(b / a for a, b in zip(ordinary, one, strict=True)):.2f}"
        for one in (few, whole)
    ]
    flops = count_work(network, ways[0]).flops
    return f"| {' | '.join([name, f'{flops:,}', *times, *ratios])} |"


def main() -> None:
    """Measure everything and write the page."""
    torch.set_num_threads(1)
    text = "\n".join(
        [
            "# Counting operations",
            "",
            f"One thread, CPU time, medians of {ROUNDS} rounds of each way in turn; the ratios are "
            "medians of those within a round. An ordinary step goes forward and back; a counted "
            f"one does so in kernels that can be counted. A training counts one step of {ROWS} "
            "rows, for every row costs the same; one whose rows differ in length counts four "
            "whole ones.",
            "",
            "| step | operations | ordinary | counted on "
            f"{ROWS} rows | counted on all | {ROWS} rows / ordinary | all / ordinary |",
            "|---|---|---|---|---|---|---|",
            *(line(*given) for given in steps()),
            "",
        ]
    )
    PAGE.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
