"""Smaller copies of a network: what they hold, what they give, and that the original stays."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import cast

import pytest
import torch
from torch import nn

from auditkit.methods.compressing import Size, narrowed, pruned, quantised, sized
from auditkit.training.networks import build
from auditkit.training.settings import LSTM, PooledEmbedding


def mlp() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(5, 8), nn.ReLU(), nn.Dropout(0.1), nn.Linear(8, 6), nn.Tanh(), nn.Linear(6, 2)
    ).eval()


ROWS = torch.randn(50, 5, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    "smaller", [lambda net: quantised(net, 4), lambda net: pruned(net, 0.5),
                lambda net: narrowed(net, 0.5)],
)  # fmt: skip
def test_the_network_itself_stays_as_it_is(smaller: Callable[[nn.Module], nn.Module]) -> None:
    network = mlp()
    before = copy.deepcopy(network.state_dict())
    smaller(network)
    assert all(torch.equal(before[name], now) for name, now in network.state_dict().items())


def test_a_row_is_rounded_to_within_half_a_step() -> None:
    network = mlp()
    for bits in (8, 4):
        made = quantised(network, bits)
        for old, new in zip(network.parameters(), made.parameters(), strict=True):
            if old.dim() == 1:
                assert torch.equal(old, new)
                continue
            step = old.abs().amax(1, keepdim=True) / (2 ** (bits - 1) - 1)
            assert ((old - new).abs() <= step / 2 + 1e-7).all()
            assert len((new[0] / step[0]).round().unique()) <= 2**bits


def test_a_row_of_zeros_stays_one() -> None:
    layer = nn.Linear(3, 2)
    layer.weight.data[0] = 0.0
    made = quantised(layer)
    assert isinstance(made, nn.Linear)
    assert made.weight[0].tolist() == [0.0, 0.0, 0.0]


def test_the_smallest_weights_become_zero_whatever_matrix_they_are_in() -> None:
    network = mlp()
    sizes = torch.cat([p.flatten() for p in network.parameters() if p.dim() > 1]).abs()
    made = pruned(network, 0.25)
    left = torch.cat([p.flatten() for p in made.parameters() if p.dim() > 1])
    assert int((left == 0).sum()) == round(0.25 * len(sizes))
    assert left[left != 0].abs().min() >= sizes[left == 0].max()


def test_a_narrowed_network_gives_what_the_wide_one_gives_with_those_units_silent() -> None:
    network = mlp()
    made = narrowed(network, 0.5)
    assert isinstance(made, nn.Sequential)
    assert [layer.out_features for layer in made if isinstance(layer, nn.Linear)] == [4, 3, 2]
    silent = copy.deepcopy(network)
    first, second, last = (layer for layer in silent if isinstance(layer, nn.Linear))
    narrow = next(layer for layer in made if isinstance(layer, nn.Linear))
    gone = [i for i, row in enumerate(first.weight) if not (narrow.weight == row).all(1).any()]
    assert len(gone) == 4
    second.weight.data[:, gone] = 0.0
    kept = [layer for layer in made if isinstance(layer, nn.Linear)][1]
    bias = kept.bias.tolist()
    last.weight.data[:, [i for i, b in enumerate(second.bias.tolist()) if b not in bias]] = 0.0
    assert torch.allclose(made(ROWS), silent(ROWS), atol=1e-6)


def test_one_unit_always_stays() -> None:
    made = narrowed(mlp(), 0.99)
    assert made is not None
    assert made(ROWS).shape == (50, 2)


def test_an_lstm_has_no_layer_to_narrow_and_is_rounded_and_pruned_all_the_same() -> None:
    lstm = build(LSTM(hidden=8), (6, 3), generator=torch.Generator().manual_seed(0)).eval()
    rows = torch.randn(9, 6, 3, generator=torch.Generator().manual_seed(1))
    assert narrowed(lstm, 0.5) is None
    assert torch.allclose(quantised(lstm, 8)(rows), lstm(rows), atol=0.02)
    made = pruned(lstm, 0.5)
    assert made(rows).shape == (9,)
    weights = made.state_dict()["lstm.weight_hh_l0"]
    assert int((weights == 0).sum()) > 0


def test_a_text_network_is_narrowed_behind_the_mean_of_its_vectors() -> None:
    text = build(PooledEmbedding("t", length=3), (3,), generator=torch.Generator(), tokens=9)
    made = narrowed(text, 0.5)
    assert made is not None
    parts = {name: cast("nn.Linear", layer) for name, layer in made.named_children()}
    assert parts["linear"].out_features == parts["output"].in_features == 32


def test_sizes_are_those_of_a_file_that_holds_the_weights() -> None:
    network = mlp()  # matrices of 40, 48 and 12 weights in 8, 6 and 2 rows; 16 biases
    assert sized(network) == Size(116, 116, 4 * 116)
    assert sized(network, bits=8).stored == 100 + 4 * 16 + 4 * 16
    assert sized(network, bits=4).stored == 50 + 4 * 16 + 4 * 16
    half = sized(pruned(network, 0.5), sparse=True)
    assert half == Size(116, 66, 4 * 66 + 13)  # 100 bits in 12.5 bytes
