"""`auditkit train`: what is described is trained and saved, whole or not at all."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from small_training import people

from auditkit.cli import cli, status_of
from auditkit.loading import load_subject
from auditkit.models.torch import TorchModel

CONFIG = """
[subject]
name = "people"
data = "people.csv"
label = "y"
sensitive = ["job"]
[subject.model]
{model}
[subject.training]
epochs = 2
batch_size = 64
{training}
"""


def write(folder: Path, model: str = 'train = "mlp"\nhidden = [4]', training: str = "") -> Path:
    people().to_csv(folder / "people.csv", index=False)
    config = folder / "auditkit.toml"
    config.write_text(CONFIG.format(model=model, training=training), encoding="utf-8")
    return config


def train(*arguments: object) -> int:
    return status_of(lambda: cli(["train", *map(str, arguments)], standalone_mode=False))


def test_one_line_says_what_was_trained_and_the_folder_holds_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "models" / "first"
    assert train(write(tmp_path), "--out", out) == 0
    line = capsys.readouterr().out
    pattern = (
        r"mlp: 25 parameters, 240 rows, 2 epochs, "
        rf"validation loss 0\.\d{{4}} \(log loss; unit: nats\): {re.escape(str(out))}\n"
    )
    assert re.fullmatch(pattern, line), line
    assert {file.name for file in out.iterdir()} == {
        "model.safetensors", "model.json", "training.json",
    }  # fmt: skip
    record = json.loads((out / "training.json").read_text(encoding="utf-8"))
    assert (record["rows"], record["validation_rows"], record["seed"]) == (240, 40, 0)
    assert f"{record['epochs'][record['best_epoch'] - 1]['validation_loss']:.4f}" in line


def test_the_folder_is_a_model_that_can_be_audited(tmp_path: Path) -> None:
    config, out = write(tmp_path), tmp_path / "first"
    train(config, "--out", out)
    saved = load_subject(write(tmp_path, 'file = "first"').rename(tmp_path / "saved.toml"))
    assert len(saved) == 400
    rows = people()
    assert (saved.model.scores(rows) == TorchModel.load(out).scores(rows)).all()  # type: ignore[union-attr]


def test_the_model_is_the_one_that_a_run_would_train(tmp_path: Path) -> None:
    config = write(tmp_path)
    train(config, "--out", tmp_path / "first")
    assert load_subject(config).model.sha256 == TorchModel.load(tmp_path / "first").sha256  # type: ignore[union-attr]


def test_the_seed_decides_and_the_one_of_the_command_goes_first(tmp_path: Path) -> None:
    config = write(tmp_path, training="seed = 5")
    for name, more in {"a": (), "b": ("--seed", 5), "c": ("--seed", 6)}.items():
        assert train(config, "--out", tmp_path / name, *more) == 0
    models = [TorchModel.load(tmp_path / name).sha256 for name in "abc"]
    assert models[0] == models[1] != models[2]


def test_every_mistake_is_told_at_once_and_nothing_is_trained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, out = write(tmp_path, training="epoch = 3\nlearning_rate = -1"), tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("kept", encoding="utf-8")
    people().drop(columns="y").to_csv(tmp_path / "people.csv", index=False)
    assert train(config, "--out", out) == 2
    said = capsys.readouterr()
    assert said.out == ""
    for part in ("Did you mean 'epochs'", "learning_rate", "'y'", "something is there already"):
        assert part in said.err
    assert [file.name for file in out.iterdir()] == ["mine.txt"]


def test_a_configuration_without_a_model_to_train_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write(tmp_path, 'score = "age"\nthreshold = 0.0')
    config.write_text(config.read_text("utf-8").split("[subject.training]", maxsplit=1)[0], "utf-8")
    assert train(config, "--out", tmp_path / "out") == 2
    assert "auditkit.toml [subject.model]: found nothing to train" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_disk_that_fills_up_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write(tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("auditkit.bundle._write", full)
    assert train(config, "--out", tmp_path / "out") == 2
    assert "No space left on device" in capsys.readouterr().err
    assert sorted(file.name for file in tmp_path.iterdir()) == ["auditkit.toml", "people.csv"]


def test_without_validation_rows_none_is_claimed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write(tmp_path, training="patience = 0\n[subject.split]\nvalidation = 0.0")
    assert train(config, "--out", tmp_path / "out") == 0
    assert "no validation rows" in capsys.readouterr().out


def test_the_out_folder_must_be_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(write(tmp_path)) == 2
    assert "Missing option '--out'" in capsys.readouterr().err
