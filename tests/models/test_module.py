"""Torch modules given in Python: scores, and what audits that look inside need."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest
import torch

from auditkit import shapley_values
from auditkit.errors import InputError, ModelError
from auditkit.models import Model, NetworkModel
from auditkit.models.inputs import matrix
from auditkit.models.module import ModuleModel, load_state

ROWS = pd.DataFrame({"a": [1.0, -2.0, 0.5, 3.0], "b": [0, 1, 2, 3], "s": ["F", "M", "F", "M"]})


def encode(rows: pd.DataFrame) -> np.ndarray:
    """a, b, and the two columns of s."""
    sexes = np.stack([rows["s"] == "F", rows["s"] == "M"], axis=1)
    return np.concatenate([matrix(rows, ["a", "b"]), sexes.astype(np.float32)], axis=1)


PLAYERS = {"a": [0], "b": [1], "s": [2, 3]}


def network(width: int = 1, *after: torch.nn.Module) -> torch.nn.Module:
    generator = torch.Generator().manual_seed(width)
    made = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.ReLU(), torch.nn.Linear(5, width))
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, generator=generator)
    return torch.nn.Sequential(made, *after)


def output(made: torch.nn.Module) -> np.ndarray:
    with torch.inference_mode():
        return np.asarray(made(torch.from_numpy(encode(ROWS))).double().numpy())


def test_without_players_it_is_a_model_and_with_them_a_network_model() -> None:
    assert isinstance(ModuleModel(network(), encode), Model)
    assert not isinstance(ModuleModel(network(), encode), NetworkModel)
    assert isinstance(ModuleModel(network(), encode, players=PLAYERS), NetworkModel)


@pytest.mark.parametrize(
    ("made", "kind"),
    [
        (network(1), "logit"),
        (network(1, torch.nn.Flatten(0)), "logit"),
        (network(1, torch.nn.Sigmoid()), "probability"),
        (network(2), "logit"),
        (network(2, torch.nn.Softmax(1)), "probability"),
    ],
)
def test_scores_and_logits_agree_whatever_the_network_gives(
    made: torch.nn.Module, kind: Literal["logit", "probability"]
) -> None:
    given = output(made)
    if given.ndim == 2 and given.shape[1] == 2:
        powers = np.exp(given) if kind == "logit" else given
        expected = powers[:, 1] / powers.sum(axis=1)
    else:
        given = given.ravel()
        expected = 1 / (1 + np.exp(-given)) if kind == "logit" else given
    model = ModuleModel(made, encode, output=kind, players=PLAYERS)
    np.testing.assert_allclose(model.scores(ROWS), expected, rtol=1e-6)
    with torch.inference_mode():
        inside = model.network(torch.from_numpy(model.encode(ROWS))).double().numpy()
    assert inside.shape == (4,)
    np.testing.assert_allclose(1 / (1 + np.exp(-inside)), expected, rtol=1e-4)
    negative = ModuleModel(made, encode, output=kind, positive=0, classes=[0, 1], players=PLAYERS)
    np.testing.assert_allclose(negative.scores(ROWS), 1 - expected, rtol=1e-4, atol=1e-9)
    with torch.inference_mode():
        turned = negative.network(torch.from_numpy(negative.encode(ROWS))).double().numpy()
    np.testing.assert_allclose(turned, -inside, rtol=1e-4, atol=1e-6)


def test_many_classes_and_numbers() -> None:
    many = ModuleModel(network(3), encode, task="multiclass", classes=["x", "y", "z"])
    powers = np.exp(output(network(3)))
    expected = powers / powers.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(many.scores(ROWS), expected, rtol=1e-6)
    soft = ModuleModel(
        network(3, torch.nn.Softmax(1)), encode, task="multiclass", classes=["x", "y", "z"],
        output="probability",
    )  # fmt: skip
    with torch.inference_mode():
        inside = torch.softmax(soft.network(torch.from_numpy(soft.encode(ROWS))), 1).numpy()
    np.testing.assert_allclose(inside, expected, rtol=1e-5)
    plain = ModuleModel(network(1), encode, task="regression")
    np.testing.assert_allclose(plain.scores(ROWS), output(network(1))[:, 0], rtol=1e-6)
    with torch.inference_mode():
        assert plain.network(torch.from_numpy(plain.encode(ROWS))).shape == (4,)


def test_dropout_is_off() -> None:
    made = torch.nn.Sequential(network(1), torch.nn.Dropout(0.9)).train()
    model = ModuleModel(made, encode)
    np.testing.assert_array_equal(model.scores(ROWS), model.scores(ROWS))


def test_shapley_values_of_a_module_add_up() -> None:
    model = ModuleModel(network(1), encode, players=PLAYERS)
    found = shapley_values(model, ROWS, ROWS[:2], output="probability")
    scores = model.scores(ROWS)
    total = np.sum(found.values, axis=1)
    np.testing.assert_allclose(total, scores - scores[:2].mean(), atol=1e-6)


def test_a_row_of_several_dimensions_may_come_flattened() -> None:
    made = torch.nn.Sequential(torch.nn.Flatten(), network(1))
    model = ModuleModel(
        made, lambda rows: encode(rows).reshape(-1, 2, 2), players=PLAYERS, shape=(2, 2)
    )
    encoded = model.encode(ROWS)
    assert encoded.shape == (4, 2, 2)
    np.testing.assert_array_equal(model.scores_of(encoded.reshape(4, -1)), model.scores(ROWS))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda rows: encode(rows).astype(np.float64),
        lambda rows: encode(rows)[1:],
        lambda rows: encode(rows)[:, :3],
        lambda _: np.float32(1),
    ],
)
def test_an_encoding_of_another_shape_is_a_model_error(wrong: Any) -> None:
    with pytest.raises(
        ModelError, match=r"the encoding gave .* expected float32 of shape \(4, 4\)"
    ):
        ModuleModel(network(1), wrong, players=PLAYERS).scores(ROWS)


@pytest.mark.parametrize("places", [[[0], [0, 1]], [[0], [2]], [[], []], [[-1], [0]]])
def test_positions_are_each_once(places: Sequence[Sequence[int]]) -> None:
    with pytest.raises(InputError, match="ModuleModel players"):
        ModuleModel(network(1), encode, players={"a": places[0], "b": places[1]})


def test_a_network_that_fails_or_gives_no_tensor_is_a_model_error() -> None:
    with pytest.raises(ModelError, match=r"torch Linear failed on 4 rows: RuntimeError"):
        ModuleModel(torch.nn.Linear(7, 1), encode).scores(ROWS)

    class Pair(torch.nn.Module):
        def forward(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return rows, rows

    with pytest.raises(ModelError, match=r"torch Pair failed on 4 rows"):
        ModuleModel(Pair(), encode).scores(ROWS)


def test_the_digest_changes_with_a_weight() -> None:
    first, again, other = network(1), network(1), network(1)
    with torch.no_grad():
        next(other.parameters())[0, 0] += 1e-3
    digests = [ModuleModel(made, encode).sha256 for made in (first, again, other)]
    assert digests[0] == digests[1] != digests[2]
    half = torch.nn.BatchNorm1d(2, dtype=torch.bfloat16)  # types and shapes that numpy lacks
    assert len(ModuleModel(half, encode).sha256) == 64


def test_a_state_file_fills_a_network(tmp_path: Path) -> None:
    torch.save(network(1).state_dict(), tmp_path / "m.pth")
    empty = network(1)
    torch.nn.init.zeros_(next(empty.parameters()))
    filled = load_state(empty, tmp_path / "m.pth")
    np.testing.assert_array_equal(output(filled), output(network(1)))
    assert not filled.training


class Harm:
    """Runs something when it is unpickled."""

    ran = False

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (_harm, ("x",))


def _harm(_: str) -> None:
    Harm.ran = True


def test_a_state_file_that_would_run_something_is_refused_and_does_not(tmp_path: Path) -> None:
    torch.save({"0.weight": Harm()}, tmp_path / "m.pth")
    with pytest.raises(InputError, match="something that torch does not load as weights alone"):
        load_state(network(1), tmp_path / "m.pth")
    (tmp_path / "old.pth").write_bytes(pickle.dumps(Harm()))
    with pytest.raises(InputError, match="a pickle, which can run any program"):
        load_state(network(1), tmp_path / "old.pth")
    assert not Harm.ran


def test_a_state_file_of_another_network_is_refused(tmp_path: Path) -> None:
    for state, what in (
        (network(2).state_dict(), "weights of another network"),
        ([1, 2], "no state of a network"),
        ({"a": 1}, "no state of a network"),
    ):
        torch.save(state, tmp_path / "m.pth")
        with pytest.raises(InputError, match=what):
            load_state(network(1), tmp_path / "m.pth")
    whole = (tmp_path / "m.pth").read_bytes()
    (tmp_path / "m.pth").write_bytes(whole[:-40])
    with pytest.raises(InputError, match="no whole zip archive"):
        load_state(network(1), tmp_path / "m.pth")
    (tmp_path / "m.pth").write_bytes(b"hello")
    with pytest.raises(InputError, match="no file that torch saves today"):
        load_state(network(1), tmp_path / "m.pth")
