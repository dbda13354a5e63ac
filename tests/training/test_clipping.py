"""Book-keeping sums against autograd row by row; those of Opacus are in `test_clipping_opacus`."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from auditkit.training import (
    LSTM,
    MLP,
    Architecture,
    BagOfWords,
    PooledEmbedding,
    TextLSTM,
    TrainingError,
)
from auditkit.training.clipping import NUMBERS_AT_ONCE, rows_within, walk, write_clipped
from auditkit.training.networks import LastState, Network, build
from auditkit.training.target import Target

LOSSES = Target().losses

ALL: list[tuple[Architecture, tuple[int, ...]]] = [
    (MLP(hidden=(8, 4)), (5,)),
    (MLP(hidden=()), (5,)),
    (LSTM(hidden=8), (6, 5)),
    (LSTM(hidden=5, layers=3), (3, 4)),
    (LSTM(hidden=3), (40, 2)),  # long enough to form the sums instead of pairs of steps
    (BagOfWords(hidden=(4,)), (30,)),
    (LSTM(hidden=5, layers=2, varying=True), (6, 4)),
    (LSTM(hidden=2, varying=True), (30, 3)),
    (TextLSTM(embedding=3, hidden=4, length=7, dropout=0.0), (7,)),
    (PooledEmbedding(embedding=3, hidden=4, length=7, dropout=0.0), (7,)),
]
#: Numbers that a token has here: few, so that texts hold some twice.
TOKENS = 6


def problem(
    architecture: Architecture, shape: tuple[int, ...], rows: int = 16, seed: int = 0
) -> tuple[Network, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    over_text = isinstance(architecture, TextLSTM | PooledEmbedding)
    tokens = TOKENS if over_text else 0
    network = build(architecture, shape, generator=generator, tokens=tokens)
    x = 2 * torch.randn(rows, *shape, generator=generator)
    lengths = torch.randint(0, shape[0] + 1, (rows, 1), generator=generator)
    there = torch.arange(shape[0]) < lengths  # some rows have no step at all
    if over_text:
        x = torch.randint(1, TOKENS, (rows, *shape), generator=generator) * there.float()
    elif isinstance(architecture, LSTM) and architecture.varying:
        x[:, :, 0] = there.float()
    return network, x, (torch.rand(rows, generator=generator) < 0.5).float()


def row_by_row(
    network: nn.Module, x: torch.Tensor, y: torch.Tensor, clip: float, losses: Any = LOSSES
) -> torch.Tensor:
    """Sum of clipped gradients, flattened, by the definition."""
    parameters = list(network.parameters())
    total = torch.zeros(sum(p.numel() for p in parameters))
    for i in range(len(y)):
        found = torch.autograd.grad(losses(network(x[i : i + 1]), y[i : i + 1]).sum(), parameters)
        gradient = torch.cat([g.flatten() for g in found])
        total += gradient * min(1.0, clip / float(gradient.norm()))
    return total


def written(network: nn.Module) -> torch.Tensor:
    return torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None])


@pytest.mark.parametrize("clip", [0.05, 0.7, 100.0])
@pytest.mark.parametrize(("architecture", "shape"), ALL)
def test_the_clipped_sum_is_that_of_autograd_row_by_row(
    architecture: Architecture, shape: tuple[int, ...], clip: float
) -> None:
    network, x, y = problem(architecture, shape)
    wanted = row_by_row(network, x, y, clip)
    each = write_clipped(network, x, y, LOSSES, clip)
    error = (written(network) - wanted).norm() / wanted.norm()
    assert float(error) < 1e-5
    torch.testing.assert_close(each, LOSSES(network(x), y).detach())


@pytest.mark.parametrize("at_once", [1, 3, 16, 99])
@pytest.mark.parametrize(("architecture", "shape"), ALL)
def test_rows_taken_a_few_at_a_time_give_the_same_sum(
    architecture: Architecture, shape: tuple[int, ...], at_once: int
) -> None:
    network, x, y = problem(architecture, shape)
    each = write_clipped(network, x, y, LOSSES, 0.3)
    wanted = written(network)
    network.zero_grad(set_to_none=True)
    torch.testing.assert_close(write_clipped(network, x, y, LOSSES, 0.3, at_once), each)
    torch.testing.assert_close(written(network), wanted, rtol=1e-4, atol=1e-6)


def test_more_rows_fit_into_memory_the_smaller_a_row_is() -> None:
    found = []
    for architecture, shape in (
        (TextLSTM(length=512), (512,)),
        (TextLSTM(length=64), (64,)),
        (PooledEmbedding(length=64), (64,)),
    ):
        tokens = torch.Generator().manual_seed(0)
        network = build(architecture, shape, generator=tokens, tokens=TOKENS)
        found.append(rows_within(network, shape))
    assert 1 < found[0] < found[1] < found[2] < NUMBERS_AT_ONCE


@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from([TextLSTM, PooledEmbedding]),
    st.integers(1, 9),
    st.integers(1, 5),
    st.integers(0, 99),
)
def test_the_clipped_sum_holds_for_texts_of_any_length(
    kind: type[TextLSTM | PooledEmbedding], length: int, width: int, seed: int
) -> None:
    chosen = kind(embedding=width, hidden=3, length=length, dropout=0.0)
    network, x, y = problem(chosen, (length,), rows=5, seed=seed)
    wanted = row_by_row(network, x, y, 0.3)
    write_clipped(network, x, y, LOSSES, 0.3)
    assert float((written(network) - wanted).norm()) < 1e-5 * max(1.0, float(wanted.norm()))


@pytest.mark.parametrize("kind", [TextLSTM, PooledEmbedding])
def test_no_token_has_no_gradient(kind: type[TextLSTM | PooledEmbedding]) -> None:
    network, x, y = problem(kind(embedding=3, hidden=4, length=7), (7,))
    write_clipped(network, x, y, LOSSES, 0.3)
    (grad,) = (w.grad for name, w in network.named_parameters() if "embedding" in name)
    assert grad is not None
    assert not grad[0].any()
    assert grad[1:].any(dim=1).all()


@pytest.mark.parametrize("frozen", ["vectors", "lstm", "output"])
def test_a_frozen_layer_has_no_gradient_and_no_part_in_the_norm(frozen: str) -> None:
    network, x, y = problem(TextLSTM(embedding=3, hidden=4, length=7, dropout=0.0), (7,))
    network.get_submodule(frozen).requires_grad_(requires_grad=False)
    learns = [weight for weight in network.parameters() if weight.requires_grad]
    wanted = torch.zeros(sum(weight.numel() for weight in learns))
    for i in range(len(y)):
        each = LOSSES(network(x[i : i + 1]), y[i : i + 1]).sum()
        gradient = torch.cat([g.flatten() for g in torch.autograd.grad(each, learns)])
        wanted += gradient * min(1.0, 0.2 / float(gradient.norm()))
    write_clipped(network, x, y, LOSSES, 0.2)
    torch.testing.assert_close(written(network), wanted, rtol=1e-5, atol=1e-6)
    assert all(weight.grad is None for weight in network.get_submodule(frozen).parameters())


def test_layer_norm_is_clipped_too() -> None:
    torch.manual_seed(0)
    normed = nn.LayerNorm(4)
    nn.init.uniform_(normed.weight)
    network = nn.Sequential(nn.Linear(5, 4), normed, nn.ReLU(), nn.Linear(4, 1))
    _, x, y = problem(MLP(), (5,))

    def losses(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return LOSSES(outputs.reshape(len(targets)), targets)

    wanted = row_by_row(network, x, y, 0.3, losses)
    write_clipped(network, x, y, losses, 0.3)
    torch.testing.assert_close(written(network), wanted, rtol=1e-5, atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 4), st.integers(1, 6), st.integers(1, 3), st.integers(0, 99))
def test_the_clipped_sum_holds_for_lstms_of_any_size(
    steps: int, hidden: int, channels: int, seed: int
) -> None:
    network, x, y = problem(LSTM(hidden=hidden), (steps, channels), rows=5, seed=seed)
    wanted = row_by_row(network, x, y, 0.3)
    write_clipped(network, x, y, LOSSES, 0.3)
    assert float((written(network) - wanted).norm()) < 1e-5 * max(1.0, float(wanted.norm()))


@pytest.mark.parametrize(("architecture", "shape"), ALL)
def test_copies_of_a_row_add_up_to_exactly_their_number_times_the_norm(
    architecture: Architecture, shape: tuple[int, ...]
) -> None:
    network, x, y = problem(architecture, shape)
    write_clipped(network, x[:1].repeat(8, *[1] * len(shape)), y[:1].repeat(8), LOSSES, 0.01)
    assert float(written(network).norm()) == pytest.approx(8 * 0.01, rel=1e-4)


@pytest.mark.parametrize(("architecture", "shape"), ALL)
def test_no_rows_give_gradients_of_zero(architecture: Architecture, shape: tuple[int, ...]) -> None:
    network, x, y = problem(architecture, shape)
    assert len(write_clipped(network, x[:0], y[:0], LOSSES, 1.0)) == 0
    assert not written(network).any()
    assert len(written(network)) == sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_walking_gives_what_the_network_gives(dropout: float, training: bool) -> None:  # noqa: FBT001
    architecture = MLP(hidden=(8,), dropout=dropout)
    network, x, _ = problem(architecture, (5,))
    network.train(training)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        wanted = network(x)
        torch.manual_seed(0)
        logits, taps = walk(network, x)
    torch.testing.assert_close(logits, wanted)
    assert len(taps) == 2


def test_dropout_between_lstm_layers_works_as_in_torch_on_average() -> None:
    network, x, _ = problem(LSTM(hidden=4, layers=2, dropout=0.5), (3, 4), rows=1)
    x = x.repeat(4000, 1, 1)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        wanted, found = network(x), walk(network, x)[0].detach()
    assert float(found.mean()) == pytest.approx(float(wanted.mean()), abs=0.02)
    assert float(found.std()) == pytest.approx(float(wanted.std()), rel=0.1)


@pytest.mark.parametrize(
    "layer", [nn.BatchNorm1d(5), nn.BatchNorm1d(5, affine=False), nn.Bilinear(5, 5, 5)], ids=str
)
def test_a_layer_that_mixes_rows_or_is_not_known_is_refused(layer: nn.Module) -> None:
    network = nn.Sequential(layer, nn.Linear(5, 1))
    with pytest.raises(TrainingError, match=f"layer of type {type(layer).__name__}"):
        write_clipped(network, torch.zeros(4, 5), torch.zeros(4), LOSSES, 1.0)


def test_a_layer_that_mixes_rows_is_refused_with_the_one_to_take() -> None:
    network = nn.Sequential(nn.BatchNorm1d(5), nn.Linear(5, 1))
    with pytest.raises(TrainingError, match=r"mixes the rows of a batch; take nn\.LayerNorm"):
        write_clipped(network, torch.zeros(4, 5), torch.zeros(4), LOSSES, 1.0)


@pytest.mark.parametrize(
    "wrong",
    [{"bidirectional": True}, {"bias": False}, {"batch_first": False}, {"proj_size": 2}],
    ids=str,
)
def test_an_lstm_of_another_kind_is_refused(wrong: dict[str, Any]) -> None:
    """The forward pass of a bidirectional one would go through, and clip another network."""
    lstm = nn.LSTM(3, 4, **{"batch_first": True, **wrong})
    network = nn.Sequential(lstm, LastState(), nn.Linear(2 if "proj_size" in wrong else 4, 1))
    with pytest.raises(TrainingError, match="only for a plain LSTM"):
        write_clipped(network, torch.zeros(2, 2, 3), torch.zeros(2), LOSSES, 1.0)


def test_a_linear_layer_without_bias_is_refused() -> None:
    network = nn.Sequential(nn.Linear(5, 1, bias=False))
    with pytest.raises(TrainingError, match="bias=False"):
        write_clipped(network, torch.zeros(4, 5), torch.zeros(4), LOSSES, 1.0)


def test_layers_that_share_weights_or_learn_in_part_are_refused() -> None:
    layer = nn.Linear(5, 5)
    shared = nn.Sequential(layer, nn.ReLU(), layer)
    with pytest.raises(TrainingError, match="share weights"):
        write_clipped(shared, torch.zeros(4, 5), torch.zeros(4), LOSSES, 1.0)
    layer.bias.requires_grad = False
    with pytest.raises(TrainingError, match="Linear that is frozen in part"):
        write_clipped(nn.Sequential(layer), torch.zeros(4, 5), torch.zeros(4), LOSSES, 1.0)


def test_a_subclass_of_a_known_layer_is_refused() -> None:
    class Other(nn.Linear):
        pass

    with pytest.raises(TrainingError, match="layer of type Other"):
        write_clipped(nn.Sequential(Other(5, 1)), torch.zeros(4, 5), torch.zeros(4), LOSSES, 1.0)


def test_a_linear_layer_over_steps_is_refused() -> None:
    with pytest.raises(TrainingError, match="linear inputs"):
        write_clipped(
            nn.Sequential(nn.Linear(5, 1)), torch.zeros(4, 3, 5), torch.zeros(4), LOSSES, 1.0
        )
