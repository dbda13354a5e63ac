"""Processes that train together: their shares, what they agree on, and their random numbers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from small_training import people
from torch import distributed, nn
from two_processes import of_one

from auditkit.audits.energy import Energy
from auditkit.subject import Subject
from auditkit.training import MLP, Training, TrainingError
from auditkit.training.loop import Examples, PlainSteps
from auditkit.training.networks import build
from auditkit.training.parallel import Processes, current, processes
from auditkit.training.seeds import seeded_dropout
from auditkit.training.target import Target


def test_the_cost_of_training_in_two_processes_is_not_measured() -> None:
    model, record = of_one("full")
    object.__setattr__(record, "processes", 2)
    subject = Subject.from_model(
        model, people(), label="y", sensitive=["job"], features=["age", "job"], record=record
    )
    evidence = Energy().run(subject, np.random.default_rng(0))
    found = {getattr(one, "metric", ""): one for one in evidence}
    assert getattr(found["training_cpu_seconds"], "value", 0) is None
    assert "only the first of the 2 processes" in str(
        getattr(found["training_cpu_seconds"], "reason", "")
    )


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_the_shares_of_a_batch_are_the_batch_and_differ_by_one_row_at_most(count: int) -> None:
    batch = torch.randperm(100, generator=torch.Generator().manual_seed(0))[:17]
    shares = [Processes(rank, count).share(batch) for rank in range(count)]
    assert sorted(torch.cat(shares).tolist()) == sorted(batch.tolist())
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_each_process_draws_dropout_of_its_own_and_the_first_as_if_it_were_alone() -> None:
    def drawn(*rank: int) -> list[float]:
        layer = nn.Dropout(0.5)
        with seeded_dropout(layer, 0, *rank):
            kept: list[float] = layer(torch.ones(50)).tolist()
        return kept

    assert drawn() == drawn(0) != drawn(1)
    assert drawn(1) == drawn(1) != drawn(2)


def test_without_torchrun_there_is_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "4")  # as other programs may set it, alone
    with processes() as here:
        assert here == current() == Processes(0, 1)
    assert here.sum(2.5) == here.agreed(lambda: 2.5) == 2.5


def gradient(here: Processes, rows: int, *, weighted: bool) -> tuple[torch.Tensor, float]:
    """Gradient and loss that one process finds for a batch of some rows."""
    generator = torch.Generator().manual_seed(0)
    network = build(MLP(hidden=(4,)), (3,), generator=generator)
    x = torch.randn(20, 3, generator=generator)
    weights = torch.rand(20, generator=generator) + 0.1 if weighted else None
    examples = Examples(x, (x[:, 0] > 0).float(), weights)
    steps = PlainSteps(network, examples, Target().objective, training=Training(), seed=0)
    steps._here = here
    loss = float(steps._gradient(torch.arange(rows)))
    found = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
    return torch.cat([each.flatten() for each in found]), loss


@pytest.mark.parametrize("rows", [1, 2, 9, 20])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_mean_gradient_of_the_processes_is_the_one_of_one_process(
    rows: int, *, weighted: bool
) -> None:
    expected, loss = gradient(Processes(), rows, weighted=weighted)
    parts = [gradient(Processes(rank, 3), rows, weighted=weighted) for rank in range(3)]
    mean = torch.stack([part for part, _ in parts]).mean(0)
    torch.testing.assert_close(mean, expected)
    assert sum(part for _, part in parts) == pytest.approx(loss)


@pytest.fixture
def group(tmp_path: Path) -> Iterator[Processes]:
    """What two processes do, in a group of which the other half never came."""
    alone = f"file://{tmp_path}/meeting"
    distributed.init_process_group("gloo", init_method=alone, rank=0, world_size=1)
    yield Processes(0, 2)
    distributed.destroy_process_group()


def test_the_network_is_wrapped_by_torchs_own_class_and_learns_the_same(group: Processes) -> None:
    bare = build(MLP(hidden=(4,)), (3,), generator=torch.Generator().manual_seed(0))
    again = build(MLP(hidden=(4,)), (3,), generator=torch.Generator().manual_seed(0))
    wrapped = group.wrap(again)
    assert isinstance(wrapped, nn.parallel.DistributedDataParallel)
    assert current() == Processes(0, 1)
    for network in (bare, wrapped):
        network(torch.ones(5, 3)).sum().backward()
    for mine, theirs in zip(bare.parameters(), again.parameters(), strict=True):
        assert mine.grad is not None
        assert theirs.grad is not None
        torch.testing.assert_close(mine.grad, theirs.grad)


def test_sums_and_words_pass_through_the_group_as_double_precision(group: Processes) -> None:
    assert group.sum(1 / 3) == group.agreed(lambda: 1 / 3) == 1 / 3


def test_one_that_has_something_else_is_named(
    group: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gather(found: list[torch.Tensor], mine: torch.Tensor) -> None:
        found[0].copy_(mine)
        found[1].copy_(mine + 1)

    monkeypatch.setattr(distributed, "all_gather", gather)
    with pytest.raises(TrainingError, match="process 2 of 2 has other weights than the first"):
        group.demand_same("weights", torch.ones(3))
