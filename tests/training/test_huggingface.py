"""Language encoders tuned by the core: what learns, what is saved, and what is refused."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from small_bert import change, make_folder, own_logits, reviews
from texts import english

import auditkit
from auditkit.encoding import SubwordEncoder, encoder_from_dict
from auditkit.errors import InputError, MissingExtraError
from auditkit.models.torch import TorchModel
from auditkit.training import HuggingFace, Privacy, Recipe, Training, fit, split
from auditkit.training.settings import architecture_from

pytest.importorskip("transformers")
pytest.importorskip("peft")
FEW = Training(epochs=3, batch_size=16, learning_rate=2e-3, patience=0, schedule="constant")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What was pre-trained: a masked language model, without a head for classes."""
    return make_folder(tmp_path_factory.mktemp("kept") / "bert", kind="BertForMaskedLM")


@pytest.fixture(scope="module")
def tuned(kept: Path) -> tuple[TorchModel, Any]:
    return fit(settings(kept), reviews(), label="y", training=FEW)


@pytest.fixture(scope="module")
def adapted(kept: Path) -> tuple[TorchModel, Any]:
    return fit(settings(kept, lora_rank=4), reviews(), label="y", training=FEW)


def settings(folder: Path, **changes: Any) -> HuggingFace:
    return HuggingFace(str(folder), **({"length": 12} | changes))


def accuracy(model: TorchModel, rows: pd.DataFrame) -> float:
    return float(((model.scores(rows) >= 0.5) == (rows.y == 1)).mean())


def body(model: TorchModel) -> dict[str, torch.Tensor]:
    """Weights of the encoder itself, by the names that the folder gives them."""
    state = model.network.state_dict()
    return {k.removeprefix("model."): v for k, v in state.items() if k.startswith("model.bert.")}


def test_tuning_all_weights_learns_what_the_untuned_model_does_not_know(
    kept: Path, tuned: tuple[TorchModel, Any]
) -> None:
    still = Training(epochs=1, learning_rate=1e-12, weight_decay=0, patience=0)
    untuned, _ = fit(settings(kept), reviews(), label="y", training=still)
    new = reviews(200, seed=1)
    assert accuracy(untuned, new) < 0.7
    assert accuracy(tuned[0], new) > 0.95


def test_tuning_starts_from_the_weights_of_the_folder_and_changes_them(
    kept: Path, tuned: tuple[TorchModel, Any]
) -> None:
    still = Training(epochs=1, learning_rate=1e-12, weight_decay=0, patience=0)
    untuned, _ = fit(settings(kept), reviews(), label="y", training=still)
    held = load_file(kept / "model.safetensors")
    shared = [name for name in body(untuned) if name in held]
    assert len(shared) > 30
    for name in shared:
        torch.testing.assert_close(body(untuned)[name], held[name])
        assert not torch.equal(body(tuned[0])[name], held[name])


def test_adapters_learn_alone_and_are_added_to_the_weights(
    kept: Path, adapted: tuple[TorchModel, Any]
) -> None:
    model, record = adapted
    held = load_file(kept / "model.safetensors")
    moved = {n for n, v in body(model).items() if n in held and not torch.equal(v, held[n])}
    assert moved == {
        f"bert.encoder.layer.{layer}.attention.self.{part}.weight"
        for layer in (0, 1)
        for part in ("query", "value")
    }
    difference = body(model)[min(moved)] - held[min(moved)]
    assert int(torch.linalg.matrix_rank(difference, rtol=1e-3)) <= 4
    # Two layers, two matrices each of 4 x (32 + 32) numbers; and a head of 32 + 1.
    assert record.parameters == 2 * 2 * 4 * 64 + 33
    assert record.architecture["lora_rank"] == 4
    assert not [name for name in model.network.state_dict() if "lora" in name]


def test_adapters_learn_too(kept: Path) -> None:
    longer = Training(epochs=12, batch_size=16, learning_rate=1e-2, patience=0)
    model, _ = fit(settings(kept, lora_rank=8), reviews(), label="y", training=longer)
    assert accuracy(model, reviews(200, seed=1)) > 0.95


def test_the_record_counts_what_learnt_and_names_what_it_started_from(
    kept: Path, tuned: tuple[TorchModel, Any]
) -> None:
    model, record = tuned
    assert record.parameters == model.parameters
    said = record.to_dict()["architecture"]
    assert (said["kind"], said["folder"]) == ("huggingface", kept.name)
    assert said["config"]["model_type"] == "bert"
    assert len(said["sha256"]) == 64
    assert str(kept.parent) not in str(record.to_dict())


