"""Operations of a training: counted on the steps that it takes, times the rows that it met."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial, reduce
from operator import add
from typing import Any, Protocol, cast

import numpy as np
import pandas as pd
import torch
from scipy import special
from torch import nn

from auditkit.methods.flops import Work, count_work
from auditkit.models import Model, NetworkModel
from auditkit.training.clipping import Losses, learning, write_clipped
from auditkit.training.huggingface_settings import HuggingFace
from auditkit.training.loop import Curve, Examples, Objective
from auditkit.training.seeds import seed_of, torch_generator
from auditkit.training.seq2seq_settings import Seq2Seq
from auditkit.training.settings import AnyArchitecture, TextLSTM
from auditkit.training.target import Target
from auditkit.training.tuning import Frozen

#: Rows that are counted where each costs the same: few, so that the count costs little.
ROWS = 8
#: Batches that are counted where rows differ in length.
BATCHES = 4
#: Rows that a teacher's predictions are counted on.
TAUGHT = 32
#: Level of the interval where the count is a mean over batches.
LEVEL = 0.95
#: What no count holds.
LEFT_OUT = ("loss", "optimiser", "validation")
#: And no count of private training: none of it is a matrix product, or done at every step.
LEFT_OUT_PRIVATELY = ("noise", "norms of vectors", "self-test")


@dataclass(frozen=True)
class Operations:
    """Operations of a training.

    Attributes:
        flops: Floating-point operations of all steps: products of matrices, convolutions,
            attention.
        low: Lower bound, where `flops` is a mean over batches times the rows; None where every
            row costs the same, and the count is exact.
        high: Upper bound, as `low`.
        level: Level of the bounds.
        batches: Batches that were counted.
        rows: Rows that were counted.
        not_counted: Layers with weights in which nothing was counted.
        left_out: What is not counted.
    """

    flops: int
    low: int | None = None
    high: int | None = None
    level: float = LEVEL
    batches: int = 1
    rows: int = 1
    not_counted: tuple[str, ...] = ()
    left_out: tuple[str, ...] = LEFT_OUT

    def __add__(self, other: Operations) -> Operations:
        """Add another part of the training to this one; bounds may err together, so they add up."""
        low, high = (mine + theirs for mine, theirs in zip(self.bounds, other.bounds, strict=True))
        exact = low == high
        return replace(
            self,
            flops=self.flops + other.flops,
            low=None if exact else low,
            high=None if exact else high,
            batches=self.batches + other.batches,
            rows=self.rows + other.rows,
            not_counted=tuple(dict.fromkeys(self.not_counted + other.not_counted)),
            left_out=tuple(dict.fromkeys(self.left_out + other.left_out)),
        )

    def to_dict(self) -> dict[str, Any]:
        """Give plain JSON values, for the record."""
        return asdict(self)

    @property
    def bounds(self) -> tuple[int, int]:
        """Lower and upper bound; both the count itself where it is exact."""
        if self.low is None or self.high is None:
            return self.flops, self.flops
        return self.low, self.high


def sample_of(architecture: AnyArchitecture, batch_size: int) -> tuple[int, int]:
    """Say what to count: whole batches where a row costs more or less than another.

    Args:
        architecture: The network.
        batch_size: Rows of a step.

    Returns:
        Batches, and rows of each.

    Example:
        >>> from auditkit.training import MLP
        >>> sample_of(MLP(), 256), sample_of(TextLSTM("review"), 256)
        ((1, 8), (4, 256))
    """
    by_length = isinstance(architecture, TextLSTM | Seq2Seq | HuggingFace)
    if by_length or getattr(architecture, "varying", False):
        return BATCHES, batch_size
    return 1, min(ROWS, batch_size)


class Learnt(Protocol):
    """What a network learns from the training rows."""

    def objective(self, network: Any, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:  # noqa: ANN401 - each target takes its own kind of network
        """Loss of each row with a network."""
        ...


def operations_of(
    network: nn.Module,
    examples: Examples,
    learnt: Learnt,
    curve: Curve,
    *,
    frozen: Frozen,
    sample: tuple[int, int],
    seed: int = 0,
    rows_at_once: int | None = None,
) -> Operations:
    """Count the operations of all steps of a training that is over.

    A step is taken again on rows of the training, without moving a weight: once while layers
    are frozen, and once while all learn. As many rows as were met in the epochs cost as much each.

    Args:
        network: The network; moved to the CPU, where operations are counted.
        examples: Training rows, at least one.
        learnt: What was learnt from them.
        curve: What the loop did.
        frozen: Layers that did not move for a while.
        sample: Batches to count, and rows of each; see `sample_of`.
        seed: Seed of the rows that are counted.
        rows_at_once: Rows that private training took at a time; None for ordinary training.

    Returns:
        The operations.
    """
    if examples.y.device.type != "cpu":
        network.to("cpu")
        examples = examples.to(torch.device("cpu"))
    step = plain_step = partial(_plain_step, network, learnt.objective)
    plain = rows_at_once is None
    if not plain:
        step = partial(_private_step, network, cast("Target", learnt).losses, rows_at_once)
    drawn = [examples.at(rows) for rows in _drawn(len(examples), *sample, seed)]
    parts = []
    for first, rows in _stages(curve, frozen):
        frozen.begin(first)
        counts = [count_work(network, partial(step, batch)) for batch in drawn]
        parts.append(_scaled(counts, [*map(len, drawn)], rows))
    whole = reduce(add, parts)
    if plain:
        return whole
    # Private training goes past the layers' own way forward, by which they are told apart.
    names = count_work(network, partial(plain_step, drawn[0]))
    left_out = LEFT_OUT + LEFT_OUT_PRIVATELY
    return replace(whole, not_counted=names.not_counted, left_out=left_out)


def _stages(curve: Curve, frozen: Frozen) -> Iterator[tuple[int, int]]:
    """First epoch and rows of the time when layers are frozen, and of that when all learn.

    Every epoch of a training of two stages meets the same rows: private training has but one.
    """
    numbers = [epoch.epoch for epoch in curve.epochs]
    for moves in (False, True):
        held = [number for number in numbers if frozen.moves(number) == moves]
        if held:
            yield held[0], curve.rows * len(held) // len(numbers)


def _plain_step(network: nn.Module, objective: Objective, batch: Examples) -> None:
    """Forward, and back to the weights that learn."""
    loss = batch.loss(network, objective)
    torch.autograd.grad(loss, learning(network), allow_unused=True)


def _private_step(network: nn.Module, losses: Losses, at_once: int | None, batch: Examples) -> None:
    """Norms of the gradients of rows, and the clipped sums."""
    write_clipped(network, batch.x, batch.y, losses, 1.0, at_once)
    network.zero_grad(set_to_none=True)


def count_lessons(teacher: Model | None, rows: pd.DataFrame) -> Operations:
    """Count the predictions of a teacher.

    Args:
        teacher: The teacher, or None.
        rows: Raw rows that it predicted, each once; at least one.

    Returns:
        The operations; none, and left out, where it is no network that one can look into.
    """
    if teacher is None:
        return Operations(0, batches=0, rows=0)
    if not isinstance(teacher, NetworkModel):
        return Operations(0, batches=0, rows=0, left_out=("predictions of the teacher",))
    encoded = torch.tensor(teacher.encode(rows.iloc[:TAUGHT]))
    network: nn.Module = teacher.network
    rows_alone = torch.split(encoded, 1)
    counts = [count_work(network, partial(network, row), training=False) for row in rows_alone]
    found = _scaled(counts, [1] * len(counts), len(rows))
    names = tuple(f"{name} of the teacher" for name in found.not_counted)
    return replace(found, not_counted=names)


def _drawn(count: int, batches: int, size: int, seed: int) -> Iterator[torch.Tensor]:
    generator = torch_generator(seed_of(seed, "counting"))
    for _ in range(batches):
        yield torch.randperm(count, generator=generator)[:size]


def _scaled(counts: Sequence[Work], sizes: Sequence[int], met: int) -> Operations:
    """Operations of so many rows, by those of a few."""
    flops, rows, count = sum(work.flops for work in counts), sum(sizes), len(counts)
    total = flops * met // rows
    each = np.array([work.flops / size for work, size in zip(counts, sizes, strict=True)])
    arm = 0
    if np.ptp(each) > 0:
        tail = special.stdtrit(count - 1, (1 + LEVEL) / 2)
        arm = round(float(tail * each.std(ddof=1) / np.sqrt(count)) * met)
    return Operations(
        total,
        max(0, total - arm) if arm else None,
        total + arm if arm else None,
        batches=count,
        rows=rows,
        not_counted=tuple(dict.fromkeys(name for work in counts for name in work.not_counted)),
    )
