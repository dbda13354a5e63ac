"""A run that was killed goes on and ends as if nothing had been; what does not fit is refused."""

from __future__ import annotations

import dataclasses
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from small_training import SMALL_LSTM, cards, people

from auditkit.errors import InputError
from auditkit.training import (
    LSTM,
    MLP,
    Architecture,
    PooledEmbedding,
    Privacy,
    Seq2Seq,
    Training,
    fit,
)
from auditkit.training.checkpoint import FILE
from auditkit.training.demands import demand_together
from auditkit.training.loop import Examples

DEEP_LSTM = LSTM(hidden=4, layers=2, dropout=0.3, sequence=SMALL_LSTM.sequence, static=["limit"])
DROPPING = MLP(hidden=(8,), dropout=0.3)
SETTINGS = Training(epochs=6, batch_size=32, learning_rate=0.01)
SGD = dataclasses.replace(SETTINGS, optimizer="sgd", schedule="plateau")

#: A process that is killed in the middle of an epoch.
CHILD = """
import os, signal, sys
import torch
from auditkit.training import loop
torch.set_num_threads(1)
sys.path.insert(0, sys.argv[1])
from training import test_checkpoint as tests
plain, met = loop.Examples.loss, 0
def loss(self, network, objective):
    global met
    met += 1
    if met == int(sys.argv[4]):
        os.kill(os.getpid(), signal.SIGKILL)
    return plain(self, network, objective)
loop.Examples.loss = loss
tests.trained(sys.argv[2], sys.argv[3])
"""

KINDS: dict[str, tuple[Architecture, pd.DataFrame, Training]] = {
    "mlp": (DROPPING, people(), SETTINGS),
    "lstm": (DEEP_LSTM, cards(), SGD),
}


def trained(kind: str, folder: str | Path | None) -> Any:
    architecture, rows, training = KINDS[kind]
    return fit(architecture, rows, label="y", training=training, checkpoint=folder)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_was_killed_twice_ends_with_the_same_bits(kind: str, tmp_path: Path) -> None:
    here = Path(__file__).parents[1]
    for losses in (30, 25):  # an epoch has about a dozen
        command = [sys.executable, "-c", CHILD, str(here), kind, str(tmp_path), str(losses)]
        done = subprocess.run(command, check=False, timeout=120)
        assert done.returncode == -signal.SIGKILL
        assert [file.name for file in tmp_path.iterdir()] == [FILE]
    state = torch.get_rng_state()
    model, record = trained(kind, tmp_path)
    assert torch.equal(torch.get_rng_state(), state)
    whole, unbroken = trained(kind, None)
    assert model.sha256 == whole.sha256
    assert len(record.resumed_after) == 2
    assert 0 < record.resumed_after[0] < record.resumed_after[1] < len(record.epochs)
    for name in ("steps", "samples_seen", "best_epoch", "stopped_early"):
        assert getattr(record, name) == getattr(unbroken, name)
    assert [e.validation_loss for e in record.epochs] == [
        e.validation_loss for e in unbroken.epochs
    ]


class StoppedError(Exception):
    """Stands for a machine that fails."""


def interrupted(monkeypatch: pytest.MonkeyPatch, losses: int, **arguments: Any) -> None:
    """Train until so many losses were taken."""
    plain, met = Examples.loss, []

    def loss(self: Examples, *given: Any) -> torch.Tensor:
        met.append(1)
        if len(met) == losses:
            raise StoppedError
        return plain(self, *given)

    with monkeypatch.context() as patch:
        patch.setattr(Examples, "loss", loss)
        with pytest.raises(StoppedError):
            fit(**arguments)


def texts() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    mood = rng.choice(["fine", "awful"], 200)
    return pd.DataFrame({"text": [f"a {word} film" for word in mood], "y": mood == "fine"})


def words() -> pd.DataFrame:
    return pd.DataFrame({"word": ["ab", "ba", "abba"] * 40, "y": ["A B", "B A", "A B B A"] * 40})


