"""Hugging Face models from a folder: the same numbers as transformers, and nothing unsafe."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file
from small_bert import change, make_folder, own_logits, reviews

import auditkit
from auditkit.audit import audit_classes
from auditkit.errors import InputError, MissingExtraError
from auditkit.models import NetworkModel
from auditkit.models.huggingface import HuggingFaceModel
from auditkit.models.opening import open_model

pytest.importorskip("transformers")
WHERE = "auditkit.toml [subject.model]"
TEXTS = ["good film", "the book was bad bad", None, "", "dull " * 100, "Ünseen \ud800 [SEP] words"]
ROWS = pd.DataFrame({"text": TEXTS}, dtype=object)
WHOLE = [(text or "").replace("\ud800", "?") for text in TEXTS]


def opened(folder: Path, table: dict[str, Any] | None = None, **changes: Any) -> HuggingFaceModel:
    asked: dict[str, Any] = {"task": "binary", "positive": 1, "features": ["text"]}
    model = open_model(
        {"file": folder.name} | (table or {}), folder.parent, WHERE, **(asked | changes)
    )
    return cast("HuggingFaceModel", model)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("kept") / "bert")


@pytest.fixture
def folder(kept: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(kept, tmp_path / "bert"))


def test_scores_are_those_of_transformers_itself(kept: Path) -> None:
    wanted = torch.softmax(own_logits(kept, WHOLE), dim=1)[:, 1]
    np.testing.assert_allclose(opened(kept).scores(ROWS), wanted, atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("Roberta", {"pad_token_id": 1, "max_position_embeddings": 66}),
        ("DistilBert", {}),
        ("Electra", {}),
        ("DebertaV2", {"relative_attention": True}),
        ("GPT2", {"pad_token_id": 0, "eos_token_id": 3, "bos_token_id": 2}),
    ],
)
def test_other_kinds_of_models_give_the_scores_of_transformers_too(
    kind: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    folder = make_folder(tmp_path / "model", kind=f"{kind}ForSequenceClassification", **settings)
    wanted = torch.softmax(own_logits(folder, WHOLE), dim=1)[:, 1]
    np.testing.assert_allclose(opened(folder).scores(ROWS), wanted, atol=1e-6)


def test_a_shorter_length_cuts_as_transformers_does(kept: Path) -> None:
    wanted = torch.softmax(own_logits(kept, WHOLE, length=5), dim=1)[:, 1]
    np.testing.assert_allclose(opened(kept, {"length": 5}).scores(ROWS), wanted, atol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 2, 1000])
def test_scores_depend_neither_on_the_batch_nor_on_the_order_of_rows(
    kept: Path, batch_size: int
) -> None:
    rows = reviews(50)
    model = opened(kept, {"batch_size": batch_size})
    np.testing.assert_allclose(model.scores(rows), opened(kept).scores(rows), atol=1e-6)
    np.testing.assert_allclose(model.scores(rows[::-1]), model.scores(rows)[::-1], atol=1e-6)
    assert model.scores(rows[:0]).shape == (0,)


def test_weights_of_half_precision_are_computed_in_single(folder: Path) -> None:
    held = load_file(folder / "model.safetensors")
    half = {name: tensor.half() for name, tensor in held.items()}
    save_file(half, folder / "model.safetensors", {"format": "pt"})
    change(folder / "config.json", dtype="float16")
    again = {name: tensor.float() for name, tensor in half.items()}
    scores = opened(folder).scores(ROWS)
    save_file(again, folder / "model.safetensors", {"format": "pt"})
    np.testing.assert_array_equal(scores, opened(folder).scores(ROWS))


def test_the_model_says_what_it_is(kept: Path) -> None:
    model = opened(kept)
    numbers = sum(tensor.numel() for tensor in load_file(kept / "model.safetensors").values())
    assert (model.kind, model.parameters) == ("huggingface bert", numbers)
    assert (model.task, model.features) == ("binary", ("text",))
    assert isinstance(model, NetworkModel)


def test_the_digest_is_what_sha256sum_says_of_the_files(folder: Path) -> None:
    import hashlib

    names = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]
    lines = [
        f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names
    ]
    before = opened(folder).sha256
    assert before == hashlib.sha256("".join(lines).encode()).hexdigest()
    change(folder / "tokenizer_config.json", model_max_length=40)
    assert opened(folder).sha256 != before


def test_three_labels_are_three_classes(tmp_path: Path) -> None:
    labels = {0: "bad", 1: "fair", 2: "good"}
    folder = make_folder(
        tmp_path / "bert", id2label=labels, label2id={v: k for k, v in labels.items()}
    )
    model = opened(folder, task="multiclass")
    assert model.classes == ("bad", "fair", "good")
    wanted = torch.softmax(own_logits(folder, WHOLE), dim=1)
    np.testing.assert_allclose(model.scores(ROWS), wanted, atol=1e-6)
    assert opened(folder, {"classes": [1, 2, 3]}, task="multiclass").classes == ("1", "2", "3")


def test_labels_without_names_are_numbered(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "bert", num_labels=3)
    assert opened(folder, task="multiclass").classes == ("0", "1", "2")


def test_one_output_is_a_sigmoid_or_a_number_as_the_task_says(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "bert", num_labels=1)
    logits = own_logits(folder, WHOLE)[:, 0]
    np.testing.assert_allclose(opened(folder).scores(ROWS), torch.sigmoid(logits), atol=1e-6)
    np.testing.assert_allclose(opened(folder, task="regression").scores(ROWS), logits, atol=1e-6)
    change(folder / "config.json", problem_type="regression")
    np.testing.assert_allclose(opened(folder, task="regression").scores(ROWS), logits, atol=1e-6)
    with pytest.raises(InputError, match="problem_type"):
        opened(folder)


def test_the_positive_class_is_found_by_its_name(tmp_path: Path) -> None:
    labels = {0: "POSITIVE", 1: "NEGATIVE"}
    folder = make_folder(
        tmp_path / "bert", id2label=labels, label2id={"POSITIVE": 0, "NEGATIVE": 1}
    )
    wanted = torch.softmax(own_logits(folder, WHOLE), dim=1)[:, 0]
    np.testing.assert_allclose(opened(folder, positive="POSITIVE").scores(ROWS), wanted, atol=1e-6)
    with pytest.raises(InputError, match=r"no class '1' among 'POSITIVE', 'NEGATIVE'"):
        opened(folder)
    named = opened(folder, {"classes": [1, 0]})
    np.testing.assert_allclose(named.scores(ROWS), wanted, atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "asked", "said"),
    [
        ({"num_labels": 3}, {}, r"num_labels: found '?3'?, expected 1 or 2 \(binary\)"),
        ({"num_labels": 2}, {"task": "regression"}, r"expected 1 \(regression\)"),
        ({"num_labels": 1}, {"task": "multiclass"}, r"expected 2 or more \(multiclass\)"),
        ({"problem_type": "multi_label_classification"}, {}, "problem_type"),
        ({"num_labels": 2}, {"positive": "yes"}, "no class 'yes' among 'LABEL_0', 'LABEL_1'"),
        ({"num_labels": 1}, {"positive": 0}, "the classes, as a model mostly gives"),
    ],
)
def test_outputs_that_cannot_answer_the_task_are_refused(
    settings: dict[str, Any], asked: dict[str, Any], said: str, tmp_path: Path
) -> None:
    folder = make_folder(tmp_path / "bert", **settings)
    with pytest.raises(InputError, match=said):
        opened(folder, **asked)


@pytest.mark.parametrize(
    ("table", "asked", "said"),
    [
        ({"length": 65}, {}, "length: found '?65'?, expected at most 64"),
        ({"length": 2}, {}, "more than the 2 special tokens"),
        ({"batch_size": 0}, {}, "batch_size"),
        ({"classes": [1, 2, 3]}, {}, "3 classes"),
        ({"text": "review"}, {}, "the one feature that is named: 'text'"),
        ({}, {"features": None}, 'Write text = "..."'),
        ({}, {"features": ["text", "age"]}, "no text, and 2 features"),
        ({"txt": "text"}, {}, "Did you mean 'text'"),
        ({"trust_remote_code": True}, {}, "trust_remote_code"),
    ],
)
def test_settings_that_do_not_fit_are_refused(
    table: dict[str, Any], asked: dict[str, Any], said: str, kept: Path
) -> None:
    with pytest.raises(InputError, match=said):
        opened(kept, table, **asked)


def test_the_column_of_text_may_be_named(kept: Path) -> None:
    assert opened(kept, {"text": "review"}, features=None).features == ("review",)


def test_a_missing_column_or_one_that_holds_no_text_is_named(kept: Path) -> None:
    with pytest.raises(InputError, match="Did you mean 'texts'"):
        opened(kept).scores(pd.DataFrame({"texts": ["a"]}))
    with pytest.raises(InputError, match="'3' and the like in 1 rows, expected text"):
        opened(kept).scores(pd.DataFrame({"text": [3]}))


def _pickle(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps([1]))


def _pickle_called_safetensors(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(pickle.dumps([1]))


def _cut(name: str) -> Callable[[Path], None]:
    def cut(folder: Path) -> None:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])

    return cut


def _config(**keys: Any) -> Callable[[Path], None]:
    return lambda folder: change(folder / "config.json", **keys)


def _weights(**tensors: torch.Tensor | None) -> Callable[[Path], None]:
    """Replace tensors by the end of their names; None takes one away."""

    def write(folder: Path) -> None:
        held = load_file(folder / "model.safetensors")
        for end, tensor in tensors.items():
            name = next((name for name in held if name.endswith(end)), end)
            held.pop(name, None)
            held |= {} if tensor is None else {name: tensor}
        save_file(held, folder / "model.safetensors", {"format": "pt"})

    return write


def _link_out(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder.parent / "elsewhere.safetensors")
    (folder / "model.safetensors").symlink_to(folder.parent / "elsewhere.safetensors")


def _other_tokenizer(folder: Path) -> None:
    other = make_folder(folder.parent / "other", [f"word{i}" for i in range(500)], vocabulary=900)
    shutil.copy(other / "tokenizer.json", folder / "tokenizer.json")


def _pair_tokenizer(folder: Path) -> None:
    """A tokenizer that marks the texts themselves."""
    values = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    for piece in values["post_processor"]["single"]:
        for part in piece.values():
            part["type_id"] = 1
    (folder / "tokenizer.json").write_text(json.dumps(values), encoding="utf-8")


def _adapter_alone(folder: Path) -> None:
    (folder / "config.json").rename(folder / "adapter_config.json")


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "a pickle": (_pickle, "a pickle, which can run any program when it is opened"),
    "a pickle under another name": (_pickle_called_safetensors, "a pickle, which can run"),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "weights as safetensors"),
    "weights cut short": (_cut("model.safetensors"), "no whole safetensors file"),
    "settings cut short": (_cut("config.json"), "no whole JSON file"),
    "a tokenizer cut short": (_cut("tokenizer.json"), "none that transformers can open"),
    "an empty file": (lambda f: (f / "config.json").write_bytes(b""), "an empty file"),
    "code beside the model": (
        _config(auto_map={"AutoModelForSequenceClassification": "harm.Model"}),
        "config.json auto_map: found Python code that lies with the model",
    ),
    "code beside the tokenizer": (
        lambda f: change(f / "tokenizer_config.json", auto_map={"AutoTokenizer": ["harm.T", None]}),
        "tokenizer_config.json auto_map: found Python code",
    ),
    "packed weights": (_config(quantization_config={}), "quantization_config"),
    "an unknown model": (_config(model_type="none"), "settings that transformers refuses"),
    "no kind of model": (_config(model_type=None), "no model_type"),
    "a model of pictures": (_config(model_type="vit"), "which classifies no sequences"),
    "settings that are a list": (lambda f: (f / "config.json").write_text("[]"), "found a list"),
    "large settings": (
        lambda f: (f / "config.json").write_text(json.dumps({"a": "b" * 2_000_000})),
        "at most 1,000,000 bytes",
    ),
    "a large number": (_config(hidden_size=10**12), "'hidden_size': found a larger number"),
    "no number": (_config(layer_norm_eps=float("nan")), "'layer_norm_eps'"),
    "many layers": (_config(num_hidden_layers=9_000_000), "num_hidden_layers"),
    "a wide model": (
        _config(intermediate_size=9_000_000),
        "numbers, expected those of the weights",
    ),
    "many classes": (_config(num_labels=1_000_000), "num_labels"),
    "fewer layers": (_config(num_hidden_layers=1), "a tensor 'bert.encoder.layer.1"),
    "more layers": (_config(num_hidden_layers=3), "no tensor 'bert.encoder.layer.2"),
    "another width": (_config(intermediate_size=65), "found bert.encoder.layer.0.*64"),
    "another shape": (_weights(**{"classifier.bias": torch.zeros(3)}), "of shape"),
    "a tensor too few": (_weights(**{"classifier.bias": None}), "no tensor 'classifier.bias'"),
    "a tensor too many": (_weights(further=torch.zeros(3)), "a tensor 'further'"),
    "not a number": (
        _weights(**{"classifier.bias": torch.tensor([0.0, float("nan")])}),
        "'classifier.bias': found NaN or infinity in 1 tensors",
    ),
    "a link out of the folder": (_link_out, "a link out of the folder"),
    "a link to itself": (
        lambda f: (f / "vocab.txt").symlink_to("vocab.txt"),
        "a link out of the folder",
    ),
    "a larger vocabulary": (_other_tokenizer, "the vectors that the model has"),
    "a tokenizer that does more": (_pair_tokenizer, "does more than put special tokens"),
    "an adapter alone": (_adapter_alone, "an adapter without the model it belongs to"),
}


@pytest.mark.parametrize(("spoil", "said"), REFUSED.values(), ids=REFUSED)
def test_a_spoilt_folder_is_refused_with_the_reason(
    spoil: Callable[[Path], object], said: str, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    spoil(folder)
    with pytest.raises(InputError, match=said) as caught:
        opened(folder)
    assert len(str(caught.value)) < 2_000
    assert str(folder.parent) not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_tokenizer_that_contradicts_itself_is_refused(folder: Path) -> None:
    values = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    values["post_processor"]["special_tokens"] = {}
    (folder / "tokenizer.json").write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(InputError, match="one that fails on a text"):
        opened(folder)


def test_every_problem_of_a_folder_is_listed(folder: Path) -> None:
    _pickle(folder)
    change(folder / "config.json", auto_map={}, hidden_size=10**12)
    change(folder / "tokenizer_config.json", auto_map={})
    with pytest.raises(InputError) as caught:
        opened(folder)
    assert len(caught.value.problems) == 4


def test_code_in_the_folder_never_runs(folder: Path) -> None:
    (folder / "harm.py").write_text("raise SystemExit('ran')", encoding="utf-8")
    assert opened(folder).scores(ROWS).shape == (len(ROWS),)


def test_weights_in_parts_are_put_together(folder: Path) -> None:
    before = opened(folder).scores(ROWS)
    held = load_file(folder / "model.safetensors")
    names = {key: f"model-0000{1 + i % 2}-of-00002.safetensors" for i, key in enumerate(held)}
    for name in sorted(set(names.values())):
        save_file({k: v for k, v in held.items() if names[k] == name}, folder / name)
    (folder / "model.safetensors").unlink()
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": names}), encoding="utf-8")
    np.testing.assert_array_equal(opened(folder).scores(ROWS), before)
    index.write_text(json.dumps({"weight_map": {"a": "../elsewhere.safetensors"}}))
    with pytest.raises(InputError, match="no list of weights"):
        opened(folder)


def test_opening_needs_no_network_and_leaves_nothing_changed(
    kept: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def blocked(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked for")

    for name in ("socket", "create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, blocked)
    environment, random = dict(os.environ), torch.get_rng_state()
    opened(kept).scores(ROWS)
    assert dict(os.environ) == environment
    assert torch.equal(torch.get_rng_state(), random)
    assert capfd.readouterr() == ("", "")


def test_a_missing_extra_is_named(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "transformers"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtraError, match=r"auditkit-rai\[huggingface\]"):
        opened(kept)


def test_a_configuration_that_names_the_folder_is_audited_from_text_to_report(
    folder: Path,
) -> None:
    from auditkit.cli import cli, status_of

    reviews(80).to_parquet(folder.parent / "rows.parquet")
    config = folder.parent / "auditkit.toml"
    config.write_text(
        '[subject]\nname = "reviews"\ndata = "rows.parquet"\nlabel = "y"\nsensitive = ["sex"]\n'
        'features = ["text"]\n[subject.model]\nfile = "bert"\nlength = 8\n'
        "[audits.explainability]\nrows = 10\nbackground = 10\n",
        encoding="utf-8",
    )
    command = ["run", str(config), "--out", str(folder.parent / "out")]
    assert status_of(lambda: cli(command, standalone_mode=False)) in {0, 3}
    (record,) = (folder.parent / "out").rglob("audit.json")
    report = auditkit.Report.load(record)
    without = [audit.name for audit in report.audits if audit.status != "completed"]
    assert "mitigation" in without  # nobody said how the model was trained
    assert not {"performance", "fairness", "explainability", "reason-codes"} & set(without)
    assert {audit.name for audit in report.audits} == set(audit_classes())
    explained = [m for m in report.measurements if m.metric == "mean_abs_shapley"]
    assert {m.slice["feature"] for m in explained} >= {"fine", "dull", "(all other words)"}
    assert any(m.value for m in explained)
    assert json.loads(record.read_text())["subject"]["model"]["kind"] == "huggingface bert"
