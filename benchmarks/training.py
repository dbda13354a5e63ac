"""What an epoch of training costs, side by side with the loops that people write by hand.

Called by `make bench`; CPU seconds, one thread, medians of runs that take turns. It puts its
section at the end of `benchmarks/speed.md`.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from auditkit.training import LSTM, MLP, Architecture, PooledEmbedding, TextLSTM, Training
from auditkit.training.loop import Examples, PlainSteps
from auditkit.training.networks import build
from auditkit.training.target import Target

PAGE = Path(__file__).parent / "speed.md"
HEADING = "## An epoch of training"
RUNS = 9
BATCH = 256
Epoch = Callable[[], object]


@dataclass(frozen=True)
class Case:
    """A network and rows for it, drawn at random: only their shapes cost time."""

    name: str
    architecture: Architecture
    x: torch.Tensor
    y: torch.Tensor
    tokens: int = 0

    def network(self) -> nn.Module:
        """The same network every time."""
        generator = torch.Generator().manual_seed(0)
        shape = self.x.shape[1:]
        return build(self.architecture, shape, generator=generator, tokens=self.tokens)


def cases() -> list[Case]:
    """The shapes of the examples: the census, monthly bills, and short reviews."""
    drawn = torch.Generator().manual_seed(0)

    def numbers(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=drawn)

    def outcomes(rows: int) -> torch.Tensor:
        return (torch.rand(rows, generator=drawn) < 0.25).float()

    def texts(rows: int, length: int, tokens: int) -> torch.Tensor:
        words = torch.randint(2, tokens, (rows, length), generator=drawn)
        lengths = torch.randint(1, length + 1, (rows, 1), generator=drawn)
        return (words * (torch.arange(length) < lengths)).float()

    return [
        Case("MLP 64-32, 29,305 rows of 105", MLP(), numbers(29_305, 105), outcomes(29_305)),
        Case(
            "LSTM 32, 18,000 rows of 6 steps of 15", LSTM(), numbers(18_000, 6, 15),
            outcomes(18_000),
        ),
        Case(
            "pooled embedding, 4,000 texts of up to 64 words", PooledEmbedding(),
            texts(4_000, 64, 5_000), outcomes(4_000), 5_000,
        ),
        Case(
            "text LSTM, 1,000 texts of up to 64 words", TextLSTM(),
            texts(1_000, 64, 5_000), outcomes(1_000), 5_000,
        ),
    ]  # fmt: skip


def ours(case: Case) -> Epoch:
    """The training core."""
    examples, training = Examples(case.x, case.y), Training(batch_size=BATCH)
    steps = PlainSteps(case.network(), examples, Target().objective, training=training, seed=0)
    return steps.take


def optimizer(network: nn.Module, *, fused: bool | None) -> torch.optim.Optimizer:
    """The optimizer of the training core, with or without its fused kernel."""
    return torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=1e-4, fused=fused)


def step(
    network: nn.Module, chosen: torch.optim.Optimizer, x: torch.Tensor, y: torch.Tensor
) -> None:
    """A step as tutorials write it."""
    chosen.zero_grad()
    loss = nn.functional.binary_cross_entropy_with_logits(network(x), y)
    loss.backward()  # type: ignore[no-untyped-call]
    chosen.step()


def by_hand(case: Case, *, fused: bool | None = None) -> Epoch:
    """A bare loop: the rows are two tensors, and a batch is indexed out of them."""
    network = case.network()
    chosen = optimizer(network, fused=fused)

    def epoch() -> None:
        order = torch.randperm(len(case.y))
        for start in range(0, len(case.y), BATCH):
            rows = order[start : start + BATCH]
            step(network, chosen, case.x[rows], case.y[rows])

    return epoch


def by_loader(case: Case, *, fused: bool | None = None) -> Epoch:
    """The usual loop over a DataLoader."""
    network = case.network()
    chosen = optimizer(network, fused=fused)
    loader = DataLoader(TensorDataset(case.x, case.y), batch_size=BATCH, shuffle=True)

    def epoch() -> None:
        for x, y in loader:
            step(network, chosen, x, y)

    return epoch


def medians(epochs: Mapping[str, Epoch]) -> dict[str, float]:
    """Median CPU seconds of each, in turns, after one that warms up."""
    found: dict[str, list[float]] = {name: [] for name in epochs}
    for _ in range(RUNS + 1):
        for name, epoch in epochs.items():
            start = time.process_time()
            epoch()
            found[name].append(time.process_time() - start)
    return {name: statistics.median(times[1:]) for name, times in found.items()}


def lines(case: Case, *, loaders: bool) -> list[str]:
    """Measure a case; a line for each way, with how many times as much it costs."""
    ways: dict[str, Any] = {
        "auditkit": ours(case),
        "bare loop, fused AdamW as in auditkit": by_hand(case, fused=True),
        "bare loop, AdamW as torch chooses": by_hand(case),
    }
    if loaders:
        ways |= {
            "DataLoader loop, fused AdamW": by_loader(case, fused=True),
            "DataLoader loop, AdamW as torch chooses": by_loader(case),
        }
    found = medians(ways)
    base = found["auditkit"]
    return [
        f"| {case.name} | {way} | {seconds * 1000:.0f} ms | {base / seconds:.2f} |"
        for way, seconds in found.items()
    ]


def main() -> None:
    """Measure everything and put the section at the end of the page."""
    torch.set_num_threads(1)
    table = [
        line for number, case in enumerate(cases()) for line in lines(case, loaders=not number)
    ]
    section = [
        HEADING, "",
        f"Batches of {BATCH}, one thread, CPU time, medians of {RUNS} epochs in turn, rows drawn "
        "at random. The last column is what auditkit takes over what the way takes; below 1 it is "
        "the faster.", "",
        "| network and rows | way | an epoch | auditkit takes |", "|---|---|---|---|",
    ]  # fmt: skip
    text = "\n".join([*section, *table, ""])
    before = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    PAGE.write_text(f"{before.split(HEADING)[0].rstrip()}\n\n{text}", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