@pytest.mark.parametrize(
    ("architecture", "rows", "more"),
    [
        (PooledEmbedding(length=4, hidden=4, embedding=4), texts(), {}),
        (DEEP_LSTM, cards(), {}),
        (DROPPING, people().assign(w=np.arange(400) % 3), {"weight": "w"}),
        (Seq2Seq("word", hidden=4), words(), {"task": "sequence-to-sequence"}),
    ],
    ids=["text", "lstm", "weights", "seq2seq"],
)
@pytest.mark.parametrize(
    "training",
    [
        Training(epochs=4, batch_size=32, optimizer="adam"),
        Training(epochs=4, batch_size=32, optimizer="sgd", momentum=0.0, patience=0),
    ],
    ids=["adam", "sgd"],
)
def test_every_kind_of_network_and_optimizer_goes_on(
    architecture: Any,
    rows: pd.DataFrame,
    more: dict[str, Any],
    training: Training,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = {"architecture": architecture, "rows": rows, "label": "y", "training": training, **more}
    interrupted(monkeypatch, 15, checkpoint=tmp_path, **given)
    model, record = fit(checkpoint=tmp_path, **given)
    assert 0 < record.resumed_after[0] < len(record.epochs) == 4
    assert model.sha256 == fit(**given)[0].sha256


def test_a_run_that_ended_is_not_trained_again(tmp_path: Path) -> None:
    stopping = Training(epochs=40, batch_size=32, learning_rate=0.5, patience=2)
    first, record = fit(DROPPING, people(), label="y", training=stopping, checkpoint=tmp_path)
    assert record.stopped_early
    again, same = fit(DROPPING, people(), label="y", training=stopping, checkpoint=tmp_path)
    assert first.sha256 == again.sha256
    assert same.resumed_after == (len(record.epochs),)
    assert (same.epochs, same.best_epoch, same.stopped_early) == (
        record.epochs, record.best_epoch, True,
    )  # fmt: skip


def test_a_checkpoint_of_another_run_is_refused_with_what_differs(tmp_path: Path) -> None:
    fit(DROPPING, people(), label="y", training=SETTINGS, checkpoint=tmp_path, seed=3)
    other = dataclasses.replace(SETTINGS, learning_rate=0.02, class_weight="balanced")
    with pytest.raises(InputError) as error:
        fit(MLP(hidden=(8,)), people(n=410), label="y", training=other, checkpoint=tmp_path)
    told = [problem.found.split(" ")[0] for problem in error.value.problems]
    assert told == ["dropout", "class_weight", "learning_rate", "seed", "training", "validation",
                    "first"]  # fmt: skip
    assert "learning_rate '0.01', expected '0.02', as this run has it" in str(error.value)
    assert str(tmp_path) not in str(error.value)


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "other", "folder"])
def test_a_damaged_checkpoint_is_refused_plainly(damage: str, tmp_path: Path) -> None:
    fit(DROPPING, people(), label="y", training=SETTINGS, checkpoint=tmp_path)
    file = tmp_path / FILE
    content = bytearray(file.read_bytes())
    content[-9] ^= 1
    wrong = {"cut": bytes(content[:-100]), "flipped": bytes(content), "empty": b""}
    file.unlink()
    if damage == "folder":
        file.mkdir()
    elif damage == "other":
        from safetensors.torch import save_file

        save_file({"a": torch.zeros(2)}, file)
    else:
        file.write_bytes(wrong[damage])
    with pytest.raises(InputError, match="a damaged checkpoint"):
        fit(DROPPING, people(), label="y", training=SETTINGS, checkpoint=tmp_path)


def test_private_training_keeps_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="subtract the noise"):
        fit(MLP(), people(), label="y", privacy=Privacy(), checkpoint=tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_several_processes_keep_no_checkpoint_and_let_no_layer_go() -> None:
    letting_go = Training(freeze=["linear1"], unfreeze_after=2)
    demand_together(1, letting_go, "folder")
    demand_together(2, Training(freeze=["linear1"]), None)
    with pytest.raises(InputError, match="training in 2 processes, expected one process") as error:
        demand_together(2, letting_go, "folder")
    assert len(error.value.problems) == 2
