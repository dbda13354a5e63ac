"""Training a network that writes texts: what it learns, how it is kept, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from auditkit.errors import InputError
from auditkit.models import Model
from auditkit.models.opening import open_model
from auditkit.models.torch import Seq2SeqModel, TorchModel, TrainedNetwork
from auditkit.training import (
    MLP,
    Architecture,
    Privacy,
    Recipe,
    Seq2Seq,
    TextLSTM,
    Training,
    TrainingRecord,
    fit,
)
from auditkit.training.decoding import beamed, greedy

SMALL = Seq2Seq("word", embedding=8, hidden=16, source_length=8, target_length=8)
FEW = Training(epochs=2, batch_size=32, learning_rate=0.01, patience=0)
Trained = tuple[Seq2SeqModel, TrainingRecord]


def reversals(n: int, seed: int = 0, letters: str = "abcdef") -> pd.DataFrame:
    """Distinct strings of 2 to 6 letters, each with its letters backwards and apart."""
    rng = np.random.default_rng(seed)
    words = ["".join(rng.choice(list(letters), rng.integers(2, 7))) for _ in range(2 * n)]
    words = list(dict.fromkeys(words))[:n]
    backwards = [" ".join(word[::-1].upper()) for word in words]
    return pd.DataFrame({"word": words, "backwards": backwards, "long": [len(w) for w in words]})


def trained(rows: pd.DataFrame, settings: Seq2Seq = SMALL, **changes: Any) -> Trained:
    given: dict[str, Any] = {"training": FEW, "task": "sequence-to-sequence", **changes}
    return fit(settings, rows, label="backwards", **given)


@cache
def reversing() -> tuple[Seq2SeqModel, TrainingRecord, pd.DataFrame]:
    """A model that was taught to reverse, its record, and strings that it has not seen."""
    rows = reversals(1_600)
    settings = Seq2Seq(
        "word", embedding=16, hidden=32, dropout=0.0, source_length=8, target_length=8, beam=3
    )
    training = Training(epochs=10, batch_size=64, learning_rate=0.02)
    model, record = trained(rows[:1_200], settings, training=training)
    return model, record, rows[1_200:]


def test_it_learns_to_reverse_strings_that_it_has_not_seen() -> None:
    model, record, new = reversing()
    exact = (model.predictions(new) == new["backwards"]).mean()
    assert exact > 0.95
    losses = [epoch.validation_loss for epoch in record.epochs]
    assert losses[0] is not None
    assert losses[-1] is not None
    assert losses[-1] < losses[0] / 10
    assert record.loss == "log loss of the text, summed over its tokens and its end; unit: nats"
    assert (record.rows, record.validation_rows) == (1_080, 120)


def test_a_trained_beam_scores_no_lower_than_greedy_and_sometimes_higher() -> None:
    model, _, _ = reversing()
    strange = reversals(300, seed=5, letters="abf").assign(word=lambda r: r["word"] + "ddd")
    rows = torch.from_numpy(model.encode(strange))
    _, least = greedy(model.network, rows, 8)
    _, scores = beamed(model.network, rows, 8, beam=4)
    assert (scores >= least).all()
    assert (scores > least + 1e-6).any()


def test_a_model_writes_texts_and_has_no_scores() -> None:
    model, record, new = reversing()
    texts = model.predictions(new)
    assert (texts.shape, texts.dtype) == ((400,), np.dtype(object))
    assert all(isinstance(text, str) for text in texts)
    assert not isinstance(model, Model)
    assert (model.kind, model.task, model.features) == (
        "seq2seq", "sequence-to-sequence", ("word",),
    )  # fmt: skip
    assert (
        model.parameters == record.parameters == sum(p.numel() for p in model.network.parameters())
    )
    assert model.predictions(new[:0]).shape == (0,)


def test_a_text_is_written_for_empty_missing_strange_and_long_sources() -> None:
    model, _, _ = reversing()
    rows = pd.DataFrame({"word": ["", None, "漢字", "ab" * 5_000, "AB"]})
    texts = model.predictions(rows)
    assert texts.shape == (5,)
    assert texts[0] == texts[1]
    assert all(set(text.split()) <= set("ABCDEF") for text in texts)
    assert all(len(text.split()) <= 8 for text in texts)


def test_texts_do_not_depend_on_the_order_or_the_number_of_rows() -> None:
    model, _, new = reversing()
    whole = model.predictions(new)
    assert (model.predictions(new[::-1]) == whole[::-1]).all()
    assert (model.predictions(new[7:9]) == whole[7:9]).all()


@pytest.mark.parametrize(
    "settings",
    [
        SMALL,
        Seq2Seq("word", hidden=10, dropout=0.0, teacher_forcing=0.5, attention=False, layers=2),
    ],
)
def test_the_same_arguments_give_the_same_weights(settings: Seq2Seq) -> None:
    rows, before = reversals(80), torch.get_rng_state()
    first, again = trained(rows, settings), trained(rows, settings)
    assert torch.equal(before, torch.get_rng_state())
    assert first[0].sha256 == again[0].sha256
    assert first[1].epochs[-1].train_loss == again[1].epochs[-1].train_loss
    assert trained(rows, settings, seed=1)[0].sha256 != first[0].sha256


def test_teacher_forcing_is_less_than_always_only_where_it_is_set_so() -> None:
    rows = reversals(80)
    always = Seq2Seq("word", hidden=10, dropout=0.0)
    half = Seq2Seq("word", hidden=10, dropout=0.0, teacher_forcing=0.5)
    losses = [trained(rows, settings)[1].epochs[0].train_loss for settings in (always, half)]
    assert losses[0] != losses[1]


def test_a_saved_model_writes_the_same_bit_by_bit(tmp_path: Path) -> None:
    model, _, new = reversing()
    model.save(tmp_path)
    for loaded in (Seq2SeqModel.load(tmp_path), TrainedNetwork.load(tmp_path)):
        assert isinstance(loaded, Seq2SeqModel)
        assert loaded.sha256 == model.sha256
        assert loaded.architecture == model.architecture
        assert (loaded.predictions(new) == model.predictions(new)).all()
    with pytest.raises(InputError, match="a sequence-to-sequence model, expected one that Torch"):
        TorchModel.load(tmp_path)


def test_a_saved_model_is_opened_by_its_folder_for_its_task_alone(tmp_path: Path) -> None:
    model, _, new = reversing()
    model.save(tmp_path / "model")
    opened = partial(
        open_model, {"file": "model"}, tmp_path, "auditkit.toml", positive=1, features=None
    )
    found = opened(task="sequence-to-sequence")
    assert isinstance(found, Seq2SeqModel)
    assert (found.predictions(new) == model.predictions(new)).all()
    with pytest.raises(InputError, match=r"a sequence-to-sequence model .*expected a binary one"):
        opened(task="binary")


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "another kind": (
        lambda c: c.update(kind="text-lstm", architecture={"text": "word", "length": 8}),
        "a text-lstm for a sequence-to-sequence task",
    ),
    "another target": (lambda c: c.update(target={"task": "binary"}), "no texts of 1 tokens"),
    "another length": (lambda c: c["architecture"].update(source_length=9), "takes no rows"),
    "another width": (lambda c: c["architecture"].update(hidden=50), "of shape"),
    "a word less": (lambda c: c["target"]["text"]["words"].pop(), "embedding.weight"),
    "a wider beam": (lambda c: c["architecture"].update(beam=4), "or were changed"),
    "an endless beam": (lambda c: c["architecture"].update(beam=10**6), "from 1 to 64"),
}


@pytest.mark.parametrize(("change", "said"), CHANGES.values(), ids=CHANGES)
def test_a_changed_file_is_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], said: str
) -> None:
    reversing()[0].save(tmp_path)
    path = tmp_path / "model.json"
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config))
    with pytest.raises(InputError) as error:
        TrainedNetwork.load(tmp_path)
    assert said in str(error.value)


@pytest.mark.parametrize("architecture", [MLP(), TextLSTM("word")])
def test_only_this_network_writes_texts_and_it_does_nothing_else(
    architecture: Architecture,
) -> None:
    with pytest.raises(InputError, match="another task for a"):
        fit(architecture, reversals(40), label="backwards", task="sequence-to-sequence")
    with pytest.raises(InputError, match="task: found 'binary', expected sequence-to-sequence"):
        fit(SMALL, reversals(40), label="backwards")


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "privacy": ({"privacy": Privacy()}, "private training of a seq2seq"),
    "other features": ({"features": ["word", "long"]}, "found 'long', expected the same columns"),
    "no such label": ({"label": "phonemes"}, "Known: 'word', 'backwards', 'long'"),
    "the source as the label": ({"label": "word"}, "features: found the label 'word'"),
    "a number as the label": ({"label": "long"}, "expected text"),
}


@pytest.mark.parametrize(("changes", "said"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], said: str) -> None:
    given = {"label": "backwards", "task": "sequence-to-sequence", "training": FEW, **changes}
    with pytest.raises(InputError) as error:
        fit(SMALL, reversals(40), **given)
    assert said in str(error.value).replace(
        "'backwards', 'long', 'word'", "'word', 'backwards', 'long'"
    )


@pytest.mark.parametrize("column", ["word", "backwards"])
def test_numbers_are_no_texts_and_a_missing_target_is_refused(column: str) -> None:
    rows = reversals(40)
    with pytest.raises(InputError, match="expected text"):
        trained(rows.assign(**{column: 1.5}))
    if column == "backwards":
        missing = rows.assign(backwards=rows["backwards"].where(rows.index > 0))
        with pytest.raises(InputError, match="1 missing values"):
            trained(missing)


def test_rows_that_weigh_nothing_are_not_learnt_from() -> None:
    rows = reversals(60).assign(weight=[1.0, 0.0] * 30)
    _, record = trained(rows, weight="weight")
    assert record.samples_seen == FEW.epochs * 30


def test_a_recipe_trains_it_again_with_changes() -> None:
    rows = reversals(60)
    recipe = Recipe(SMALL, "backwards", FEW, task="sequence-to-sequence", features=["word"])
    model, _ = recipe.fit(rows)
    assert recipe.fit(rows)[0] is model
    assert recipe.fit(rows, seed=1)[0].sha256 != model.sha256
