"""Operation counts against closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from auditkit.methods.flops import count_flops, count_work


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


@pytest.mark.parametrize("mode", [True, False])
@pytest.mark.parametrize(
    ("layer", "shape", "forward"),
    [
        # Twice: places of the output, output channels, input channels of a group, kernel.
        (nn.Conv2d(3, 8, 3), (3, 10, 10), 2 * 64 * 8 * 3 * 9),
        (nn.Conv1d(4, 6, 3, stride=2, padding=1, groups=2), (4, 11), 2 * 6 * 6 * 2 * 3),
        (nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2), (4, 11, 11), 2 * 36 * 6 * 2 * 9),
        (nn.Conv2d(4, 6, 3, dilation=2), (4, 11, 11), 2 * 49 * 6 * 4 * 9),
        (nn.Conv2d(4, 8, 3, groups=4), (4, 11, 11), 2 * 81 * 8 * 1 * 9),
        (nn.Conv3d(2, 3, 2), (2, 4, 4, 4), 2 * 27 * 3 * 2 * 8),
        # Transposed: places of the input.
        (nn.ConvTranspose1d(4, 6, 3, stride=2, groups=2), (4, 11), 2 * 11 * 4 * 3 * 3),
    ],
)  # fmt: skip
def test_convolutions_equal_their_closed_form(
    layer: nn.Module, shape: tuple[int, ...], forward: int, *, mode: bool
) -> None:
    network = layer.train(mode)
    assert count_flops(network, zeros(3, *shape)).flops_per_sample == forward
    assert count_flops(network, zeros(3, *shape), training=True).flops_per_sample == 2 * forward


def test_a_grouped_convolution_gives_its_gradient_to_what_lies_before() -> None:
    network = nn.Sequential(nn.Conv1d(4, 6, 3, padding=1), nn.Conv1d(6, 8, 3, groups=2))
    first, second = 2 * 11 * 6 * 4 * 3, 2 * 9 * 8 * 3 * 3
    training = count_flops(network, zeros(2, 4, 11), training=True).flops_per_sample
    assert training == 2 * first + 3 * second


class SelfAttention(nn.Module):
    def __init__(self, *, weights: bool) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(16, 4, batch_first=True)
        self.weights = weights

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.attention(x, x, x, need_weights=self.weights)[0]
        return out


@pytest.mark.parametrize("mode", [True, False])
@pytest.mark.parametrize("weights", [True, False])
def test_attention_equals_its_closed_form(*, mode: bool, weights: bool) -> None:
    length, width = 12, 16
    network, rows = SelfAttention(weights=weights).train(mode), zeros(3, length, width)
    projections = 2 * length * width * 4 * width
    products = 2 * (2 * length * length * width)
    assert count_flops(network, rows).flops_per_sample == projections + products
    # Backward: all weights, both factors of both products, and down through the last projection.
    backward = projections + 2 * products + 2 * length * width * width
    training = count_flops(network, rows, training=True)
    assert training.flops_per_sample == projections + products + backward
    assert training.not_counted == ()


@pytest.mark.parametrize("mode", [True, False])
def test_a_transformer_trains_at_its_closed_form(*, mode: bool) -> None:
    length, width, wide = 12, 16, 32
    layer = nn.TransformerEncoderLayer(width, 4, wide, batch_first=True).train(mode)
    projections = 2 * length * width * 4 * width
    products = 2 * (2 * length * length * width)
    feedforward = 2 * (2 * length * width * wide)
    forward = projections + products + feedforward
    # Backward: as in attention, and the feedforward part's weights and inputs.
    through = 2 * length * width * width
    backward = projections + 2 * products + through + 2 * feedforward
    count = count_flops(layer, zeros(3, length, width), training=True)
    assert count.flops_per_sample == forward + backward


@pytest.mark.parametrize("mode", [True, False])
@pytest.mark.parametrize(("kind", "gates"), [(nn.LSTM, 4), (nn.GRU, 3), (nn.RNN, 1)])
def test_recurrent_layers_train_at_their_closed_form(kind: Any, gates: int, *, mode: bool) -> None:
    layer = kind(X, H, batch_first=True).train(mode)
    forward = 2 * T * gates * H * (X + H)
    assert count_flops(layer, zeros(B, T, X)).flops_per_sample == forward
    training = count_flops(layer, zeros(B, T, X), training=True).flops_per_sample
    assert training == 2 * forward + 2 * (T - 1) * gates * H * H


@pytest.mark.parametrize(("kind", "gates"), [(nn.LSTM, 4), (nn.GRU, 3)])
def test_two_layers_in_both_directions_train_at_their_closed_form(kind: Any, gates: int) -> None:
    layer = kind(X, H, num_layers=2, bidirectional=True, batch_first=True)
    below, above = 2 * (2 * T * gates * H * (X + H)), 2 * (2 * T * gates * H * (2 * H + H))
    assert count_flops(layer, zeros(2, T, X)).flops_per_sample == below + above
    # Only the last output of the upper layer's forward direction is free of later steps, and the
    # gradient of its inputs goes down to the lower layer.
    states, inputs = 4 * (2 * (T - 1) * gates * H * H), 2 * (2 * T * gates * H * 2 * H)
    training = count_flops(layer, zeros(2, T, X), training=True).flops_per_sample
    assert training == 2 * (below + above) + states + inputs


def test_an_lstm_with_a_projection_equals_its_closed_form() -> None:
    narrow = 8
    layer = nn.LSTM(X, H, proj_size=narrow, batch_first=True)
    forward = 2 * T * (4 * H * (X + narrow) + H * narrow)
    assert count_flops(layer, zeros(2, T, X)).flops_per_sample == forward
    training = count_flops(layer, zeros(2, T, X), training=True).flops_per_sample
    assert training == 2 * forward + 2 * (T - 1) * 4 * H * narrow + 2 * T * H * narrow


def test_packed_rows_of_different_lengths_cost_their_steps_and_no_padding() -> None:
    lengths = (20, 7, 1)

    class Packed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.LSTM(X, H, batch_first=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            packed = pack_padded_sequence(x, torch.tensor(lengths), batch_first=True)
            out: torch.Tensor = self.layer(packed)[1][0][-1]
            return out

    network, rows = Packed(), torch.zeros(3, T, X)
    steps = sum(lengths)
    forward = 2 * steps * 4 * H * (X + H)
    assert count_work(network, lambda: network(rows), training=False).flops == forward
    found = count_work(network, lambda: network(rows).sum().backward()).flops
    assert found == 2 * forward + 2 * (steps - len(lengths)) * 4 * H * H


def test_products_of_a_matrix_and_a_vector_are_counted() -> None:
    matrix, vector, layer = torch.zeros(5, 7), torch.zeros(5), nn.Linear(1, 1)
    assert count_work(layer, lambda: vector @ matrix).flops == 2 * 5 * 7
    added = torch.zeros(7)
    assert count_work(layer, lambda: torch.addmv(added, matrix.t(), vector)).flops == 2 * 5 * 7


def test_products_that_are_added_in_place_are_counted() -> None:
    left, right, layer = torch.zeros(2, 5, 7), torch.zeros(2, 7, 3), nn.Linear(1, 1)
    one, both = torch.zeros(5, 3), torch.zeros(2, 5, 3)
    assert count_work(layer, lambda: one.addmm_(left[0], right[0])).flops == 2 * 5 * 7 * 3
    assert count_work(layer, lambda: both.baddbmm_(left, right)).flops == 2 * 2 * 5 * 7 * 3
    assert count_work(layer, lambda: one[0].addmv_(left[0, :3], right[0, :, 0])).flops == 2 * 3 * 7


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
