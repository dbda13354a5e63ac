"""Shapley values of a torch network behind an encoder: what a user calls."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
from scipy import special

from auditkit.errors import InputError, Problem, quote
from auditkit.methods.flops import count_flops
from auditkit.methods.shapley import Attribution, shapley
from auditkit.methods.shapley_game import Batched, Rows, one_thread
from auditkit.methods.shapley_plan import Estimator

if TYPE_CHECKING:
    import torch

Output = Literal["probability", "logit"]

#: Operations that one evaluation costs beside its matrix products: copying, activations, calls.
OVERHEAD = 6_000
#: Work that is spent on exactness where no budget is given; unit: floating-point operations.
AFFORDABLE_WORK = 600_000_000_000
#: How far the shortcut through the first layer may lie from the model itself.
_TOLERANCE = 1e-5


class EncodedModel(Protocol):
    """What is asked of a model; `auditkit.models.NetworkModel` has it."""

    @property
    def network(self) -> Any:  # noqa: ANN401 - torch is imported where it is used
        """The network, in evaluation mode: encoded rows to logits (n,)."""
        ...

    @property
    def players(self) -> dict[str, npt.NDArray[np.int64]]:
        """Positions of each raw feature in a flattened encoded row."""
        ...

    def encode(self, rows: Any) -> npt.NDArray[np.float32]:  # noqa: ANN401 - a data frame
        """Encode raw rows: shape (n, ...)."""
        ...

    def scores_of(self, encoded: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Score encoded rows: probabilities (n,)."""
        ...


@dataclass(frozen=True, slots=True)
class Inside:
    """A model as functions of flattened encoded rows.

    Attributes:
        function: Flattened encoded rows (n, p) to the output (n,).
        first_layer: Weight and bias of the linear layer that it starts with, or None.
        rest: The function from that layer's output on, or None.
        flops: Floating-point operations of one evaluation, without the first layer if it is known.
    """

    function: Batched
    first_layer: tuple[Rows, Rows] | None
    rest: Batched | None
    flops: int

    def evaluations(self, work: int) -> int:
        """Evaluations that an amount of work allows; unit of work: floating-point operations."""
        return work // (self.flops + OVERHEAD)


def shapley_values(
    model: EncodedModel,
    rows: Any,  # noqa: ANN401 - a data frame, which this module does not import
    background: Any,  # noqa: ANN401 - likewise
    *,
    groups: Mapping[str, Sequence[str]] | None = None,
    output: Output = "probability",
    estimator: Estimator = "auto",
    budget: int | None = None,
    seed: int = 0,
) -> Attribution:
    """Compute interventional Shapley values of a model's output, with standard errors.

    A raw feature is one player, however many encoded columns it has. The values of a row and the
    base value add up to the model's output for that row.

    Args:
        model: A torch network behind an encoder.
        rows: Raw rows to explain.
        background: Raw rows that stand for "not known"; 100 to 400 of the training rows. Their
            draw is the greatest source of error, and the standard errors contain it.
        groups: Name of each player to the raw features that it holds, each feature once. None
            makes every raw feature a player.
        output: What is explained: the probability of the positive class, or its logit.
        estimator: "exact", "sampled", or "auto": exact where it is affordable.
        budget: Most evaluations of the model; None means as many as it takes.
        seed: Seed of the orders of the players.

    Returns:
        The values; the players stand in the order of `groups`, or of `model.players`.

    Raises:
        InputError: If the groups leave a feature out, hold one twice, or name an unknown one.
        ValueError: As `shapley`.

    Source:
        See `auditkit.methods.shapley.shapley`.

    Example:
        >>> import pandas as pd, torch
        >>> class Sum:
        ...     network = torch.nn.Linear(2, 1).eval()
        ...     players = {"a": np.array([0]), "b": np.array([1])}
        ...     def encode(self, rows): return rows.to_numpy(np.float32)
        ...     def scores_of(self, encoded): return encoded.sum(axis=1) / 4.0
        >>> found = shapley_values(Sum(), pd.DataFrame({"a": [2], "b": [1]}),
        ...                        pd.DataFrame({"a": [0, 0], "b": [0, 1]}))
        >>> found.values, found.base_value
        (array([[0.5  , 0.125]]), 0.125)
    """
    players = grouped(model.players, groups)
    encoded, others = model.encode(rows), model.encode(background)
    inside = look_inside(model, encoded, others, output)
    return shapley(
        inside.function,
        encoded.reshape(len(encoded), -1),
        others.reshape(len(others), -1),
        list(players.values()),
        rng=np.random.default_rng(seed),
        first_layer=inside.first_layer,
        rest=inside.rest,
        estimator=estimator,
        budget=budget,
        affordable=inside.evaluations(AFFORDABLE_WORK),
    )


