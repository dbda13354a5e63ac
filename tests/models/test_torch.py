"""The torch model: scores, digest, and files that nobody vouches for."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file
from small_training import SMALL_LSTM, cards, people

from auditkit.errors import InputError
from auditkit.models import NetworkModel
from auditkit.models import torch as torch_model
from auditkit.models.torch import TorchModel
from auditkit.training import MLP, Training, fit

FILES = ["model.json", "model.safetensors"]


@cache
def trained(kind: str) -> tuple[TorchModel, pd.DataFrame]:
    rows = people() if kind == "mlp" else cards()
    architecture = MLP(hidden=(8, 4), dropout=0.2) if kind == "mlp" else SMALL_LSTM
    return fit(architecture, rows, label="y", training=Training(epochs=1))[0], rows


@pytest.fixture(params=["mlp", "lstm"])
def model(request: pytest.FixtureRequest) -> TorchModel:
    return trained(request.param)[0]


def rows_of(model: TorchModel) -> pd.DataFrame:
    return trained(model.kind)[1]


def test_a_model_is_a_network_model(model: TorchModel) -> None:
    assert isinstance(model, NetworkModel)
    assert not model.network.training
    assert model.features == tuple(model.players)


def test_scores_are_probabilities_of_the_networks_logits(model: TorchModel) -> None:
    rows = rows_of(model)
    scores = model.scores(rows)
    with torch.no_grad():
        logits = model.network(torch.from_numpy(model.encode(rows))).double().numpy()
    np.testing.assert_allclose(scores, 1 / (1 + np.exp(-logits)), rtol=1e-12)
    assert scores.dtype == np.float64
    assert scores.shape == (len(rows),)


def test_flattened_rows_score_the_same(model: TorchModel) -> None:
    encoded = model.encode(rows_of(model))
    flat = encoded.reshape(len(encoded), -1)
    assert (model.scores_of(flat) == model.scores_of(encoded)).all()
    assert (model.scores_of(flat[:, ::-1].copy()[:, ::-1]) == model.scores_of(encoded)).all()
    positions = sum(len(places) for places in model.players.values())
    assert positions == flat.shape[1]


def test_scoring_keeps_no_graph_and_takes_no_rows(model: TorchModel) -> None:
    assert model.scores(rows_of(model)[:0]).shape == (0,)
    model.scores(rows_of(model))
    assert all(weight.grad is None for weight in model.network.parameters())


def test_many_rows_are_scored_in_batches(
    model: TorchModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = model.scores(rows_of(model))
    monkeypatch.setattr(torch_model, "ROWS_AT_ONCE", 64)
    np.testing.assert_allclose(model.scores(rows_of(model)), whole, rtol=1e-5)


def test_a_missing_feature_is_named(model: TorchModel) -> None:
    name = model.features[0]
    with pytest.raises(InputError, match=f"found '{name}'"):
        model.scores(rows_of(model).drop(columns=name))


def test_a_saved_model_gives_the_same_scores_to_the_bit(model: TorchModel, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "model"
    model.save(folder)
    again = TorchModel.load(folder)
    assert (again.scores(rows_of(model)) == model.scores(rows_of(model))).all()
    assert again.sha256 == model.sha256
    assert (again.kind, again.parameters) == (model.kind, model.parameters)
    assert again.architecture == model.architecture
    assert again.encoder == model.encoder
    assert sorted(path.name for path in folder.iterdir()) == FILES


def test_a_loaded_model_can_be_trained_on(model: TorchModel, tmp_path: Path) -> None:
    model.save(tmp_path)
    network = TorchModel.load(tmp_path).network.train()
    network(torch.from_numpy(model.encode(rows_of(model)))).sum().backward()
    assert all(weight.grad is not None for weight in network.parameters())


def test_the_digest_follows_weights_and_configuration(model: TorchModel) -> None:
    assert len(model.sha256) == 64
    weight = next(iter(model.network.parameters()))
    before = model.sha256
    with torch.no_grad():
        first = weight.flatten()[0].item()
        weight.view(-1)[0] += 1e-3
        assert model.sha256 != before
        weight.view(-1)[0] = first
    assert model.sha256 == before
    other = TorchModel(model.network, model.encoder, "other", model.architecture)
    assert other.sha256 != before


def test_saving_again_replaces_and_a_failed_save_leaves_the_old_model(
    model: TorchModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.save(tmp_path)
    model.save(tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in FILES}

    def full(_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space left"):
        model.save(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def with_config(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    def tamper(folder: Path) -> None:
        config = json.loads((folder / "model.json").read_text())
        change(config)
        (folder / "model.json").write_text(json.dumps(config))

    return tamper


def with_weights(change: Callable[[dict[str, torch.Tensor]], None]) -> Callable[[Path], None]:
    def tamper(folder: Path) -> None:
        weights = load_file(folder / "model.safetensors")
        change(weights)
        save_file(weights, folder / "model.safetensors")

    return tamper


def with_bytes(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def tamper(folder: Path) -> None:
        (folder / name).write_bytes(change((folder / name).read_bytes()))

    return tamper


class Bomb:
    """Runs code where it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path("exploded").touch, ())


