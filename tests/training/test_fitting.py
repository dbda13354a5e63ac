"""Training from raw rows: determinism, what the encoding sees, the record, bad input."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from small_training import SMALL_LSTM, cards, people

from auditkit.encoding import TabularEncoder
from auditkit.errors import InputError
from auditkit.training import LSTM, MLP, Architecture, Training, fit, split

FEW = Training(epochs=3, batch_size=32)


def problems(call: Any, *args: Any, **kwargs: Any) -> list[str]:
    with pytest.raises(InputError) as error:
        call(*args, **kwargs)
    return [str(problem) for problem in error.value.problems]


@pytest.mark.parametrize(
    ("architecture", "rows", "rate"),
    [(MLP(hidden=(16,)), people(2000), 0.01), (SMALL_LSTM, cards(2000), 0.03)],
    ids=["mlp", "lstm"],
)
def test_a_network_learns_what_there_is_to_learn(
    architecture: Architecture, rows: pd.DataFrame, rate: float
) -> None:
    from sklearn.metrics import roc_auc_score

    train, validation, test = split(rows, label="y")
    training = Training(epochs=20, batch_size=64, learning_rate=rate)
    model, record = fit(architecture, train, label="y", validation=validation, training=training)
    floor = 0.86 if architecture.kind == "mlp" else 0.98
    assert roc_auc_score(test["y"], model.scores(test)) > floor
    losses = [epoch.validation_loss for epoch in record.epochs]
    assert record.best_epoch == 1 + int(np.argmin(np.array(losses)))
    assert record.validation_rows == len(validation)


@pytest.mark.parametrize(
    ("architecture", "rows"),
    [(MLP(hidden=(8,), dropout=0.3), people()), (SMALL_LSTM, cards())],
    ids=["mlp", "lstm"],
)
def test_the_same_seed_gives_the_same_model_and_leaves_all_random_states_alone(
    architecture: Architecture, rows: pd.DataFrame
) -> None:
    def states() -> tuple[Any, ...]:
        name, keys, *rest = np.random.get_state()  # noqa: NPY002 - the state that must not move
        return torch.get_rng_state().tolist(), random.getstate(), name, list(keys), *rest

    before = states()
    first, _ = fit(architecture, rows, label="y", training=FEW)
    assert states() == before
    torch.rand(3)
    again, _ = fit(architecture, rows, label="y", training=FEW)
    other, _ = fit(architecture, rows, label="y", training=FEW, seed=1)
    assert first.sha256 == again.sha256 != other.sha256
    assert (first.scores(rows) == again.scores(rows)).all()


def test_the_rows_are_not_modified_and_the_index_plays_no_part() -> None:
    rows = people()
    copy = rows.copy(deep=True)
    first, _ = fit(MLP(hidden=(4,)), rows, label="y", training=FEW)
    pd.testing.assert_frame_equal(rows, copy)
    again, _ = fit(MLP(hidden=(4,)), rows.set_index(np.zeros(400)), label="y", training=FEW)
    assert first.sha256 == again.sha256


def test_the_encoding_is_learnt_on_training_rows_only() -> None:
    rows, held = people(), people(50, seed=1).assign(age=1e6, job="z")
    model, record = fit(MLP(hidden=(4,)), rows, label="y", validation=held, training=FEW)
    alone, _ = fit(
        MLP(hidden=(4,)), rows, label="y", training=Training(epochs=1, batch_size=32, patience=0)
    )
    assert isinstance(model.encoder, TabularEncoder)
    assert model.encoder == alone.encoder
    assert record.rows == 400
    assert model.encoder.unseen(held) == {"age": 0, "job": 50}


def test_a_tenth_is_held_back_for_early_stopping_and_only_for_that() -> None:
    for patience, expected in ((5, (360, 40)), (0, (400, 0))):
        training = Training(epochs=2, batch_size=32, patience=patience)
        _, record = fit(MLP(hidden=(4,)), people(), label="y", training=training)
        assert (record.rows, record.validation_rows) == expected
        assert (record.epochs[0].validation_loss is None) == (patience == 0)
    empty = people()[:0]
    _, record = fit(MLP(hidden=(4,)), people(), label="y", validation=empty, training=FEW)
    assert (record.rows, record.validation_rows) == (360, 40)


def test_the_record_is_plain_json_and_adds_up() -> None:
    model, record = fit(SMALL_LSTM, cards(), label="y", training=FEW, seed=7)
    said = record.to_dict()
    assert json.loads(json.dumps(said, allow_nan=False)) == said
    assert said["architecture"]["kind"] == "lstm"
    assert said["architecture"]["sequence"] == {"bill": ["b3", "b2", "b1"]}
    assert said["settings"]["batch_size"] == 32
    assert (said["seed"], said["privacy"]) == (7, None)
    assert said["parameters"] == model.parameters == 4 * 4 * (2 + 4 + 2) + 5
    assert said["steps"] == 3 * -(-270 // 32)
    assert said["samples_seen"] == 3 * 270
    assert [epoch["epoch"] for epoch in said["epochs"]] == [1, 2, 3]
    assert said["cost"]["name"] == "train"
    assert said["cost"]["seconds"] > 0


def test_features_choose_the_columns_and_their_order() -> None:
    model, _ = fit(MLP(hidden=(4,)), people(), label="y", features=["job", "age"], training=FEW)
    assert list(model.players) == ["job", "age"]
    model, _ = fit(MLP(hidden=(4,)), people(), label="y", features=("age",), training=FEW)
    assert model.encode(people()).shape == (400, 1)


@pytest.mark.parametrize("positive", ["yes", True])
def test_any_value_can_be_the_positive_outcome(positive: object) -> None:
    other = "no" if positive == "yes" else False
    rows = people().assign(y=lambda d: d["y"].map({1: positive, 0: other}))
    training = Training(epochs=5, learning_rate=0.05, batch_size=32)
    model, _ = fit(MLP(hidden=(4,)), rows, label="y", positive=positive, training=training)
    assert ((model.scores(rows) > 0.5) == (rows["y"] == positive)).mean() > 0.75


def test_two_rows_are_enough() -> None:
    rows = pd.DataFrame({"x": [0.0, 1.0], "y": [0, 1]})
    _, record = fit(MLP(hidden=(2,)), rows, label="y", training=FEW)
    assert (record.rows, record.validation_rows) == (2, 0)


def test_labels_that_cannot_be_learnt_are_refused() -> None:
    rows, net = people(), MLP(hidden=(2,))
    assert "Did you mean 'y'" in problems(fit, net, rows, label="Y")[0]
    assert "expected 'yes'" in problems(fit, net, rows, label="y", positive="yes")[0]
    assert "found '1'" in problems(fit, net, rows[rows["y"] == 1], label="y")[0]
    assert "no rows" in problems(fit, net, rows[:0], label="y")[0]
    gap = rows.assign(y=rows["y"].where(rows.index > 3))
    assert "4 missing values" in problems(fit, net, gap, label="y")[0]
    held = problems(fit, net, rows, label="y", validation=gap, seed=-1)
    assert "validation rows" in held[0]
    assert "seed" in held[1]


def test_features_that_do_not_fit_are_refused() -> None:
    rows, net = cards(), MLP(hidden=(2,))
    assert "the label" in problems(fit, net, rows, label="y", features=["b1", "y"])[0]
    assert "at least one column" in problems(fit, net, rows[["y"]], label="y")[0]
    assert "mean 'limit'" in problems(fit, net, rows, label="y", features=["limits"])[0]
    assert "channel" in problems(fit, LSTM(), rows, label="y", features=["b1"])[0]
    told = problems(fit, SMALL_LSTM, rows, label="y", features=["b3", "b2", "limit", "age"])
    assert len(told) == 2
    assert "'age'" in told[0]
    assert "'b1'" in told[1]


def test_a_validation_column_that_is_missing_is_named() -> None:
    held = people().drop(columns="job")
    told = problems(fit, MLP(hidden=(2,)), people(), label="y", validation=held, training=FEW)
    assert told[0].startswith("features: found 'job'")


def test_what_torch_loads_with_its_first_optimizer_is_not_metered_as_training() -> None:
    code = """
import sys
import pandas as pd
from auditkit import meter
from auditkit.training import MLP, Training, fit

whole, loaded = meter.phase, []

def phase(name):
    loaded.append("torch._dynamo" in sys.modules)
    return whole(name)

meter.phase = phase
rows = pd.DataFrame({"x": [0.0, 1.0] * 50, "y": [0, 1] * 50})
before = "torch._dynamo" in sys.modules
fit(MLP(hidden=(4,)), rows, label="y", training=Training(epochs=1))
print(before, loaded)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "[True]"]
