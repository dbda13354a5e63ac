"""Where a network is trained: chosen plainly, moved once, and the same numbers on the CPU."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from small_training import SMALL_LSTM, cards, people

from auditkit.errors import InputError
from auditkit.loading import prepare
from auditkit.training import LSTM, MLP, Architecture, Privacy, Training, fit
from auditkit.training.devices import device_for, device_name
from auditkit.training.loop import Examples, PlainSteps, mean_loss
from auditkit.training.networks import build
from auditkit.training.target import Target

CPU = torch.device("cpu")
FEW = Training(epochs=3, batch_size=32)
#: Holds shapes and no numbers, and refuses to work with what lies on another device.
ELSEWHERE = torch.device("meta")


def machine(
    monkeypatch: pytest.MonkeyPatch, devices: int, rank: int | None = None, processes: int = 1
) -> None:
    """A machine of so many CUDA devices, and this process among its processes."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: devices > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: devices)
    if rank is not None:
        monkeypatch.setenv("LOCAL_RANK", str(rank))
        monkeypatch.setenv("LOCAL_WORLD_SIZE", str(processes))


def test_cuda_is_taken_where_there_is_one_and_the_cpu_where_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine(monkeypatch, 0)
    assert device_for(Training()) == CPU
    machine(monkeypatch, 2)
    assert device_for(Training()) == device_for(Training(device="cuda")) == torch.device("cuda", 0)
    assert device_for(Training(device="cpu")) == CPU


def test_each_process_takes_a_device_of_its_own_or_all_take_the_cpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine(monkeypatch, 2, rank=1, processes=2)
    assert device_for(Training()) == torch.device("cuda", 1)
    machine(monkeypatch, 1, rank=0, processes=2)
    assert device_for(Training()) == CPU
    with pytest.raises(InputError, match="found 1 CUDA devices, expected 2 CUDA devices"):
        device_for(Training(device="cuda"))


def test_private_training_takes_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, 1)
    assert device_for(Training(), Privacy()) == CPU
    with pytest.raises(InputError, match="cuda for private training"):
        device_for(Training(device="cuda"), Privacy())


def test_cuda_where_there_is_none_is_told_with_every_other_problem(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    machine(monkeypatch, 0)
    with pytest.raises(InputError, match=r"Training\.device: found no CUDA devices"):
        fit(MLP(hidden=(2,)), people(), label="y", training=Training(device="cuda"))
    people().to_csv(tmp_path / "rows.csv", index=False)
    config = tmp_path / "auditkit.toml"
    config.write_text(
        '[subject]\nname = "n"\ndata = "rows.csv"\nlabel = "nothing"\n'
        '[subject.model]\ntrain = "mlp"\n[subject.training]\ndevice = "cuda"\n',
        encoding="utf-8",
    )
    found = [str(problem) for problem in prepare(config)[1]]
    assert any("[subject.training] device: found no CUDA devices" in said for said in found)
    assert any("nothing" in said for said in found)


@pytest.mark.parametrize(
    ("architecture", "rows"),
    [(MLP(hidden=(8,), dropout=0.3), people()), (SMALL_LSTM, cards())],
    ids=["mlp", "lstm"],
)
def test_auto_equals_cpu_bit_by_bit_where_there_is_no_cuda(
    monkeypatch: pytest.MonkeyPatch, architecture: Architecture, rows: pd.DataFrame
) -> None:
    machine(monkeypatch, 0)
    first, record = fit(architecture, rows, label="y", training=FEW)
    again, _ = fit(architecture, rows, label="y", training=dataclasses.replace(FEW, device="cpu"))
    assert first.sha256 == again.sha256
    assert record.to_dict()["device"] == "cpu"


@pytest.mark.parametrize(
    ("architecture", "shape"),
    [(MLP(hidden=(4,), dropout=0.5), (3,)), (LSTM(hidden=4), (5, 2))],
    ids=["mlp", "lstm"],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_gradient_of_a_batch_is_found_on_the_device_alone(
    architecture: Architecture, shape: tuple[int, ...], *, weighted: bool
) -> None:
    network = build(architecture, shape, generator=torch.Generator().manual_seed(0))
    weights = torch.ones(10) if weighted else None
    here = Examples(torch.zeros(10, *shape), torch.zeros(10), weights)
    steps = PlainSteps(network, here, Target().objective, training=FEW, seed=0)
    network.to(ELSEWHERE)
    steps._examples = here.to(ELSEWHERE)
    loss = steps._gradient(torch.arange(4, device=ELSEWHERE))
    assert loss.device == ELSEWHERE
    assert {
        parameter.grad.device for parameter in network.parameters() if parameter.grad is not None
    } == {ELSEWHERE}
    steps._examples = here
    with pytest.raises(RuntimeError, match="meta"):
        steps._gradient(torch.arange(4))


def test_rows_and_network_are_moved_to_the_device_once_and_the_model_comes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moved: list[tuple[str, torch.device]] = []
    examples_to, network_to = Examples.to, torch.nn.Module.to

    def examples(self: Examples, device: torch.device) -> Examples:
        moved.append((f"{len(self)} rows", device))
        return examples_to(self, device)

    def network(self: torch.nn.Module, device: torch.device) -> torch.nn.Module:
        moved.append((type(self).__name__, device))
        return network_to(self, device)

    monkeypatch.setattr(Examples, "to", examples)
    monkeypatch.setattr(torch.nn.Module, "to", network)
    monkeypatch.setattr("auditkit.training.fitting.device_for", lambda *_: CPU)
    model, _ = fit(MLP(hidden=(4,)), people(), label="y", training=FEW)
    assert sorted(moved, key=str) == [("360 rows", CPU), ("40 rows", CPU), ("Network", CPU)]
    assert {parameter.device for parameter in model.network.parameters()} == {CPU}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA here")
@pytest.mark.parametrize(
    ("architecture", "rows"), [(MLP(hidden=(8,)), people()), (SMALL_LSTM, cards())]
)
def test_cuda_gives_the_scores_of_the_cpu(architecture: Architecture, rows: pd.DataFrame) -> None:
    first, record = fit(architecture, rows, label="y", training=FEW)
    again, _ = fit(architecture, rows, label="y", training=dataclasses.replace(FEW, device="cpu"))
    assert record.device == device_name(torch.device("cuda", 0))
    assert {parameter.device for parameter in first.network.parameters()} == {CPU}
    np.testing.assert_allclose(first.scores(rows), again.scores(rows), atol=1e-4)


def test_the_mean_loss_is_the_one_of_all_rows_together() -> None:
    network = build(MLP(hidden=()), (2,), generator=torch.Generator().manual_seed(0))
    x = torch.linspace(-3, 3, 40_000).reshape(20_000, 2)
    y = (x[:, 0] > 0).float()
    expected = Target().losses(network(x), y).detach().double().mean()
    assert mean_loss(network, Examples(x, y), Target().objective) == pytest.approx(float(expected))
