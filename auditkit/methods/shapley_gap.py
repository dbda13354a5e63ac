"""The difference of two groups' mean outputs, taken apart into what each feature adds to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit.evidence import Interval
from auditkit.methods import means
from auditkit.methods.estimates import Estimate
from auditkit.methods.intervals import bounded_mean, wilson
from auditkit.methods.means import NO_SPREAD
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
        bound: As in `importance`; outputs lie in [0, bound], or anywhere
            where it is infinite.

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
    values, blocks = done(found), found.block_values.shape[1]
    a, b = first[: found.reached], second[: found.reached]
    if a.sum() < 2 or b.sum() < 2 or blocks < 2:
        return None
    left_out = without_each(found)
    over_background = jackknife(left_out[a].mean(axis=0) - left_out[b].mean(axis=0))
    outputs = found.outputs[: found.reached]
    one, other = (values[a], outputs[a]), (values[b], outputs[b])
    method = METHOD.format(blocks=blocks)
    return _apart(one, other, level, bound, method, (over_background, blocks - 1))


def gap_of_rows(
    values: Floats,
    outputs: Floats,
    first: npt.NDArray[np.bool_],
    second: npt.NDArray[np.bool_],
    level: float = 0.95,
    bound: float = 1.0,
) -> Gap | None:
    """Take a difference apart where rows share no background: see `gap`.

    Args:
        values: Shape (m, g): the values of the players, which add up to `outputs` but for a number
            that all rows share.
        outputs: Shape (m,).
        first: As in `gap`.
        second: As in `gap`.
        level: As in `gap`.
        bound: As in `gap`.

    Returns:
        The parts, or None where a group has fewer than two rows.

    Example:
        >>> values = np.array([[0.5, 0.0], [0.5, 0.2], [0.1, 0.0], [0.1, 0.2]])
        >>> parts = gap_of_rows(values, values.sum(axis=1), values[:, 0] > 0.3, values[:, 0] < 0.3)
        >>> [round(part.value, 6) for part in parts.contributions]
        [0.4, 0.0]
    """
    if first.sum() < 2 or second.sum() < 2:
        return None
    one, other = (values[first], outputs[first]), (values[second], outputs[second])
    return _apart(one, other, level, bound, "Welch's t")


def _apart(
    one: tuple[Floats, Floats],
    other: tuple[Floats, Floats],
    level: float,
    bound: float,
    method: str,
    *shared: tuple[Floats, int],
) -> Gap:
    """Hold the values and outputs of two groups against each other.

    `shared` are the variances, with degrees of freedom, of what the rows have in common.
    """
    (values, outputs), (others, other_outputs) = one, other
    arm = Noise.of(_of_mean(values), _of_mean(others), *shared).arm(level)
    hidden = sum(float(wilson(0, len(group), level)[1]) for group in (values, others))
    parts = [
        _around(float(value), float(half), hidden * bound, bound, level, method)
        for value, half in zip(values.mean(axis=0) - others.mean(axis=0), arm, strict=True)
    ]
    whole = Noise.of(_of_mean(outputs), _of_mean(other_outputs)).arm(level)
    value = float(outputs.mean() - other_outputs.mean())
    return Gap(
        parts,
        _mean(outputs, level, bound),
        _mean(other_outputs, level, bound),
        _around(value, float(whole), hidden * bound, bound, level, "Welch's t"),
    )


def _of_mean(values: Floats) -> tuple[Floats, int]:
    """Variance of the mean over rows, and its degrees of freedom."""
    return np.asarray(values.var(axis=0, ddof=1) / len(values)), len(values) - 1


def _mean(outputs: Floats, level: float, bound: float) -> Estimate:
    if not np.isfinite(bound):
        return means.mean(outputs, level)
    return bounded_mean(outputs, level, high=bound)


def _around(
    value: float, arm: float, unseen: float, bound: float, level: float, method: str
) -> Estimate:
    if arm == 0 and not np.isfinite(bound):
        return Estimate(value, None, NO_SPREAD)
    if arm == 0:
        arm, method = unseen, "Wilson bounds of what no row showed"
    low, high = max(-bound, value - arm), min(bound, value + arm)
    return Estimate(value, Interval(low, high, level, method))
