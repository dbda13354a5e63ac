"""Operations of a training in its record, against closed forms."""

from __future__ import annotations

import json
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from small_training import SMALL_LSTM, STEPS, VARYING, cards, histories, people

from auditkit.methods.flops import count_work
from auditkit.training import MLP, Privacy, Training, TrainingRecord, fit

#: People have three columns of a job and one of an age; cards three steps of a bill and a limit.
P, T, CHANNELS, H = 4, 3, 2, 4
FEW = Training(epochs=3, batch_size=32, patience=0)
NOISY = Privacy(noise_multiplier=1.0, batch_size=40)
FORWARD = 2 * (P * H + H)


def trained(architecture: Any = MLP(hidden=(H,)), **how: Any) -> TrainingRecord:  # noqa: B008 - frozen
    rows = how.pop("rows", people())
    record: TrainingRecord = fit(architecture, rows, label="y", **{"training": FEW, **how})[1]
    return record


def test_ordinary_training_costs_its_closed_form_for_every_row_seen() -> None:
    record = trained()
    found = record.operations
    assert json.loads(json.dumps(found)) == {**found, "not_counted": [], "left_out": [
        "loss", "optimiser", "validation"]}  # fmt: skip
    assert record.samples_seen == 3 * 400
    # Backward: both weights, and through the second to what it takes.
    assert found["flops"] == (FORWARD + FORWARD + 2 * H) * record.samples_seen
    assert (found["low"], found["high"], found["batches"], found["rows"]) == (None, None, 1, 8)


def test_the_batches_of_private_training_are_counted_as_they_were_drawn() -> None:
    record = trained(privacy=NOISY)
    assert record.samples_seen != 3 * 400
    # As ordinary training, and the sums for the biases are products with the factors.
    biases = 2 * (H + 1)
    each = FORWARD + FORWARD + 2 * H + biases
    assert record.operations["flops"] == each * record.samples_seen
    assert record.operations["low"] is None
    assert record.operations["left_out"][3:] == ("noise", "norms of vectors", "self-test")


def test_private_training_of_an_lstm_counts_the_products_of_its_norms() -> None:
    record = trained(SMALL_LSTM, rows=cards(), privacy=NOISY)
    wide, gates = CHANNELS + H, 4 * H
    forward = 2 * T * gates * wide
    back = 2 * (T - 1) * gates * H
    norms = 2 * T * T * (wide + gates)
    sums = 2 * T * gates * wide + 2 * T * gates
    head = 2 * H + 2 * H + 2 * H + 2
    each = forward + back + norms + sums + head
    assert record.operations["flops"] == each * record.samples_seen
    assert record.operations["not_counted"] == ()


def test_few_rows_at_once_cost_the_same() -> None:
    whole, parts = (
        trained(SMALL_LSTM, rows=cards(), privacy=Privacy(
            noise_multiplier=1.0, batch_size=40, rows_at_once=at_once))
        for at_once in (None, 7)
    )  # fmt: skip
    assert whole.operations["flops"] == parts.operations["flops"]


def test_layers_that_wait_cost_no_gradient_until_they_move() -> None:
    frozen: dict[str, Any] = {"epochs": 3, "patience": 0, "freeze": ["linear1"]}
    kept = trained(training=Training(**frozen))
    still, moving = FORWARD + 2 * H, FORWARD + FORWARD + 2 * H
    assert kept.operations["flops"] == still * 1200
    waits = trained(training=Training(**frozen, unfreeze_after=1))
    assert waits.operations["flops"] == still * 400 + moving * 800
    privately = trained(training=Training(**frozen), privacy=NOISY)
    assert privately.operations["flops"] == (still + 2) * privately.samples_seen


def test_a_teacher_that_is_a_network_predicts_every_row_once() -> None:
    teacher, _ = fit(MLP(hidden=(8,)), people(seed=1), label="y", training=FEW)
    alone, taught = trained(), trained(teacher=teacher)
    predicted = 2 * (P * 8 + 8) * 400
    assert taught.operations["flops"] == alone.operations["flops"] + predicted
    assert taught.operations["low"] is None


def test_a_teacher_that_cannot_be_looked_into_is_left_out() -> None:
    teacher: Any = SimpleNamespace(
        kind="served", sha256=None, parameters=None, scores=lambda rows: np.full(len(rows), 0.5)
    )
    found = trained(teacher=teacher).operations
    assert found["flops"] == trained().operations["flops"]
    assert found["left_out"][-1] == "predictions of the teacher"


def test_rows_of_different_lengths_give_a_mean_with_an_interval_that_holds_the_whole() -> None:
    rows = histories()
    record = trained(VARYING, rows=rows)
    found = record.operations
    lengths = np.maximum(rows[STEPS].notna().sum(axis=1), 1)
    channels, hidden = 2, 6
    forward = 2 * lengths * 4 * hidden * (channels + hidden)
    lstm = 2 * forward + 2 * (lengths - 1) * 4 * hidden * hidden
    whole = int((lstm + 3 * 2 * hidden).sum()) * 3
    assert found["batches"] == 4
    assert found["low"] < whole < found["high"]
    assert found["flops"] == pytest.approx(whole, rel=0.1)


def test_weights_are_counted_no_differently() -> None:
    weighed = people().assign(w=2.0)
    weighed.loc[0, "w"] = 1.0
    assert trained(rows=weighed, weight="w").operations == trained().operations


def test_counting_moves_nothing() -> None:
    state = torch.random.get_rng_state()
    model, _ = fit(MLP(hidden=(H,), dropout=0.5), people(), label="y", training=FEW)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(weight.grad is None for weight in model.network.parameters())
    count = partial(model.network, torch.zeros(2, P))
    assert count_work(model.network, count, training=False).flops == 2 * FORWARD
