"""A torch network behind an encoder as a game: its players, and the quickest way to ask it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
from scipy import special

from auditkit.errors import InputError, Problem, quote
from auditkit.methods.flops import count_flops
from auditkit.methods.shapley_game import Batched, Floats, Rows, one_thread
from auditkit.methods.shapley_output import Output, Reading
from auditkit.methods.shared_prefixes import SharedPrefixes

if TYPE_CHECKING:
    import torch

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
        """The network, in evaluation mode: encoded rows to logits (n,) or (n, k)."""
        ...

    @property
    def players(self) -> dict[str, npt.NDArray[np.int64]]:
        """Positions of each raw feature in a flattened encoded row."""
        ...

    def encode(self, rows: Any) -> npt.NDArray[np.float32]:  # noqa: ANN401 - a data frame
        """Encode raw rows: shape (n, ...)."""
        ...

    def scores_of(self, encoded: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Score encoded rows: probabilities (n,) or (n, k), or numbers (n,)."""
        ...


@dataclass(frozen=True, slots=True)
class Inside:
    """A model as functions of flattened encoded rows.

    Attributes:
        function: Flattened encoded rows (n, p) to the output (n,), or to k outputs (n, k).
        first_layer: Weight and bias of the linear layer that it starts with, or None.
        rest: The function from that layer's output on, or None.
        flops: Floating-point operations of one evaluation, without the first layer if it is known.
        width: Outputs of a row.
    """

    function: Batched
    first_layer: tuple[Rows, Rows] | None
    rest: Batched | None
    flops: int
    width: int = 1

    def evaluations(self, work: int) -> int:
        """Evaluations that an amount of work allows; unit of work: floating-point operations."""
        return work // (self.flops + OVERHEAD)


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


def look_inside(
    model: EncodedModel, rows: Rows, background: Rows, output: Output, threshold: float = 0.5
) -> Inside:
    """Turn a model into functions of flattened encoded rows, in the quickest form that is right.

    The shortcut through a linear first layer is taken only where it gives the model's own outputs
    on rows, on background rows and on mixtures of the two.

    Args:
        model: The model.
        rows: Shape (m, ...): encoded rows.
        background: Shape (b, ...): encoded background rows.
        output: What is explained.
        threshold: Score from which on a binary model decides for the positive class.

    Returns:
        The functions.

    Raises:
        ValueError: If the network is in training mode, where dropout is on, or there is no such
            output.
    """
    network, shape = model.network, tuple(rows.shape[1:])
    if any(module.training for module in network.modules()):
        raise ValueError("the network is in training mode (dropout is on); call its eval() first")
    read = Reading(output, threshold, regression=getattr(model, "task", None) == "regression")
    example = np.array(background[:1], dtype=np.float32)
    width = read.width(_width(model.scores_of(example)))
    plain = output == "logit" and width == 1
    function: Batched = _Network(network, shape) if plain else _Scores(model, read)
    with one_thread():
        flops = count_flops(network, example).flops_per_sample
        whole = Inside(function, None, None, flops, width)
        return _shortened(whole, model, _probes(rows, background), read)


def _shortened(inside: Inside, model: EncodedModel, probes: Rows, read: Reading) -> Inside:
    """Take a shortcut through a network over flat rows, if there is one."""
    found = _first_linear(model.network) if probes.ndim == 2 else None
    if found is not None and found[0][0].shape[1] == probes.shape[1]:
        (weight, bias), remainder = found
        inputs = probes @ weight.T + bias
        rest = _quick(model, remainder, inputs, probes, read)
        if rest is not None:
            flops = count_flops(remainder, inputs[:1]).flops_per_sample
            return Inside(inside.function, found[0], rest, flops, inside.width)
    shared = SharedPrefixes.of(model.network) if probes.ndim == 2 else None
    quick = None if shared is None else _quick(model, shared, probes, probes, read)
    return inside if quick is None else replace(inside, function=quick)


def _width(scores: Floats) -> int:
    """Numbers that a model gives for a row."""
    if np.ndim(scores) > 2:
        raise ValueError(f"the model gives one or k numbers a row; got shape {np.shape(scores)}")
    return scores.shape[1] if scores.ndim == 2 else 1


@dataclass(frozen=True, slots=True)
class _Scores:
    """What is explained of the scores that a model gives for flattened rows."""

    model: EncodedModel
    read: Reading

    def __call__(self, rows: Rows) -> Floats:
        return self.read(self.model.scores_of(rows))


@dataclass(frozen=True, slots=True)
class _Ending:
    """From the numbers of a network to what is explained of the scores.

    Attributes:
        read: What is explained.
        slope: Scores of a regression are its numbers times this,
        offset: plus this.
    """

    read: Reading
    slope: float = 1.0
    offset: float = 0.0

    def fitted(self, given: Floats, scores: Floats) -> _Ending:
        """Learn how scores of a regression follow from standardised numbers, shape (n,) each."""
        spread = given - given.mean()
        slope = float(spread @ scores / max(float(spread @ spread), np.finfo(float).tiny))
        return replace(self, slope=slope, offset=float(scores.mean() - slope * given.mean()))

    def __call__(self, given: Floats) -> Floats:
        if self.read.regression:
            return self.slope * given + self.offset
        if given.ndim == 2:
            return self.read(special.softmax(given, axis=1))
        return given if self.read.output == "logit" else self.read(special.expit(given))


@dataclass(frozen=True, slots=True)
class _Network:
    """A network as a function of flattened rows."""

    network: Callable[[torch.Tensor], torch.Tensor]
    shape: tuple[int, ...]
    ending: _Ending | None = None

    def __call__(self, rows: Rows) -> Floats:
        import torch

        with torch.inference_mode():
            logits = self.network(torch.from_numpy(rows).reshape(-1, *self.shape)).numpy()
        given: Floats = logits.astype(np.float64)
        if given.ndim == 2 and given.shape[1] == 1:
            given = given[:, 0]
        return given if self.ending is None else self.ending(given)


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
    few = min(len(rows), 32)
    a, b = rows[:few], np.resize(background, (few, *background.shape[1:]))
    mixed, other = a.copy(), b.copy()
    mixed[:, ::2], other[:, ::2] = b[:, ::2], a[:, ::2]
    return np.concatenate([a, background[:32], mixed, other])


def _quick(
    model: EncodedModel,
    remainder: Callable[[torch.Tensor], torch.Tensor],
    inputs: Rows,
    probes: Rows,
    read: Reading,
) -> _Network | None:
    """Find how the model's scores follow from a quicker network, or None if they do not.

    Args:
        model: The model.
        remainder: The network, or what is left of it.
        inputs: What it is given for
        probes: these encoded rows.
        read: What is explained.
    """
    quick = _Network(remainder, inputs.shape[1:])
    try:
        given = quick(inputs)
        ending = _Ending(replace(read, output="probability"))
        scores = np.asarray(model.scores_of(probes), dtype=np.float64).reshape(given.shape)
        if read.regression and given.ndim == 1:
            ending = ending.fitted(given, scores)
        short = ending(given)
    except (AttributeError, IndexError, RuntimeError, ValueError):
        # The network uses its layers in another way than one after the other.
        return None
    apart = _TOLERANCE * max(1.0, float(np.abs(scores).max()))
    same = np.allclose(short, scores, rtol=_TOLERANCE, atol=apart)
    return replace(quick, ending=replace(ending, read=read)) if same else None
