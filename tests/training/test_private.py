"""Private training: sampling, noise, self-test, accounting, and what the record says."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from small_training import SMALL_LSTM, cards, people
from torch import nn

from auditkit.errors import InputError
from auditkit.training import MLP, Privacy, Training, TrainingError, fit, private
from auditkit.training.clipping import write_clipped
from auditkit.training.loop import Examples
from auditkit.training.networks import build
from auditkit.training.private import PrivateSteps, private_optimizer, private_training
from auditkit.training.target import Target

LOSSES = Target().losses
FEW = Training(epochs=2, batch_size=8)
NOISY = Privacy(noise_multiplier=1.0, batch_size=40)


def steps(batch_size: int, rows: int = 200, **settings: Any) -> PrivateSteps:
    generator = torch.Generator().manual_seed(0)
    network = build(MLP(hidden=(4,)), (3,), generator=generator)
    x = torch.randn(rows, 3, generator=generator)
    training = Training(epochs=1, batch_size=batch_size, patience=0)
    privacy = Privacy(**({"noise_multiplier": 1.0} | settings))
    examples = Examples(x, (x[:, 0] > 0).float())
    return PrivateSteps(network, examples, LOSSES, training=training, privacy=privacy, seed=0)


def test_a_row_is_drawn_with_the_sampling_rate_independently_of_the_others() -> None:
    drawing = steps(20)
    drawn = np.zeros((3000, 200))
    for step in drawn:
        rows = drawing._draw().numpy()
        assert len(set(rows)) == len(rows)
        step[rows] = 1
    counts = drawn.sum(axis=1)
    assert counts.mean() == pytest.approx(20, abs=4 * np.sqrt(18 / 3000))
    assert counts.var() == pytest.approx(18, rel=0.15)  # binomial: n q (1 - q)
    assert np.abs(drawn.mean(axis=0) - 0.1).max() < 5 * np.sqrt(0.09 / 3000)
    pairs = np.asarray(np.corrcoef(drawn[:, :20].T))[np.triu_indices(20, 1)]
    assert np.abs(pairs).max() < 5 / np.sqrt(3000)


def test_the_noise_has_the_size_that_was_said_and_the_sum_is_divided_by_the_expected_batch() -> (
    None
):
    layer = nn.Linear(300, 300)
    generator = torch.Generator().manual_seed(0)
    optimizer = private_optimizer(
        torch.optim.SGD(layer.parameters(), lr=0.0), 1.5, 2.0, 10, generator
    )
    optimizer.zero_grad(set_to_none=True)
    for parameter in layer.parameters():
        parameter.grad = torch.full_like(parameter, 5.0)
    optimizer.step()
    assert layer.weight.grad is not None
    assert float(layer.weight.grad.mean()) == pytest.approx(0.5, abs=0.005)
    assert float(layer.weight.grad.std()) == pytest.approx(1.5 * 2.0 / 10, rel=0.01)


def test_gradients_that_were_not_cleared_are_refused() -> None:
    layer = nn.Linear(3, 1)
    optimizer = private_optimizer(torch.optim.SGD(layer.parameters(), lr=0.1), 1.0, 1.0, 10)
    optimizer.zero_grad(set_to_none=True)
    write_clipped(nn.Sequential(layer), torch.ones(2, 3), torch.ones(2), LOSSES, 1.0)
    optimizer.step()
    with pytest.raises(ValueError, match="haven't been cleared"):
        optimizer.step()


def test_a_step_without_rows_is_taken_on_noise_alone_and_counted() -> None:
    stepping = steps(1, rows=30)
    stepping._draw = lambda: torch.empty(0, dtype=torch.long)  # type: ignore[method-assign]
    before = [p.detach().clone() for p in stepping._network.parameters()]
    done = stepping.take()
    assert (done.rows, done.steps, done.loss) == (0, 30, 0.0)
    moved = zip(before, stepping._network.parameters(), strict=True)
    assert all(not torch.equal(a, b) for a, b in moved)
    assert stepping.spent()["steps"] == 30


@pytest.mark.parametrize("rows", [93, 99, 105, 117])
def test_an_epoch_has_all_its_steps_where_opacuss_sampler_has_one_too_few(rows: int) -> None:
    assert int(1 / (1 / rows)) < rows
    stepping = steps(1, rows=rows)
    assert stepping.take().steps == rows
    spent = stepping.spent()
    assert (spent["steps"], spent["sample_rate"]) == (rows, 1 / rows)


def test_steps_that_the_accountant_did_not_count_are_noticed() -> None:
    stepping = steps(20)
    with pytest.raises(TrainingError, match="the accountant counted"):
        stepping.spent()
    stepping.take()
    stepping.take()
    with pytest.raises(TrainingError, match="the accountant counted"):
        stepping.spent()


def test_the_record_says_what_was_spent_and_what_is_not_covered() -> None:
    network = MLP(hidden=(8,))
    _, record = fit(network, people(), label="y", training=FEW, privacy=Privacy(epsilon=2.0))
    said = record.to_dict()["privacy"]
    assert 1.98 <= said["epsilon"] <= 2.0 < said["epsilon_rdp"]
    assert (said["delta"], said["max_grad_norm"], said["accountant"]) == (1e-3, 1.0, "prv")
    assert (said["expected_batch_size"], said["sample_rate"]) == (32, 0.08)
    assert said["steps"] == record.steps == 2 * 12  # 400 rows are 12.5 batches of 32
    assert (said["sampling"], said["unit"]) == ("poisson", "row")
    assert said["adjacency"] == "one row added or removed"
    assert any("encoding" in text for text in said["not_covered"])
    assert any("seed" in text for text in said["not_covered"])
    assert json.loads(json.dumps(said)) == said


@pytest.mark.parametrize(
    ("architecture", "rows"), [(MLP(hidden=(8,)), people()), (SMALL_LSTM, cards())]
)
def test_the_record_holds_what_the_self_test_found(architecture: Any, rows: Any) -> None:
    _, record = fit(architecture, rows, label="y", training=FEW, privacy=NOISY)
    found = record.to_dict()["privacy"]["self_test"]
    assert set(found) == {"clip_error", "reference_error"}
    assert max(found.values()) < 1e-5


def test_private_training_learns_and_the_same_seed_gives_the_same_weights() -> None:
    rows = people(2000)
    settings: dict[str, Any] = {
        "label": "y",
        "training": Training(epochs=6, batch_size=32, learning_rate=0.02),
        "privacy": Privacy(noise_multiplier=1.0),
    }
    model, _ = fit(MLP(hidden=(8,)), rows, **settings)
    assert ((model.scores(rows) >= 0.5) == rows["y"]).mean() > 0.75
    assert model.sha256 == fit(MLP(hidden=(8,)), rows, **settings)[0].sha256
    assert model.sha256 != fit(MLP(hidden=(8,)), rows, **settings, seed=1)[0].sha256


def test_validation_rows_never_touch_a_private_model() -> None:
    rows = people()
    training = Training(epochs=4, batch_size=8, patience=1, schedule="plateau")
    settings: dict[str, Any] = {"label": "y", "training": training, "privacy": NOISY}
    plain, _ = fit(MLP(hidden=(4,)), rows, **settings)
    for held in (people(50, seed=1), people(50, seed=1).assign(y=lambda d: 1 - d["y"])):
        model, record = fit(MLP(hidden=(4,)), rows, validation=held, **settings)
        assert model.sha256 == plain.sha256
        assert (len(record.epochs), record.stopped_early, record.rows) == (4, False, 400)
        assert record.epochs[-1].validation_loss is not None
        assert record.settings["patience"] == 0


@pytest.mark.parametrize("at_once", [1, 7, 1000])
def test_rows_in_memory_at_once_change_neither_the_noise_nor_the_model(at_once: int) -> None:
    settings: dict[str, Any] = {"label": "y", "training": FEW}
    models, spent = [], []
    for rows in (None, at_once):
        privacy = Privacy(noise_multiplier=1.0, batch_size=40, rows_at_once=rows)
        model, record = fit(SMALL_LSTM, cards(), privacy=privacy, **settings)
        assert record.privacy is not None
        models.append(model)
        spent.append({k: v for k, v in record.privacy.items() if k != "self_test"})
    assert spent[1].pop("rows_at_once") == at_once < spent[0].pop("rows_at_once")
    assert spent[0] == spent[1]
    for one, other in zip(*(m.network.parameters() for m in models), strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=0)


def test_a_private_network_is_a_plain_one_afterwards() -> None:
    model, _ = fit(SMALL_LSTM, cards(), label="y", training=FEW, privacy=NOISY)
    assert type(model.network.get_submodule("lstm")) is nn.LSTM
    for weight in model.network.parameters():
        assert weight.grad is None
        assert not hasattr(weight, "summed_grad")


def broken_sum(network: nn.Module, x: torch.Tensor, y: torch.Tensor, *how: Any) -> torch.Tensor:
    """What a loss of shape (n, 1) does to ghost clipping: each row counts n times."""
    each = write_clipped(network, x, y, *how)
    for weight in network.parameters():
        if weight.grad is not None:
            weight.grad *= len(y)
    return each


def turned(network: nn.Module, x: torch.Tensor, y: torch.Tensor, *how: Any) -> torch.Tensor:
    """Gradients of the right size that point elsewhere."""
    each = write_clipped(network, x, y, *how)
    for weight in network.parameters():
        if weight.grad is not None:
            weight.grad = weight.grad.flip(0)
    return each


def lost(network: nn.Module, x: torch.Tensor, y: torch.Tensor, *how: Any) -> torch.Tensor:
    """Gradients that are no numbers."""
    each = write_clipped(network, x, y, *how)
    for weight in network.parameters():
        if weight.grad is not None:
            weight.grad *= torch.nan
    return each


@pytest.mark.parametrize("wrong", [broken_sum, turned, lost])
def test_nothing_is_trained_if_the_self_test_fails(
    wrong: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(private, "write_clipped", wrong)
    with pytest.raises(TrainingError, match="not clipped as they must be"):
        fit(MLP(hidden=(4,)), people(), label="y", training=FEW, privacy=NOISY)


@pytest.mark.parametrize("rows", [1, 3, 50])
def test_the_self_test_passes_on_few_rows_and_leaves_the_network_as_it_was(rows: int) -> None:
    generator = torch.Generator().manual_seed(0)
    network = build(MLP(hidden=(4,), dropout=0.5), (3,), generator=generator)
    x = torch.randn(rows, 3, generator=generator)
    before = {name: weight.clone() for name, weight in network.state_dict().items()}
    errors = private.self_test(network, x, torch.ones(rows), LOSSES)
    assert max(errors.values()) < 1e-5
    assert network.training
    assert all(torch.equal(before[name], w) for name, w in network.state_dict().items())
    assert all(weight.grad is None for weight in network.parameters())


def test_settings_of_private_training() -> None:
    training = Training(epochs=5, batch_size=100, learning_rate=0.01)
    wide = private_training(training, Privacy(), 100_000)
    assert (wide.batch_size, wide.learning_rate, wide.epochs) == (400, 0.04, 5)
    few = private_training(training, Privacy(), 500)
    assert (few.batch_size, few.learning_rate) == (50, 0.005)
    asked = private_training(training, Privacy(epochs=2, batch_size=900, learning_rate=1.0), 500)
    assert (asked.epochs, asked.batch_size, asked.learning_rate) == (2, 500, 1.0)


def test_a_delta_too_large_for_the_rows_and_noise_too_small_are_refused() -> None:
    with pytest.raises(InputError, match=r"Privacy\.delta"):
        steps(20, delta=0.01)
    with pytest.raises(InputError, match=r"Privacy\.noise_multiplier"):
        steps(20, noise_multiplier=0.1)
