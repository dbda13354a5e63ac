"""Operation counts against closed forms."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import nn

from auditkit.methods.flops import count_flops


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def zeros(*shape: int) -> npt.NDArray[np.float32]:
    return np.zeros(shape, dtype=np.float32)


class Recurrent(nn.Module):
    """A recurrent layer whose last state decides, as the training core builds it."""

    def __init__(self, layer: nn.Module, hidden: int) -> None:
        super().__init__()
        self.layer = layer
        self.head = nn.Linear(hidden, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.head(self.layer(x)[0][:, -1])
        return out.squeeze(1)


#: Batch, steps, inputs, hidden width.
B, T, X, H = 32, 20, 16, 64


def test_lstm_forward_equals_its_closed_form() -> None:
    count = count_flops(nn.LSTM(X, H, batch_first=True), zeros(B, T, X))
    assert count.flops_per_sample * B == 2 * B * T * 4 * H * (X + H) == 26_214_400
    assert count.not_counted == ()


def test_lstm_training_equals_its_closed_form() -> None:
    count = count_flops(nn.LSTM(X, H, batch_first=True), zeros(B, T, X), training=True)
    forward = 2 * B * T * 4 * H * (X + H)
    # Backward: as much again for the weights, and the chain back to all states but the first.
    assert count.flops_per_sample * B == 2 * forward + 2 * B * (T - 1) * 4 * H * H == 72_351_744


def test_lstm_with_a_head_counts_both() -> None:
    network = Recurrent(nn.LSTM(X, H, batch_first=True), H)
    lstm = count_flops(network.layer, zeros(B, T, X)).flops_per_sample
    assert count_flops(network, zeros(B, T, X)).flops_per_sample == lstm + 2 * H


def test_stacked_and_bidirectional_lstm_equal_their_closed_form() -> None:
    stacked = count_flops(nn.LSTM(X, H, num_layers=2, batch_first=True), zeros(B, T, X))
    assert stacked.flops_per_sample == 2 * T * 4 * H * ((X + H) + (H + H))
    both = count_flops(nn.LSTM(X, H, bidirectional=True, batch_first=True), zeros(B, T, X))
    assert both.flops_per_sample == 2 * (2 * T * 4 * H * (X + H))


def test_gru_equals_its_closed_form() -> None:
    count = count_flops(nn.GRU(X, H, batch_first=True), zeros(B, T, X))
    assert count.flops_per_sample == 2 * T * 3 * H * (X + H)
    assert count.not_counted == ()


def test_mlp_equals_what_one_counts_by_hand() -> None:
    network = nn.Sequential(
        nn.Linear(10, 8), nn.ReLU(), nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 1)
    )
    assert count_flops(network, zeros(5, 10)).flops_per_sample == 2 * (80 + 32 + 4)
    # Backward: each weight again, and the gradient of each layer's input but the first one's.
    training = count_flops(network, zeros(5, 10), training=True).flops_per_sample
    assert training == 2 * (80 + 32 + 4) * 2 + 2 * (32 + 4)


def test_convolution_equals_its_closed_form() -> None:
    network = nn.Conv2d(3, 8, kernel_size=3)
    assert count_flops(network, zeros(2, 3, 10, 10)).flops_per_sample == 2 * 8 * 8 * 8 * 3 * 9


def test_attention_counts_in_evaluation_mode_too() -> None:
    length, width = 12, 16
    layer = nn.TransformerEncoderLayer(width, 4, 32, batch_first=True).eval()
    with torch.no_grad():
        count = count_flops(layer, zeros(3, length, width))
    projections = 2 * length * width * 4 * width
    products = 2 * (2 * length * length * width)
    feedforward = 2 * (2 * length * width * 32)
    assert count.flops_per_sample == projections + products + feedforward
    assert count.not_counted == ("norm1 (LayerNorm)", "norm2 (LayerNorm)")
    assert torch.backends.mha.get_fastpath_enabled()


def test_a_module_in_which_nothing_was_counted_is_named() -> None:
    class Bag(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(50, 8)
            self.unused = nn.Linear(8, 8)
            self.head = nn.Linear(8, 1)

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            out: torch.Tensor = self.head(self.embedding(tokens).mean(1))
            return out

    count = count_flops(Bag(), np.zeros((4, 6), dtype=np.int64))
    assert count.flops_per_sample == 16
    assert count.not_counted == ("embedding (Embedding)", "unused (Linear)")
    lone = count_flops(nn.Embedding(5, 2), np.zeros((1, 3), dtype=np.int64))
    assert lone.not_counted == ("the network (Embedding)",)


def test_everything_is_left_as_it_was_found() -> None:
    first, last = nn.Linear(4, 8), nn.Linear(8, 1)
    network = nn.Sequential(first, nn.BatchNorm1d(8), nn.Dropout(0.5), last).train()
    last.eval()
    first.weight.grad = torch.ones_like(first.weight)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    state, example = torch.random.get_rng_state(), zeros(6, 4)
    enabled = torch.backends.mkldnn.enabled
    count_flops(network, example, training=True)
    assert [module.training for module in network] == [True, True, True, False]
    assert torch.equal(first.weight.grad, torch.ones_like(first.weight))
    assert last.weight.grad is None
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.backends.mkldnn.enabled == enabled
    assert not example.any()


def test_a_network_that_breaks_is_put_back_too() -> None:
    network = nn.Linear(4, 1).train()
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        count_flops(network, zeros(2, 5))
    assert network.training
    assert torch.backends.mha.get_fastpath_enabled()


def test_frozen_layers_cost_no_backward_pass() -> None:
    network = nn.Sequential(nn.Linear(10, 8), nn.Linear(8, 1))
    network[0].requires_grad_(requires_grad=False)
    training = count_flops(network, zeros(5, 10), training=True).flops_per_sample
    assert training == 2 * (80 + 8) + 2 * 8
    network.requires_grad_(requires_grad=False)
    assert count_flops(network, zeros(5, 10), training=True).flops_per_sample == 2 * (80 + 8)


def test_the_count_of_a_row_does_not_depend_on_how_many_are_counted() -> None:
    network = Recurrent(nn.LSTM(X, H, batch_first=True), H)
    counts = {count_flops(network, zeros(b, T, X), training=True) for b in (2, 7)}
    assert len(counts) == 1


def test_an_array_that_cannot_be_written_is_no_trouble() -> None:
    example = zeros(2, 10)
    example.flags.writeable = False
    assert count_flops(nn.Linear(10, 1), example).flops_per_sample == 20


def test_no_rows_and_no_tensor_are_refused() -> None:
    class Words(nn.Module):
        def forward(self, x: torch.Tensor) -> str:
            return str(x)

    with pytest.raises(ValueError, match="at least one row"):
        count_flops(nn.Linear(10, 1), zeros(0, 10))
    with pytest.raises(TypeError, match="got str"):
        count_flops(Words(), zeros(1, 1))
