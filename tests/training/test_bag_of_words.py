"""Networks over bags of words: what they learn, how they are saved, and what bad input gets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from texts import chinese, english, reviews, sentiments

import auditkit
from auditkit.encoding import WordEncoder
from auditkit.errors import InputError
from auditkit.models.torch import TorchModel
from auditkit.training import BagOfWords, Privacy, Recipe, Training, fit, split
from auditkit.training.networks import build
from auditkit.training.settings import architecture_from

FEW = Training(epochs=12, batch_size=32, learning_rate=0.03, patience=0)


@pytest.mark.parametrize("weighting", ["counts", "binary", "tf-idf"])
@pytest.mark.parametrize("hidden", [(), (5,)])
def test_it_learns_telling_words(weighting: Any, hidden: tuple[int, ...]) -> None:
    rows = reviews()
    architecture = BagOfWords(weighting=weighting, hidden=hidden)
    model, record = fit(architecture, rows[:200], label="y", training=FEW)
    assert ((model.scores(rows[200:]) >= 0.5) == (rows.y[200:] == 1)).mean() > 0.95
    assert record.architecture["weighting"] == weighting
    assert (model.kind, model.features) == ("bag-of-words", ("text",))
    assert isinstance(model.encoder, WordEncoder)
    wanted = len(model.encoder.words) + 1 if not hidden else len(model.encoder.words) * 5 + 11
    assert model.parameters == wanted


def test_pairs_of_tokens_tell_what_single_ones_cannot() -> None:
    rng = np.random.default_rng(0)
    first = rng.choice(["good", "bad"], 200)
    second = np.where(first == "good", "bad", "good")
    kept = [f"not {a} but {b}" for a, b in zip(first, second, strict=True)]
    rows = pd.DataFrame({"text": kept, "y": (first == "bad").astype(int)})
    for ngrams, right in ((1, False), (2, True)):
        model, _ = fit(BagOfWords(ngrams=ngrams), rows, label="y", training=FEW)
        assert bool(((model.scores(rows) >= 0.5) == (rows.y == 1)).all()) == right


def test_it_tells_more_than_two_classes_apart() -> None:
    rows = reviews()
    rows["y"] = np.where(rows.text.str.contains("book|书"), "book", np.where(rows.y == 1, "+", "-"))
    model, _ = fit(BagOfWords(), rows, label="y", task="multiclass", training=FEW)
    names = np.array(model.classes)[model.scores(rows).argmax(axis=1)]
    assert (names == rows.y).mean() > 0.95


def test_a_saved_model_gives_the_same_scores_bit_by_bit(tmp_path: Path) -> None:
    rows = pd.concat([reviews(), pd.DataFrame({"text": [None, "all new words"]})])
    model, _ = fit(BagOfWords(ngrams=2), reviews(), label="y", training=FEW)
    model.save(tmp_path)
    loaded = TorchModel.load(tmp_path)
    np.testing.assert_array_equal(loaded.scores(rows), model.scores(rows))
    assert (loaded.sha256, loaded.architecture) == (model.sha256, model.architecture)


def test_a_network_and_an_encoder_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    model, _ = fit(BagOfWords(), reviews(), label="y", training=FEW)
    model.save(tmp_path)
    text = (tmp_path / "model.json").read_text()
    (tmp_path / "model.json").write_text(
        text.replace('"kind": "bag-of-words"', '"kind": "text"', 1)
    )
    with pytest.raises(InputError, match="encoder"):
        TorchModel.load(tmp_path)
    with pytest.raises(ValueError, match="takes no rows of shape"):
        build(BagOfWords(), (4, 5), generator=None)


def test_a_configuration_file_trains_it(tmp_path: Path) -> None:
    reviews().to_csv(tmp_path / "reviews.csv", index=False)
    (tmp_path / "auditkit.toml").write_text(
        '[subject]\nname = "reviews"\ndata = "reviews.csv"\nlabel = "y"\nsensitive = ["sex"]\n'
        'features = ["text"]\n[subject.model]\ntrain = "bag-of-words"\nhidden = []\nngrams = 2\n'
        "[subject.training]\nepochs = 1\n"
    )
    subject = auditkit.load_subject(tmp_path / "auditkit.toml")
    assert subject.model is not None
    assert (subject.model.kind, subject.features) == ("bag-of-words", ("text",))
    assert subject.y_score is not None
    assert len(subject.y_score) == 72


def test_settings_out_of_their_range_are_listed() -> None:
    table = {"text": "", "weighting": "bm25", "vocabulary": 20_001, "ngrams": 3, "length": 9}
    with pytest.raises(InputError) as error:
        architecture_from("bag-of-words", table, "x")
    for name in table:
        assert f"x {name}:" in str(error.value)


def test_private_training_says_that_the_vocabulary_is_not_covered() -> None:
    privacy = Privacy(noise_multiplier=1.0)
    _, record = fit(
        BagOfWords(), reviews(), label="y", training=Training(epochs=2), privacy=privacy
    )
    assert record.privacy is not None
    assert max(record.privacy["self_test"].values()) < 1e-5
    assert any("vocabulary" in line for line in record.privacy["not_covered"])


def test_other_columns_are_refused() -> None:
    with pytest.raises(InputError, match="the same columns in features and in the BagOfWords"):
        fit(BagOfWords(), reviews(), label="y", features=["text", "sex"])


@pytest.mark.parametrize(
    "audit", ["performance", "fairness", "privacy", "energy", "explainability"]
)
def test_every_audit_completes(audit: str) -> None:
    train, _, test = split(reviews(), label="y", validation=0)
    recipe = Recipe(BagOfWords(hidden=(5,)), "y", FEW, features=["text"])
    model, record = recipe.fit(train)
    subject = auditkit.Subject.from_model(
        model, test, label="y", features=["text"], sensitive=["sex"], train=train,
        record=record, recipe=recipe,
    )  # fmt: skip
    report = auditkit.run(subject, audits=[audit])
    assert [(a.name, a.status, a.reason) for a in report.audits] == [(audit, "completed", None)]
    assert any(m.value is not None for m in report.measurements)
    if audit == "explainability":
        found = {m.slice.get("feature"): m.value for m in report.measurements}
        assert found["good"] > 2 * found["seen"]  # type: ignore[operator]


SLOW = Training(epochs=10, batch_size=128, learning_rate=2e-3, patience=1)


@pytest.mark.slow
@pytest.mark.parametrize(("read", "least"), [(english, 0.91), (chinese, 0.87)])
def test_real_texts_are_ranked_as_by_a_logistic_regression(
    read: Callable[[], pd.DataFrame], least: float
) -> None:
    train, validation, test = split(read(), label="y")
    model, _ = fit(BagOfWords(), train, label="y", validation=validation, training=SLOW)
    plain = LogisticRegression(max_iter=500).fit(model.encode(train), train.y)
    auc = roc_auc_score(test.y, model.scores(test))
    other = roc_auc_score(test.y, plain.predict_proba(model.encode(test))[:, 1])
    print(read.__name__, len(test), auc, other)  # noqa: T201
    assert auc > max(least, other - 0.01)


@pytest.mark.slow
def test_three_real_sentiments_are_told_apart() -> None:
    train, validation, test = split(sentiments(), label="y", task="multiclass")
    model, _ = fit(
        BagOfWords(), train, label="y", task="multiclass", validation=validation,
        training=SLOW,
    )  # fmt: skip
    names = np.array(model.classes)[model.scores(test).argmax(axis=1)]
    right, largest = (names == test.y).mean(), test.y.value_counts(normalize=True)
    print(len(test), model.classes, right, largest.max())  # noqa: T201
    assert model.classes == ("negative", "neutral", "positive")
    assert right > largest.max() + 0.05
