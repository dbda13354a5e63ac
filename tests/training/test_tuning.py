"""Training that starts from a model, and layers that do not move."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from small_training import SMALL_LSTM, cards, people

from auditkit.errors import InputError
from auditkit.models.torch import TorchModel
from auditkit.training import MLP, PooledEmbedding, Privacy, Recipe, Seq2Seq, Training, fit

SMALL = MLP(hidden=(8, 6))
ONE = Training(epochs=1, batch_size=32, patience=0)
FEW = Training(epochs=5, batch_size=32, learning_rate=0.01, patience=0)


def pretrained(**settings: Any) -> TorchModel:
    return fit(SMALL, people(), label="y", training=FEW, **settings)[0]


def still(**settings: Any) -> Training:
    """Settings whose steps are too small to move a weight of a model much."""
    return dataclasses.replace(ONE, learning_rate=1e-12, weight_decay=0.0, **settings)


def state(model: Any) -> dict[str, torch.Tensor]:
    return {name: held.clone() for name, held in model.network.state_dict().items()}


def same(first: Any, second: Any) -> set[str]:
    """Names of the tensors that are equal."""
    a, b = state(first), state(second)
    return {name for name in a if name in b and torch.equal(a[name], b[name])}


def test_training_starts_from_the_weights_and_the_encoding_of_a_model() -> None:
    start, other = pretrained(), people(200, seed=5).assign(age=lambda held: held["age"] * 3 + 1)
    before = state(start)
    model, record = fit(SMALL, other, label="y", training=still(), start=start)
    assert model.encoder is start.encoder
    np.testing.assert_allclose(model.scores(other), start.scores(other), atol=1e-6)
    assert all(torch.equal(before[name], held) for name, held in state(start).items())
    assert record.start is not None
    assert record.start["sha256"] == start.sha256
    assert record.start["output_layer"] == "kept"
    assert model.network is not start.network


def test_the_record_compares_before_and_after_on_the_same_rows() -> None:
    from sklearn.metrics import accuracy_score, log_loss

    start, held = pretrained(), people(300, seed=9)
    model, record = fit(
        SMALL, people(seed=3), label="y", training=FEW, validation=held, start=start
    )
    said = record.to_dict()
    for found, one in ((said["start"], start), (said["validation"], model)):
        assert found["loss"] == pytest.approx(log_loss(held["y"], one.scores(held)), abs=1e-6)
        assert found["accuracy"] == accuracy_score(held["y"], one.scores(held) >= 0.5)
    assert said["validation"]["loss"] == pytest.approx(record.epochs[-1].validation_loss, abs=1e-5)


def test_frozen_layers_do_not_move_and_the_others_do() -> None:
    start = pretrained()
    training = dataclasses.replace(FEW, freeze=["linear1", "linear2"], weight_decay=0.1)
    model, record = fit(SMALL, people(seed=3), label="y", training=training, start=start)
    fixed = {f"linear{n}.{what}" for n in (1, 2) for what in ("weight", "bias")}
    assert same(model, start) == fixed
    first = (4 * 8 + 8) + (8 * 6 + 6)
    assert record.frozen == {
        "layers": ["linear1", "linear2"], "parameters": first, "unfreeze_after": None,
    }  # fmt: skip
    assert (record.parameters, model.parameters) == (7, first + 7)


def test_layers_are_let_go_after_the_epochs_that_were_set() -> None:
    start, rows = pretrained(), people(seed=3)
    training = dataclasses.replace(FEW, freeze=["linear1"], unfreeze_after=2)
    for epochs, moved in ((2, False), (3, True)):
        settings = dataclasses.replace(training, epochs=epochs)
        model, record = fit(SMALL, rows, label="y", training=settings, start=start)
        assert ("linear1.weight" not in same(model, start)) == moved
        assert (record.parameters == model.parameters) == moved


def test_a_killed_training_with_frozen_layers_goes_on(tmp_path: Path) -> None:
    class StoppedError(Exception):
        pass

    start = pretrained()
    training = dataclasses.replace(FEW, freeze=["linear1"], unfreeze_after=2)
    given: dict[str, Any] = {"label": "y", "training": training, "start": start}
    from auditkit.training.loop import PlainSteps

    plain, met = PlainSteps.take, []

    def take(self: PlainSteps) -> Any:
        met.append(1)
        if len(met) == 4:
            raise StoppedError
        return plain(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PlainSteps, "take", take)
        with pytest.raises(StoppedError):
            fit(SMALL, people(), checkpoint=tmp_path, **given)
    model, record = fit(SMALL, people(), checkpoint=tmp_path, **given)
    assert record.resumed_after == (3,)
    assert model.sha256 == fit(SMALL, people(), **given)[0].sha256
    given["start"] = pretrained(seed=1)
    with pytest.raises(InputError, match="first weights"):
        fit(SMALL, people(), checkpoint=tmp_path, **given)


def test_another_task_draws_the_output_layer_anew_and_keeps_the_rest() -> None:
    start = pretrained()
    three = people(seed=3).assign(y=lambda held: np.digitize(held["age"], [-0.5, 0.5]))
    model, record = fit(
        SMALL, three, label="y", task="multiclass", training=still(freeze=["linear1"]), start=start
    )
    assert (model.task, model.classes) == ("multiclass", ("0", "1", "2"))
    assert same(model, start) >= {"linear1.weight", "linear1.bias"}
    assert record.start is not None
    assert record.start["output_layer"] == "drawn anew"
    assert "loss" not in record.start
    fewer = three[three["y"] < 2]
    again, record = fit(SMALL, fewer, label="y", task="multiclass", training=ONE, start=model)
    assert again.classes == model.classes  # all that it knows, though one is not among the rows
    assert record.start is not None
    assert record.start["output_layer"] == "kept"


def test_a_regression_goes_on_in_the_unit_of_its_start() -> None:
    rows = people().assign(y=lambda held: 100 + 10 * held["age"])
    start, _ = fit(SMALL, rows, label="y", task="regression", training=FEW)
    shifted = rows.assign(y=lambda held: held["y"] * 5)
    model, _ = fit(SMALL, shifted, label="y", task="regression", training=still(), start=start)
    np.testing.assert_allclose(model.scores(rows), start.scores(rows), rtol=1e-5)


def test_sequences_and_texts_that_are_written_start_from_models_too() -> None:
    start, _ = fit(SMALL_LSTM, cards(), label="y", training=FEW)
    training = dataclasses.replace(ONE, freeze=["lstm"])
    model, _ = fit(SMALL_LSTM, cards(seed=2), label="y", training=training, start=start)
    assert {name for name in state(start) if name.startswith("lstm")} <= same(model, start)
    words = pd.DataFrame({"word": ["ab", "ba"] * 40, "y": ["A B", "B A"] * 40})
    task: dict[str, Any] = {"label": "y", "task": "sequence-to-sequence", "training": ONE}
    writer, _ = fit(Seq2Seq("word", hidden=4), words, **task)
    more = words.assign(word=words["word"] + "c")
    tuned, record = fit(Seq2Seq("word", hidden=4), more, start=writer, **task)
    assert tuned.target == writer.target
    assert record.start is not None


def sentences(n: int, seed: int) -> pd.DataFrame:
    """Texts whose mood is in one of many words."""
    rng = np.random.default_rng(seed)
    words = np.array([f"{mood}{i}" for mood in ("good", "bad") for i in range(40)])
    picked = rng.integers(0, 80, n)
    filler = rng.integers(0, 30, (n, 4))
    texts = [
        f"{words[p]} " + " ".join(f"w{w}" for w in f) for p, f in zip(picked, filler, strict=True)
    ]
    return pd.DataFrame({"text": texts, "y": (picked < 40).astype(int)})


def test_an_embedding_of_a_large_corpus_helps_on_few_labels() -> None:
    network = PooledEmbedding(length=6, embedding=16, hidden=16, dropout=0.0)
    corpus, few, test = sentences(3000, 0), sentences(60, 1), sentences(2000, 2)
    corpus = corpus.assign(y=corpus["y"].map({1: "happy", 0: "sad"}))  # another outcome
    long = Training(epochs=20, batch_size=64, learning_rate=0.01, patience=0)
    start, _ = fit(network, corpus, label="y", positive="happy", training=long)
    training = Training(epochs=30, batch_size=16, learning_rate=0.01, patience=0)
    alone, _ = fit(network, few, label="y", training=training)
    frozen = dataclasses.replace(training, freeze=["mean"])
    tuned, _ = fit(network, few, label="y", training=frozen, start=start)
    right = [((m.scores(test) >= 0.5) == test["y"]).mean() for m in (alone, tuned)]
    assert right[1] > 0.95
    assert right[1] > right[0] + 0.15


def test_what_does_not_fit_is_told_all_at_once() -> None:
    start = pretrained()
    with pytest.raises(InputError) as error:
        fit(SMALL_LSTM, cards(), label="y", start=start, training=Training(clip=0.1))
    assert len(error.value.problems) == 2
    with pytest.raises(InputError) as error:
        fit(MLP(hidden=(8, 5)), people(), label="y", start=start)
    assert [problem.found for problem in error.value.problems] == [
        "linear2.weight: shape (6, 8)", "linear2.bias: shape (6,)", "output.weight: shape (1, 6)",
    ]  # fmt: skip
    with pytest.raises(InputError, match="'job', expected the columns of the model"):
        fit(SMALL, people(), label="y", start=start, features=["age"])
    with pytest.raises(InputError, match="Known: 'linear1', 'linear2', 'output'"):
        fit(SMALL, people(), label="y", training=Training(freeze=["linear"]))
    with pytest.raises(InputError, match="at least one layer that learns"):
        fit(MLP(hidden=()), people(), label="y", training=Training(freeze=["output"]))
    with pytest.raises(InputError, match="layers under freeze too"):
        Training(unfreeze_after=2)
    later = Training(freeze=["linear1"], unfreeze_after=1)
    with pytest.raises(InputError, match="whose layers learn in every step or in none"):
        fit(SMALL, people(), label="y", training=later, privacy=Privacy())


def test_private_training_leaves_frozen_layers_without_noise_and_says_which() -> None:
    privacy = Privacy(noise_multiplier=1.0)
    training, start = Training(epochs=2, freeze=["linear1"]), pretrained()
    model, record = fit(SMALL, people(), label="y", training=training, privacy=privacy, start=start)
    before, after = start.network.state_dict(), model.network.state_dict()
    moved = {name for name in after if not torch.equal(before[name], after[name])}
    assert moved == {name for name in after if not name.startswith("linear1")}
    assert record.frozen["layers"] == ["linear1"]
    assert record.parameters + record.frozen["parameters"] == model.parameters


def test_private_training_that_starts_from_a_model_says_what_it_does_not_cover() -> None:
    privacy = Privacy(noise_multiplier=1.0)
    _, record = fit(SMALL, people(), label="y", training=ONE, privacy=privacy, start=pretrained())
    assert record.privacy is not None
    assert any("training started from" in line for line in record.privacy["not_covered"])


def test_the_recipe_knows_where_it_starts_from() -> None:
    recipe = Recipe(SMALL, "y", ONE)
    plain = recipe.fit(people())[0]
    tuned = recipe.fit(people(), start=pretrained())[0]
    assert recipe.fit(people(), start=pretrained())[0] is tuned
    assert len({plain.sha256, tuned.sha256, recipe.fit(people(), start=plain)[0].sha256}) == 3
