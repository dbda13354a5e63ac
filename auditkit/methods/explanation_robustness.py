"""Do attributions stay under small noise, and do they change with the model?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from auditkit.methods.estimates import Estimate
from auditkit.methods.explanation_crossed import crossed_mean
from auditkit.methods.explanation_reasons import Mask
from auditkit.methods.means import mean
from auditkit.methods.shapley_game import Floats

#: Why there is no number.
NOTHING = "no feature moved the score of any of these rows"


@dataclass(frozen=True, slots=True, eq=False)
class Shaken:
    """Attributions of some rows, and those under noise.

    Attributes:
        values: Shape (m, g).
        noisy: Shape (d, m, g), or why there are none.
    """

    values: Floats
    noisy: Floats | str


@dataclass(frozen=True, slots=True)
class Robustness:
    """What noise and randomised networks do to attributions.

    Attributes:
        change: Largest relative change under noise, mean over rows.
        percentile: Share of randomised networks whose attributions change by less.
        alike: Rank correlation with the attributions of randomised networks.
        rows: Rows that this rests on, the first ones.
    """

    change: Estimate
    percentile: Estimate
    alike: Estimate
    rows: int


def robustness(
    own: Shaken, drawn: Sequence[Shaken | str], there: Mask, level: float = 0.95
) -> Robustness:
    """Hold attributions against those under noise and those of networks that learnt nothing.

    Args:
        own: Those of the trained model.
        drawn: Those of each randomised network of the same rows, of all or of the first ones; or
            why there are none.
        there: Shape (m, g): whether a row has the feature.
        level: Two-sided confidence level, in (0, 1).

    Returns:
        The three numbers.
    """
    why = next((one for one in drawn if isinstance(one, str)), "")
    others = [one for one in drawn if isinstance(one, Shaken)]
    # A text may be out of reach of one network's share of the budget and not of another's.
    m = min(len(one.values) for one in [own, *others])
    alike = Estimate.undefined(why)
    if not why:
        values = np.stack([one.values[:m] for one in others])
        alike = mean_rank_correlation(own.values[:m], values, there[:m], level)
    return Robustness(*_sensitive(own, others, m, why, level), alike, m)


def _sensitive(
    own: Shaken, others: Sequence[Shaken], m: int, why: str, level: float
) -> tuple[Estimate, Estimate]:
    trained = _change(own, m)
    if isinstance(trained, str):
        return Estimate.undefined(trained), Estimate.undefined(trained)
    known = np.isfinite(trained)
    if not known.any():
        return Estimate.undefined(NOTHING), Estimate.undefined(NOTHING)
    change = mean(trained[known], level, 0.0)
    changes = [_change(one, m) for one in others]
    why = next((one for one in changes if isinstance(one, str)), why)
    if why:
        return change, Estimate.undefined(why)
    networks = np.stack([one for one in changes if not isinstance(one, str)], axis=1)
    return change, sensitivity_percentile(trained, networks, level)


def _change(one: Shaken, m: int) -> Floats | str:
    if isinstance(one.noisy, str):
        return one.noisy
    return relative_change(one.values[:m], one.noisy[:, :m])


def relative_change(values: Floats, noisy: Floats) -> Floats:
    """Find the largest relative change of each row's attributions.

    Args:
        values: Shape (m, g): attributions.
        noisy: Shape (d, m, g): those of the same rows under d draws of noise.

    Returns:
        Shape (m,): largest length of the difference by the length of `values`; NaN where that is 0.

    Source:
        Max-sensitivity: Yeh et al. (2019), NeurIPS, definition 3.1, by the norm of the attribution
        as captum has it.

    Example:
        >>> relative_change(np.array([[3.0, 4.0]]), np.array([[[3.0, 4.5]], [[4.0, 4.0]]]))
        array([0.2])
    """
    length = np.linalg.norm(values, axis=1)
    moved = np.linalg.norm(noisy - values, axis=2).max(axis=0, initial=0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(length > 0, moved / length, np.nan)


def sensitivity_percentile(trained: Floats, networks: Floats, level: float = 0.95) -> Estimate:
    """Estimate how often a randomised network's attributions of a row change by less.

    Args:
        trained: Shape (m,): relative change with the trained network.
        networks: Shape (m, j): with each of j randomised ones.
        level: Two-sided confidence level, in (0, 1).

    Returns:
        The share of pairs of a row and a network, ties counted one half.

    Example:
        >>> sensitivity_percentile(np.array([0.2]), np.array([[0.1, 0.3]])).value
        0.5
    """
    known = np.isfinite(trained) & np.isfinite(networks).all(axis=1)
    one = trained[known, None]
    less = (networks[known] < one) + (networks[known] == one) / 2
    return crossed_mean(np.asarray(less, dtype=np.float64), "networks", level, 0.0, 1.0)


def mean_rank_correlation(
    values: Floats, networks: Floats, there: Mask, level: float = 0.95
) -> Estimate:
    """Estimate the rank correlation of attributions with those of randomised networks.

    Args:
        values: Shape (m, g): attributions of the trained network.
        networks: Shape (j, m, g): of each of j randomised ones.
        there: Shape (m, g): whether a row has the feature.
        level: Two-sided confidence level, in (0, 1).

    Returns:
        The mean over rows and networks; undefined where no row has two different attributions.

    Source:
        Model parameter randomisation: Adebayo et al. (2018), NeurIPS; all weights drawn anew at
        once. Signed attributions, so that 0 is what two unrelated networks give.
    """
    found = np.stack([rank_correlations(values, one, there) for one in networks], axis=1)
    known = np.isfinite(found).all(axis=1)
    if not known.any():
        return Estimate.undefined("no row has two features with different attributions")
    return crossed_mean(found[known], "networks", level, -1.0, 1.0)


def rank_correlations(one: Floats, other: Floats, there: Mask) -> Floats:
    """Spearman's rank correlation of two attributions of each row.

    Args:
        one: Shape (m, g).
        other: Shape (m, g).
        there: Shape (m, g): whether a row has the feature.

    Returns:
        Shape (m,): NaN where a side has one value only.

    Example:
        >>> rank_correlations(np.array([[1.0, 2.0, 3.0]]), np.array([[1.0, 3.0, 2.0]]),
        ...                   np.ones((1, 3), bool))
        array([0.5])
    """
    ranks = [np.where(there, _ranks(side, there), 0.0) for side in (one, other)]
    count = np.maximum(there.sum(axis=1), 1)[:, None]
    a, b = (np.where(there, side - side.sum(axis=1)[:, None] / count, 0.0) for side in ranks)
    length = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(length > 0, (a * b).sum(axis=1) / length, np.nan)


def _ranks(values: Floats, there: Mask) -> Floats:
    """Ranks within each row, ties at their mean: what is below and half of what is equal."""
    below = (values[:, None, :] < values[:, :, None]) & there[:, None, :]
    equal = (values[:, None, :] == values[:, :, None]) & there[:, None, :]
    return np.asarray(below.sum(axis=2) + equal.sum(axis=2) / 2)
