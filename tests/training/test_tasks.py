"""The core on tasks beyond two classes: every architecture, saved and loaded, and with weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_training import SMALL_LSTM, cards, people

from auditkit.errors import InputError
from auditkit.models.torch import TorchModel
from auditkit.roles import Task
from auditkit.training import MLP, PooledEmbedding, Privacy, Training, fit, split

QUICK = Training(epochs=20, batch_size=32, learning_rate=0.01)
LONGER = Training(epochs=60, batch_size=32, learning_rate=0.02)
LINEAR = MLP(hidden=())


def thirds(n: int = 600, seed: int = 0) -> pd.DataFrame:
    """Rows of three classes that a number nearly tells apart."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    y = np.array(["low", "mid", "top"])[np.digitize(x + 0.3 * rng.normal(size=n), [-0.5, 0.5])]
    return pd.DataFrame({"x": x, "z": rng.normal(size=n), "y": y})


def test_a_multiclass_network_gives_a_probability_of_each_class() -> None:
    rows = thirds()
    model, record = fit(MLP(hidden=(16,)), rows, label="y", task="multiclass", training=QUICK)
    scores = model.scores(rows)
    assert (model.task, model.classes) == ("multiclass", ("low", "mid", "top"))
    np.testing.assert_allclose(scores.sum(axis=1), 1.0)
    right = np.array(model.classes)[scores.argmax(axis=1)] == rows["y"]
    assert right.mean() > 0.75
    assert record.loss.startswith("log loss")


def test_a_logistic_regression_of_three_classes_is_scikit_learns() -> None:
    from sklearn.linear_model import LogisticRegression

    rows = thirds()
    training = Training(epochs=800, batch_size=600, learning_rate=0.5, weight_decay=0, patience=0)
    model, _ = fit(LINEAR, rows, label="y", task="multiclass", training=training)
    reference = LogisticRegression(C=1e6).fit(rows[["x", "z"]], rows["y"])
    np.testing.assert_allclose(
        model.scores(rows), reference.predict_proba(rows[["x", "z"]]), atol=0.01
    )


def test_a_linear_regression_is_the_least_squares_one_in_the_unit_of_the_outcome() -> None:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"x": rng.normal(size=300), "z": rng.normal(size=300)})
    rows["pay"] = 1000 + 50 * rows["x"] - 20 * rows["z"] + rng.normal(size=300)
    training = Training(epochs=300, batch_size=300, learning_rate=0.05, weight_decay=0, patience=0)
    model, record = fit(LINEAR, rows, label="pay", task="regression", training=training)
    design = np.column_stack([np.ones(300), rows["x"], rows["z"]])
    expected = design @ np.linalg.lstsq(design, rows["pay"], rcond=None)[0]
    np.testing.assert_allclose(model.scores(rows), expected, atol=0.5)
    assert record.loss.startswith("squared error")


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_an_lstm_learns_other_tasks(task: Task) -> None:
    rows = cards()
    change = rows["b1"] - rows["b3"]
    label = np.digitize(change, [-0.5, 0.5]) if task == "multiclass" else change
    model, _ = fit(SMALL_LSTM, rows.assign(y=label), label="y", task=task, training=LONGER)
    scores = model.scores(rows)
    if task == "multiclass":
        assert (scores.argmax(axis=1) == label).mean() > 0.7
    else:
        assert np.corrcoef(scores, change)[0, 1] > 0.9


def test_texts_of_three_classes_are_told_apart() -> None:
    words = {"good": ["fine", "great"], "bad": ["awful", "poor"], "odd": ["strange", "weird"]}
    rng = np.random.default_rng(0)
    labels = rng.choice(list(words), 300)
    texts = [f"a {rng.choice(words[label])} film" for label in labels]
    rows = pd.DataFrame({"text": texts, "y": labels})
    model, _ = fit(PooledEmbedding(length=4), rows, label="y", task="multiclass", training=QUICK)
    assert (np.array(model.classes)[model.scores(rows).argmax(axis=1)] == labels).mean() > 0.95
    assert model.scores(rows[:0]).shape == (0, 3)


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_a_saved_model_of_another_task_gives_the_same_scores(task: Task, tmp_path: Path) -> None:
    rows = thirds().assign(number=lambda held: held["x"] * 3 + 1)
    label = "y" if task == "multiclass" else "number"
    features = ["x", "z"]
    model, _ = fit(LINEAR, rows, label=label, task=task, features=features, training=QUICK)
    model.save(tmp_path)
    again = TorchModel.load(tmp_path)
    assert (again.task, again.classes, again.sha256) == (task, model.classes, model.sha256)
    np.testing.assert_array_equal(again.scores(rows), model.scores(rows))


