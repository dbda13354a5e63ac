"""How many features does an explanation need?"""

from __future__ import annotations

import numpy as np

from auditkit.methods.estimates import Estimate
from auditkit.methods.explanation_reasons import Reasons
from auditkit.methods.intervals import bounded_mean
from auditkit.methods.shapley_noise import ROUNDING

#: Share of the absolute attributions that the strongest features are to hold.
MOST = 0.8


def complexity(reasons: Reasons, level: float = 0.95) -> tuple[Estimate, Estimate, Estimate]:
    """Estimate how many features an explanation needs.

    Args:
        reasons: The attributions; rows whose attributions are all rounding are left out.
        level: Two-sided confidence level, in (0, 1).

    Returns:
        Means over rows of the number of features that hold 80 % of the absolute attributions, of
        their Gini coefficient, and of their entropy in nats.

    Source:
        Entropy: Bhatt, Weller and Moura (2020), IJCAI. Gini: Chalasani et al. (2020), ICML; Hurley
        and Rickard (2009), IEEE Trans. Inf. Theory 55:4723.
    """
    there = reasons.there
    size = np.where(there, np.abs(reasons.values), 0.0)
    kept = size.sum(axis=1) > ROUNDING * reasons.scale
    if not kept.any():
        return (Estimate.undefined("no feature moved the score of any of these rows"),) * 3
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
