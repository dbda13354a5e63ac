from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from small_network import SkipsAhead, SmallModel, linear, people, small_lstm, small_mlp

from auditkit import shapley_values
from auditkit.errors import InputError
from auditkit.methods.shapley import shapley
from auditkit.methods.shapley_model import grouped, look_inside

ROWS, BACKGROUND = people(12, 1), people(20, 2)


def by_hand(model: SmallModel, rows: Any, background: Any, function: Any = None) -> Any:
    """The same values without any shortcut."""
    encoded, others = model.encode(rows), model.encode(background)
    return shapley(
        function or model.scores_of,
        encoded.reshape(len(encoded), -1),
        others.reshape(len(others), -1),
        list(model.players.values()),
        rng=np.random.default_rng(0),
        estimator="exact",
    )


def inside(model: SmallModel, output: Any = "probability") -> Any:
    return look_inside(model, model.encode(ROWS), model.encode(BACKGROUND), output)


def with_network(network: torch.nn.Module, **changes: Any) -> SmallModel:
    return dataclasses.replace(small_mlp(), network=network.eval(), **changes)


def test_values_of_a_network_are_those_of_its_probability() -> None:
    model = small_mlp()
    found = shapley_values(model, ROWS, BACKGROUND)
    np.testing.assert_allclose(found.values, by_hand(model, ROWS, BACKGROUND).values, atol=1e-6)
    np.testing.assert_allclose(found.outputs, model.scores(ROWS))
    assert found.values.shape == (12, 5)
    assert set(found.estimator) == {"exact"}


class RowSum(torch.nn.Module):
    """A network without a linear layer."""

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return torch.tanh(rows.sum(dim=1) * rows[:, 0])


def test_a_network_that_starts_with_a_linear_layer_takes_the_shortcut() -> None:
    plain = inside(small_mlp())
    assert plain.first_layer is not None
    assert plain.flops == 2 * 6
    unbiased = torch.nn.Linear(8, 1, bias=False, device="meta").to_empty(device="cpu")
    torch.nn.init.constant_(unbiased.weight, 0.1)
    assert inside(with_network(unbiased)).first_layer is not None
    alone = torch.nn.Sequential(torch.nn.Dropout(), torch.nn.Flatten(), linear(8, 1, 0))
    assert inside(with_network(alone)).first_layer is not None
    assert inside(with_network(linear(8, 1, 0))).first_layer is not None


def test_the_shortcut_is_left_where_it_would_give_something_else() -> None:
    skipping = SkipsAhead(8, 8)
    halved = small_mlp().network
    narrowing = SkipsAhead(8, 3)
    late = torch.nn.Sequential(torch.nn.ZeroPad1d(1), linear(10, 1, 0))
    for model in (
        with_network(skipping),
        with_network(narrowing),
        with_network(late),
        with_network(RowSum()),
        with_network(halved, temperature=2.0),
    ):
        assert inside(model).first_layer is None
        found = shapley_values(model, ROWS, BACKGROUND)
        np.testing.assert_allclose(found.values, by_hand(model, ROWS, BACKGROUND).values, atol=1e-9)


def test_logits_can_be_explained_too() -> None:
    model = small_mlp()

    def logits(z: Any) -> Any:
        with torch.inference_mode():
            return model.network(torch.from_numpy(z)).numpy()[:, 0]

    found = shapley_values(model, ROWS, BACKGROUND, output="logit")
    expected = by_hand(model, ROWS, BACKGROUND, logits)
    np.testing.assert_allclose(found.values, expected.values, atol=1e-5)
    np.testing.assert_allclose(1 / (1 + np.exp(-found.outputs)), model.scores(ROWS), atol=1e-6)


@pytest.mark.parametrize("output", ["probability", "logit"])
def test_sequences_have_a_player_for_every_column(output: Any) -> None:
    model, rows = small_lstm()
    found = shapley_values(model, rows[:10], rows[10:30], output=output)
    assert found.values.shape == (10, 6)
    assert found.additivity_gap < 1e-6
    assert inside_flops(model, rows) > 0
    if output == "probability":
        expected = by_hand(model, rows[:10], rows[10:30])
        np.testing.assert_allclose(found.values, expected.values, atol=1e-6)


def inside_flops(model: SmallModel, rows: Any) -> int:
    found = look_inside(model, model.encode(rows), model.encode(rows), "probability")
    assert found.first_layer is None
    return found.flops


def test_the_seed_decides_sampled_values_and_a_budget_is_kept() -> None:
    values = [
        shapley_values(small_mlp(), ROWS, BACKGROUND, estimator="sampled", seed=seed, budget=1_000)
        for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(values[0].values, values[1].values)
    assert not np.array_equal(values[0].values, values[2].values, equal_nan=True)
    assert 0 < values[0].reached < 12
    assert values[0].evaluations <= 1_000


def test_groups_of_features_are_single_players() -> None:
    groups = {"person": ["sex", "age"], "money": ["income", "debt", "job"]}
    found = shapley_values(small_mlp(), ROWS, BACKGROUND, groups=groups)
    assert found.values.shape == (12, 2)
    assert found.additivity_gap < 1e-6


def test_groups_that_do_not_partition_the_features_are_all_told() -> None:
    players = small_mlp().players
    with pytest.raises(InputError) as caught:
        grouped(players, {"a": ["age", "incme", "sex"], "b": ["sex", "job"], "c": []})
    text = str(caught.value)
    assert "5 problems" in text
    assert "Did you mean 'income'?" in text
    for wrong in ("'income' in 0 groups", "'debt' in 0 groups", "'sex' in 2 groups", "'c' without"):
        assert wrong in text


def test_a_network_in_training_mode_is_refused() -> None:
    model = small_mlp()
    model.network.train()
    with pytest.raises(ValueError, match="training mode"):
        shapley_values(model, ROWS, BACKGROUND)


def test_dropout_that_is_always_on_is_refused() -> None:
    class AlwaysDropping(torch.nn.Module):
        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.dropout(rows, 0.5, training=True).sum(dim=1)

    model = with_network(AlwaysDropping())
    state = torch.get_rng_state()
    with pytest.raises(ValueError, match="not deterministic"):
        shapley_values(model, ROWS, BACKGROUND)
    torch.set_rng_state(state)


def test_the_network_is_left_as_it_was() -> None:
    model = small_mlp()
    before = {name: value.clone() for name, value in model.network.state_dict().items()}
    text = str(model.network)
    shapley_values(model, ROWS, BACKGROUND)
    assert str(model.network) == text
    assert all(torch.equal(before[k], v) for k, v in model.network.state_dict().items())
