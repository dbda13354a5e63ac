"""The networks: shape, first weights and random state."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from auditkit.training import LSTM, MLP, Architecture
from auditkit.training.networks import Network, build
from auditkit.training.seeds import seed_of, seeded_dropout, torch_generator

ALL: list[tuple[Architecture, tuple[int, ...]]] = [
    (MLP(hidden=(8, 4), dropout=0.5), (5,)),
    (MLP(hidden=()), (5,)),
    (LSTM(hidden=6, layers=2, dropout=0.5), (3, 4)),
    (LSTM(hidden=6, dropout=0.5), (3, 4)),
]


def built(architecture: Architecture, shape: tuple[int, ...], seed: int = 0) -> Network:
    return build(architecture, shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("architecture", "shape"), ALL)
def test_a_network_gives_one_logit_a_row(
    architecture: Architecture, shape: tuple[int, ...]
) -> None:
    network = built(architecture, shape)
    for rows in (0, 1, 7):
        assert network(torch.zeros(rows, *shape)).shape == (rows,)


@pytest.mark.parametrize(("architecture", "shape"), ALL)
def test_first_weights_come_from_the_generator_alone(
    architecture: Architecture, shape: tuple[int, ...]
) -> None:
    before = torch.get_rng_state()
    first, again, other = (built(architecture, shape, seed) for seed in (0, 0, 1))
    assert torch.equal(before, torch.get_rng_state())
    for name, weight in first.state_dict().items():
        assert torch.equal(weight, again.state_dict()[name])
        assert not torch.equal(weight, other.state_dict()[name])


def test_first_weights_are_spread_as_torch_spreads_them() -> None:
    weight = built(MLP(hidden=(400,)), (100,)).state_dict()["linear1.weight"]
    theirs = nn.Linear(100, 400).weight.detach()
    assert float(weight.abs().max()) <= 1 / math.sqrt(100)
    assert float(weight.std()) == pytest.approx(float(theirs.std()), rel=0.02)
    recurrent = built(LSTM(hidden=64), (3, 4)).state_dict()["lstm.weight_hh_l0"]
    assert float(recurrent.abs().max()) == pytest.approx(1 / 8, rel=0.01)


def test_a_network_takes_only_rows_of_its_own_kind() -> None:
    with pytest.raises(ValueError, match="takes no rows of shape"):
        built(MLP(), (3, 4))
    with pytest.raises(ValueError, match="takes no rows of shape"):
        built(LSTM(), (3,))


def test_an_lstm_reads_the_last_step_of_the_top_layer() -> None:
    network = built(LSTM(hidden=6, layers=2), (3, 4)).eval()
    rows = torch.randn(5, 3, 4, generator=torch.Generator().manual_seed(0))
    states, _ = network.get_submodule("lstm")(rows)
    logits = network.get_submodule("output")(states[:, -1]).squeeze(-1)
    assert torch.allclose(network(rows), logits)


def test_dropout_is_seeded_and_torchs_own_numbers_go_on_untouched() -> None:
    network = built(MLP(hidden=(8,), dropout=0.5), (5,))
    before = torch.get_rng_state()
    outputs = []
    for seed in (0, 0, 1):
        with seeded_dropout(network, seed):
            outputs.append(network(torch.ones(4, 5)))
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])


def test_each_purpose_has_random_numbers_of_its_own() -> None:
    drawn = {
        float(torch.rand((), generator=torch_generator(seed_of(seed, purpose))))
        for seed in (0, 1, 2**40)
        for purpose in ("weights", "order", "noise")
    }
    assert len(drawn) == 9
