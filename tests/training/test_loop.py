"""The loop: schedules, early stopping, best weights, progress and failures."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import nn

from auditkit.training import MLP, Training, TrainingError
from auditkit.training.loop import Examples, Pass, PlainSteps, mean_loss, optimizer_of, run
from auditkit.training.networks import build
from auditkit.training.seeds import seed_of, torch_generator
from auditkit.training.target import Target

TARGET = Target()


@dataclasses.dataclass
class Scripted:
    """Steps that only count and give losses that were written before."""

    weight: torch.Tensor
    losses: Sequence[float]
    taken: int = 0

    def __post_init__(self) -> None:
        self.optimizer = torch.optim.SGD([self.weight], lr=1.0)

    def take(self) -> Pass:
        self.taken += 1
        with torch.no_grad():
            self.weight.add_(1)
        loss = self.losses[self.taken - 1]
        return Pass(loss * 10, 10, 2) if loss else Pass(0.0, 0, 2)

    def spent(self) -> dict[str, Any] | None:
        return None


def scripted(
    losses: Sequence[float],
    held: Sequence[float] | None,
    *,
    progress: bool = False,
    **settings: Any,
) -> tuple[Any, float]:
    """Run written losses; gives the curve and the weight, which counts the epochs."""
    network = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(network.weight)
    steps = Scripted(network.weight, losses)
    validate = None if held is None else lambda: held[steps.taken - 1]
    training = Training(epochs=len(losses), learning_rate=0.1, **settings)
    curve = run(network, steps, training, validate, progress=progress)
    return curve, float(network.weight.detach())


def test_training_stops_after_patience_and_goes_back_to_the_best_weights() -> None:
    curve, weight = scripted([1.0] * 9, [5, 4, 3, 3, 4, 2, 1, 1, 1], patience=3)
    assert (curve.best_epoch, weight, curve.stopped_early) == (7, 7, False)
    curve, weight = scripted([1.0] * 9, [5, 4, 3, 3, 4, 5, 1, 1, 1], patience=3)
    assert (curve.best_epoch, weight, curve.stopped_early) == (3, 3, True)
    assert len(curve.epochs) == 6
    assert (curve.steps, curve.rows) == (12, 60)


def test_the_best_weights_are_kept_even_if_training_is_not_stopped() -> None:
    curve, weight = scripted([1.0] * 3, [1, 2, 3], patience=5)
    assert (curve.best_epoch, weight, curve.stopped_early) == (1, 1, False)


def test_without_patience_or_validation_the_last_weights_are_kept() -> None:
    for held, patience in (([1.0, 2.0, 3.0], 0), (None, 5)):
        curve, weight = scripted([1.0] * 3, held, patience=patience)
        assert (curve.best_epoch, weight, curve.stopped_early) == (3, 3, False)


def rates(curve: Any) -> list[float]:
    return [epoch.learning_rate for epoch in curve.epochs]


def test_the_cosine_schedule_is_torchs() -> None:
    curve, _ = scripted([1.0] * 6, None, schedule="cosine")
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=6)
    expected = []
    for _ in range(6):
        expected.append(theirs.get_last_lr()[0])
        optimizer.step()
        theirs.step()
    assert rates(curve) == pytest.approx(expected)


def test_the_plateau_schedule_halves_after_more_than_two_epochs_without_a_better_loss() -> None:
    held = [3, 2, 2, 2, 2, 1, 1, 1, 1, 1]
    curve, _ = scripted([1.0] * 10, held, schedule="plateau", patience=0)
    assert rates(curve) == pytest.approx([0.1] * 5 + [0.05] * 4 + [0.025])
    curve, _ = scripted([3, 2, 2, 2, 2, 1], None, schedule="plateau")
    assert rates(curve) == pytest.approx([0.1] * 5 + [0.05])


def test_an_epoch_that_met_no_row_has_no_loss_and_the_schedule_goes_on() -> None:
    curve, _ = scripted([1.0, 0.0, 1.0], None, schedule="plateau")
    assert [epoch.train_loss for epoch in curve.epochs] == [1.0, None, 1.0]


def test_the_constant_schedule_is_constant() -> None:
    assert rates(scripted([1.0] * 3, None, schedule="constant")[0]) == [0.1] * 3


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_is_an_error_that_names_the_epoch(loss: float) -> None:
    with pytest.raises(TrainingError, match="in epoch 2"):
        scripted([1.0, loss, 1.0], None)
    with pytest.raises(TrainingError, match="in epoch 3"):
        scripted([1.0] * 3, [1.0, 1.0, loss])


def test_progress_is_shown_on_stderr_only_where_asked(
    capfd: pytest.CaptureFixture[str],
) -> None:
    scripted([1.0] * 3, None)
    assert capfd.readouterr() == ("", "")
    scripted([1.0] * 3, None, progress=True)
    shown = capfd.readouterr()
    assert shown.out == ""
    assert "3/3" in shown.err
    assert "<" in shown.err  # elapsed < remaining


def small(dropout: float = 0.0) -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    network = build(MLP(hidden=(4,), dropout=dropout), (3,), generator=generator)
    x = torch.randn(10, 3, generator=generator)
    return network, x, (x[:, 0] > 0).float()


def test_the_mean_loss_is_taken_without_dropout_and_leaves_the_mode() -> None:
    network, x, y = small(dropout=0.5)
    first = mean_loss(network, Examples(x, y), TARGET.objective)
    assert first == mean_loss(network, Examples(x, y), TARGET.objective)
    assert network.training
    assert first == pytest.approx(float(TARGET.losses(network.eval()(x), y).mean().detach()))


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd"])
def test_an_epoch_takes_the_steps_of_a_loop_written_by_hand(name: str) -> None:
    training = Training(batch_size=4, optimizer=name, weight_decay=0.01)
    network, x, y = small()
    ours = PlainSteps(network, Examples(x, y), TARGET.objective, training=training, seed=0)
    done = ours.take()
    order = torch_generator(seed_of(0, "order"))
    rows = torch.randperm(10, generator=order)
    bare, _, _ = small()
    kinds: dict[str, Any] = {
        "adamw": torch.optim.AdamW(bare.parameters(), 1e-3, weight_decay=0.01),
        "adam": torch.optim.Adam(bare.parameters(), 1e-3, weight_decay=0.01),
        "sgd": torch.optim.SGD(bare.parameters(), 1e-3, momentum=0.9, weight_decay=0.01),
    }
    total = 0.0
    for batch in (rows[:4], rows[4:8], rows[8:]):
        loss = nn.functional.binary_cross_entropy_with_logits(bare(x[batch]), y[batch])
        kinds[name].zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        kinds[name].step()
        total += float(loss.detach()) * len(batch)
    assert (done.rows, done.steps) == (10, 3)
    assert done.loss == pytest.approx(total)
    for mine, theirs in zip(network.parameters(), bare.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs)


def test_sgd_has_the_momentum_that_was_set() -> None:
    network, _, _ = small()
    optimizer = optimizer_of(network, Training(optimizer="sgd", momentum=0.3))
    assert optimizer.param_groups[0]["momentum"] == 0.3


def test_a_row_that_weighs_two_teaches_like_two_rows() -> None:
    training = Training(batch_size=100, optimizer="sgd")
    twice, x, y = small()
    repeated = torch.cat([torch.arange(10), torch.arange(3)])
    doubled = Examples(x[repeated], y[repeated])
    weighted, _, _ = small()
    examples = Examples(x, y, 7 * torch.tensor([2.0] * 3 + [1.0] * 7))
    first = PlainSteps(twice, doubled, TARGET.objective, training=training, seed=0).take()
    second = PlainSteps(weighted, examples, TARGET.objective, training=training, seed=0).take()
    assert first.loss / first.rows == pytest.approx(second.loss / second.rows)
    for mine, theirs in zip(twice.parameters(), weighted.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs)
    held = mean_loss(twice, doubled, TARGET.objective)
    assert held == pytest.approx(mean_loss(weighted, examples, TARGET.objective))
