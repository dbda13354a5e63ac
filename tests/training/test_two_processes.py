"""Two processes train as one: the same weights in both, and those of one process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import two_processes
from small_training import people
from two_processes import FITS, launch, of_one

from auditkit.cli import cli, status_of
from auditkit.models.torch import TorchModel

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """What two processes found."""
    out = tmp_path_factory.mktemp("both")
    for done in launch(two_processes.__file__, out):
        assert done.returncode == 0, done.stderr
    return out, [json.loads((out / f"{rank}.json").read_text("utf-8")) for rank in (0, 1)]


@pytest.mark.parametrize("name", FITS)
def test_both_processes_have_the_same_model_bit_by_bit(
    both: tuple[Path, list[dict[str, Any]]], name: str
) -> None:
    first, second = (found[name] for found in both[1])
    assert first["sha256"] == second["sha256"]
    losses = [
        [(epoch["train_loss"], epoch["validation_loss"]) for epoch in one["record"]["epochs"]]
        for one in (first, second)
    ]
    assert losses[0] == losses[1]
    assert first["record"]["processes"] == 2


@pytest.mark.parametrize("name", [name for name in FITS if name != "dropout"])
def test_two_processes_give_the_weights_and_losses_of_one(
    both: tuple[Path, list[dict[str, Any]]], name: str
) -> None:
    one, record = of_one(name)
    two, said = type(one).load(both[0] / name), both[1][0][name]["record"]
    weights = two.network.state_dict()
    for key, tensor in one.network.state_dict().items():
        torch.testing.assert_close(weights[key], tensor, atol=1e-5, rtol=0)
    for mine, theirs in zip(record.to_dict()["epochs"], said["epochs"], strict=True):
        assert theirs["train_loss"] == pytest.approx(mine["train_loss"], abs=1e-5)
        assert theirs["validation_loss"] == pytest.approx(mine["validation_loss"], abs=1e-5)
    for key in ("rows", "steps", "samples_seen", "best_epoch", "stopped_early"):
        assert said[key] == record.to_dict()[key]


def test_with_dropout_the_quality_is_that_of_one_process(
    both: tuple[Path, list[dict[str, Any]]],
) -> None:
    from sklearn.metrics import log_loss, roc_auc_score

    fresh = people(4_000, seed=1)
    one, two = of_one("dropout")[0], TorchModel.load(both[0] / "dropout")
    scores = [model.scores(fresh) for model in (one, two)]
    aucs = [roc_auc_score(fresh["y"], each) for each in scores]
    assert aucs[0] > 0.85
    assert aucs[1] == pytest.approx(aucs[0], abs=0.01)
    losses = [log_loss(fresh["y"], each) for each in scores]
    assert losses[1] == pytest.approx(losses[0], abs=0.02)


def test_processes_with_other_rows_all_refuse_to_train(
    both: tuple[Path, list[dict[str, Any]]],
) -> None:
    expected = "process 2 of 2 has other rows or settings than the first; nothing was saved"
    assert [found["other rows"] for found in both[1]] == [expected] * 2


@pytest.mark.parametrize("name", ["private", "private text"])
def test_two_processes_spend_and_prove_what_one_does(
    both: tuple[Path, list[dict[str, Any]]], name: str
) -> None:
    wanted = of_one(name)[1].privacy
    for found in both[1]:
        said = found[name]["record"]["privacy"]
        assert max(said.pop("self_test").values()) < 1e-5
        assert said == {key: value for key, value in wanted.items() if key != "self_test"}


CONFIG = """
[subject]
name = "people"
data = "people.csv"
label = "y"
[subject.model]
train = "mlp"
hidden = [8]
[subject.training]
epochs = 4
batch_size = 7
learning_rate = 0.01
"""


def torchrun(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The documented line, in a folder with a configuration."""
    people().to_csv(folder / "people.csv", index=False)
    (folder / "auditkit.toml").write_text(CONFIG, encoding="utf-8")
    started = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    alone = ["--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0"]
    return subprocess.run(
        [*started, *alone, "-m", "auditkit", "train", "auditkit.toml", *arguments],
        cwd=folder, env=two_processes.environment(), capture_output=True, text=True, check=False,
        timeout=120,
    )  # fmt: skip


def test_torchrun_trains_the_model_that_one_process_trains_and_one_process_speaks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = torchrun(tmp_path, "--out", "two")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    assert done.stdout.startswith("mlp: 49 parameters, 240 rows, 4 epochs, validation loss 0.")
    one = ["train", str(tmp_path / "auditkit.toml"), "--out", str(tmp_path / "one")]
    assert status_of(lambda: cli(one, standalone_mode=False)) == 0
    assert done.stdout.split("loss 0.")[1][:4] == capsys.readouterr().out.split("loss 0.")[1][:4]
    rows = people(500, seed=3)
    scores = [TorchModel.load(tmp_path / name).scores(rows) for name in ("one", "two")]
    assert abs(scores[0] - scores[1]).max() < 1e-4
    record = json.loads((tmp_path / "two" / "training.json").read_text(encoding="utf-8"))
    assert record["processes"] == 2


FAILS = """
import os, sys
import torch
from auditkit.cli import status_of
from auditkit.errors import InputError, Problem
from auditkit.training import MLP, Training, processes

def work():
    with processes() as here:
        if sys.argv[1] == "all" or (sys.argv[1] == "refuses" and not here.first):
            raise InputError([Problem("file", "nothing", "something")])
        if sys.argv[1] == "refuses":
            here.sum(1.0)
        if not here.first:  # in the middle of a step
            torch.nn.Linear.forward = lambda *_: os._exit(9)
        from small_training import people
        from auditkit.training import fit
        fit(MLP(hidden=(2,)), people(100), label="y", training=Training(epochs=2))

sys.exit(status_of(work))
"""


def fails(folder: Path, how: str) -> list[subprocess.CompletedProcess[str]]:
    """Two processes of which one fails, or both do."""
    script = folder / "fails.py"
    script.write_text(FAILS, encoding="utf-8")
    return launch(script, how)


def test_what_all_processes_find_wrong_is_said_once(tmp_path: Path) -> None:
    first, second = fails(tmp_path, "all")
    assert (first.returncode, second.returncode) == (2, 2)
    assert first.stderr == ("auditkit: 1 problem:\n  1. file: found nothing, expected something.\n")
    assert second.stderr == ""


@pytest.mark.parametrize(
    ("how", "status", "said"),
    [
        ("refuses", 2, "auditkit: process 2 of 2: 1 problem:\n  1. file: found nothing"),
        ("dies", 9, ""),
    ],
)
def test_a_process_that_fails_ends_the_other_with_a_plain_message(
    tmp_path: Path, how: str, status: int, said: str
) -> None:
    first, second = fails(tmp_path, how)
    assert (first.returncode, second.returncode) == (2, status)
    assert first.stderr == (
        "auditkit: process 1 of 2: another process stopped or is silent; nothing was saved\n"
    )
    assert second.stderr.startswith(said)
    assert "Traceback" not in second.stderr