def grouped(
    players: Mapping[str, npt.NDArray[np.int64]], groups: Mapping[str, Sequence[str]] | None
) -> dict[str, npt.NDArray[np.int64]]:
    """Join raw features to larger players.

    Args:
        players: Positions of each raw feature.
        groups: Name of each larger player to its raw features, or None for one player a feature.

    Returns:
        Positions of each player.

    Raises:
        InputError: If a feature is unknown, left out or held twice; every one is listed.

    Example:
        >>> grouped({"a": np.array([0]), "b": np.array([1])}, {"both": ["a", "b"]})
        {'both': array([0, 1])}
    """
    if groups is None:
        return dict(players)
    held = [feature for features in groups.values() for feature in features]
    problems = [
        Problem.unknown("groups", feature, players, "a feature of the model")
        for feature in dict.fromkeys(held)
        if feature not in players
    ]
    for feature in players:
        if held.count(feature) != 1:
            found = f"{quote(feature)} in {held.count(feature)} groups"
            problems.append(Problem("groups", found, "each feature in exactly one group"))
    problems += [
        Problem("groups", f"{quote(name)} without features", "at least one feature")
        for name, features in groups.items()
        if not features
    ]
    if problems:
        raise InputError(problems)
    return {
        name: np.concatenate([players[feature] for feature in features])
        for name, features in groups.items()
    }


def look_inside(model: EncodedModel, rows: Rows, background: Rows, output: Output) -> Inside:
    """Turn a model into functions of flattened encoded rows, in the quickest form that is right.

    The shortcut through a linear first layer is taken only where it gives the model's own outputs
    on rows, on background rows and on mixtures of the two.

    Args:
        model: The model.
        rows: Shape (m, ...): encoded rows.
        background: Shape (b, ...): encoded background rows.
        output: What is explained.

    Returns:
        The functions.

    Raises:
        ValueError: If the network is in training mode, where dropout is on.
    """
    network, shape = model.network, tuple(rows.shape[1:])
    if any(module.training for module in network.modules()):
        raise ValueError("the network is in training mode (dropout is on); call its eval() first")
    function: Batched = model.scores_of if output == "probability" else _Logits(network, shape)
    example = np.array(background[:1], dtype=np.float32)
    with one_thread():
        found = _first_linear(network) if len(shape) == 1 else None
        if found is not None:
            layer, remainder = found
            rest = _Logits(remainder, layer[1].shape, probability=output == "probability")
            if _agree(function, layer, rest, _probes(rows, background)):
                hidden = example @ layer[0].T + layer[1]
                return Inside(
                    function, layer, rest, count_flops(remainder, hidden).flops_per_sample
                )
        return Inside(function, None, None, count_flops(network, example).flops_per_sample)


@dataclass(frozen=True, slots=True)
class _Logits:
    """A network as a function of flattened rows, its output turned into a probability if asked."""

    network: torch.nn.Module
    shape: tuple[int, ...]
    probability: bool = False

    def __call__(self, rows: Rows) -> npt.NDArray[np.float64]:
        import torch

        with torch.inference_mode():
            logits = self.network(torch.from_numpy(rows).reshape(-1, *self.shape)).numpy()
        outputs: npt.NDArray[np.float64] = logits.astype(np.float64)
        return special.expit(outputs) if self.probability else outputs


def _first_linear(network: torch.nn.Module) -> tuple[tuple[Rows, Rows], torch.nn.Module] | None:
    """Find the first linear layer, and copy the network with nothing in its place."""
    import torch

    for name, module in network.named_modules():
        # A subclass may compute something else.
        if type(module) is torch.nn.Linear:
            weight = module.weight.detach().numpy().astype(np.float32)
            bias = np.zeros(len(weight), dtype=np.float32)
            if module.bias is not None:
                bias = module.bias.detach().numpy().astype(np.float32)
            if not name:
                return (weight, bias), torch.nn.Identity()
            remainder = copy.deepcopy(network)
            remainder.set_submodule(name, torch.nn.Identity())
            return (weight, bias), remainder
    return None


def _probes(rows: Rows, background: Rows) -> Rows:
    """A few rows, background rows and mixtures."""
    few = min(len(rows), len(background), 32)
    a, b = rows[:few], background[:few]
    odd = np.arange(rows.shape[1]) % 2 == 1
    return np.concatenate([a, background[:32], np.where(odd, a, b), np.where(odd, b, a)])


def _agree(function: Batched, layer: tuple[Rows, Rows], rest: Batched, probes: Rows) -> bool:
    weight, bias = layer
    if weight.shape[1] != probes.shape[1]:
        return False
    try:
        short = np.ravel(rest(probes @ weight.T + bias))
    except (AttributeError, RuntimeError, ValueError):
        # The network uses its first layer in another way than by calling it on its input.
        return False
    whole = np.ravel(function(probes))
    return short.shape == whole.shape and bool(
        np.allclose(short, whole, rtol=_TOLERANCE, atol=_TOLERANCE)
    )
