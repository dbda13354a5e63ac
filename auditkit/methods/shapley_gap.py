"""The difference of two groups' mean outputs, taken apart into what each feature adds to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit.evidence import Interval
from auditkit.methods.estimates import Estimate
from auditkit.methods.intervals import bounded_mean, wilson
from auditkit.methods.shapley import Attribution
from auditkit.methods.shapley_game import Floats
from auditkit.methods.shapley_noise import METHOD, Noise, done, jackknife, without_each


@dataclass(frozen=True, slots=True)
class Gap:
    """The difference of the mean outputs of two groups, taken apart.

    Attributes:
        contributions: One estimate a player; their values sum to `first` minus `second`.
        first: Mean output of the first group.
        second: Mean output of the second group.
        difference: First minus second.
    """

    contributions: list[Estimate]
    first: Estimate
    second: Estimate
    difference: Estimate


def gap(
    found: Attribution,
    first: npt.NDArray[np.bool_],
    second: npt.NDArray[np.bool_],
    level: float = 0.95,
    bound: float = 1.0,
) -> Gap | None:
    """Take the difference of two groups' mean outputs apart into the players.

    The base value cancels, so that the difference of the mean outputs is exactly the sum over
    players of the difference of their mean values. It describes the model, not a cause.

    Args:
        found: Shapley values.
        first: Shape (m,): the rows of the first group.
        second: Shape (m,): the rows of the second group.
        level: Two-sided confidence level, in (0, 1).
        bound: As in `importance`; outputs lie in [0, bound].

    Returns:
        The parts, or None where a group has fewer than two explained rows or the background fewer
        than two.

    Source:
        Additivity of Shapley values, averaged over each group; Welch's t for each part.

    Example:
        >>> from auditkit.methods.shapley import shapley
        >>> rows = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
        >>> found = shapley(lambda z: z @ [0.5, 0.25], rows, rows, [np.array([0]), np.array([1])],
        ...                 rng=np.random.default_rng(0))
        >>> parts = gap(found, rows[:, 0] == 1, rows[:, 0] == 0)
        >>> [round(part.value, 6) for part in parts.contributions], parts.difference.value
        ([0.5, 0.0], 0.5)
    """
    values, blocks = done(found), found.block_values[: found.reached]
    a, b = first[: found.reached], second[: found.reached]
    if a.sum() < 2 or b.sum() < 2 or blocks.shape[1] < 2:
        return None
    mean = values[a].mean(axis=0) - values[b].mean(axis=0)
    left_out = without_each(found)
    over_background = jackknife(left_out[a].mean(axis=0) - left_out[b].mean(axis=0))
    arm = Noise.of(
        (values[a].var(axis=0, ddof=1) / a.sum(), int(a.sum()) - 1),
        (values[b].var(axis=0, ddof=1) / b.sum(), int(b.sum()) - 1),
        (over_background, blocks.shape[1] - 1),
    ).arm(level)
    unseen = bound * float(wilson(0, a.sum(), level)[1] + wilson(0, b.sum(), level)[1])
    method = METHOD.format(blocks=blocks.shape[1])
    outputs = found.outputs[: found.reached]
    return Gap(
        [
            _around(float(value), float(half), unseen, bound, level, method)
            for value, half in zip(mean, arm, strict=True)
        ],
        bounded_mean(outputs[a], level, high=bound),
        bounded_mean(outputs[b], level, high=bound),
        _difference(outputs[a], outputs[b], unseen, bound, level),
    )


def _difference(
    first: Floats, second: Floats, unseen: float, bound: float, level: float
) -> Estimate:
    arm = Noise.of(
        (np.asarray(first.var(ddof=1) / len(first)), len(first) - 1),
        (np.asarray(second.var(ddof=1) / len(second)), len(second) - 1),
    ).arm(level)
    value = float(first.mean() - second.mean())
    return _around(value, float(arm), unseen, bound, level, "Welch's t")


def _around(
    value: float, arm: float, unseen: float, bound: float, level: float, method: str
) -> Estimate:
    if arm == 0:
        arm, method = unseen, "Wilson bounds of what no row showed"
    low, high = max(-bound, value - arm), min(bound, value + arm)
    return Estimate(value, Interval(low, high, level, method))