def without_bias(weights: dict[str, torch.Tensor]) -> None:
    del weights["output.bias"]


def renamed(weights: dict[str, torch.Tensor]) -> None:
    weights["outputs.weight"] = weights.pop("output.weight")


def nudged(weights: dict[str, torch.Tensor]) -> None:
    weights["output.bias"] += 1e-6


TAMPERED: dict[str, tuple[Callable[[Path], None], str]] = {
    "no config": (lambda folder: (folder / "model.json").unlink(), "No such file"),
    "no weights": (lambda folder: (folder / "model.safetensors").unlink(), "No such file"),
    "config cut": (with_bytes("model.json", lambda b: b[:-9]), "no whole JSON"),
    "config empty": (with_bytes("model.json", lambda _: b""), "no whole JSON"),
    "config a list": (with_bytes("model.json", lambda _: b"[]"), "expected an object"),
    "config nested": (with_bytes("model.json", lambda _: b"[" * 100_000), "no whole JSON"),
    "config no text": (with_bytes("model.json", lambda _: b"\xff\xfe\x00"), "no whole JSON"),
    "config a pickle": (with_bytes("model.json", lambda _: pickle.dumps(Bomb())), "JSON"),
    "weights cut": (with_bytes("model.safetensors", lambda b: b[:-9]), "no whole safetensors"),
    "weights empty": (with_bytes("model.safetensors", lambda _: b""), "no whole safetensors"),
    "weights junk": (with_bytes("model.safetensors", lambda b: b"\xff" * len(b)), "safetensors"),
    "weights a pickle": (
        with_bytes("model.safetensors", lambda _: pickle.dumps(Bomb())),
        "no whole safetensors",
    ),
    "one bit": (
        with_bytes("model.safetensors", lambda b: b[:-1] + bytes([b[-1] ^ 1])),
        "do not belong together",
    ),
    "weights changed": (with_weights(nudged), "do not belong together"),
    "weights renamed": (with_weights(renamed), "Did you mean 'output.weight'"),
    "weights missing": (with_weights(without_bias), "found nothing"),
    "weights double": (
        with_weights(lambda w: w.update({"output.bias": w["output.bias"].double()})),
        "float64",
    ),
    "weights of another shape": (
        with_weights(lambda w: w.update({"output.bias": torch.zeros(2)})),
        "of shape (2,)",
    ),
    "weights NaN": (
        with_weights(lambda w: w.update({"output.bias": torch.full((1,), torch.nan)})),
        "NaN or infinity",
    ),
    "unknown kind": (with_config(lambda c: c.update(kind="mpl")), "kind of network"),
    "kind a list": (with_config(lambda c: c.update(kind=["mlp"])), "expected str"),
    "the other kind": (
        with_config(
            lambda c: c.update(kind={"mlp": "lstm", "lstm": "mlp"}[c["kind"]], architecture={})
        ),
        "takes no rows of shape",
    ),
    "another format": (with_config(lambda c: c.update(format=1)), "format"),
    "a key more": (with_config(lambda c: c.update(kinds="x")), "Did you mean 'kind'"),
    "a key less": (with_config(lambda c: c.pop("encoder")), "encoder"),
    "an encoder of something else": (
        with_config(lambda c: c["encoder"].update(kind="image")),
        "expected a kind of encoder",
    ),
    "an enormous network": (
        with_config(lambda c: c["architecture"].update(hidden=10**9)),
        "hidden",
    ),
    "another digest": (with_config(lambda c: c.update(sha256="0" * 64)), "do not belong together"),
}


@pytest.mark.parametrize(("tamper", "said"), TAMPERED.values(), ids=TAMPERED)
def test_a_damaged_or_changed_model_is_refused_and_nothing_is_executed(
    model: TorchModel,
    tamper: Callable[[Path], None],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "model"
    model.save(folder)
    tamper(folder)
    with pytest.raises(InputError) as error:
        TorchModel.load(folder)
    assert said in str(error.value)
    assert not (tmp_path / "exploded").exists()


def test_a_config_that_is_too_long_is_not_read(
    model: TorchModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.save(tmp_path)
    monkeypatch.setattr(torch_model, "LARGEST_CONFIG", 100)
    with pytest.raises(InputError, match="bytes"):
        TorchModel.load(tmp_path)


def test_weights_of_a_huge_network_are_compared_before_memory_is_taken(tmp_path: Path) -> None:
    model, _ = trained("mlp")
    model.save(tmp_path)
    wide = with_config(lambda c: c["architecture"].update(hidden=[60_000, 60_000]))
    wide(tmp_path)
    with pytest.raises(InputError, match="60000"):
        TorchModel.load(tmp_path)
