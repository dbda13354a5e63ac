"""Sequences of different lengths: how they are encoded, packed, learnt, explained and saved."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from real_data import checked, downloaded
from small_training import STEPS, VARYING, histories

import auditkit
from auditkit.encoding import SequenceEncoder
from auditkit.errors import InputError
from auditkit.models.torch import TorchModel
from auditkit.training import LSTM, Privacy, Recipe, Training, fit, split

#: Part of the Japanese Vowels set to the digest of its file.
VOWELS = {
    "TRAIN": "68a430eabd919cc77f40b1f5f3bc0dcafacc1486bca9260785aeb7d262cc78cd",
    "TEST": "b3d41d6a0ca3bcad3afb9ca7d4365382aa51341e2e58bae2a574babdda5b9462",
}
QUICK = Training(epochs=30, batch_size=32, learning_rate=0.02)


def test_a_step_is_there_where_any_channel_has_a_value() -> None:
    rows = pd.DataFrame({"a1": [1.0, np.nan], "a2": [3.0, np.nan],
                         "b1": [np.nan, np.nan], "b2": [5.0, 7.0]})  # fmt: skip
    encoder = SequenceEncoder.fit(rows, {"a": ["a1", "a2"], "b": ["b1", "b2"]}, varying=True)
    encoded = encoder.encode(rows)
    assert encoded[:, :, 0].tolist() == [[1, 1], [0, 1]]
    assert not encoded[1, 0].any()
    channel = encoder.channels[1].scale  # 5 and 7 are known; one of three steps lacks b
    assert (channel.median, channel.missing) == (6.0, True)
    assert encoder.unseen(rows) == {"a1": 0, "a2": 0, "b1": 0, "b2": 0}


def test_the_players_are_steps_and_hold_each_position_once() -> None:
    rows = histories()
    one = SequenceEncoder.fit(rows, {"s": STEPS}, ["limit"], varying=True)
    assert list(one.players) == [*STEPS, "limit"]
    two = SequenceEncoder.fit(rows, {"s": STEPS[:2], "t": STEPS[2:]}, varying=True)
    assert list(two.players) == ["step 1 (s1, s3)", "step 2 (s2, s4)"]
    for encoder in (one, two):
        places = np.concatenate(list(encoder.players.values()))
        assert sorted(places) == list(range(int(np.prod(encoder.shape))))


def test_the_network_gives_each_row_what_its_own_steps_alone_give() -> None:
    rows = histories(40)
    model, _ = fit(VARYING, rows, label="y", training=Training(epochs=1))
    encoded = torch.from_numpy(model.encode(rows))
    given = model.network(encoded)
    lstm, output = (model.network.get_submodule(name) for name in ("lstm", "output"))
    for row, logit in zip(encoded, given, strict=True):
        steps = row[row[:, 0] > 0][:, 1:]
        steps = steps if len(steps) else torch.zeros(1, row.shape[1] - 1)
        _, (state, _) = lstm(steps[None])
        torch.testing.assert_close(output(state[-1])[0, 0], logit)


def test_lengths_are_learnt_from_better_than_imputed_values() -> None:
    train, _, test = split(histories(2_000), label="y", validation=0)
    model, _ = fit(VARYING, train, label="y", training=QUICK)
    assert ((model.scores(test) > 0.5) == test["y"]).mean() > 0.95


def test_a_saved_model_gives_the_same_scores(tmp_path: Path) -> None:
    rows = histories(60)
    model, _ = fit(VARYING, rows, label="y", training=Training(epochs=1))
    model.save(tmp_path)
    np.testing.assert_array_equal(TorchModel.load(tmp_path).scores(rows), model.scores(rows))


def test_private_training_over_varying_lengths_passes_its_self_test_and_learns() -> None:
    training = Training(epochs=12, batch_size=32, learning_rate=0.02)
    rows, fresh = histories(3_000), histories(1_000, seed=1)
    model, record = fit(
        VARYING, rows, label="y", training=training, privacy=Privacy(noise_multiplier=0.8)
    )
    assert record.privacy is not None
    assert max(record.privacy["self_test"].values()) < 1e-5
    assert ((model.scores(fresh) >= 0.5) == fresh["y"]).mean() > 0.85


def test_every_audit_runs_on_sequences_of_varying_length() -> None:
    train, _, test = split(histories(), label="y", validation=0)
    recipe = Recipe(VARYING, "y", Training(epochs=2), features=VARYING.columns)
    model, record = recipe.fit(train)
    subject = auditkit.Subject.from_model(
        model, test, label="y", features=VARYING.columns, sensitive=["sex"], train=train,
        record=record, recipe=recipe,
    )  # fmt: skip
    report = auditkit.run(subject)
    assert {a.name: a.status for a in report.audits if a.status != "completed"} == {}


def test_a_long_table_is_widened_newest_steps_last() -> None:
    long = pd.DataFrame(
        {
            "who": ["b", "a", "a", "a"],
            "year": [80, 71, 70, 73],
            "pay": [9.0, 2.0, 1.0, np.nan],
            "city": ["Y", "X", "W", None],
        }
    )
    wide, sequence = auditkit.widen(long, "who", "year", ["pay"], ["city"], most=2)
    assert sequence == {"pay": ["pay_1", "pay_2"]}
    assert wide.columns.tolist() == ["who", "pay_1", "pay_2", "city"]
    assert wide["who"].tolist() == ["a", "b"]
    assert wide["pay_1"].tolist() == [2.0, 9.0]
    assert wide["pay_2"].isna().all()
    assert wide["city"].tolist() == ["X", "Y"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"year": [70, 70]}, "1 rows of a 'who' and 'year' that were there before"),
        ({"year": [70, None]}, "1 missing values"),
        ({"who": [None, 1]}, "column 'who'"),
    ],
)
def test_a_table_that_cannot_be_put_in_order_is_refused(changes: Any, said: str) -> None:
    long = pd.DataFrame({"who": [1, 1], "year": [70, 71], "pay": [1.0, 2.0]} | changes)
    with pytest.raises(InputError, match=said):
        auditkit.widen(long, "who", "year", ["pay"])


def vowels(part: str, digest: str) -> pd.DataFrame:
    """Japanese Vowels: 12 coefficients of 7 to 29 frames of speech of one of nine men."""
    member = f"aeon/datasets/data/JapaneseVowels/JapaneseVowels_{part}.ts"
    with zipfile.ZipFile(downloaded("aeon", "1.6.0")) as wheel:
        text = checked(wheel.read(member), digest).decode()
    lines = [line for line in io.StringIO(text) if line.strip() and line[0] not in "#@"]
    long = []
    for case, line in enumerate(lines):
        *channels, speaker = line.strip().split(":")
        numbers = np.array([channel.split(",") for channel in channels], dtype=np.float64)
        frame = pd.DataFrame(numbers.T, columns=[f"c{i}" for i in range(len(channels))])
        long.append(frame.assign(case=case, time=np.arange(len(frame)), speaker=speaker))
    names = [f"c{i}" for i in range(12)]
    return auditkit.widen(pd.concat(long), "case", "time", names, ["speaker"])[0]


@pytest.mark.slow
def test_real_sequences_of_varying_length_and_nine_classes_are_told_apart() -> None:
    train, test = (vowels(part, digest) for part, digest in VOWELS.items())
    frames = max(len(train.columns), len(test.columns)) // 12
    sequence = {f"c{i}": [f"c{i}_{t}" for t in range(1, frames + 1)] for i in range(12)}
    columns = [*(c for names in sequence.values() for c in names), "speaker"]
    train, test = train.reindex(columns=columns), test.reindex(columns=columns)
    settings = Training(epochs=60, batch_size=16, learning_rate=5e-3, patience=0)
    found = {}
    for varying in (True, False):
        network = LSTM(hidden=64, dropout=0.2, sequence=sequence, varying=varying)
        model, record = fit(network, train, label="speaker", task="multiclass", training=settings)
        chosen = np.array(model.classes)[model.scores(test).argmax(axis=1)]
        found[varying] = float((chosen == test["speaker"]).mean())
        print(len(train), len(test), varying, found, record.cost["cpu_seconds"])  # noqa: T201
    assert found[True] > 0.9
