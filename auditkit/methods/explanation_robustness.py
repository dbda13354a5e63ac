"""Do attributions stay under small noise, do they change with the model, and how many matter?"""

from __future__ import annotations

import numpy as np

from auditkit.methods.estimates import Estimate
from auditkit.methods.explanation_crossed import crossed_mean
from auditkit.methods.explanation_reasons import Mask
from auditkit.methods.intervals import bounded_mean
from auditkit.methods.shapley_game import Floats
from auditkit.methods.shapley_noise import ROUNDING

#: Why there is no number.
NOTHING = "no feature moved the score of any of these rows"
#: Share of the absolute attributions that the strongest features are to hold.
MOST = 0.8


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


def complexity(
    values: Floats, there: Mask, scale: float = 1.0, level: float = 0.95
) -> tuple[Estimate, Estimate, Estimate]:
    """Estimate how many features an explanation needs.

    Args:
        values: Shape (m, g): attributions.
        there: Shape (m, g): whether a row has the feature.
        scale: A usual size of the score; rows whose attributions are all rounding are left out.
        level: Two-sided confidence level, in (0, 1).

    Returns:
        Means over rows of the number of features that hold 80 % of the absolute attributions, of
        their Gini coefficient, and of their entropy in nats.

    Source:
        Entropy: Bhatt, Weller and Moura (2020), IJCAI. Gini: Chalasani et al. (2020), ICML; Hurley
        and Rickard (2009), IEEE Trans. Inf. Theory 55:4723.

    Example:
        >>> found = complexity(np.array([[0.5, -0.5, 0.0, 0.0]]), np.ones((1, 4), bool))
        >>> [round(one.value, 4) for one in found]
        [2.0, 0.5, 0.6931]
    """
    size = np.where(there, np.abs(values), 0.0)
    kept = size.sum(axis=1) > ROUNDING * scale
    if not kept.any():
        return (Estimate.undefined(NOTHING),) * 3
    most = int(there[kept].sum(axis=1).max())
    shares = np.sort(size[kept] / size[kept].sum(axis=1)[:, None], axis=1)[:, ::-1]
    if most < 2:
        whole = Estimate(1.0, None, "one feature has everything by construction")
        return (whole, *(Estimate.undefined("no row has two features"),) * 2)
    # Summed to 0.8, rounding must not ask for one more feature.
    counts = (np.cumsum(shares, axis=1) < MOST - 1e-9).sum(axis=1) + 1.0
    players = there[kept].sum(axis=1)
    place = np.arange(shares.shape[1]) + 0.5  # from the largest on
    gini = 1 - 2 * (shares * place).sum(axis=1) / players
    entropy = -(shares * np.log(np.where(shares > 0, shares, 1.0))).sum(axis=1)
    return (
        bounded_mean(counts, level, 1.0, float(most)),
        bounded_mean(np.clip(gini, 0.0, 1.0), level),
        bounded_mean(np.clip(entropy, 0.0, np.log(most)), level, 0.0, float(np.log(most))),
    )