@pytest.mark.parametrize("which", ["tuned", "adapted"])
def test_a_tuned_model_is_saved_and_loaded_without_the_folder_bit_by_bit(
    which: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    model, _ = request.getfixturevalue(which)
    model.save(tmp_path / "saved")
    loaded = TorchModel.load(tmp_path / "saved")
    np.testing.assert_array_equal(loaded.scores(reviews(90, 2)), model.scores(reviews(90, 2)))
    assert loaded.sha256 == model.sha256
    assert isinstance(loaded.architecture, HuggingFace)
    assert loaded.architecture.folder == "bert"


def test_the_same_arguments_give_the_same_weights_and_leave_random_numbers_alone(
    kept: Path,
) -> None:
    once = Training(epochs=1, batch_size=64, patience=0)
    before = torch.get_rng_state()
    first, _ = fit(settings(kept, lora_rank=2), reviews(), label="y", training=once)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(3)
    again, _ = fit(settings(kept, lora_rank=2), reviews(), label="y", training=once)
    other, _ = fit(settings(kept, lora_rank=2), reviews(), label="y", training=once, seed=1)
    assert first.sha256 == again.sha256 != other.sha256


def test_dropout_is_taken_from_the_settings(kept: Path) -> None:
    once = Training(epochs=1, batch_size=64, patience=0)
    none, _ = fit(settings(kept, dropout=0.0), reviews(), label="y", training=once)
    some, _ = fit(settings(kept, dropout=0.5), reviews(), label="y", training=once)
    rates = [
        {layer.p for layer in model.network.modules() if isinstance(layer, torch.nn.Dropout)}
        for model in (none, some)
    ]
    assert rates == [{0.0}, {0.5}]
    assert none.sha256 != some.sha256


def test_early_stopping_keeps_the_best_weights(kept: Path) -> None:
    train, held, _ = split(reviews(), label="y")
    longer = Training(epochs=4, batch_size=16, learning_rate=5e-3, patience=1)
    _, record = fit(settings(kept), train, label="y", validation=held, training=longer)
    losses = np.array([epoch.validation_loss for epoch in record.epochs], dtype=float)
    assert record.best_epoch == 1 + int(losses.argmin())


def test_several_classes_and_numbers_are_learnt_too(kept: Path) -> None:
    rows = reviews()
    rows["stars"] = rows.y * 3.0 + 1
    rows["class"] = rows.text.str.extract("(good|fine|bad|dull)")[0]
    longer = dataclasses.replace(FEW, epochs=8)
    several, _ = fit(settings(kept), rows, label="class", task="multiclass", training=longer)
    assert several.classes == ("bad", "dull", "fine", "good")
    chosen = np.array(several.classes)[several.scores(rows).argmax(axis=1)]
    assert (chosen == rows["class"]).mean() > 0.9
    numbers, _ = fit(settings(kept), rows, label="stars", task="regression", training=FEW)
    assert np.corrcoef(numbers.scores(rows), rows.stars)[0, 1] > 0.9


def test_a_head_that_fits_is_kept_and_another_is_drawn(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "bert", num_labels=1)
    still = Training(epochs=1, learning_rate=1e-12, weight_decay=0, patience=0)
    model, _ = fit(settings(folder), reviews(), label="y", training=still)
    wanted = torch.sigmoid(own_logits(folder, reviews().text.tolist())[:, 0])
    np.testing.assert_allclose(model.scores(reviews()), wanted, atol=1e-6)
    two = make_folder(tmp_path / "two", num_labels=2)
    assert fit(settings(two), reviews(), label="y", training=still)[0].scores(reviews()).ndim == 1


def test_a_configuration_tunes_a_folder_beside_it(kept: Path, tmp_path: Path) -> None:
    shutil.copytree(kept, tmp_path / "bert")
    reviews(150).to_parquet(tmp_path / "rows.parquet")
    (tmp_path / "auditkit.toml").write_text(
        '[subject]\nname = "reviews"\ndata = "rows.parquet"\nlabel = "y"\nsensitive = ["sex"]\n'
        '[subject.model]\ntrain = "huggingface"\nfolder = "bert"\nlength = 10\nlora_rank = 2\n'
        "[subject.training]\nepochs = 1\n",
        encoding="utf-8",
    )
    subject = auditkit.load_subject(tmp_path / "auditkit.toml")
    assert subject.features == ("text",)
    report = auditkit.run(subject, audits=["performance", "fairness", "energy"])
    assert [audit.status for audit in report.audits] == ["completed"] * 3


def test_a_tuned_model_is_attacked_and_explained(
    kept: Path,
) -> None:
    train, _, test = split(reviews(120), label="y", validation=0)
    recipe = Recipe(settings(kept, length=8), "y", FEW, features=["text"])
    model, record = recipe.fit(train)
    subject = auditkit.Subject.from_model(
        model, test, label="y", features=["text"], sensitive=["sex"], train=train, record=record
    )
    report = auditkit.run(subject, audits=["privacy"])
    assert [audit.status for audit in report.audits] == ["completed"]
    values = auditkit.shapley_values(model, test[:3], train[:5])
    assert values.additivity_gap < 1e-6


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, "folder: found '', expected a folder"),
        ({"folder": "a", "length": 0}, "length: found '0'"),
        ({"folder": "a", "lora_rank": -1}, "lora_rank: found '-1'"),
        ({"folder": "a", "lora_alpha": 0}, "lora_alpha: found '0'"),
        ({"folder": "a", "dropout": 1.0}, "dropout: found '1.0'"),
        ({"folder": "a", "rank": 4}, "rank"),
    ],
)
def test_settings_out_of_range_are_refused(table: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        architecture_from("huggingface", table, "auditkit.toml [subject.model]")


def test_what_cannot_be_tuned_is_refused_before_training(kept: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        fit(settings(tmp_path / "none"), reviews(), label="y")
    with pytest.raises(InputError, match="gradients of attention are not clipped"):
        fit(settings(kept), reviews(), label="y", privacy=Privacy(epsilon=3.0))
    with pytest.raises(InputError, match="at most 64, as the model reads"):
        fit(settings(kept, length=65), reviews(), label="y")
    with pytest.raises(InputError, match="Did you mean 'text'"):
        fit(settings(kept, text="texts"), reviews(), label="y")
    lost = Path(shutil.copytree(kept, tmp_path / "lost"))
    change(lost / "config.json", num_hidden_layers=3)
    with pytest.raises(InputError, match=r"no fitting tensor 'bert\.encoder\.layer\.2"):
        fit(settings(lost), reviews(), label="y")
    change(lost / "config.json", num_hidden_layers=1)
    with pytest.raises(InputError, match=r"a tensor 'bert\.encoder\.layer\.1"):
        fit(settings(lost), reviews(), label="y")


def test_adapters_without_peft_name_the_extra(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(MissingExtraError, match=r"auditkit-rai\[huggingface\]"):
        fit(settings(kept, lora_rank=2), reviews(), label="y")


def test_a_changed_saved_model_is_refused(tuned: tuple[TorchModel, Any], tmp_path: Path) -> None:
    tuned[0].save(tmp_path / "saved")
    path = tmp_path / "saved" / "model.json"
    whole = json.loads(path.read_text(encoding="utf-8"))
    for keys, said in (
        ({"auto_map": {}}, "Python code that lies with the model"),
        ({"hidden_size": 10**12}, "a larger number"),
        ({"hidden_size": 64}, "expected"),
        ({"num_labels": 2}, "2 labels"),
        ({"model_type": "vit"}, "which classifies no sequences"),
        ({"vocab_size": 3}, "the vectors that the model has"),
    ):
        architecture = whole["architecture"] | {"config": whole["architecture"]["config"] | keys}
        path.write_text(json.dumps(whole | {"architecture": architecture}), encoding="utf-8")
        with pytest.raises(InputError, match=said):
            TorchModel.load(tmp_path / "saved")


def test_the_encoder_comes_back_from_json_and_a_changed_one_is_refused(
    tuned: tuple[TorchModel, Any],
) -> None:
    encoder = tuned[0].encoder
    assert isinstance(encoder, SubwordEncoder)
    saved = encoder.to_dict()
    again = encoder_from_dict(saved)
    np.testing.assert_array_equal(again.encode(reviews()), encoder.encode(reviews()))
    for keys, said in (
        ({"before": [3]}, "special tokens of another tokenizer"),
        ({"tokenizer": "{}"}, "no whole tokenizer"),
        ({"length": 2}, "more than the 2 special tokens"),
        ({"length": 10**9}, "less than or equal"),
        ({"kind": "subwords"}, "encoder.kind"),
    ):
        with pytest.raises(InputError, match=said):
            encoder_from_dict(saved | keys)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rank", "rate", "least"), [(0, 1e-3, 0.83), (16, 5e-3, 0.73)], ids=["all weights", "adapters"]
)
def test_real_texts_are_told_apart_better_than_by_the_majority(
    rank: int, rate: float, least: float, tmp_path: Path
) -> None:
    train, validation, test = split(english(), label="y")
    folder = make_folder(
        tmp_path / "bert", train.text.tolist(), vocabulary=4000, kind="BertForMaskedLM",
        hidden_size=64, intermediate_size=128,
    )  # fmt: skip
    model, record = fit(
        settings(folder, length=48, lora_rank=rank), train, label="y", validation=validation,
        training=Training(epochs=2, batch_size=64, learning_rate=rate, patience=1),
    )  # fmt: skip
    found, majority = accuracy(model, test), max(test.y.mean(), 1 - test.y.mean())
    print(rank, len(train), len(test), record.parameters, found, majority)  # noqa: T201
    assert found > least > majority