def test_rows_that_weigh_nothing_teach_nothing() -> None:
    rows = people()
    spoiled = pd.concat([rows, rows.assign(y=1 - rows["y"])], ignore_index=True)
    spoiled["w"] = np.repeat([2.0, 0.0], len(rows))
    training = Training(epochs=30, batch_size=100, learning_rate=0.01)
    model, _ = fit(LINEAR, spoiled, label="y", features=["age", "job"], weight="w",
                   training=training)  # fmt: skip
    assert ((model.scores(rows) > 0.5) == rows["y"]).mean() > 0.7


def test_weights_that_are_wrong_and_private_training_with_weights_are_refused() -> None:
    rows = people().assign(w=1.0)
    with pytest.raises(InputError, match="weights of rows"):
        fit(LINEAR, rows, label="y", weight="w", privacy=Privacy())
    rows.loc[0, "w"] = -1.0
    with pytest.raises(InputError, match="1 negative values"):
        fit(LINEAR, rows, label="y", weight="w")
    with pytest.raises(InputError, match="the weight 'w'"):
        fit(LINEAR, people().assign(w=1.0), label="y", weight="w", features=["age", "w"])


def test_private_training_of_three_classes_passes_its_self_test() -> None:
    privacy = Privacy(noise_multiplier=1.0, batch_size=60)
    _, record = fit(
        MLP(hidden=(4,)), thirds(), label="y", task="multiclass", training=QUICK, privacy=privacy
    )
    found = record.to_dict()["privacy"]["self_test"]
    assert max(found.values()) < 1e-4


def test_a_regression_needs_numbers_and_classes_need_two() -> None:
    with pytest.raises(InputError, match="numbers"):
        fit(LINEAR, thirds(), label="y", task="regression")
    with pytest.raises(InputError, match="2 classes or more"):
        fit(LINEAR, thirds().assign(y="one"), label="y", task="multiclass")


def test_ten_handwritten_digits_are_told_apart_by_128_and_64_units() -> None:
    from sklearn.datasets import load_digits

    rows = load_digits(as_frame=True).frame
    train, validation, test = split(rows, label="target", task="multiclass")
    model, _ = fit(
        MLP(hidden=(128, 64)), train, label="target", task="multiclass", validation=validation,
        training=Training(epochs=30, batch_size=64),
    )  # fmt: skip
    assert len(model.classes) == 10
    chosen = np.array(model.classes)[model.scores(test).argmax(axis=1)]
    assert (chosen == test["target"].astype(str)).mean() > 0.95


def test_the_progress_of_diabetes_is_predicted_as_well_as_by_least_squares() -> None:
    from sklearn.datasets import load_diabetes
    from sklearn.linear_model import LinearRegression

    rows = load_diabetes(as_frame=True).frame
    train, _, test = split(rows, label="target", task="regression", validation=0.0)
    features = [name for name in rows if name != "target"]
    model, _ = fit(
        MLP(hidden=(16,)), train, label="target", task="regression",
        training=Training(epochs=60, batch_size=32, learning_rate=0.003, weight_decay=0.01),
    )  # fmt: skip
    linear = LinearRegression().fit(train[features], train["target"])
    errors = [
        np.sqrt(np.mean((predicted - test["target"]) ** 2))
        for predicted in (model.scores(test), linear.predict(test[features]))
    ]
    assert errors[0] < 1.1 * errors[1] < 0.8 * test["target"].std()
