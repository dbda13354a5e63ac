"""What a step of private training costs, side by side with an ordinary one and with Opacus's own.

Called by `make bench`; CPU seconds, one thread, medians of steps that take turns. It puts its
section at the end of `benchmarks/speed.md`.
"""

from __future__ import annotations

import os
import statistics
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

import torch
from opacus import GradSampleModule, __version__
from opacus.layers import DPLSTM
from opacus.optimizers import DPOptimizer
from torch import nn
from torch.nn import functional

from auditkit.training import LSTM, MLP, Architecture, Privacy, Training
from auditkit.training.loop import Examples
from auditkit.training.networks import Network, build
from auditkit.training.private import PrivateSteps
from auditkit.training.target import Target

PAGE = Path(__file__).parent / "speed.md"
HEADING = "## A step of private training"
#: Rounds, and steps of each way in a round; Opacus's hooks take one.
ROUNDS, STEPS = 9, 10
RATE, NOISE, CLIP = 0.01, 1.0, 1.0
Step = Callable[[], object]


class Case:
    """A network and rows for it, drawn at random: only their shapes cost time."""

    def __init__(
        self, name: str, architecture: Architecture, shape: tuple[int, ...], rows: int, batch: int
    ) -> None:
        drawn = torch.Generator().manual_seed(0)
        self.name, self.architecture, self.shape, self.batch = name, architecture, shape, batch
        self.x = torch.randn(rows, *shape, generator=drawn)
        self.y = torch.randint(0, 2, (rows,), generator=drawn)

    @property
    def network(self) -> Network:
        """The same network every time."""
        generator = torch.Generator().manual_seed(0)
        return build(self.architecture, self.shape, generator=generator, outputs=2)

    def draw(self) -> tuple[torch.Tensor, torch.Tensor]:
        """A batch, indexed out of the rows."""
        rows = torch.randint(0, len(self.y), (self.batch,))
        return self.x.index_select(0, rows), self.y.index_select(0, rows)


def cases() -> list[Case]:
    """The two that the issue names."""
    return [
        Case(
            "MLP 100-256-128-2, 50,000 rows, batch 1,024", MLP(hidden=(256, 128)), (100,), 50_000,
            1_024,
        ),
        Case(
            "LSTM 128 over 64 steps of 64 numbers, batch 256", LSTM(hidden=128), (64, 64), 2_560,
            256,
        ),
    ]  # fmt: skip


def plain(case: Case) -> Step:
    """A tight loop over a tensor, without privacy; the fused optimizer of the training core."""
    network = case.network
    chosen = torch.optim.SGD(network.parameters(), RATE, fused=True)

    def step() -> None:
        x, y = case.draw()
        chosen.zero_grad()
        functional.cross_entropy(network(x), y).backward()  # type: ignore[no-untyped-call]
        chosen.step()

    return step


def ours(case: Case) -> Step:
    """A step of the training core, sampling, noise and the accountant's count included."""
    training = Training(
        epochs=1, batch_size=case.batch, optimizer="sgd", momentum=0.0, weight_decay=0.0,
        learning_rate=RATE,
    )  # fmt: skip
    steps = PrivateSteps(
        case.network, Examples(case.x, case.y), Target("multiclass", classes=("no", "yes")).losses,
        training=training, privacy=Privacy(noise_multiplier=NOISE, max_grad_norm=CLIP), seed=0,
    )  # fmt: skip
    return lambda: steps._step(steps._draw())  # noqa: SLF001 - one step of an epoch


def hooks(case: Case) -> Step:
    """A step of Opacus's default mode, its LSTM in the place of torch's."""
    network = case.network
    if isinstance(case.architecture, LSTM):
        lstm: Any = network.get_submodule("lstm")
        theirs = DPLSTM(lstm.input_size, lstm.hidden_size, batch_first=True)
        theirs.load_state_dict(lstm.state_dict())
        network.lstm, network.last = theirs, _LastStep()
    module: Any = GradSampleModule(network)
    chosen = DPOptimizer(
        torch.optim.SGD(module.parameters(), RATE), noise_multiplier=NOISE, max_grad_norm=CLIP,
        expected_batch_size=case.batch,
    )  # fmt: skip

    def step() -> None:
        x, y = case.draw()
        chosen.zero_grad()
        functional.cross_entropy(module(x), y).backward()  # type: ignore[no-untyped-call]
        chosen.step()

    return step


class _LastStep(nn.Module):
    """The last step of sequences that are equally long."""

    def forward(self, states: tuple[torch.Tensor, Any]) -> torch.Tensor:
        """Give the last step, shape (n, width)."""
        return states[0][:, -1]


def medians(ways: Mapping[str, tuple[Step, int]]) -> dict[str, list[float]]:
    """CPU seconds of a step of each way in each round, in turns, after one that warms up."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS + 1):
        for name, (step, count) in ways.items():
            start = time.process_time()
            for _ in range(count):
                step()
            found[name].append((time.process_time() - start) / count)
    return {name: times[1:] for name, times in found.items()}


def lines(case: Case) -> list[str]:
    """Measure a case; a line for each way, with how many times as much as plain it costs."""
    ways = {
        "without privacy": (plain(case), STEPS),
        "auditkit, private": (ours(case), STEPS),
        f"Opacus {__version__}, its default hooks": (hooks(case), 1),
    }
    found = medians(ways)
    base, private = found["without privacy"], statistics.median(found["auditkit, private"])
    said = []
    for way, times in found.items():
        ratio = statistics.median([time / plain for time, plain in zip(times, base, strict=True)])
        seconds = statistics.median(times)
        cells = (case.name, way, f"{seconds * 1000:.1f} ms", f"{ratio:.2f}")
        said.append(f"| {' | '.join(cells)} | {seconds / private:.1f} |")
    return said


def main() -> None:
    """Measure everything and put the section at the end of the page."""
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", "Full backward hook is firing", UserWarning)
    table = [line for case in cases() for line in lines(case)]
    section = [
        HEADING, "",
        f"One thread, CPU time, medians of {ROUNDS} rounds of {STEPS} steps (Opacus's: one) in "
        "turn; the ratio to the step without privacy is the median of those within a round. Plain "
        "steps index batches out of a tensor and take torch's own layers, the loss is softmax, "
        "the optimizer SGD. Private ones draw by Poisson, clip, add noise and count for the "
        "accountant.", "",
        "| network and rows | way | a step | times plain | times auditkit |",
        "|---|---|---|---|---|",
    ]  # fmt: skip
    text = "\n".join([*section, *table, ""])
    before = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    PAGE.write_text(f"{before.split(HEADING)[0].rstrip()}\n\n{text}", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
